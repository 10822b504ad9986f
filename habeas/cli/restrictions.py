"""Verbs about restrictions of processing."""

from typing import Annotated

import typer

from habeas.cli.options import STATE, State, out
from habeas.cli.staff import As, OneTimeCode, decide, signer_of
from shared.contract.events import LiftingReason, RestrictionLifting

app = typer.Typer(help="Restrictions of what is done with a person's data (GDPR Art. 18).")


@app.command()
def lift(
    request_id: Annotated[str, typer.Argument(help="Id of the request that restricted the data.")],
    reason: Annotated[LiftingReason, typer.Option(help="Why; the person is told.")],
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
) -> None:
    """Lift a restriction: the person is told, and then the marks are taken back."""
    from habeas.client import requests  # noqa: PLC0415

    signer = signer_of(account, code, state)
    fact = requests.fact(RestrictionLifting, request_id=request_id, by=signer.account, reason=reason)
    decide(signer, fact)
    out.print("the person is told now; the marks go when the mail server has taken the letter")
