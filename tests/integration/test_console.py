"""The console on real parts: sign-in, lists and cases in a browser, and a read model that can be built anew."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page

from habeas.client import read_model
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.contract.references import short_reference
from shared.contract.staff import code_at
from shared.vocabulary import StaffRole
from tests.integration.browser import too_wide, violations
from tests.integration.pipeline import SERVICES, Pipeline, Somebody, command, now, prepared
from tests.staff import PASSWORD
from tests.waiting import eventually

WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Console:
    """A pipeline with a console."""

    pipeline: Pipeline
    url: str

    async def signed_in(self, name: str, *roles: StaffRole) -> httpx.AsyncClient:
        """Return a client of the account *name*, signed in with a fresh code."""
        client = httpx.AsyncClient(base_url=self.url, timeout=30, follow_redirects=True)
        answer = await client.post("/sign-in", data=await self.credentials(name, *roles))
        assert answer.status_code == 200, answer.text
        assert "Inbox" in answer.text
        return client

    async def credentials(self, name: str, *roles: StaffRole) -> dict[str, str]:
        """Return what the account *name* enters to sign in; it is made with *roles* if it is not there."""
        account = await self.pipeline.accounts.present(name, roles or tuple(StaffRole))
        return {"account": name, "password": PASSWORD, "code": code_at(account.second_factor, now())}

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Return the stored rows of all cases."""
        database = self.pipeline.client[f"{self.pipeline.prefix}_console"]
        return {one.pop("_id"): one async for one in database["cases"].find({})}

    async def listed(self, case: str, stage: str) -> None:
        """Wait until *case* is in *stage*."""

        async def there() -> bool:
            return (await self.rows()).get(case, {}).get("stage") == stage

        assert await eventually(there, WITHIN)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def console(parts: Stack | None, tmp_path_factory: Any) -> AsyncIterator[Console]:
    folder: Path = tmp_path_factory.mktemp("console")
    port = free_port()
    settings = {"HABEAS_CONSOLE_PORT": str(port), "HABEAS_CONSOLE_URL": f"http://{HOST}:{port}"}
    settings["HABEAS_ERASURE_APPROVAL"] = "always"
    async with prepared(parts, folder, console=True, **settings) as pipeline:
        await pipeline.start(*SERVICES, "console")
        yield Console(pipeline, f"http://{HOST}:{port}")
        await pipeline.stop()


async def test_rebuilt_read_model_equals_the_live_one(console: Console) -> None:
    pipeline = console.pipeline
    person, other, *_ = await pipeline.people()
    answered = await pipeline.answered("access", person)
    waiting = await pipeline.verified("erasure", other)
    await console.listed(answered, "closed")
    await console.listed(waiting, "verified")
    live = await console.rows()
    assert {answered, waiting} <= live.keys()
    database = pipeline.client[f"{pipeline.prefix}_console"]
    for collection in ("histories", "cases"):
        await database[collection].delete_many({})
    built = await read_model.rebuild(pipeline.mongo_url_of("command"), pipeline.prefix)
    assert built.cases >= 2
    assert await console.rows() == live
