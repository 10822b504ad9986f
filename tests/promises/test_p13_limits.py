"""P13: professional secrecy and legal claims limit an answer, which then says why, and how to contest it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.embedded.installation import COMPANY
from habeas.embedded.stack import Stack
from shared.law.library import company
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, datamap, prepared
from tests.waiting import eventually

SECRECY = 'disclose: { never: professional_secrecy, because: { gdpr: "Section 29(1) BDSG" } }'


def with_secrecy(folder: Path, prefix: str) -> Path:
    """Write the example's data map, in which the subjects of tickets are professional secrets."""
    path = datamap(folder, prefix) / "portal.yml"
    before, subject, after = path.read_text(encoding="utf-8").partition("- name: subject")
    assert subject
    after = after.replace("third_parties: redact", SECRECY, 1)
    path.write_text(f"{before}{subject}{after}", encoding="utf-8")
    return folder


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(parts, tmp_path_factory.mktemp("limits"), with_secrecy) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


async def requester(pipeline: Pipeline) -> Somebody:
    """Return the first contact who wrote a ticket."""
    ticket = await pipeline.business("portal", "tickets").find_one({"requester.email": {"$ne": None}})
    return Somebody(ticket["requester"]["email"], ticket["requester"]["name"])


async def answer_to(pipeline: Pipeline, person: Somebody, case: str) -> str:
    """Return the letter with the answer, which names the authority and the courts."""

    def newest() -> str:
        found = [letter.body() for letter in pipeline.letters_to(person, case)]
        return next((body for body in reversed(found) if "What we" in body or "not send" in body), "")

    letter: str = await eventually(newest, WITHIN)
    assert company(str(COMPANY)).authority.name in letter
    assert "court" in letter
    return letter


async def test_professional_secret_is_withheld_with_its_provision_and_the_rest_is_answered(
    pipeline: Pipeline,
) -> None:
    person = await requester(pipeline)
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    letter = await answer_to(pipeline, person, case)
    assert "We are bound to professional secrecy" in letter
    assert "Section 29(1) BDSG" in letter


async def test_record_under_a_legal_hold_stays_unchanged_and_the_letter_says_why(pipeline: Pipeline) -> None:
    person = await requester(pipeline)
    tickets = pipeline.business("portal", "tickets")
    await tickets.update_many({"requester.email": person.email}, {"$set": {"on_hold": True}})
    before = [one async for one in tickets.find({"requester.email": person.email})]
    case = await pipeline.verified("erasure", person)
    await pipeline.closed(case)
    letter = await answer_to(pipeline, person, case)
    assert [one async for one in tickets.find({"requester.email": person.email})] == before
    assert "These records are evidence" in letter
    assert "GDPR Art. 17(3)(e)" in letter
