"""Verbs about messages that could not be handled."""

import json

import typer

from habeas.cli.options import STATE, AsJson, State, out, prefix_of, run, setting

app = typer.Typer(help="Messages that could not be handled: list and replay them.")


@app.callback(invoke_without_command=True)
def dead_letters(context: typer.Context, state: State = STATE, as_json: AsJson = False) -> None:
    """List parked messages and submissions that could not be read."""
    if context.invoked_subcommand is None:
        from habeas.client import dead_letters as letters  # noqa: PLC0415

        found = run(letters.found(setting("AMQP_URL", state), setting("MONGO_URL", state), prefix_of(state)))
        print(json.dumps(found, default=str)) if as_json else out.print(letters.table(found))


@app.command()
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
