"""P12: consent is withdrawn in one step; a service that depends on it can be kept for a day."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.fulfillment.changes.suppressions import SuppressionPurpose
from shared.contract.events import DisclosureDue
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true, datamap, now, prepared
from tests.promises.people import subscribe
from tests.waiting import eventually
from tests.windows import end_of_window, is_in_time

WINDOW = timedelta(seconds=8)
RESTRICTION = "            restriction: { field: restricted, value: true }"


def with_a_service(folder: Path, prefix: str) -> Path:
    """Write the example's map with an assistant that rests on the consent of a contact."""
    path = datamap(folder, prefix) / "portal.yml"
    text = path.read_text(encoding="utf-8")
    start = text.index(RESTRICTION)
    consent = "            consent: { field: assistant, value: false, service: true }\n"
    field = "          - { name: assistant, data_categories: [user.privacy_preferences] }\n"
    fields = text.index("        fields:\n", start) + len("        fields:\n")
    path.write_text(text[:start] + consent + text[start:fields] + field + text[fields:], encoding="utf-8")
    return folder


@asynccontextmanager
async def running_with_window(
    parts: Stack | None, folder: Path, maps: Callable[[Path, str], Path]
) -> AsyncIterator[Pipeline]:
    """Run all services, on a map by *maps*, with a window of seconds."""
    async with prepared(parts, folder, maps, HABEAS_ERASURE_WINDOW=f"PT{WINDOW.seconds}S") as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running_with_window(parts, tmp_path_factory.mktemp("p12"), with_a_service) as pipeline:
        yield pipeline


async def user_of_the_service(pipeline: Pipeline, place: int, **changes: Any) -> Somebody:
    """Return a contact that uses the assistant, with *changes*."""
    person = (await pipeline.people())[place]
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"assistant": True, **changes}})
    return person


async def subscriber(pipeline: Pipeline, place: int) -> Somebody:
    """Return a contact that uses the assistant and gets the newsletter."""
    person = await user_of_the_service(pipeline, place)
    await subscribe(pipeline, person)
    return person


@dataclass(frozen=True)
class Allowed:
    """What the company is still allowed to do with the data of a person."""

    newsletter: bool
    assistant: bool
    suppressed: frozenset[SuppressionPurpose]


async def allowed(pipeline: Pipeline, person: Somebody) -> Allowed:
    newsletter = await pipeline.business("portal", "newsletter").find_one({"email": person.email})
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    purposes = (SuppressionPurpose.MARKETING, SuppressionPurpose.CONSENT)
    suppressed = frozenset([one for one in purposes if await pipeline.stopped(person, one)])
    return Allowed(newsletter["consent"]["given"], contact["assistant"], suppressed)


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal of consent, and what was allowed at the letter about the end of the service."""

    person: Somebody
    case: str
    letter: str
    before: Allowed


async def withdrawal(pipeline: Pipeline, place: int) -> Withdrawal:
    person = await subscriber(pipeline, place)
    case = await pipeline.lodge(person.asks("consent_withdrawal"))
    letter = await eventually(lambda: pipeline.letter(person, case, "will end for you on"), WITHIN)
    return Withdrawal(person, case, letter, await allowed(pipeline, person))


@pytest_asyncio.fixture(scope="module")
async def ended_and_undone(pipeline: Pipeline) -> tuple[Withdrawal, Withdrawal]:
    """Return two withdrawals, whose windows pass together; the second was undone in time."""
    places = iter(range(15, 45))
    return await looked_at_in_time(pipeline, places), await undone_in_time(pipeline, places)


async def looked_at_in_time(pipeline: Pipeline, places: Iterator[int]) -> Withdrawal:
    """Return a withdrawal whose window had not ended when it was looked at what was allowed."""
    for place in places:
        found = await withdrawal(pipeline, place)
        until = await end_of_window(pipeline, found.case)
        if until is None or now() < until:
            return found
    raise AssertionError("no look was quick enough")


async def undone_in_time(pipeline: Pipeline, places: Iterator[int]) -> Withdrawal:
    """Return a withdrawal that was undone within its window."""
    for place in places:
        found = await withdrawal(pipeline, place)
        undone = await pipeline.http.delete(f"/v1/requests/{found.case}")
        if await is_in_time(pipeline, found.case):
            undone.raise_for_status()
            return found
    raise AssertionError("nobody was quick enough")


async def test_marketing_stops_at_once_and_the_service_after_a_letter_and_its_window(
    pipeline: Pipeline, ended_and_undone: tuple[Withdrawal, Withdrawal]
) -> None:
    ended, _ = ended_and_undone
    assert "Then stop it before that time, and the services will go on." in ended.letter
    assert ended.before == Allowed(
        newsletter=False, assistant=True, suppressed=frozenset({SuppressionPurpose.MARKETING})
    )
    await pipeline.closed(ended.case, WITHIN + WINDOW)
    after = await allowed(pipeline, ended.person)
    assert (after.newsletter, after.assistant) == (False, False)
    assert SuppressionPurpose.CONSENT in after.suppressed


async def test_withdrawal_by_a_stranger_is_undone_before_the_service_ends(
    pipeline: Pipeline, ended_and_undone: tuple[Withdrawal, Withdrawal]
) -> None:
    _, undone = ended_and_undone
    await pipeline.until_it_is("closed", undone.case, WITHIN)
    await comes_true(partial(window_ended, pipeline, undone.case), WITHIN + WINDOW)
    after = await allowed(pipeline, undone.person)
    assert (after.newsletter, after.assistant) == (False, True)
    assert SuppressionPurpose.CONSENT not in after.suppressed


async def window_ended(pipeline: Pipeline, case: str) -> bool:
    """Return whether the end of the window was handled."""
    return bool(await pipeline.rows("fulfillment", case=case, **{"event.type": DisclosureDue.TYPE}))


async def test_opt_out_of_sale_waits_for_nothing(pipeline: Pipeline) -> None:
    person = await subscriber(pipeline, 14)
    case = await pipeline.lodge(person.asks("opt_out_of_sale"))
    await pipeline.closed(case)
    assert await pipeline.stopped(person, SuppressionPurpose.SALE)
    assert not pipeline.letter(person, case, "will end for you on")
