"""Verbs about storms of requests."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from habeas.cli.options import STATE, State, out
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import BurstDeclared
from shared.errors import ConfigurationError

app = typer.Typer(help="Storms of requests, as after a breach: mark and limit them.")


@app.command()
def declare(
    incident: Annotated[str, typer.Argument(help="Name of the incident: a-z, 0-9, _ and dots.")],
    until: Annotated[str, typer.Option(help="When it ends: 2026-03-09T00:00+01:00.")],
    since: Annotated[str | None, typer.Option(help="When it began; now by default.")] = None,
    source: Annotated[
        str | None, typer.Option(help="The system that the requests come from; by default any.")
    ] = None,
    per_hour: Annotated[
        int | None, typer.Option(min=1, help="Requests that begin in an hour; others wait.")
    ] = None,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """
    Mark the requests received in the time of an incident, and limit them per hour.

    The latest declaration of an incident counts. Requests registered before do not change.
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
