"""Verbs of `habeas request`: reading a request, and decisions of a staff account on it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from typer import Argument, Option

from habeas.cli import client, contract, referrals
from habeas.cli.options import (
    STATE,
    AsJson,
    IdentityOptions,
    RequestId,
    RequestIds,
    State,
    existing,
    from_console,
    matching,
    moment,
    out,
    output,
    run,
)
from habeas.cli.staff import (
    DECIDE,
    RECORDED,
    OneTimeCode,
    Reason,
    Remark,
    decide,
    decide_batch,
    in_opened,
    report,
    signer_of,
    with_salt,
)
from shared.errors import ConfigurationError
from shared.vocabulary import ExtensionReason, FeeReason, LiftingReason, OfflineManner

APPROVAL_RECORDED = "recorded; a second account has to approve, or the request is stopped"
"""An approval that begins no erasure."""
app = typer.Typer()
app.add_typer(referrals.app)


@app.command(rich_help_panel=DECIDE)
def register(
    manner: Annotated[OfflineManner, Option(help="How it was made.")],
    received: Annotated[str, Option(help="When it was made: 2026-03-09T10:00+01:00.")],
    file: Annotated[
        Path | None, Argument(help="JSON as in `request.submitted`; - reads standard input.")
    ] = None,
    right: Annotated[str, Option(help="access, erasure, …")] = "access",
    email: Annotated[str | None, Option(help="The person's e-mail address.")] = None,
    name: Annotated[str | None, Option(help="The person's name.")] = None,
    country: Annotated[str | None, Option(help="Residence: DE, GB, US …")] = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Register a request made by telephone, by post or in person; its clock runs from its receipt."""
    data = (
        client.requests.read(existing(file, standard_input=True))
        if file
        else client.requests.made_of(right, email=email, name=name, country=country)
    )
    submitted = client.requests.fact(contract.RequestSubmitted, **data)
    text, case_id = with_salt(submitted.model_dump_json(exclude_defaults=True).encode()), uuid4().hex
    words: dict[str, Any] = {"manner": manner, "received_at": moment("--received", received)}
    signer = signer_of(code, state)
    item = contract.written_item(text)
    effect = decide(signer, contract.RequestTaken, case_id, text=text, content=item, **words)
    report(effect, case_id, as_json=as_json)


@app.command()
def stalled(state: State = STATE, as_json: AsJson = False) -> None:
    """List requests that stand still because a service has not handled a fact; exit 1 if there are some."""
    found = from_console(state, lambda console: console.get("/system"))
    plain = {"stalled": found["stalled"], "count": found["stalled_count"]}
    output(plain, "\n".join(client.tickets.lines_of_stalled(plain)), as_json=as_json)
    raise typer.Exit(1 if plain["count"] else 0)


