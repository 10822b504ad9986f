"""References of the source that could be personal data: no page shows their keyed form."""

from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from services.console.api.answers import CaseAnswer
from services.console.read_model.cases import CasePage
from services.console.state import CaseRow
from shared.contract.correlation import KEYED
from tests.unit.console.test_decision_offers import CASE, received, view_of
from tests.unit.console.test_package_page import OneReview, client_of

FILTERS = "No request fits these filters."
OTHER_FIELD = "The search field below the filters finds mailboxes and references of any system."
KNOWN = {f"{KEYED}e672b4": None, "ticket-4711": "ticket-4711"}


class EmptyList(OneReview):
    """A console whose list fits no filter, and whose only case has a reference."""

    reference = ""

    async def row(self, _case: str) -> CaseRow:
        return replace(view_of([received()]).row, reference=self.reference)

    async def of(self, cases: Any) -> Any:
        """Return the facts of *cases*, or the saved views of an account: none."""
        return [] if isinstance(cases, str) else await super().of(cases)

    async def page(self, _wanted: object, _today: date, _after: str) -> CasePage:
        return CasePage([], 0, counted=True, next=None)

    async def values(self, _name: str) -> list[str]:
        return []


def client(**known: Any) -> httpx.AsyncClient:
    parts = EmptyList()
    for name, value in known.items():
        setattr(parts, name, value)
    return client_of(parts)


@pytest.mark.slow
@pytest.mark.parametrize(("reference", "shown"), KNOWN.items())
async def test_page_and_answer_of_a_case_show_no_keyed_reference(reference: str, shown: str | None) -> None:
    async with client(reference=reference) as http:
        page = (await http.get(f"/requests/{CASE}")).raise_for_status().text
    assert KEYED not in page
    assert ("Reference of the source" in page) == (shown is not None)
    row = replace(view_of([received()]).row, reference=reference)
    assert CaseAnswer.model_validate(row).reference == shown


@pytest.mark.slow
@pytest.mark.parametrize(("query", "hinted"), [("text=ticket-93606d", True), ("country=DE", False)])
async def test_empty_list_points_to_the_search_that_finds_references(query: str, hinted: bool) -> None:
    async with client() as http:
        page = (await http.get(f"/requests?{query}")).raise_for_status().text
    assert FILTERS in page
    assert (OTHER_FIELD in page) is hinted
