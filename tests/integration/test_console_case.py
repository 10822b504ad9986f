"""The page of a case on real parts: decisions of two accounts, refusals with their letter, appeals."""

import base64
import io
import re
import zipfile
from datetime import date, timedelta

import httpx
import pytest_asyncio
from playwright.async_api import Browser

from bench.document_images import passport
from shared.contract.references import short_reference
from shared.vocabulary import StaffRole
from tests.integration.browser import picture_shown, too_wide, violations
from tests.integration.console_fixture import Console, made
from tests.integration.pipeline import comes_true, now
from tests.staff import PASSWORD
from tests.waiting import eventually

AGENT, APPROVER = "dana.muster", "omar.sample"
BOTH = (StaffRole.AGENT, StaffRole.APPROVER)
WANTED = "The date of birth in your paper file is wrong."
QUESTION = "Which of your two accounts do you mean?"
SECRET = "Keeper of the cellar keys"
WHY = "We looked at the paper file: the date is right."


@pytest_asyncio.fixture(scope="module", autouse=True)
async def documented(console: Console) -> str:
    """Ask for access without a mailbox, with a passport: it is examined while the other tests run."""
    _, unbound = await console.pipeline.people_by_contract()
    person = unbound[3]
    contact = await console.pipeline.business("portal", "contacts").find_one({"email": person.email})
    subject = {"name": "Ottilie Muster", "identifiers": {"customer_id": str(contact["customer_id"])}}
    case = await console.pipeline.lodge(person.asks("access", subject=subject))
    born, expires = date(1988, 3, 4), now().date() + timedelta(days=900)
    picture = passport("Muster", "Ottilie", number="C01X00T47", born=born, expires=expires)
    proof = {"kind": "document", "slot": "identity", "media_type": "image/jpeg"}
    proof["content"] = base64.b64encode(picture).decode()
    answer = await console.pipeline.http.post(f"/v1/requests/{case}/proofs", json={"proofs": [proof]})
    answer.raise_for_status()
    return case


def offered(page: httpx.Response) -> set[str]:
    """Return the decisions that a page of a case offers."""
    return set(re.findall(r"/decisions/([a-z-]+)\"", page.text))


async def test_referred_request_is_refused_on_a_ground_of_its_law(console: Console, browser: Browser) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[11]
    case = await pipeline.verified("rectification", person, details={"statement": WANTED})
    await console.listed(case, "referred", "referred")
    approver = await console.signed_in(APPROVER, *BOTH)
    page = await console.page_of(browser, approver)
    await page.goto(f"{console.url}/requests/{case}")
    await page.click("text=Refuse the request")
    assert await page.locator("text=GDPR Art. 12(5)").count() >= 1
    assert not [*await violations(page), *await too_wide(page)]
    await page.fill("textarea", WHY)
    await page.fill("[name=code]", await console.code(APPROVER))
    await page.click("main form button")
    assert not [*await violations(page)]
    assert await page.input_value("textarea") == WHY
    assert await page.locator(".error").count() == 1
    await page.check("text=The data is accurate")
    await page.fill("[name=code]", await console.code(APPROVER))
    await page.click("main form button")
    assert await page.inner_text("[role=status]") == "The refusal is recorded."
    await page.close()
    assert (await pipeline.closed(case))["outcome"] == "refused"
    letter = await eventually(lambda: pipeline.letter(person, case, WHY))
    assert "Art. 18(1)(a)" in letter
    await approver.aclose()


