"""A breach in the console: clocks run, two officers approve, notices arrive, and a report is recorded."""

import json
import re
import uuid
from datetime import timedelta

import httpx
from playwright.async_api import Browser, Page, expect

from shared.contract.references import short_reference
from shared.vocabulary import StaffRole
from tests.integration.browser import too_wide, violations, visit
from tests.integration.console_fixture import WITHIN, Console, declared, staff_browser
from tests.integration.pipeline import comes_true, command, now
from tests.staff import PASSWORD

OFFICER = StaffRole.INCIDENT_OFFICER


async def entered(console: Console, page: Page, account: str, form: str) -> None:
    """Send the *form* of a page with a fresh code of *account*."""
    await page.fill(f"#code-{form}", await console.code(account))
    async with page.expect_navigation():
        await page.click(f"form[action$='/decisions/{form}'] button")


async def refused_words(
    console: Console, client: httpx.AsyncClient, account: str, path: str, **entered: str
) -> tuple[int, str]:
    """Send a form with a fresh code of *account*; return the status and the page."""
    form = re.search(r'name="form" value="([0-9a-f]{64})"', (await client.get("/breaches")).text)
    assert form is not None
    code = await console.code(account)
    answer = await client.post(path, data={"form": form[1], "code": code, **entered})
    return answer.status_code, answer.text


async def reads_a_letter(console: Console, page: Page, room: str) -> None:
    """Open the incident as omar.officer, and read a sample of its letters."""
    sample = f"{room}/content/sample_1_0"
    assert (await page.request.get(sample)).status == 403
    await entered(console, page, "omar.officer", "open")
    letter = await page.request.get(sample)
    assert "A copy of the customer table was taken." in await letter.text()
    assert letter.headers["content-security-policy"].startswith("sandbox")
    link = page.locator("a[download^='gdpr.authority']").first

    async def offered() -> bool:
        await visit(page, room)
        return await link.count() == 1

    await comes_true(offered, WITHIN)
    document = await page.request.get(f"{console.url}{await link.get_attribute('href')}")
    assert "Notification of a breach" in await document.text()
    declaration = await page.request.get(f"{room}/content/declaration_1")
    assert "A copy of the customer table was taken." in await declaration.text()


async def lists_people_not_reached(console: Console, page: Page, room: str, addresses: list[str]) -> None:
    """List the people not reached as omar.officer, download the list, and ask for the proof of a letter."""
    await visit(page, room)
    await entered(console, page, "omar.officer", "open")
    link = page.locator("a[href*='/content/unreached_']")

    async def listed() -> bool:
        await visit(page, room)
        return await link.count() == 1

    await comes_true(listed, WITHIN)
    people = await page.request.get(f"{console.url}{await link.get_attribute('href')}")
    assert re.search("no_address,.*Amelia Beispiel", await people.text())
    file = console.pipeline.folder / "unreached.csv"
    code, _, wrong = await command(
        console.pipeline, "breach", "unreached", room[-32:], "--out", str(file), "--as", "pia.officer"
    )
    assert code == 0, wrong
    assert file.read_bytes() == await people.body()
    await looks_up_a_letter(console, page, room, addresses[1])
    code, said, wrong = await command(
        *(console.pipeline, "breach", "proof", room[-32:], "--email", addresses[0].upper()),
        *("--as", "paul.officer", "--json"),
    )
    assert code == 0, wrong
    [record] = json.loads(said)
    assert (record["phase"], record["doubtful"], record["accepted_at"] is None) == (1, False, False)


async def looks_up_a_letter(console: Console, page: Page, room: str, address: str) -> None:
    """Look up the letter to an address as omar.officer."""
    await visit(page, room)
    await page.click("text=Look up the letters to an address")
    await page.fill("#email", address)
    await entered(console, page, "omar.officer", "proof")
    link = page.locator("a[href*='/content/notice_proof_']")

    async def found() -> bool:
        await visit(page, room)
        return await link.count() == 1

    await comes_true(found, WITHIN)
    assert address not in await page.content()
    records = await page.request.get(f"{console.url}{await link.get_attribute('href')}")
    assert [one["phase"] for one in await records.json()] == [1]


