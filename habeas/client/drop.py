"""The state of California's DROP, and the order to fetch its lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from services.intake.channels.drop.ledger import NEVER, DropLedger
from services.intake.channels.drop.puller import last_day
from shared.errors import ConfigurationError
from shared.runtime.mongo import connect

NEVER_CALLED = "DROP was never called: set HABEAS_DROP_KEY, and start intake"


async def standing(mongo_url: str, prefix: str, now: datetime) -> dict[str, Any] | None:
    """Return the state, if DROP was ever called. Raises StoreUnavailable if the database does not answer."""
    async with _ledger(mongo_url, prefix) as ledger:
        state = await ledger.state()
        if state is None:
            return None
        batch, last = await ledger.open(), last_day(state)
        return {
            "fetched_at": state.pulled_at and state.pulled_at.isoformat(),
            "next_at": max(state.pull_at, state.not_before).isoformat() if batch is None else None,
            "last_day": last.date().isoformat(),
            "days_left": (last - now) // timedelta(days=1),
            "late": last < now,
            "batch": batch and batch.id,
            "step": batch and batch.step.value,
            "requests": await ledger.counts(),
            "trouble": state.trouble or None,
            "set_aside": [asdict(one) for one in state.set_aside],
        }


async def pull(mongo_url: str, prefix: str) -> bool:
    """
    Order a fetch of the lists when the platform is open; return whether others must be answered first.

    Raises ConfigurationError if intake does not call the platform.
    """
    async with _ledger(mongo_url, prefix) as ledger:
        if await ledger.state() is None:
            raise ConfigurationError(NEVER_CALLED)
        await ledger.lease(datetime.now(UTC))
        await ledger.release(datetime.now(UTC))
        await ledger.note(pull_at=NEVER, not_before=NEVER)
        return await ledger.open() is not None


async def handled(mongo_url: str, prefix: str, batch: str) -> bool:
    """Record that staff has answered the lists of *batch* set aside; return whether there were any."""
    async with _ledger(mongo_url, prefix) as ledger:
        return await ledger.answered_by_hand(batch)


@asynccontextmanager
async def _ledger(mongo_url: str, prefix: str) -> AsyncIterator[DropLedger]:
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        yield DropLedger(client[f"{prefix}_intake"])
