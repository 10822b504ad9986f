"""P6: data that rested on a withdrawn consent alone is erased once the person confirms it."""

import re

from services.intake.cases.deadlines import ERASURE_PROPOSED
from tests.integration.pipeline import Heard, Pipeline, Somebody, comes_true, command
from tests.promises.people import People
from tests.waiting import eventually


async def test_withdrawal_offers_the_erasure_of_what_rested_on_consent_alone(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = await people.subscriber(0)
    case = await pipeline.lodge(person.asks("consent_withdrawal"))
    await pipeline.closed(case)
    letter = await eventually(
        lambda: pipeline.letter(person, case, "Data that we held on your consent alone")
    )
    assert "Who receives the newsletter" in letter
    link = re.search(r"http\S+(/ask/erasure\?scope=consent)", letter)
    assert link is not None
    form = await pipeline.http.get(link[1])
    assert re.search(r'name="scope_consent"[^>]* checked', form.text)

    before = await pipeline.mentions(person.email)
    again = await pipeline.lodge(person.asks("erasure", details={"scope": ["consent"]}))
    await pipeline.until_it_is("challenged", again)
    assert await pipeline.mentions(person.email) == before, "a stranger erases nothing"
    (await pipeline.prove(again, await pipeline.code_for(person, again))).raise_for_status()
    assert (await pipeline.closed(again))["outcome"] == "granted"
    assert await pipeline.business("portal", "newsletter").find_one({"email": person.email}) is None
    assert set(before) - set(await pipeline.mentions(person.email)) <= {"portal.newsletter"}
    (fulfilled,) = await eventually(lambda: heard.of(again, "request.fulfilled"))
    assert set(fulfilled["data"]["grounds"]) == {"consent_withdrawn"}


async def test_unknown_person_gets_the_same_offer(pipeline: Pipeline) -> None:
    stranger = Somebody("nobody.consented@example.org", "Nemo Beispiel")
    case = await pipeline.lodge(stranger.asks("consent_withdrawal"))
    await pipeline.closed(case)
    assert await eventually(lambda: pipeline.letter(stranger, case, "If we hold such data about you"))


async def test_staff_accept_the_erasure_for_a_person_on_the_telephone(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = await people.subscriber(3)
    case = await pipeline.lodge(person.asks("consent_withdrawal"))
    await pipeline.closed(case)

    async def proposed() -> bool:
        timers = pipeline.client[f"{pipeline.prefix}_intake"]["timers"]
        return await timers.find_one({"case": case, "kind": ERASURE_PROPOSED, "published": False}) is not None

    await comes_true(proposed)
    words = ("request", "proposal", case, "--accepted", "--manner", "telephone", "--as", "anna")
    assert (await command(pipeline, *words))[0] == 0

    def renewed() -> list[str]:
        received = [one["data"] for one in heard.events if "request.received" in one["type"]]
        return [one["request_id"] for one in received if one.get("follows") == case]

    [erasure] = await eventually(renewed)
    newsletter = pipeline.business("portal", "newsletter")
    assert await newsletter.find_one({"email": person.email}), "nothing is erased before the proof"
    (await pipeline.prove(erasure, await pipeline.code_for(person, erasure))).raise_for_status()
    assert (await pipeline.closed(erasure))["outcome"] == "granted"
    assert await newsletter.find_one({"email": person.email}) is None
    assert not await proposed()
    assert (await command(pipeline, *words))[0] != 0, "it is answered"
