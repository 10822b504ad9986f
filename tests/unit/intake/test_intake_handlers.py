import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.errors import TooManyAttempts
from services.intake.context import IntakeContext
from services.intake.domain import CaseStatus, FollowUpKept, IntakeCase, request_id
from services.intake.handlers import SET_ASIDE, accept_proofs, note_approval, register
from services.intake.http.packages import Packages
from shared.contract.answer import SUBMISSION
from shared.contract.correlation import keyed_reference, reference_key
from shared.contract.envelope import STRUCTURED, decode
from shared.contract.events import (
    ErasureApproved,
    Fact,
    IdentityClaimed,
    IdentityCompared,
    IdentityRefused,
    IdentityVerified,
    LetterKind,
    NewCode,
    NoticeSent,
    Outcome,
    ProofReceived,
    ProofSubmitted,
    RequestClosed,
    RequestFulfilled,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contract.topology import REQUESTS
from shared.errors import RefusedDecision
from shared.law import Right
from shared.runtime.broker import Message
from shared.runtime.client_limits import Allowance
from shared.runtime.service import cause_of
from tests.runtime_fakes import MemoryJournal, MemoryTimers, MemoryVault
from tests.unit.fakes import (
    NOW,
    PERSON,
    PRACTICE,
    REQUEST_KEY,
    SOURCE,
    MemoryFirstRequests,
    MemoryRequesterIndex,
    MemoryWaitingQueue,
    Office,
    request,
    submission,
)

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}
CODE = {"kind": "email_code", "code": "123456"}


def context(
    vault: MemoryVault, *, case: IntakeCase | None = None, event_id: str = "1", source: str = SOURCE
) -> IntakeContext:
    return IntakeContext(
        case_id=CASE,
        case=case or IntakeCase(),
        now=NOW,
        event_id=event_id,
        source=source,
        occurred_at=NOW,
        vault=vault,
        timers=MemoryTimers(),
        duplicates=MemoryFirstRequests(MemoryJournal()),
        queue=MemoryWaitingQueue(),
        codes=CodeLimit(),
        requesters=MemoryRequesterIndex(),
        practice=PRACTICE,
    )


async def withdrawn(office: Office, *, id_: str = "w", **of: str) -> None:
    await office.broker.publish([submission("request.withdrawn", of or {"reference": "r-1"}, id_=id_)])
    await office.work()


def approval(account: str) -> ErasureApproved:
    return ErasureApproved(request_id=CASE, by=account)


async def test_repeated_approval_of_an_account_is_refused_while_another_one_has_to_approve() -> None:
    once = IntakeCase(approvers=2, approvals=frozenset({"anna"}))
    assert await note_approval(approval("omar"), context(MemoryVault(), case=once)) == []
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await note_approval(approval("anna"), context(MemoryVault(), case=once))
    approved = replace(once, approvers=1)  # a further round may wait that is not noted here yet
    assert await note_approval(approval("anna"), context(MemoryVault(), case=approved)) == []


# --- registering --------------------------------------------------------------------------------------


async def test_a_submitted_request_is_sealed_and_its_clock_started() -> None:
    office = Office()
    await office.submit(request())
    fact = office.the(RequestReceived)
    assert (fact.request_id, fact.source, fact.received_at) == (CASE, SOURCE, NOW)
    assert json.loads(office.sealed(CASE)[SUBMISSION])["subject"]["email"] == PERSON["email"]


async def test_the_same_pair_again_is_the_same_request_and_changes_nothing() -> None:
    office = Office()
    await office.submit(request())
    await office.submit(request(right="erasure", subject={"email": "other@example.net"}), id_="2")
    assert office.the(RequestReceived).right is Right.ACCESS
    assert json.loads(office.sealed(CASE)[SUBMISSION])["subject"]["email"] == PERSON["email"]


async def test_the_same_reference_of_another_system_is_another_request() -> None:
    office = Office()
    await office.submit(request())
    await office.submit(request(), source="billing.example.com")
    assert len({fact.request_id for fact in office.facts(RequestReceived)}) == 2


async def test_one_system_cannot_touch_the_request_of_another_by_its_reference() -> None:
    office = Office()
    await office.submit(request())
    await office.offer(CODE, id_="p", source="billing.example.com")
    assert office.facts(FollowUpKept)[0].request_id != CASE
    assert office.facts(ProofReceived) == []


async def test_a_repetition_after_a_crash_between_seal_and_row_says_the_same() -> None:
    vault = MemoryVault()
    event = RequestSubmitted.model_validate(request(proofs=[CLAIM]))
    first, second = [list(await register(event, context(vault))) for _ in range(2)]
    assert first == second
    assert len(vault.items[CASE]) == 2


