"""Verbs about unsubscribe links."""

import json
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, root_key, setting
from shared.errors import ConfigurationError

app = typer.Typer(
    help="One-click unsubscribe (RFC 8058): links for the company's mailers.", no_args_is_help=True
)


@app.callback()
def unsubscribe() -> None:
    """One-click unsubscribe (RFC 8058): links for the company's mailers."""


@app.command()
def link(
    email: Annotated[str, typer.Option(help="Recipient of the mail.")],
    list_: Annotated[str | None, typer.Option("--list", help="Your name of the mailing list.")] = None,
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
    links = UnsubscribeLinks(root_key(state), setting("PUBLIC_URL", state))
    if as_json:
        url, headers = links.url_for(subscription), dict(links.headers_for(subscription))
        print(json.dumps({"url": url, "headers": headers}))
    else:
        print(links.url_for(subscription))
