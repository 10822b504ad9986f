"""Chromium, and the violations of WCAG 2.2 AA that axe-core finds in a page."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Error, Page, async_playwright, expect

from tests.conftest import missing
from tests.waiting import eventually

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
ANSWERED_WITHIN_MS = 90_000
"""The most that a page takes on a machine that stands still for a while."""
RELOADS = 5
"""Times that a page may reload itself while it is visited."""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # styles and media are there
}


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Run the browser; where there is none the test is skipped, or fails."""
    if not os.access(CHROMIUM, os.X_OK):
        missing(f"{CHROMIUM} is not here; scripts/setup-tests installs it")
    expect.set_options(timeout=ANSWERED_WITHIN_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


async def visit(page: Page, url: str) -> None:
    """Go to *url*; again, where the page there reloads itself at that moment."""
    for _ in range(RELOADS):
        try:
            await page.goto(url)
        except Error as error:
            ends = (f'is interrupted by another navigation to "{url}"', f"net::ERR_ABORTED at {url}")
            if not any(end in str(error) for end in ends):
                raise
        else:
            return
    raise AssertionError(f"{url} reloads itself all the time")


async def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds wrong with the page, by *rules* alone if some are named."""
    options = {**RULES, "runOnly": [*rules]} if rules else RULES
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(Axe().axe_script)
    found = (await page.evaluate("options => axe.run(document, options)", options))["violations"]
    return [f"{page.url}: {one['id']}: {node['target']}" for one in found for node in one["nodes"]]


TOO_WIDE = """() => [
    ["page", document.documentElement.scrollWidth - innerWidth],
    ...[...document.querySelectorAll(".scroll:not(:has(> img))")].map(
        (region) => [region.getAttribute("aria-label"), region.scrollWidth - region.clientWidth])
]"""
"""Pictures alone may be wider than their region."""


async def too_wide(page: Page) -> list[str]:
    """Return by how much the page, or a region of it, must be scrolled sideways, if at all."""
    measured = await page.evaluate(TOO_WIDE)
    return [f"{page.url}: {name}: {wide} px too wide" for name, wide in measured if wide > 0]


SQUEEZED = """() => [...document.querySelectorAll("td")].flatMap((cell) => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    const range = document.createRange(), found = [];
    while (texts.nextNode()) {
        const text = texts.currentNode.data.trim();
        range.selectNodeContents(texts.currentNode);
        if (text.length > 8 && range.getClientRects().length > text.length / 4) found.push(text);
    }
    return found;
})"""


async def squeezed(page: Page) -> list[str]:
    """Return the texts of tables that have fewer than four letters a line."""
    return [f"{page.url}: {text!r} is squeezed" for text in await page.evaluate(SQUEEZED)]


async def picture_shown(page: Page, selector: str, width: int) -> None:
    """Wait until a picture wider than *width* pixels is loaded; pages forbid what Playwright's wait needs."""

    async def loaded() -> bool:
        return bool(await page.locator(selector).first.evaluate("image => image.naturalWidth") > width)

    shown: bool = await eventually(loaded)
    assert shown
