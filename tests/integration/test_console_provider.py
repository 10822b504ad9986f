"""Sign-in at the console by a provider: a certified OpenID provider, in the browser."""

import asyncio
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page

from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from shared.vocabulary import StaffRole
from tests.integration.browser import ANSWERED_WITHIN_MS
from tests.integration.pipeline import Pipeline, command, prepared
from tests.npm import node_modules
from tests.unit.pages import ROOT

PACKAGE = ROOT / "tests" / "data" / "oidc_provider"
SUBJECT = "dana-at-the-provider"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provided(parts: Stack | None, tmp_path_factory: object) -> AsyncIterator[tuple[Pipeline, str]]:
    """Run a provider, and a console that trusts it."""
    folder: Path = tmp_path_factory.mktemp("provider")  # type: ignore[attr-defined]  # pytest's own
    port, issuer_port = free_port(), free_port()
    url = f"http://{HOST}:{port}"
    (folder / "node_modules").symlink_to(await node_modules(PACKAGE))
    shutil.copy(PACKAGE / "provider.mjs", folder)
    answer = f"{url}/sign-in/provider/answer"
    child = await asyncio.create_subprocess_exec(
        "node", "provider.mjs", str(issuer_port), answer, cwd=folder, stdout=PIPE, stderr=PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"listening\n"
    settings = {
        "HABEAS_CONSOLE_PORT": str(port),
        "HABEAS_CONSOLE_URL": url,
        "HABEAS_OIDC_ISSUER": f"http://{HOST}:{issuer_port}",
        "HABEAS_OIDC_CLIENT": "console",
        "HABEAS_OIDC_SECRET": "the secret of the console",
    }
    async with prepared(parts, folder, customers=0, console=True, **settings) as pipeline:
        await pipeline.start("intake", "console")
        yield pipeline, url
        await pipeline.stop()
    child.terminate()
    await child.wait()


async def signed_in_at_provider(page: Page, url: str, subject: str) -> None:
    """Go from the console to the provider, sign in there and agree."""
    await page.goto(f"{url}/requests")
    await page.click("text=Sign in with your company account")
    await page.fill("[name=login]", subject)
    await page.fill("[name=password]", "any")
    await page.click("button[type=submit]")
    await page.click("button[type=submit]")


async def test_linked_account_signs_in_through_the_provider(
    provided: tuple[Pipeline, str], browser: Browser
) -> None:
    pipeline, url = provided
    await pipeline.accounts.present("dana.muster", [StaffRole.AGENT])
    assert (await command(pipeline, "staff", "link", "dana.muster", "--subject", SUBJECT))[0] == 0
    page = await browser.new_page()
    page.set_default_timeout(ANSWERED_WITHIN_MS)
    await signed_in_at_provider(page, url, SUBJECT)
    await page.wait_for_url(f"{url}/requests")
    assert await page.locator("text=dana.muster").count()
    await page.close()


async def test_person_without_a_linked_account_stays_outside(
    provided: tuple[Pipeline, str], browser: Browser
) -> None:
    _, url = provided
    page = await browser.new_page()
    page.set_default_timeout(ANSWERED_WITHIN_MS)
    await signed_in_at_provider(page, url, "a-stranger")
    await page.locator("text=No account here belongs to this sign-in").wait_for()
    await page.goto(f"{url}/requests")
    assert "/sign-in" in page.url
    await page.close()


async def test_answer_counts_once_and_in_the_browser_that_began_alone(provided: tuple[Pipeline, str]) -> None:
    """Else a stranger could sign somebody in as himself, or use an answer that he has seen."""
    _, url = provided
    one, other = (httpx.AsyncClient(base_url=url, timeout=90) for _ in range(2))
    async with one, other:
        away = await one.get("/sign-in/provider")
        state = httpx.URL(away.headers["location"]).params["state"]
        stolen = {"state": state, "code": "any"}
        assert (await other.get("/sign-in/provider/answer", params=stolen)).status_code == 403
        assert (await one.get("/sign-in/provider/answer", params=stolen)).status_code == 403
        attempts = provided[0].client[f"{provided[0].prefix}_console"]["provider_attempts"]
        assert await attempts.count_documents({}) == 0


async def test_one_subject_belongs_to_one_account(provided: tuple[Pipeline, str]) -> None:
    pipeline, _ = provided
    await pipeline.accounts.present("omar.sample", [StaffRole.AGENT])
    code, _, complaint = await command(pipeline, "staff", "link", "omar.sample", "--subject", SUBJECT)
    assert code == 2
    assert "account dana.muster has it" in complaint
