"""P1: a copy of one's data, with the facts about it."""

import html
import io
import json
import zipfile
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from habeas.embedded.company import ADA
from tests.integration.pipeline import Heard, Pipeline, Somebody
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)
IBAN = "user.financial.bank_account"
PASSWORD = "user.authorization.password"
BERLIN = ZoneInfo("Europe/Berlin")
"""Zone of the company, in which days begin."""


async def files_of(pipeline: Pipeline, case: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def customer(pipeline: Pipeline) -> dict[str, Any]:
    found = await pipeline.business("billing", "customers").find_one({"name": ADA.name})
    return dict(found)


async def test_account_number_of_a_european_is_masked_and_its_kind_counted(
    pipeline: Pipeline, heard: Heard
) -> None:
    iban = (await customer(pipeline))["bank"]["iban"]
    case = await pipeline.answered("access", ADA_ASKS, residence={"country": "DE"})
    [event] = await eventually(lambda: heard.of(case, "request.fulfilled"))
    assert event["data"]["outcome"] == "partly_granted"
    counted = {(one["category"], one["reason"], one.get("provision")) for one in event["data"]["withheld"]}
    assert (IBAN, "masked_value", None) in counted
    assert (PASSWORD, "never_disclosed", "Art. 5(1)(f), 32(1) GDPR") in counted
    assert "11 CCR" not in str(event)

    files = await files_of(pipeline, case)
    assert not [name for name, content in files.items() if iban.encode() in content]
    [record] = json.loads(files["data/default.customers.json"])
    assert record["bank"]["iban"]["shown"] == f"••••{iban[-4:]}"
    assert "What we show in part" in files["index.html"].decode()
    letter = pipeline.letter(ADA_ASKS, case, "What is not in it, and why")
    assert "at most the last characters are shown" in letter
    assert "11 CCR" not in letter


async def test_public_key_of_a_european_is_disclosed(pipeline: Pipeline) -> None:
    servers = pipeline.business("ops", "servers")
    owned = [server async for server in servers.find({"ssh_keys.email": ADA.email})]
    keys = [key["public_key"] for server in owned for key in server["ssh_keys"] if key["email"] == ADA.email]
    assert keys
    case = await pipeline.answered("access", ADA_ASKS, residence={"country": "DE"})
    shown = (await files_of(pipeline, case))["data/default.servers.json"].decode()
    assert all(key in shown for key in keys)


async def test_every_area_states_a_storage_period_of_the_map(pipeline: Pipeline) -> None:
    case = await pipeline.answered("access", ADA_ASKS, residence={"country": "DE"})
    files = await files_of(pipeline, case)
    areas = json.loads(files["about.json"])["collections"]
    assert len(areas) > 5
    assert not [area["collection"] for area in areas if "purpose named above" in area["storage"]]
    stated = {area["collection"]: area["storage"] for area in areas}
    assert stated["sessions"] == "90 days after the log-in."
    assert stated["invoices"].startswith("As long as tax law demands. 8 years from the end of the year")
    page = files["index.html"].decode()
    assert "purpose named above" not in page
    assert all(html.escape(said) in page for said in stated.values())


async def test_earlier_requests_are_in_the_package_with_day_kind_and_outcome(pipeline: Pipeline) -> None:
    await pipeline.answered("know_categories", ADA_ASKS)
    await pipeline.lodge(ADA_ASKS.asks("erasure"))  # nobody proves that it is hers
    case = await pipeline.answered("access", ADA_ASKS)
    files = await files_of(pipeline, case)
    earlier = json.loads(files["about.json"])["earlier_requests"]
    assert {"right": "know_categories", "outcome": "granted"} in [
        {key: one[key] for key in ("right", "outcome")} for one in earlier
    ]
    assert all(date.fromisoformat(one["received_on"]) <= datetime.now(BERLIN).date() for one in earlier)
    assert "erasure" not in {one["right"] for one in earlier}
    page = files["index.html"].decode()
    assert "Your earlier requests" in page
    assert "Which categories of personal data we hold about you" in page
