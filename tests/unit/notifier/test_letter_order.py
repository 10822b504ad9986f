"""Letters keep their order: what overtakes the acknowledgement waits for it."""

import pytest

from services.notifier.context import NotifierContext, SenderSettings
from services.notifier.domain import Correspondence, LetterCount, evolve
from services.notifier.handlers import confirm_withdrawal, refuse, write_outcome_letter
from services.notifier.smtp.post import Posted
from shared.contract.answer import ANSWER, Answer
from shared.contract.events import (
    IdentityRefused,
    LetterKind,
    NoticeSent,
    Outcome,
    RequestFulfilled,
    RequestWithdrawn,
)
from shared.errors import TooEarly
from shared.law import Right
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, WRITTEN_AT

CASE = "a" * 32


class Unused:
    """A way out that nothing may take."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del letter, recipient, message
        raise AssertionError("a letter went out before its acknowledgement")


async def unacknowledged() -> NotifierContext:
    vault = MemoryVault()
    await vault.create(CASE)
    await vault.seal(CASE, ANSWER, Answer().model_dump_json().encode())
    house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
    return NotifierContext(CASE, Correspondence(), "e1", WRITTEN_AT, vault, Unused(), house)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE])
async def test_an_outcome_that_overtakes_the_acknowledgement_waits_for_it(
    right: Right, outcome: Outcome
) -> None:
    fulfilled = RequestFulfilled(answer="answer", request_id=CASE, right=right, outcome=outcome)
    with pytest.raises(TooEarly):
        await write_outcome_letter(fulfilled, await unacknowledged())


async def test_a_refusal_that_overtakes_the_acknowledgement_waits_for_it() -> None:
    refused = IdentityRefused(request_id=CASE, reasons=("unidentifiable",))
    with pytest.raises(TooEarly):
        await refuse(refused, await unacknowledged())


async def test_a_withdrawal_that_overtakes_the_acknowledgement_waits_for_it() -> None:
    with pytest.raises(TooEarly):
        await confirm_withdrawal(RequestWithdrawn(request_id=CASE), await unacknowledged())


def test_request_that_an_earlier_release_acknowledged_before_its_assessment_waits_for_nothing() -> None:
    acknowledged = NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT)
    assert evolve(Correspondence(), acknowledged).assessed
    assert not evolve(Correspondence(), NoticeSent(request_id=CASE, letter=LetterKind.CODE)).assessed
