"""Verbs for decisions of a staff account about a case."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, existing, out, prefix_of, root_key, run, setting
from habeas.cli.staff import As, OneTimeCode, signer_of
from habeas.cli.staff import decide as decide_as
from shared.contract.events import (
    AliasConfirmed,
    AnswerDelivered,
    AppealDecided,
    Controller,
    CorrectionApproved,
    ExtensionDecided,
    ExtensionReason,
    FeeDecided,
    ForwardingDecided,
    StopDecided,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.errors import ConfigurationError
from shared.law import FeeReason, Money

app = typer.Typer(help="Decisions of the privacy staff about a request.")

RequestId = Annotated[str, typer.Argument(help="Id of the request.")]


@app.command()
def extend(
    request_id: RequestId,
    reason: Annotated[ExtensionReason, typer.Option(help="The reason, for the letter.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Extend the answer once, by the law's period; the person gets a letter with the reason."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    decide_as(
        signer, requests.fact(ExtensionDecided, request_id=request_id, by=signer.account, reason=reason)
    )
    out.print(f"decided; `habeas status {request_id}` shows the new deadline, if the law allows it")


@app.command()
def quote(
    request_id: RequestId,
    amount: Annotated[str, typer.Option(help="Amount: 20.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217: EUR.")],
    reason: Annotated[FeeReason, typer.Option(help="The ground, for the letter.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """
    Quote a fee for an open answer, where all laws that protect the person allow it.

    The person gets a letter once identity is proven; nothing is done before they agree.
    """
    from habeas.client import requests  # noqa: PLC0415

    fee = requests.fact(Money, amount=amount, currency=currency)
    signer = signer_of(account, code, state)
    decide_as(
        signer, requests.fact(FeeDecided, request_id=request_id, by=signer.account, fee=fee, reason=reason)
    )
    out.print(f"decided; `habeas status {request_id}` shows the fee after the letter")


@app.command()
def delivered(
    request_id: RequestId,
    way: Annotated[str, typer.Option(help="How: post, phone, in_person …")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Record another delivery of an answer after a returned letter."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    decide_as(signer, requests.fact(AnswerDelivered, request_id=request_id, by=signer.account, way=way))
    out.print("recorded: the answer is given")


@app.command()
def decide(
    request_id: RequestId,
    granted: Annotated[bool, typer.Option("--granted/--refused", help="Grant or refuse the appeal.")],
    reason: Annotated[
        list[str] | None, typer.Option(help="Reason of a refusal, as letters know it; may be repeated.")
    ] = None,
    explanation: Annotated[
        Path | None, typer.Option(help="Text to the person, sealed before anything is published.")
    ] = None,
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Decide an appeal or a complaint; a granted one reopens the request."""
    from habeas.client import requests  # noqa: PLC0415

    reasons = _known_to_letters(reason or ())
    text = None if explanation is None else _salted(existing(explanation).read_bytes())
    signer = signer_of(account, code, state)
    decided = requests.fact(
        AppealDecided,
        request_id=request_id,
        by=signer.account,
        granted=granted,
        reasons=reasons,
        explanation=None if text is None else written_item(text),
    )
    decide_as(signer, decided, text)
    out.print(f"decided; the person gets a letter, and `habeas status {request_id}` shows it")


@app.command()
def resume(request_id: RequestId, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """Resume a request that a letter's reader, or an unclear reply, has stopped."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    decide_as(signer, requests.fact(StopDecided, request_id=request_id, by=signer.account, resume=True))
    out.print(f"decided; `habeas status {request_id}` shows the request as no longer stopped")


@app.command()
def close(request_id: RequestId, account: As = None, code: OneTimeCode = None, state: State = STATE) -> None:
    """End a stopped request without an answer; one that was answered stays stopped, its package closed."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    decide_as(signer, requests.fact(StopDecided, request_id=request_id, by=signer.account, resume=False))
    out.print(f"decided; `habeas status {request_id}` shows the request as ended")


@app.command()
def aliases(request_id: RequestId, state: State = STATE, as_json: AsJson = False) -> None:
    """List addresses, numbers … that the person's records name and nothing verifies; they opened nothing."""
    from habeas.client import cases  # noqa: PLC0415

    async def work() -> list[tuple[str, str, str]]:
        url, prefix = setting("MONGO_URL", state), prefix_of(state)
        async with cases.opened(url, prefix, root_key(state), request_id) as case:
            return await case.aliases()

    found = run(work())
    if as_json:
        print(json.dumps([dict(zip(("alias", "identity", "value"), row, strict=True)) for row in found]))
        return
    for reference, identity, value in found:
        out.print(f"{reference}  {identity}  {value}", markup=False)


@app.command("confirm-alias")
def confirm_alias(
    request_id: RequestId,
    alias: Annotated[str, typer.Argument(help="Reference of the alias, as `habeas case aliases` shows it.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Confirm that an alias is the person's: its records are disclosed or erased in the same case."""
    from habeas.client import requests  # noqa: PLC0415

    ref, _, number = alias.rpartition(":")
    signer = signer_of(account, code, state)
    decide_as(
        signer,
        requests.fact(AliasConfirmed, request_id=request_id, by=signer.account, aliases=ref, number=number),
    )
    out.print(f"confirmed; ask with `habeas status {request_id}`")


@app.command("approve-correction")
def approve_correction(
    request_id: RequestId, account: As = None, code: OneTimeCode = None, state: State = STATE
) -> None:
    """Approve a correction of an address, number or other identity; you have made sure it is the person's."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    decide_as(signer, requests.fact(CorrectionApproved, request_id=request_id, by=signer.account))
    out.print(f"approved; ask with `habeas status {request_id}`")


@app.command()
def forward(
    request_id: RequestId,
    name: Annotated[str, typer.Option(help="Name of the deciding customer.")],
    email: Annotated[str, typer.Option(help="Mail address of the customer.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Forward the request of an end user to the deciding customer; both get a letter."""
    from habeas.client import requests  # noqa: PLC0415

    text = _salted(requests.fact(Controller, name=name, email=email).model_dump_json().encode())
    signer = signer_of(account, code, state)
    decided = requests.fact(
        ForwardingDecided, request_id=request_id, by=signer.account, controller=written_item(text)
    )
    decide_as(signer, decided, text)
    out.print("decided; both get a letter")


def _salted(text: bytes) -> bytes:
    return salted(text, secrets.token_bytes(TEXT_SALT_BYTES))


def _known_to_letters(reasons: Sequence[str]) -> Sequence[str]:
    from services.notifier.letters.reasons import ReasonCode  # noqa: PLC0415

    for reason in reasons:
        if reason not in set(ReasonCode):
            raise ConfigurationError(f"reason {reason!r}: unknown reason; known are {', '.join(ReasonCode)}")
    return reasons
