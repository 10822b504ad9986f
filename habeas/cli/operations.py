"""Verbs to operate the product: broker, parked messages, storms of requests, California's DROP."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import STATE, AsJson, State, fields, moment, optional, out, output, run, urgency
from habeas.cli.staff import DECIDE, OneTimeCode, decide, report, signer_of
from shared.errors import ConfigurationError
from shared.runtime.accounts import TOPOLOGY

app = typer.Typer()
dead_letters_app = typer.Typer()
burst_app = typer.Typer()
drop_app = typer.Typer()


@app.command()
def topology(
    definitions: Annotated[
        Path | None,
        Option(help="Write users and permissions to this file, for `rabbitmqctl import_definitions`."),
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Declare exchanges, queues, bindings, users and permissions; services declare nothing.

    Uses the account `topology` of HABEAS_CREDENTIALS, or HABEAS_AMQP_URL. Users of the broker need
    HABEAS_MANAGEMENT_URL, users of the database need `topology/mongo_url`. Existing things stay.
    """
    accounts, known = client.accounts, state.settings(TOPOLOGY)
    folder, management = known.get("HABEAS_CREDENTIALS"), known.get("HABEAS_MANAGEMENT_URL")
    amqp_url = state.setting("AMQP_URL", TOPOLOGY)
    users = accounts.users_in(Path(folder)) if folder else {}
    run(accounts.declare_all(amqp_url, management if users else None, users))
    if definitions is not None:
        accounts.write_definitions(definitions, amqp_url, users)
    declared = len(users) if management else 0
    said = [f"exchanges, queues {f'and {declared} accounts ' if declared else ''}are declared"]
    stored: Mapping[str, tuple[str, str]] = {}
    root_url = known.get("HABEAS_MONGO_URL")
    if folder and root_url:
        data_map = Path(state.setting("DATAMAP", TOPOLOGY))
        business = accounts.business_databases(data_map, known.get("HABEAS_STORES", ""))
        stored = accounts.users_in(Path(folder), accounts.MONGO_URL)
        run(accounts.grant(root_url, stored, prefix=state.prefix, business=business))
        said.append(f"{len(stored)} accounts of the database have their roles")
    plain = {"accounts": declared, "database_accounts": len(stored)}
    output(plain, "\n".join(said), as_json=as_json)


@dead_letters_app.command("list")
def dead_letters(state: State = STATE, as_json: AsJson = False) -> None:
    """List parked messages and submissions that could not be read."""
    found = run(client.dead_letters.found(state.setting("AMQP_URL"), *state.databases()))
    if as_json:
        print(json.dumps(found, default=str))
    else:
        out.print(client.dead_letters.table(found))


@dead_letters_app.command()
def replay(service: str, state: State = STATE, as_json: AsJson = False) -> None:
    """Replay all parked messages of a service; those about cases purged since are dropped."""
    from shared.runtime.mongo import connect  # noqa: PLC0415

    async def work() -> tuple[int, int]:
        mongo_url, prefix = state.databases()
        with closing(connect(mongo_url, app_name="habeas command")) as mongo:
            return await client.dead_letters.replay(state.setting("AMQP_URL"), mongo, prefix, service)

    replayed, dropped = run(work())
    gone = f"\n{dropped} messages dropped: their requests were purged" if dropped else ""
    text = f"{replayed} messages replayed to {service} again{gone}"
    output({"service": service, "replayed": replayed, "dropped": dropped}, text, as_json=as_json)


@burst_app.command(rich_help_panel=DECIDE)
def declare(
    incident: Annotated[str, Argument(help="Name of the incident: a-z, 0-9, _ and dots.")],
    until: Annotated[str, Option(help="When it ends: 2026-03-09T00:00+01:00.")],
    since: Annotated[str | None, Option(help="When it began; now by default.")] = None,
    source: Annotated[
        str | None, Option(help="The system that the requests come from; by default any.")
    ] = None,
    per_hour: Annotated[
        int | None, Option(min=1, help="Requests that begin in an hour; others wait.")
    ] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Mark the requests received in the time of an incident, and limit them per hour.

    The latest declaration of an incident counts. Requests registered before do not change.
    """
    from shared.contract.envelope import derived_id  # noqa: PLC0415

    signer = signer_of(code, state)
    words: dict[str, Any] = {
        "incident": incident,
        "since": moment("--since", since) if since else datetime.now(UTC),
        "until": moment("--until", until),
        "source": source,
        "per_hour": per_hour,
    }
    effect = decide(signer, contract.BurstDeclared, derived_id(f"incident {incident}", 0), **words)
    report(
        effect,
        f"declared; `habeas report --register` and `habeas deadlines` name {incident}",
        as_json=as_json,
    )


@drop_app.command()
def status(state: State = STATE, as_json: AsJson = False) -> None:
    """Show the last and next fetch of the lists and their statuses; exit 1 if late or set aside."""
    found = run(client.drop.standing(*state.databases(), datetime.now(UTC)))
    if as_json:
        print(json.dumps(found))
    elif found is None:
        out.print(client.drop.NEVER_CALLED)
    else:
        late = "LATE" if found["late"] else f"{found['days_left']} days left"
        out.print(f"due again by {found['last_day']}: {late}", style=urgency(found["days_left"]))
        fields(
            {
                "fetched": [found["fetched_at"] or "never"],
                "next": optional(found["next_at"]),
                "not answered": [f"{found['batch']} ({found['step']})"] if found["batch"] else [],
                "requests": [f"{count} {name}" for name, count in found["requests"].items()],
                "trouble": optional(found["trouble"]),
            }
        )
        for one in found["set_aside"]:
            out.print(f"set aside: {_set_aside(one)}")
    raise typer.Exit(1 if found is not None and (found["late"] or found["set_aside"]) else 0)


def _set_aside(one: Mapping[str, Any]) -> str:
    """Return a line about a list, or rows of one, that cannot be read."""
    if not one["count"]:
        return f"{one['file']} of {one['batch']}: unknown or damaged"
    lines = ", ".join(one["rows"]) + (", ..." if one["count"] > len(one["rows"]) else "")
    rows = "row, in line" if one["count"] == 1 else "rows, in lines"
    return f"{one['file']} of {one['batch']}: {one['count']} unreadable {rows} {lines}"


@drop_app.command()
def handled(
    batch: Annotated[str, Argument(help="The batch that `habeas drop status` names.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record that the lists of a batch that were set aside are answered in the state's portal."""
    if not run(client.drop.handled(*state.databases(), batch)):
        raise ConfigurationError("no list of this batch is set aside: `habeas drop status` names them")
    output({"batch": batch, "handled": True}, "recorded", as_json=as_json)


@drop_app.command()
def pull(state: State = STATE, as_json: AsJson = False) -> None:
    """Fetch the lists as soon as DROP is open and the last ones are answered."""
    waits = run(client.drop.pull(*state.databases()))
    text = "fetched once the last lists are answered" if waits else "fetched as soon as DROP is open"
    output({"waits": bool(waits)}, text, as_json=as_json)
