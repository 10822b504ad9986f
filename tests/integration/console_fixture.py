"""A pipeline with a console, and its accounts."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Locator, Page

from habeas.client import requests
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.contract.events.breaches import BreachDeclared
from shared.contract.staff import code_at
from shared.vocabulary import StaffRole
from tests.integration.browser import ANSWERED_WITHIN_MS, visit
from tests.integration.pipeline import (
    ANSWERED_WITHIN_S,
    IDLE_LIMITS,
    PORTAL,
    SERVICES,
    Pipeline,
    comes_true,
    now,
    prepared,
)
from tests.integration.span_receiver import SpanReceiver, receiving
from tests.staff import PASSWORD

WITHIN = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Console:
    """A pipeline with a console."""

    pipeline: Pipeline
    url: str
    collector: SpanReceiver

    async def signed_in(self, name: str, *roles: StaffRole) -> httpx.AsyncClient:
        """Return a client of the account *name*, signed in with a fresh code."""
        client = httpx.AsyncClient(
            base_url=self.url, timeout=ANSWERED_WITHIN_S, limits=IDLE_LIMITS, follow_redirects=True
        )
        answer = await client.post("/sign-in", data=await self.credentials(name, *roles))
        assert answer.status_code == 200, answer.text
        assert "Inbox" in answer.text
        return client

    @asynccontextmanager
    async def program(self, name: str, *roles: StaffRole) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client of the API, in a session of the account *name*."""
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", timeout=ANSWERED_WITHIN_S, limits=IDLE_LIMITS
        ) as client:
            begun = await client.post("/sessions", json=await self.credentials(name, *roles))
            assert begun.status_code == 201, begun.text
            client.headers["Authorization"] = f"Bearer {begun.json()['token']}"
            yield client
            assert (await client.delete("/sessions/current")).status_code == 204

    async def credentials(self, name: str, *roles: StaffRole) -> dict[str, str]:
        """Return what the account *name* enters to sign in; it has *roles*, or is made with all of them."""
        account = await self.pipeline.accounts.present(name, roles or tuple(StaffRole))
        if roles:
            account = replace(account, roles=frozenset(roles))
            await self.pipeline.accounts.register.replace(account)
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
        page.set_default_timeout(ANSWERED_WITHIN_MS)
        token = client.cookies["habeas-console"]
        await page.context.add_cookies([{"name": "habeas-console", "value": token, "url": self.url}])
        return page

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Return the stored rows of all cases."""
        database = self.pipeline.client[f"{self.pipeline.prefix}_console"]
        return {one.pop("_id"): one async for one in database["cases"].find({})}

    async def listed(self, case: str, stage: str | None, *waiting: str) -> None:
        """Wait until *case* is in *stage*, and has that work *waiting*."""

        async def there() -> bool:
            row = (await self.rows()).get(case, {})
            return (row.get("stage"), row.get("waiting")) == (stage, list(waiting))

        await comes_true(there, WITHIN)


@dataclass(frozen=True, slots=True)
class StaffBrowser:
    """The browser of an account, in a context of its own."""

    console: Console
    account: str
    page: Page

    async def visit(self, path: str) -> None:
        """Go to *path* of the console."""
        await visit(self.page, self.console.url + path)

    async def sign(self, form: Locator, button: str = "button >> nth=0", code: str = "") -> None:
        """Enter a fresh *code* into *form*, and press its *button*."""
        await form.locator("[name=code]").fill(code or await self.console.code(self.account))
        async with self.page.expect_navigation():
            await form.locator(button).click()

    async def said(self) -> str:
        """Return the message of the page: a success, or an error."""
        return await self.page.inner_text("[role=status], [role=alert]")

    async def open_content(self, case: str, then: str = "content") -> None:
        """Open the sealed content of *case* on record, and go to it or to the package."""
        await self.visit(f"/requests/{case}/{then}")
        await self.sign(self.page.locator("main form"))
        await self.page.wait_for_selector("main .notice time", state="attached")

    async def client(self) -> httpx.AsyncClient:
        """Return a client in the session of the browser."""
        [cookie] = [one for one in await self.page.context.cookies() if one["name"] == "habeas-console"]
        cookies = {cookie["name"]: cookie["value"]}
        return httpx.AsyncClient(
            base_url=self.console.url,
            timeout=ANSWERED_WITHIN_S,
            limits=IDLE_LIMITS,
            follow_redirects=True,
            cookies=cookies,
        )

    async def offered(self, case: str) -> set[str]:
        """Return the decisions that the page of *case* offers."""
        text = await (await self.page.request.get(f"{self.console.url}/requests/{case}")).text()
        return set(re.findall(r"/decisions/([a-z-]+)\"", text))


@asynccontextmanager
async def staff_browser(
    console: Console, browser: Browser, account: str, *roles: StaffRole, **options: Any
) -> AsyncIterator[StaffBrowser]:
    """Sign in as *account* with *roles*, in a browser context of its own with *options*."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(ANSWERED_WITHIN_MS)
    page = await context.new_page()
    await page.goto(f"{console.url}/sign-in")
    for name, value in (await console.credentials(account, *roles)).items():
        await page.fill(f"#{name}", value)
    await page.click("main form button")
    await page.wait_for_url(f"{console.url}/")
    yield StaffBrowser(console, account, page)
    await context.close()


