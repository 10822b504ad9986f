"""Verbs about restrictions of processing."""

from typing import Annotated

import typer

from habeas.cli.options import STATE, State, out
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import LiftingReason, RestrictionLifting

app = typer.Typer(help="Restrictions of processing (GDPR Art. 18).")


@app.command()
def lift(
    request_id: Annotated[str, typer.Argument(help="Id of the request that restricted the data.")],
    reason: Annotated[LiftingReason, typer.Option(help="The reason, for the letter.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Lift a restriction: the person gets a letter, then the marks are removed."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    fact = requests.fact(RestrictionLifting, request_id=request_id, by=signer.account, reason=reason)
    decide(signer, fact)
    out.print("the person gets a letter; the marks are removed when the mail server has taken it")
