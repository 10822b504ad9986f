"""Verbs about incoming mail."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from habeas.cli.options import (
    STATE,
    AsJson,
    State,
    existing,
    out,
    prefix_of,
    root_key,
    run,
    setting,
    settings,
)

app = typer.Typer(no_args_is_help=True, help="Incoming mail: classification, and mails for staff.")


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A mail, as mail programs save it (.eml).")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the classification of a mail and its rules, without effect."""
    from habeas.client.inbox import explained  # noqa: PLC0415

    known = settings(state)
    found = explained(
        existing(file).read_bytes(),
        address=known.get("HABEAS_INBOX_ADDRESS", ""),
        trusted=known.get("HABEAS_INBOX_TRUST", ""),
    )
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        lines = value if isinstance(value, list) else str(value or "-").splitlines()
        out.print(f"{name:<12}{lines[0] if lines else '-'}", markup=False)
        for line in lines[1:]:
            out.print(f"{'':<12}{line}", markup=False)


@app.command("list")
def list_(state: State = STATE, as_json: AsJson = False) -> None:
    """List the mails for staff: references and reasons."""
    from habeas.client.inbox import waiting  # noqa: PLC0415

    found = run(waiting(setting("MONGO_URL", state), prefix_of(state)))
    if as_json:
        print(json.dumps(found))
        return
    table = Table("request", "at", "mail", "reason", "own")
    for mail in found:
        own = {None: "", True: "yes", False: "no"}[mail["own"]]
        table.add_row(mail["request"], mail["at"], mail["mail"], mail["reason"], own)
    out.print(table if found else "no mail waits for you")


@app.command()
def read(
    request: Annotated[str, typer.Argument(help="Its request.")],
    mail: Annotated[str, typer.Argument(help="Its name from `inbox list`.")] = "mail",
    state: State = STATE,
) -> None:
    """Print a mail as received."""
    from habeas.client.inbox import opened  # noqa: PLC0415

    master_key = root_key(state)
    content = run(opened(setting("MONGO_URL", state), prefix_of(state), master_key, request, mail))
    sys.stdout.buffer.write(content)
