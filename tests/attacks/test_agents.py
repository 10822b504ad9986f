"""A parent's letters reach the parent and none the child; an agent's word is confirmed by the person."""

from datetime import timedelta
from typing import Any

import pytest

from services.notifier.handlers import acknowledge_assessed, challenge, send_package_code, write_review_letter
from services.verifier.domain import MOST_CLAIMS
from services.verifier.handlers import LAPSE
from shared.contract.events import (
    Evidence,
    IdentityAssessed,
    IdentityChallenged,
    IdentityCompared,
    IdentityRefused,
    IdentityReviewNeeded,
    IdentityVerified,
    NoticeFailed,
    PackageCodeIssued,
    ProofExamined,
    ProofKind,
    ProofReceived,
    ProofRef,
    ProofSlot,
    Requester,
    RequestReceived,
    RequestWithdrawn,
    Verdict,
)
from tests.unit.fakes import NOW, PERSON, SOURCE, Office, request
from tests.unit.intake.test_email_service import EVE, MX, THREADS, Inbox, written
from tests.unit.intake_api import CASE
from tests.unit.notifier.test_proofs import CODE, RECEIVED, Outbox, notifier

MOTHER = {"name": "Mother Example", "email": "mother@example.org", "permission": "I am her mother."}
AGENCY = {"name": "Rights Agency", "email": "agent@agency.example", "permission": "Signed by O. Q."}
ELEVEN = {**PERSON, "date_of_birth": "2015-01-01"}
ADULT = {**PERSON, "date_of_birth": "1990-01-01"}
CHILD_LETTERS = {"name": "Mia Example", "email": "mia@example.org", "date_of_birth": "2015-01-01"}
CALIFORNIA = {"residence": {"country": "US", "subdivision": "CA"}}
PERMISSION = ProofRef(
    kind=ProofKind.DOCUMENT, ref="p", slot=ProofSlot.PERMISSION, media_type="application/pdf"
)


# --- who asks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "requester"),
    [
        ({"agent": MOTHER | {"parent": True}, "subject": ELEVEN}, Requester.PARENT),
        ({"agent": MOTHER | {"parent": True}}, Requester.PARENT),
        ({"agent": MOTHER, "subject": ELEVEN}, Requester.PARENT),
        ({"agent": MOTHER, "child": True}, Requester.PARENT),
        ({"agent": AGENCY, "subject": ADULT}, Requester.AGENT),
        ({"agent": AGENCY | {"parent": True}, "subject": ADULT}, Requester.AGENT),
        ({"subject": ELEVEN}, Requester.PERSON),
    ],
)
async def test_child_is_never_asked_to_confirm_and_a_person_of_age_always_is(
    changes: dict[str, Any], requester: Requester
) -> None:
    office = Office()
    await office.submit(request(**changes))
    assert office.facts(RequestReceived)[0].requester is requester


# --- letters ------------------------------------------------------------------------------------------------


async def letters(requester: Requester, agent: dict[str, Any], act: Any, event: Any) -> Outbox:
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"requester": requester, "request_id": RECEIVED.request_id})
    ctx = await notifier(outbox, received, agent=agent, subject=CHILD_LETTERS)
    await act(event, ctx)
    return outbox


ASSESSED = IdentityAssessed(request_id=RECEIVED.request_id)
ISSUED = PackageCodeIssued(request_id=RECEIVED.request_id, ref="code_0", expires_at=NOW + timedelta(days=300))
REVIEW = IdentityReviewNeeded(request_id=RECEIVED.request_id, reasons=("needs_a_person",))


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (acknowledge_assessed, ASSESSED),
        (challenge, CODE),
        (send_package_code, ISSUED),
        (write_review_letter, REVIEW),
    ],
)
async def test_mother_gets_each_letter_and_the_child_none(act: Any, event: Any) -> None:
    outbox = await letters(Requester.PARENT, MOTHER | {"parent": True}, act, event)
    [(to, words)] = outbox.letters
    assert to == "mother@example.org"
    assert "Hello Mother Example," in words
    assert "Mia" not in words
    assert "in your name" not in words


@pytest.mark.parametrize("act", [send_package_code, challenge])
async def test_package_of_a_childs_request_goes_nowhere_if_the_parent_has_no_mailbox(act: Any) -> None:
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"requester": Requester.PARENT})
    agent = MOTHER | {"email": "mother at example.org"}
    ctx = await notifier(outbox, received, agent=agent, subject=CHILD_LETTERS)
    facts = await act(CODE if act is challenge else ISSUED, ctx)
    assert outbox.letters == []
    [failed] = [fact for fact in facts if isinstance(fact, NoticeFailed)]
    assert failed.reason == "no_address"


