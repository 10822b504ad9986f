"""Every kind of page of the console: German, light and dark, on a narrow screen, on paper, and its size."""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio
from playwright.async_api import Browser, Page

from services.console.state import CaseRow, Wait, WaitKind
from shared.vocabulary import StaffRole
from tests.integration.browser import ANSWERED_WITHIN_MS, squeezed, too_wide, violations
from tests.integration.console_fixture import Console, StaffBrowser, declared, staff_browser
from tests.integration.pipeline import Somebody

LARGEST_PAGE = 200_000
"""Bytes."""
NARROW = {"width": 360, "height": 800}
CONTRAST = "color-contrast"
ISO_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
LABELS_BELOW = """() => [...document.querySelectorAll("[type=checkbox], [type=radio]")].filter((box) => {
    const [label] = box.labels;
    return label && box.getBoundingClientRect().bottom <= label.getBoundingClientRect().top;
}).map((box) => box.labels[0].textContent)"""


@dataclass(frozen=True, slots=True)
class CasesToShow:
    """Cases whose pages are looked at."""

    erasure: str
    busy: str
    package: str
    incident: str
    person: Somebody


@dataclass(slots=True)
class PageErrors:
    """Errors of the pages that were looked at."""

    kinds: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    async def look(self, kind: str, page: Page) -> None:
        """Look at the page that is shown: in the light, in the dark, and on paper."""
        self.kinds.append(kind)
        found = [*await violations(page), *await too_wide(page), *await squeezed(page)]
        found += [f"label below its box: {one}" for one in await page.evaluate(LABELS_BELOW)]
        await page.emulate_media(color_scheme="dark")
        found += [f"dark {one}" for one in await violations(page, CONTRAST)]
        await page.emulate_media(media="print", color_scheme="light")
        if await page.locator(".top .menu").is_visible() or not await page.locator("h1").is_visible():
            found.append("printed with a menu, or without a heading")
        await page.emulate_media(media="screen")
        if await page.get_attribute("html", "lang") != "de":
            found.append("not in German")
        size = len((await page.content()).encode())
        if size > LARGEST_PAGE:
            found.append(f"{size} bytes")
        self.found += [f"{kind}: {one}" for one in found]


@pytest_asyncio.fixture(scope="module")
async def shown(console: Console) -> AsyncIterator[CasesToShow]:
    """Make a case of each kind that has a page of its own."""
    pipeline = console.pipeline
    people = await pipeline.people()
    erasure = await pipeline.verified("erasure", people[18])
    package = await pipeline.verified("portability", people[19])
    incident = await declared(console, "amelia@example.org")
    await console.listed(erasure, "verified", "approval")
    await console.listed(package, "verified", "package")
    busy = await with_three_waits(console, erasure)
    yield CasesToShow(erasure, busy, package, incident, people[18])
    await pipeline.client[f"{pipeline.prefix}_console"]["cases"].delete_one({"_id": busy})


async def with_three_waits(console: Console, case: str) -> str:
    """List a copy of *case* for which three pieces of work wait, with long reasons; return its id."""
    row = CaseRow.read({"_id": uuid.uuid4().hex, **(await console.rows())[case]})
    row.waits = (
        Wait(WaitKind.DOCUMENT, row.since, reason="second_decider"),
        Wait(WaitKind.UNDELIVERED, row.since, reason="bounced"),
        *row.waits,
    )
    database = console.pipeline.client[f"{console.pipeline.prefix}_console"]
    await database["cases"].insert_one(row.document())
    return row.id


async def test_every_kind_of_page_is_accessible_in_german_light_and_dark_on_a_narrow_screen(
    console: Console, browser: Browser, shown: CasesToShow
) -> None:
    errors = PageErrors()
    visitor = await browser.new_page(locale="de-DE", viewport=NARROW)  # type: ignore[arg-type]
    visitor.set_default_timeout(ANSWERED_WITHIN_MS)
    await visitor.goto(f"{console.url}/sign-in")
    await errors.look("sign-in", visitor)
    await visitor.close()
    options = {"locale": "de-DE", "viewport": NARROW}
    async with staff_browser(console, browser, "greta.pages", *StaffRole, **options) as staff:
        await look_at_lists(errors, staff, shown)
        await look_at_forms(errors, staff, shown)
        await look_at_content(errors, staff, shown)
        await look_at_selection(errors, staff, shown)
    assert errors.found == []
    assert len(errors.kinds) == len(set(errors.kinds)) == 24


