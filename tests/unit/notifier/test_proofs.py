"""Letters about proofs of identity, to the person and to their representative."""

import quopri
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest

from services.notifier.context import NotifierContext, SenderSettings
from services.notifier.domain import Correspondence, LetterCount, evolve
from services.notifier.handlers import (
    SUBSCRIPTIONS,
    challenge,
    refuse,
    remind,
    send_package_code,
    write_outcome_letter,
    write_review_letter,
)
from services.notifier.letters.reasons import IDENTITY_REASONS
from services.notifier.smtp.post import Posted
from shared.contract.answer import ANSWER, SUBMISSION, Answer
from shared.contract.events import (
    Evidence,
    Fact,
    IdentityChallenged,
    IdentityRefused,
    IdentityReminded,
    IdentityReviewNeeded,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    ProofKind,
    Requester,
    RequestFulfilled,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.contract.topology import LISTENS
from shared.errors import TooEarly
from shared.law import ReasonCode, Regulation, Right
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, WRITTEN_AT, asked

E = Evidence
CASE = "a" * 32
LATER = WRITTEN_AT + timedelta(days=30)
RECEIVED = asked(Right.ACCESS)
WAYS = ((E.MAILBOX,), (E.IDENTITY_DOCUMENT, E.ADDRESS_DOCUMENT))
WANTED = IdentityChallenged(request_id=CASE, expires_at=LATER, wanted=WAYS, paused=True)
CODE = IdentityChallenged(
    request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=LATER, wanted=WAYS
)
REMINDED = IdentityReminded(request_id=CASE, expires_at=LATER, wanted=WAYS)
REVIEWED = IdentityReviewNeeded(request_id=CASE, reasons=("name_partial",))
AGENT = {"name": "Helfer e. V.", "email": "helfer@example.net", "permission": "signed"}
PERSON = {"name": "Kim Beispiel", "email": "kim@example.org"}


@dataclass
class Outbox:
    """Takes every letter."""

    letters: list[tuple[str, str]] = field(default_factory=list)
    """Recipient and words."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del letter
        self.letters.append((recipient, quopri.decodestring(message).decode()))
        return Posted.SENT

    @property
    def words(self) -> str:
        [(_, words)] = self.letters
        return words


async def notifier(outbox: Outbox, *known: Fact, **submission: Any) -> NotifierContext:
    vault = MemoryVault()
    await vault.create(CASE)
    data = {"reference": "r", "right": "access", "subject": PERSON} | submission
    submitted = RequestSubmitted.model_validate(data)
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    await vault.seal(CASE, "code_0", b"402815")
    house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
    ctx = NotifierContext(CASE, Correspondence(), "e1", WRITTEN_AT, vault, outbox, house)
    return replace(ctx, known=reduce(evolve, known or (RECEIVED,), Correspondence(assessed=True)))


def kinds(facts: Any) -> list[LetterKind]:
    return [fact.letter for fact in facts if isinstance(fact, NoticeSent)]


async def test_challenge_without_code_lists_the_wanted_proofs_and_mails_none() -> None:
    outbox = Outbox()
    assert kinds(await challenge(WANTED, await notifier(outbox))) == [LetterKind.PROOF_WANTED]
    [(recipient, words)] = outbox.letters
    assert recipient == "kim@example.org"
    assert "a picture of your passport, identity card or driving licence, and a recent bill" in words
    assert f"https://privacy.example.com/requests/{CASE}\n" in words.replace("\r\n", "\n")
    assert "4 April 2026, 15:30 CEST" in words
    assert "402815" not in words


async def test_a_kind_without_a_code_does_not_send_one_either() -> None:
    outbox = Outbox()
    half = replace_event(CODE, ref=None)
    assert kinds(await challenge(half, await notifier(outbox))) == [LetterKind.PROOF_WANTED]


def replace_event(event: IdentityChallenged, **changes: Any) -> IdentityChallenged:
    return event.model_copy(update=changes)


async def test_the_link_to_the_page_fills_the_code_in() -> None:
    outbox = Outbox()
    assert kinds(await challenge(CODE, await notifier(outbox))) == [LetterKind.CODE]
    assert f"https://privacy.example.com/requests/{CASE}?code=402815" in outbox.words
    assert "alone is not enough" not in outbox.words


async def test_the_link_to_the_package_does_not_hold_its_code() -> None:
    """It is taken by GET: a mail scanner that follows the link would spend it."""
    outbox = Outbox()
    issued = PackageCodeIssued(request_id=CASE, ref="code_0", expires_at=LATER)
    await send_package_code(issued, await notifier(outbox))
    assert "402815" in outbox.words
    assert "?code=" not in outbox.words


@pytest.mark.parametrize(
    ("ways", "alone"),
    [
        pytest.param((), True, id="from before ways existed"),
        pytest.param(WAYS, True, id="one of the ways"),
        pytest.param(((E.ACCOUNT,), (E.MAILBOX, E.TWO_POINTS)), False, id="part of a way"),
    ],
)
async def test_further_proof_is_requested_with_the_code(
    ways: tuple[tuple[Evidence, ...], ...], alone: bool
) -> None:
    outbox = Outbox()
    await challenge(replace_event(CODE, wanted=ways), await notifier(outbox))
    assert ("The code alone is not enough" in outbox.words) is not alone


@pytest.mark.parametrize(
    ("agent", "requester", "words"),
    [
        pytest.param(AGENT, Requester.AGENT, "Helfer e. V. has asked us on your behalf.", id="agent"),
        pytest.param(AGENT | {"parent": True}, Requester.AGENT, "has asked us on your behalf", id="of age"),
        pytest.param(
            AGENT | {"name": "Win at https://example.net"},
            Requester.AGENT,
            "Someone has asked us on your behalf.",
            id="a name that is a message",
        ),
    ],
)
async def test_person_learns_the_representative_and_confirms_by_the_code(
    agent: dict[str, Any], requester: Requester, words: str
) -> None:
    """11 CCR 7063(a): the business may have the consumer confirm the permission directly."""
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"requester": requester})
    await challenge(CODE, await notifier(outbox, received, agent=agent))
    [(recipient, letter)] = outbox.letters
    assert recipient == "kim@example.org"
    assert words in letter
    assert "A copy of your personal data" in letter
    assert "to confirm your permission" in letter
    assert "You did not allow this?" in letter
    assert "example.net" not in letter


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        pytest.param("document_unreadable", "We could not read the document well enough.", id="unreadable"),
        pytest.param("name_mismatch", "It was not enough to confirm that it is you.", id="no oracle"),
    ],
)
async def test_reason_of_the_last_setback_is_coarse(reason: str, words: str) -> None:
    outbox = Outbox()
    await challenge(replace_event(WANTED, refused_for=reason), await notifier(outbox))
    assert words in outbox.words
    assert reason not in outbox.words


async def test_reminder_repeats_the_wanted_proofs_and_the_last_day() -> None:
    outbox = Outbox()
    assert kinds(await remind(REMINDED, await notifier(outbox))) == [LetterKind.REMINDER]
    for words in (
        "We have not received anything yet",
        "the code that we mail to you",
        "4 April 2026, 15:30 CEST",
    ):
        assert words in outbox.words


async def test_person_waiting_for_the_staff_is_notified_without_the_reason() -> None:
    outbox = Outbox()
    assert kinds(await write_review_letter(REVIEWED, await notifier(outbox))) == [LetterKind.IN_REVIEW]
    assert "name_partial" not in outbox.words
    assert f"https://privacy.example.com/requests/{CASE}" in outbox.words


@pytest.mark.parametrize(
    ("law", "policy", "paused", "stands"),
    [
        pytest.param(
            Regulation.GDPR, "gdpr@2018-05-25", True, True, id="EDPB Guidelines 01/2022 section 5.3"
        ),
        pytest.param(Regulation.GDPR, "gdpr@2018-05-25", False, False, id="asked too late, or kept waiting"),
        pytest.param(Regulation.CCPA, "us-ca-ccpa@2026-01-01", True, False, id="11 CCR 7021(b)"),
    ],
)
async def test_the_clock_stands_only_where_the_law_lets_it(
    law: Regulation, policy: str, paused: bool, stands: bool
) -> None:
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"regulation": law, "policy": policy})
    await challenge(WANTED.model_copy(update={"paused": paused}), await notifier(outbox, received))
    assert ("is paused" in outbox.words) is stands


SETTLED = (
    RequestWithdrawn(request_id=CASE),
    IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",)),
    RequestFulfilled(request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer"),
)


@pytest.mark.parametrize("settled", SETTLED, ids=lambda fact: fact.TYPE)
async def test_no_proof_is_requested_once_it_is_settled(settled: Fact) -> None:
    outbox = Outbox()
    ctx = await notifier(outbox, RECEIVED, settled)
    assert [
        *await challenge(WANTED, ctx),
        *await remind(REMINDED, ctx),
        *await write_review_letter(REVIEWED, ctx),
    ] == []
    assert outbox.letters == []


async def test_event_that_overtakes_the_acknowledgement_waits_for_it() -> None:
    ctx = replace(await notifier(Outbox()), known=Correspondence())
    with pytest.raises(TooEarly):
        await challenge(WANTED, ctx)
    with pytest.raises(TooEarly):
        await remind(REMINDED, ctx)
    with pytest.raises(TooEarly):
        await write_review_letter(REVIEWED, ctx)


async def test_person_without_mailbox_is_not_asked_by_mail() -> None:
    ctx = await notifier(Outbox(), subject={"name": "Kim Beispiel"})
    [failed] = await challenge(WANTED, ctx)
    assert isinstance(failed, NoticeFailed)
    assert (failed.letter, failed.reason) == (LetterKind.PROOF_WANTED, "no_address")


async def test_german_letters_ask_in_german() -> None:
    outbox = Outbox()
    await challenge(WANTED, await notifier(outbox, locale="de"))
    assert "ein Bild Ihres Reisepasses, Personalausweises oder Führerscheins sowie eine" in outbox.words
    assert "Art. 12 Abs. 6 DSGVO" in outbox.words
    assert "You" not in outbox.words


@pytest.mark.parametrize(
    "reason",
    ["not_proven_in_time", "proof_not_convincing", "permission_not_shown", "identity_not_established"],
)
def test_refusal_for_identity_states_that_proof_ends_it(reason: str) -> None:
    assert ReasonCode(reason) in IDENTITY_REASONS


@pytest.mark.parametrize("reasons", [("not_the_person",), ("not_the_person", "unidentifiable")])
async def test_refusal_for_a_reason_that_no_letter_knows_reaches_the_person(reasons: tuple[str, ...]) -> None:
    outbox = Outbox()
    refused = IdentityRefused(request_id=CASE, reasons=reasons)
    assert kinds(await refuse(refused, await notifier(outbox))) == [LetterKind.REFUSAL]
    assert "not_the_person" not in outbox.words


async def test_answer_for_a_reason_that_no_letter_knows_reaches_the_person() -> None:
    outbox = Outbox()
    ctx = await notifier(outbox)
    await ctx.vault.seal(CASE, ANSWER, Answer().model_dump_json().encode())
    refused = RequestFulfilled(
        request_id=CASE, answer=ANSWER, right=Right.ACCESS, outcome=Outcome.REFUSED, reasons={"not_known": 1}
    )
    assert kinds(await write_outcome_letter(refused, ctx)) == [LetterKind.OUTCOME]
    assert "not_known" not in outbox.words


async def test_explained_refusal_states_no_reason_of_ours_in_place_of_one_that_no_letter_knows() -> None:
    salt, outbox = bytes(TEXT_SALT_BYTES), Outbox()
    explained = salted(b"The contest ended before you asked.", salt)
    item, ctx = written_item(explained), await notifier(outbox)
    await ctx.vault.seal(CASE, item, explained)
    await ctx.vault.seal(CASE, ANSWER, Answer().model_dump_json().encode())
    refused = RequestFulfilled(
        request_id=CASE,
        answer=ANSWER,
        right=Right.OBJECTION,
        outcome=Outcome.REFUSED,
        reasons={"contest_ended": 1},
        explanation=item,
    )
    await write_outcome_letter(refused, ctx)
    assert "The contest ended before you asked." in outbox.words
    assert "could not confirm" not in outbox.words


def test_notifier_subscribes_to_its_handled_events() -> None:
    assert {subscription.event.TYPE for subscription in SUBSCRIPTIONS} <= set(LISTENS["notifier"])


async def test_letter_has_the_demands_of_each_law_that_protects_the_person() -> None:
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"also": ("us-va@2023-01-01",)})
    refused = IdentityRefused(request_id=CASE, reasons=("not_proven_in_time",))
    await refuse(refused, await notifier(outbox, received))
    assert AUTHORITY.name in outbox.words
    assert "Attorney General of Virginia" in outbox.words
    assert "You can appeal within 60 days" in outbox.words


async def test_the_clock_stands_still_only_where_each_of_the_laws_lets_it() -> None:
    outbox = Outbox()
    received = RECEIVED.model_copy(update={"also": ("us-ca-ccpa@2026-01-01",)})
    await challenge(WANTED, await notifier(outbox, received))
    assert "is paused" not in outbox.words
