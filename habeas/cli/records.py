"""Verbs about the records of one person."""

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from habeas.cli.options import (
    STATE,
    AsJson,
    Identities,
    MapFolder,
    State,
    Stores,
    map_folder_of,
    out,
    run,
    setting,
    settings,
    stores_of,
)

app = typer.Typer()


@app.command()
def gather(
    identity: Identities,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write what was found into this folder.")
    ] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Find every record of a person."""
    from habeas import engine  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            return await opened.gather(engine.identities(identity))

    findings = run(work())
    if folder is not None:
        engine.write(findings, folder)
    found = engine.summary_of_findings(findings)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("collection", "", "records", title=found["answer"].replace("_", " "))
    for key, part in found["collections"].items():
        table.add_row(key, part["status"], str(part["found"]))
    out.print(table)


@app.command()
def erase(
    identity: Identities,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option(help="Erase without asking.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="Write the certificate into this file.")] = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Erase every record of a person, as far as the map and the law allow, and certify it."""
    from habeas import engine  # noqa: PLC0415
    from services.fulfillment.signing import Signer  # noqa: PLC0415

    person = engine.identities(identity)

    async def work() -> bytes | None:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            plan = opened.plan(await opened.gather(person))
            _show_plan(engine.summary_of_plan(plan), as_json=as_json)
            if dry_run or not (yes or typer.confirm("Erase?", err=True)):
                return None
            signer = Signer(base64.b64decode(setting("MASTER_KEY", state)))
            controller = settings(state).get("HABEAS_MAIL_FROM", "").partition(" <")[0]
            return await opened.erase(plan, person, controller=controller, signer=signer)

    issued = run(work())
    if issued is not None:
        if certificate is not None:
            certificate.write_bytes(issued)
        print(issued.decode())


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plan))
        return
    kinds = ("erased", "masked", "retained", "unchanged")
    table = Table("collection", *kinds)
    for key, counts in plan["collections"].items():
        table.add_row(key, *(str(counts.get(kind, "")) for kind in kinds))
    out.print(table if plan["collections"] else "nothing is held")
