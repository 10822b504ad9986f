"""The register of the console as a file, and the verb that reads it."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
import pytest

from habeas.client.console_api import ConsoleClient, ConsoleRefusal, ConsoleUnavailable
from services.console.domain import HistoryEntry
from services.console.read_model.register import REGISTER_FIELDS, RegisterReader, register_entry
from services.console.registers import RegisterFileFormat, register_file
from shared.contract.correlation import Correlation
from tests.unit.console_cases import received

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST, SECOND = "a" * 32, "b" * 32


def stored(case: str, *, event: str | None = None, **changes: Any) -> dict[str, Any]:
    fact = received(case, **changes)
    submission = Correlation(fact.source, event=event)
    entry = register_entry([HistoryEntry("1", START, fact, submission)], ZoneInfo("UTC"))
    assert entry is not None
    return {"register": entry.plain()}


ROWS = [
    stored(FIRST, also=("us-ca-ccpa@2026-01-01", "us-va@2023-01-01"), source="=cmd"),
    stored(SECOND, event="evt-1"),
]


class Parts:
    """Parts of a console with two requests."""

    def __init__(self) -> None:
        self.register = RegisterReader(cast("Any", {"cases": self}))

    def find(self, *_wanted: object, **_hint: object) -> "Parts":
        return self

    def sort(self, _keys: object) -> "Parts":
        return self

    async def batch_size(self, _size: int) -> AsyncIterator[dict[str, Any]]:
        for row in ROWS:
            yield row


async def file_of(form: RegisterFileFormat, law: str = "") -> str:
    answer: Any = register_file(cast("Any", Parts()), 2026, law, form)
    pieces = [piece if isinstance(piece, str) else piece.decode() async for piece in answer.body_iterator]
    return "".join(pieces)


async def test_register_is_a_sheet_without_formulas() -> None:
    first, second = csv.DictReader(io.StringIO(await file_of(RegisterFileFormat.CSV)))
    assert tuple(first) == REGISTER_FIELDS
    assert (first["request"], first["source"], first["manner"]) == (FIRST, "'=cmd", "api")
    assert first["also"] == "us-ca-ccpa@2026-01-01; us-va@2023-01-01"
    assert (second["manner"], second["also"], second["result"]) == ("event", "", "open")


async def test_register_has_an_object_a_line_and_only_people_whom_a_law_protects() -> None:
    lines = [json.loads(line) for line in (await file_of(RegisterFileFormat.JSON)).splitlines()]
    assert lines == [row["register"] for row in ROWS]
    found = (await file_of(RegisterFileFormat.JSON, "us-va")).splitlines()
    assert [json.loads(line)["request"] for line in found] == [FIRST]


def answering(answer: httpx.Response) -> ConsoleClient:
    transport = httpx.MockTransport(lambda _request: answer)
    return ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (httpx.Response(403, json={"detail": "Your roles do not allow it."}), ConsoleRefusal, "roles"),
        (httpx.Response(401), ConsoleRefusal, "`habeas login`"),
        (httpx.Response(503), ConsoleUnavailable, "503"),
    ],
)
async def test_long_answer_that_is_an_error_is_none(
    answer: httpx.Response, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _ = [piece async for piece in answering(answer).pieces("/register")]


async def test_long_answer_that_breaks_off_is_no_whole_one() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"request"
        raise httpx.ReadError("gone")

    with pytest.raises(ConsoleUnavailable, match="ReadError"):
        _ = [one async for one in answering(httpx.Response(200, content=broken())).pieces("/register")]
