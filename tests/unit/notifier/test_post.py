"""What is known of a letter after each thing that can happen to it."""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from services.notifier.context import write_to
from services.notifier.domain import LetterCount
from services.notifier.smtp.post import LetterClaim, LetterPost, Posted
from services.notifier.smtp.server import Barred, MailboxFull, MailInDoubt, NoSuchMailbox, SenderBlamed
from shared.contract.events import LetterKind
from shared.errors import MailRefused, MailUnavailable, StoreUnavailable
from tests.unit.notifier.sample_letters import LETTERS, WRITTEN_AT
from tests.unit.notifier.test_letter_copies import KIM, context
from tests.unit.notifier.test_proofs import Outbox

LETTER, TO, WORDS = "case-1:event-1", "ada@example.org", b"a letter"
WAIT_FOR = timedelta(hours=12)


@dataclass
class Ledger:
    """Claims in memory."""

    begun: set[str] = field(default_factory=set)
    full_since: dict[str, datetime] = field(default_factory=dict)
    notices: dict[str, str] = field(default_factory=dict)
    away: bool = False
    held: bool = True

    sent: bool = False
    """Whether all letters are noted as sent."""

    async def claim(self, letter: str, notice: str) -> LetterClaim:
        self.notices[letter] = notice
        if self.away:
            raise StoreUnavailable("claims")
        known = LetterClaim.NEW if letter not in self.begun else LetterClaim.IN_DOUBT
        self.begun.add(letter)
        return LetterClaim.SENT if self.sent else known

    async def hand_over(self, letter: str, sending: Awaitable[object]) -> bool:
        assert letter in self.begun
        await sending
        return self.held

    async def is_begun(self, letter: str) -> bool:
        return letter in self.begun

    async def release(self, letter: str) -> None:
        self.begun.discard(letter)

    async def put_off(self, letter: str, now: datetime) -> datetime:
        return self.full_since.setdefault(letter, now)


@dataclass
class Server:
    """A mail server with given answers, and the claims as they stood when it was spoken to."""

    ledger: Ledger
    answers: list[Exception] = field(default_factory=list)
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    claimed_before: list[bool] = field(default_factory=list)

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        del recipient
        self.claimed_before.append(LETTER in self.ledger.begun)
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append((sender, message))


@dataclass
class Gate:
    """Limits that are used up, or not."""

    closed: bool = False

    async def admit(self, recipient: str) -> None:
        del recipient
        if self.closed:
            raise MailUnavailable("used up")


