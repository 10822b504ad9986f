"""Sessions of the console on a real database: they end in time, and open with their token alone."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.console.signin.sessions import SEEN_EVERY, ConsoleSession, SessionStore
from shared.runtime.mongo import Client

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
IDLE, LENGTH = timedelta(minutes=30), timedelta(hours=8)


@pytest_asyncio.fixture
async def store(mongo_client: Client, database_prefix: str) -> SessionStore:
    return SessionStore(mongo_client[f"{database_prefix}_console"], idle=IDLE, length=LENGTH)


@pytest_asyncio.fixture
async def begun(store: SessionStore) -> ConsoleSession:
    return await store.begin("anna", b"key", NOW)


@pytest.mark.parametrize(
    ("after", "there"),
    [
        pytest.param(IDLE, True, id="idle time not over"),
        pytest.param(IDLE + timedelta(seconds=1), False, id="idle time over"),
    ],
)
async def test_session_without_use_ends(
    store: SessionStore, begun: ConsoleSession, after: timedelta, *, there: bool
) -> None:
    assert (await store.session(begun.token, NOW + after) is not None) is there


async def test_session_in_use_ends_after_its_length(store: SessionStore, begun: ConsoleSession) -> None:
    now = NOW
    while (now := now + IDLE) < NOW + LENGTH:
        assert await store.session(begun.token, now) is not None
    assert await store.session(begun.token, NOW + LENGTH) is None


async def test_open_page_keeps_no_session_alive(store: SessionStore, begun: ConsoleSession) -> None:
    used = NOW + IDLE - SEEN_EVERY
    assert await store.session(begun.token, used, used=False) is not None
    assert await store.session(begun.token, used + IDLE) is None


async def test_session_is_found_by_its_token_alone(store: SessionStore, begun: ConsoleSession) -> None:
    assert await store.session(f"{begun.token}x", NOW) is None
    assert await store.end(begun)
    assert await store.session(begun.token, NOW) is None