@asynccontextmanager
async def running_console(parts: Stack | None, folder: Path) -> AsyncIterator[Console]:
    """Run all services and a console: one right has its packages reviewed, two accounts approve erasures."""
    port = free_port()
    settings = {"HABEAS_CONSOLE_PORT": str(port), "HABEAS_CONSOLE_URL": f"http://{HOST}:{port}"}
    settings |= {"HABEAS_ERASURE_APPROVAL": "always", "HABEAS_ERASURE_APPROVERS": "2"}
    settings["HABEAS_REVIEW"] = '["portability"]'
    with receiving() as collector:
        settings |= {"HABEAS_TRACES_URL": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with prepared(parts, folder, customers=60, console=True, **settings) as pipeline:
            await pipeline.start(*SERVICES, "console")
            yield Console(pipeline, f"http://{HOST}:{port}", collector)
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


async def declared(console: Console, *people: str) -> str:
    """Declare a breach as an upstream system does; return the incident, once its letters are checked."""
    today = now()
    listed: list[dict[str, object]] = [{"name": "Bruno Muster", "email": email} for email in people]
    listed.append({"name": "Amelia Beispiel"})
    data = {
        "reference": f"INC-{uuid.uuid4().hex}",
        "nature": "A copy of the customer table was taken.",
        "consequences": "Letters that pretend to come from us.",
        "measures": "The way in is closed.",
        "advice": "Do not open attachments.",
        "occurred_from": (today - timedelta(days=2)).isoformat(),
        "detected_at": (today - timedelta(hours=3)).isoformat(),
        "aware_at": (today - timedelta(hours=2)).isoformat(),
        "categories": ["user.name", "user.contact.email"],
        "affected": {"list": [{**one, "locale": "de", "residence": {"country": "DE"}} for one in listed]},
        "contact": "Privacy team, privacy@example.com",
        "high_risk": True,
    }
    body = requests.cloud_event(data, type_=BreachDeclared.TYPE, source=PORTAL)
    histories = console.pipeline.client[f"{console.pipeline.prefix}_console"]["histories"]
    known = await histories.distinct("_id")
    await console.pipeline.publish(body, type_=BreachDeclared.TYPE)
    found: list[str] = []

    async def checked() -> bool:
        wanted = {"_id": {"$nin": known}}
        async for one in histories.find(wanted):
            types = {fact["type"] for fact in one.get("facts", {}).values()}
            if {"habeas.breach.notices_checked.v1", "habeas.breach.scoped.v1"} <= types:
                found.append(one["_id"])
        return bool(found)

    await comes_true(checked, WITHIN)
    await console.listed(found[0], None, "release", "report")
    return found[0]
