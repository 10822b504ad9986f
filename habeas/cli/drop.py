"""Verbs about California's DROP."""

import json
import sys
from datetime import UTC, datetime

import typer

from habeas.cli.options import STATE, AsJson, State, fields, out, prefix_of, run, setting

app = typer.Typer(help="California's deletion lists (DROP).")


@app.command()
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


@app.command()
def pull(state: State = STATE) -> None:
    """Fetch the lists as soon as DROP is open and the last ones are answered."""
    from habeas.client import drop  # noqa: PLC0415

    waits = run(drop.pull(setting("MONGO_URL", state), prefix_of(state)))
    out.print("fetched once the last lists are answered" if waits else "fetched as soon as DROP is open")