@app.command(rich_help_panel=DECIDE)
def extend(
    request_id: RequestId,
    reason: Annotated[ExtensionReason, Option(help="The reason, for the letter.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Extend the answer once, by the law's period; the person gets a letter with the reason."""
    effect = decide(signer_of(code, state), contract.ExtensionDecided, request_id, reason=reason)
    report(effect, f"extended; `habeas status {request_id}` shows the new last day", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def expect(
    request_id: RequestId,
    on: Annotated[datetime, Option(formats=["%Y-%m-%d"], help="The day.")],
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    State the day by which a late answer comes.

    If its last day is over, the person gets a letter with that day; otherwise the letter about the delay
    names it.
    """
    effect = decide(signer_of(code, state), contract.AnswerExpected, request_id, on=on.date(), remark=remark)
    report(
        effect, "recorded; the person gets a letter with the day once the last day is over", as_json=as_json
    )


@app.command(rich_help_panel=DECIDE)
def quote(
    request_id: RequestId,
    amount: Annotated[str, Option(help="Amount: 20.00.")],
    currency: Annotated[str, Option(help="ISO 4217: EUR.")],
    reason: Annotated[FeeReason, Option(help="The ground, for the letter.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Quote a fee for an open answer, where all laws that protect the person allow it.

    The person gets a letter once identity is proven; nothing is done before they agree.
    """
    from shared.law import Money  # noqa: PLC0415  each verb loads only what it needs

    fee = client.requests.fact(Money, amount=amount, currency=currency)
    effect = decide(signer_of(code, state), contract.FeeDecided, request_id, fee=fee, reason=reason)
    report(
        effect,
        "quoted; the person gets a letter",
        "recorded; the fee is quoted once identity is proven",
        as_json=as_json,
    )


@app.command(rich_help_panel=DECIDE)
def narrow(
    request_id: RequestId,
    because: Annotated[str, Option(help="Why, for the record: a-z, 0-9, _ and dots.")] = "large_quantity",
    answered: Annotated[
        list[str] | None, Option(help="Record an answer: an area or category; may be repeated.")
    ] = None,
    everything: Annotated[bool, Option("--everything", help="Record the answer: everything.")] = False,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Ask the person, once, which data a request means, where every law that protects them provides it.

    They need not answer: then the request is answered in full, in time. With --answered or --everything,
    record what they said by telephone or by letter.
    """
    if answered and everything:
        raise ConfigurationError("--everything: leave out --answered")
    text = with_salt("\n".join(answered).encode()) if answered else None
    words: dict[str, Any] = {
        "answered": bool(answered) or everything,
        "scope": text and contract.written_item(text),
    }
    signer = signer_of(code, state)
    effect = decide(signer, contract.NarrowingDecided, request_id, text=text, because=because, **words)
    report(effect, "recorded" if words["answered"] else "asked; the person gets a letter", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def delivered(
    request_id: RequestId,
    way: Annotated[str, Option(help="How: post, phone, in_person …")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Record another delivery of an answer after a returned letter."""
    effect = decide(signer_of(code, state), contract.AnswerDelivered, request_id, way=way)
    report(effect, "recorded: the answer is given", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def resume(
    request_id: RequestId,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Resume a request that the staff has paused, or that a stop link or an unclear reply has stopped."""
    effect = decide(signer_of(code, state), contract.StopDecided, request_id, resume=True, remark=remark)
    report(effect, "resumed: the request is no longer stopped", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def pause(
    request_id: RequestId,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Pause an open request until it is resumed; the clock runs on, and no last day moves."""
    effect = decide(signer_of(code, state), contract.PauseDecided, request_id, remark=remark)
    report(effect, "paused: nothing goes on before it is resumed", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def merge(
    request_id: RequestId,
    first: Annotated[str, Option(help="The earlier request, which is answered.", metavar="ID")],
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Merge a request with an earlier open one of the same person and right; the person is notified."""
    effect = decide(signer_of(code, state), contract.DuplicateDecided, request_id, first=first, remark=remark)
    report(effect, "merged: the earlier request is answered", as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def close(
    request_id: RequestId,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """End a stopped request without an answer; one that was answered stays stopped, its package closed."""
    effect = decide(signer_of(code, state), contract.StopDecided, request_id, resume=False, remark=remark)
    report(
        effect,
        "ended without an answer",
        "recorded; the request was answered before and stays stopped",
        as_json=as_json,
    )


@app.command(rich_help_panel=DECIDE)
def aliases(
    request_id: RequestId,
    reason: Reason = "review",
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List addresses, numbers … that the person's records name and nothing verifies; the case is opened."""
    found = in_opened(state, request_id, reason, code, lambda opened: opened.content())["aliases"]
    if as_json:
        print(json.dumps(found))
        return
    for one in found:
        out.print(f"{one['alias']}  {one['identity']}  {one['value']}{'  proven' if one['proven'] else ''}")
    if not found:
        out.print("the records name no unverified alias, or nothing is answered yet")


@app.command("confirm-alias", rich_help_panel=DECIDE)
def confirm_alias(
    request_id: RequestId,
    alias: Annotated[str, Argument(help="Reference of the alias, as `habeas request aliases` shows it.")],
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Confirm that an alias is the person's: its records are disclosed or erased with the same request."""
    ref, _, number = alias.rpartition(":")
    effect = decide(
        signer_of(code, state),
        contract.AliasConfirmed,
        request_id,
        aliases=ref,
        number=number,
        remark=remark,
    )
    report(
        effect,
        f"confirmed; `habeas status {request_id}` shows the answer",
        RECORDED,
        as_json=as_json,
    )


@app.command("release-values", rich_help_panel=DECIDE)
def release_values(
    request_id: RequestId,
    reason: Annotated[str, Option(help="Why: called_back, seen_in_person …")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Release the masked values of an answer; you have made sure that it is the person who wants them."""
    effect = decide(signer_of(code, state), contract.ValuesReleased, request_id, reason=reason)
    report(
        effect,
        "released: the person gets a new package",
        RECORDED,
        as_json=as_json,
    )


@app.command("approve-correction", rich_help_panel=DECIDE)
def approve_correction(
    request_id: RequestId,
    remark: Remark = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Approve a correction of an address, number or other identity; you have made sure it is the person's."""
    effect = decide(signer_of(code, state), contract.CorrectionApproved, request_id, remark=remark)
    report(
        effect,
        f"approved; `habeas status {request_id}` shows the answer",
        RECORDED,
        as_json=as_json,
    )


@app.command(rich_help_panel=DECIDE)
def forward(
    request_id: RequestId,
    name: Annotated[str, Option(help="Name of the deciding customer.")],
    email: Annotated[str, Option(help="Mail address of the customer.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Forward the request of an end user to the deciding customer; both get a letter."""
    controller = client.requests.fact(contract.Controller, name=name, email=email)
    text, signer = with_salt(controller.model_dump_json().encode()), signer_of(code, state)
    effect = decide(
        signer,
        contract.ForwardingDecided,
        request_id,
        text=text,
        controller=contract.written_item(text),
    )
    report(effect, "forwarded; both get a letter", as_json=as_json)


@app.command("approve-erasure", rich_help_panel=DECIDE)
def approve_erasure(
    request_ids: RequestIds,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Approve erasures that wait for approval (HABEAS_ERASURE_APPROVAL); one code is enough for many."""
    signer = signer_of(code, state)
    if len(request_ids) > 1:
        kind = contract.ErasureApproved
        decide_batch(signer, kind, request_ids, "approved", APPROVAL_RECORDED, as_json=as_json)
        return
    effect = decide(signer, contract.ErasureApproved, request_ids[0])
    done = f"approved; `habeas status {request_ids[0]}` shows the erasure"
    report(effect, done, APPROVAL_RECORDED, as_json=as_json)


@app.command("lift-restriction", rich_help_panel=DECIDE)
def lift_restriction(
    request_id: RequestId,
    reason: Annotated[LiftingReason, Option(help="The reason, for the letter.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Lift a restriction: the person gets a letter, then the marks are removed."""
    effect = decide(signer_of(code, state), contract.RestrictionLifting, request_id, reason=reason)
    announced = contract.RestrictionAnnounced.TYPE in effect.results
    done = "the person gets a letter, then the marks are removed"
    report(effect, done if announced else "the letter cannot be sent: the marks stay", as_json=as_json)


@app.command()
def find(
    reference: Annotated[str, Argument(help="Reference in a letter (HB-BW65-Y32Z-1H1), or part of an id.")],
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the ids of the requests with a short reference, or that begin so; usually there is one."""
    found = matching(state, reference.strip().lower())
    print(json.dumps(found) if as_json else "\n".join(found))
    if not found:
        raise ConfigurationError("no request has this reference")


@app.command()
def disagreements(identity: IdentityOptions, state: State = STATE, as_json: AsJson = False) -> None:
    """Print a person's statements about uncorrected data."""
    found = run(client.cases.statements(*state.sealed_databases(), identity))
    if as_json:
        print(json.dumps(found))
        return
    for statement in found:
        out.print(f"{statement['request']}  {statement['statement']}")
    if not found:
        out.print("nothing is kept of this person")
