"""P10: an objection to legitimate interests is weighed by staff, and the data is restricted meanwhile."""

from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.promises.people import People
from tests.waiting import eventually


async def restricted(pipeline: Pipeline, person: Somebody) -> bool:
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    return bool(contact["restricted"])


def notices(heard: Heard, case: str) -> list[str]:
    return [event["type"].split(".")[2] for event in heard.of(case, "habeas.subject.")]


def letters(heard: Heard, case: str) -> list[str]:
    """Return the letters that were sent; two processes write them, each in its own time."""
    return sorted(event["data"]["letter"] for event in heard.of(case, "notice.sent"))


async def test_while_an_objection_is_weighed_the_data_is_restricted_and_marketing_has_stopped(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    case = await pipeline.verified("objection", person, details={"statement": "My situation is particular."})
    await pipeline.until_it_is("referred", case)
    assert await restricted(pipeline, person) is True
    assert await pipeline.stopped(person, SuppressionPurpose.MARKETING)
    await eventually(lambda: heard.of(case, "request.referred"))
    assert [event["data"]["reason"] for event in heard.of(case, "request.referred")] == ["to_be_weighed"]
    await eventually(lambda: notices(heard, case) == ["restricted", "objected"])
    await eventually(lambda: letters(heard, case) == ["code", "weighing"])
    assert "Our answer by: " in pipeline.letter(person, case, "Until then it is marked as restricted")

    words = ("--as", "dana.muster", "--reason", "grounds_prevail")
    assert (await command(pipeline, "request", "lift-restriction", case, *words))[0] == 0
    await eventually(lambda: notices(heard, case)[-1] == "unrestricted")
    assert await restricted(pipeline, person) is False
    assert await pipeline.stopped(person, SuppressionPurpose.MARKETING), "marketing is not weighed"
