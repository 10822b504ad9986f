"""
The page of one request in a real browser, as a person may find it: nobody meets a barrier.

axe-core tries every state by day and by night at 320 px (WCAG 2.2 AA): in three languages and scripts in a
campaign, in two of them in the suite. The services are in memory: the browser is what is real here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import pytest_asyncio
from httpx import AsyncClient
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from services.intake.domain import CaseStatus
from shared.contract.events import AppealReceived
from tests.extent import extent
from tests.integration.browser import ANSWERED_WITHIN_MS, too_wide, violations
from tests.unit.fakes import Office
from tests.unit.intake_api import CASE, ROOT, client_of
from tests.unit.intake_states import STATES

pytestmark = pytest.mark.timeout(240)

NARROW: ViewportSize = {"width": 320, "height": 640}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "de", "zh")
ADDRESS = f"{ROOT}/requests/{CASE}"


@asynccontextmanager
async def visiting(browser: Browser, office: Office, **options: Any) -> AsyncIterator[Page]:
    """Have a browser look at what *office* serves, and at nothing else."""
    context = await browser.new_context(**options)
    context.set_default_timeout(ANSWERED_WITHIN_MS)
    page = await context.new_page()
    async with shown(page, office):
        yield page
    await context.close()


@asynccontextmanager
async def shown(page: Page, office: Office) -> AsyncIterator[None]:
    """Have *page* load what *office* serves, and nothing else."""
    async with client_of(office.requests) as client:
        await page.route("**/*", lambda route: answer(route, client))
        yield
        await page.unroute_all(behavior="wait")  # what the page has begun to load, ends
    assert await page.context.cookies() == []


@pytest_asyncio.fixture(scope="module")
async def narrow(browser: Browser) -> AsyncIterator[Page]:
    """A page for all states: axe-core takes twice as long in a new one."""
    context = await browser.new_context(viewport=NARROW)
    context.set_default_timeout(ANSWERED_WITHIN_MS)
    yield await context.new_page()
    await context.close()


async def answer(route: Route, client: AsyncClient) -> None:
    request = route.request
    assert request.url.startswith(f"{ROOT}/"), "nothing is loaded from anybody else"
    headers = {name: value for name, value in (await request.all_headers()).items() if name[0] != ":"}
    said = await client.request(
        request.method, request.url, content=request.post_data_buffer, headers=headers
    )
    await route.fulfill(status=said.status_code, headers=dict(said.headers), body=said.content)


async def flaws(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page, unfolded, and what is hard to hit or to see."""
    await page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    found = await violations(page)
    small = await page.evaluate(
        "[...document.querySelectorAll('main a, main button, main summary, main input:not([type=hidden])')]"
        ".map(one => [one.textContent.trim() || one.id, one.getBoundingClientRect().height])"
        ".filter(([, height]) => height < 24)"
    )
    return [*found, *(f"too small: {one}" for one in small), *await too_wide(page)]


def languages(state: str, scheme: str) -> tuple[str, ...]:
    """Return the languages in which a state is tried in a scheme: in the suite one, each in its turn."""
    turn = [*STATES].index(state) + SCHEMES.index(scheme)
    return extent((LANGUAGES[turn % len(LANGUAGES)],), LANGUAGES)


@pytest.mark.campaign
@pytest.mark.parametrize("state", STATES)
async def test_no_state_has_a_barrier(narrow: Page, state: str) -> None:
    office = await STATES[state]()
    async with shown(narrow, office):
        for scheme in SCHEMES:
            await narrow.emulate_media(color_scheme=scheme)
            for language in languages(state, scheme):
                await narrow.goto(f"{ADDRESS}?lang={language}")
                assert await narrow.evaluate("document.documentElement.lang") == language
                assert await flaws(narrow) == [], (scheme, language)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_errors_are_read_out_first_and_link_to_the_field(browser: Browser, scheme: str) -> None:
    """WCAG 2.4.3, 3.3.1, 4.1.3."""
    office = await STATES["everything asked"]()
    async with visiting(browser, office, viewport=NARROW, color_scheme=scheme) as page:
        await page.goto(f"{ADDRESS}?lang=de")
        await page.get_by_role("button", name="Unterschreiben").click()
        assert (await page.title()).startswith("Bitte berichtigen Sie das")
        await expect(page.locator("#problems")).to_be_focused()
        assert await flaws(page) == []
        await page.get_by_role("link", name="Geben Sie Ihren vollständigen Namen ein").click()
        await expect(page.locator("#declaration_name")).to_be_focused()
        assert "lang=de" in page.url


async def test_a_code_that_is_wrong_is_said_in_words(browser: Browser) -> None:
    office = await STATES["answered"]()
    async with visiting(browser, office, locale="fr-FR") as page:
        await page.goto(ADDRESS)
        await page.get_by_role("button", name="envoyer un code par courriel").click()
        assert "Il est valable 30 minutes" in await page.get_by_role("status").inner_text()
        await page.get_by_label("Code à six chiffres").fill("12")
        await page.get_by_role("button", name="Télécharger").click()
        await expect(page.locator("#problems")).to_be_focused()
        code = office.code_of(CASE, "package_code_0")
        await page.get_by_label("Code à six chiffres").fill(f"{(int(code) + 1) % 10**6:06}")
        await page.get_by_role("button", name="Télécharger").click()
        assert "dernier code que nous avons envoyé" in await page.get_by_role("alert").inner_text()
        await page.get_by_label("Code à six chiffres").fill(code)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Télécharger").click()
        assert (await download.value).suggested_filename == f"your-data-{CASE[:8]}.zip"


async def test_a_request_is_withdrawn_by_keyboard_and_only_after_a_second_step(browser: Browser) -> None:
    """WCAG 2.1.1, 3.3.4."""
    office = await STATES["fee quoted"]()
    async with visiting(browser, office, java_script_enabled=True) as page:
        await page.goto(ADDRESS)
        sure = page.get_by_role("button", name="Yes, withdraw the request")
        assert not await sure.is_visible()
        await page.get_by_text("Withdraw the request", exact=True).focus()
        await page.keyboard.press("Enter")
        await sure.focus()
        await page.keyboard.press("Enter")
        assert "is being withdrawn" in await page.get_by_role("status").inner_text()
        await office.work()
        assert (await office.requests.case(CASE)).status is CaseStatus.WITHDRAWN


async def test_without_scripts_an_appeal_is_sent(browser: Browser) -> None:
    office = await STATES["refused"]()
    async with visiting(browser, office, java_script_enabled=False) as page:
        await page.goto(ADDRESS)
        await page.get_by_text("Appeal against our answer").click()
        await page.get_by_label("What you disagree with").fill("You overlooked my invoices.")
        await page.get_by_role("button", name="Send the appeal").click()
        assert "We will review it" in await page.get_by_role("status").inner_text()
        await office.work()
        assert office.the(AppealReceived).remedy == "appeal"
