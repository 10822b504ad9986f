"""Verbs for requests and appeals that wait for a decision of the staff."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from habeas.cli import client, contract
from habeas.cli.options import (
    STATE,
    AsJson,
    RequestId,
    State,
    existing,
    fields,
    from_console,
    optional,
    out,
    urgency,
)
from habeas.cli.staff import (
    DECIDE,
    RECORDED,
    OneTimeCode,
    Reason,
    Remark,
    decide,
    in_opened,
    report,
    sealed_text,
    signer_of,
    with_salt,
)
from shared.contract.erasure_claims import ErasureClaim
from shared.errors import ConfigurationError
from shared.vocabulary import OfflineManner, Outcome, RefusalGround

if TYPE_CHECKING:
    from habeas.client.opened_cases import ContentOpening

ANSWERED = "answered; the person gets a letter"
PROPOSAL = "proposed; another account gives the same answer with `habeas request approve-answer`"
"""Text for the first of two decisions on an answer."""

app = typer.Typer()
appeals_app = typer.Typer()
permission_app = typer.Typer()

Grounds = Annotated[list[RefusalGround], Option("--ground", help="Ground; may be repeated.")]
Explanation = Annotated[Path, Option(help="Text to the person, sealed before anything is published.")]
Reader = Annotated[str, Option("--to", help="The account that may read.")]


@app.command()
def waiting(state: State = STATE, as_json: AsJson = False) -> None:
    """List the requests that wait for a decision of the staff, with their last day, and the verbs for it."""
    today = _now(state).date()
    rows = from_console(state, lambda console: client.waiting_work.requests(console, today))
    shown = ("right", "waits_for", "reason", "meaning", "verbs")
    _list(rows, "no request waits for the staff", shown, as_json=as_json)


@app.command()
def referred(state: State = STATE, as_json: AsJson = False) -> None:
    """List the requests that no service can answer, with their last day and reason."""
    today = _now(state).date()
    rows = from_console(state, lambda console: client.waiting_work.requests(console, today, "referred"))
    _list(
        rows,
        "no request is referred to the staff",
        ("right", "waits_for", "reason", "meaning"),
        as_json=as_json,
    )


@app.command()
def show(
    request_id: RequestId,
    read: Annotated[
        bool, Option("--read", help="Print the request as submitted; that goes on record first.")
    ] = False,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show why a request waits for the staff, and until when."""
    known = _case(state, request_id)
    row = client.waiting_work.request_row(known["case"], _now(state).date())
    row["proposed"] = known["proposed"]
    if read:
        content = in_opened(state, request_id, reason, code, lambda opened: opened.content())
        answered = {"scope_answered": content["scope_answered"]} if content["scope_answered"] else {}
        row["submission"], row["texts"] = (content["submission"] or {}) | answered, content["texts"]
    if as_json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        if value not in (None, []):
            out.print(f"{name:14} {json.dumps(value) if isinstance(value, dict) else value}")