async def test_a_sealed_request_holds_no_proofs_so_that_they_can_be_destroyed() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request(subject={"email": "o@example.org"}, proofs=[CLAIM]))
    assert office.facts(IdentityVerified)
    assert b"K-7741-Q" not in b"".join(office.sealed(CASE).values())


# --- proofs -------------------------------------------------------------------------------------------


async def test_proofs_are_sealed_under_names_derived_from_the_event() -> None:
    office = Office()
    await office.submit(request(proofs=[CLAIM]))
    first = office.the(RequestReceived).proofs
    again = Office()
    await again.submit(request(proofs=[CLAIM]))
    assert again.the(RequestReceived).proofs == first
    assert json.loads(office.sealed(CASE)[first[0].ref]) == CLAIM


async def test_codes_in_events_count_per_source() -> None:
    vault, case = MemoryVault(), IntakeCase(status=CaseStatus.CHALLENGED)
    await vault.create(CASE)
    codes = CodeLimit(of_source=Allowance(3))

    async def offered(number: int, source: str) -> list[Fact]:
        event = ProofSubmitted.model_validate({"request": CASE, "proofs": [CODE]})
        ctx = replace(context(vault, case=case, event_id=f"{number}", source=source), codes=codes)
        return list(await accept_proofs(event, ctx))

    facts = [fact for number in range(4) for fact in await offered(number, "a.example.com")]
    assert [type(fact) for fact in facts] == [ProofReceived] * 3 + [RequestRejected]
    [other] = await offered(9, "b.example.com")
    assert isinstance(other, ProofReceived)


async def test_source_may_offer_fewer_codes_while_many_are_wrong() -> None:
    class Alarm:
        async def note(self, attempt: str, at: datetime) -> None: ...

        async def is_alarming(self, now: datetime) -> bool:
            return now is NOW

    codes = CodeLimit(Alarm(), of_source=Allowance(5), of_source_alarmed=Allowance(2))
    await codes.take_of_source(SOURCE, 2, NOW)
    with pytest.raises(TooManyAttempts):
        await codes.take_of_source(SOURCE, 1, NOW)


async def test_two_systems_with_the_same_event_id_do_not_share_the_name_of_a_proof() -> None:
    vault, case = MemoryVault(), IntakeCase(status=CaseStatus.CHALLENGED)
    await vault.create(CASE)
    event = ProofSubmitted(request=CASE, proofs=(NewCode(kind="new_code"),))
    facts = [
        *await accept_proofs(event, context(vault, case=case, source="a.example.com")),
        *await accept_proofs(event, context(vault, case=case, source="b.example.com")),
    ]
    assert len({proof.ref for fact in facts if isinstance(fact, ProofReceived) for proof in fact.proofs}) == 2


async def test_several_proofs_of_one_event_have_names_of_their_own() -> None:
    office = Office()
    await office.submit(request())
    await office.offer(CODE, CODE, CLAIM, id_="p")
    assert len({proof.ref for proof in office.the(ProofReceived).proofs}) == 3


async def test_proofs_for_an_unknown_request_are_rejected_and_not_stored() -> None:
    office = Office()
    await office.offer(CODE, id_="evt-1", request="0" * 32)
    rejected = office.the(RequestRejected)
    assert (rejected.publisher_source, rejected.publisher_id) == (SOURCE, "evt-1")
    assert [flaw.path for flaw in rejected.errors] == ["data.request"]
    assert office.vault.items == {}


async def test_proofs_that_name_no_request_at_all_are_rejected() -> None:
    office = Office()
    await office.broker.publish([submission("proof.submitted", {"proofs": [CODE]}, id_="evt-1")])
    await office.work()
    assert office.the(RequestRejected).publisher_id == "evt-1"


async def test_a_proof_after_the_decision_is_rejected_and_not_kept() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    before = dict(office.sealed(CASE))
    await office.offer(CODE, id_="evt-2")
    assert office.the(RequestRejected).publisher_id == "evt-2"
    assert office.sealed(CASE) == before


# --- withdrawing --------------------------------------------------------------------------------------


async def test_a_request_is_withdrawn_once() -> None:
    office = Office()
    await office.submit(request())
    await withdrawn(office)
    await withdrawn(office, id_="evt-2")
    assert office.the(RequestWithdrawn).request_id == CASE
    assert office.the(RequestRejected).publisher_id == "evt-2"