async def test_two_officers_release_a_breach_and_record_a_report(console: Console, browser: Browser) -> None:
    addresses = [f"{uuid.uuid4().hex}@example.org" for _ in range(3)]
    incident = await declared(console, *addresses)
    room = f"{console.url}/breaches/{incident}"
    async with (
        staff_browser(console, browser, "ines.officer", OFFICER) as first,
        staff_browser(console, browser, "omar.officer", OFFICER) as second,
    ):
        await approves_first(console, first.page, incident)
        await second.visit(f"/breaches/{incident}")
        await reads_a_letter(console, second.page, room)
        assert (await first.page.request.get(f"{room}/content/sample_1_0")).status == 403
        await second.page.check("#read")
        await entered(console, second.page, "omar.officer", "approve")
        await notices_arrive(console, second.page, room, addresses)
        await first.page.locator("text=All sent").wait_for()  # the page of a phase that waited
        await reports(console, second.page, room)
        await lists_people_not_reached(console, second.page, room, addresses)
        register = await (await second.page.request.get(f"{console.url}/breaches.csv")).text()
        assert (await first.page.request.get(f"{console.url}/requests/{incident}/content")).status == 403
    assert re.search(r"gdpr\.authority\.DE,.*omar\.officer,LDA-2026/0815,done", register)
    assert not any(address in register for address in addresses)


async def approves_first(console: Console, page: Page, incident: str) -> None:
    """Find the breach in the inbox as ines.officer, read clocks and lacks, and approve it first."""
    await page.click(f"tbody >> text={short_reference(incident)}")
    await page.wait_for_url(f"**/breaches/{incident}")
    countdown = page.locator("tr[data-clock='gdpr.authority.DE']").locator("time[data-countdown]")
    assert re.fullmatch(r"(69|70):\d\d", await countdown.inner_text())
    assert await page.locator("text=not declared in German").count() == 1
    await page.check("#read")
    await entered(console, page, "ines.officer", "approve")
    assert "Your approval is recorded" in await page.content()
    assert await page.locator("text=Approved by ines.officer. A second account").count() == 1
    assert await page.locator("#read").count() == 0
    assert await page.locator("text=You have approved these notices").count() == 1


async def notices_arrive(console: Console, page: Page, room: str, addresses: list[str]) -> None:
    """Wait for the letter of each person, and for the progress that the page shows."""

    async def arrived() -> bool:
        mails = [path.read_bytes() for path in console.pipeline.mail.folder.glob("*.eml")]
        return all(any(address.encode() in mail for mail in mails) for address in addresses)

    await comes_true(arrived, WITHIN)
    assert page.url.partition("?")[0] == room, "the page shows each state by itself"
    await page.locator("progress[value='100']").wait_for()
    await page.locator("text=All sent").wait_for()
    await expect(page.locator("[data-count=sent]")).to_have_text("3")


async def reports(console: Console, page: Page, room: str) -> None:
    """Record the report to the authority as omar.officer, with its receipt."""
    await page.select_option("#clock", "gdpr.authority.DE")
    await page.fill("#receipt", "LDA-2026/0815")
    await entered(console, page, "omar.officer", "report")
    assert "The report is recorded" in await page.content()

    async def receipt() -> bool:
        await visit(page, room)
        return await page.locator("li", has_text="receipt LDA-2026/0815").count() == 1

    await comes_true(receipt, WITHIN)


async def _opened_and_approved_over_the_api(console: Console, incident: str, declaration: str) -> None:
    """Read a sample of the letters, and approve the notices, as a program of an officer."""
    async with console.program("olaf.officer", OFFICER) as api:

        async def decided(name: str, **fields: str) -> httpx.Response:
            given = {"code": await console.code("olaf.officer"), "fields": fields}
            return await api.post(f"/incidents/{incident}/decisions/{name}", json=given)

        sample = f"/incidents/{incident}/content/sample_1_0"
        assert (await api.get(sample)).status_code == 403
        opened = await decided("open")
        assert (opened.status_code, opened.json()["pending"]) == (200, False), opened.text
        assert "A copy of the customer table was taken." in (await api.get(sample)).text
        assert (await decided("hold", agency="Not an agency!")).status_code == 422
        assert (await decided("nothing")).status_code == 404
        approved = await decided("approve", phase="1", declaration=declaration, read="yes")
        assert approved.json()["message"] == "Your approval is recorded."
        [phase] = (await api.get(f"/incidents/{incident}")).json()["incident"]["phases"]
        assert phase["stated"]["approved_by"] == ["olaf.officer"]


async def test_officer_declares_a_breach_and_reads_a_letter_in_another_language(
    console: Console, browser: Browser
) -> None:
    async with staff_browser(console, browser, "dora.officer", OFFICER) as officer:
        await declares(console, officer.page)
        await reads_in_another_language(console, officer.page)


