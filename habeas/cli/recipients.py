"""Verbs about the recipients of data."""

import json
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, fields, out, prefix_of, run, setting

app = typer.Typer(help="Notices to recipients of data: list and resend them.")


@app.callback(invoke_without_command=True)
def recipients(
    context: typer.Context,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed",
            help="Only recipients not notified; exits 1 if there are any.",
        ),
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List the notices to recipients of data and their states."""
    if context.invoked_subcommand is not None:
        return
    from habeas.client import recipients as notices  # noqa: PLC0415

    found = run(notices.messages(setting("MONGO_URL", state), prefix_of(state), failed=failed))
    if as_json:
        print(json.dumps([message.plain() for message in found]))
    else:
        for message in found:
            row = message.plain()
            status = " ".join(filter(None, (row["status"], row["reason"])))
            out.print(f"{row['recipient']}: {status}", markup=False)
            fields({name: [row[name]] for name in ("about", "request", "since")})
        if not found:
            out.print("none")
    raise typer.Exit(1 if failed and found else 0)


@app.command()
def retry(
    recipient: Annotated[str | None, typer.Option(help="Only this one, by its name in the data map.")] = None,
    state: State = STATE,
) -> None:
    """Notify failed recipients again, once the cause is gone."""
    from habeas.client import recipients as notices  # noqa: PLC0415
    from habeas.client import requests  # noqa: PLC0415

    found = run(notices.messages(setting("MONGO_URL", state), prefix_of(state), failed=True))
    again = [message.concerned for message in found if recipient in (None, message.concerned.recipient)]
    for concerned in again:
        run(requests.announce(setting("AMQP_URL", state), concerned))
    out.print(f"{len(again)} messages are sent again")
