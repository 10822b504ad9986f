"""What each answer of a mail server means."""

import pytest

from services.notifier.smtp.reply_codes import LetterOutcome, outcome_of, status_in


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        pytest.param(421, None, LetterOutcome.LATER, id="421: the server closes"),
        pytest.param(450, None, LetterOutcome.LATER, id="450: greylisting"),
        pytest.param(451, "4.7.1", LetterOutcome.LATER, id="451 4.7.1: greylisting"),
        pytest.param(452, None, LetterOutcome.LATER, id="452: the server has no room"),
        pytest.param(452, "4.3.1", LetterOutcome.LATER, id="452 4.3.1: the server has no room"),
        pytest.param(452, "4.2.2", LetterOutcome.FULL, id="452 4.2.2: the mailbox has no room"),
        pytest.param(552, "5.2.2", LetterOutcome.FULL, id="552 5.2.2: the mailbox has no room"),
        pytest.param(552, None, LetterOutcome.FULL, id="552: the mailbox has no room"),
        pytest.param(550, "5.1.1", LetterOutcome.UNKNOWN_MAILBOX, id="5.1.1: no such mailbox"),
        pytest.param(550, "5.1.10", LetterOutcome.UNKNOWN_MAILBOX, id="5.1.10: the domain takes no mail"),
        pytest.param(556, None, LetterOutcome.UNKNOWN_MAILBOX, id="556: the domain takes no mail"),
        pytest.param(551, None, LetterOutcome.UNKNOWN_MAILBOX, id="551: no user of this server"),
        pytest.param(553, None, LetterOutcome.UNKNOWN_MAILBOX, id="553: the name of a mailbox is none"),
        pytest.param(550, "5.2.1", LetterOutcome.UNKNOWN_MAILBOX, id="5.2.1: the mailbox is disabled"),
        pytest.param(550, "5.1.8", LetterOutcome.OURS, id="5.1.8: the sender's domain"),
        pytest.param(550, "5.7.1", LetterOutcome.BARRED, id="5.7.1: policy"),
        pytest.param(550, "5.7.26", LetterOutcome.OURS, id="5.7.26: not authenticated"),
        pytest.param(530, "5.7.0", LetterOutcome.OURS, id="530: log in first"),
        pytest.param(535, None, LetterOutcome.OURS, id="535: the log-in is wrong"),
        pytest.param(503, None, LetterOutcome.OURS, id="503: the order of commands"),
        pytest.param(550, "5.5.0", LetterOutcome.NEVER, id="5.5.0: an unknown mailbox, at large providers"),
        pytest.param(554, "5.3.2", LetterOutcome.LATER, id="5.3.2: the system is down for now"),
        pytest.param(552, "5.3.4", LetterOutcome.NEVER, id="5.3.4: the letter is too large"),
        pytest.param(554, "5.6.1", LetterOutcome.NEVER, id="5.6.1: its content"),
        pytest.param(550, None, LetterOutcome.NEVER, id="550 says either"),
        pytest.param(554, None, LetterOutcome.NEVER, id="554 says nothing"),
    ],
)
def test_answer_decides_the_outcome_of_the_letter(
    code: int, status: str | None, expected: LetterOutcome
) -> None:
    assert outcome_of(code, status) is expected


@pytest.mark.parametrize("status", [None, "5.1.1", "5.5.4", "5.7.1"])
def test_refusal_before_the_recipient_is_named_is_ours(status: str | None) -> None:
    assert outcome_of(550, status, recipient_named=False) is LetterOutcome.OURS


def test_deferral_before_the_recipient_is_named_is_only_deferred() -> None:
    assert outcome_of(451, "4.3.0", recipient_named=False) is LetterOutcome.LATER


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 ada@example.org is unknown", "5.1.1"),
        ("5.7.26", "5.7.26"),
        ("Unknown user 5.1.1", None),
        ("5.1.1ada", None),
        ("3.1.1 no such class", None),
    ],
)
def test_a_status_is_read_where_it_must_stand(text: str, status: str | None) -> None:
    assert status_in(text) == status
