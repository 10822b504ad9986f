"""Verbs about released notices: progress, pause, abort, people not reached."""

import json
import time
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habeas.cli import client
from habeas.cli.breaches import Incident
from habeas.cli.options import STATE, AsJson, State, ask, listed, out
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import Decision
from shared.contract.events.breaches import CampaignAborted, CampaignPaused, CampaignResumed
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.campaigns import CampaignReader, CampaignReport

app = typer.Typer()
WATCH_S = 2.0


@app.command()
def progress(
    incident: Incident,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until the end.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the progress of an incident's notices: sent, failed, left, rate and remaining time."""
    report = _report(incident, state)
    while watch and not as_json and any(part.through < part.chunks for part in report.parts):
        _show(report)
        time.sleep(WATCH_S)
        report = _report(incident, state)
    if as_json:
        print(json.dumps(report.plain()))
    else:
        _show(report)


@app.command()
def pause(incident: Incident, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """Pause the notices of an incident within a second; `resume` continues."""
    _decide(CampaignPaused, incident, account, code, state)
    out.print("paused; letters in transmission still go")


@app.command()
def resume(incident: Incident, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """Resume the notices of an incident."""
    _decide(CampaignResumed, incident, account, code, state)
    out.print("resumed; no person gets a second letter")


@app.command()
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
    _decide(CampaignAborted, incident, account, code, state)
    remedy = f"`habeas breach unreached {incident} --out FILE.csv` lists the people without a letter"
    out.print(f"aborted; {remedy}")


@app.command()
def unreached(
    incident: Incident,
    file: Annotated[Path, typer.Option("--out", help="Write the list here, as CSV.")],
    state: State = STATE,
) -> None:
    """List the people not reached, for letters by post: names, addresses, reasons."""
    rows = ask(_opened(state), lambda campaigns: listed(campaigns.unreached(incident)))
    client.campaigns.write(file, rows)
    out.print(f"{len(rows)} people are in {file}; it holds personal data")


@app.command()
def proof(
    incident: Incident,
    email: Annotated[str, typer.Option(help="Address of the notice.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show time and answer of the mail server for the notice to a person."""
    found = ask(_opened(state), lambda campaigns: listed(campaigns.proofs(incident, email)))
    if as_json:
        print(json.dumps([one.plain() for one in found]))
        return
    for one in found:
        at = f"accepted {one.accepted_at.isoformat()}" if one.accepted_at else "not accepted"
        out.print(f"phase {one.phase}: {at}: {one.said}")
        out.print(f"    Message-ID {one.message_id}")
        if one.doubtful:
            out.print("    it may have gone out before as well, with the same Message-ID")
        for action, status in one.returned.items():
            out.print(f"    reported afterwards: {action} {status}")
    if not found:
        out.print("no affected person has this address")


def _show(report: "CampaignReport") -> None:
    for part in report.parts:
        out.print(
            f"phase {part.phase}, {' '.join(part.laws)}: {part.sent} of {part.people} written to "
            f"({part.doubtful} doubtful), {part.failed} failed, "
            f"{part.elsewhere} covered by another phase, {part.left} left; "
            f"{part.through} of {part.chunks} batches done"
        )
    eta = ""
    if report.minutes and report.standing.value == "on":
        eta = f", done in {timedelta(seconds=round(report.minutes * 60))} at this rate"
    out.print(f"{report.standing.value}: {report.per_minute} a minute{eta}")


def _report(incident: str, state: State) -> "CampaignReport":
    return ask(_opened(state), lambda campaigns: campaigns.report(incident))


def _opened(state: State) -> "AbstractAsyncContextManager[CampaignReader]":
    return client.campaigns.opened(*state.sealed_databases())


def _decide(kind: type[Decision], incident: str, account: str | None, code: str | None, state: State) -> None:
    """Make a decision about the notices of *incident*, which must be released."""
    signer = signer_of(account, code, state)
    if state.has_databases:
        _report(incident, state)
    decide(signer, kind, incident)
