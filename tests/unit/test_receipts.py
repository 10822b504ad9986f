"""The receipt of each request is confirmed once: with its code, or in a letter of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from services.notifier.bootstrap import service
from services.notifier.codes.handlers import SUBSCRIPTIONS as CODES
from services.notifier.context import SenderSettings
from services.notifier.domain import LetterCount
from services.notifier.handlers import SUBSCRIPTIONS
from services.notifier.smtp.letter_limits import MailLane
from services.notifier.smtp.post import Posted
from shared.contract.correspondents import acknowledged_after_assessment
from shared.contract.events import (
    IdentityAssessed,
    IdentityChallenged,
    IdentityRefused,
    LetterKind,
    NoticeFact,
    NoticeFailed,
    NoticeSent,
    Requester,
    RequestStopped,
    RequestWithdrawn,
    StopReason,
)
from shared.contract.topology import DELAYS
from shared.errors import MailUnavailable
from shared.law import Right, Role
from shared.runtime.service import Runtime
from tests.runtime_fakes import MemoryJournal
from tests.unit.fakes import PERSON, SOURCE, Office, request
from tests.unit.intake_api import CASE
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, asked

L = LetterKind
AGENT = {"name": "Helfer e. V.", "email": "helfer@example.net", "permission": "signed"}
NO_MAILBOX = {"name": PERSON["name"], "identifiers": PERSON["identifiers"]}
POINTS = {"kind": "data_points", "points": {"customer_no": "K-7741-Q", "city": "Berlin"}}


@dataclass
class Outbox:
    """Takes every letter, unless there is no mail server or a limit."""

    sent: list[str] = field(default_factory=list)
    """Recipients."""
    available: bool = True
    full: bool = False

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return not self.full

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del letter, message
        if not self.available:
            raise MailUnavailable("no mail server")
        self.sent.append(recipient)
        return Posted.SENT


class Writing(Office):
    """Intake, the verifier, and the notifier with both of its queues."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.outbox = Outbox()
        house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
        self._runtimes += [
            Runtime(
                service(lane, subscriptions, self.vault, self.outbox, house),
                MemoryJournal(),
                self.broker.inbox(lane),
                self.broker,
                10,
                timedelta(hours=24),
                self.clock,
                self.staff,
            )
            for lane, subscriptions in ((MailLane.LETTERS, SUBSCRIPTIONS), (MailLane.CODES, CODES))
        ]

    @property
    def letters(self) -> list[LetterKind]:
        """The kinds of letters that were sent or failed."""
        return [fact.letter for fact in self.notices]

    @property
    def notices(self) -> list[NoticeFact]:
        """The fates of all letters."""
        return [*self.facts(NoticeSent), *self.facts(NoticeFailed)]

    @property
    def receipts(self) -> int:
        """How often the receipt was confirmed, or could not be."""
        return sum(L.ACKNOWLEDGEMENT in fact.letters for fact in self.notices)


async def received(*, left: int = 10, trusted: Sequence[str] = (), **changes: Any) -> Writing:
    office = Writing(trusted=trusted)
    office.allowances.left = left
    await office.submit(request(**changes))
    return office


async def test_code_that_is_mailed_at_once_confirms_the_receipt() -> None:
    office = await received()
    assert office.letters == [L.CODE]
    assert office.receipts == 1
    assert office.facts(IdentityAssessed) == []
    assert office.the(NoticeSent).acknowledges
    assert office.outbox.sent == [PERSON["email"]]


@pytest.mark.parametrize(
    ("changes", "letters"),
    [
        pytest.param({"left": 0}, {L.ACKNOWLEDGEMENT, L.PROOF_WANTED}, id="the code is put off"),
        pytest.param({"trusted": [SOURCE]}, {L.ACKNOWLEDGEMENT}, id="proven by its source"),
        pytest.param({"subject": NO_MAILBOX}, {L.ACKNOWLEDGEMENT, L.PROOF_WANTED}, id="no mailbox"),
        pytest.param({"agent": AGENT}, {L.ACKNOWLEDGEMENT, L.CODE}, id="an agent asks"),
        pytest.param({"agent": AGENT | {"parent": True}}, {L.ACKNOWLEDGEMENT, L.CODE}, id="a parent asks"),
        pytest.param(
            {"subject": NO_MAILBOX, "agent": AGENT | {"email": "none"}},
            {L.ACKNOWLEDGEMENT, L.PROOF_WANTED},
            id="no mailbox of either",
        ),
        pytest.param({"right": "erasure"}, {L.CODE}, id="erasure"),
        pytest.param({"proofs": [POINTS]}, {L.CODE}, id="details come along"),
        pytest.param({"proofs": [{"kind": "new_code"}] * 2}, {L.CODE}, id="codes are asked for at once"),
        pytest.param({"right": "opt_out_of_sale"}, {L.ACKNOWLEDGEMENT}, id="no proof is needed"),
    ],
)
async def test_receipt_is_confirmed_once(changes: dict[str, Any], letters: set[LetterKind]) -> None:
    office = await received(**changes)
    assert set(office.letters) == letters
    assert office.receipts == 1


