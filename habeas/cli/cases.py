"""Verbs with which the privacy staff decides about a case; the console publishes the same events."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, State, existing, out, prefix_of, run, setting
from shared.errors import ConfigurationError
from shared.events import (
    AnswerDelivered,
    AppealDecided,
    Controller,
    ExtensionDecided,
    ExtensionReason,
    Fact,
    FeeDecided,
    ForwardingDecided,
    StopDecided,
)
from shared.law import FeeReason, Money

app = typer.Typer(help="What the privacy staff decides about a request.")

RequestId = Annotated[str, typer.Argument(help="Id of the request.")]
By = Annotated[str, typer.Option(help="Who decides it: a-z, 0-9, _ and dots.")]


@app.command()
def extend(
    request_id: RequestId,
    by: By,
    reason: Annotated[ExtensionReason, typer.Option(help="Why; the person is told.")],
    state: State = STATE,
) -> None:
    """Take longer for an answer, once and by as much as the law has; the person is told so and why."""
    from habeas import requests  # noqa: PLC0415

    _announce(state, requests.fact(ExtensionDecided, request_id=request_id, by=by, reason=reason))
    out.print(f"decided; `habeas status {request_id}` says when it is due now, if the law lets it be later")


@app.command()
def quote(
    request_id: RequestId,
    by: By,
    amount: Annotated[str, typer.Option(help="How much: 20.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217: EUR.")],
    reason: Annotated[FeeReason, typer.Option(help="On what ground; the person is told.")],
    state: State = STATE,
) -> None:
    """
    Take a fee for an answer that is not given yet, where all laws that protect the person let it.

    The person is told once it is known who asks; nothing is done before they agree.
    """
    from habeas import requests  # noqa: PLC0415

    fee = requests.fact(Money, amount=amount, currency=currency)
    _announce(state, requests.fact(FeeDecided, request_id=request_id, by=by, fee=fee, reason=reason))
    out.print(f"decided; `habeas status {request_id}` shows the fee once the person is told")


@app.command()
def delivered(
    request_id: RequestId,
    by: By,
    way: Annotated[str, typer.Option(help="How: post, phone, in_person …")],
    state: State = STATE,
) -> None:
    """Record that an answer, whose letter came back, was handed over by other means."""
    from habeas import requests  # noqa: PLC0415

    _announce(state, requests.fact(AnswerDelivered, request_id=request_id, by=by, way=way))
    out.print("recorded: the answer is given")


@app.command()
def decide(
    request_id: RequestId,
    by: By,
    granted: Annotated[bool, typer.Option("--granted/--refused", help="Whether the person is right.")],
    reason: Annotated[
        list[str] | None, typer.Option(help="Why not: a reason that letters know; may be repeated.")
    ] = None,
    explanation: Annotated[
        Path | None, typer.Option(help="Text to the person, sealed before anything is published.")
    ] = None,
    state: State = STATE,
) -> None:
    """Decide an appeal or a complaint; one that is granted takes the request up again."""
    from habeas import requests  # noqa: PLC0415

    reasons = _known_to_letters(reason or ())
    name = None if explanation is None else _sealed(state, request_id, existing(explanation).read_bytes())
    decided = requests.fact(
        AppealDecided,
        request_id=request_id,
        by=by,
        granted=granted,
        reasons=reasons,
        explanation=name,
    )
    _announce(state, decided)
    out.print(f"decided; the person is told, and `habeas status {request_id}` shows it")


@app.command()
def resume(request_id: RequestId, by: By, state: State = STATE) -> None:
    """Let a request go on that a reader of a letter, or an unclear reply, has stopped."""
    from habeas import requests  # noqa: PLC0415

    _announce(state, requests.fact(StopDecided, request_id=request_id, by=by, resume=True))
    out.print(f"decided; `habeas status {request_id}` shows the request as no longer stopped")


@app.command()
def close(request_id: RequestId, by: By, state: State = STATE) -> None:
    """End a stopped request without an answer; one that was answered stays stopped, its package closed."""
    from habeas import requests  # noqa: PLC0415

    _announce(state, requests.fact(StopDecided, request_id=request_id, by=by, resume=False))
    out.print(f"decided; `habeas status {request_id}` shows the request as ended")


@app.command()
def forward(
    request_id: RequestId,
    by: By,
    name: Annotated[str, typer.Option(help="Name of the customer who decides about the data.")],
    email: Annotated[str, typer.Option(help="Where the customer gets the letter.")],
    state: State = STATE,
) -> None:
    """Forward the request of an end user to the customer who decides; both are told."""
    from habeas import requests  # noqa: PLC0415

    controller = requests.fact(Controller, name=name, email=email)
    item = _sealed(state, request_id, controller.model_dump_json().encode())
    _announce(state, requests.fact(ForwardingDecided, request_id=request_id, by=by, controller=item))
    out.print("decided; both are told")


def _known_to_letters(reasons: Sequence[str]) -> Sequence[str]:
    from services.notifier.reasons import ReasonCode  # noqa: PLC0415

    for reason in reasons:
        if reason not in set(ReasonCode):
            raise ConfigurationError(
                f"reason {reason!r}: letters know none; known are {', '.join(ReasonCode)}"
            )
    return reasons


def _sealed(state: State, request_id: str, content: bytes) -> str:
    from habeas.cases import sealed  # noqa: PLC0415

    key = base64.b64decode(setting("MASTER_KEY", state))
    return run(sealed(setting("MONGO_URL", state), prefix_of(state), key, request_id, content))


def _announce(state: State, fact: Fact) -> None:
    from habeas import requests  # noqa: PLC0415

    run(requests.announce(setting("AMQP_URL", state), fact))
