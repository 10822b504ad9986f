"""A console that answers with the cases that follow from facts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from habeas.client.console_api import ConsoleClient
from services.console.api.answers import CaseAnswer
from services.console.api.forms import CaseQuery, InboxQuery
from services.console.domain import HistoryEntry, row_of
from services.console.http.queries import filter_of
from services.console.read_model.cases import CaseFilter
from services.console.state import CaseRow
from shared.contract import events
from shared.contract.events import Fact
from shared.contract.references import references_in
from shared.law import Regulation, Right

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def received(case: str, law: str = "gdpr@2018-05-25", **changes: Any) -> events.RequestReceived:
    """Return the receipt of an erasure."""
    values = {
        "request_id": case,
        "right": Right.ERASURE,
        "regulation": Regulation.GDPR,
        "policy": law,
        "source": "shop.example",
        "received_at": START,
        "received_on": START.date(),
        "due_on": date(2026, 4, 2),
        "internal_due_on": date(2026, 3, 25),
    }
    return events.RequestReceived.model_validate(values | changes)


def case_of(*facts: Fact) -> CaseRow:
    """Return the row of *facts*, an hour apart."""
    history = [
        HistoryEntry(f"{number:032x}", START + timedelta(hours=number), fact)
        for number, fact in enumerate(facts)
    ]
    found = row_of(facts[0].request_id, history)
    assert found is not None
    return found


def serving(*rows: CaseRow) -> ConsoleClient:
    """Return a client of a console with the cases *rows*; it filters by kind, duty, target day and work."""

    def answer(request: httpx.Request) -> httpx.Response:
        given = dict(request.url.params)
        if request.url.path.endswith("/inbox"):
            work = InboxQuery.model_validate(given).work
            found = [row for row in rows if work in row.waiting]
        else:
            wanted = filter_of(CaseQuery.model_validate(given).model_dump(mode="json", by_alias=True))
            found = [row for row in rows if _fits(row, wanted)]
        cases = [CaseAnswer.model_validate(row).model_dump(mode="json") for row in found]
        return httpx.Response(200, json={"cases": cases, "next": None})

    transport = httpx.MockTransport(answer)
    return ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))


def _fits(row: CaseRow, wanted: CaseFilter) -> bool:
    if wanted.text:
        named = any(first <= row.id <= last for first, last in references_in(wanted.text))
        return named or row.id.startswith(wanted.text) or row.reference == wanted.text
    in_time = wanted.meant_by is None or (row.meant_for is not None and row.meant_for <= wanted.meant_by)
    return (row.kind, row.open) == (wanted.kind, wanted.open) and in_time
