"""What a person is told of a fee, and of a request that their silence about it has taken back."""

from datetime import date
from decimal import Decimal

from services.notifier.handlers import confirm_withdrawal
from services.notifier.letters.lifecycle import write_fee_letter
from shared.contract.events import FeeQuoted, LetterKind, RequestWithdrawn
from shared.law import FeeReason, Money
from tests.unit.notifier.test_proofs import CASE, RECEIVED, Outbox, kinds, notifier

QUOTED = FeeQuoted(
    request_id=CASE,
    fee=Money(amount=Decimal("12.50"), currency="EUR"),
    reason=FeeReason.FURTHER_COPY,
    answer_by=date(2026, 3, 18),
)


async def test_a_fee_is_told_with_its_reason_the_last_day_to_agree_and_where() -> None:
    outbox = Outbox()
    assert kinds(await write_fee_letter(QUOTED, await notifier(outbox))) == [LetterKind.FEE_QUOTED]
    for said in (
        "€12.50", "The first copy is free", "18 March 2026", "Before you agree we do nothing",
        "you get an invoice", f"https://privacy.example.com/requests/{CASE}",
    ):  # fmt: skip
        assert said in outbox.words


async def test_whoever_has_taken_the_request_back_is_told_of_no_fee() -> None:
    outbox = Outbox()
    assert not await write_fee_letter(
        QUOTED, await notifier(outbox, RECEIVED, RequestWithdrawn(request_id=CASE))
    )
    assert not outbox.letters


async def test_whose_silence_took_the_request_back_is_told_so_and_owes_nothing() -> None:
    outbox = Outbox()
    silent = RequestWithdrawn(request_id=CASE, deemed=True)
    assert kinds(await confirm_withdrawal(silent, await notifier(outbox))) == [LetterKind.WITHDRAWN]
    assert "We heard nothing" in outbox.words
    assert "you owe nothing" in outbox.words
    assert "You withdrew your request" not in outbox.words
