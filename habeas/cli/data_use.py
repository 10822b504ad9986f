"""Verbs about the use of data: recipients, unsubscribe links."""

import json
from typing import Annotated

import typer
from typer import Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, fields, out, output, run
from shared.errors import ConfigurationError

app = typer.Typer()
unsubscribe_app = typer.Typer()


@app.command("list")
def recipients(
    failed: Annotated[
        bool, Option("--failed", help="Only recipients not notified; exits 1 if there are any.")
    ] = False,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List the notices to recipients of data and their states."""
    found = run(client.recipients.messages(*state.databases(), failed=failed))
    if as_json:
        print(json.dumps([message.plain() for message in found]))
    else:
        for message in found:
            row = message.plain()
            out.print(f"{row['recipient']}: {' '.join(filter(None, (row['status'], row['reason'])))}")
            fields({name: [row[name]] for name in ("about", "request", "since")})
        if not found:
            out.print("no recipient is to be notified")
    raise typer.Exit(1 if failed and found else 0)


@app.command()
def retry(
    recipient: Annotated[str | None, Option(help="Only this one, by its name in the data map.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Notify failed recipients again, once the cause is gone."""
    found = run(client.recipients.messages(*state.databases(), failed=True))
    again = [message.concerned for message in found if recipient in (None, message.concerned.recipient)]
    for concerned in again:
        known = run(client.cases.correlation(*state.databases(), concerned.request_id))
        run(client.requests.announce(state.setting("AMQP_URL"), concerned, known))
    output({"sent": len(again)}, f"{len(again)} notice{'s' * (len(again) != 1)} sent again", as_json=as_json)


@unsubscribe_app.command()
def link(
    email: Annotated[str, Option(help="Recipient of the mail.")],
    list_: Annotated[str | None, Option("--list", help="Your name of the mailing list.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print a person's unsubscribe link; with --json also the two headers of the mail."""
    from pydantic import ValidationError  # noqa: PLC0415

    from services.intake.channels.unsubscribe.links import TOO_LONG, MailSubscription, UnsubscribeLinks  # noqa: PLC0415

    try:
        subscription = MailSubscription(email=email, list=list_)
    except ValidationError as error:
        flaw = error.errors(include_url=False, include_input=False)[0]
        what = flaw["msg"] if flaw["type"] == TOO_LONG else "has a wrong form"
        raise ConfigurationError(f"--{flaw['loc'][0]}: {what}") from None
    links = UnsubscribeLinks(state.root_key(), state.setting("PUBLIC_URL"))
    url = links.url_for(subscription)
    print(json.dumps({"url": url, "headers": dict(links.headers_for(subscription))}) if as_json else url)
