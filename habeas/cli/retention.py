"""Verbs about records of the company past their retention period."""

import json
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from typer import Argument

from habeas.cli import client, contract
from habeas.cli.erasures import open_erasure_records
from habeas.cli.options import STATE, AsJson, MapFolder, State, Stores, out, run
from habeas.cli.staff import DECIDE, OneTimeCode, decide, report, signer_of
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from services.fulfillment.datamap.model import DataMap
    from services.fulfillment.erasure.expiry import ExpiredCollection

app = typer.Typer()


@app.command()
def due(
    map_folder: MapFolder = None, stores: Stores = None, state: State = STATE, as_json: AsJson = False
) -> None:
    """List the records past their retention period by collection; nothing is changed."""
    from services.fulfillment.erasure.expiry import unlimited_collections  # noqa: PLC0415

    data_map, _, found = _expired(map_folder, stores, state)
    unlimited = unlimited_collections(data_map)
    if as_json:
        plain = [asdict(one) | {"oldest": one.oldest and one.oldest.isoformat()} for one in found]
        print(json.dumps({"due": plain, "without_period": unlimited}))
        return
    name = Column("collection", no_wrap=True, overflow="ignore")
    table = Table(name, "records", "held", "oldest ended", "ground", "found by")
    for one in found:
        way = f"index on {one.start}" if one.indexed else f"reading all; create an index on {one.start}"
        day = "" if one.oldest is None else one.oldest.isoformat()
        table.add_row(one.key, str(one.records), str(one.held or ""), day, one.because, way)
    out.print(table if found else "no collection has records past its retention period")
    if unlimited:
        out.print(f"without a period that ends: {', '.join(unlimited)}")


@app.command(rich_help_panel=DECIDE)
def purge(
    collection: Annotated[str, Argument(help="Name in the data map: dataset.collection.")],
    code: OneTimeCode = None,
    map_folder: MapFolder = None,
    stores: Stores = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """
    Approve the purge of a collection's records past their period: they are erased and certified.

    Where two must decide, this proposes it, and `retention approve` by another account approves it.
    """
    data_map, today, found = _expired(map_folder, stores, state, collection)
    records = sum(one.records for one in found)
    if not records:
        raise ConfigurationError(f"{collection} has no records past its retention period")
    number = token_hex(16)
    effect = decide(
        signer_of(code, state),
        contract.PurgeApproved,
        number,
        collection=collection,
        day=today,
        version=data_map.version,
        records=records,
    )
    proposed = [one["status"] for one in _purges(number, state)] == ["proposed"]
    report(effect, outcome_of_approval(number, records, proposed=proposed), as_json=as_json)


@app.command(rich_help_panel=DECIDE)
def approve(
    number: Annotated[str, Argument(help="Number of the proposed purge.")],
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Approve a purge that another account has proposed, where two must decide."""
    found = _purges(number, state)
    if not found or found[0]["status"] != "proposed":
        raise ConfigurationError(f"no purge with the number {number} waits for a second account")
    words = {name: found[0][name] for name in ("collection", "day", "version", "records")}
    effect = decide(signer_of(code, state), contract.PurgeApproved, number, **words)
    report(effect, outcome_of_approval(number, words["records"], proposed=False), as_json=as_json)


@app.command()
def purges(
    number: Annotated[str | None, Argument(help="Only this purge.")] = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """List proposed and approved purges, the latest first, with the numbers of their certificates."""
    found = _purges(number, state)
    if as_json:
        print(json.dumps(found))
        return
    for row in found:
        out.print(f"{row['purge']}  {row['day']}  {row['collection']}  {row['status']}")
        for certificate in row["certificates"]:
            out.print(f"    habeas certificate fetch {certificate}")
    if not found:
        out.print(f"there is no purge {number}" if number else "no purge was proposed or approved")


def outcome_of_approval(number: str, records: int, *, proposed: bool) -> str:
    """Return a line with the effect of an approval, and the verb for the next step."""
    if proposed:
        return f"proposed: {records} records; another account approves: `habeas retention approve {number}`"
    return f"approved: {records} records; follow the purge with `habeas retention purges {number}`"


def _purges(number: str | None, state: State) -> list[dict[str, Any]]:
    async def work() -> list[dict[str, Any]]:
        async with open_erasure_records(state) as memory:
            return await client.erasures.purges(memory, number)

    return run(work())


def _expired(
    map_folder: MapFolder, stores: Stores, state: State, only: str | None = None
) -> "tuple[DataMap, date, list[ExpiredCollection]]":
    """Return the data map, the company's day, and the collections with records past their period."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415
    from services.fulfillment.erasure.expiry import expired_in, limited_collections  # noqa: PLC0415

    data_map, zone = load(state.data_map(map_folder)), state.company().zone
    today = datetime.now(zone).date()
    wanted = [one for one in limited_collections(data_map) if only in (None, one.key)]

    async def work() -> "list[ExpiredCollection]":
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(client.engine.connected(state.stores(stores)))
            counted = partial(expired_in, stores=opened, today=today, zone=zone)
            if state.has_databases:
                memory = await stack.enter_async_context(open_erasure_records(state))
                counted = partial(counted, holds=memory.holds)
            return [await counted(collection) for collection in wanted]

    return data_map, today, [one for one in run(work()) if one.records or one.held]