async def test_session_without_a_key_decides_with_password_and_one_code(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[12]
    case = await pipeline.verified("rectification", person, details={"statement": WANTED})
    await console.listed(case, "referred", "referred")
    approver = await console.signed_in("vera.provider", *BOTH)
    sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": "vera.provider"}, {"$set": {"sealed": None}})
    form = await approver.get(f"/requests/{case}/decisions/nothing-held")
    assert 'name="password"' in form.text
    wrong = await made(console, approver, "vera.provider", case, "nothing-held", password="wrong " * 3)
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (409, True)
    done = await made(console, approver, "vera.provider", case, "nothing-held", password=PASSWORD)
    assert "The answer is recorded." in done.text
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"
    assert [one["sealed"] is None async for one in sessions.find({"account": "vera.provider"})] == [False]
    await approver.aclose()


async def test_opened_case_shows_its_content_and_takes_notes(console: Console, browser: Browser) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[13]
    case = await pipeline.verified("rectification", person, details={"statement": f"<b>{WANTED}</b>"})
    await console.listed(case, "referred", "referred")
    agent = await console.signed_in("nina.agent", *BOTH)
    sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": "nina.agent"}, {"$set": {"sealed": None}})
    page = await console.page_of(browser, agent)
    await page.goto(f"{console.url}/requests/{case}")
    assert person.email not in await page.content()
    await page.click("text=Open the content")
    assert not [*await violations(page), *await too_wide(page)]
    await page.fill("[name=password]", PASSWORD)
    await page.fill("[name=code]", await console.code("nina.agent"))
    await page.click("main form button")
    await page.wait_for_selector("text=Opened on record")
    assert person.email in await page.inner_text("main")
    assert f"<b>{WANTED}</b>" in await page.inner_text("main")
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        assert not [*await violations(page), *await too_wide(page)]

    await page.goto(f"{console.url}/requests/{case}")
    await page.select_option("[name=owner]", "nina.agent")
    await page.click("text=Change the owner")
    await page.locator("dl.summary dd:text-is('nina.agent')").wait_for()
    await page.fill("[name=text]", "The paper file lies in the cellar.")
    await page.click("text=Add the note")
    assert await page.locator("text=Note written").count() == 1
    assert not [*await violations(page), *await too_wide(page)]
    await page.goto(f"{console.url}/requests/{case}/content")
    assert "The paper file lies in the cellar." in await page.inner_text("main")

    await page.goto(f"{console.url}/requests/{case}/decisions/message")
    await page.fill("textarea", QUESTION)
    await page.click("[name=preview]")
    assert QUESTION in " ".join((await page.inner_text("#preview pre")).split())
    assert not pipeline.letter(person, case, QUESTION)
    await page.fill("[name=code]", await console.code("nina.agent"))
    await page.click("main form button:not([name])")
    assert await page.inner_text("[role=status]") == "The message is sent."
    assert "Letter sent: Message of the staff" in await page.inner_text("main")
    assert await eventually(lambda: pipeline.letter(person, case, QUESTION))
    await page.close()
    await agent.aclose()


async def test_appeal_is_opened_read_and_granted_by_another_account(
    console: Console, browser: Browser
) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[14]
    case = await pipeline.verified("rectification", person, details={"statement": WANTED})
    await console.listed(case, "referred", "referred")
    first = await console.signed_in("olga.first", *BOTH)
    await made(console, first, "olga.first", case, "refuse", grounds="accuracy_verified")
    await pipeline.closed(case)
    statement = {"statement": "The certificate of birth shows another date."}
    (await pipeline.http.post(f"/v1/requests/{case}/appeals", json=statement)).raise_for_status()
    await console.listed(case, "closed", "appeal")
    second = await console.signed_in("pia.second", *BOTH)
    sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": "pia.second"}, {"$set": {"sealed": None}})
    page = await console.page_of(browser, second)
    await page.goto(f"{console.url}/requests/{case}/content")
    await page.fill("[name=password]", PASSWORD)
    await page.fill("[name=code]", await console.code("pia.second"))
    await page.click("main form button")
    await page.wait_for_selector("text=another date")
    letter = await page.request.get(f"{console.url}{await page.get_attribute('iframe.letter', 'src')}")
    assert "sandbox" in letter.headers["content-security-policy"]
    assert "Art. 18(1)(a)" in await letter.text()
    await page.click("summary:has-text('Grant the appeal')")
    form = page.locator("form[action$='grant-appeal']")
    await form.locator("textarea").fill("You are right, and we are sorry.")
    await form.locator("[name=code]").fill(await console.code("pia.second"))
    assert not [*await violations(page), *await too_wide(page)]
    await form.locator("button").first.click()
    assert await page.inner_text("[role=status]") == "The appeal is granted."
    assert await eventually(lambda: pipeline.letter(person, case, "You are right, and we are sorry."))
    await page.close()
    await first.aclose()
    await second.aclose()


async def test_package_is_reviewed_and_sent_without_a_withheld_value(
    console: Console, browser: Browser
) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[15]
    contacts = pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"job_title": SECRET}})
    case = await pipeline.verified("portability", person)
    await console.listed(case, "verified", "package")
    agent = await console.signed_in("ruth.agent", StaffRole.AGENT)
    page = await console.page_of(browser, agent)
    await page.goto(console.url)
    await page.click(f"tr:has-text('{short_reference(case)}') >> text=Package to review")
    await page.fill("[name=code]", await console.code("ruth.agent"))
    await page.click("main form button")
    await page.check(f"label:has-text('{SECRET}')")
    await page.fill("[name=code]", await console.code("ruth.agent"))
    await page.click("text=Send the package")
    assert "Choose the ground" in await page.inner_text("#ground-error")
    await page.select_option("#ground", "third_party_rights")
    await page.click("button:has-text('Withhold the ticked values')")
    assert await page.locator("fieldset >> text=job_title").count() == 2
    for width in (360, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        assert not [*await violations(page), *await too_wide(page)]
    await page.fill("[name=code]", await console.code("ruth.agent"))
    await page.click("text=Send the package")
    assert await page.inner_text("[role=status]") == "The review is recorded."
    await page.close()
    await agent.aclose()
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as package:
        files = {name: package.read(name) for name in package.namelist()}
    assert any(person.email.casefold().encode() in content.lower() for content in files.values())
    assert [name for name, content in files.items() if SECRET.encode() in content] == []
    assert pipeline.letter(person, case, "Art. 15(4)")


async def test_package_is_reviewed_over_the_api(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[16]
    await pipeline.business("portal", "contacts").update_one(
        {"email": person.email}, {"$set": {"job_title": SECRET}}
    )
    case = await pipeline.verified("portability", person)
    await console.listed(case, "verified", "package")
    async with console.program("rita.agent", StaffRole.AGENT) as api:
        path = f"/cases/{case}/package"
        assert (await api.get(path)).status_code == 403
        proof = {"reason": "review", "code": await console.code("rita.agent")}
        assert (await api.post(f"/cases/{case}/content", json=proof)).status_code == 200
        shown = (await api.get(path)).json()
        ground = shown["grounds"][0]["value"]
        withheld = [
            {
                "collection": one["collection"],
                "record": one["record"],
                "field": value["path"],
                "reason": ground,
            }
            for one in shown["records"]
            for value in one["values"]
            if SECRET in value["texts"]
        ]
        assert len(withheld) == 1
        review = {"listing": shown["listing"], "code": await console.code("rita.agent")}
        wrong = await api.post(
            path, json={**review, "redactions": [{**withheld[0], "reason": "legal_claims"}]}
        )
        assert wrong.status_code == 422, wrong.text
        made = await api.post(path, json={**review, "redactions": withheld})
        assert (made.status_code, made.json()["pending"]) == (200, False), made.text
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as package:
        assert not [name for name in package.namelist() if SECRET.encode() in package.read(name)]


async def test_document_is_reviewed_beside_its_findings_and_accepted(
    console: Console, browser: Browser, documented: str
) -> None:
    case = documented
    await console.listed(case, "challenged", "document")
    agent = await console.signed_in("kai.agent", *BOTH)
    page = await console.page_of(browser, agent)
    await page.goto(f"{console.url}/?work=document")
    await page.click(f"text={short_reference(case)}")
    await page.click("text=Open the content")
    await page.fill("[name=code]", await console.code("kai.agent"))
    await page.click("main form button")
    await page.wait_for_selector("text=Opened on record")

    async def drawn() -> bool:
        await page.reload()
        return await page.locator("img.page").count() == 1

    await comes_true(drawn)
    await page.locator("img.page").scroll_into_view_if_needed()
    await picture_shown(page, "img.page", 300)
    assert await page.locator("section:has(img.page) >> text=Findings of the machine").count() == 1
    await page.click("summary:has-text('Accept the proof')")
    form = page.locator("form[action$='accept-proof']")
    await form.locator("[name=reason]").select_option("looked_at")
    await form.locator("[name=identities]").fill("customer_id")
    await form.locator("[name=code]").fill(await console.code("kai.agent"))
    assert not [*await violations(page), *await too_wide(page)]
    await form.locator("button").first.click()
    assert await page.inner_text("[role=status]") == "The proof is accepted."
    await page.close()
    await agent.aclose()

    async def goes_on() -> bool:
        return bool((await console.rows())[case]["stage"] != "challenged")

    await comes_true(goes_on)


async def test_two_accounts_approve_one_erasure(console: Console, browser: Browser) -> None:
    person = (await console.pipeline.people())[10]
    case = await console.pipeline.verified("erasure", person)
    await console.listed(case, "verified", "approval")
    agent = await console.signed_in("kai.agent", StaffRole.AGENT)
    assert "approve-erasure" not in offered(await agent.get(f"/requests/{case}"))
    assert (await made(console, agent, "kai.agent", case, "approve-erasure")).status_code == 409
    await agent.aclose()
    first = await console.signed_in(APPROVER, *BOTH)
    page = await console.page_of(browser, first, width=360)
    await page.goto(f"{console.url}/requests/{case}/content")
    await page.fill("[name=code]", await console.code(APPROVER))
    await page.click("main form button")
    assert "To erase" in await page.inner_text("section:has(h2:text-is('Erasure plan'))")
    await page.goto(f"{console.url}/requests/{case}")
    await page.click("text=Approve the erasure")
    assert not [*await violations(page), *await too_wide(page)]
    await page.fill("[name=code]", "000000")
    await page.click("main form button")
    assert "Nothing was changed" in await page.inner_text("[role=alert]")
    await page.fill("[name=code]", await console.code(APPROVER))
    await page.click("main form button")
    assert "A second account has to decide the same" in await page.inner_text("[role=status]")
    assert not [*await violations(page), *await too_wide(page)]
    await page.close()
    assert (await console.pipeline.page(case))["status"] == "verified"
    assert "approve-erasure" not in offered(await first.get(f"/requests/{case}"))
    assert (await made(console, first, APPROVER, case, "approve-erasure")).status_code == 409
    await first.aclose()
    second = await console.signed_in("rosa.approver", StaffRole.APPROVER)
    done = await made(console, second, "rosa.approver", case, "approve-erasure")
    assert "The erasure is approved." in done.text
    await second.aclose()
    assert (await console.pipeline.closed(case))["outcome"] in {"granted", "partly_granted"}
