"""Verbs about the broker."""

from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, State, out, prefix_of, run, setting, settings
from shared.runtime.accounts import TOPOLOGY

app = typer.Typer()


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
