"""P19: a Californian deletes personal information; a mail alone never does."""

from tests.integration.pipeline import SHOP, Heard, Pipeline
from tests.promises.people import People
from tests.waiting import eventually

CALIFORNIA = {"country": "US", "subdivision": "CA"}


async def test_deletion_needs_a_confirmation_by_name_and_reaches_recipients(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[0]
    asked = person.asks("erasure", residence=CALIFORNIA)
    await pipeline.send(asked, source=SHOP)
    case = await pipeline.id_of(asked, source=SHOP)
    code = await pipeline.code_for(person, case)
    assert await pipeline.business("portal", "contacts").find_one({"email": person.email})
    assert pipeline.letter(person, case, "erase")
    (await pipeline.prove(case, code)).raise_for_status()
    page = await pipeline.closed(case)
    assert page["outcome"] in {"granted", "partly_granted"}
    assert await pipeline.business("portal", "contacts").find_one({"email": person.email}) is None
    assert await eventually(lambda: heard.of(case, "subject.erased"))
    assert await eventually(lambda: heard.of(case, "recipient.concerned"))
    assert pipeline.letter(person, case, "Backups")
