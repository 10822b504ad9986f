"""Verbs about identity: proofs, decisions, and the quality of document reading."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import STATE, AsJson, RequestId, State, from_console, out, save
from habeas.cli.staff import DECIDE, RECORDED, OneTimeCode, decide, in_opened, report, signer_of
from shared import extras
from shared.errors import ConfigurationError
from shared.vocabulary import RefusalReason

app = typer.Typer()

WIDTH = 100
"""Columns of the tables of an evaluation."""


@app.command("list")
def waiting(state: State = STATE, as_json: AsJson = False) -> None:
    """List the requests with a proof for staff to review."""
    found = from_console(state, client.identity.waiting)
    if as_json:
        print(json.dumps(found))
        return
    out.print(client.identity.table_of(found) if found else "no proof waits for review")


@app.command()
def show(
    request_id: RequestId,
    code: OneTimeCode = None,
    reason: Annotated[str, Option(help="With --out, for the record: review, complaint …")] = "review",
    folder: Annotated[
        Path | None,
        Option("--out", help="Write pictures of the proofs here; that goes on record first."),
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the required assurance, its reasons, and the results of checks."""
    row = client.identity.standing_of(
        from_console(state, lambda console: console.get(f"/cases/{request_id}"))
    )
    if folder is not None:
        files, withheld = in_opened(state, request_id, reason, code, lambda opened: opened.pictures())
        written = client.private_files.write_files(files, folder)
        row |= {"written": [str(path) for path in written], "not_shown": withheld}
    if as_json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        if value not in (None, [], {}):
            out.print(f"{name:14} {value}")


@app.command(rich_help_panel=DECIDE)
def accept(
    request_id: RequestId,
    reason: Annotated[str, Option(help="Reason: a-z, 0-9, _ and dots.")],
    identity: Annotated[
        list[str],
        Option(help="Identity in the request that is the person's (email, phone_number …); may be repeated."),
    ],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide that the requester is the person (with `HABEAS_TWO_DECIDERS`, two accounts)."""
    words: dict[str, Any] = {"verified": True, "reason": reason, "identities": identity}
    effect = decide(signer_of(code, state), contract.IdentityDecided, request_id, **words)
    report(effect, "accepted: the person is the requester", RECORDED, as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def refuse(
    request_id: RequestId,
    reason: Annotated[RefusalReason, Option(help="The reason, for the letter.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide that identity is not established; the person gets a letter."""
    signer = signer_of(code, state)
    effect = decide(signer, contract.IdentityDecided, request_id, verified=False, reason=reason)
    report(effect, "refused; the person gets a letter", as_json=as_json)


@app.command()
def evaluate(
    manifest: Annotated[Path, Argument(help="Manifest of known pictures, or its folder.")],
    quick: Annotated[bool, Option(help="Only read; skip the verdicts, which take minutes.")] = False,
    readings: Annotated[Path | None, Option(help="Write the readings to this file, as JSON.")] = None,
    page: Annotated[
        Path | None, Option(help="Write pictures of wrong verdicts, with their reasons, to this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the reader on known documents; exit 1 if one is accepted wrongly."""
    try:
        from habeas.client.evaluation import Manifest, evaluate, write_failures  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(extras.missing("documents") or str(error)) from None

    known = Manifest.read(manifest)
    with _progress() as progress:
        found = evaluate(known, today=datetime.now(UTC).date(), quick=quick, progress=progress)
    wrong = found.wrongly_accepted
    if readings is not None:
        save(readings, json.dumps(found.readings(), indent=1, default=str))
    written = write_failures(known, found.judged, page) if page is not None else None
    if as_json:
        plain = {"readings": found.readings(), "wrongly_accepted": wrong}
        print(json.dumps(plain, default=str))
    else:
        for table in found.tables():
            out.print(table, width=WIDTH)
            out.print()
        if wrong:
            out.print(f"accepted wrongly: {', '.join(wrong)}")
        if written is not None:
            out.print(f"wrong verdicts, with pictures: {written}", soft_wrap=True)
    raise typer.Exit(1 if wrong else 0)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show progress on a terminal; results go to standard output."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("")

        def progress(doing: str, done: int, files: int) -> None:
            shown.update(task, description=f"{doing:10}", completed=done, total=files)

        yield progress
