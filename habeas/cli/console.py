"""Verbs about the console of the privacy staff."""

import typer

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, output, run

app = typer.Typer()


@app.command()
def rebuild(state: State = STATE, as_json: AsJson = False) -> None:
    """
    Build the console's lists of cases anew from the journals of all services.

    The console may run meanwhile. Nothing is lost: facts are added, and cases without a journal are removed.
    """
    mongo_url, prefix = state.databases()
    found = run(client.read_model.rebuild(mongo_url, prefix, state.company().zone))
    removed = f", {found.removed} removed" if found.removed else ""
    plain = {"facts": found.facts, "cases": found.cases, "removed": found.removed}
    output(plain, f"{found.cases} cases are built from {found.facts} facts{removed}", as_json=as_json)


@app.callback()
def console() -> None:
    """Keep the verbs a group: the console may get more."""
