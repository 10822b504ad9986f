"""P15: people give enough information to identify themselves."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from habeas.embedded.company import ADA
from services.fulfillment.datamap.reader import load
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from tests.integration.pipeline import Pipeline, Somebody
from tests.promises.people import People

UNNAMED = "Specimen Unbekannt"


async def texts(pipeline: Pipeline, case: str, person: Somebody) -> list[str]:
    """Return the text of each file in the package of *case*."""
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as archive:
        return [archive.read(name).decode(errors="replace") for name in archive.namelist()]


@asynccontextmanager
async def contact_without_mailbox(pipeline: Pipeline, number: str) -> AsyncIterator[None]:
    """Keep a contact with *number* for a while, whom no verified address tells from another person."""
    contacts = pipeline.business("portal", "contacts")
    like = await contacts.find_one({"email": ADA.email}, {"_id": 0, "email": 0})
    name = {"first": UNNAMED, "last": UNNAMED}
    made = await contacts.insert_one({**like, "customer_id": None, "phones": [number], "name": name})
    try:
        yield
    finally:
        await contacts.delete_one({"_id": made.inserted_id})


async def test_mailbox_of_one_person_opens_the_records_of_that_person_alone(
    pipeline: Pipeline,
    people: People,
) -> None:
    person, other = people[0], people[1]
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    files = await texts(pipeline, case, person)
    assert any(person.email in text for text in files)
    assert not any(other.email in text for text in files)


async def test_unknown_person_is_answered_that_nothing_is_held(pipeline: Pipeline) -> None:
    stranger = Somebody("unknown.p15@example.org", "Nemo Unbekannt")
    case = await pipeline.verified("access", stranger)
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"


async def test_claimed_number_identifies_no_one_whether_one_person_has_it_or_several(
    pipeline: Pipeline, people: People
) -> None:
    """The proof of a mailbox proves that mailbox alone; no verified address contradicts one number."""
    stranger = Somebody("claimed.p15@example.org", "Nemo Unbekannt")
    alone, shared, unnamed = "+4930231250015", "+4930231250016", "+4930231250017"
    contacts = pipeline.business("portal", "contacts")
    for person, numbers in ((people[2], [alone, shared]), (ADA, [shared])):
        await contacts.update_one({"email": person.email}, {"$set": {"phones": numbers}})
    async with contact_without_mailbox(pipeline, unnamed):
        for number in (unnamed, alone, shared):
            claimed = {"email": stranger.email, "phone": number}
            case = await pipeline.verified("access", stranger, subject=claimed)
            assert (await pipeline.closed(case))["outcome"] == "nothing_held", number


async def test_number_in_a_profile_identifies_no_one_even_if_it_counts_as_proven(
    pipeline: Pipeline, people: People
) -> None:
    """People write numbers into their profiles; so the data map of the example says `verified: never`."""
    person, number = people[3], "+4930231250018"
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"phones": [number]}})
    stores = Stores({"default": pipeline.client})
    data_map = load(Path(pipeline.settings["HABEAS_DATAMAP"]))
    proven = {"email": ("numbers.p15@example.org",), "phone_number": (number,)}
    assert list((await gather(data_map, stores, proven)).found) == []
    assert list((await gather(data_map, stores, {"email": (person.email,)})).found)
