"""P17: a request is answered for the data that the person means, and never held up because they name none."""

import io
import json
import zipfile

from tests.integration.pipeline import Heard, Pipeline, Somebody
from tests.promises.people import People
from tests.waiting import eventually


async def downloaded(pipeline: Pipeline, person: Somebody, case: str) -> zipfile.ZipFile:
    before = len(pipeline.letters_to(person, case))
    (await pipeline.http.post(f"/v1/requests/{case}/package/codes")).raise_for_status()
    await eventually(lambda: len(pipeline.letters_to(person, case)) > before)
    code = await pipeline.code_for(person, case)
    answer = await pipeline.http.get(f"/v1/requests/{case}/package", params={"code": code})
    return zipfile.ZipFile(io.BytesIO(answer.raise_for_status().content))


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


async def test_unknown_scope_never_blocks_a_copy_and_never_erases(pipeline: Pipeline, people: People) -> None:
    person = people[2]
    before = await pipeline.mentions(person.email)
    scope = {"scope": ["the letters of last spring"]}
    case = await pipeline.verified("access", person, details=scope)
    assert (await pipeline.closed(case))["package_url"]
    case = await pipeline.verified("erasure", person, details=scope)
    await pipeline.until_it_is("referred", case)
    assert await pipeline.mentions(person.email) == before