@pytest.mark.parametrize(
    ("act", "event", "to"),
    [
        (acknowledge_assessed, ASSESSED, "agent@agency.example"),
        (challenge, CODE, "mia@example.org"),
        (send_package_code, ISSUED, "mia@example.org"),
    ],
)
async def test_agent_hears_of_the_receipt_and_the_person_gets_codes(act: Any, event: Any, to: str) -> None:
    """11 CCR §§ 7021(a), 7063(a)."""
    outbox = await letters(Requester.AGENT, AGENCY, act, event)
    [(recipient, words)] = outbox.letters
    assert recipient == to
    assert ("402815" in words) is (to == "mia@example.org")


def verified(office: Office) -> list[IdentityVerified]:
    """Return the decisions for the request itself; the sale of a child's data stops without any."""
    return [fact for fact in office.facts(IdentityVerified) if fact.request_id == CASE]


async def lapse(office: Office) -> None:
    await office.wait(timedelta(days=31))
    await office.fire(LAPSE, CASE)


# --- proof --------------------------------------------------------------------------------------------------


async def test_code_from_the_parents_mailbox_proves_nothing_of_the_child() -> None:
    office = Office()
    await office.submit(request(agent=MOTHER | {"parent": True}, subject=ELEVEN))
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="2")
    assert not verified(office)
    wanted = office.facts(IdentityChallenged)[-1].wanted
    assert wanted
    assert all(Evidence.PERMISSION in way for way in wanted)


@pytest.mark.parametrize("attack", ["claims", "codes"])
async def test_parent_without_permission_gets_no_answer_not_even_kinds_of_data(attack: str) -> None:
    """11 CCR §§ 7024(a), 7070(c)."""
    office = Office()
    await office.submit(request(agent=MOTHER | {"parent": True}, subject=ELEVEN, **CALIFORNIA))
    points = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin", "plan": "L"}}
    for number in range(MOST_CLAIMS if attack == "claims" else 0):
        await office.offer(points, id_=f"c{number}")
        await office.compare(
            IdentityCompared(
                request_id=CASE, agreed=2, claimed=2, groups=2, private=True, identities=("email",)
            )
        )
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="9")
    await lapse(office)
    assert not verified(office)
    assert office.facts(IdentityRefused)


async def test_parents_code_names_no_identity_of_the_child_even_beside_a_permission() -> None:
    office = Office()
    await office.submit(request(agent=MOTHER | {"parent": True}, subject=ELEVEN))
    for slot in (ProofSlot.PERMISSION, ProofSlot.IDENTITY):
        proof = PERMISSION.model_copy(update={"slot": slot})
        examined = ProofExamined(request_id=CASE, proof=proof, verdict=Verdict.CONVINCING)
        await office.tell(examined, service="examiner")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="2")
    assert [(fact.proven, fact.requester) for fact in verified(office)] == [((), Requester.PARENT)]


async def test_permission_is_for_staff_to_judge_even_beside_the_parents_code() -> None:
    office = Office()
    await office.submit(request(agent=MOTHER | {"parent": True}, subject=ELEVEN))
    examined = ProofExamined(
        request_id=CASE, proof=PERMISSION, verdict=Verdict.UNCLEAR, reasons=("needs_a_person",)
    )
    await office.tell(examined, service="examiner")
    await office.offer({"kind": "email_code", "code": office.code_of(CASE, "code_0")}, id_="2")
    assert office.facts(IdentityReviewNeeded)
    assert not verified(office)


async def test_agent_without_the_persons_code_gets_nothing() -> None:
    office = Office()
    await office.submit(request(agent=AGENCY, subject=ADULT), source=SOURCE)
    await office.offer({"kind": "email_code", "code": "000000"}, id_="2")
    await lapse(office)
    assert not verified(office)
    assert office.facts(IdentityRefused)


# --- replies ------------------------------------------------------------------------------------------------


async def test_reply_of_the_child_neither_proves_nor_withdraws_the_parents_request() -> None:
    inbox = Inbox(trusted=MX)
    await inbox.office.submit(request(agent=MOTHER | {"parent": True}, subject=ELEVEN))
    code = inbox.office.code_of(CASE, "code_0")
    for number, words in enumerate((code, "I withdraw my request.")):
        by = PERSON["email"]
        vouched = {"Authentication_Results": f"{MX}; dmarc=pass header.from={str(by).partition('@')[2]}"}
        mail = written(f"{words}{' ' * number}", by=str(by), **vouched)
        await inbox.take(mail, to=[THREADS.of(CASE)], sender=str(by))
    assert not inbox.office.facts(ProofReceived)
    assert not inbox.office.facts(RequestWithdrawn)


async def test_code_that_the_agent_mails_proves_nothing() -> None:
    inbox = Inbox(trusted=MX)
    await inbox.office.submit(request(agent=AGENCY | {"email": EVE}, subject=ADULT))
    vouched = {"Authentication_Results": f"{MX}; dmarc=pass header.from=example.net"}
    mail = written(inbox.office.code_of(CASE, "code_0"), by=EVE, **vouched)
    await inbox.take(mail, to=[THREADS.of(CASE)], sender=EVE)
    assert not inbox.office.facts(ProofReceived)
    assert not inbox.office.facts(IdentityVerified)