async def test_a_withdrawal_of_an_unknown_request_is_rejected() -> None:
    office = Office()
    await withdrawn(office, request="0" * 32)
    assert office.facts(RequestWithdrawn) == []
    assert office.the(RequestRejected).errors[0].path == "data.request"


async def test_an_answered_request_cannot_be_withdrawn() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.tell(FULFILLED)
    await withdrawn(office)
    assert office.facts(RequestWithdrawn) == []


# --- closing ------------------------------------------------------------------------------------------

FULFILLED = RequestFulfilled(
    answer="answer", request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, package="package"
)


def sent(letter: LetterKind) -> NoticeSent:
    return NoticeSent(request_id=CASE, letter=letter)


async def test_a_case_is_closed_by_the_letter_with_its_outcome() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.tell(sent(LetterKind.ACKNOWLEDGEMENT), FULFILLED)
    assert office.facts(RequestClosed) == []
    await office.tell(sent(LetterKind.OUTCOME))
    assert office.the(RequestClosed).outcome is Outcome.GRANTED


async def test_a_letter_that_overtakes_its_decision_closes_the_case_later() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.tell(sent(LetterKind.OUTCOME), FULFILLED)
    assert office.facts(RequestClosed) == []
    await office.wait(timedelta(seconds=1))
    assert office.the(RequestClosed).outcome is Outcome.GRANTED


async def test_an_answer_that_crosses_a_withdrawal_closes_the_case_in_either_order() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await withdrawn(office)
    await office.tell(sent(LetterKind.OUTCOME))
    await office.tell(sent(LetterKind.WITHDRAWN), FULFILLED)
    await office.wait(timedelta(seconds=1))
    assert [fact.outcome for fact in office.facts(RequestClosed)] == [None, Outcome.GRANTED]
    assert office.broker.parked("intake") == []


async def test_a_crossed_withdrawals_letter_does_not_close_an_unanswered_case() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await withdrawn(office)
    await office.tell(FULFILLED, sent(LetterKind.WITHDRAWN))
    assert office.facts(RequestClosed) == []
    await office.tell(sent(LetterKind.OUTCOME))
    assert office.the(RequestClosed).outcome is Outcome.GRANTED


async def test_a_letter_sent_twice_closes_once() -> None:
    office = Office()
    await office.submit(request())
    await withdrawn(office)
    await office.tell(sent(LetterKind.WITHDRAWN), sent(LetterKind.WITHDRAWN))
    assert len(office.facts(RequestClosed)) == 1


# --- what cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x00\xff\xfegarbage of Ottilie Quastenflosser", id="binary"),
        pytest.param(b'{"specversion": "1.0", "type": "habeas.request.submitted.v1"', id="cut off"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"specversion": "1.0", "id": "1", "source": "s", "type": "habeas.x.v1"}', id="type"),
    ],
)
async def test_a_message_that_cannot_be_read_is_set_aside_sealed_and_answered(body: bytes) -> None:
    office = Office()
    await office.broker.publish([Message(REQUESTS, "anything", body, "m", STRUCTURED)])
    await office.work()
    rejected = office.the(RequestRejected)
    assert office.sealed(rejected.request_id) == {SET_ASIDE: body}
    assert rejected.errors
    assert "Quastenflosser" not in rejected.model_dump_json()


async def test_a_wrong_field_is_named_and_its_value_is_not() -> None:
    office = Office()
    await office.submit(request(right="Quastenflosser", ottilie=1))
    paths = {flaw.path for flaw in office.the(RequestRejected).errors}
    assert paths == {"data.right", "data.…"}
    assert "uastenflosser" not in office.the(RequestRejected).model_dump_json()


async def test_an_event_of_ours_with_a_wrong_meaning_is_parked_and_not_answered() -> None:
    office = Office()
    await office.submit(request())
    await office.tell(IdentityRefused(request_id=CASE, reasons=("too_many_attempts",)))
    await office.tell(FULFILLED)
    assert len(office.broker.parked("intake")) == 1


# --- nothing personal ---------------------------------------------------------------------------------


