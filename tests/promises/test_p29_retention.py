"""P29: data is kept as long as necessary; records past their period are listed, and purged on approval."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.fulfillment.certificate.document import verify_certificate
from services.fulfillment.datamap.reader import load
from services.fulfillment.erasure import expiry
from services.fulfillment.stores.mongodb import Stores
from tests.integration.pipeline import Pipeline, command
from tests.waiting import eventually

APPROVER = "dana.muster"
ZONE = ZoneInfo("Europe/Berlin")
"""Of the company: its days and years are those of the command."""


def today() -> date:
    return datetime.now(ZONE).date()


async def due(pipeline: Pipeline) -> dict[str, Any]:
    """Return the list of records past their period."""
    code, printed, complaint = await command(pipeline, "retention", "due", "--json")
    assert code == 0, complaint
    return dict(json.loads(printed))


async def issue_in_running_year(invoices: Any) -> None:
    """
    Add an invoice that is eight years old and that the law still demands: its period ends with the year.

    Law:
        § 147(4) AO: the period begins with the end of the year in which the document was made.
    """
    like = await invoices.find_one({})
    issued_at = datetime(today().year - 8, 1, 1, 12, tzinfo=UTC)
    no_customer = {"customer_id": 29_000_029, "billed_to": {"email": "running.p29@example.org"}}
    running = {**like, **no_customer, "_id": "P29-RUNNING", "issued_at": issued_at}
    await invoices.replace_one({"_id": running["_id"]}, running, upsert=True)


async def test_year_of_an_invoice_ends_before_it_is_due_whatever_the_database_preselects(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the preselection by `latest_start`, the last day of each record decides alone."""
    day = today()
    monkeypatch.setattr(expiry, "latest_start", lambda *_: day)
    invoices = pipeline.business("billing", "invoices")
    await issue_in_running_year(invoices)
    past = await invoices.count_documents({"issued_at": {"$lt": datetime(day.year - 8, 1, 1, tzinfo=UTC)}})
    assert past
    data_map = load(Path(pipeline.settings["HABEAS_DATAMAP"]))
    collection = data_map.by_key[f"{pipeline.prefix}billing.invoices"]
    found = await expiry.expired_in(collection, Stores({"default": pipeline.client}), day, UTC)
    assert found.records == past


async def test_records_past_their_period_are_listed_and_purged_on_approval_of_staff(
    pipeline: Pipeline,
) -> None:
    invoices, collection = pipeline.business("billing", "invoices"), f"{pipeline.prefix}billing.invoices"
    await issue_in_running_year(invoices)
    issued = [one["issued_at"] async for one in invoices.find({}, {"issued_at": 1})]
    old = [day for day in issued if day.year + 8 < today().year]
    assert old, "the example has an invoice past its period"
    found = await due(pipeline)
    [row] = [one for one in found["due"] if one["key"] == collection]
    assert (row["records"], row["oldest"]) == (len(old), f"{min(old).year + 8}-12-31")
    assert row["because"] == "§ 147(3), (4) AO / Art. 17(3)(b) GDPR"
    assert f"{pipeline.prefix}portal.contacts" in found["without_period"]
    assert await invoices.count_documents({}) == len(issued), "nothing is purged before the approval"

    code, printed, complaint = await command(pipeline, "retention", "purge", collection, "--as", APPROVER)
    assert code == 0, complaint
    assert printed.startswith("approved: ")
    number = printed.rsplit(maxsplit=1)[-1].strip("`\n")

    async def certificates() -> list[str]:
        _, listed, _ = await command(pipeline, "retention", "purges", number, "--json")
        [purge] = json.loads(listed)
        return list(purge["certificates"]) if purge["status"] == "done" else []

    issued_numbers: list[str] = await eventually(certificates)
    [certificate] = issued_numbers
    assert await invoices.count_documents({}) == len(issued) - len(old)
    assert await invoices.count_documents({"issued_at": {"$lte": max(old)}}) == 0
    folder = pipeline.folder / "certificates"
    folder.mkdir()
    code, _, complaint = await command(pipeline, "certificate", "fetch", certificate, "--out", str(folder))
    assert code == 0, complaint
    [file] = folder.glob("*.json")
    [handled] = verify_certificate(file.read_bytes()).content["collections"]
    assert (handled["collection"], handled["found"], handled["erased"]) == ("invoices", len(old), len(old))
    assert [one for one in (await due(pipeline))["due"] if one["key"] == collection] == []
