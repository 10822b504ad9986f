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
    """Replay all parked messages of a service."""
    from habeas.client import dead_letters as letters  # noqa: PLC0415

    out.print(
        f"{run(letters.replay(setting('AMQP_URL', state), service))} messages replayed to {service} again"
    )
