"""Verbs about the use of data: recipients, unsubscribe links."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from habeas.cli import client, contract
from habeas.cli.options import STATE, AsJson, InstallationState, State, fields, from_console, out, output
from habeas.cli.staff import DECIDE, OneTimeCode, decide_all, signer_of
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from habeas.client.decisions import DecisionSigner
    from shared.contract.events import RecipientRetried

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
    found = _notices(state, failed=failed)
    if as_json:
        print(json.dumps(found))
    else:
        for one in found:
            out.print(f"{one['recipient']}: {' '.join(filter(None, (one['state'], one['reason'])))}")
            fields({name: [one[name]] for name in ("about", "case", "since")})
        if not found:
            out.print("no recipient is to be notified")
    raise typer.Exit(1 if failed and found else 0)


@app.command(rich_help_panel=DECIDE)
def retry(
    recipient: Annotated[str | None, Option(help="Only this one, by its name in the data map.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Notify failed recipients again, once the cause is gone; a hundred with one code."""
    found = _notices(state, failed=True)
    named = {(one["case"], one["recipient"]) for one in found if recipient in (None, one["recipient"])}
    some = sorted(named)[: contract.MOST_BATCHED]
    if not some:
        output([], "no notice has failed", as_json=as_json)
        return
    signer = signer_of(code, state)
    facts = [again(signer, case, name) for case, name in some]
    left = len(named) - len(some)
    rest = f"{left} more: run it again with the next code" if left else ""
    decide_all(signer, facts, "sent again", "sent again", rest=rest, as_json=as_json)


def again(signer: "DecisionSigner", case: str, recipient: str) -> "RecipientRetried":
    """Return the decision that *recipient* is notified again about *case*."""
    kind = contract.RecipientRetried
    return client.requests.fact(kind, request_id=case, by=signer.account, recipient=recipient)


def _notices(state: InstallationState, *, failed: bool) -> list[dict[str, Any]]:
    """Return the notices of the console, or the *failed* ones alone."""
    only = {"failed": "true"} if failed else {}
    return from_console(state, lambda console: console.all("/recipients", "notices", **only))


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
