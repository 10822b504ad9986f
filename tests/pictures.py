"""
Takes all pictures of the documents: ``python -m tests.pictures``, or ``make pictures``.

The letters and pages are those of this checkout, in the browser that the tests use. The pictures in
``docs/images/letters/before`` stay as they are: they show the letters of an earlier version.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image
from playwright.async_api import Browser, Page

from bench.console import case_id, console, prepared
from bench.installation import ground
from habeas.client.letters import LetterPreview, gallery, page_of, preview
from habeas.embedded.stack import Stack
from shared.law import LetterForm
from shared.vocabulary import StaffRole
from tests import dashboard_picture
from tests.integration.browser import launched
from tests.integration.console_fixture import Console, StaffBrowser, declared, running_console, staff_browser
from tests.integration.pipeline import PORTAL, Somebody, command
from tests.integration.test_console_days import map_checked, parked_submission
from tests.integration.test_console_prometheus import scraping
from tests.integration.test_request_page_browser import ADDRESS, visiting
from tests.unit.fakes import Office
from tests.unit.intake_api import ROOT
from tests.unit.intake_states import STATES

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LAWS = {"en": "us-ca-ccpa", "de": "gdpr", "fr": "gdpr", "es": "gdpr"}
"""The language of a letter to compare, and its law."""
COMPARED = {
    "code": LetterForm.CODE,
    "proof wanted": LetterForm.PROOF_WANTED,
    "extension": LetterForm.EXTENSION,
    "late": LetterForm.LATE,
    "access granted": LetterForm.ACCESS,
    "erasure partly granted": LetterForm.ERASURE,
    "correction": LetterForm.DONE,
    "refusal": LetterForm.REFUSAL,
    "weighing": LetterForm.WEIGHING,
    "complaint received": LetterForm.COMPLAINT_RECEIVED,
}
"""The letters to compare with an earlier version."""
SHOWN = {
    "appeal": ("refusal", "us-va", "en", 520),
    "late-de": ("late", "gdpr", "de", 520),
    "narrow-de": ("erasure partly granted", "gdpr", "de", 390),
}
"""Name of a picture → letter, law, language and width."""
WIDTH = 560
COLOURS = 32
WIDE = {"viewport": {"width": 1280, "height": 720}}


async def taken(page: Page, file: Path, *, whole: bool = True) -> None:
    """Write a picture of *page*, or of what is in view, to *file*, in few colours."""
    picture = Image.open(io.BytesIO(await page.screenshot(full_page=whole))).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".webp":
        picture.quantize(COLOURS).convert("RGB").save(file, lossless=True, method=6)
    else:
        picture.quantize(2 * COLOURS).save(file, optimize=True)


def example(name: str, law: str, language: str) -> LetterPreview:
    """Return the letter *name* under *law*."""
    return next(one for one in preview(COMPARED[name], [law], language) if one.name == name)


def compared() -> Iterator[tuple[str, str]]:
    """Yield the name of the picture and the HTML of each letter to compare."""
    for language, law in LAWS.items():
        for name in COMPARED:
            letter = example(name, law, language)
            yield f"{language}-{letter.slug}", letter.body.html


async def letters(browser: Browser, folder: Path) -> None:
    """Write the letters to compare into *folder*."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": 300})
    for name, html in compared():
        await page.set_content(html)
        await taken(page, folder / f"{name}.webp")
    await page.close()


async def shown(browser: Browser) -> None:
    """Write the letters and the gallery of ``docs/reference/letters.md``."""
    for name, (letter, law, language, width) in SHOWN.items():
        await _drawn(browser, example(letter, law, language).body.html, f"letter-{name}", width)
    await _drawn(browser, example("refusal", "ca-qc", "en").cited, "letter-cited", 520)
    pages = dict(gallery())
    await _drawn(browser, pages[page_of("us-va", "en")], "letter-gallery", 900, whole=False)


async def _drawn(browser: Browser, html: str, name: str, width: int, *, whole: bool = True) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 300 if whole else 1016})
    await page.set_content(html)
    await taken(page, IMAGES / f"{name}.png", whole=whole)
    await page.close()


@asynccontextmanager
async def looking(
    browser: Browser, path: str, office: Office | None = None, **options: Any
) -> AsyncIterator[Page]:
    """Open *path* of *office*; without one, of an office without requests."""
    async with visiting(browser, office or Office(), locale="en-GB", **WIDE | options) as page:
        await page.goto(f"{ROOT}{path}")
        yield page


async def centre(browser: Browser) -> None:
    """Write the pages of ``docs/reference/privacy-centre.md``."""
    async with looking(browser, "/") as page:
        await taken(page, IMAGES / "centre-home.png")
    async with looking(browser, "/ask/erasure", color_scheme="dark") as page:
        await taken(page, IMAGES / "centre-form-dark.png")
    async with looking(browser, "/opt-out", extra_http_headers={"Sec-GPC": "1"}) as page:
        await taken(page, IMAGES / "centre-signal.png", whole=False)
    async with looking(browser, "/?lang=de", viewport={"width": 320, "height": 640}) as page:
        await taken(page, IMAGES / "centre-narrow-de.png", whole=False)
    office = Office()
    async with looking(browser, "/ask/access", office) as page:
        await filled(page, office)


