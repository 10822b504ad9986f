"""
The ``habeas`` command: verbs and their output. ``habeas.client`` has their functions.

Verbs use the settings of the environment (``HABEAS_…``), and for missing ones
those that ``habeas up`` keeps in the state folder.
"""

import sys
from importlib import metadata
from typing import Annotated

import typer
from typer import Option

from habeas.cli import (
    breach_notices,
    breaches,
    cases,
    data_use,
    erasures,
    files,
    identity,
    keys,
    laws,
    letters,
    maps,
    operations,
    referrals,
    reports,
    requests,
    retention,
    staff,
    start,
    verification,
)
from shared.errors import HabeasError

app = typer.Typer(name="habeas", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(start.app)
app.add_typer(operations.app)
app.add_typer(requests.app)
app.add_typer(files.app)
app.add_typer(cases.app, name="case")
app.add_typer(referrals.appeals_app, name="appeals")
app.add_typer(referrals.permission_app, name="permission")
app.add_typer(identity.app, name="verify")
app.add_typer(staff.app, name="staff")
app.add_typer(operations.burst_app, name="burst")
breaches.app.add_typer(breach_notices.app)
app.add_typer(breaches.app, name="breach")
app.add_typer(operations.dead_letters_app, name="dead-letters")
app.add_typer(erasures.records_app)
app.add_typer(erasures.app, name="erasures")
app.add_typer(erasures.suppressions, name="suppressions")
app.add_typer(retention.app, name="retention")
app.add_typer(data_use.app, name="recipients")
app.add_typer(data_use.restriction_app, name="restriction")
app.add_typer(data_use.unsubscribe_app, name="unsubscribe")
app.add_typer(laws.app)
app.add_typer(reports.app)
app.add_typer(operations.drop_app, name="drop")
app.add_typer(letters.app, name="letters")
app.add_typer(letters.inbox_app, name="inbox")
app.add_typer(verification.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(maps.app, name="map")
app.add_typer(verification.packages, name="package")
app.add_typer(verification.certificates, name="certificate")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"habeas {metadata.version('habeas')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Handle data subject requests; start with the verb `demo`."""


def main() -> None:
    """Run the command; an expected error ends it with one line and code 2."""
    try:
        app()
    except HabeasError as error:
        print(f"habeas: {error}", file=sys.stderr)
        sys.exit(2)
