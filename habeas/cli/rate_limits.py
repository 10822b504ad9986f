"""Verbs about storms of requests."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from habeas.cli.options import STATE, State, out
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import BurstDeclared
from shared.errors import ConfigurationError

app = typer.Typer(help="Storms of requests, after a breach for instance: mark and shape them.")


@app.command()
def declare(
    incident: Annotated[str, typer.Argument(help="What you call it: a-z, 0-9, _ and dots.")],
    until: Annotated[str, typer.Option(help="When it ends: 2026-03-09T00:00+01:00.")],
    since: Annotated[str | None, typer.Option(help="When it began; now where nothing is said.")] = None,
    source: Annotated[
        str | None, typer.Option(help="The system that the requests come from; by default any.")
    ] = None,
    per_hour: Annotated[
        int | None, typer.Option(min=1, help="How many of them begin in an hour; the others wait.")
    ] = None,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """
    Mark the requests that are received in the time of an incident, and let so many of them begin an hour.

    Declared again, the incident is what is said last. Requests that were registered before stay as they are.
    """
    from habeas.client import requests  # noqa: PLC0415
    from shared.contract.envelope import derived_id  # noqa: PLC0415

    signer = signer_of(account, code, state)
    declared = requests.fact(
        BurstDeclared,
        request_id=derived_id(f"incident {incident}", 0),
        by=signer.account,
        incident=incident,
        since=_instant("--since", since) if since else datetime.now(UTC),
        until=_instant("--until", until),
        source=source,
        per_hour=per_hour,
    )
    decide(signer, declared)
    out.print(f"declared; `habeas report --register` and `habeas deadlines` name {incident}", markup=False)


def _instant(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - as wrong as one without an offset
    if moment.tzinfo is None:
        raise ConfigurationError(f"{option}: must be a moment with its offset, like 2026-03-09T00:00+01:00")
    return moment