async def filled(page: Page, office: Office) -> None:
    """Write the form with a mistake, and what is shown before it is sent."""
    await page.locator("#email").fill("not an address")
    await page.locator("#name").fill("Amélia Ferreira")
    await sent(page, office)
    await taken(page, IMAGES / "centre-mistake.png", whole=False)
    await page.locator("#email").fill("amelia.ferreira@example.org")
    await page.locator("#country").select_option("DE")
    await sent(page, office)
    assert "Nothing has been sent yet" in await page.inner_text("main")
    await taken(page, IMAGES / "centre-summary.png", whole=False)


async def sent(page: Page, office: Office) -> None:
    """Press the main button, a minute later: a form is not sent faster than a person can type."""
    office.clock.move(timedelta(minutes=1))
    await page.locator("main form button:not(.quiet)").first.click()
    await page.wait_for_load_state()


async def request_page(browser: Browser) -> None:
    """Write the page of a request, with its last day explained."""
    options = {"locale": "en-GB", "viewport": {"width": 900, "height": 640}}
    async with visiting(browser, await STATES["in review"](), **options) as page:
        await page.goto(ADDRESS)
        await page.locator("details.box summary").first.click()
        await taken(page, IMAGES / "request-page.png")


async def console_pages(browser: Browser, cases: int = 600) -> None:
    """Write the pages of ``docs/desk.md``, with the fictional cases of the benchmark."""
    last = case_id(cases - 1)
    views = {
        "inbox": "/?view=all",
        "requests": "/requests?open=yes",
        "case": f"/requests/{last}",
        "figures": "/figures?by=law",
    }
    with TemporaryDirectory() as folder:
        async with ground(Path(folder)) as here:
            await prepared(here, cases)
            async with console(here) as client:
                for name, path in views.items():
                    await _of_console(browser, client, name, path)


async def _of_console(browser: Browser, client: httpx.AsyncClient, name: str, path: str) -> None:
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 720})
    root = str(client.base_url)
    [cookie] = client.cookies.jar
    await context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": root}])
    page = await context.new_page()
    await page.goto(root.rstrip("/") + path)
    await taken(page, IMAGES / f"console-{name}.png", whole=False)
    await context.close()


async def opened_pages(browser: Browser) -> None:
    """Write the pages of ``docs/desk.md`` that need the other services, on a pipeline of its own."""
    with TemporaryDirectory() as folder:
        async with Stack(Path(folder) / "stack") as stack, running_console(stack, Path(folder)) as running:
            await _prepared_cases(browser, running)


async def dashboard(browser: Browser) -> None:
    """Write the dashboard of a minute and a half in which requests come at three rates."""
    with TemporaryDirectory() as folder:
        async with (
            Stack(Path(folder) / "stack") as stack,
            running_console(stack, Path(folder)) as running,
            scraping(Path(folder), running.pipeline.ops_url.removeprefix("http://")) as prometheus,
        ):
            began = time.time()
            for number, rate in enumerate((3, 14, 4)):
                for second in range(25):
                    await _burst(running, f"{number}-{second}", rate)
            page = await browser.new_page(viewport={"width": dashboard_picture.WIDTH + 16, "height": 900})
            await page.set_content(await dashboard_picture.page(prometheus, (began + 8, time.time())))
            await taken(page, IMAGES / "dashboard.png")


async def _burst(running: Console, name: str, rate: int) -> None:
    """Lodge *rate* requests, some of people with a proven log-in; return after a second."""
    asking = [
        running.pipeline.lodge(
            Somebody(f"person.{name}.{number}@example.net", f"Person {number}").asks("access"),
            source=PORTAL if number % 4 else None,
        )
        for number in range(rate)
    ]
    await asyncio.gather(asyncio.sleep(1), *asking)


async def _prepared_cases(browser: Browser, running: Console) -> None:
    pipeline = running.pipeline
    people = [one for one in await pipeline.people() if one.name.isascii()]
    erasure = await pipeline.verified("erasure", people[3])
    package = await pipeline.verified("portability", people[4])
    incident = await declared(running, *(f"person{number}@example.org" for number in range(40)))
    await map_checked(pipeline)
    await parked_submission(pipeline, people[6])
    await command(pipeline, "audit", "verify", "--record")
    await running.listed(erasure, "verified", "approval")
    await running.listed(package, "verified", "package")
    options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
    async with staff_browser(running, browser, "dana.muster", *StaffRole, **options) as staff:
        await staff.open_content(erasure)
        await staff.page.locator("h2:text-is('Erasure plan')").scroll_into_view_if_needed()
        await _taken_of(staff, "content")
        await staff.open_content(package, then="package")
        await staff.page.check("fieldset.record >> nth=0 >> label:has-text('company')")
        await staff.page.select_option("#ground", "third_party_rights")
        await _taken_of(staff, "package")
        for name, path in (("breach", f"/breaches/{incident}"), ("audit", "/audit"), ("system", "/system")):
            await staff.visit(path)
            await _taken_of(staff, name)


async def _taken_of(staff: StaffBrowser, name: str) -> None:
    await taken(staff.page, IMAGES / f"console-{name}.png", whole=False)


async def main() -> None:
    """Take all pictures."""
    async with launched() as browser:
        await letters(browser, IMAGES / "letters" / "after")
        await shown(browser)
        await centre(browser)
        await request_page(browser)
        await console_pages(browser)
        await opened_pages(browser)
        await dashboard(browser)


if __name__ == "__main__":
    asyncio.run(main())
