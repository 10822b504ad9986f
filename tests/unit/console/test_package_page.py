"""The page of a review when the listing of its records was renewed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.context import ConsoleParts
from services.console.domain import HistoryEntry
from services.console.http.app import create_app
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.console.state import CaseRow
from services.console.system.parked_messages import ParkedMessage
from services.console.system.reports import UnreachedPart
from shared.contract.events import Fact
from shared.law.library import EXAMPLE, company
from shared.vocabulary import StaffRole
from tests.unit.console.test_decision_offers import (
    ACCOUNT,
    CASE,
    LISTED,
    START,
    STOPPED,
    VERIFIED,
    received,
    view_of,
)

FACTS = (received(), VERIFIED, LISTED)
UNTIL = datetime(2026, 3, 2, 10, tzinfo=UTC)
UNLOCKED = UnlockedKey(Ed25519PrivateKey.generate(), "bearer", UNTIL)
SESSION = ConsoleSession("token", ACCOUNT, b"key", START, UNTIL, UNLOCKED)
MEMBER = StaffMember(ACCOUNT, "", frozenset(StaffRole), b"key")
RECORD = {
    "collection": "shop.users",
    "label": "Users",
    "record": 1,
    "notices": [],
    "fields": {"email": "ada@example.org"},
}
WITHHELD = "third_party_rights\tshop.users\t1\temail"
TICKED = {"tick": "shop.users\t1\temail", "ground": "third_party_rights"}


@dataclass
class OneReview:
    """A case whose package waits for a review of *listing*."""

    listing: str = "listing_1"
    facts: Sequence[Fact] = FACTS
    parked: Sequence[ParkedMessage] = ()

    async def session(self, *_: object, **__: object) -> ConsoleSession:
        return SESSION

    async def member(self, _name: str) -> StaffMember:
        return MEMBER

    async def members(self) -> Sequence[StaffMember]:
        return [MEMBER]

    async def row(self, _case: str) -> CaseRow:
        return view_of(self.facts).row

    async def following(self, _case: str) -> Sequence[str]:
        return ["cd" * 16]

    async def of_case(self, _case: str) -> Sequence[ParkedMessage]:
        return self.parked

    async def unreached_parts(self, _now: datetime) -> Sequence[UnreachedPart]:
        return []

    async def of(self, _cases: Sequence[str]) -> Mapping[str, list[HistoryEntry]]:
        history = [
            HistoryEntry(f"{n:032x}", START + timedelta(hours=n), one) for n, one in enumerate(self.facts)
        ]
        return {CASE: history}

    async def response(self, _method: str, path: str, _bearer: str) -> httpx.Response:
        review = {"listing": self.listing, "records": 1, "renewed": True, "reviews": []}
        piece = {"records": [RECORD], "next": None}
        content = {"review": review, "until": UNTIL.isoformat()}
        return httpx.Response(200, json=piece if "/records?" in path else content)


def client_of(one: OneReview, **others: Any) -> httpx.AsyncClient:
    """Return a signed-in client of a console with this case."""
    settings = ConsoleSettings.model_construct(console_url="http://console.test", company=company(EXAMPLE))
    given: dict[str, Any] = dict.fromkeys(
        ("sessions", "accounts", "cases", "histories", "intake", "parked", "reports", "views"), one
    )
    known: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__)
    parts = ConsoleParts(**{**known, **given, **others, "settings": settings, "clock": lambda: START})
    transport = httpx.ASGITransport(create_app(parts))
    cookies = {"habeas-console": SESSION.token}
    return httpx.AsyncClient(transport=transport, base_url="http://console.test", cookies=cookies)


async def posted(current: str, **entered: str) -> httpx.Response:
    """Return the page after a form of listing_1 is sent, while *current* is the listing."""
    form = {"form": SESSION.form_token, "listing": "listing_1", "do": "mark", **entered}
    async with client_of(OneReview(current)) as http:
        return await http.post(f"/requests/{CASE}/package", data=form)


def choices(page: str) -> int:
    """Return the number of values that *page* withholds, or has ticked."""
    return page.count(" checked")


@pytest.mark.slow
@pytest.mark.parametrize("entered", [TICKED, {"withheld": WITHHELD}], ids=["ticked", "withheld before"])
async def test_redaction_of_a_replaced_listing_is_dropped(entered: Mapping[str, str]) -> None:
    """Its numbers are those of other records: the redaction would withhold another value."""
    kept = await posted("listing_1", **entered)
    assert (kept.status_code, choices(kept.text)) == (200, 1)
    dropped = await posted("listing_2", **entered)
    assert (dropped.status_code, choices(dropped.text)) == (409, 0)
    assert "The records have changed since this page was drawn." in dropped.text
    assert 'name="listing" value="listing_2"' in dropped.text


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [True, False])
async def test_page_of_a_stopped_request_states_it_and_offers_no_work_that_would_wait(stopped: bool) -> None:
    async with client_of(OneReview(facts=(*FACTS, STOPPED) if stopped else FACTS)) as http:
        page = (await http.get(f"/requests/{CASE}")).text
    assert ("<dt>Stopped</dt>" in page) is stopped
    assert (f"/requests/{CASE}/package" in page) is not stopped
