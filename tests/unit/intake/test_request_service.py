import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from services.intake.cases.errors import CodeRefused, NotPossibleNow, ReferenceReused, TooManyAttempts
from services.intake.cases.service import ACTS_PER_HOUR
from services.intake.domain import PackageCodeRefused, RequestLodged, request_id
from services.intake.http.packages import (
    MOST_PACKAGE_CODES,
    Download,
    NotSatisfiable,
    Packages,
    RangeRequest,
    etag_of,
)
from services.verifier.domain import ProofSpent
from shared.contract.answer import SUBMISSION, PackageFacts, facts_of
from shared.contract.codes import LIFETIME, TRIES, CodeVerdict
from shared.contract.events import (
    EmailCode,
    MessageLodged,
    Outcome,
    PackageCodeIssued,
    PackageFetched,
    ProofReceived,
    ProofRefused,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contract.sources import ChannelSource, channel_source
from shared.errors import StoreUnavailable, TooEarly, UnknownRequest
from shared.law import Right
from tests.runtime_fakes import MemoryJournal, MemoryVault
from tests.unit.fakes import (
    PERSON,
    REQUEST_KEY,
    SOURCE,
    AbsentBroker,
    Office,
    RacedJournal,
    request,
    wrong,
)

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
FULFILLED = RequestFulfilled(
    answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, package="package"
)
ZIP = b"PK\x03\x04 a package"
FACTS = PackageFacts(size=len(ZIP), sha256=sha256(ZIP).hexdigest()).model_dump_json().encode()


def form(**changes: object) -> RequestSubmitted:
    return RequestSubmitted.model_validate(request(**changes))


async def answered(journal: MemoryJournal | None = None) -> Office:
    """Return an office with an answered request and its package."""
    office = Office(trusted={SOURCE}, journal=journal)
    await office.submit(request())
    office.vault.items[CASE] |= {"package": ZIP, facts_of("package"): FACTS}
    await office.tell(FULFILLED)
    return office


async def read(opened: Download) -> bytes:
    return b"".join([piece async for piece in opened.pieces])


# --- lodging ------------------------------------------------------------------------------------------


async def test_request_by_http_is_registered_when_it_is_answered() -> None:
    office = Office()
    case = await office.requests.lodge(form(), SOURCE)
    assert (await office.requests.case(case)).received == office.the(RequestReceived)


async def test_first_row_of_a_request_by_http_records_how_it_came() -> None:
    office = Office()
    case = await office.requests.lodge(form(), SOURCE)
    row = office.journals["intake"].rows[f"{case}:0"]
    assert [type(fact) for fact in row.facts] == [RequestLodged, RequestReceived]
    assert office.the(RequestLodged).source == SOURCE
    assert RequestLodged.TYPE not in {message.routing_key for message in office.broker.published}


async def test_request_that_comes_twice_leaves_one_row() -> None:
    office = Office()
    assert await office.requests.lodge(form(), SOURCE) == await office.requests.lodge(form(), SOURCE)
    both = await asyncio.gather(*(office.requests.lodge(form(reference="r-2"), SOURCE) for _ in range(2)))
    assert len(set(both)) == 1
    assert len(office.facts(RequestReceived)) == len(office.journals["intake"].rows) == 2


async def test_request_by_http_that_loses_its_row_to_the_bus_is_that_request() -> None:
    journal = RacedJournal()
    office = Office(journal=journal)
    other = Office()
    await other.submit(request())
    journal.rivals = [(other.the(RequestReceived),)]
    assert await office.requests.lodge(form(), SOURCE) == CASE
    assert len(journal.rows) == 1


OTHER_CONTENT: list[dict[str, Any]] = [
    {"right": "erasure"},
    {"subject": {"email": "mallory@example.net"}},
    {"residence": {"country": "FR"}},
    {"locale": "fr"},
    {"details": {"statement": "All of it"}},
    {"child": True},
    {"received_at": "2026-03-01T08:00:00Z"},
]


@pytest.mark.parametrize("change", OTHER_CONTENT)
async def test_same_reference_with_other_content_is_refused_before_and_after_registration(
    change: dict[str, Any],
) -> None:
    office = Office()
    case = await office.requests.lodge(form(), SOURCE)
    for _ in ("lodged", "registered"):
        with pytest.raises(ReferenceReused):
            await office.requests.lodge(form(**change), SOURCE)
        await office.work()
    assert office.the(RequestReceived).right is Right.ACCESS
    assert await office.requests.lodge(form(), SOURCE) == case


async def test_same_content_in_another_form_is_the_same_request() -> None:
    office = Office()
    first = form(received_at="2026-03-01T08:00:00Z", details={})
    again = form(received_at="2026-03-01T09:00:00+01:00")
    assert await office.requests.lodge(first, SOURCE) == await office.requests.lodge(again, SOURCE)


async def test_reference_of_a_purged_request_is_refused() -> None:
    office = Office()
    case = await office.requests.lodge(form(), SOURCE)
    await office.vault.destroy(case)
    with pytest.raises(ReferenceReused):
        await office.requests.lodge(form(), SOURCE)


async def test_repeated_request_leaves_no_proof_behind() -> None:
    office = Office()
    await office.requests.lodge(form(), SOURCE)
    await office.work()
    published = len(office.broker.published)
    claim = {"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}
    case = await office.requests.lodge(form(proofs=[claim]), SOURCE)
    assert not [item for item in office.sealed(case) if item.startswith("proof_")]
    assert len(office.broker.published) == published


async def test_content_that_a_channel_names_itself_is_the_first_of_its_name() -> None:
    office = Office()
    signal = channel_source(ChannelSource.HABEAS, "gpc")
    case = await office.requests.lodge(form(), signal)
    assert await office.requests.lodge(form(locale="fr"), signal) == case


async def test_by_http_or_by_the_bus_the_same_pair_is_the_same_request() -> None:
    office = Office()
    await office.submit(request())
    assert await office.requests.lodge(form(), SOURCE) == office.the(RequestReceived).request_id
    await office.work()
    assert len(office.facts(RequestReceived)) == 1


async def test_request_that_was_sealed_and_not_registered_is_registered_at_the_next_try() -> None:
    office = Office()
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        await office.requests.lodge(form(), SOURCE)
    assert json.loads(office.sealed(CASE)[SUBMISSION])["subject"]["email"] == PERSON["email"]
    with pytest.raises(TooEarly):
        await office.requests.withdraw(CASE)
    await office.requests.lodge(form(), SOURCE)
    assert office.the(RequestReceived).request_id == CASE


@pytest.mark.slow
async def test_row_of_a_request_is_published_once_the_broker_is_back() -> None:
    office = Office()
    away = replace(office.requests, publisher=AbsentBroker())
    await away.lodge(form(), SOURCE)
    await away.withdraw(CASE)
    assert office.events() == []
    with suppress(TimeoutError):
        await asyncio.wait_for(office.requests.outbox.run(), 0.05)
    await office.work()
    assert [type(event) for event in office.events()][:2] == [RequestReceived, RequestWithdrawn]
    assert office.journals["intake"].owed == set()


async def test_unknown_requests_are_not_found() -> None:
    requests = Office().requests
    for act in (
        requests.case("0" * 32),
        requests.prove("0" * 32, [EmailCode(kind="email_code", code="123456")]),
        requests.withdraw("0" * 32),
        Packages(requests).issue_code("0" * 32),
        Packages(requests).open("0" * 32, "123456"),
    ):
        with pytest.raises(UnknownRequest):
            await act


async def test_fault_of_the_vault_is_not_reported_as_missing_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail or a webhook would be dropped: of a missing request it is answered and erased since."""
    requests = Office().requests

    async def broken(*_given: object) -> None:
        raise KeyError("a fault")

    for name in ("seal", "seal_stream"):
        monkeypatch.setattr(MemoryVault, name, broken)
    for act in (requests.keep("0" * 32, "mail", b"m"), requests.keep_large("0" * 32, "mail", b"m")):
        with pytest.raises(KeyError):
            await act


# --- proofs and withdrawals ---------------------------------------------------------------------------


async def test_proof_of_a_waiting_request_registers_it_first() -> None:
    office = Office()
    office.queue.free = 0
    case = await office.requests.lodge(form(), SOURCE)
    assert office.facts(RequestReceived) == []
    await office.requests.prove(case, [EmailCode(kind="email_code", code="123456")])
    assert [type(event) for event in office.events()] == [RequestReceived, ProofReceived]
    assert office.queue.waiting == {}
    await office.work()
    assert office.the(ProofRefused).request_id == case


async def test_proofs_with_one_cause_are_one_event() -> None:
    office = Office()
    await office.submit(request())
    digits = wrong(office.code_of(CASE, "code_0"))
    for _ in range(2):
        await office.requests.prove(CASE, [EmailCode(kind="email_code", code=digits)], cause="mail 1")
    await office.work()
    assert office.the(ProofRefused).tries_left == TRIES - 1


async def test_message_with_one_cause_leaves_one_row() -> None:
    office = Office()
    await office.submit(request())
    for _ in range(2):
        await office.requests.note_message(CASE, "mail_1", "other", own=True)
    assert len(office.records(MessageLodged)) == 1


async def test_two_offers_of_the_same_proof_are_two_tries() -> None:
    office = Office()
    await office.submit(request())
    digits = wrong(office.code_of(CASE, "code_0"))
    for _ in range(2):
        await office.requests.prove(CASE, [EmailCode(kind="email_code", code=digits)])
    await office.work()
    assert len({proof.ref for fact in office.facts(ProofReceived) for proof in fact.proofs}) == 2
    assert [fact.tries_left for fact in office.facts(ProofRefused)] == [TRIES - 1, TRIES - 2]


async def test_no_proof_is_taken_after_the_decision() -> None:
    office = await answered()
    before = dict(office.sealed(CASE))
    with pytest.raises(NotPossibleNow):
        await office.requests.prove(CASE, [EmailCode(kind="email_code", code="123456")])
    assert office.sealed(CASE) == before


async def test_a_proof_that_crosses_the_decision_is_destroyed() -> None:
    office = Office()
    await office.submit(request())
    digits = office.code_of(CASE, "code_0")
    for _ in range(2):  # the second is taken in before the first is decided on
        await office.requests.prove(CASE, [EmailCode(kind="email_code", code=digits)])
    await office.work()
    assert set(office.sealed(CASE)) == {SUBMISSION}
    assert len(office.records(ProofSpent)) == 2


async def test_a_withdrawal_is_decided_on_once() -> None:
    office = Office()
    await office.submit(request())
    await office.requests.withdraw(CASE)
    await office.requests.withdraw(CASE)
    await office.work()
    assert len(office.facts(RequestWithdrawn)) == 1


async def test_an_answered_request_is_not_withdrawn() -> None:
    office = await answered()
    with pytest.raises(NotPossibleNow):
        await office.requests.withdraw(CASE)


# --- the package --------------------------------------------------------------------------------------


async def test_the_right_code_opens_the_package_once_and_leaves_a_trace() -> None:
    office = await answered()
    assert await Packages(office.requests).issue_code(CASE) == office.clock() + LIFETIME
    code = office.code_of(CASE, office.the(PackageCodeIssued).ref)
    assert await read(await Packages(office.requests).open(CASE, f" {code}\n")) == ZIP
    assert [f for row in office.rows() for f in row.facts if isinstance(f, PackageFetched)]
    with pytest.raises(CodeRefused) as error:
        await Packages(office.requests).open(CASE, code)
    assert error.value.verdict is CodeVerdict.NOT_ISSUED


async def test_a_wrong_code_is_kept_account_of_and_the_sixth_is_not_even_looked_at() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    verdicts = []
    for offered in [wrong(code)] * TRIES + [code]:
        with pytest.raises(CodeRefused) as error:
            await Packages(office.requests).open(CASE, offered)
        verdicts.append(error.value.verdict)
    assert verdicts == [CodeVerdict.WRONG] * TRIES + [CodeVerdict.EXHAUSTED]
    assert sum(isinstance(f, PackageCodeRefused) for row in office.rows() for f in row.facts) == TRIES
    assert office.facts(PackageFetched) == []


async def test_a_package_code_expires_at_its_instant() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    office.clock.move(LIFETIME)
    with pytest.raises(CodeRefused) as error:
        await Packages(office.requests).open(CASE, office.code_of(CASE, "package_code_0"))
    assert error.value.verdict is CodeVerdict.EXPIRED


async def test_a_new_package_code_makes_the_old_one_worthless() -> None:
    office = await answered()
    for _ in range(2):
        await Packages(office.requests).issue_code(CASE)
    office.vault.items[CASE]["package_code_0"] = b"000000"
    if office.code_of(CASE, "package_code_1") != "000000":
        with pytest.raises(CodeRefused):
            await Packages(office.requests).open(CASE, "000000")
    assert (
        await read(await Packages(office.requests).open(CASE, office.code_of(CASE, "package_code_1"))) == ZIP
    )


@pytest.mark.slow
async def test_package_codes_run_out() -> None:
    office = await answered()
    for _ in range(MOST_PACKAGE_CODES):
        await Packages(office.requests).issue_code(CASE)
    with pytest.raises(NotPossibleNow):
        await Packages(office.requests).issue_code(CASE)


async def test_without_a_package_there_is_no_code() -> None:
    office = Office()
    await office.submit(request())
    with pytest.raises(NotPossibleNow):
        await Packages(office.requests).issue_code(CASE)
    with pytest.raises(NotPossibleNow):
        await Packages(office.requests).open(CASE, "123456")


async def test_a_code_that_is_drawn_at_the_moment_of_another_is_decided_on_anew() -> None:
    journal = RacedJournal()
    office = await answered(journal)
    journal.rivals = [(PackageFetched(request_id=CASE),)]
    await Packages(office.requests).issue_code(CASE)
    assert (
        await read(await Packages(office.requests).open(CASE, office.code_of(CASE, "package_code_0"))) == ZIP
    )


async def test_of_two_downloads_with_one_code_only_one_is_given() -> None:
    journal = RacedJournal()
    office = await answered(journal)
    await Packages(office.requests).issue_code(CASE)
    journal.rivals = [(PackageFetched(request_id=CASE),)]
    with pytest.raises(CodeRefused):
        await Packages(office.requests).open(CASE, office.code_of(CASE, "package_code_0"))


async def test_guesses_at_the_same_moment_cost_a_try_each() -> None:
    journal = RacedJournal()
    office = await answered(journal)
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    journal.rivals = [(PackageCodeRefused(request_id=CASE),)] * TRIES
    with pytest.raises(CodeRefused) as error:
        await Packages(office.requests).open(CASE, wrong(code))
    assert error.value.verdict is CodeVerdict.EXHAUSTED


class BrokenVault(MemoryVault):
    """A vault with unreadable large items."""

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        del start
        if item == "package":
            raise StoreUnavailable(f"{case}/{item} cannot be read now")
        yield b""


async def test_a_package_that_cannot_be_read_does_not_cost_the_code() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    broken = replace(office.requests, vault=BrokenVault(office.vault.items))
    with pytest.raises(StoreUnavailable):
        await Packages(broken).open(CASE, code)
    assert await read(await Packages(office.requests).open(CASE, code)) == ZIP


async def test_a_package_that_is_kept_no_longer_is_a_clear_answer() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    await office.vault.discard(CASE, ["package"])
    with pytest.raises(NotPossibleNow):
        await Packages(office.requests).open(CASE, code)


@pytest.mark.parametrize(
    ("late", "given"),
    [
        pytest.param(timedelta(minutes=29), True, id="before"),
        pytest.param(timedelta(minutes=29, seconds=1), False, id="at its very instant"),
    ],
)
async def test_a_package_expires_even_with_a_valid_code(late: timedelta, given: bool) -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    office.vault.items[CASE] |= {"package": ZIP, facts_of("package"): FACTS}
    expires_at = office.clock() + timedelta(minutes=29, seconds=1)
    await office.tell(FULFILLED.model_copy(update={"package_expires_at": expires_at}))
    await Packages(office.requests).issue_code(CASE)
    office.clock.move(late)
    code = office.code_of(CASE, "package_code_0")
    if given:
        assert await read(await Packages(office.requests).open(CASE, code)) == ZIP
    else:
        with pytest.raises(NotPossibleNow):
            await Packages(office.requests).open(CASE, code)


async def test_the_digest_of_a_code_is_never_the_code() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    rows = [fact.model_dump_json() for row in office.rows() for fact in row.events()]
    assert not [row for row in rows if f'"{code}"' in row]


# --- limits, and what is left behind ------------------------------------------------------------------


async def test_operations_on_one_request_are_limited_per_hour() -> None:
    office = await answered()
    office.requests.acts.per_hour = 1
    await Packages(office.requests).issue_code(CASE)
    with pytest.raises(TooManyAttempts):
        await Packages(office.requests).issue_code(CASE)
    with pytest.raises(TooManyAttempts):
        await office.requests.prove(CASE, [EmailCode(kind="email_code", code="123456")])
    with pytest.raises(TooManyAttempts):
        await office.requests.withdraw(CASE)


async def test_a_code_that_has_opened_the_package_is_destroyed() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.vault.items[CASE]["package_code_0"].decode()
    assert await read(await Packages(office.requests).open(CASE, code)) == ZIP
    assert "package_code_0" not in office.vault.items[CASE]


async def test_the_certificate_is_handed_out_where_something_was_erased_and_only_there() -> None:
    office = await answered()
    with pytest.raises(NotPossibleNow):
        await office.requests.certificate(CASE)
    erased = FULFILLED.model_copy(update={"right": Right.ERASURE, "certificate": "erasure_certificate_1"})
    other = Office(trusted={SOURCE})
    await other.submit(request())
    other.vault.items[CASE]["erasure_certificate_1"] = b"{}"
    await other.tell(erased)
    assert await other.requests.certificate(CASE) == b"{}"


# --- a download that was cut off ----------------------------------------------------------------------

ETAG = etag_of(PackageFacts.model_validate_json(FACTS))
REST = RangeRequest("bytes=5-", ETAG)


async def cut_off() -> tuple[Office, str]:
    """Return an office with a package that was opened once, and the code that opened it."""
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    await Packages(office.requests).open(CASE, code)
    return office, code


async def test_the_code_that_opened_the_package_goes_on_with_a_download_that_was_cut_off() -> None:
    office, code = await cut_off()
    for _ in range(2):
        assert await read(await Packages(office.requests).open(CASE, code, REST)) == ZIP[5:]
    fetched = [f.continued for row in office.rows() for f in row.facts if isinstance(f, PackageFetched)]
    assert fetched == [False, True, True]


@pytest.mark.parametrize(
    "wanted",
    [
        RangeRequest(),
        RangeRequest("bytes=5-"),
        RangeRequest("bytes=5-", '"another"'),
        RangeRequest("bytes=5-", f"W/{ETAG}"),
    ],
    ids=["all", "no tag", "another tag", "a weak tag"],
)
async def test_a_spent_code_without_the_entity_tag_is_refused(wanted: RangeRequest) -> None:
    office, code = await cut_off()
    with pytest.raises(CodeRefused):
        await Packages(office.requests).open(CASE, code, wanted)


async def test_a_spent_code_goes_on_with_nothing_once_it_has_expired_or_is_wrong() -> None:
    office, code = await cut_off()
    with pytest.raises(CodeRefused):
        await Packages(office.requests).open(CASE, wrong(code), REST)
    office.clock.move(LIFETIME)
    with pytest.raises(CodeRefused):
        await Packages(office.requests).open(CASE, code, REST)


async def test_a_new_code_does_not_stop_a_download_that_goes_on_and_is_not_spent_by_it() -> None:
    office, code = await cut_off()
    await Packages(office.requests).issue_code(CASE)
    assert await read(await Packages(office.requests).open(CASE, code, REST)) == ZIP[5:]
    fresh = office.code_of(CASE, "package_code_1")
    assert await read(await Packages(office.requests).open(CASE, fresh)) == ZIP


async def test_guessing_the_code_of_a_download_that_was_cut_off_ends_soon() -> None:
    office, code = await cut_off()
    for _ in range(ACTS_PER_HOUR - 1):  # one act was to ask for the code
        with pytest.raises(CodeRefused):
            await Packages(office.requests).open(CASE, wrong(code), REST)
    with pytest.raises(TooManyAttempts):
        await Packages(office.requests).open(CASE, code, REST)


async def test_a_look_at_the_package_does_not_spend_the_code_and_a_wrong_one_uses_a_try() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    with pytest.raises(CodeRefused):
        await Packages(office.requests).look(CASE, wrong(code))
    assert [f for row in office.rows() for f in row.facts if isinstance(f, PackageCodeRefused)]
    assert (await Packages(office.requests).look(CASE, code)).size == len(ZIP)
    assert await read(await Packages(office.requests).open(CASE, code)) == ZIP


async def test_bytes_behind_the_end_do_not_cost_the_code() -> None:
    office = await answered()
    await Packages(office.requests).issue_code(CASE)
    code = office.code_of(CASE, "package_code_0")
    with pytest.raises(NotSatisfiable):
        await Packages(office.requests).open(CASE, code, RangeRequest(f"bytes={len(ZIP)}-"))
    assert await read(await Packages(office.requests).open(CASE, code, RangeRequest("bytes=0-3"))) == ZIP[:4]
