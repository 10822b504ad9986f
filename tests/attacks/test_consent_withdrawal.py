"""Attacks by a withdrawal of consent, which needs no proof: no service ends without a letter to its user."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.attacks.test_stop_link import LINK
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true, prepared
from tests.promises.test_p12_withdrawal import window_ended, with_a_service
from tests.waiting import eventually

WINDOW = timedelta(seconds=8)
EVE = Somebody("eve@example.net", "Eve Example")
NUMBER = """          - name: customer_id
"""
MEMBER = """          - name: member_no
            data_categories: [user.unique_id]
            fides_meta: { data_type: string, identity: member_no }
            meta: { habeas: { verified: always } }
"""


def with_numbers(folder: Path, prefix: str) -> Path:
    """Write the map of the service, in which a number of a contact is an identity, too."""
    path = with_a_service(folder, prefix) / "portal.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(NUMBER, MEMBER + NUMBER, 1), encoding="utf-8")
    return folder


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    window, folder = f"PT{WINDOW.seconds}S", tmp_path_factory.mktemp("consent")
    async with prepared(parts, folder, with_numbers, HABEAS_ERASURE_WINDOW=window) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


async def user_of_the_service(pipeline: Pipeline, place: int) -> tuple[Somebody, dict[str, Any]]:
    """Return a contact that uses the assistant, and how the contact is found by its number."""
    person = (await pipeline.people())[place]
    found = {"member_no": f"M-{place}"}
    changes = {"$set": {"assistant": True, **found}}
    await pipeline.business("portal", "contacts").update_one({"email": person.email}, changes)
    return person, found


@pytest.mark.parametrize(("place", "mailbox"), [(12, EVE.email), (13, None)])
async def test_user_named_by_a_number_gets_the_letter_and_keeps_the_service(
    pipeline: Pipeline, place: int, mailbox: str | None
) -> None:
    person, found = await user_of_the_service(pipeline, place)
    subject = {"identifiers": found} | ({"email": mailbox} if mailbox else {})
    case = await pipeline.lodge({**EVE.asks("consent_withdrawal"), "subject": subject})
    letters = await eventually(partial(pipeline.letters_to, person), WITHIN)
    [told] = [" ".join(letter.body().split()) for letter in letters]
    assert "The service will soon end." in told
    assert case not in told
    assert EVE.email not in told
    link = LINK.search(told)
    assert link is not None
    (await pipeline.http.post(urlsplit(link[0]).path)).raise_for_status()
    await comes_true(partial(window_ended, pipeline, case), WITHIN + WINDOW)
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    assert contact["assistant"] is True
    page = await pipeline.page(case)
    assert person.email not in str(page)
