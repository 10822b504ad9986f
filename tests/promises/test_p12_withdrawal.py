"""P12: consent is withdrawn in one step; a service that depends on it can be kept for a day."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.fulfillment.changes.suppressions import SuppressionPurpose
from shared.contract.events import DisclosureDue
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true, datamap, prepared
from tests.waiting import eventually

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


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    window, folder = f"PT{WINDOW.seconds}S", tmp_path_factory.mktemp("p12")
    async with prepared(parts, folder, with_a_service, HABEAS_ERASURE_WINDOW=window) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


async def subscriber(pipeline: Pipeline, place: int) -> tuple[Somebody, Any]:
    """Return a contact that uses the assistant and gets the newsletter, and the contact's id."""
    person = (await pipeline.people())[place]
    contacts, newsletter = pipeline.business("portal", "contacts"), pipeline.business("portal", "newsletter")
    contact = await contacts.find_one({"email": person.email})
    await contacts.update_one({"_id": contact["_id"]}, {"$set": {"assistant": True}})
    another = await newsletter.find_one({"consent.given": True}, {"_id": 0, "customer_id": 0})
    await newsletter.delete_many({"email": person.email})
    await newsletter.insert_one({**another, "email": person.email})
    return person, contact["_id"]


async def state(pipeline: Pipeline, person: Somebody, contact: Any) -> tuple[bool, bool]:
    """Return whether the newsletter and the assistant are still allowed."""
    newsletter = await pipeline.business("portal", "newsletter").find_one({"email": person.email})
    found = await pipeline.business("portal", "contacts").find_one({"_id": contact})
    return newsletter["consent"]["given"], found["assistant"]


async def test_marketing_stops_at_once_and_the_service_after_a_letter_and_its_window(
    pipeline: Pipeline,
) -> None:
    person, contact = await subscriber(pipeline, 12)
    case = await pipeline.lodge(person.asks("consent_withdrawal"))
    letter = await eventually(lambda: pipeline.letter(person, case, "will end for you on"), WITHIN)
    assert "Then stop it before that time, and the services will go on." in letter
    assert await state(pipeline, person, contact) == (False, True)
    assert await pipeline.stopped(person, SuppressionPurpose.MARKETING)
    assert not await pipeline.stopped(person, SuppressionPurpose.CONSENT)
    await pipeline.closed(case, WITHIN + WINDOW)
    assert await state(pipeline, person, contact) == (False, False)
    assert await pipeline.stopped(person, SuppressionPurpose.CONSENT)


async def test_withdrawal_by_a_stranger_is_undone_before_the_service_ends(pipeline: Pipeline) -> None:
    person, contact = await subscriber(pipeline, 13)
    case = await pipeline.lodge(person.asks("consent_withdrawal"))
    await eventually(lambda: pipeline.letter(person, case, "will end for you on"), WITHIN)
    (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    await pipeline.until_it_is("closed", case, WITHIN)
    await comes_true(partial(window_ended, pipeline, case), WITHIN + WINDOW)
    assert await state(pipeline, person, contact) == (False, True)
    assert not await pipeline.stopped(person, SuppressionPurpose.CONSENT)


async def window_ended(pipeline: Pipeline, case: str) -> bool:
    """Return whether the end of the window was handled."""
    return bool(await pipeline.rows("fulfillment", case=case, **{"event.type": DisclosureDue.TYPE}))


async def test_opt_out_of_sale_waits_for_nothing(pipeline: Pipeline) -> None:
    person, _ = await subscriber(pipeline, 14)
    case = await pipeline.lodge(person.asks("opt_out_of_sale"))
    await pipeline.closed(case)
    assert await pipeline.stopped(person, SuppressionPurpose.SALE)
    assert not pipeline.letter(person, case, "will end for you on")