async def test_code_of_an_agents_request_does_not_confirm_the_receipt() -> None:
    office = await received(agent=AGENT)
    assert not any(fact.acknowledges for fact in office.notices)
    assert set(office.outbox.sent) == {PERSON["email"], AGENT["email"]}


async def test_new_code_does_not_confirm_the_receipt_again() -> None:
    office = await received()
    await office.offer({"kind": "new_code"}, id_="p")
    assert [fact.acknowledges for fact in office.facts(IdentityChallenged)] == [True, False]
    assert office.letters == [L.CODE, L.CODE]
    assert office.receipts == 1


async def test_request_that_repeats_another_gets_its_own_letter_alone() -> None:
    office = await received()
    await office.submit(request(reference="r-2"), id_="2")
    assert office.letters == [L.CODE, L.DUPLICATE]
    assert office.receipts == 1


async def test_request_that_is_stopped_before_it_is_assessed_is_acknowledged() -> None:
    office = Writing()
    await office.tell(RequestStopped(request_id=CASE, reason=StopReason.NOT_ME), service="intake")
    await office.submit(request())
    assert office.letters == [L.ACKNOWLEDGEMENT]


async def test_receipt_is_confirmed_although_the_code_was_destroyed_before_its_letter() -> None:
    office = Writing()
    office.outbox.available = False
    await office.submit(request())
    await office.tell(RequestWithdrawn(request_id=CASE), service="intake")
    assert office.letters == []
    office.outbox.available = True
    await office.wait(DELAYS["1s"])
    assert sorted(office.letters) == [L.ACKNOWLEDGEMENT, L.WITHDRAWN]
    assert office.receipts == 1


async def test_other_letters_wait_for_an_acknowledgement_of_its_own() -> None:
    office = Writing()
    office.outbox.available = False
    await office.submit(request(subject=NO_MAILBOX | {"email": None}, agent=AGENT))
    office.outbox.available = True
    await office.tell(IdentityRefused(request_id=CASE, reasons=("unidentifiable",)), service="verifier")
    assert office.letters == []
    await office.wait(DELAYS["1s"])
    assert office.letters[0] is L.ACKNOWLEDGEMENT


async def test_letter_that_a_limit_holds_back_confirms_nothing() -> None:
    office = Writing()
    office.outbox.full = True
    await office.submit(request())
    assert office.the(NoticeFailed).letters == {L.CODE, L.ACKNOWLEDGEMENT}
    assert office.facts(NoticeSent) == []


PLAIN = asked(Right.ACCESS)


@pytest.mark.parametrize(
    ("of", "after"),
    [
        pytest.param({}, True, id="access"),
        pytest.param({"right": Right.OPT_OUT_OF_SALE}, False, id="no proof"),
        pytest.param({"right": Right.OBJECTION, "direct_marketing": True}, False, id="marketing"),
        pytest.param({"requester": Requester.CONTROLLER, "role": Role.END_USER}, False, id="controller"),
        pytest.param({"role": Role.END_USER}, False, id="goes to a customer"),
        pytest.param({"repeats": "b" * 32}, False, id="repeats another"),
        pytest.param({"withdrawn": True}, False, id="withdrawn before it came"),
        pytest.param({"requester": Requester.AGENT}, True, id="agent"),
        pytest.param({"reachable": False}, True, id="no mailbox"),
    ],
)
def test_receipt_waits_for_the_assessment_if_proof_is_needed(of: dict[str, Any], after: bool) -> None:
    assert acknowledged_after_assessment(PLAIN.model_copy(update=of)) is after
