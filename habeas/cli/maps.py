"""Verbs about data maps."""

import dataclasses
import json
from typing import Any

import typer

from habeas.cli.options import (
    STATE,
    AsJson,
    MapFolder,
    State,
    Stores,
    map_folder_of,
    out,
    run,
    stores_of,
)

app = typer.Typer(help="Data maps: check them against the data.", no_args_is_help=True)


@app.command()
def check(
    map_folder: MapFolder = None, stores: Stores = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """Read a data map and hold it against the live databases; end 1 when an answer would be wrong."""
    from habeas import engine  # noqa: PLC0415
    from services.fulfillment.checking import check as checked  # noqa: PLC0415

    async def work() -> Any:
        async with engine.opened(map_folder_of(map_folder, state), stores_of(stores, state)) as opened:
            return await checked(opened.data_map, opened.stores)

    flaws = run(work())
    if as_json:
        print(json.dumps([dataclasses.asdict(flaw) for flaw in flaws]))
    for flaw in flaws if not as_json else ():
        out.print(f"{'remark' if flaw.remark else 'wrong'}  {flaw}", markup=False)
    wrong = [flaw for flaw in flaws if not flaw.remark]
    if not wrong and not as_json:
        out.print("the map fits the data")
    raise typer.Exit(1 if wrong else 0)
