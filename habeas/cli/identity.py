"""Verbs about who asks."""

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from habeas.cli.options import STATE, AsJson, State, out, prefix_of, run, setting
from shared.events import RefusalReason

app = typer.Typer(help="Who asks: what was asked for and why, and the decisions that people make.")

RequestId = Annotated[str, typer.Argument(help="Id of the request.")]
By = Annotated[str, typer.Option(help="Who you are: a-z, 0-9, _ and dots.")]
Because = Annotated[str, typer.Option(help="Why: a-z, 0-9, _ and dots.")]


@app.command("list")
def waiting(state: State = STATE, as_json: AsJson = False) -> None:
    """List the requests in which somebody must look at a proof."""
    from habeas import identity  # noqa: PLC0415

    async def work() -> list[identity.Standing]:
        async with identity.opened(setting("MONGO_URL", state), prefix_of(state)) as desk:
            return await desk.waiting()

    found = run(work())
    if as_json:
        print(json.dumps([standing.plain() for standing in found]))
        return
    out.print(identity.table_of(found) if found else "nothing waits for a person")


@app.command()
def show(
    request_id: RequestId,
    by: Annotated[str, typer.Option(help="With --out: who looks at the proofs.")] = "",
    reason: Annotated[str, typer.Option(help="With --out: why; it goes on record.")] = "review",
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Write the proofs themselves here; that goes on record first."),
    ] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Say how sure one must be who asks, why, and what was found."""
    from habeas import identity, requests  # noqa: PLC0415
    from shared.events import EvidenceShown  # noqa: PLC0415

    async def work() -> tuple[identity.Standing, list[Path]]:
        async with identity.opened(setting("MONGO_URL", state), prefix_of(state)) as desk:
            standing = await desk.standing(request_id)
            if folder is None:
                return standing, []
            refs = tuple(proof.ref for proof in standing.proofs)
            shown = requests.fact(EvidenceShown, request_id=request_id, by=by, reason=reason, refs=refs)
            key = base64.b64decode(setting("MASTER_KEY", state))
            return standing, await desk.show(standing, shown, setting("AMQP_URL", state), key, folder)

    standing, written = run(work())
    if as_json:
        print(json.dumps(standing.plain() | {"written": [str(path) for path in written]}))
        return
    for name, value in standing.plain().items():
        if value not in (None, [], {}):
            out.print(f"{name:14} {value}", markup=False)
    for path in written:
        out.print(f"{'written':14} {path}")


@app.command()
def verify(
    request_id: RequestId,
    by: By,
    reason: Because,
    identity: Annotated[
        list[str] | None,
        typer.Option(help="Name of an identity that is the person's (email …); all that the request tells."),
    ] = None,
    state: State = STATE,
) -> None:
    """Decide that the requester is the person (a second time by somebody else where two must)."""
    _decide(request_id, state, verified=True, by=by, reason=reason, identities=identity)


@app.command()
def refuse(
    request_id: RequestId,
    by: By,
    reason: Annotated[RefusalReason, typer.Option(help="Why; the person is told.")],
    state: State = STATE,
) -> None:
    """Decide that it cannot be established who asks; the person is told."""
    _decide(request_id, state, verified=False, by=by, reason=reason, identities=None)


def _decide(
    request_id: str, state: Path, *, verified: bool, by: str, reason: str, identities: list[str] | None
) -> None:
    from habeas import requests  # noqa: PLC0415
    from shared.events import IdentityDecided  # noqa: PLC0415

    fact = requests.fact(
        IdentityDecided, request_id=request_id, verified=verified, by=by, reason=reason, identities=identities
    )
    run(requests.announce(setting("AMQP_URL", state), fact))
    out.print(f"decided; ask with `habeas identity show {request_id}`")
