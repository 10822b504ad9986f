"""Verbs that validate and publish files of events."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TextColumn
from typer import Argument, Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, existing, out, output, progress_of, run, save
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.event_files import EventFile, FileEvent, Sheet

app = typer.Typer()
SILENT_FOR_S = 2.0
"""Delay before progress is shown."""
NO_SOURCE = "unnamed"
"""Source of a sheet that is only validated."""
MOST_FAULTS = 100
"""Events with printed errors; further ones are only counted."""

Files = Annotated[
    list[Path],
    Argument(help="CloudEvents as JSON: one, an array, or a line each; or CSV. - is standard input."),
]
AsCsv = Annotated[bool, Option("--csv", help="The files are sheets; so are all .csv files.")]
From = Annotated[str | None, Option(help="Source of a sheet's references; needed to publish it.")]
Encoding = Annotated[str | None, Option(help="Of a sheet that is not UTF-8: windows-1252, iso-8859-2 …")]
Ignored = Annotated[
    list[str] | None, Option("--ignore", help="Of a sheet: a heading to ignore; may be repeated.")
]
Report = Annotated[
    Path | None, Option(help="Write a CSV with a line for each event and fault; it names references.")
]


@app.command()
def validate(
    files: Files,
    as_csv: AsCsv = False,
    source: From = None,
    encoding: Encoding = None,
    ignored: Ignored = None,
    report: Report = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Validate submissions in files like Habeas, without a broker; exit 1 on errors."""
    sheet = _sheet(source, encoding, ignored, state)
    checked = _check(_sources(files, sheet, as_csv=as_csv), report, as_json=as_json)
    if as_json:
        print(json.dumps(checked.plain()))
    if checked.faulty:
        raise typer.Exit(1)


@app.command()
def publish(
    files: Files,
    keep_going: Annotated[bool, Option("--keep-going", help="Publish valid events despite errors.")] = False,
    as_csv: AsCsv = False,
    source: From = None,
    encoding: Encoding = None,
    ignored: Ignored = None,
    report: Report = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Publish submissions in files: all of them, or none after an error.

    The same files may be published again: known submissions have no effect.
    """
    sources = _sources(files, _sheet(source, encoding, ignored, state), as_csv=as_csv)
    if not source and any(one.is_sheet for one in sources):
        raise ConfigurationError(
            "--source: name the sheet's system, such as support.example: others may use the same references"
        )
    checked = _check(sources, report, as_json=as_json)
    if checked.faulty and not keep_going:
        output(checked.plain() | {"published": 0}, "nothing is published", as_json=as_json)
        raise typer.Exit(1)
    url = state.setting("AMQP_URL")
    with _progress(checked.sound) as progress:
        published = run(client.event_files.publish(url, sources, progress))
    client.event_files.check_unchanged(checked.sound, published)
    output(checked.plain() | {"published": published}, f"Published events: {published}", as_json=as_json)
    raise typer.Exit(1 if checked.faulty else 0)


def _sheet(source: str | None, encoding: str | None, ignored: list[str] | None, state: State) -> "Sheet":
    zone = state.company().zone
    return client.event_files.Sheet(source or NO_SOURCE, zone, encoding, tuple(ignored or ()))


def _sources(files: list[Path], sheet: "Sheet", *, as_csv: bool) -> "list[EventFile]":
    if sum(str(file) == "-" for file in files) > 1:
        raise ConfigurationError("-: standard input can be read once only")
    return [
        client.event_files.EventFile(
            existing(file, standard_input=True),
            sheet=sheet if as_csv or file.suffix.lower() == ".csv" else None,
        )
        for file in files
    ]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The numbers of valid and invalid events in files, and the first errors."""

    sound: int
    faulty: int
    faults: list[str]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"valid": self.sound, "invalid": self.faulty, "errors": self.faults}


def _check(sources: "list[EventFile]", report: Path | None, *, as_json: bool) -> FileCheck:
    """Check *sources*, and print the errors unless *as_json*."""
    printed, lines = 0, list[str]()

    def print_faults(source: "EventFile", found: "FileEvent") -> None:
        nonlocal printed
        printed += 1
        if printed <= MOST_FAULTS:
            lines.extend(f"{source.name}:{fault}" for fault in found.faults)
            for fault in () if as_json else found.faults:
                out.print(f"{source.name}:{fault}")

    checked = client.event_files.check(sources, print_faults, every=report is not None)
    if printed > MOST_FAULTS and not as_json:
        out.print(f"… and {printed - MOST_FAULTS} more with errors; --report FILE has all")
    if report is not None:
        from habeas.client.report.writer import as_csv  # noqa: PLC0415

        text = as_csv(checked.report, ("file", "line", "reference", "column", "fault"))
        save(report, text, newline="")
    if not as_json:
        out.print(f"Valid events: {checked.sound}; invalid: {checked.faulty}")
    return FileCheck(checked.sound, checked.faulty, lines)


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[int], None]]":
    """Count published events on the error stream after a delay."""
    shown = progress_of(TextColumn("{task.completed:.0f} of {task.total:.0f} events published"))
    task = shown.add_task("", total=total)
    began = shown.get_time()

    def advance(more: int) -> None:
        shown.advance(task, more)
        if shown.get_time() - began > SILENT_FOR_S and not shown.live.is_started:
            shown.start()

    try:
        yield advance
    finally:
        shown.stop()
