"""
Promise 5: data is deleted where a ground for it applies, and nothing that the law lets the company keep.

GDPR Art. 17(1), (3); Cal. Civ. Code § 1798.105(d).
"""

import json

from shared.runtime.mongo import Document
from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.promises.people import People
from tests.waiting import eventually


async def rents(pipeline: Pipeline, person: Somebody) -> Document:
    """Let *person* rent a server, and return its record."""
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    servers, number = pipeline.business("ops", "servers"), contact["customer_id"]
    rented = {**await servers.find_one({}), "customer_id": number, "status": "rented", "_id": person.email}
    await servers.insert_one(rented)
    return rented


async def test_mail_code_does_not_erase_the_servers_of_a_live_customer(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    servers, rented = pipeline.business("ops", "servers"), await rents(pipeline, person)
    case = await pipeline.verified("erasure", person)
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    assert await servers.find_one({"_id": rented["_id"]}) == rented
    assert await pipeline.business("portal", "contacts").find_one({"_id": contact["_id"]}) == contact
    # What the contract does not need is gone: sessions rest on an interest, the newsletter on consent.
    assert await pipeline.business("portal", "sessions").find_one({"contact_id": contact["_id"]}) is None
    assert await pipeline.business("portal", "newsletter").find_one({"email": person.email}) is None
    words = "We still need these records for a contract with you. (GDPR Art. 6(1)(b), 17(1)(a))"
    letter = pipeline.letter(person, case, words)
    assert letter
    # What was erased was erased on a ground.
    assert "Your request is an objection to our use of the data" in letter
    (fulfilled,) = await eventually(lambda: heard.of(case, "request.fulfilled"))
    grounds, done = fulfilled["data"]["grounds"], fulfilled["data"]["dispositions"]
    assert grounds["objection"] > 0
    assert sum(grounds.values()) == done["erased"] + done.get("masked", 0)


async def test_staff_judge_a_claim_that_data_was_processed_unlawfully(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[1]
    rented = await rents(pipeline, person)
    servers = pipeline.business("ops", "servers")
    case = await pipeline.verified("erasure", person, details={"statement": "You processed it unlawfully."})
    page = await pipeline.until_it_is("referred", case)
    assert await servers.find_one({"_id": rented["_id"]}) == rented, "nothing is erased before the judgement"
    _, output, _ = await command(pipeline, "request", "show", case, "--json", "--as", "anna")
    row = json.loads(output)
    assert (row["reason"], row["due_on"]) == ("erasure_ground_claimed", page["due_on"])
    assert row["verbs"].startswith("request ground")

    words = ("request", "ground", case, "--ground", "unlawful_processing", "--as", "anna")
    assert (await command(pipeline, *words))[0] == 0
    await pipeline.closed(case)
    assert await servers.find_one({"_id": rented["_id"]}) != rented
    letter = await eventually(lambda: pipeline.letter(person, case, "The data was processed unlawfully."))
    assert "GDPR Art. 17(1)(d)" in letter
    (fulfilled,) = await eventually(lambda: heard.of(case, "request.fulfilled"))
    assert set(fulfilled["data"]["grounds"]) == {"unlawful_processing"}
    assert (await command(pipeline, *words))[0] != 0, "it is answered"
