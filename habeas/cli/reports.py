"""The verb that reports on the register of requests, as the console keeps it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer import Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, from_console, out, printable
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.console_api import ConsoleClient

app = typer.Typer()


class ReportFormat(StrEnum):
    """The format of a report."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


@app.command()
def report(
    year: Annotated[
        int | None, Option(min=2018, max=2100, help="Year of receipt; the current one by default.")
    ] = None,
    law: Annotated[str | None, Option(help="Only under this law: us-ca-ccpa, gdpr.")] = None,
    form: Annotated[ReportFormat, Option("--format", help="Format of the report.")] = ReportFormat.TABLE,
    file: Annotated[Path | None, Option("--out", help="Write it into this file.")] = None,
    register: Annotated[
        bool, Option("--register", help="Print the register, request by request, as csv or json.")
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Report on requests by right, law and year: results and durations."""
    form = ReportFormat.JSON if as_json else form
    _check_law(law)
    wanted = {"year": str(year)} if year else {}
    if register:
        if form not in {ReportFormat.CSV, ReportFormat.JSON}:
            raise ConfigurationError("--register: needs --format csv, or --format json")
        wanted |= {"format": form.value} | ({"law": law} if law else {})
        with _written(file) as text:
            from_console(state, lambda console: _write_register(console, text, wanted))
        return
    if form is ReportFormat.TABLE and file is not None:
        raise ConfigurationError("--out: needs --format csv, json or html")
    answer = from_console(state, lambda console: console.get("/figures/laws", **wanted))
    answer["figures"] = [one for one in answer["figures"] if law in {None, one["law"]}]
    if form is ReportFormat.TABLE:
        _show(answer["figures"], answer["year"])
        return
    with _written(file) as text:
        text.write(_shaped(answer, form))


async def _write_register(console: "ConsoleClient", text: TextIO, wanted: Mapping[str, str]) -> None:
    async for piece in console.pieces("/register", **wanted):
        text.write(printable(piece) if text.isatty() else piece)


def _shaped(answer: Mapping[str, Any], form: ReportFormat) -> str:
    from habeas.client.report.writer import (  # noqa: PLC0415
        figures_as_csv,
        figures_as_json,
        page,
    )

    found = answer["figures"]
    if form is ReportFormat.CSV:
        return figures_as_csv(found)
    if form is ReportFormat.JSON:
        return figures_as_json(found)
    on = date.fromisoformat(answer["on"])
    return page(found, answer["year"], _names(found), on=on, controller=answer["company"])


def _show(found: Sequence[Mapping[str, Any]], year: int) -> None:
    from habeas.client.report.writer import table  # noqa: PLC0415

    for law, name in _names(found).items():
        out.print(table([one for one in found if one["law"] == law], name))
    if not found:
        out.print(f"no request was received in {year}")


def _names(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of the laws of *found*."""
    from shared.law.library import policies  # noqa: PLC0415

    return {one["law"]: policies().in_force(one["law"], date(one["year"], 12, 31)).name for one in found}


def _check_law(law: str | None) -> None:
    """Check that *law* exists. Raises ConfigurationError if it does not; its report would be empty."""
    from shared.law.library import policies  # noqa: PLC0415

    known = sorted({policy.law for policy in policies() if not policy.common})
    if law is not None and law not in known:
        raise ConfigurationError(f"--law {law}: there is no such law; there are {', '.join(known)}")


@contextmanager
def _written(file: Path | None) -> Iterator[TextIO]:
    """Open *file*, which is replaced at the end, or the standard output; raises as :func:`replaced`."""
    if file is None:
        yield sys.stdout
        return
    with client.private_files.replaced(file) as text:
        yield text