@app.command(rich_help_panel=DECIDE)
def answer(
    request_id: RequestId,
    explanation: Explanation,
    file: Annotated[list[Path] | None, Option(help="File for the person; may be repeated.")] = None,
    partly: Annotated[bool, Option("--partly", help="Some of it is not granted.")] = False,
    ground: Annotated[
        list[RefusalGround] | None, Option(help="With --partly: ground; may be repeated.")
    ] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Answer a referred request by hand: the person gets the text, and a link to the files."""
    if ground and not partly:
        raise ConfigurationError("--ground: needs --partly")
    text = sealed_text(explanation)
    package = client.referrals.packed(list(map(existing, file))) if file else None
    words: dict[str, Any] = {
        "outcome": Outcome.PARTLY_GRANTED if partly else Outcome.GRANTED,
        "grounds": ground or (),
        "explanation": contract.written_item(text),
        "package": package and contract.packed_item(package),
    }
    signer = signer_of(code, state)
    effect = decide(signer, contract.ReferralDecided, request_id, text=text, archive=package, **words)
    report(effect, ANSWERED, PROPOSAL, as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def refuse(
    request_id: RequestId,
    ground: Grounds,
    explanation: Annotated[Path | None, Option(help="Text to the person.")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Refuse a referred request on a ground of its law; the letter cites the provision."""
    text = None if explanation is None else sealed_text(explanation)
    words: dict[str, Any] = {
        "outcome": Outcome.REFUSED,
        "grounds": ground,
        "explanation": text and contract.written_item(text),
    }
    effect = decide(signer_of(code, state), contract.ReferralDecided, request_id, text=text, **words)
    report(effect, ANSWERED, PROPOSAL, as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def ground(
    request_id: RequestId,
    claim: Annotated[ErasureClaim | None, Option("--ground", help="The ground that applies.")] = None,
    none: Annotated[bool, Option("--none", help="Neither applies: answer on the other grounds.")] = False,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide on a ground of an erasure that the data map does not show (GDPR Art. 17(1)(d), (e))."""
    if none is (claim is not None):
        raise ConfigurationError("--ground: name one, or --none")
    effect = decide(
        signer_of(code, state), contract.ErasureGroundDecided, request_id, ground=claim, remark=remark
    )
    report(effect, f"decided; `habeas status {request_id}` shows the answer", RECORDED, as_json=as_json)


@app.command()
def proposals(state: State = STATE, as_json: AsJson = False) -> None:
    """List withdrawn consents whose proposal to erase the data that rested on them was not answered."""
    rows = from_console(state, client.waiting_work.proposals)
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        out.print(f"{row['received_on']}  {row['request']}")
    if not rows:
        out.print("no erasure is proposed")


@app.command(rich_help_panel=DECIDE)
def proposal(
    request_id: RequestId,
    accepted: Annotated[
        bool | None, Option("--accepted/--declined", help="The person's answer. Required.")
    ] = None,
    *,
    manner: Annotated[OfflineManner, Option(help="How they answered.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Record the answer of a person whose withdrawn consent proposes an erasure.

    An accepted one registers an erasure limited to that data; identity is proven as for any request.
    """
    if accepted is None:
        raise ConfigurationError("name the person's answer: --accepted or --declined")
    signer = signer_of(code, state)
    effect = decide(signer, contract.ErasureProposalDecided, request_id, accepted=accepted, manner=manner)
    report(
        effect, "recorded; the person gets a letter with a code" if accepted else "recorded", as_json=as_json
    )


@app.command("nothing-held", rich_help_panel=DECIDE)
def nothing_held(
    request_id: RequestId,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Answer a referred request: a search by hand found no data about the person."""
    signer = signer_of(code, state)
    effect = decide(signer, contract.ReferralDecided, request_id, outcome=Outcome.NOTHING_HELD, remark=remark)
    report(effect, ANSWERED, PROPOSAL, as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def review(
    request_id: RequestId,
    withhold: Annotated[
        list[str] | None, Option(help="COLLECTION[:RECORD[:FIELD]]=GROUND; may be repeated.")
    ] = None,
    release: Annotated[bool, Option("--release", help="Send the package as it is listed.")] = False,
    agree: Annotated[bool, Option("--agree", help="Release as the first account did.")] = False,
    read: Annotated[bool, Option("--read", help="Print the records; that goes on record first.")] = False,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the package that waits for a review; release it, or withhold some of it first."""
    if (bool(withhold), release, agree, read).count(True) > 1:
        raise ConfigurationError("--withhold, --release, --agree, --read: name one")
    waits = _case(state, request_id)["review"]
    if waits is None:
        raise ConfigurationError(f"no package of request {request_id} waits for a review")
    if not (withhold or release or agree):
        if read:
            waits["listed"] = in_opened(state, request_id, reason, code, _listed)
        _print_review(waits, as_json=as_json)
        return
    text = with_salt(client.referrals.redaction_list(withhold)) if withhold else None
    words: dict[str, Any] = {"listing": waits["listing"], "redactions": text and contract.written_item(text)}
    if agree:
        words["redactions"] = _agreed(waits)
    effect = decide(signer_of(code, state), contract.PackageReviewed, request_id, text=text, **words)
    report(effect, f"decided; `habeas status {request_id}` shows the effect", RECORDED, as_json=as_json)


async def _listed(opened: "ContentOpening") -> list[dict[str, Any]]:
    """Return the records of the listing, once the case is open."""
    await opened.content()
    return await opened.records()


def _agreed(waits: Mapping[str, Any]) -> str | None:
    """Return the name of the redactions of the last review; raises ConfigurationError without any."""
    if not waits["reviews"]:
        raise ConfigurationError("--agree: no account has reviewed the package")
    redactions: str | None = waits["reviews"][-1]["redactions"]
    return redactions


def _print_review(row: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        if name != "listed":
            out.print(f"{name:12} {value}")
    for one in row.get("listed", ()):
        out.print(f"{one['collection']}:{one['record']}")
        for value in one["values"]:
            out.print(f"    {value['path']}: {' · '.join(value['texts'])}")


@app.command("approve-answer", rich_help_panel=DECIDE)
def approve_answer(
    request_id: RequestId,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Give the answer that another account has proposed, with its text and files, where two must decide."""
    proposed = _case(state, request_id)["proposed"]
    if proposed is None:
        remedy = f"`habeas request show {request_id}` prints what it waits for"
        raise ConfigurationError(f"no answer to request {request_id} is proposed: {remedy}")
    words = {name: value for name, value in proposed.items() if name != "by"}
    effect = decide(signer_of(code, state), contract.ReferralDecided, request_id, **words)
    report(effect, "approved; the person gets a letter", PROPOSAL, as_json=as_json)


@appeals_app.command("list")
def appeals(state: State = STATE, as_json: AsJson = False) -> None:
    """List the open appeals and complaints by their last day."""
    rows = from_console(state, lambda console: client.waiting_work.appeals(console, _now(state)))
    _list(rows, "no appeal is open", ("remedy", "right"), as_json=as_json)


@appeals_app.command("show")
def show_appeal(
    request_id: RequestId,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the statement of the open appeal; that goes on record first."""
    case = _case(state, request_id)["case"]
    if all(wait["kind"] != client.waiting_work.APPEAL for wait in case["waits"]):
        raise ConfigurationError(f"no appeal of request {request_id} is open")
    row = client.waiting_work.appeal_row(case, _now(state))
    content = in_opened(state, request_id, reason, code, lambda opened: opened.content())
    statement = content["statements"][-1]["text"]
    if as_json:
        print(json.dumps(row | {"statement": statement}))
        return
    out.print(_line(row))
    out.print(statement)


@appeals_app.command("decide", rich_help_panel=DECIDE)
def decide_appeal(
    request_id: RequestId,
    granted: Annotated[
        bool | None, Option("--granted/--refused", help="Grant or refuse the appeal. Required.")
    ] = None,
    reason: Annotated[
        list[str] | None, Option(help="Reason of a refusal, as letters know it; may be repeated.")
    ] = None,
    explanation: Annotated[
        Path | None, Option(help="Text to the person, sealed before anything is published.")
    ] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Decide an appeal or a complaint; a granted one reopens the request."""
    if granted is None:
        raise ConfigurationError("name the decision: --granted or --refused")
    reasons = _known_to_letters(reason or ())
    text = None if explanation is None else sealed_text(explanation)
    item = text and contract.written_item(text)
    words: dict[str, Any] = {"granted": granted, "reasons": reasons, "explanation": item}
    effect = decide(signer_of(code, state), contract.AppealDecided, request_id, text=text, **words)
    report(effect, "decided; the person gets a letter", as_json=as_json)


@permission_app.command(rich_help_panel=DECIDE)
def grant(
    request_id: RequestId,
    to: Reader,
    hours: Annotated[int, Option(help="When it ends.", min=1, max=720)] = 24,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Permit another account to read a request of a customer's end user, for some hours."""
    until = datetime.now(UTC) + timedelta(hours=hours)
    signer = signer_of(code, state)
    effect = decide(signer, contract.PermissionGranted, request_id, account=to, until=until, reason=reason)
    report(
        effect,
        f"{to} may read request {request_id} until {until.isoformat(timespec='minutes')}",
        as_json=as_json,
    )


@permission_app.command("list")
def list_permissions(request_id: RequestId, state: State = STATE, as_json: AsJson = False) -> None:
    """List the permissions to read a request, ended ones included; revoked ones are in the journal alone."""
    rows = _case(state, request_id)["permissions"]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        out.print(f"{row['account']} until {row['until']}, by {row['by']}: {row['reason']}")
    if not rows:
        out.print("no account may read it by a permission")


@permission_app.command(rich_help_panel=DECIDE)
def revoke(
    request_id: RequestId,
    to: Reader,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """End the permission of an account to read a request now."""
    effect = decide(signer_of(code, state), contract.PermissionRevoked, request_id, account=to, remark=remark)
    report(effect, f"{to} may no longer read request {request_id} by a permission", as_json=as_json)


def _case(state: State, request_id: str) -> dict[str, Any]:
    """Return a case from the console."""
    return from_console(state, lambda console: console.get(f"/cases/{request_id}"))


def _now(state: State) -> datetime:
    """Return the present moment in the company's zone."""
    return datetime.now(state.company().zone)


def _list(rows: Sequence[Mapping[str, Any]], none: str, names: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        out.print(_line(row), style=urgency(row["days_left"] if row["due_on"] else None))
        fields({name: optional(row[name]) for name in names})
    if not rows:
        out.print(none)


def _line(row: Mapping[str, Any]) -> str:
    if row["due_on"] is None:
        return f"no last day  {row['request']}"
    days = row["days_left"]
    left = f"{days} days left" if days >= 0 else f"{-days} days late"
    return f"{row['due_on']}  {row['request']}  {left}"


def _known_to_letters(reasons: Sequence[str]) -> Sequence[str]:
    from shared.law import ReasonCode  # noqa: PLC0415

    for reason in reasons:
        if reason not in set(ReasonCode):
            raise ConfigurationError(f"reason {reason!r}: unknown reason; known are {', '.join(ReasonCode)}")
    return reasons
