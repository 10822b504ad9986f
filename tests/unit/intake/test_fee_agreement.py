"""Fees: the requester agrees or withdraws; silence after the letter withdraws, too."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.intake.cases.errors import NotPossibleNow
from services.intake.domain import CaseStatus, request_id
from shared.contract.events import (
    DeadlineCame,
    Fact,
    FeeAgreed,
    FeeQuoted,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    RequestWithdrawn,
)
from shared.law import FeeReason, Money
from tests.unit.fakes import ABROAD, REQUEST_KEY, SOURCE, Office, request
from tests.unit.intake_api import client_of

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
UNAGREED = "fee_unagreed_20260318"
QUOTED = FeeQuoted(
    request_id=CASE,
    fee=Money(amount=Decimal("12.5"), currency="EUR"),
    reason=FeeReason.FURTHER_COPY,
    answer_by=date(2026, 3, 18),
)
NOTIFIED = NoticeSent(request_id=CASE, letter=LetterKind.FEE_QUOTED)
CAME_BACK = NoticeFailed(request_id=CASE, letter=LetterKind.FEE_QUOTED, reason="bounced")
OVER = DeadlineCame(request_id=CASE, name=UNAGREED)


async def quoted(*more: Fact) -> Office:
    """Return an office that has verified who asks, quoted a fee, and heard *more*."""
    office = Office(trusted={SOURCE})
    await office.submit(request())
    await office.tell(QUOTED, *more)
    return office


async def test_page_shows_the_fee_and_lets_the_person_agree_or_withdraw() -> None:
    office = await quoted()
    async with client_of(office.requests) as client:
        page = await client.get(f"/requests/{CASE}")
        status = (await client.get(f"/v1/requests/{CASE}")).json()
    assert "I agree to pay €12.50" in page.text
    assert "we may send you an invoice" in page.text
    assert f'action="/requests/{CASE}/withdrawal"' in page.text
    assert status["fee"] == {
        "fee": {"amount": "12.5", "currency": "EUR"},
        "reason": "further_copy",
        "answer_by": "2026-03-18",
        "agreed": False,
    }


@pytest.mark.parametrize("path", ["/requests/{}/fee", "/v1/requests/{}/fee"])
async def test_an_agreement_by_page_or_api_leads_to_the_answer(path: str) -> None:
    office = await quoted(NOTIFIED)
    async with client_of(office.requests) as client:
        answer = await client.post(path.format(CASE))
        assert answer.is_success
        await office.work()
        assert office.the(FeeAgreed).request_id == CASE
        again = await client.post(path.format(CASE))
    assert again.status_code == 409
    await office.tell(OVER, service="intake")
    assert not office.facts(RequestWithdrawn)


async def test_of_two_agreements_at_once_one_counts() -> None:
    office = await quoted()
    both = (office.requests.agree(CASE), office.requests.agree(CASE))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), NotPossibleNow]
    assert len(office.facts(FeeAgreed)) == 1


async def test_the_last_day_to_agree_is_waited_for_to_its_end_in_the_zone_of_the_company() -> None:
    office = await quoted()
    assert office.deadlines.moments[CASE, UNAGREED] == datetime(2026, 3, 18, 23, tzinfo=UTC)


BRAZIL = {"residence": {"country": "BR"}}
SWITZERLAND = {"residence": {"country": "CH"}}


async def quoted_on(day: datetime, **data: Any) -> Office:
    """Return an office abroad that quotes a fee and sends its letter on *day*."""
    office = Office(trusted={SOURCE}, practice=ABROAD)
    await office.submit(request(**data))
    office.clock.now = day
    answer_by = QUOTED.answer_by.replace(day=day.day + 1)
    await office.tell(QUOTED.model_copy(update={"answer_by": answer_by}), NOTIFIED)
    return office


def last_agreement(office: Office) -> datetime:
    return max(at for (_, name), at in office.deadlines.moments.items() if name.startswith("fee_unagreed"))


async def test_fee_is_not_waited_for_longer_than_the_law_leaves_time() -> None:
    office = await quoted_on(datetime(2026, 3, 9, 12, tzinfo=UTC), **BRAZIL)
    assert last_agreement(office) == datetime(2026, 3, 13, 23, tzinfo=UTC), (
        "due on 19 March, meant for the 14th"
    )


async def test_fee_quoted_after_the_time_to_wait_leaves_ten_days() -> None:
    office = await quoted_on(datetime(2026, 3, 16, 12, tzinfo=UTC), **BRAZIL)
    assert last_agreement(office) == datetime(2026, 3, 26, 23, tzinfo=UTC)


async def test_swiss_fee_is_waited_for_ten_days_also_at_the_end_of_the_period() -> None:
    """DPO Art. 19(3)."""
    office = await quoted_on(datetime(2026, 3, 27, 12, tzinfo=UTC), **SWITZERLAND)
    assert last_agreement(office) == datetime(2026, 4, 6, 22, tzinfo=UTC)


async def test_silence_after_a_fee_letter_withdraws_the_request() -> None:
    office = await quoted(NOTIFIED)
    await office.tell(OVER, OVER, service="intake")
    assert office.the(RequestWithdrawn).deemed
    with pytest.raises(NotPossibleNow):
        await office.requests.agree(CASE)
    assert not office.facts(FeeAgreed)


@pytest.mark.parametrize(
    "letters", [pytest.param((), id="not sent"), pytest.param((NOTIFIED, CAME_BACK), id="came back")]
)
async def test_silence_does_not_count_without_a_delivered_letter(letters: tuple[Fact, ...]) -> None:
    office = await quoted(*letters)
    await office.tell(OVER, service="intake")
    assert not office.facts(RequestWithdrawn)
    assert (await office.requests.case(CASE)).status is CaseStatus.VERIFIED


async def test_agreement_needs_a_quoted_fee_and_an_open_request() -> None:
    office = Office(trusted={SOURCE})
    await office.submit(request())
    with pytest.raises(NotPossibleNow):
        await office.requests.agree(CASE)
    await office.tell(QUOTED)
    await office.requests.withdraw(CASE)
    await office.work()
    with pytest.raises(NotPossibleNow):
        await office.requests.agree(CASE)
    assert not office.facts(FeeAgreed)


async def test_the_laws_that_protect_the_person_go_on_with_their_verified_identity() -> None:
    office = await quoted()
    [verified] = [event for event in office.events() if event.TYPE == "habeas.identity.verified.v1"]
    received = (await office.requests.case(CASE)).received
    assert received is not None
    assert verified.model_dump()["laws"] == received.laws
