"""P18: in California a copy, and of some kinds of data the statement that they are held."""

import io
import zipfile

from habeas.embedded.company import ADA
from tests.integration.pipeline import Heard, Pipeline, Somebody
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)
SECTION = "11 CCR 7024(d)"


async def test_in_california_account_numbers_are_stated_to_be_held_and_never_shown(
    pipeline: Pipeline, heard: Heard
) -> None:
    customer = await pipeline.business("billing", "customers").find_one({"name": ADA.name})
    iban = customer["bank"]["iban"]
    residence = {"country": "US", "subdivision": "CA"}
    case = await pipeline.answered("access", ADA_ASKS, residence=residence)
    [event] = await eventually(lambda: heard.of(case, "request.fulfilled"))
    assert event["data"]["outcome"] == "partly_granted"
    counted = {one["category"]: one for one in event["data"]["withheld"]}
    withheld = counted["user.financial.bank_account"]
    assert (withheld["reason"], withheld["provision"]) == ("never_disclosed", SECTION)

    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert not [
        name for name, content in files.items() if iban.encode() in content or "••••".encode() in content
    ]
    page = files["index.html"].decode()
    assert "Bank account number" in page
    assert f"To protect you, this is never sent. ({SECTION})" in page
    assert SECTION in pipeline.letter(ADA_ASKS, case, "What is not in it, and why")
