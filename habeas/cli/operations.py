"""Verbs to operate the product: broker, parked messages, storms of requests, California's DROP."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, fields, out, prefix_of, run, setting, settings
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import BurstDeclared
from shared.errors import ConfigurationError
from shared.runtime.accounts import TOPOLOGY

app = typer.Typer()

dead_letters_app = typer.Typer(help="Messages that could not be handled: list and replay them.")

burst_app = typer.Typer(help="Storms of requests, as after a breach: mark and limit them.")

drop_app = typer.Typer(help="California's deletion lists (DROP).")


@app.command()
def topology(
    definitions: Annotated[
        Path | None,
        typer.Option(help="Write users and permissions to this file, for `rabbitmqctl import_definitions`."),
    ] = None,
    state: State = STATE,
) -> None:
    """
    Declare exchanges, queues, bindings, users and permissions; services declare nothing.

    Uses the account `topology` of HABEAS_CREDENTIALS, or HABEAS_AMQP_URL. Users of the broker need
    HABEAS_MANAGEMENT_URL, users of the database need `topology/mongo_url`. Existing things stay.
    """
    from habeas.client import accounts  # noqa: PLC0415  each verb loads only what it needs

    known = settings(state, TOPOLOGY)
    folder, management = known.get("HABEAS_CREDENTIALS"), known.get("HABEAS_MANAGEMENT_URL")
    amqp_url = setting("AMQP_URL", state, TOPOLOGY)
    users = accounts.users_in(Path(folder)) if folder else {}
    run(accounts.declare_all(amqp_url, management if users else None, users))
    if definitions is not None:
        accounts.write_definitions(definitions, amqp_url, users)
    done = f"and {len(users)} accounts " if users and management else ""
    out.print(f"exchanges, queues {done}are declared")
    root_url = known.get("HABEAS_MONGO_URL")
    if folder and root_url:
        data_map = Path(setting("DATAMAP", state, TOPOLOGY))
        business = accounts.business_databases(data_map, known.get("HABEAS_STORES", ""))
        stored = accounts.users_in(Path(folder), accounts.MONGO_URL)
        run(accounts.grant(root_url, stored, prefix=prefix_of(state), business=business))
        out.print(f"{len(stored)} accounts of the database have their roles")


@dead_letters_app.callback(invoke_without_command=True)
def dead_letters(context: typer.Context, state: State = STATE, as_json: AsJson = False) -> None:
    """List parked messages and submissions that could not be read."""
    if context.invoked_subcommand is None:
        from habeas.client import dead_letters as letters  # noqa: PLC0415

        found = run(letters.found(setting("AMQP_URL", state), setting("MONGO_URL", state), prefix_of(state)))
        print(json.dumps(found, default=str)) if as_json else out.print(letters.table(found))


@dead_letters_app.command()
def replay(service: str, state: State = STATE) -> None:
    """Replay all parked messages of a service; those about cases purged since are dropped."""
    from habeas.client import dead_letters as letters  # noqa: PLC0415
    from shared.runtime.mongo import connect  # noqa: PLC0415

    async def work() -> letters.Replayed:
        client = connect(setting("MONGO_URL", state), app_name="habeas command")
        try:
            return await letters.replay(setting("AMQP_URL", state), client, prefix_of(state), service)
        finally:
            client.close()

    done = run(work())
    out.print(f"{done.replayed} messages replayed to {service} again")
    if done.dropped:
        out.print(f"{done.dropped} messages dropped: their cases were purged")


@burst_app.command()
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


@drop_app.command()
def status(state: State = STATE, as_json: AsJson = False) -> None:
    """Show the last and next fetch of the lists and their statuses; exit 1 when late."""
    from habeas.client import drop  # noqa: PLC0415

    found = run(drop.standing(setting("MONGO_URL", state), prefix_of(state), datetime.now(UTC)))
    if as_json:
        print(json.dumps(found))
    elif found is None:
        out.print("DROP was never called: set HABEAS_DROP_KEY")
    else:
        late = "LATE" if found["late"] else f"{found['days_left']} days left"
        out.print(f"due again by {found['last_day']}: {late}", markup=False)
        fields(
            {
                "fetched": [found["fetched_at"] or "never"],
                "next": [found["next_at"]] if found["next_at"] else [],
                "not answered": [f"{found['batch']} ({found['step']})"] if found["batch"] else [],
                "requests": [f"{count} {name}" for name, count in found["requests"].items()],
                "trouble": [found["trouble"]] if found["trouble"] else [],
            }
        )
    sys.exit(1 if found is not None and found["late"] else 0)


@drop_app.command()
def pull(state: State = STATE) -> None:
    """Fetch the lists as soon as DROP is open and the last ones are answered."""
    from habeas.client import drop  # noqa: PLC0415

    waits = run(drop.pull(setting("MONGO_URL", state), prefix_of(state)))
    out.print("fetched once the last lists are answered" if waits else "fetched as soon as DROP is open")
