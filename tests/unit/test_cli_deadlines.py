"""What is due, from the rows that the console makes of facts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from habeas.client.console_api import ConsoleClient
from habeas.client.deadlines import due_within, line_of
from services.console.api.answers import CaseAnswer
from services.console.domain import HistoryEntry, row_of
from shared.contract import events
from shared.contract.events import Fact
from shared.law import Regulation, Right

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 4, 7)
UK = "uk-gdpr@2026-02-05"
FIRST, SECOND = "a" * 32, "b" * 32


def received(case: str, law: str = "gdpr@2018-05-25", **changes: Any) -> events.RequestReceived:
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


def case_of(*facts: Fact) -> dict[str, Any]:
    """Return the case of *facts*, an hour apart, as the console answers."""
    history = [
        HistoryEntry(f"{number:032x}", START + timedelta(hours=number), fact)
        for number, fact in enumerate(facts)
    ]
    return CaseAnswer.model_validate(row_of(facts[0].request_id, history)).model_dump(mode="json")


def serving(**lists: list[dict[str, Any]]) -> ConsoleClient:
    """Return a client of a console with these *lists*, which notes nothing of its parameters."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json={"cases": lists.get(name, []), "next": None})

    transport = httpx.MockTransport(answer)
    return ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))


async def rows(**lists: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    return list(await due_within(serving(**lists), timedelta(days=7), TODAY))


async def test_late_request_names_its_last_day_and_laws_not_accepted() -> None:
    unread = ("us-xx@2026-01-01",)
    [row] = await rows(cases=[case_of(received(FIRST, not_accepted=unread, incident="spill"))])
    assert (row["late"], row["status"], row["stands_still"]) == (True, "received", False)
    assert line_of(row) == (
        f"2026-04-02  late  {FIRST}  erasure, gdpr@2018-05-25: received (spill)"
        "; not accepted: us-xx@2026-01-01"
    )


async def test_request_is_not_late_while_each_of_its_laws_lets_the_period_stand_still() -> None:
    paused = events.RequestPaused(request_id=FIRST, reason="identity", since=START)
    resumed = events.RequestResumed(request_id=FIRST, at=START)
    for law, facts, expected in (
        (UK, [paused], True),
        (UK, [paused, resumed], False),
        ("us-ca-ccpa@2026-01-01", [paused], False),
    ):
        [row] = await rows(cases=[case_of(received(FIRST, law), *facts)])
        assert (row["stands_still"], row["late"]) == (expected, not expected), law
    both = received(FIRST, UK, also=("us-ca-ccpa@2026-01-01",))
    [row] = await rows(cases=[case_of(both, paused)])
    assert row["late"]


async def test_request_stands_still_until_the_person_has_named_the_data() -> None:
    asked = events.ScopeAsked(
        request_id=FIRST, asked_at=START, until=START, answer_by=TODAY, due_on=date(2026, 4, 2)
    )
    answered = events.ScopeAnswered(request_id=FIRST)
    [row] = await rows(cases=[case_of(received(FIRST, UK), asked)])
    assert "the clock is paused" in line_of(row)
    [row] = await rows(cases=[case_of(received(FIRST, UK), asked, answered)])
    assert row["late"]
    refused = events.IdentityRefused(request_id=FIRST, reasons=("no_proof",))
    [row] = await rows(cases=[case_of(received(FIRST, UK), asked, refused)])
    assert row["late"], "a decided request awaits nothing"


async def test_unanswered_mail_is_among_them_by_its_last_day() -> None:
    dated = events.MessageLodged(
        request_id=SECOND, message="mail", reason="unanswered", own=False, due_on=date(2026, 4, 1)
    )
    undated = events.MessageLodged(request_id=SECOND, message="mail_2", reason="other", own=False)
    of_request = dated.model_copy(update={"request_id": FIRST})
    found = await rows(
        cases=[case_of(received(FIRST))],
        inbox=[case_of(dated, undated), case_of(received(FIRST), of_request)],
    )
    assert [(row["request"], row["mail"], row["late"]) for row in found] == [
        (SECOND, "mail", True),
        (FIRST, None, True),
    ]
    assert line_of(found[0]) == f"2026-04-01  late  {SECOND}  mail mail: waits for staff"
