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


async def test_number_that_several_people_share_identifies_no_one(pipeline: Pipeline) -> None:
    shared = {"identifiers": {"customer_id": "1"}}
    stranger = Somebody("shared.p15@example.org", "Nemo Unbekannt")
    case = await pipeline.verified("access", stranger, subject={"email": stranger.email, **shared})
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"
