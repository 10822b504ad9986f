"""P27: business records under a duty stay to its last day, locked for other uses, and the answer says so."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.fulfillment.certificate.document import verify_certificate
from tests.integration.pipeline import Pipeline, command
from tests.promises.people import People

ZONE = ZoneInfo("Europe/Berlin")


async def invoices_of(pipeline: Pipeline, number: int) -> list[dict[str, Any]]:
    """Return the invoices of the customer *number*."""
    found = pipeline.business("billing", "invoices").find({"customer_id": number})
    return [one async for one in found]


async def locked(pipeline: Pipeline) -> set[Any]:
    """Return the locked invoices of all customers."""
    found = pipeline.business("billing", "invoices").find({"locked": True}, {"_id": 1})
    return {one["_id"] async for one in found}


def last_day(issued: datetime) -> date:
    """Return the last day of an invoice by hand: the eighth 31 December after that of its year."""
    return date(issued.astimezone(ZONE).year + 8, 12, 31)


async def certificate_of(pipeline: Pipeline, case: str, folder: Path) -> dict[str, Any]:
    """Return the content of the certificate of *case*."""
    code, _, complaint = await command(
        pipeline, "certificate", "fetch", case, "--out", str(folder), "--as", "anna"
    )
    assert code == 0, complaint
    return dict(verify_certificate((folder / f"certificate-{case}.json").read_bytes()).content)


async def test_retained_invoices_are_locked_to_their_duty_and_kept_to_the_end_of_the_eighth_year(
    pipeline: Pipeline, people: People, tmp_path: Path
) -> None:
    person = people[0]
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    number, today = contact["customer_id"], datetime.now(ZONE).date()
    before = await invoices_of(pipeline, number)
    days = {one["_id"]: last_day(one["issued_at"]) for one in before}
    kept = {key: day for key, day in days.items() if day >= today}
    assert kept
    assert not any(one["locked"] for one in before)

    locked_before = await locked(pipeline)
    case = await pipeline.verified("erasure", person)
    await pipeline.closed(case)
    after = await invoices_of(pipeline, number)
    assert {one["_id"] for one in after} == set(kept)
    assert await locked(pipeline) - locked_before == set(kept), "marked in the same erasure, and no others"
    assert all(one["billed_to"]["email"] is None for one in after), "the duty does not need it"
    [handled] = [
        one
        for one in (await certificate_of(pipeline, case, tmp_path))["collections"]
        if one["collection"] == "invoices"
    ]
    certified = {one["until"]: one["records"] for one in handled["retained"]}
    expected = {str(day): sum(one == day for one in kept.values()) for day in kept.values()}
    assert certified == expected
    assert {one["citation"] for one in handled["retained"]} == {"§ 147(3), (4) AO / Art. 17(3)(b) GDPR"}
    letter = pipeline.letter(person, case, "The records that a law obliges us to keep are locked")
    assert f"31 December {max(kept.values()).year}" in letter, letter
