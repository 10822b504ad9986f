"""Verbs about legal holds: records that no erasure and no purge may take."""

import json
from secrets import token_hex
from typing import Annotated, Any

import typer
from typer import Option

from habeas.cli import contract
from habeas.cli.options import STATE, AnyRequestId, AsJson, State, fields, from_console, optional, out
from habeas.cli.staff import DECIDE, OneTimeCode, decide, report, signer_of
from shared.errors import ConfigurationError
from shared.vocabulary import HoldScope

app = typer.Typer()
Hold = Annotated[str, typer.Argument(help="Id of the hold, as `hold place` has printed it.")]


@app.command(rich_help_panel=DECIDE)
def place(
    request_id: AnyRequestId = None,
    matter: Annotated[str, Option(help="Short name of the claim: a-z, 0-9, _ and dots.")] = "",
    person: Annotated[bool, Option("--person", help="All records of the person of the request.")] = False,
    collection: Annotated[str | None, Option(help="A collection instead: dataset.collection.")] = None,
    until: Annotated[str | None, Option(help="Its last day: 2027-12-31.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Keep the records of a request, a person or a collection from all erasures and purges.

    Letters and certificates state that they are kept for a legal claim.
    """
    if (request_id is None) == (collection is None):
        raise ConfigurationError("name a request, or a collection by --collection")
    if not matter:
        raise ConfigurationError("--matter is missing: a short name of the claim or the proceedings")
    hold = token_hex(16)
    scope = HoldScope.COLLECTION if collection else HoldScope.PERSON if person else HoldScope.REQUEST
    words: dict[str, Any] = {
        "hold": hold,
        "scope": scope,
        "matter": matter,
        "collection": collection,
        "until": until,
    }
    effect = decide(signer_of(code, state), contract.HoldPlaced, request_id or hold, **words)
    if as_json:
        print(json.dumps(effect.plain() | {"hold": hold}))
    else:
        out.print(f"hold {hold} stands")


@app.command(rich_help_panel=DECIDE)
def lift(
    hold: Hold,
    request_id: AnyRequestId = None,
    reason: Annotated[str, Option(help="Code: matter_closed, placed_by_mistake …")] = "matter_closed",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Lift a hold on a request or person, or on a collection (without a request); erasures go on daily."""
    signer = signer_of(code, state)
    effect = decide(signer, contract.HoldLifted, request_id or hold, hold=hold, reason=reason)
    done = f"lifted; `habeas hold list {hold}` lists the erasures that are taken up again"
    report(effect, done, as_json=as_json)


@app.command("list")
def list_(
    hold: Annotated[str | None, typer.Argument(help="Only this hold.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List all holds, standing ones first, with the requests and purges that they kept records from."""
    listed = from_console(state, lambda console: console.all("/holds", "holds"))
    found = [one for one in listed if hold in {None, one["hold"]}]
    if as_json:
        print(json.dumps(found))
        return
    for one in found:
        out.print(f"{one['hold']}  {one['state']}")
        of = one["collection"] or f"{one['scope']} of {one['case']}"
        about = {"of": [of], "matter": [one["matter"]], "by": [one["account"]]}
        fields({**about, "until": optional(one["until"]), "kept from": one["kept_from"]})
    if not found:
        out.print("there is no legal hold")
