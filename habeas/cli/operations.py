"""Verbs to operate the product: broker, parked messages, storms of requests, California's DROP."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TextColumn
from typer import Argument, Option

from habeas.cli import client, contract
from habeas.cli.options import (
    STATE,
    AsJson,
    InstallationState,
    State,
    fields,
    moment,
    moment_or_day,
    optional,
    out,
    output,
    progress_of,
    run,
    urgency,
)
from habeas.cli.staff import DECIDE, OneTimeCode, decide, report, signer_of
from shared.errors import ConfigurationError
from shared.runtime.accounts import TOPOLOGY

if TYPE_CHECKING:
    from habeas.client.republication import UnhandledFacts

COMPARED = timedelta(days=30)
"""Age of facts that `republish` compares; a service that began to listen later would handle older ones."""
REPUBLISHED_WITHIN_S = 60.0
FACT_COLUMNS = (TextColumn("{task.description}: {task.completed:,.0f} facts in all"),)

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
    example: Annotated[
        bool, Option(help="Create empty databases with the collections of the map, where there are none.")
    ] = False,
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
    created = run(accounts.declare_all(amqp_url, management if users else None, users))
    if definitions is not None:
        accounts.write_definitions(definitions, amqp_url, users)
    declared = len(users) if management else 0
    said = [f"exchanges{f', queues and {declared} accounts' if declared else ' and queues'} are declared"]
    if users and not management and definitions is None:
        said.append(
            "users of the broker are left alone without HABEAS_MANAGEMENT_URL; `habeas up` sets its own"
        )
    stored: Mapping[str, tuple[str, str]] = {}
    root_url = known.get("HABEAS_MONGO_URL")
    if folder and root_url:
        data_map = Path(state.setting("DATAMAP", TOPOLOGY))
        business = accounts.business_collections(data_map, known.get("HABEAS_STORES", ""))
        stored = accounts.users_in(Path(folder), accounts.MONGO_URL)
        run(accounts.grant(root_url, stored, prefix=state.prefix, business=business))
        said.append(f"{len(stored)} accounts of the database have their roles")
        if example and (made := run(accounts.create_collections(root_url, business))):
            said.append(f"{made} empty collections of the example are created")
    if root_url:
        run(client.migrations.note_topology(root_url, state.prefix, created))
    if created and root_url and run(client.watched_facts.note_new_queues(root_url, state.prefix, created)):
        remedy = "upkeep publishes what they held again, or `habeas republish` at once"
        said.append(f"{len(created)} queues were created anew: {remedy}")
    plain = {"accounts": declared, "database_accounts": len(stored), "created_queues": created}
    output(plain, "\n".join(said), as_json=as_json)


@app.command()
def migrate(
    dry_run: Annotated[
        bool, Option("--dry-run", help="List the changes only; exit 1 if there are any.")
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Finish an upgrade: replace queues, remove old bindings and collections, rebuild the console's lists.

    Run it when all services run this release; those of an earlier one need the old bindings. It may be
    repeated. Uses the account `topology` of HABEAS_CREDENTIALS, or HABEAS_AMQP_URL and HABEAS_MONGO_URL. Old
    bindings are listed with HABEAS_MANAGEMENT_URL alone, and removed without it, too.
    """
    from shared.runtime.mongo import connect  # noqa: PLC0415

    amqp_url, mongo_url = state.setting("AMQP_URL", TOPOLOGY), state.setting("MONGO_URL", TOPOLOGY)
    management_url = state.settings(TOPOLOGY).get("HABEAS_MANAGEMENT_URL")

    async def work() -> list[tuple[str, Sequence[str]]]:
        with closing(connect(mongo_url, app_name="habeas command")) as mongo:
            at = client.migrations.MigratedInstallation(
                amqp_url, mongo_url, mongo, state.prefix, state.company().zone, management_url
            )
            steps = client.migrations.migrations(at, dry_run=dry_run)
            return [(one.step, one.changes) async for one in steps]

    found = run(work())
    text = "\n".join(f"{step}: {change}" for step, changes in found for change in changes) or "nothing to do"
    steps = {step: list(changes) for step, changes in found}
    plain = {"dry_run": dry_run, "steps": steps, "bindings_listed": bool(management_url)}
    output(plain, text if management_url else f"{text}\n{_unseen_bindings(dry_run)}", as_json=as_json)
    raise typer.Exit(1 if dry_run and found else 0)


def _unseen_bindings(dry_run: bool) -> str:
    done = "`habeas migrate` removes them" if dry_run else "they were removed"
    return (
        f"bindings of earlier releases are not listed without HABEAS_MANAGEMENT_URL: {done}, if there are any"
    )


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


@app.command()
def republish(
    since: Annotated[
        str | None,
        Option(help="Compare facts since 2026-03-09, in UTC, or 2026-03-09T00:00+01:00; by default 30 days."),
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what is not handled.")] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Compare the journals, and publish again the facts that a service has not handled.

    For facts that the broker lost. Those in parking queues are left out; facts that are under way may be
    published twice, which has no effect. Services must run. Exits 1 if they did not publish all.
    """
    began = moment_or_day("--since", since) if since else datetime.now(UTC) - COMPARED
    found, left = run(_republished(state, began, dry_run=dry_run))
    plain = {**found.plain(), "republished": not dry_run, "left": left}
    if as_json:
        print(json.dumps(plain))
    else:
        out.print(client.republication.table(plain))
        for line in _sentences(plain):
            out.print(line)
    raise typer.Exit(1 if left else 0)


async def _republished(
    state: InstallationState, since: datetime, *, dry_run: bool
) -> "tuple[UnhandledFacts, dict[str, int]]":
    """Return what is not handled, and by service the facts that it has not published again."""
    from shared.runtime.mongo import connect  # noqa: PLC0415

    mongo_url, prefix = state.databases()
    amqp_url, republication = state.setting("AMQP_URL"), client.republication
    with closing(connect(mongo_url, app_name="habeas command")) as mongo, progress_of(*FACT_COLUMNS) as shown:
        comparison = client.unhandled_facts.FactComparison(mongo, prefix)
        task = shown.add_task("comparing journals", total=None)

        def advance(service: str, count: int) -> None:
            shown.update(task, description=f"comparing the journal of {service}", advance=count)

        found = await republication.unhandled_since(comparison, amqp_url, since, advance)
        if dry_run or not found.lost:
            return found, {}
        await republication.order(comparison, found.lost)
        services = {one.service for one in found.lost}
        return found, await republication.left_after(comparison, services, REPUBLISHED_WITHIN_S)


def _sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of the verb `republish` in words."""
    number = sum(one["facts"] for one in found["unhandled"])
    left = sum(found["left"].values())
    if found["republished"] and number:
        yield f"{number - left} facts of {found['cases']} cases published again"
    if found["parked"]:
        yield f"{found['parked']} facts are parked and left out: `habeas dead-letters` lists them"
    for service, count in found["left"].items():
        yield f"{service} has not published {count} of its facts yet: is it running?"


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
