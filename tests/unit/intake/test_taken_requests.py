"""Requests that the staff wrote down: by telephone, by post, in person."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.intake.cases.sealed_content import sealed_request
from services.intake.domain import RequestLodged
from shared.contract.events import DecisionRefused, OfflineManner, RequestReceived, RequestTaken
from shared.contract.staff import salted, written_item
from tests.unit.fakes import NOW, Office, request

CASE = "e" * 32
CALLED = NOW - timedelta(days=3)


async def taken(office: Office, text: bytes, *, name: str = "", **changes: Any) -> None:
    """Have the staff record the request in *text*, under another *name* where one is given."""
    content = salted(text, b"s" * 16)
    await office.vault.create(CASE)
    await office.vault.seal(CASE, name or written_item(content), content)
    fields = {"request_id": CASE, "by": "anna", "manner": "telephone", "received_at": CALLED}
    decision = RequestTaken.model_validate(fields | {"content": name or written_item(content)} | changes)
    await office.tell(decision, service="intake")


@pytest.mark.parametrize("manner", OfflineManner)
async def test_request_counts_from_the_day_on_which_it_was_made(manner: OfflineManner) -> None:
    office = Office()
    await taken(office, orjson.dumps(request()), manner=manner)
    [received] = office.facts(RequestReceived)
    assert (received.received_at, received.source) == (CALLED, f"habeas/{manner}")
    [lodged] = office.facts(RequestLodged)
    assert lodged.source == f"habeas/{manner}"
    assert (await sealed_request(office.vault, CASE)).received_at == CALLED


async def test_receipt_in_the_future_counts_from_now() -> None:
    office = Office()
    await taken(office, orjson.dumps(request()), received_at=NOW + timedelta(days=3))
    assert [fact.received_at for fact in office.facts(RequestReceived)] == [NOW]


async def test_id_of_another_request_is_refused() -> None:
    office = Office()
    await taken(office, orjson.dumps(request()))
    await taken(office, orjson.dumps(request(right="erasure")))
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["request_exists"]
    assert len(office.facts(RequestReceived)) == 1


async def test_request_of_a_wrong_form_is_refused() -> None:
    office = Office()
    await taken(office, b"Ada wants all of it.")
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["unreadable"]
    assert office.facts(RequestReceived) == []


async def test_request_that_was_not_signed_is_refused() -> None:
    office = Office()
    await taken(office, orjson.dumps(request()), name=f"written_{'0' * 64}")
    assert [fact.reason for fact in office.facts(DecisionRefused)] == ["text_differs"]
