"""
People in a real browser, on the real pipeline: they ask, make mistakes, prove who they are, get their data.

Every page is tried by axe-core (WCAG 2.2 AA): by day, by night, narrow and enlarged in a campaign, in one of
these layouts in the suite. Every request that the browser makes goes to us.
"""

import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from habeas.embedded.stack import Stack
from services.intake.pages.centre.form import ON_CONSENT, OPTIONS, SCOPES
from services.intake.pages.site import LANGUAGES
from tests.extent import extent
from tests.integration.browser import ANSWERED_WITHIN_MS, too_wide, violations
from tests.integration.pipeline import WITHIN, Pipeline, Somebody, running
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(240)

LAYOUTS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "enlarged": {
        "viewport": {"width": 320, "height": 256},
        "device_scale_factor": 4,
    },  # 400 % of 1280 by 1024
}
PAGES = ("/", "/choices", "/account-deletion", "/nowhere", *OPTIONS)
PAGES_IN = {layout: extent(PAGES[number :: len(LAYOUTS)], PAGES) for number, layout in enumerate(LAYOUTS)}
PAGES_IN_LANGUAGES = extent(("/ask/erasure",), ("/", "/ask/erasure"))
ENOUGH_TIME = 1_100
"""Milliseconds: more than a form asks for between being seen and being sent."""
SIGNAL = {"Sec-GPC": "1"}


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("centre")
    async with running(parts, folder, customers=20) as pipeline:
        yield pipeline


@dataclass
class Visit:
    """Somebody's visit; all that their browser asks for is written down."""

    page: Page
    root: str
    asked: list[str] = field(default_factory=list)
    scripts: bool = True

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.root}{path}")

    async def send(self) -> None:
        """Press the main button of the page, having taken some time."""
        await self.page.wait_for_timeout(ENOUGH_TIME)
        async with self.page.expect_navigation():
            await self.page.locator("main form button:not(.quiet)").first.click()

    async def flaws(self) -> list[str]:
        """Return what axe-core finds wrong with the page, and whether it must be scrolled sideways."""
        return [*await violations(self.page), *await too_wide(self.page)]


@asynccontextmanager
async def visiting(browser: Browser, pipeline: Pipeline, **options: Any) -> AsyncIterator[Visit]:
    context: BrowserContext = await browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(ANSWERED_WITHIN_MS)
    page = await context.new_page()
    visit = Visit(page, str(pipeline.http.base_url).rstrip("/"))
    context.on("request", lambda request: visit.asked.append(request.url))
    yield visit
    assert visit.asked
    assert [url for url in visit.asked if not url.startswith(f"{visit.root}/")] == [], "to nobody else"
    assert await context.cookies() == []
    await context.close()


async def somebody(pipeline: Pipeline, number: int) -> Somebody:
    return (await pipeline.people())[number]


# --- whole journeys -----------------------------------------------------------------------------------


async def test_a_person_asks_makes_a_mistake_proves_who_they_are_and_gets_their_data(
    browser: Browser, pipeline: Pipeline, tmp_path: Path
) -> None:
    person = await somebody(pipeline, 0)
    async with visiting(browser, pipeline, color_scheme="light") as visit:
        page = visit.page
        await visit.open("/")
        assert await visit.flaws() == []
        await page.get_by_role("link", name="Get a copy of your data").click()
        await page.get_by_label("Email address", exact=True).fill("not an address")
        await page.get_by_label("Full name").fill(person.name)
        await visit.send()
        assert (await page.title()).startswith("Please correct: Get a copy of your data")
        assert await page.evaluate("document.activeElement.id") == "problems", "it has the focus"
        assert await visit.flaws() == []
        await page.get_by_role("link", name="Enter your email address").click()
        assert await page.evaluate("document.activeElement.id") == "email"
        assert await page.get_by_label("Full name").input_value() == person.name, "kept"
        await page.get_by_label("Email address", exact=True).fill(person.email)
        await page.get_by_label("Country in which you live").select_option("DE")
        await visit.send()
        assert "Nothing has been sent yet" in await page.inner_text("main")
        assert await visit.flaws() == []
        await visit.send()
        await page.wait_for_url("**/requests/*")
        case = page.url.rpartition("/")[2]
        assert await visit.flaws() == []
        code = await pipeline.code_for(person, case)
        await page.reload()
        await page.locator("#code").fill(code)
        await page.locator("#by-code button:not(.quiet)").first.click()
        await pipeline.closed(case)
        await page.goto(f"{visit.root}/requests/{case}")
        assert await visit.flaws() == []
        await page.locator("form[action*=package-code] button").click()
        package_code = ""
        while package_code in {"", code}:
            package_code = await pipeline.code_for(person, case)
        await page.locator("#package-code").fill(package_code)
        async with page.expect_download() as download:
            await page.locator("form[action$=package] button").click()
        path = tmp_path / "package.zip"
        await (await download.value).save_as(path)
    with zipfile.ZipFile(path) as package:
        assert "index.html" in package.namelist()


