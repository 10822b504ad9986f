"""P11: disputed data is only stored while staff verifies it, and a letter precedes the end of that."""

from tests.integration.pipeline import Heard, Pipeline, command
from tests.promises.people import People
from tests.promises.test_p04_rectification import corrections, customer_of
from tests.waiting import eventually


async def test_disputed_records_are_restricted_until_the_person_was_notified_of_the_end(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    before = await customer_of(pipeline, person)
    wanted = corrections(customers__credit_limit="5")
    case = await pipeline.verified("rectification", person, details=wanted)
    await pipeline.until_it_is("referred", case)
    assert (await customer_of(pipeline, person))["restricted"] is True
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    assert contact["restricted"] is not True, "only the disputed records are restricted"
    assert await eventually(lambda: heard.of(case, "subject.restricted"))
    letter = await eventually(lambda: pipeline.letter(person, case, "Marked as restricted until then"))
    assert "We will inform you before the restriction ends." in letter

    words = ("--ground", "accuracy_verified", "--as", "anna")
    assert (await command(pipeline, "request", "refuse", case, *words))[0] == 0
    await pipeline.closed(case)
    assert (await customer_of(pipeline, person))["restricted"] is True, "the answer does not lift it"
    words = ("--as", "dana.muster", "--reason", "accuracy_verified")
    code, output, errors = await command(pipeline, "request", "lift-restriction", case, *words)
    assert (code, "gets a letter" in output) == (0, True), errors
    await eventually(lambda: heard.of(case, "subject.unrestricted"))
    assert await customer_of(pipeline, person) == before
    types = [event["type"] for event in heard.of(case)]
    assert types.index("habeas.restriction.announced.v1") < types.index("habeas.subject.unrestricted.v1")
    assert pipeline.letter(person, case, "We will now end the restriction")
