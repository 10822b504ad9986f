"""Codes that prove another mailbox in the records go to its owner alone, are limited, and prove once."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from services.intake.cases.alias_codes import AliasCodes
from services.intake.cases.errors import CodeRefused, NotPossibleNow
from services.intake.domain import AliasCodeRefused, CaseStatus, IntakeCase, evolve
from shared.contract.codes import LIFETIME, MOST_ISSUED, TRIES, CodeVerdict
from shared.contract.events import (
    AliasCodeIssued,
    AliasProven,
    LetterKind,
    NoticeSent,
    OfferedAliases,
    Requester,
    RequestReferred,
    StopReason,
)
from shared.errors import UnknownRequest
from shared.law import Right
from tests.unit.fakes import Office
from tests.unit.intake import test_request_service as service_tests
from tests.unit.intake.test_request_page import BROWSER, done, said, seen
from tests.unit.intake_api import client_of

CASE = service_tests.CASE
OTHER = "lou@example.net"
OFFER = OfferedAliases(ref="aliases_1", identities=("phone_number", "email"))
SEALED = json.dumps([["phone_number", "+353209100777"], ["email", OTHER]]).encode()
FULFILLED = service_tests.FULFILLED.model_copy(update={"aliases": OFFER})


async def answered() -> tuple[Office, AliasCodes]:
    """Return an office with an answered request and another mailbox in the records."""
    office = await service_tests.answered()
    office.vault.items[CASE][OFFER.ref] = SEALED
    await office.tell(FULFILLED)
    return office, AliasCodes(office.requests)


def mailed(office: Office, number: int = 0) -> str:
    return office.code_of(CASE, f"alias_code_{number}")


class Count:
    """Counts wrong codes."""

    def __init__(self) -> None:
        self.attempts: list[str] = []

    async def note(self, attempt: str, at: object) -> None:
        del at
        self.attempts.append(attempt)

    async def is_alarming(self, now: object) -> bool:
        del now
        return False


async def test_code_goes_to_the_other_mailbox_and_no_event_names_it() -> None:
    office, codes = await answered()
    assert await codes.issue(CASE, 2) == office.clock() + LIFETIME
    issued = office.the(AliasCodeIssued)
    assert office.vault.items[CASE][issued.mailbox] == OTHER.encode()
    assert len(mailed(office)) == len("BCDF-GHJK")
    for row in office.rows():
        text = "".join(fact.model_dump_json() for fact in row.facts)
        assert OTHER not in text
        assert mailed(office) not in text


async def test_right_code_proves_the_alias_once() -> None:
    office, codes = await answered()
    await codes.issue(CASE, 2)
    await codes.prove(CASE, mailed(office).lower())
    proven = office.the(AliasProven)
    assert (proven.aliases, proven.number) == (OFFER.ref, 2)
    with pytest.raises(NotPossibleNow):
        await codes.prove(CASE, mailed(office))
    with pytest.raises(NotPossibleNow):
        await codes.issue(CASE, 2)


async def test_wrong_codes_use_up_the_tries_and_count_over_all_requests() -> None:
    office, codes = await answered()
    office.requests.codes.wrong = count = Count()
    await codes.issue(CASE, 2)
    for expected in [CodeVerdict.WRONG] * TRIES + [CodeVerdict.EXHAUSTED]:
        with pytest.raises(CodeRefused) as refused:
            await codes.prove(CASE, "BBBB-BBBB")
        assert refused.value.verdict is expected
    with pytest.raises(CodeRefused):
        await codes.prove(CASE, mailed(office))
    assert office.facts(AliasProven) == []
    kept = [fact for row in office.rows() for fact in row.facts if isinstance(fact, AliasCodeRefused)]
    assert len(kept) == len(set(count.attempts)) == TRIES


async def test_code_expires() -> None:
    office, codes = await answered()
    await codes.issue(CASE, 2)
    office.clock.move(LIFETIME)
    with pytest.raises(CodeRefused) as refused:
        await codes.prove(CASE, mailed(office))
    assert refused.value.verdict is CodeVerdict.EXPIRED


async def test_new_code_replaces_the_old_one_and_codes_run_out() -> None:
    office, codes = await answered()
    for _ in range(MOST_ISSUED):
        await codes.issue(CASE, 2)
    with pytest.raises(CodeRefused):
        await codes.prove(CASE, mailed(office, 0))
    with pytest.raises(NotPossibleNow):
        await codes.issue(CASE, 2)
    assert len(office.facts(AliasCodeIssued)) == MOST_ISSUED


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_no_code_goes_to_a_mailbox_that_was_not_offered(number: int) -> None:
    office, codes = await answered()
    with pytest.raises(NotPossibleNow):
        await codes.issue(CASE, number)
    assert office.facts(AliasCodeIssued) == []


async def test_stop_by_the_owner_of_the_mailbox_invalidates_the_code() -> None:
    office, codes = await answered()
    await codes.issue(CASE, 2)
    await office.requests.stop(CASE, StopReason.NOT_ME)
    with pytest.raises(NotPossibleNow):
        await codes.prove(CASE, mailed(office))
    with pytest.raises(NotPossibleNow):
        await codes.issue(CASE, 2)
    assert office.facts(AliasProven) == []


async def test_unknown_request_has_no_codes() -> None:
    _, codes = await answered()
    for act in (codes.issue("0" * 32, 2), codes.prove("0" * 32, "BCDF-GHJK")):
        with pytest.raises((UnknownRequest, NotPossibleNow)):
            await act


async def case_of(office: Office) -> IntakeCase:
    return await office.requests.case(CASE)


async def test_only_requests_of_the_person_and_the_agent_offer_a_proof() -> None:
    office, _ = await answered()
    case = await case_of(office)
    assert case.received is not None
    for requester in Requester:
        received = case.received.model_copy(update={"requester": requester})
        offered = replace(case, received=received).provable_aliases
        assert bool(offered) is (requester in {Requester.PERSON, Requester.AGENT})


async def test_erasure_after_a_copy_offers_no_proof() -> None:
    office, _ = await answered()
    case = await case_of(office)
    assert case.fulfilled is not None
    for package, offered in (("package", ()), (None, (2,))):
        told = case.fulfilled.model_copy(update={"right": Right.ERASURE, "package": package})
        assert replace(case, fulfilled=told).provable_aliases == offered


async def test_request_that_is_not_answered_offers_no_proof() -> None:
    office, _ = await answered()
    assert replace(await case_of(office), status=CaseStatus.VERIFIED).provable_aliases == ()


async def test_new_mailbox_of_a_correction_is_offered_while_it_waits() -> None:
    office, _ = await answered()
    case = await case_of(office)
    referred = RequestReferred(request_id=CASE, right=Right.RECTIFICATION, reason="identity", aliases=OFFER)
    waiting = evolve(replace(case, status=CaseStatus.VERIFIED, fulfilled=None, offer=None), referred)
    assert waiting.provable_aliases == (2,)
    assert replace(waiting, status=CaseStatus.WITHDRAWN).provable_aliases == ()
    other = referred.model_copy(update={"aliases": None})
    assert evolve(waiting, other).provable_aliases == ()


async def test_package_of_the_completed_answer_replaces_the_first_one() -> None:
    office, _ = await answered()
    again = FULFILLED.model_copy(update={"package": "package_2"})
    office.vault.items[CASE]["package_2"] = office.vault.items[CASE]["package"]
    await office.tell(FULFILLED)
    assert "package" in office.sealed(CASE), "the same answer again replaces nothing"
    await office.tell(again)
    assert "package" not in office.sealed(CASE)
    assert "package_2" in office.sealed(CASE)


async def test_answer_that_comes_after_a_later_one_changes_nothing_but_its_package_goes() -> None:
    office, _ = await answered()
    first, later = (
        FULFILLED.model_copy(update={"number": number, "package": f"package_{number}"}) for number in (1, 2)
    )
    office.vault.items[CASE] |= {"package_1": b"less", "package_2": b"more"}
    await office.tell(later)
    await office.tell(NoticeSent(request_id=CASE, letter=LetterKind.OUTCOME), service="notifier")
    timers = dict(office.deadlines.moments)
    await office.tell(first)
    assert {"package_1", "package_2"} & office.sealed(CASE).keys() == {"package_2"}
    case = await office.requests.case(CASE)
    assert (case.fulfilled, case.status) == (later, CaseStatus.CLOSED)
    assert office.deadlines.moments == timers


def test_staff_that_decided_on_a_replaced_answer_decides_on_no_appeal() -> None:
    later = FULFILLED.model_copy(update={"number": 2, "deciders": ("grace",)})
    case = evolve(IntakeCase(status=CaseStatus.CLOSED, fulfilled=later), later)
    late = evolve(case, FULFILLED.model_copy(update={"number": 1, "deciders": ("alan",)}))
    assert late.answer_deciders == {"alan", "grace"}


async def test_newest_answer_decides_which_aliases_are_offered() -> None:
    office, _ = await answered()
    await office.wait(timedelta(minutes=1))
    await office.tell(service_tests.FULFILLED)
    assert (await case_of(office)).provable_aliases == ()


# --- the page -----------------------------------------------------------------------------------------------


async def test_page_offers_the_proof_and_shows_no_character_of_the_address() -> None:
    office, _ = await answered()
    page = await seen(office)
    assert "Prove this address" in said(page)
    for part in (OTHER, "lou", "example.net"):
        assert part not in page.text
    assert "alias-code" not in page.text
    page = await done(office, "aliases/2/code")
    assert "A code is on its way to the other address" in said(page)
    assert 'id="alias-code"' in page.text
    assert OTHER not in page.text


async def test_page_without_another_mailbox_offers_no_proof() -> None:
    assert "Prove this address" not in said(await seen(await service_tests.answered()))


async def test_code_on_the_page_proves_the_alias_and_a_wrong_one_does_not() -> None:
    office, codes = await answered()
    await codes.issue(CASE, 2)
    for code, status in (("BBBB-BBBB", 409), (mailed(office), 200)):
        async with client_of(office.requests) as client:
            page = await client.post(f"/requests/{CASE}/alias", data={"code": code}, headers=BROWSER)
        assert page.status_code == status
        assert bool(office.facts(AliasProven)) is (status == 200)


@pytest.mark.parametrize("what", ["aliases/2/code", "alias"])
async def test_no_other_site_asks_for_a_proof(what: str) -> None:
    office, _ = await answered()
    before = len(office.broker.published)
    page = await done(office, what, **{"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 403
    assert len(office.broker.published) == before