class Mailboxes:
    """Two letters a mailbox."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def admit(self, counted: LetterCount, mailbox: str, letter: str, now: datetime) -> bool:
        del counted, mailbox, now
        self.sent.append(letter)
        return len(self.sent) <= 2


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = WRITTEN_AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server(Ledger())


def post(server: Server, gate: Gate | None = None, clock: Clock | None = None) -> LetterPost:
    return LetterPost(
        server,
        server.ledger,
        gate or Gate(),
        Mailboxes(),
        return_path=lambda letter: f"{letter}@bounces.example.com",
        sign=lambda message: b"signed: " + message,
        wait_for=WAIT_FOR,
        clock=clock or Clock(),
    )


async def test_a_letter_is_claimed_before_it_is_handed_over(server: Server) -> None:
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT
    assert server.claimed_before == [True]


async def test_a_letter_goes_out_signed_and_comes_back_to_an_address_of_its_own(server: Server) -> None:
    await post(server).send(LETTER, TO, WORDS)
    assert server.taken == [(f"{LETTER}@bounces.example.com", b"signed: a letter")]


async def test_no_letter_goes_out_that_cannot_be_claimed(server: Server) -> None:
    server.ledger.away = True
    with pytest.raises(StoreUnavailable):
        await post(server).send(LETTER, TO, WORDS)
    assert server.taken == []


async def test_a_letter_beyond_the_limit_is_neither_begun_nor_sent(server: Server) -> None:
    with pytest.raises(MailUnavailable):
        await post(server, Gate(closed=True)).send(LETTER, TO, WORDS)
    assert server.ledger.begun == set()
    assert server.claimed_before == []


async def test_a_letter_that_was_begun_and_never_recorded_is_reported_as_doubtful(server: Server) -> None:
    await post(server).send(LETTER, TO, WORDS)  # and killed before the row was written
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT_PERHAPS_TWICE


@pytest.mark.parametrize(
    "answer", [MailUnavailable("greylisted"), SenderBlamed("535"), Barred("550 5.7.1"), MailboxFull("452")]
)
async def test_a_letter_that_was_surely_not_taken_is_as_good_as_new(
    server: Server, answer: MailUnavailable
) -> None:
    server.answers = [answer]
    with pytest.raises(MailUnavailable):
        await post(server).send(LETTER, TO, WORDS)
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT


async def test_letter_that_is_noted_as_sent_is_not_sent_again(server: Server) -> None:
    server.ledger.sent = True
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT
    assert server.taken == []


async def test_letter_whose_claim_was_taken_over_meanwhile_is_reported_as_doubtful(server: Server) -> None:
    server.ledger.held = False
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT_PERHAPS_TWICE


async def test_letter_with_lost_answer_stays_in_doubt(server: Server) -> None:
    server.answers = [MailInDoubt("no answer"), MailUnavailable("greylisted")]
    for _ in range(2):
        with pytest.raises(MailUnavailable):
            await post(server).send(LETTER, TO, WORDS)
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT_PERHAPS_TWICE


@pytest.mark.parametrize(
    ("answer", "posted", "reason"),
    [
        (MailRefused("too large"), Posted.REFUSED, "mail_refused"),
        (NoSuchMailbox("no such mailbox"), Posted.UNKNOWN_MAILBOX, "mailbox_unknown"),
    ],
)
async def test_a_letter_that_is_never_taken_is_an_answer_and_no_error(
    server: Server, answer: MailRefused, posted: Posted, reason: str
) -> None:
    server.answers = [answer]
    assert await post(server).send(LETTER, TO, WORDS) is posted
    assert posted.failure == reason


@pytest.mark.parametrize(
    ("answer", "posted", "reason"),
    [
        (MailboxFull("452"), Posted.FULL, "mailbox_full"),
        (Barred("550 5.7.1"), Posted.REFUSED, "mail_refused"),
    ],
)
async def test_letter_not_let_in_is_tried_for_a_while_and_then_reported(
    server: Server, answer: MailUnavailable, posted: Posted, reason: str
) -> None:
    server.answers = [answer] * 3
    clock = Clock()
    for wait in (timedelta(0), WAIT_FOR - timedelta(seconds=1)):
        clock.now = WRITTEN_AT + wait
        with pytest.raises(type(answer)):
            await post(server, clock=clock).send(LETTER, TO, WORDS)
    clock.now = WRITTEN_AT + WAIT_FOR
    assert await post(server, clock=clock).send(LETTER, TO, WORDS) is posted
    assert posted.failure == reason


@pytest.mark.parametrize("posted", [Posted.SENT, Posted.SENT_PERHAPS_TWICE])
def test_posted_letter_has_not_failed(posted: Posted) -> None:
    assert posted.failure is None


@pytest.mark.parametrize("answer", [SenderBlamed("550 5.7.1"), Barred("550 5.7.1")])
async def test_server_that_blames_us_is_logged_as_error_without_a_name(
    server: Server, answer: SenderBlamed, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [answer]
    with pytest.raises(SenderBlamed):
        await post(server).send(LETTER, TO, WORDS)
    said = capsys.readouterr().out
    assert "error" in said
    assert "5.7.1" in said
    assert "ada" not in said


async def test_letter_over_the_limit_of_its_mailbox_is_not_admitted(server: Server) -> None:
    way_out = post(server)
    admitted = [await way_out.admit(LetterCount.UNPROVEN, f"case:{n}", TO) for n in range(3)]
    assert admitted == [True, True, False]


async def test_letter_that_was_begun_is_not_counted_against_the_next_day(server: Server) -> None:
    way_out = post(server)
    await way_out.send(LETTER, TO, WORDS)
    for letter in ("case:1", "case:2", LETTER):
        assert await way_out.admit(LetterCount.UNPROVEN, letter, TO)
    assert not await way_out.admit(LetterCount.UNPROVEN, "case:3", TO)


async def test_claim_has_the_notice_of_its_letter() -> None:
    server = Server(Ledger())
    ctx = replace(await context(Outbox()), post=post(server))
    facts = LETTERS["acknowledgement"]
    [sent] = await write_to(KIM, LetterKind.ACKNOWLEDGEMENT, facts, ("gdpr@2018-05-25",), ctx)
    assert server.ledger.notices == {f"{ctx.case_id}:{ctx.event_id}": sent.model_dump_json()}
