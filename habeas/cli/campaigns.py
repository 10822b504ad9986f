"""Verbs about released notices: progress, pause, abort, people not reached."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli.breaches import Incident
from habeas.cli.options import STATE, AsJson, State, out, prefix_of, root_key, run, setting, settings
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import Decision
from shared.contract.events.breaches import CampaignAborted, CampaignPaused, CampaignResumed
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.campaigns import CampaignReader, CampaignReport, NoticeRecord, Unreached
    from habeas.client.staff import DecisionSigner

WATCH_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the verbs to *app*."""
    for verb in (progress, pause, resume, abort, unreached, proof):
        app.command()(verb)


def progress(
    incident: Incident,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until the end.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the progress of an incident's notices: sent, failed, left, rate and remaining time."""

    async def look() -> "CampaignReport":
        async with _opened(state) as campaigns:
            return await campaigns.report(incident)

    report = run(look())
    while watch and not as_json and any(part.through < part.chunks for part in report.parts):
        _show(report)
        time.sleep(WATCH_S)
        report = run(look())
    if as_json:
        print(json.dumps(report.plain()))
    else:
        _show(report)


def pause(incident: Incident, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """Pause the notices of an incident within a second; `resume` continues."""
    _decide(CampaignPaused, incident, signer_of(account, code, state), state)
    out.print("paused; letters in transmission still go")


def resume(incident: Incident, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """Resume the notices of an incident."""
    _decide(CampaignResumed, incident, signer_of(account, code, state), state)
    out.print("resumed; no person gets a second letter")


def abort(
    incident: Incident,
    yes: Annotated[bool, typer.Option("--yes", help="There is no way back.")] = False,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Abort the notices of an incident; `unreached` lists the people without one."""
    if not yes:
        raise ConfigurationError("abort: cannot be undone; confirm with --yes, or `pause`")
    _decide(CampaignAborted, incident, signer_of(account, code, state), state)
    out.print(
        f"aborted; `habeas breach unreached {incident} --out FILE.csv` lists the people without a letter"
    )


def unreached(
    incident: Incident,
    file: Annotated[Path, typer.Option("--out", help="Write the list here, as CSV.")],
    state: State = STATE,
) -> None:
    """List the people not reached, for letters by post: names, addresses, reasons."""
    from habeas.client.campaigns import write  # noqa: PLC0415

    async def work() -> "list[Unreached]":
        async with _opened(state) as campaigns:
            return [one async for one in campaigns.unreached(incident)]

    rows = run(work())
    write(file, rows)
    out.print(f"{len(rows)} people are in {file}; it holds personal data", markup=False)


def proof(
    incident: Incident,
    email: Annotated[str, typer.Option(help="Address of the notice.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show time and answer of the mail server for the notice to a person."""

    async def work() -> "list[NoticeRecord]":
        async with _opened(state) as campaigns:
            return [one async for one in campaigns.proofs(incident, email)]

    found = run(work())
    if as_json:
        print(json.dumps([one.plain() for one in found]))
        return
    for one in found:
        at = f"accepted {one.accepted_at.isoformat()}" if one.accepted_at else "not accepted"
        out.print(f"phase {one.phase}: {at}: {one.said}", markup=False)
        out.print(f"    Message-ID {one.message_id}", markup=False)
        if one.doubtful:
            out.print("    it may have gone out before as well, with the same Message-ID")
        for action, status in one.returned.items():
            out.print(f"    reported afterwards: {action} {status}", markup=False)
    if not found:
        out.print("no affected person has this address")


def _show(report: "CampaignReport") -> None:
    for part in report.parts:
        out.print(
            f"phase {part.phase}, {' '.join(part.laws)}: {part.sent} of {part.people} written to "
            f"({part.doubtful} doubtful), {part.failed} failed, "
            f"{part.elsewhere} covered by another phase, {part.left} left; "
            f"{part.through} of {part.chunks} batches done",
            markup=False,
        )
    left = report.minutes
    eta = (
        f", done in {timedelta(seconds=round(left * 60))} at this rate"
        if left and report.standing.value == "on"
        else ""
    )
    out.print(f"{report.standing.value}: {report.per_minute} a minute{eta}", markup=False)


def _known(incident: str, state: Path) -> str:
    """Return *incident*, if notices of it were released."""

    async def look() -> None:
        async with _opened(state) as campaigns:
            await campaigns.report(incident)

    run(look())
    return incident


@asynccontextmanager
async def _opened(state: Path) -> "AsyncIterator[CampaignReader]":
    from habeas.client import campaigns  # noqa: PLC0415

    master_key = root_key(state)
    async with campaigns.opened(setting("MONGO_URL", state), prefix_of(state), master_key) as found:
        yield found


def _decide(kind: type[Decision], incident: str, signer: "DecisionSigner", state: Path) -> None:
    from habeas.client import requests  # noqa: PLC0415

    if {"HABEAS_MONGO_URL", "HABEAS_MASTER_KEY"} <= settings(state).keys():
        _known(incident, state)
    decide(signer, requests.fact(kind, request_id=incident, by=signer.account))
