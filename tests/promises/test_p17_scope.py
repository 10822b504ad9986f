"""P17: a request is answered for the data that the person means, and never held up because they name none."""

import io
import json
import zipfile
from datetime import UTC, datetime

from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.promises.people import People
from tests.waiting import eventually


async def downloaded(pipeline: Pipeline, person: Somebody, case: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person)))


async def test_answer_is_limited_to_the_named_areas_and_categories(
    pipeline: Pipeline, people: People
) -> None:
    person = people[0]
    case = await pipeline.verified("access", person, details={"scope": ["newsletter", "user.demographic"]})
    assert (await pipeline.closed(case))["package_url"]
    assert pipeline.letter(person, case, "What you limited your request to")
    with await downloaded(pipeline, person, case) as package:
        names = [name for name in package.namelist() if name.startswith("data/") and name.endswith(".json")]
        content = {name: json.loads(package.read(name)) for name in names}
    assert not any("tickets" in name or "sessions" in name for name in content)
    [contact] = next(records for name, records in content.items() if "contacts" in name)
    assert "date_of_birth" in contact
    assert "email" not in contact


async def test_erasure_of_one_area_leaves_the_rest_and_certifies_that(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[1]
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    sessions = pipeline.business("portal", "sessions")
    assert await sessions.count_documents({"contact_id": contact["_id"]})
    case = await pipeline.verified("erasure", person, details={"scope": ["sessions"]})
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert await sessions.count_documents({"contact_id": contact["_id"]}) == 0
    assert await pipeline.business("portal", "contacts").find_one({"_id": contact["_id"]}) == contact
    (fulfilled,) = await eventually(lambda: heard.of(case, "request.fulfilled"))
    assert "out_of_scope" not in fulfilled["data"]["reasons"]
    assert not heard.of(case, "subject.erased"), "a recipient would erase everything"


ASKED = "Your request covers all data that we may hold about you"


async def narrowed(pipeline: Pipeline, person: Somebody) -> str:
    """Return a request whose code is known, after the staff has asked which data it means."""
    case = await pipeline.lodge(person.asks("access"))
    code = await pipeline.code_for(person, case)
    assert (await command(pipeline, "request", "narrow", case, "--as", "anna"))[0] == 0
    assert await eventually(lambda: pipeline.letter(person, case, ASKED))
    (await pipeline.prove(case, code)).raise_for_status()
    await pipeline.until_it_is("verified", case)
    return case


async def test_staff_asks_once_the_answer_limits_the_copy_and_silence_does_not(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[3]
    case = await narrowed(pipeline, person)
    before = await pipeline.page(case)
    code, _, error = await command(pipeline, "request", "narrow", case, "--as", "bert")
    assert code != 0
    assert "the person was asked once already" in error
    assert not heard.of(case, "request.fulfilled"), "nothing is disclosed before the answer"
    letter = pipeline.letter(person, case, ASKED)
    assert "If we hear nothing, we will answer your request in full." in letter
    assert "GDPR recital 63" in letter
    assert "the deadline for our answer is paused" not in letter
    (await pipeline.http.post(f"/v1/requests/{case}/scope", json={"scope": ["sessions"]})).raise_for_status()
    after = await pipeline.closed(case)
    assert (after["due_on"], after["package_url"] is not None) == (before["due_on"], True)
    _, output, _ = await command(pipeline, "request", "show", case, "--read", "--as", "anna", "--json")
    assert json.loads(output)["submission"]["scope_answered"] == ["sessions"], "staff reads it"
    with await downloaded(pipeline, person, case) as package:
        content = [name for name in package.namelist() if name.startswith("data/")]
    assert content
    assert all("sessions" in name for name in content)
    assert not await pipeline.handled_twice()

    case = await narrowed(pipeline, person)
    timers = pipeline.client[f"{pipeline.prefix}_intake"]["timers"]
    over = {"$set": {"at": datetime.now(UTC)}}
    assert (await timers.update_one({"case": case, "kind": "scope_unanswered"}, over)).modified_count == 1
    assert (await pipeline.closed(case))["package_url"]
    (answered,) = await eventually(lambda: heard.of(case, "scope.answered"))
    assert answered["data"]["silent"] is True
    with await downloaded(pipeline, person, case) as package:
        assert any("contacts" in name for name in package.namelist())


async def test_californian_is_not_asked(pipeline: Pipeline, heard: Heard) -> None:
    person = Somebody("kim.californian@example.org", "Kim Beispiel")
    home = {"country": "US", "subdivision": "CA"}
    case = await pipeline.lodge(person.asks("access", residence=home))
    _, _, error = await command(pipeline, "request", "narrow", case, "--as", "anna")
    assert "a law of this request provides no such question" in error
    assert not heard.of(case, "scope.asked")


async def test_unknown_scope_never_blocks_a_copy_and_never_erases(pipeline: Pipeline, people: People) -> None:
    person = people[2]
    before = await pipeline.mentions(person.email)
    scope = {"scope": ["the letters of last spring"]}
    case = await pipeline.verified("access", person, details=scope)
    assert (await pipeline.closed(case))["package_url"]
    case = await pipeline.verified("erasure", person, details=scope)
    await pipeline.until_it_is("referred", case)
    assert await pipeline.mentions(person.email) == before
