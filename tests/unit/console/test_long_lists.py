"""Pages of cases with a long history stay below 200 kB, and every entry is reached."""

import re
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from services.console.pages.long_lists import CONTENT_LISTS, MOST_LINES, ListPart, content_parts
from shared.contract import events
from tests.unit.console.test_decision_offers import ACCOUNT, CASE, STOPPED, VERIFIED, received
from tests.unit.console.test_package_page import UNTIL, OneReview, client_of

LARGEST_PAGE = 200_000
NOTED = events.CaseNoted(request_id=CASE, by=ACCOUNT, note="note_1")
DEAREST = '"' * 10_000
"""The note that is longest as HTML."""
NOTES = [{"at": "2026-03-02T09:31:00Z", "by": ACCOUNT, "text": f"{n} {DEAREST}"} for n in range(4)]


def content_with(**known: Any) -> dict[str, Any]:
    """Return the content of a case, as intake answers, that has nothing but what is *known*."""
    nothing: dict[str, Any] = dict.fromkeys(("submission", "plan", "answer", "package", "review"))
    lists: dict[str, Sequence[Any]] = dict.fromkeys(
        (*CONTENT_LISTS, "scope_answered", "aliases", "certificates"), ()
    )
    evidence: dict[str, Any] = {"documents": [], "claims": None, "pending": False}
    return nothing | lists | {"evidence": evidence, "until": UNTIL.isoformat()} | known


class LongCase(OneReview):
    """A case with many notes."""

    async def response(self, *_: object) -> httpx.Response:
        return httpx.Response(200, json=content_with(notes=NOTES))


async def pages(first: str, facts: Sequence[events.Fact]) -> list[str]:
    """Return the page at *first* and those that its link leads to, one after the other."""
    found, path = [], first
    async with client_of(LongCase(facts=facts)) as http:
        while path:
            answer = await http.get(path)
            assert answer.status_code == 200
            found.append(answer.text)
            more = re.search(r'href="([^"]+)">Earlier entries', answer.text)
            path = more[1].replace("&amp;", "&") if more else ""
    return found


@pytest.mark.slow
async def test_timeline_of_a_long_case_is_read_page_by_page() -> None:
    notes = 2 * MOST_LINES
    drawn = await pages(f"/requests/{CASE}", (received(), VERIFIED, STOPPED, *[NOTED] * notes))
    assert max(len(page.encode()) for page in drawn) < LARGEST_PAGE
    entries = [page.partition('<ol class="timeline">')[2].partition("</ol>")[0] for page in drawn]
    assert [one.count("Note") for one in entries] == [MOST_LINES] * 2 + [0]
    assert "Request received" in entries[-1]


@pytest.mark.slow
async def test_notes_of_a_long_case_are_read_page_by_page() -> None:
    drawn = await pages(f"/requests/{CASE}/content", (received(), VERIFIED))
    assert max(len(page.encode()) for page in drawn) < LARGEST_PAGE
    read = [int(number) for page in drawn for number in re.findall(r'<blockquote class="text">(\d+) ', page)]
    assert read == [3, 2, 1, 0]


def test_lists_share_the_room_of_the_page_and_the_wanted_one_comes_first() -> None:
    texts = [{"text": "x" * 40_000}] * 5
    parts = content_parts({"texts": texts, "notes": texts}, "notes", 3)
    assert parts["notes"] == ListPart(texts[3:], 0, 5)
    assert (len(parts["texts"].items), parts["texts"].rest) == (0, 5)
    assert not parts["mails"]


def test_entry_that_is_larger_than_the_room_is_shown_alone() -> None:
    large = [{"text": "x" * 100_000}] * 2
    assert content_parts({"notes": large}, "notes", 0)["notes"] == ListPart(large[:1], 1, 1)
