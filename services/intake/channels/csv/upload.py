"""Upload of sheets: ``POST /v1/requests/batch``, many requests of one system at once."""

import asyncio
import io
from collections.abc import Callable, Sequence
from datetime import tzinfo
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel

from services.intake.cases.errors import ReferenceReused
from services.intake.cases.service import RequestService
from services.intake.channels.csv.sheets import (
    SheetFault,
    SheetFormat,
    SheetRow,
    UnreadableSheet,
    decoded,
    rows,
)
from services.intake.http import operations
from shared.contract.events import RequestSubmitted
from shared.contract.sources import Source
from shared.errors import PermanentError

PATH = "/v1/requests/batch"
MOST_BYTES = 5 << 20
MOST_ROWS = 5_000
AT_ONCE = 100
"""Rows that are lodged in parallel."""
MOST_FAULTS = 1_000
"""Faults listed in an answer."""


class SheetRefused(PermanentError):
    """A sheet is refused because of its faults; *reused* if all are references of other requests."""

    def __init__(self, faults: Sequence[SheetFault], *, reused: bool = False) -> None:
        faulty = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"nothing is lodged: the sheet has {faulty}")
        self.faults = faults
        self.reused = reused


class AcceptedRow(BaseModel):
    """A row that became a request."""

    line: int
    reference: str
    id: str
    status_url: str


class RowError(BaseModel):
    """A fault in a row, without its value."""

    line: int
    column: str
    message: str


class SheetResult(BaseModel):
    """The result of a sheet."""

    lodged: list[AcceptedRow]
    errors: list[RowError] = []
    """Rows that were skipped: only with `keep_going`."""


def batch_route(
    requests: RequestService, system: Callable[[Request], Source], *, root: str, zone: tzinfo
) -> APIRouter:
    """Return the route; *system* identifies the calling system, *zone* is where days begin."""
    router = APIRouter()

    @router.post(PATH, status_code=HTTPStatus.ACCEPTED, **operations.SUBMIT_SHEET)
    async def lodge_all(
        request: Request,
        source: Annotated[Source, Depends(system)],
        ignore: Annotated[list[str], Query(max_length=50)] = [],  # noqa: B006  FastAPI copies it
        keep_going: bool = False,
    ) -> SheetResult:
        """
        Lodge a request for each row of a sheet: all of them, or none if there is a fault.

        The same sheet may be sent again: the same reference from the same system is the same request.
        """
        sheet = await _read(request, SheetFormat(zone, requests.clock(), frozenset(ignore)))
        faults = [fault for row in sheet for fault in row.faults]
        if faults and not keep_going:
            raise SheetRefused(faults)
        valid = {row.line: row.request for row in sheet if row.request is not None}
        known = await requests.reused(list(valid.values()), source)
        reused = [_reused(row.line) for row in sheet if row.request and row.request.reference in known]
        if reused and not keep_going:
            raise SheetRefused(reused, reused=True)
        together = asyncio.Semaphore(AT_ONCE)

        async def lodge(line: int, one: RequestSubmitted) -> AcceptedRow | SheetFault:
            async with together:
                try:
                    case = await requests.lodge(one, source)
                except ReferenceReused:
                    return _reused(line)
            url = f"{root}/v1/requests/{case}"
            return AcceptedRow(line=line, reference=one.reference, id=case, status_url=url)

        new = {line: one for line, one in valid.items() if one.reference not in known}
        done = await asyncio.gather(*(lodge(line, one) for line, one in new.items()))
        crossed = [one for one in done if isinstance(one, SheetFault)]
        taken = [one for one in done if isinstance(one, AcceptedRow)]
        return SheetResult(lodged=taken, errors=row_error([*faults, *reused, *crossed]))

    return router


def _reused(line: int) -> SheetFault:
    return SheetFault(line, "reference", "names another request of this system; choose another")


async def _read(request: Request, reading: SheetFormat) -> list[SheetRow]:
    """Return the rows of the uploaded sheet. Raises HTTPException: no sheet, or too many rows."""
    content = io.BytesIO(await request.body())
    sheet: list[SheetRow] = []
    try:
        for row in rows(decoded(content, _charset(request)), reading):
            sheet.append(row)
            if len(sheet) > MOST_ROWS:
                raise HTTPException(413, f"A sheet may have {MOST_ROWS} rows; send it in parts.")
    except UnreadableSheet as error:
        sheet.append(SheetRow(error.fault.line, "", faults=(error.fault,)))
    return sheet


def _charset(request: Request) -> str | None:
    """Return the encoding that the request names. Raises HTTPException: the content type is not CSV."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "text/csv":
        raise HTTPException(415, "The content type must be text/csv.")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip():
            return value.strip().strip('"')
    return None


def row_error(faults: Sequence[SheetFault]) -> list[RowError]:
    """Return the first of *faults*, in the form of an answer."""
    some = faults[:MOST_FAULTS]
    return [RowError(line=one.line, column=one.column, message=one.message) for one in some]
