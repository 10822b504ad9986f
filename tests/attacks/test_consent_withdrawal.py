"""Attacks by a withdrawal of consent, which needs no proof: no service ends without a letter to its user."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.attacks.test_stop_link import LINK
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, comes_true
from tests.promises.test_p12_withdrawal import (
    WINDOW,
    running_with_window,
    user_of_the_service,
    window_ended,
    with_a_service,
)
from tests.waiting import eventually
from tests.windows import is_in_time

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
    async with running_with_window(parts, tmp_path_factory.mktemp("consent"), with_numbers) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def stopped(pipeline: Pipeline) -> dict[bool, tuple[Somebody, str, str]]:
    """
    Return a user, Eve's request in their name, and the letter to the user.

    With her mailbox, and without one. The stop link of each letter was followed within the windows, which
    pass together.
    """
    places = iter(range(12, 45))
    return {
        with_mailbox: await stopped_in_time(pipeline, places, with_mailbox) for with_mailbox in (True, False)
    }


async def stopped_in_time(
    pipeline: Pipeline, places: Iterator[int], with_mailbox: bool
) -> tuple[Somebody, str, str]:
    for place in places:
        number = {"member_no": f"M-{place}"}
        person = await user_of_the_service(pipeline, place, **number)
        subject = {"identifiers": number} | ({"email": EVE.email} if with_mailbox else {})
        case = await pipeline.lodge({**EVE.asks("consent_withdrawal"), "subject": subject})
        told = await stop_by_letter(pipeline, person)
        if await is_in_time(pipeline, case):
            return person, case, told
    raise AssertionError("nobody was quick enough")


async def stop_by_letter(pipeline: Pipeline, person: Somebody) -> str:
    letters = await eventually(partial(pipeline.letters_to, person), WITHIN)
    [told] = [" ".join(letter.body().split()) for letter in letters]
    link = LINK.search(told)
    assert link is not None
    (await pipeline.http.post(urlsplit(link[0]).path)).raise_for_status()
    return told


@pytest.mark.parametrize("with_mailbox", [True, False])
async def test_user_named_by_a_number_gets_the_letter_and_keeps_the_service(
    pipeline: Pipeline,
    stopped: dict[bool, tuple[Somebody, str, str]],
    *,
    with_mailbox: bool,
) -> None:
    person, case, told = stopped[with_mailbox]
    assert "The service will soon end." in told
    assert case not in told
    assert EVE.email not in told
    await comes_true(partial(window_ended, pipeline, case), WITHIN + WINDOW)
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    assert contact["assistant"] is True
    page = await pipeline.page(case)
    assert person.email not in str(page)
