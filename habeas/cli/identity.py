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
from habeas.cli.options import STATE, AsJson, RequestId, State, ask, out, save
from habeas.cli.staff import DECIDE, RECORDED, As, OneTimeCode, decide, report, signer_of
from shared import extras
from shared.errors import ConfigurationError
from shared.vocabulary import RefusalReason

app = typer.Typer()

WIDTH = 100
"""Columns of the tables of an evaluation."""


@app.command("list")
def waiting(state: State = STATE, as_json: AsJson = False) -> None:
    """List the requests with a proof for staff to review."""
    found = ask(client.identity.opened(*state.databases()), lambda reader: reader.waiting())
    if as_json:
        print(json.dumps([standing.plain() for standing in found]))
        return
    out.print(client.identity.table_of(found) if found else "no proof waits for review")


@app.command()
def show(
    request_id: RequestId,
    account: As = None,
    code: OneTimeCode = None,
    reason: Annotated[str, Option(help="With --out: the reason, for the record.")] = "review",
    folder: Annotated[
        Path | None,
        Option("--out", help="Write pictures of the proofs here; that goes on record first."),
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the required assurance, its reasons, and the results of checks."""
    opened = client.identity.opened
    standing = ask(opened(*state.databases()), lambda reader: reader.standing(request_id))
    looked = client.identity.EvidenceLook((), {})
    if folder is not None:
        refs = tuple(proof.ref for proof in standing.proofs)
        signer = signer_of(account, code, state)
        entry = decide(signer, contract.EvidenceAsked, request_id, reason=reason, refs=refs).id
        key = state.root_key()
        looked = ask(opened(*state.databases()), lambda reader: reader.show(standing, entry, key, folder))
    if as_json:
        seen = {"written": [str(path) for path in looked.written], "not_shown": dict(looked.withheld)}
        print(json.dumps(standing.plain() | seen))
        return
    for name, value in standing.plain().items():
        if value not in (None, [], {}):
            out.print(f"{name:14} {value}")
    for path in looked.written:
        out.print(f"{'written':14} {path}")
    for proof, reasons in looked.withheld.items():
        out.print(f"{'not shown':14} {proof}: {', '.join(reasons)}")


@app.command(rich_help_panel=DECIDE)
def accept(
    request_id: RequestId,
    reason: Annotated[str, Option(help="Reason: a-z, 0-9, _ and dots.")],
    identity: Annotated[
        list[str],
        Option(help="Identity in the request that is the person's (email, phone_number …); may be repeated."),
    ],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide that the requester is the person (with `HABEAS_TWO_DECIDERS`, two accounts)."""
    words: dict[str, Any] = {"verified": True, "reason": reason, "identities": identity}
    effect = decide(signer_of(account, code, state), contract.IdentityDecided, request_id, **words)
    report(effect, "accepted: the person is the requester", RECORDED, as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def refuse(
    request_id: RequestId,
    reason: Annotated[RefusalReason, Option(help="The reason, for the letter.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide that identity is not established; the person gets a letter."""
    signer = signer_of(account, code, state)
    effect = decide(signer, contract.IdentityDecided, request_id, verified=False, reason=reason)
    report(effect, "refused; the person gets a letter", as_json=as_json)


@app.command()
def evaluate(
    manifest: Annotated[Path, Argument(help="Manifest of known pictures, or its folder.")],
    quick: Annotated[bool, Option(help="Only read; skip the verdicts, which take minutes.")] = False,
    readings: Annotated[Path | None, Option(help="Write the readings to this file, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the reader on known documents; exit 1 if a bad one convinces."""
    try:
        from habeas.client.evaluation import Manifest, evaluate  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(extras.missing("documents") or str(error)) from None

    known = Manifest.read(manifest)
    with _progress() as progress:
        found = evaluate(known, today=datetime.now(UTC).date(), quick=quick, progress=progress)
    wrong = found.judged.wrongly_convincing
    if readings is not None:
        save(readings, json.dumps(found.readings(), indent=1, default=str))
    if as_json:
        plain = {"readings": found.readings(), "wrongly_convincing": wrong}
        print(json.dumps(plain, default=str))
    else:
        for table in found.tables():
            out.print(table, width=WIDTH)
            out.print()
        if wrong:
            out.print(f"convinced, and must not: {', '.join(wrong)}")
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
