"""
The ``habeas`` command: verbs and their output. ``habeas.client`` has their functions.

Verbs use the settings of the environment (``HABEAS_…``), and for missing ones
those that ``habeas up`` keeps in the state folder.
"""

import sys

import typer

from habeas.cli import (
    audits,
    breach_scope,
    breaches,
    broker,
    campaigns,
    cases,
    dead_letters,
    documents,
    drop,
    erasures,
    files,
    identity,
    inbox,
    keys,
    laws,
    letters,
    maps,
    notices,
    rate_limits,
    recipients,
    records,
    reports,
    requests,
    restrictions,
    staff,
    start,
    unsubscribe_links,
)
from shared.errors import HabeasError

app = typer.Typer(
    name="habeas",
    help="Handles data subject requests. Start with `habeas demo`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(start.app)
app.add_typer(broker.app)
app.add_typer(requests.app)
app.add_typer(files.app)
app.add_typer(cases.app, name="case")
app.add_typer(identity.app, name="verify")
app.add_typer(staff.app, name="staff")
app.add_typer(rate_limits.app, name="burst")
breach_scope.register(breaches.app)
notices.register(breaches.app)
campaigns.register(breaches.app)
app.add_typer(breaches.app, name="breach")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(records.app)
app.add_typer(erasures.app, name="erasures")
app.add_typer(erasures.stop_list, name="suppressions")
app.add_typer(recipients.app, name="recipients")
app.add_typer(restrictions.app, name="restriction")
app.add_typer(unsubscribe_links.app, name="unsubscribe")
app.add_typer(laws.app)
app.add_typer(reports.app)
app.add_typer(drop.app, name="drop")
app.add_typer(letters.app, name="letters")
app.add_typer(inbox.app, name="inbox")
app.add_typer(audits.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(maps.app, name="map")
app.add_typer(documents.packages, name="package")
app.add_typer(documents.certificates, name="certificate")


def main() -> None:
    """Run the command; an expected error ends it with one line and code 2."""
    try:
        app()
    except HabeasError as error:
        print(f"habeas: {error}", file=sys.stderr)
        sys.exit(2)
