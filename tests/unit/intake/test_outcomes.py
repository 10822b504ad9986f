"""The page of a request for people without an address."""

import pytest

from services.intake.domain import CaseStatus, IntakeCase
from services.intake.pages import proof_form
from services.intake.pages.request_page import GROUNDS, RECORDED, STANDINGS, grounds_of, outcome_text
from shared.contract.events import (
    IdentityRefused,
    LetterKind,
    NoticeFailed,
    Outcome,
    RefusalGround,
    RequestFulfilled,
)
from shared.law import ReasonCode, Right
from tests.unit.fakes import Office
from tests.unit.platforms import ROOT, platforms, signed_request


async def page_after(outcome: Outcome | None, reasons: dict[str, int], *, reachable: bool = False) -> str:
    """Return the page that Meta links to, after the decision."""
    office = Office(trusted={"meta"} if outcome else ())
    async with platforms(office) as calling:
        said = (await calling.meta(signed_request())).json()
        case = said["confirmation_code"]
        if outcome is None:
            refused = IdentityRefused(request_id=case, reasons=tuple(reasons))
            await office.tell(refused, service="verifier")
        else:
            await office.tell(
                RequestFulfilled(
                    request_id=case, right=Right.ERASURE, outcome=outcome, reasons=reasons, answer="answer"
                )
            )
        if not reachable:
            await office.tell(no_address(case), service="notifier")
        return (await calling.http.get(said["url"].removeprefix(ROOT))).text


def no_address(case: str) -> NoticeFailed:
    return NoticeFailed(request_id=case, letter=LetterKind.OUTCOME, reason="no_address")


@pytest.mark.parametrize("outcome", Outcome)
async def test_without_an_address_the_page_shows_outcome_and_reasons(outcome: Outcome) -> None:
    page = await page_after(outcome, {"retention_duty": 3, "changed_meanwhile": 1})
    assert STANDINGS[outcome] in page
    assert "our letter" not in page
    assert GROUNDS["retention_duty"] in page
    assert "changed meanwhile" in page


@pytest.mark.parametrize(("recipients", "shown"), [(0, STANDINGS[Outcome.GRANTED]), (2, RECORDED)])
def test_page_calls_a_request_done_only_without_recipients_to_notify(recipients: int, shown: str) -> None:
    fulfilled = RequestFulfilled(
        request_id="c" * 32,
        right=Right.OPT_OUT_OF_SALE,
        outcome=Outcome.GRANTED,
        answer="answer",
        recipients=recipients,
    )
    case = IntakeCase(status=CaseStatus.ANSWERED, fulfilled=fulfilled, addressless=True)
    assert outcome_text(case) == shown


async def test_a_refusal_shows_the_reason() -> None:
    page = await page_after(None, {"not_proven_in_time": 1})
    assert STANDINGS[Outcome.REFUSED] in page
    assert GROUNDS["not_proven_in_time"] in page
    assert "our letter" not in page


async def test_with_an_address_the_outcome_is_in_the_letter() -> None:
    page = await page_after(Outcome.PARTLY_GRANTED, {"retention_duty": 3}, reachable=True)
    assert "our letter is on its way" in page
    assert GROUNDS["retention_duty"] not in page


def test_page_has_a_text_for_each_ground_of_the_staff() -> None:
    assert set(RefusalGround) <= set(GROUNDS)


def test_every_ground_is_one_that_letters_know() -> None:
    assert set(GROUNDS) <= set(ReasonCode)


def test_a_request_that_is_under_way_stands_where_it_stands() -> None:
    assert outcome_text(IntakeCase()) == proof_form.status_text(IntakeCase())
    assert list(grounds_of(IntakeCase())) == []
