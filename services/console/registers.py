"""The register as a file, for pages and API."""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from services.console.context import ConsoleParts
from services.console.read_model.register import REGISTER_FIELDS
from shared.pages.spreadsheets import csv_row


class RegisterFileFormat(StrEnum):
    """The format of the register."""

    CSV = "csv"
    JSON = "json"
    """A JSON object a line."""


MEDIA: Mapping[RegisterFileFormat, str] = {
    RegisterFileFormat.CSV: "text/csv; charset=utf-8",
    RegisterFileFormat.JSON: "application/x-ndjson",
}


def register_file(parts: ConsoleParts, year: int, law: str, form: RegisterFileFormat) -> Response:
    """Return the entries of requests received in *year*, of people whom *law* protects, or any, as a file."""
    entries = parts.register.entries(year, law)
    lines = _sheet(entries) if form is RegisterFileFormat.CSV else _objects(entries)
    named = f'attachment; filename="register-{year}.{form}"'
    headers = {"Content-Disposition": named, "Cache-Control": "no-store"}
    return StreamingResponse(lines, media_type=MEDIA[form], headers=headers)


async def _sheet(entries: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[str]:
    """Yield *entries* as CSV; no cell is a formula."""
    yield csv_row(REGISTER_FIELDS)
    async for entry in entries:
        yield csv_row("; ".join(one) if isinstance(one, list) else one for one in entry.values())


async def _objects(entries: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    async for entry in entries:
        yield orjson.dumps(entry) + b"\n"
