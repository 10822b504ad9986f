"""Letters about a fee, and about a request withdrawn by silence about it."""

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


async def test_fee_letter_states_reason_last_day_and_place_to_agree() -> None:
    outbox = Outbox()
    assert kinds(await write_fee_letter(QUOTED, await notifier(outbox))) == [LetterKind.FEE_QUOTED]
    for said in (
        "€12.50", "The first copy is free", "18 March 2026", "Until you agree, we will do nothing",
        "we may send you an invoice", f"https://privacy.example.com/requests/{CASE}",
    ):  # fmt: skip
        assert said in outbox.words


async def test_withdrawn_request_gets_no_fee_letter() -> None:
    outbox = Outbox()
    assert not await write_fee_letter(
        QUOTED, await notifier(outbox, RECEIVED, RequestWithdrawn(request_id=CASE))
    )
    assert not outbox.letters


async def test_silence_about_a_fee_withdraws_the_request_and_costs_nothing() -> None:
    outbox = Outbox()
    silent = RequestWithdrawn(request_id=CASE, deemed=True)
    assert kinds(await confirm_withdrawal(silent, await notifier(outbox))) == [LetterKind.WITHDRAWN]
    assert "We did not hear from you" in outbox.words
    assert "You owe nothing" in outbox.words
    assert "You withdrew your request" not in outbox.words
