"""P4: wrong data is corrected; what a request cannot change is checked by staff, not refused by a program."""

from pathlib import Path
from typing import Any

from tests.integration.pipeline import Heard, Pipeline, Somebody, command
from tests.promises.people import People
from tests.waiting import eventually


def corrections(**wanted: str) -> dict[str, Any]:
    return {"corrections": [{"field": name.replace("__", "."), "value": v} for name, v in wanted.items()]}


async def contact_of(pipeline: Pipeline, person: Somebody) -> dict[str, Any]:
    return dict(await pipeline.business("portal", "contacts").find_one({"email": person.email}))


async def customer_of(pipeline: Pipeline, person: Somebody) -> dict[str, Any]:
    number = (await contact_of(pipeline, person))["customer_id"]
    return dict(await pipeline.business("billing", "customers").find_one({"_id": number}))


async def test_editable_value_is_corrected_and_disputed_one_goes_to_staff(
    pipeline: Pipeline, people: People, heard: Heard, tmp_path: Path
) -> None:
    person = people[0]
    before = await customer_of(pipeline, person)
    wanted = corrections(contacts__job_title="Gardener", customers__credit_limit="5", shoe_size="44")
    wanted["statement"] = "The limit was never agreed."
    case = await pipeline.verified("rectification", person, details=wanted)
    await pipeline.until_it_is("referred", case)
    assert (await contact_of(pipeline, person))["job_title"] == "Gardener"
    assert await customer_of(pipeline, person) == before | {"restricted": True}, "only stored, not changed"
    (referred,) = await eventually(lambda: heard.of(case, "request.referred"))
    assert referred["data"]["reason"] == "accuracy_disputed"
    letter = await eventually(lambda: pipeline.letter(person, case, "What our staff checks"))
    assert all(words in letter for words in ("Now: Gardener", "customers.credit_limit", "no such detail"))
    assert "never agreed" not in str(heard.of(case))

    (tmp_path / "answer.txt").write_text("The limit follows from your contract of 2020.")
    words = ("--ground", "accuracy_verified", "--explanation", str(tmp_path / "answer.txt"), "--as", "anna")
    code, _, errors = await command(pipeline, "request", "refuse", case, *words)
    assert code == 0, errors
    assert (await pipeline.closed(case))["outcome"] == "refused"
    assert await eventually(lambda: pipeline.letter(person, case, "We checked your data, and it is correct."))
    _, output, _ = await command(pipeline, "request", "disagreements", "--identity", f"email={person.email}")
    assert output == f"{case}  The limit was never agreed.\n"


async def test_disputed_value_without_a_place_for_the_mark_is_not_said_to_be_restricted(
    pipeline: Pipeline, people: People, heard: Heard
) -> None:
    person = people[1]
    case = await pipeline.verified("rectification", person, details=corrections(payments__holder="Kim"))
    await pipeline.until_it_is("referred", case)
    letter = await eventually(lambda: pipeline.letter(person, case, "What our staff checks"))
    assert "Marked as restricted until then" not in letter
    assert "cannot mark them" in letter
    assert not heard.of(case, "subject.restricted")
