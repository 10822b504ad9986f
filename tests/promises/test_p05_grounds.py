"""
Promise 5: data is deleted where a ground for it applies, and nothing that the law lets the company keep.

GDPR Art. 17(1), (3); Cal. Civ. Code § 1798.105(d).
"""

from tests.integration.pipeline import Heard, Pipeline
from tests.promises.people import People
from tests.waiting import eventually


async def test_mail_code_does_not_erase_the_servers_of_a_live_customer(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    servers, number = pipeline.business("ops", "servers"), contact["customer_id"]
    rented = {**await servers.find_one({}), "customer_id": number, "status": "rented", "_id": person.email}
    await servers.insert_one(rented)
    case = await pipeline.verified("erasure", person)
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    assert await servers.find_one({"_id": rented["_id"]}) == rented
    assert await pipeline.business("portal", "contacts").find_one({"_id": contact["_id"]}) == contact
    # What the contract does not need is gone: sessions rest on an interest, the newsletter on consent.
    assert await pipeline.business("portal", "sessions").find_one({"contact_id": contact["_id"]}) is None
    assert await pipeline.business("portal", "newsletter").find_one({"email": person.email}) is None
    letter = " ".join(pipeline.letters_to(person, case)[-1].body().split())
    assert "We still need these records for a contract with you. (GDPR Art. 6(1)(b), 17(1)(a))" in letter
    # What was erased was erased on a ground.
    assert "Your request is an objection to our use of the data" in letter
    (fulfilled,) = await eventually(lambda: heard.of(case, "request.fulfilled"))
    grounds, done = fulfilled["data"]["grounds"], fulfilled["data"]["dispositions"]
    assert grounds["objection"] > 0
    assert sum(grounds.values()) == done["erased"] + done.get("masked", 0)
