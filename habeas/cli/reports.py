"""The verb that reports on the register of requests."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.progress import TextColumn
from typer import Option

from habeas.cli.options import STATE, AsJson, State, out, progress_of, run
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from habeas.client.report.figures import Figures
    from habeas.client.report.reader import Progress as Report

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
        int | None, Option(min=2018, max=9000, help="Year of receipt; the current one by default.")
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
    year = year or datetime.now(state.company().zone).year
    if register:
        if form not in {ReportFormat.CSV, ReportFormat.JSON}:
            raise ConfigurationError("--register: needs --format csv, or --format json")
        with _written(file) as text:
            run(_write_register(text, year, law, form, state))
        return
    found = run(_figures(year, law, state))
    if form is ReportFormat.TABLE:
        if file is not None:
            raise ConfigurationError("--out: needs --format csv, json or html")
        _show(found, year)
        return
    with _written(file) as text:
        text.write(_shaped(found, year, form, state))


async def _figures(year: int, law: str | None, state: State) -> "Sequence[Figures]":
    from habeas.client.report.figures import figures  # noqa: PLC0415
    from habeas.client.report.reader import opened  # noqa: PLC0415

    async with opened(*state.databases(), state.company().zone) as register:
        with _progress() as report:
            found = figures(await register.counts(year, report))
    return [one for one in found if law in {None, one.law}]


async def _write_register(text: TextIO, year: int, law: str | None, form: ReportFormat, state: State) -> None:
    from habeas.client.report.reader import opened  # noqa: PLC0415
    from habeas.client.report.writer import FIELDS, as_csv, line  # noqa: PLC0415
    from services.intake.cases.register import laws_of  # noqa: PLC0415

    if form is ReportFormat.CSV:
        text.write(as_csv((), FIELDS))
    async with opened(*state.databases(), state.company().zone) as register:
        with _progress() as report:
            async for entry in register.entries(year, report):
                if law is None or law in laws_of(entry):
                    text.write(line(entry, form))


def _shaped(found: "Sequence[Figures]", year: int, form: ReportFormat, state: State) -> str:
    from habeas.client.report.writer import (  # noqa: PLC0415
        figures_as_csv,
        figures_as_json,
        page,
    )

    if form is ReportFormat.CSV:
        return figures_as_csv(found)
    if form is ReportFormat.JSON:
        return figures_as_json(found)
    company = state.company()
    today = datetime.now(company.zone).date()
    return page(found, year, _names(found), on=today, controller=company.name)


def _show(found: "Sequence[Figures]", year: int) -> None:
    from habeas.client.report.writer import table  # noqa: PLC0415

    for law, name in _names(found).items():
        out.print(table([one for one in found if one.law == law], name))
    if not found:
        out.print(f"no request was received in {year}")


def _names(found: "Sequence[Figures]") -> dict[str, str]:
    """Return the names of the laws of *found*."""
    from shared.law.library import policies  # noqa: PLC0415

    return {one.law: policies().in_force(one.law, date(one.year, 12, 31)).name for one in found}


def _check_law(law: str | None) -> None:
    """Check that *law* exists. Raises ConfigurationError if it does not; its report would be empty."""
    from shared.law.library import policies  # noqa: PLC0415

    known = sorted({policy.law for policy in policies() if not policy.common})
    if law is not None and law not in known:
        raise ConfigurationError(f"--law {law}: there is no such law; there are {', '.join(known)}")


@contextmanager
def _written(file: Path | None) -> Iterator[TextIO]:
    """Open *file*, or the standard output. Raises ConfigurationError if it cannot be written."""
    if file is None:
        yield sys.stdout
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            yield text
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


@contextmanager
def _progress() -> "Iterator[Report]":
    """Show the number of requests read."""
    with progress_of(TextColumn("{task.completed:.0f} requests read")) as shown:
        task = shown.add_task("", total=None)
        yield lambda more: shown.advance(task, more)
