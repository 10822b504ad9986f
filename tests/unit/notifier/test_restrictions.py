"""GDPR Art. 18(3): no restriction ends before the person is notified."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce

import pytest

from services.notifier.context import NotifierContext, SenderSettings
from services.notifier.domain import Correspondence, LetterCount, evolve
from services.notifier.handlers import announce_lifting
from services.notifier.smtp.post import Posted
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    ExtensionReason,
    Fact,
    IdentityChallenged,
    LetterKind,
    LiftingReason,
    NoticeFailed,
    NoticeSent,
    RequestExtended,
    RequestSubmitted,
    RestrictionAnnounced,
    RestrictionLifting,
    SubjectRestricted,
)
from shared.errors import RefusedDecision
from shared.law import Right
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, WRITTEN_AT, asked

CASE = "a" * 32
RECEIVED = asked(Right.RESTRICTION)
RESTRICTED = SubjectRestricted(request_id=CASE, identifiers={})
LIFTING = RestrictionLifting(request_id=CASE, by="dana", reason=LiftingReason.PERSON_ASKS)
ANNOUNCED = RestrictionAnnounced(request_id=CASE, reason=LiftingReason.PERSON_ASKS)


@dataclass
class Counter:
    """A mail server that says the same of every letter."""

    answer: Posted
    letters: int = 0

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del letter, recipient, message
        self.letters += 1
        return self.answer


async def notifier(post: Counter, *known: Fact, email: str | None = "kim@example.org") -> NotifierContext:
    vault = MemoryVault()
    await vault.create(CASE)
    submitted = RequestSubmitted.model_validate(
        {"reference": "r", "right": "restriction", "subject": {"email": email}}
    )
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
    ctx = NotifierContext(CASE, Correspondence(), "e1", WRITTEN_AT, vault, post, house)
    return replace(ctx, known=reduce(evolve, known, Correspondence(assessed=True)))


@pytest.mark.parametrize("posted", [Posted.SENT, Posted.SENT_PERHAPS_TWICE])
async def test_a_restriction_may_end_when_the_mail_server_has_taken_the_letter(posted: Posted) -> None:
    facts = await announce_lifting(LIFTING, await notifier(Counter(posted), RECEIVED, RESTRICTED))
    assert facts[-1] == ANNOUNCED
    assert isinstance(facts[0], NoticeSent)
    assert facts[0].letter is LetterKind.LIFTING


@pytest.mark.parametrize(
    ("posted", "email"),
    [(Posted.REFUSED, "kim@example.org"), (Posted.SENT, None)],
    ids=["refused", "nowhere"],
)
async def test_undeliverable_announcement_keeps_the_restriction(posted: Posted, email: str | None) -> None:
    ctx = await notifier(Counter(posted), RECEIVED, RESTRICTED, email=email)
    [failed] = await announce_lifting(LIFTING, ctx)
    assert isinstance(failed, NoticeFailed)


@pytest.mark.parametrize(
    "known", [(RECEIVED,), (RECEIVED, RESTRICTED, ANNOUNCED)], ids=["never restricted", "announced already"]
)
async def test_no_end_is_announced_of_a_restriction_that_is_not_there(known: tuple[Fact, ...]) -> None:
    post = Counter(Posted.SENT)
    with pytest.raises(RefusedDecision, match="nothing_restricted"):
        await announce_lifting(LIFTING, await notifier(post, *known))
    assert post.letters == 0


def test_last_day_is_unknown_from_a_pause_to_the_next_stated_day() -> None:
    challenged = IdentityChallenged(request_id=CASE, expires_at=WRITTEN_AT, wanted=(), paused=True)
    later = RECEIVED.due_on + timedelta(days=60)
    extended = RequestExtended(
        request_id=CASE,
        reason=ExtensionReason.COMPLEXITY,
        promised_on=RECEIVED.due_on,
        due_on=later,
        meant_for=later,
        policy=RECEIVED.policy,
    )
    at_once = challenged.model_copy(update={"paused": False})
    for facts, due_on in (
        ((RECEIVED, at_once), RECEIVED.due_on),
        ((RECEIVED, challenged), None),
        ((RECEIVED, challenged, extended), later),
    ):
        assert reduce(evolve, facts, Correspondence()).due_on == due_on
