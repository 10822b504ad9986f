"""P15: people give enough information to identify themselves."""

from tests.integration.pipeline import Pipeline, Somebody
from tests.promises.people import People


async def test_mailbox_of_one_person_opens_the_records_of_that_person_alone(
    pipeline: Pipeline,
    people: People,
) -> None:
    person, other = people[0], people[1]
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    content = await pipeline.package(case, person)
    assert other.email.encode() not in content


async def test_unknown_person_is_answered_that_nothing_is_held(pipeline: Pipeline) -> None:
    stranger = Somebody("unknown.p15@example.org", "Nemo Unbekannt")
    case = await pipeline.verified("access", stranger)
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"


async def test_claimed_number_identifies_no_one_whether_one_person_has_it_or_several(
    pipeline: Pipeline, people: People
) -> None:
    contacts = pipeline.business("portal", "contacts")
    stranger = Somebody("claimed.p15@example.org", "Nemo Unbekannt")
    alone, shared = "+4930231250015", "+4930231250016"
    for place, numbers in ((2, [alone, shared]), (3, [shared])):
        await contacts.update_one({"email": people[place].email}, {"$set": {"phones": numbers}})
    for number in (alone, shared):
        claimed = {"email": stranger.email, "phone": number}
        case = await pipeline.verified("access", stranger, subject=claimed)
        assert (await pipeline.closed(case))["outcome"] == "nothing_held", number