async def test_without_scripts_everything_is_the_same(browser: Browser, pipeline: Pipeline) -> None:
    person = await somebody(pipeline, 1)
    async with visiting(browser, pipeline, java_script_enabled=False) as visit:
        page = visit.page
        await visit.open("/ask/rectification?lang=de")
        await page.locator("#email").fill(person.email)
        await page.locator("#name").fill(person.name)
        await page.locator("#country").select_option("US")
        await visit.send()
        assert "Bitte berichtigen Sie das" in await page.inner_text("main")
        assert await page.locator("#state").is_visible()
        await page.locator("#state").select_option("US-CA")
        await page.locator("#fix_city").fill("Kiel")
        await visit.send()
        assert "California" in await page.inner_text("main")
        await page.locator("button[value=change]").click()
        assert await page.locator("#fix_city").input_value() == "Kiel"
        await page.locator("#fix_city").fill("Husum")
        await visit.send()
        await visit.send()
        await page.wait_for_url("**/requests/*?lang=de")
        case = page.url.rpartition("/")[2].removesuffix("?lang=de")
        assert await pipeline.code_for(person, case)


async def test_a_keyboard_is_enough(browser: Browser, pipeline: Pipeline) -> None:
    """WCAG 2.1.1, 2.4.1, 2.4.3, 2.4.7."""
    person = await somebody(pipeline, 2)
    async with visiting(browser, pipeline) as visit:
        page, press = visit.page, visit.page.keyboard.press
        await visit.open("/ask/erasure")
        await press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        assert await page.locator(".skip").is_visible()
        await press("Enter")
        order: list[str] = []
        for _ in range(30):
            await press("Tab")
            focused = await page.evaluate("document.activeElement.name || document.activeElement.tagName")
            order.append(focused)
            if focused == "email":
                await page.keyboard.type(person.email)
            elif focused == "name":
                await page.keyboard.type(person.name)
            elif focused == "country":
                await page.keyboard.type("Germany")
            elif focused == "with_copy":
                await press("Space")
            elif focused == "step":
                break
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"nobody sees that {focused} has the focus"
        ticks = [*SCOPES, ON_CONSENT, "with_copy", "full_values"]
        assert order == ["A", "for", "email", "name", "country", *ticks, "statement", "SUMMARY", "step"]
        await page.wait_for_timeout(ENOUGH_TIME)
        await press("Enter")
        await page.wait_for_selector("dl.facts")
        assert "Germany" in await page.inner_text("dl.facts")
        while await page.evaluate("document.activeElement.value") != "send":
            await press("Tab")
        await press("Enter")
        await page.wait_for_url("**/requests/*")


async def test_one_click_form_needs_a_mail_address_and_nothing_else(
    browser: Browser, pipeline: Pipeline
) -> None:
    person = await somebody(pipeline, 3)
    async with visiting(browser, pipeline) as visit:
        page = visit.page
        await visit.open("/choices")
        await page.get_by_role("link", name="Do Not Sell or Share My Personal Information").click()
        await page.locator("#email").fill(person.email)
        await visit.send()
        await page.wait_for_url("**/requests/*")
        done = await pipeline.closed(page.url.rpartition("/")[2])
    assert (done["right"], done["outcome"]) == ("opt_out_of_sale", "granted")


async def test_the_signal_is_shown_and_stops_the_sale(browser: Browser, pipeline: Pipeline) -> None:
    person = await somebody(pipeline, 4)
    async with visiting(browser, pipeline, extra_http_headers=SIGNAL) as visit:
        page = visit.page
        await visit.open("/opt-out")
        assert await page.get_by_text("Opt-Out Request Honored").is_visible()
        await visit.open("/ask/access")
        assert await visit.flaws() == []
        await page.locator("#email").fill(person.email)
        await page.locator("#name").fill(person.name)
        await page.locator("#country").select_option("DE")
        await visit.send()
        await visit.send()
        await page.wait_for_url("**/requests/*")

    def confirmed() -> bool:
        return any("selling" in letter.body() for letter in pipeline.letters_to(person))

    assert await eventually(confirmed, WITHIN)


# --- every page, for everybody ------------------------------------------------------------------------


@pytest.mark.campaign
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_no_page_has_a_barrier(browser: Browser, pipeline: Pipeline, layout: str) -> None:
    async with visiting(browser, pipeline, **LAYOUTS[layout]) as visit:
        for path in PAGES_IN[layout]:
            await visit.open(path)
            assert await visit.flaws() == []
        await visit.open("/ask/erasure")
        await visit.page.locator("#for-child").check()
        await visit.page.locator("#country").select_option("US")
        await visit.page.locator("summary").last.click()
        assert await visit.page.locator("#agent_name").is_visible()
        assert await visit.page.locator("#state").is_visible()
        assert await visit.flaws() == []


@pytest.mark.campaign
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_language_has_a_barrier(browser: Browser, pipeline: Pipeline, language: str) -> None:
    async with visiting(browser, pipeline, **LAYOUTS["narrow"]) as visit:
        for path in PAGES_IN_LANGUAGES:
            await visit.open(f"{path}?lang={language}")
            assert await visit.flaws() == []
        await visit.page.locator(".languages summary").click()
        assert await visit.flaws() == []
