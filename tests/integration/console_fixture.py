"""A pipeline with a console, and its accounts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.contract.staff import code_at
from shared.vocabulary import StaffRole
from tests.integration.pipeline import SERVICES, Pipeline, comes_true, now, prepared
from tests.staff import PASSWORD

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

    @asynccontextmanager
    async def program(self, name: str, *roles: StaffRole) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client of the API, in a session of the account *name*."""
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1", timeout=30) as client:
            begun = await client.post("/sessions", json=await self.credentials(name, *roles))
            assert begun.status_code == 201, begun.text
            client.headers["Authorization"] = f"Bearer {begun.json()['token']}"
            yield client
            assert (await client.delete("/sessions/current")).status_code == 204

    async def credentials(self, name: str, *roles: StaffRole) -> dict[str, str]:
        """Return what the account *name* enters to sign in; it is made with *roles* if it is not there."""
        account = await self.pipeline.accounts.present(name, roles or tuple(StaffRole))
        return {"account": name, "password": PASSWORD, "code": code_at(account.second_factor, now())}

    async def code(self, account: str) -> str:
        """Return a code of *account* that counts, though one was used: a new factor would end its session."""
        for collection in ("codes", "tries"):
            await self.pipeline.client[f"{self.pipeline.prefix}_staff"][collection].delete_many({})
        known = await self.pipeline.accounts.register.account(account)
        assert known is not None
        return code_at(known.second_factor, now())

    async def page_of(self, browser: Browser, client: httpx.AsyncClient, width: int = 1280) -> Page:
        """Return a page in the session of *client*."""
        page = await browser.new_page(viewport={"width": width, "height": 900})
        token = client.cookies["habeas-console"]
        await page.context.add_cookies([{"name": "habeas-console", "value": token, "url": self.url}])
        return page

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Return the stored rows of all cases."""
        database = self.pipeline.client[f"{self.pipeline.prefix}_console"]
        return {one.pop("_id"): one async for one in database["cases"].find({})}

    async def listed(self, case: str, stage: str, *waiting: str) -> None:
        """Wait until *case* is in *stage*, and has that work *waiting*."""

        async def there() -> bool:
            row = (await self.rows()).get(case, {})
            return (row.get("stage"), row.get("waiting")) == (stage, list(waiting))

        await comes_true(there, WITHIN)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def console(parts: Stack | None, tmp_path_factory: Any) -> AsyncIterator[Console]:
    folder: Path = tmp_path_factory.mktemp("console")
    port = free_port()
    settings = {"HABEAS_CONSOLE_PORT": str(port), "HABEAS_CONSOLE_URL": f"http://{HOST}:{port}"}
    settings["HABEAS_ERASURE_APPROVAL"] = "always"
    settings["HABEAS_REVIEW"] = '["portability"]'
    async with prepared(parts, folder, customers=60, console=True, **settings) as pipeline:
        await pipeline.start(*SERVICES, "console")
        yield Console(pipeline, f"http://{HOST}:{port}")
        await pipeline.stop()


async def made(
    console: Console, client: httpx.AsyncClient, account: str, case: str, name: str, **entered: Any
) -> httpx.Response:
    """Make the decision *name* on *case* in the session of *client*, with a fresh code; return the page."""
    page = await client.get(f"/requests/{case}")
    form = re.search(r'name="form" value="([0-9a-f]{64})"', page.text)
    assert form is not None
    values = {"form": form[1], "code": await console.code(account), **entered}
    return await client.post(f"/requests/{case}/decisions/{name}", data=values)
