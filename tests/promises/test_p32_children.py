"""P32: a parent acts for a child, and the letters go to the parent."""

from tests.attacks.test_agents import MOTHER
from tests.attacks.test_identity_claims import with_addresses
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true, command
from tests.promises.people import People
from tests.waiting import eventually

BORN = "2015-01-01"
ACCEPTED = ("--reason", "permission_seen", "--identity", "email", "--as", "dana.muster")


async def asked_by(pipeline: Pipeline, mother: Somebody, child: Somebody, right: str) -> str:
    """Return the request of *mother* for a child of eleven, who has a mailbox."""
    asked = child.asks(right, agent={**MOTHER, "email": mother.email, "parent": True})
    asked["subject"]["date_of_birth"] = BORN
    return await pipeline.lodge(asked)


async def test_child_of_eleven_is_not_asked_to_approve_the_request_of_the_mother(
    pipeline: Pipeline, people: People
) -> None:
    child = people[0]
    mother = Somebody("mother.p32@example.org", "Mother Example")
    case = await asked_by(pipeline, mother, child, "access")
    code = await pipeline.code_for(mother, case)
    (await pipeline.prove(case, code)).raise_for_status()

    def titles() -> set[str]:
        return {letter.subject for letter in pipeline.letters_to(mother, case)}

    both = {"We need to confirm that it is you", "We received your request"}
    assert await eventually(lambda: both <= titles(), WITHIN)
    assert pipeline.letters_to(child, case) == []

    async def wants_permission() -> bool:
        page = await pipeline.page(case)
        assert page["status"] == "challenged"
        return bool(page["wanted"]) and all("permission" in way for way in page["wanted"])

    await comes_true(wants_permission)


async def test_package_of_a_child_and_its_code_go_to_the_parent_alone(
    pipeline: Pipeline, people: People
) -> None:
    child, own = people[1], Somebody("mailbox.p32@example.net", "")
    mother = Somebody("second.p32@example.org", "Second Mother")
    await with_addresses(pipeline, child, [own.email])
    case = await asked_by(pipeline, mother, child, "access")
    await pipeline.code_for(mother, case)
    code, _, errors = await command(pipeline, "verify", "accept", case, *ACCEPTED)
    assert code == 0, errors
    await pipeline.closed(case)
    assert await pipeline.package(case, mother)
    assert pipeline.letters_to(child, case) == pipeline.letters_to(own, case) == []


async def test_erasure_for_a_child_is_answered_to_the_parent(pipeline: Pipeline, people: People) -> None:
    child, mother = people[2], Somebody("third.p32@example.org", "Third Mother")
    case = await asked_by(pipeline, mother, child, "erasure")
    (await pipeline.prove(case, await pipeline.code_for(mother, case))).raise_for_status()
    await eventually(lambda: pipeline.letter(mother, case, "permission"))
    code, _, errors = await command(pipeline, "verify", "accept", case, *ACCEPTED)
    assert code == 0, errors
    assert (await pipeline.closed(case))["outcome"] in {"granted", "partly_granted"}
    assert pipeline.letter(mother, case, "We erased your data")
    assert pipeline.letters_to(child, case) == []
