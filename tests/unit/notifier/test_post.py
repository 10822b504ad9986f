"""What is known of a letter after each thing that can happen to it."""

from dataclasses import dataclass, field

import pytest

from services.notifier.channels import MailInDoubt
from services.notifier.post import Post, Posted
from shared.errors import MailRefused, MailUnavailable, StoreUnavailable

LETTER, TO, WORDS = "event-1", "ada@example.org", b"a letter"


@dataclass
class Ledger:
    """Claims in memory."""

    begun: set[str] = field(default_factory=set)
    away: bool = False

    async def claim(self, letter: str) -> bool:
        if self.away:
            raise StoreUnavailable("claims")
        first = letter not in self.begun
        self.begun.add(letter)
        return first

    async def release(self, letter: str) -> None:
        self.begun.discard(letter)


@dataclass
class Server:
    """A mail server that answers as it is told, and the claims as they stood when it was spoken to."""

    ledger: Ledger
    answers: list[Exception] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    claimed_before: list[bool] = field(default_factory=list)

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        del sender, recipient
        self.claimed_before.append(LETTER in self.ledger.begun)
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append(message)


@pytest.fixture
def server() -> Server:
    return Server(Ledger())


def post(server: Server) -> Post:
    return Post(server, server.ledger, "bounces@example.com")


async def test_a_letter_is_claimed_before_it_is_handed_over(server: Server) -> None:
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT
    assert server.claimed_before == [True]


async def test_no_letter_goes_out_that_cannot_be_claimed(server: Server) -> None:
    server.ledger.away = True
    with pytest.raises(StoreUnavailable):
        await post(server).send(LETTER, TO, WORDS)
    assert server.taken == []


async def test_a_letter_that_was_begun_and_never_recorded_is_reported_as_doubtful(server: Server) -> None:
    await post(server).send(LETTER, TO, WORDS)  # and killed before the row was written
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT_PERHAPS_TWICE


async def test_a_letter_that_was_surely_not_taken_is_as_good_as_new(server: Server) -> None:
    server.answers = [MailUnavailable("greylisted")]
    with pytest.raises(MailUnavailable):
        await post(server).send(LETTER, TO, WORDS)
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT


async def test_a_letter_whose_answer_was_lost_stays_in_doubt(server: Server) -> None:
    server.answers = [MailInDoubt("no answer"), MailUnavailable("greylisted")]
    for _ in range(2):
        with pytest.raises(MailUnavailable):
            await post(server).send(LETTER, TO, WORDS)
    assert await post(server).send(LETTER, TO, WORDS) is Posted.SENT_PERHAPS_TWICE


async def test_a_letter_that_is_never_taken_is_an_answer_and_no_error(server: Server) -> None:
    server.answers = [MailRefused("no such mailbox")]
    assert await post(server).send(LETTER, TO, WORDS) is Posted.REFUSED