async def declares(console: Console, page: Page) -> None:
    """Declare a breach as dora.officer, after a mistake in a category."""
    await page.click("text=Breaches")
    sessions = console.pipeline.client[f"{console.pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": "dora.officer"}, {"$set": {"sealed": None}})
    await page.click("text=Declare a breach")
    await page.fill("#declare-password", PASSWORD)
    await page.fill("#declare-code", await console.code("dora.officer"))
    await page.click("text=Unlock the session >> nth=-1")
    await page.locator("#declare-reference").wait_for()
    assert not [*await violations(page), *await too_wide(page)]
    began = (now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    known = dict.fromkeys(("occurred_from", "detected_at", "aware_at"), began)
    known |= dict.fromkeys(("nature", "consequences", "measures", "advice"), "A copy of a table was taken.")
    known |= {"reference": f"INC-{uuid.uuid4().hex}", "contact": "Privacy team, privacy@example.com"}
    known |= {"other_categories": "user.nam"}
    for name, value in known.items():
        await page.fill(f"#declare-{name}", value)
    for name, value in {"role": "controller", "risk": "high", "encrypted": "no"}.items():
        await page.select_option(f"#declare-{name}", value)
    contacts = console.pipeline.business("portal", "contacts").full_name
    await page.check(f"input[name=collections][value='{contacts}']")
    await page.fill("#declare-code", await console.code("dora.officer"))
    await page.click("main form button")
    assert "user.name" in await page.inner_text("#declare-categories-error")
    await page.set_viewport_size({"width": 360, "height": 800})
    assert not [*await violations(page), *await too_wide(page)]
    assert await page.is_checked(f"input[name=collections][value='{contacts}']")
    await page.fill("#declare-other_categories", "")
    await page.click("text=Add texts in another language")
    for name in ("nature", "consequences", "measures", "advice"):
        await page.fill(f"#declare-{name}_1", "Uma cópia de uma tabela foi feita.")
    await page.fill("#declare-language_1", "pt-BR")
    assert await page.input_value("#declare-nature") == "A copy of a table was taken."
    assert not [*await violations(page), *await too_wide(page)]
    await page.check("input[name=categories][value='user.name']")
    await page.fill("#declare-code", await console.code("dora.officer"))
    await page.click("main form button")
    await page.locator("text=The breach is declared.").wait_for()
    assert "dora.officer" in await page.inner_text("main")


async def reads_in_another_language(console: Console, page: Page) -> None:
    """Open the declared incident, and read its letter in a language that no person has."""
    room = page.url.partition("?")[0]

    async def scoped() -> bool:
        await visit(page, room)
        return await page.locator("text=You declared this breach").count() == 1

    await comes_true(scoped, WITHIN)
    assert await page.locator("#read").count() == 0
    await page.fill("#language", "pt-BR")
    await entered(console, page, "dora.officer", "open")
    link = page.locator("a[href$='_pt_br']").first

    async def written() -> bool:
        await visit(page, room)
        return await link.count() == 1

    await comes_true(written, WITHIN)
    assert "Portuguese" in await link.inner_text()
    letter = await page.request.get(f"{console.url}{await link.get_attribute('href')}")
    assert 'lang="pt' in await letter.text()
    assert "Uma cópia de uma tabela foi feita." in await letter.text()


async def test_agent_and_declarer_approve_no_notices(console: Console) -> None:
    incident = await declared(console, "amelia@example.org")
    path = f"/breaches/{incident}/decisions/approve"
    given = {"phase": "1", "declaration": "written_0", "read": "yes"}
    agent = await console.signed_in("kim.agent", StaffRole.AGENT)
    assert f'action="{path}"' not in (await agent.get(f"/breaches/{incident}")).text
    assert (await agent.get(f"/requests/{incident}")).url.path == f"/breaches/{incident}"
    assert (await agent.get("/breaches/new")).status_code == 403
    status, page = await refused_words(console, agent, "kim.agent", path, **given)
    assert (status, "not allowed" in page) == (403, True)
    officer = await console.signed_in("ada.officer", OFFICER)
    status, page = await refused_words(console, officer, "ada.officer", path, **given)
    assert (status, "has changed since this page was drawn" in page) == (409, True)
    form = re.search(r'name="declaration" value="([^"]+)"', (await officer.get(f"/breaches/{incident}")).text)
    assert form is not None
    given |= {"declaration": form[1], "read": ""}
    status, page = await refused_words(console, officer, "ada.officer", path, **given)
    assert (status, "you have read what the letters lack" in page) == (409, True)
    await _opened_and_approved_over_the_api(console, incident, form[1])
    parked = await console.pipeline.parked()
    assert not parked.get("incidents")
    for client in (agent, officer):
        await client.aclose()
