"""Letters that count towards the limit per mailbox and day."""

from datetime import timedelta
from functools import reduce

import pytest

from services.notifier.domain import Correspondence, LetterCount, count_of, evolve
from services.notifier.letters.letter_models import CodeLetter, CodePurpose, LetterFacts, Withdrawn
from shared.contract.events import ErasureScheduled, Fact, IdentityRefused, LetterKind, MailboxNamed
from shared.law import Right
from tests.unit.notifier.sample_letters import WRITTEN_AT, asked

CASE = "a" * 32
FACTS: LetterFacts = Withdrawn(
    Right.ACCESS, WRITTEN_AT.date(), WRITTEN_AT.date(), deemed=False, stopped=False
)
PROOFLESS = (Right.OPT_OUT_OF_SALE, Right.CONSENT_WITHDRAWAL, Right.LIMIT_SENSITIVE_USE)
NEVER = {
    LetterKind.FORWARDED_TO_CONTROLLER: "a customer of the company, who must have each request",
    LetterKind.MESSAGE: "written and signed by staff, each with a one-time code",
}
TO_OTHERS = {LetterKind.NAMED_MAILBOX, LetterKind.ALIAS_CODE}
SCHEDULED = ErasureScheduled(request_id=CASE, at=WRITTEN_AT)
NAMED = MailboxNamed(request_id=CASE, right=Right.ACCESS, ref="named_mailbox_1")


def known(right: Right, *facts: Fact) -> Correspondence:
    return reduce(evolve, facts, evolve(Correspondence(), asked(right)))


@pytest.mark.parametrize("right", PROOFLESS)
@pytest.mark.parametrize("letter", sorted(set(LetterKind) - {LetterKind.NAMED_MAILBOX, *NEVER}))
def test_every_letter_about_a_right_that_needs_no_proof_is_limited(right: Right, letter: LetterKind) -> None:
    assert count_of(letter, FACTS, known(right)) is LetterCount.UNPROVEN


@pytest.mark.parametrize(
    "letter",
    [
        LetterKind.ACKNOWLEDGEMENT,
        LetterKind.CODE,
        LetterKind.CLARIFICATION,
        LetterKind.COMPLAINT_RECEIVED,
        LetterKind.DUPLICATE,
        LetterKind.EXTENSION,
        LetterKind.FORWARDED,
        LetterKind.IN_REVIEW,
        LetterKind.LATE,
        LetterKind.PROOF_WANTED,
        LetterKind.REFUSAL,
        LetterKind.REMINDER,
        LetterKind.WITHDRAWN,
    ],
)
def test_every_letter_of_a_request_that_is_not_proven_is_limited(letter: LetterKind) -> None:
    refused = IdentityRefused(request_id=CASE, reasons=("expired",))
    assert count_of(letter, FACTS, known(Right.ERASURE)) is LetterCount.UNPROVEN
    assert count_of(letter, FACTS, known(Right.ERASURE, refused)) is LetterCount.UNPROVEN


def test_letter_before_its_request_is_known_is_limited() -> None:
    assert count_of(LetterKind.CLARIFICATION, FACTS, Correspondence()) is LetterCount.UNPROVEN


@pytest.mark.parametrize("proof", [SCHEDULED, NAMED])
@pytest.mark.parametrize("letter", sorted(set(LetterKind) - TO_OTHERS))
def test_no_letter_of_a_proven_request_is_limited(proof: Fact, letter: LetterKind) -> None:
    assert count_of(letter, FACTS, known(Right.ERASURE, proof)) is None


@pytest.mark.parametrize(
    "letter",
    [
        LetterKind.ERASURE_SCHEDULED,
        LetterKind.FEE_QUOTED,
        LetterKind.LIFTING,
        LetterKind.OUTCOME,
        LetterKind.PACKAGE_EXPIRING,
        LetterKind.WEIGHING,
    ],
)
def test_letter_that_follows_from_a_proof_is_not_limited(letter: LetterKind) -> None:
    assert count_of(letter, FACTS, known(Right.ERASURE)) is None


def test_code_that_opens_a_package_is_not_limited() -> None:
    until = WRITTEN_AT + timedelta(minutes=30)
    assert (
        count_of(LetterKind.CODE, CodeLetter("1", until, CodePurpose.DOWNLOAD), known(Right.ACCESS)) is None
    )
    assert (
        count_of(LetterKind.CODE, CodeLetter("1", until, CodePurpose.IDENTITY), known(Right.ACCESS))
        is LetterCount.UNPROVEN
    )


@pytest.mark.parametrize(
    ("letter", "counted"),
    [
        (LetterKind.ALIAS_CODE, LetterCount.UNPROVEN),
        (LetterKind.NAMED_MAILBOX, LetterCount.NOTICES),
    ],
)
def test_letters_to_other_mailboxes_are_limited_also_of_a_proven_request(
    letter: LetterKind, counted: LetterCount
) -> None:
    assert count_of(letter, FACTS, known(Right.ERASURE, SCHEDULED)) is counted