async def test_no_fact_no_row_and_no_message_of_a_whole_case_holds_personal_data() -> None:
    office = Office()
    await office.submit(request(details={"statement": "I am Ottilie"}))
    code = office.code_of(CASE, "code_0")
    await office.offer({"kind": "email_code", "code": code}, CLAIM, id_="p")
    claim = office.the(IdentityClaimed)
    await office.compare(IdentityCompared(request_id=CASE, agreed=0, claimed=1))
    await office.tell(FULFILLED)
    await Packages(office.requests).issue_code(CASE)
    package_code = office.code_of(CASE, "package_code_0")
    assert claim.proofs
    assert office.facts(IdentityVerified)
    facts = [fact.model_dump_json() for fact in office.events()]
    facts += [fact.model_dump_json() for row in office.rows() for fact in row.events()]
    messages = [m.body.decode() for m in office.broker.published if m.exchange != REQUESTS]
    secrets = [PERSON["name"], PERSON["email"], PERSON["phone"], "K-7741-Q", "Ottilie", "5550147"]
    for text in facts + messages:
        assert not [secret for secret in secrets if str(secret) in text]
        assert not any(f'"{digits}"' in text or f" {digits}" in text for digits in (code, package_code))


@pytest.mark.parametrize("id_", ["evt-1", "evt-2"])
async def test_reused_reference_with_other_content_is_set_aside_whole(id_: str) -> None:
    office = Office()
    await office.submit(request(), id_="evt-1")
    await office.submit(request(subject={"email": "mallory@example.net"}), id_=id_)
    rejected = office.the(RequestRejected)
    assert [flaw.path for flaw in rejected.errors] == ["data.reference"]
    assert (rejected.publisher_source, rejected.publisher_id) == (SOURCE, id_)
    assert rejected.request_id != office.the(RequestReceived).request_id
    assert b"mallory@example.net" in office.sealed(rejected.request_id)[SET_ASIDE]


ADA = "ada@example.org"
NAMED = {"request": "0" * 32}


@pytest.mark.parametrize("source", [SOURCE, ADA, f"//shop/{ADA}"])
@pytest.mark.parametrize("user", ["tests", "stranger"])
@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("request.submitted", request(right=ADA)),
        ("request.submitted", {"reference": ADA, "right": "access", "subject": {}}),
        ("request.withdrawn", NAMED),
        ("proof.submitted", NAMED | {"proofs": [CODE]}),
        ("appeal.submitted", NAMED | {"statement": ADA}),
        ("breach.declared", {"reference": ADA}),
    ],
)
async def test_rejection_repeats_no_name_of_the_publisher_and_states_the_same_in_attributes(
    type_: str, data: dict[str, Any], user: str, source: str
) -> None:
    office = Office()
    await office.broker.publish([replace(submission(type_, data, id_=ADA, source=source), user_id=user)])
    await office.work()
    [body] = [m.body for m in office.broker.published if m.routing_key == RequestRejected.TYPE]
    assert ADA.encode() not in body
    assert not any(ADA in str(row.facts) or ADA in row.cause for row in office.rows())
    event = json.loads(body)
    assert event["publisherid"] == event["data"]["publisher_id"]
    assert event["publishersource"] == event["data"]["publisher_source"]
    admitted = (user, source) == ("tests", SOURCE)
    assert (event["publishersource"] == SOURCE) == admitted
    own = reference_key(SOURCE, key=REQUEST_KEY)
    assert (event["publisherid"] == keyed_reference(ADA, key=own)) == admitted, "else its owner is misled"


async def test_cause_of_a_submission_is_keyed_and_the_unkeyed_one_of_version_0_1_0_is_recognised() -> None:
    office, journal = Office(), MemoryJournal()
    message = submission("request.submitted", request(), id_="evt-1")
    envelope = decode(message.body, exchange=REQUESTS, content_type=STRUCTURED, headers={})
    old = cause_of(envelope, b"")
    await office.broker.publish([message])
    await office.work()
    [row] = (row for row in office.rows() if any(isinstance(f, RequestReceived) for f in row.facts))
    assert old != row.cause, "whoever reads events could guess the content"
    await journal.append([replace(row, cause=old)])
    later = Office(journal=journal)
    await later.broker.publish([message])
    await later.work()
    assert [one.cause for one in journal.rows.values()] == [old]
    later.the(RequestReceived)


@pytest.mark.parametrize("id_", ["1", "2"])
async def test_same_reference_with_the_same_content_is_the_same_request(id_: str) -> None:
    office = Office()
    await office.submit(request(), id_="1")
    await office.submit(request(details={}), id_=id_)
    assert office.the(RequestReceived).right is Right.ACCESS
    assert office.facts(RequestRejected) == []


async def test_reused_reference_is_rejected_while_the_first_request_waits_its_turn() -> None:
    office = Office()
    office.queue.free = 0
    await office.submit(request(), id_="1")
    await office.submit(request(right="erasure"), id_="evt-2")
    assert office.the(RequestRejected).publisher_id == "evt-2"
    assert office.facts(RequestReceived) == []