async def look_at_lists(errors: PageErrors, staff: StaffBrowser, shown: CasesToShow) -> None:
    """Look at the pages of the menu, and at the one that says that there is none."""
    for kind, path in (
        ("inbox", "/?work=package"),
        ("requests", "/requests?right=portability"),
        ("three waits", f"/requests?text={shown.busy}"),
        ("breaches", "/breaches"),
        ("declaration", "/breaches/new"),
        ("holds", "/holds"),
        ("figures", "/figures"),
        ("audit", "/audit?account=greta.pages"),
        ("system", "/system"),
        ("error", "/requests/none"),
    ):
        await staff.visit(path)
        await errors.look(kind, staff.page)


async def look_at_forms(errors: PageErrors, staff: StaffBrowser, shown: CasesToShow) -> None:
    """Look at the pages of a case and of a breach, and at their forms."""
    case = f"/requests/{shown.erasure}"
    for kind, path in (
        ("case", case),
        ("decision", f"{case}/decisions/extend"),
        ("opening", f"{case}/content"),
        ("audit of a case", f"{case}/audit"),
        ("breach", f"/breaches/{shown.incident}"),
    ):
        await staff.visit(path)
        await errors.look(kind, staff.page)


async def look_at_content(errors: PageErrors, staff: StaffBrowser, shown: CasesToShow) -> None:
    """Look at opened content, a preview, a form with an error, and a package to review."""
    page = staff.page
    await staff.open_content(shown.erasure)
    await errors.look("content", page)
    text = await page.inner_text("main")
    assert {"Recht", "Löschung", "Wohnsitz", "Deutschland"} <= set(text.splitlines())
    assert ISO_DAY.findall(text) == []
    unit = "getComputedStyle(document.querySelector('.notice time'), '::after').content"
    assert await page.evaluate(unit) == '" h"'
    await staff.visit(f"/requests/{shown.erasure}/decisions/message")
    await page.fill("textarea", "Welche Ihrer Adressen meinen Sie?")
    await page.click("[name=preview]")
    await page.locator("#preview pre").wait_for()
    await errors.look("preview", page)
    await staff.sign(page.locator("main form"), code="000000")
    await page.locator("[role=alert]").wait_for()
    await errors.look("refused decision", page)
    await staff.open_content(shown.package, then="package")
    await errors.look("package", page)


async def look_at_selection(errors: PageErrors, staff: StaffBrowser, shown: CasesToShow) -> None:
    """Look at the result of a search by mailbox, at selected requests, and at what was done with them."""
    page = staff.page
    await staff.visit("/requests")
    await page.fill("[name=term]", shown.person.email)
    await page.press("[name=term]", "Enter")
    await page.wait_for_url("**/search")
    await errors.look("found", page)
    await select(staff, shown.erasure)
    await errors.look("selected", page)
    await page.click("form[action='/bulk/owner'] button, button[formaction='/bulk/owner']")
    await page.wait_for_url("**/bulk/owner")
    await errors.look("results", page)
    await select(staff, shown.erasure)
    await page.check("[name=decision][value=extend]")
    await page.click("form[action='/bulk/decide'] button")
    await page.wait_for_url("**/bulk/decide")
    await errors.look("decision on selected", page)


async def select(staff: StaffBrowser, case: str) -> None:
    """Select *case* in the list of requests."""
    await staff.visit(f"/requests?text={case}")
    await staff.page.check(f"[name=case][value='{case}']")
    await staff.page.click("button[formaction='/bulk'], form[action='/bulk'] button")
    await staff.page.wait_for_url("**/bulk")
