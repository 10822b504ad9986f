"""
A working day of each role, in a browser on real parts.

Agent and approvers work without JavaScript; incident officers have a module of their own.
"""

import asyncio
import base64
import csv
import io
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bench.document_images import passport
from habeas.client import requests
from services.console.system.parked_messages import content_of
from services.fulfillment.datamap.reader import load
from services.fulfillment.map_check.report import MapReporter
from services.fulfillment.stores.mongodb import Stores
from services.intake.trail.archive import verify_trail
from shared.contract import topology
from shared.contract.events import RequestSubmitted
from shared.contract.references import short_reference
from shared.runtime import retry_policy
from shared.runtime.broker import Message, user_of
from shared.runtime.message_origin import Origin, OriginSeals
from shared.runtime.seal_store import seal_keys
from shared.runtime.settings import root_key
from shared.vocabulary import StaffRole
from tests.integration.browser import ANSWERED_WITHIN_MS, picture_shown
from tests.integration.console_fixture import WITHIN, Console, StaffBrowser, made, staff_browser
from tests.integration.pipeline import PORTAL, Pipeline, Somebody, comes_true, command, now
from tests.integration.traces import traces
from tests.staff import PASSWORD
from tests.waiting import eventually

WANTED = "The date of birth in your paper file is wrong."
QUESTION = "Which of your two accounts do you mean?"
SECRET = "Keeper of the cellar keys"
NOTE = "The paper file lies in the cellar."
WHY = "We looked at the paper file: the date is right."
SORRY = "You are right, and we are sorry."


@pytest_asyncio.fixture(scope="module", autouse=True)
async def documented(console: Console) -> str:
    """Ask for an erasure without a mailbox, with a passport: it is examined while other days pass."""
    _, unbound = await console.pipeline.people_by_contract()
    known = {"email": {"$in": [person.email for person in unbound[6:]]}, "phones.0": {"$exists": True}}
    contact = await console.pipeline.business("portal", "contacts").find_one(known)
    subject = {"name": "Ottilie Muster", "phone": contact["phones"][0]}
    case = await console.pipeline.lodge(unbound[0].asks("erasure", subject=subject))
    born, expires = date(1988, 3, 4), now().date() + timedelta(days=900)
    picture = passport("Muster", "Ottilie", number="C01X00T47", born=born, expires=expires)
    proof = {"kind": "document", "slot": "identity", "media_type": "image/jpeg"}
    proof["content"] = base64.b64encode(picture).decode()
    await prove(console, case, proof)
    return case


async def prove(console: Console, case: str, proof: dict[str, Any]) -> None:
    """Send a proof of the person."""
    answer = await console.pipeline.http.post(f"/v1/requests/{case}/proofs", json={"proofs": [proof]})
    answer.raise_for_status()


async def referred(console: Console, person: Somebody) -> str:
    """Ask for a correction that no service can make; return the request that waits for the staff."""
    case = await console.pipeline.verified("rectification", person, details={"statement": WANTED})
    await console.listed(case, "referred", "referred")
    return case


# --- viewer ---------------------------------------------------------------------------------------------


async def test_viewer_finds_a_request_follows_counts_and_reads_figures(
    console: Console, browser: Browser
) -> None:
    person = (await console.pipeline.people())[2]
    case = await console.pipeline.verified("erasure", person)
    await console.listed(case, "verified", "approval")
    page = await browser.new_page()
    page.set_default_timeout(ANSWERED_WITHIN_MS)
    await page.goto(f"{console.url}/requests")
    assert page.url.endswith("/sign-in?next=%2Frequests")
    await page.close()
    async with staff_browser(console, browser, "dana.viewer", StaffRole.VIEWER) as viewer:
        await finds_by_reference(viewer, case, person)
        await follows_a_count(viewer)
        await reads_figures(viewer)
        for path in ("/system", "/audit", f"/requests/{case}/content"):
            assert (await viewer.page.request.get(console.url + path)).status == 403
        await viewer.page.click("text=Sign out")
        await viewer.visit("/")
        assert "/sign-in" in viewer.page.url


async def finds_by_reference(viewer: StaffBrowser, case: str, person: Somebody) -> None:
    """Search a request by its reference, and read its page: it names and offers nothing."""
    page = viewer.page
    await viewer.visit("/requests")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement === document.body")
    await page.keyboard.press("Control+/")
    await page.keyboard.type(short_reference(case))
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{viewer.console.url}/requests?*")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.click(f"text={short_reference(case)}")
    await expect(page.locator("text=Erasure to approve")).to_have_count(1)
    assert await page.locator("main form, main a[href*='/decisions/']").count() == 0
    assert person.email not in await page.content()
    assert person.name not in await page.content()


async def follows_a_count(viewer: StaffBrowser) -> None:
    """Leave the inbox open while another erasure comes to wait."""
    await viewer.visit("/?view=all")
    count = viewer.page.locator('[data-count="approval"]')
    person = (await viewer.console.pipeline.people())[10]
    case = await viewer.console.pipeline.verified("erasure", person)
    await viewer.console.listed(case, "verified", "approval")

    async def all_are_counted() -> bool:
        rows = (await viewer.console.rows()).values()
        waiting = [row for row in rows if "approval" in (row.get("waiting") or ())]
        return int(await count.inner_text()) == len(waiting)

    await comes_true(all_are_counted, WITHIN)


async def reads_figures(viewer: StaffBrowser) -> None:
    """Compare the figures with the list of requests."""
    await viewer.visit("/figures?period=year&by=right")
    assert await viewer.page.locator("text=8\N{EN DASH}14 days").count() == 1

    async def alike() -> bool:
        async with viewer.page.expect_download() as download:
            await viewer.page.click("main a[href*='figures.csv']")
        text = await asyncio.to_thread(Path(await (await download.value).path()).read_text)
        table = list(csv.DictReader(text.splitlines()))
        rows = [row for row in (await viewer.console.rows()).values() if row.get("kind") == "request"]
        return sum(int(line["received"]) for line in table) == len(rows)

    await comes_true(alike)


# --- auditor --------------------------------------------------------------------------------------------


async def test_auditor_checks_the_installation_and_exports_a_trail_that_verifies(
    console: Console, browser: Browser, tmp_path: Path
) -> None:
    person = (await console.pipeline.people())[3]
    case = await console.pipeline.answered("access", person)
    await console.listed(case, "closed")
    await map_checked(console.pipeline)
    async with staff_browser(console, browser, "alex.muster", StaffRole.AUDITOR) as auditor:
        await looks_at_the_installation(auditor)
        archive = await exports_the_trail(auditor, case, tmp_path)
        await compare_trail(console.pipeline, case, archive, person)
        await verified_by_command(console.pipeline, archive, case, tmp_path)
        await sees_the_export(auditor, case)


async def map_checked(pipeline: Pipeline) -> None:
    """Check the data map, as the service does every hour."""
    data_map = load(Path(pipeline.environment["HABEAS_DATAMAP"]))
    database, stores = pipeline.client[f"{pipeline.prefix}_fulfillment"], {"default": pipeline.client}
    await MapReporter(database, data_map, Stores(stores), timedelta(hours=1)).check()


async def looks_at_the_installation(auditor: StaffBrowser) -> None:
    """Read the page of services, stores, mail and data map."""
    page, data_map = auditor.page, load(Path(auditor.console.pipeline.environment["HABEAS_DATAMAP"]))

    async def all_have_reported() -> bool:
        await auditor.visit("/system")
        shown = await page.inner_text("#services")
        assert [name for name in (*topology.inboxes(), "console") if name not in shown] == []
        return "answers" in await page.inner_text("#mail")

    await comes_true(all_have_reported)
    assert "answers" in await page.inner_text("dt:text-is('store default') + dd")
    checked = await page.inner_text("#map")
    assert data_map.version[:12] in checked
    assert "Open points of the review" in checked
    await page.click("text=Collections")
    assert await page.locator("#map tbody tr").count() == len(data_map.collections)
    await page.locator("#map img").scroll_into_view_if_needed()
    await picture_shown(page, "#map img", 300)
    graph = await page.request.get(f"{auditor.console.url}/system/map.svg")
    assert graph.headers["content-type"] == "image/svg+xml"
    assert "sandbox" in graph.headers["content-security-policy"]
    assert await page.locator("form[action*='/system/parked/']").count() == 0


async def exports_the_trail(auditor: StaffBrowser, case: str, folder: Path) -> bytes:
    """Download the trail of *case* from its page."""
    await auditor.visit(f"/requests/{case}")
    await auditor.page.click("main >> text=Audit")
    assert "This case was not opened" in await auditor.page.inner_text("main")
    async with auditor.page.expect_download() as download:
        await auditor.page.click("text=Export the trail")
    await (await download.value).save_as(folder / "trail.zip")
    return await asyncio.to_thread((folder / "trail.zip").read_bytes)


async def compare_trail(pipeline: Pipeline, case: str, archive: bytes, person: Somebody) -> None:
    """Compare the exported trail with the journal."""
    exported = verify_trail(archive).content
    assert exported["chain"]["unchanged"]
    assert {entry["type"] for entry in exported["entries"]} >= {
        "habeas.request.received.v1",
        "habeas.request.fulfilled.v1",
        "habeas.trail.exported.v1",
    }
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]
    macs = {one["n"]: bytes(one["mac"]).hex() async for one in journal.find({"case": case})}
    assert {one["row"]["n"]: one["row"]["mac"] for one in exported["entries"] if one["row"]} == macs
    for value in (person.email, person.name):
        assert value not in str(exported)


async def verified_by_command(pipeline: Pipeline, archive: bytes, case: str, folder: Path) -> None:
    """Verify the archive, find a changed one, export another, and record a verification of all journals."""
    code, printed, complaint = await command(pipeline, "audit", "key", "--json")
    assert (code, complaint) == (0, "")
    issuer = orjson.loads(printed)["fingerprint"]
    verified = ("audit", "verify-trail", str(folder / "trail.zip"), "--issuer", issuer)
    assert (await command(pipeline, *verified))[0] == 0
    changed = folder / "changed.zip"
    await asyncio.to_thread(changed.write_bytes, archive.replace(b"SHA256SUMS", b"SHA256SUMZ"))
    assert (await command(pipeline, "audit", "verify-trail", str(changed)))[0] == 1
    words = ("audit", "trail", case, "--out", str(folder), "--as", "paula.sample", "--json")
    code, printed, complaint = await command(pipeline, *words)
    assert (code, complaint) == (0, "")
    other = await asyncio.to_thread(Path(orjson.loads(printed)["file"]).read_bytes)
    assert verify_trail(other).content["exported_by"] == "paula.sample"
    code, printed, _ = await command(pipeline, "audit", "verify", "--record")
    assert (code, "unchanged" in printed) == (0, True)


async def sees_the_export(auditor: StaffBrowser, case: str) -> None:
    """Find the export in the list of openings, and the recorded verification."""
    client, url = auditor.page.request, auditor.console.url

    async def listed() -> bool:
        answer = await client.get(f"{url}/audit?case={short_reference(case)}")
        return "Trail exported" in await answer.text()

    await comes_true(listed)
    await auditor.visit(f"/audit?account=alex.muster&case={short_reference(case)}")
    shown = await auditor.page.inner_text("main")
    assert shown.count("Trail exported") == 1
    assert "fulfillment" in shown
    assert case in await (await client.get(f"{url}/audit.csv?account=alex.muster")).text()
    async with auditor.console.program("alma.muster", StaffRole.AUDITOR) as api:
        found = (await api.get("/openings", params={"account": "alex.muster", "case": case})).json()
        assert [(one["kind"], one["case"]) for one in found["openings"]] == [("trail", case)]
        assert (await api.get("/openings", params={"from": "2026-02-30"})).status_code == 400
        trail = await api.post(f"/cases/{case}/trail", json={})
        assert verify_trail(trail.content).content["exported_by"] == "alma.muster"


# --- administrator --------------------------------------------------------------------------------------


async def test_administrator_replays_and_discards_parked_messages(console: Console, browser: Browser) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[8]
    submission = await parked_submission(pipeline, person)
    case = "0f" * 16
    broken = orjson.dumps({"specversion": "1.0", "correlationid": case, "type": "habeas.request.closed.v1"})
    await pipeline.announce(Message(topology.EVENTS, "habeas.request.closed.v1", broken, "broken-1"))
    async with staff_browser(
        console, browser, "uma.muster", StaffRole.ADMIN, java_script_enabled=False
    ) as admin:
        await finds_parked(admin, short_reference(case))
        await replays(admin, submission)
        await discards(admin, short_reference(case))
        assert (await admin.page.request.get(f"{console.url}/audit")).ok
        assert await admin.page.locator("a[href='/breaches']").count() == 1


async def parked_submission(pipeline: Pipeline, person: Somebody) -> str:
    """Park a submission at intake, as after a store that did not answer; return its reference."""
    asked = person.asks("access")
    body = requests.cloud_event(asked, type_=RequestSubmitted.TYPE, source=PORTAL)
    parked = Message(topology.PARKING, "intake", body, "parked-1")
    origin = Origin(topology.REQUESTS, RequestSubmitted.TYPE, user_of(pipeline.amqp_url))
    keys = seal_keys(root_key(pipeline.settings["HABEAS_MASTER_KEY"]), "intake")
    headers = OriginSeals("intake", keys).sealed(parked, origin)
    headers |= {retry_policy.ATTEMPT: "3", retry_policy.FIRST_FAILURE: now().isoformat()}
    headers |= {retry_policy.REASON: "the store does not answer", retry_policy.ERROR: "StoreUnavailable"}
    await pipeline.bus.publish([replace(parked, headers=headers)])
    return str(asked["reference"])


async def finds_parked(admin: StaffBrowser, reference: str) -> None:
    """Go from the inbox to the parked messages, once both are there."""

    async def listed() -> bool:
        await admin.visit("/")
        return "Parked messages: 2" in await admin.page.inner_text("main")

    await comes_true(listed, WITHIN)
    await admin.page.click("text=Parked messages: 2")
    await expect(admin.page.locator(f"article >> text={reference}")).to_have_count(1)


async def replays(admin: StaffBrowser, reference: str) -> None:
    """Send the parked submission back to intake, and find its request."""
    message = admin.page.locator("article", has_text="habeas.request.submitted.v1")
    assert "the store does not answer" in await message.inner_text()
    await repair(admin, message, "Replay", code="000000")
    assert "Password or code were not accepted" in await admin.said()
    await repair(admin, message, "Replay")
    assert await admin.said() == "The message went back to its service."
    case = await admin.console.pipeline.id_of({"reference": reference})
    assert await message.count() == 0
    await admin.console.pipeline.closed(case)


async def discards(admin: StaffBrowser, reference: str) -> None:
    """Discard the broken message; its repair is a signed decision in intake's journal."""
    pipeline, message = admin.console.pipeline, admin.page.locator("article", has_text=reference)
    await repair(admin, message, "Discard")
    assert await admin.said() == "The message was discarded."
    assert await message.count() == 0
    assert await admin.page.locator("text=checked by hand").count() == 2
    repairs = pipeline.client[f"{pipeline.prefix}_console"]["repairs"]
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]
    own = {"event.type": "habeas.message.repaired.v1", "event.data.by": admin.account}

    async def both_are_signed() -> bool:
        signed = journal.find(own).sort("event.time", 1)
        decisions = [row["event"]["data"] async for row in signed]
        made = await repairs.find({"account": admin.account}).sort("at", 1).to_list(3)
        assert [one["content"] for one in decisions] == [content_of(one) for one in made]
        return [(one["by"], one["replayed"]) for one in decisions] == [
            ("uma.muster", True),
            ("uma.muster", False),
        ]

    await comes_true(both_are_signed)


async def repair(admin: StaffBrowser, message: Any, button: str, code: str = "") -> None:
    """State a reason and a code, and press *button*."""
    await message.locator("[name=reason]").fill("checked by hand")
    await message.locator("[name=code]").fill(code or await admin.console.code(admin.account))
    async with admin.page.expect_navigation():
        await message.locator(f"button:text-is('{button}')").click()


# --- agent ----------------------------------------------------------------------------------------------


async def test_agent_reviews_a_document_and_a_package_and_writes_to_a_person(
    console: Console, browser: Browser, documented: str
) -> None:
    people = await console.pipeline.people()
    question = await referred(console, people[13])
    contacts = console.pipeline.business("portal", "contacts")
    await contacts.update_one({"email": people[15].email}, {"$set": {"job_title": SECRET}})
    package = await console.pipeline.verified("portability", people[15])
    async with staff_browser(
        console, browser, "kai.agent", StaffRole.AGENT, java_script_enabled=False
    ) as agent:
        await writes_to_the_person(agent, question, people[13])
        await console.listed(package, "verified", "package")
        await withholds_a_value(agent, package)
        await console.listed(documented, "challenged", "document")
        await accepts_the_document(agent, documented)
        await prove(console, documented, {"kind": "confirmation", "right": "erasure"})
        await console.listed(documented, "verified", "approval")
        assert "approve-erasure" not in await agent.offered(documented)
        assert (await agent.page.request.get(f"{console.url}/system")).status == 403
    await package_lacks_the_value(console.pipeline, package, people[15])
    words = (people[13].email, people[13].name, WANTED, QUESTION, SECRET, NOTE)
    assert await traces(console.pipeline, words) == []


async def writes_to_the_person(agent: StaffBrowser, case: str, person: Somebody) -> None:
    """Open a request, own it, write a note, and send a message after a look at the letter."""
    page = agent.page
    await agent.visit(f"/requests/{case}")
    assert person.email not in await page.content()
    await forget_key(agent)
    await agent.visit(f"/requests/{case}/content")
    await page.fill("[name=password]", PASSWORD)
    await agent.sign(page.locator("main form"))
    shown = await page.inner_text("main")
    assert person.email in shown
    assert WANTED in shown
    await agent.visit(f"/requests/{case}")
    await page.select_option("[name=owner]", agent.account)
    await page.click("text=Change the owner")
    await page.locator(f"dl.summary dd:text-is('{agent.account}')").wait_for()
    await page.fill("[name=text]", NOTE)
    await page.click("text=Add the note")
    await expect(page.locator("text=Note written")).to_have_count(1)
    await agent.visit(f"/requests/{case}/content")
    assert NOTE in await page.inner_text("main")
    await agent.visit(f"/requests/{case}/decisions/message")
    await page.fill("textarea", QUESTION)
    await page.click("[name=preview]")
    assert QUESTION in " ".join((await page.inner_text("#preview pre")).split())
    pipeline = agent.console.pipeline
    assert not pipeline.letter(person, case, QUESTION)
    await agent.sign(page.locator("main form"))
    assert await agent.said() == "The message is sent."

    async def is_told() -> bool:
        await agent.visit(f"/requests/{case}")
        return "Letter sent: Message of the staff" in await page.inner_text("main")

    await comes_true(is_told)
    assert await eventually(lambda: pipeline.letter(person, case, QUESTION))


async def forget_key(agent: StaffBrowser) -> None:
    """Leave the session without a key, as after a sign-in through the provider."""
    pipeline = agent.console.pipeline
    sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": agent.account}, {"$set": {"sealed": None}})


async def withholds_a_value(agent: StaffBrowser, case: str) -> None:
    """Find the package in the inbox, withhold one value on a ground, and send the rest."""
    page = agent.page
    await agent.visit("/")
    await page.click(f"tr:has-text('{short_reference(case)}') >> text=Package to review")
    await agent.sign(page.locator("main form"))
    await page.check(f"label:has-text('{SECRET}')")
    await agent.sign(page.locator("main form"), "text=Send the package")
    assert "Choose the ground" in await page.inner_text("#ground-error")
    await page.select_option("#ground", "third_party_rights")
    await page.click("button:has-text('Withhold the ticked values')")
    await expect(page.locator("fieldset >> text=job_title")).to_have_count(2)
    await agent.sign(page.locator("main form"), "text=Send the package")
    assert await agent.said() == "The review is recorded."


async def package_lacks_the_value(pipeline: Pipeline, case: str, person: Somebody) -> None:
    """Read the package as the person does."""
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as package:
        files = {name: package.read(name) for name in package.namelist()}
    assert any(person.email.casefold().encode() in content.lower() for content in files.values())
    assert [name for name, content in files.items() if SECRET.encode() in content] == []
    assert pipeline.letter(person, case, "Art. 15(4)")


async def accepts_the_document(agent: StaffBrowser, case: str) -> None:
    """Look at the drawn page beside the findings, and accept the proof for the telephone number."""
    page = agent.page
    await agent.visit("/?work=document")
    await page.click(f"text={short_reference(case)}")
    await agent.open_content(case)

    async def drawn() -> bool:
        await page.reload()
        return await page.locator("img.page").count() == 1

    await comes_true(drawn)
    await picture_shown(page, "img.page", 300)
    assert await page.locator("section:has(img.page) >> text=Findings of the machine").count() == 1
    for identity, expected in (
        ("phone", "the request has no such identity"),
        ("phone_number", "The proof is accepted."),
    ):
        await agent.visit(f"/requests/{case}/decisions/accept-proof")
        assert await page.locator("[name=reason]").count() == 1, await page.inner_text("main")
        await page.select_option("[name=reason]", "looked_at")
        await page.fill("[name=identities]", identity)
        await agent.sign(page.locator("main form"))
        assert expected in await agent.said()


# --- approvers ------------------------------------------------------------------------------------------


async def test_two_approvers_approve_one_erasure_refuse_a_request_and_grant_its_appeal(
    console: Console, browser: Browser
) -> None:
    pipeline = console.pipeline
    _, unbound = await pipeline.people_by_contract()
    erased, person = unbound[5], (await pipeline.people())[14]
    erasure = await pipeline.verified("erasure", erased)
    correction = await referred(console, person)
    await console.listed(erasure, "verified", "approval")
    without = {"java_script_enabled": False}
    async with (
        staff_browser(console, browser, "olga.first", StaffRole.APPROVER, **without) as first,
        staff_browser(console, browser, "pia.second", StaffRole.APPROVER, **without) as second,
    ):
        assert "portal.contacts" in await pipeline.mentions(erased.email)
        await approves(first, erasure)
        assert (await pipeline.page(erasure))["status"] == "verified"
        await seconds(second, erasure, first)
        await refuses(first, correction, person)
        await appeals(console, correction)
        await grants_the_appeal(second, correction, first)
    assert await eventually(lambda: pipeline.letter(person, correction, SORRY))
    assert (await pipeline.closed(erasure))["outcome"] in {"granted", "partly_granted"}
    assert "portal.contacts" not in await pipeline.mentions(erased.email)


async def approves(first: StaffBrowser, case: str) -> None:
    """Read the plan of an erasure, and approve it as the first of two."""
    page = first.page
    await first.open_content(case)
    assert "To erase" in await page.inner_text("section:has(h2:text-is('Erasure plan'))")
    await first.visit(f"/requests/{case}")
    await page.click("text=Approve the erasure")
    await first.sign(page.locator("main form"), code="000000")
    assert "Nothing was changed" in await page.inner_text("[role=alert]")
    await first.sign(page.locator("main form"))
    assert "A second account has to decide the same" in await first.said()


async def seconds(second: StaffBrowser, case: str, first: StaffBrowser) -> None:
    """Approve the erasure as another account; the first one cannot."""
    assert "approve-erasure" not in await first.offered(case)
    client = await first.client()
    answer = await made(first.console, client, first.account, case, "approve-erasure")
    await client.aclose()
    assert answer.status_code == 409
    for one, listed in ((first, 0), (second, 1)):
        await one.visit("/?work=approval")
        assert await one.page.locator(f"tbody >> text={short_reference(case)}").count() == listed
    await second.page.click(f"tbody >> text={short_reference(case)}")
    await second.page.click("text=Approve the erasure")
    await second.sign(second.page.locator("main form"))
    assert await second.said() == "The erasure is approved."


async def refuses(first: StaffBrowser, case: str, person: Somebody) -> None:
    """Refuse a request on a ground of its law; the letter has the reason and the provision."""
    page, pipeline = first.page, first.console.pipeline
    await first.visit(f"/requests/{case}")
    await page.click("text=Refuse the request")
    await page.locator("text=GDPR Art. 12(5)").first.wait_for()
    await page.fill("textarea", WHY)
    await first.sign(page.locator("main form"))
    assert await page.input_value("textarea") == WHY
    assert await page.locator("fieldset .error").count() == 1
    await page.check("text=The data is accurate")
    await first.sign(page.locator("main form"))
    assert await first.said() == "The refusal is recorded."
    assert (await pipeline.closed(case))["outcome"] == "refused"
    letter = await eventually(lambda: pipeline.letter(person, case, WHY))
    assert "Art. 18(1)(a)" in letter
    await is_found_by_outcome(first, case)


async def is_found_by_outcome(first: StaffBrowser, case: str) -> None:
    """The list finds the ended case by its outcome alone; the filters offer only lasting states."""
    page = first.page
    for outcome, listed in (("Granted", 0), ("Refused", 1)):
        await first.visit("/requests?order=due")
        await page.select_option("#outcome", label=outcome)
        async with page.expect_navigation():
            await page.click("form.filters button")
        row = page.locator(f"tr:has-text('{short_reference(case)}')")
        assert await row.count() == listed
    assert "Refused" in await row.inner_text()
    assert "Closed" in await row.inner_text()
    states = await page.locator("#stage option").all_inner_texts()
    expected = {"All", "Received", "Waits for proof", "Identity verified", "Referred to staff", "Closed"}
    assert set(states) == expected
    assert await page.locator("#order option").all_inner_texts() == ["Last day", "Newest first"]


async def appeals(console: Console, case: str) -> None:
    """Appeal as the person."""
    statement = {"statement": "The certificate of birth shows another date."}
    (await console.pipeline.http.post(f"/v1/requests/{case}/appeals", json=statement)).raise_for_status()
    await console.listed(case, "closed", "appeal")


async def grants_the_appeal(second: StaffBrowser, case: str, first: StaffBrowser) -> None:
    """Read the statement and the refusal, and grant the appeal; the account that refused cannot."""
    assert "grant-appeal" not in await first.offered(case)
    page = second.page
    await second.visit("/?work=appeal")
    await page.click(f"tbody >> text={short_reference(case)}")
    await second.open_content(case)
    assert "another date" in await page.inner_text("blockquote.text >> nth=0")
    answer = page.locator("details:has(summary:has-text('Answer:')) iframe.letter")
    letter = await page.request.get(f"{second.console.url}{await answer.get_attribute('src')}")
    assert "sandbox" in letter.headers["content-security-policy"]
    assert "Art. 18(1)(a)" in await letter.text()
    await page.click("summary:has-text('Grant the appeal')")
    form = page.locator("form[action$='grant-appeal']")
    await form.locator("textarea").fill(SORRY)
    await second.sign(form)
    assert await second.said() == "The appeal is granted."


async def test_approver_holds_a_collection_until_its_claim_has_ended(
    console: Console, browser: Browser
) -> None:
    """An erasure keeps the records of the collection meanwhile, and the list of holds names it."""
    pipeline, collection = console.pipeline, f"{console.pipeline.prefix}portal.contacts"
    _, unbound = await pipeline.people_by_contract()
    erasure = await pipeline.verified("erasure", unbound[6])
    await console.listed(erasure, "verified", "approval")
    async with staff_browser(console, browser, "olga.first", StaffRole.APPROVER) as first:
        hold = await places_a_hold(first, collection)
        await first.visit(f"/requests/{erasure}/decisions/approve-erasure")
        assert collection in await first.page.inner_text("main .notice")
        for name in ("olga.first", "pia.second"):
            client = await console.signed_in(name, StaffRole.APPROVER)
            assert (await made(console, client, name, erasure, "approve-erasure")).status_code == 200
            await client.aclose()
        await pipeline.closed(erasure)
        assert "portal.contacts" in await pipeline.mentions(unbound[6].email)
        await lifts_the_hold(first, hold, erasure)


async def places_a_hold(first: StaffBrowser, collection: str) -> str:
    """Place a hold on *collection* by the page of holds; return its id."""
    page = first.page
    await first.visit("/")
    await page.click("nav >> text=Holds")
    form = page.locator("form[method=post][action='/holds']")
    await form.locator("[name=collection]").select_option(collection)
    await form.locator("[name=matter]").fill("Court case 7!")
    await first.sign(form)
    assert await first.said() == "The values do not fit together. Check them."
    await form.locator("[name=matter]").fill("Court case 7")
    await first.sign(form)
    assert await first.said() == "The legal hold is placed."
    assert collection in await page.inner_text(".timeline")
    hold = page.url.partition("?")[0].rpartition("/")[2]
    assert await first.offered(hold) == {"lift-hold"}
    return hold


async def lifts_the_hold(first: StaffBrowser, hold: str, erasure: str) -> None:
    """Find the erasure that *hold* kept records from, and lift it."""
    page, row = first.page, f"tr:has(a[href='/requests/{hold}'])"

    async def kept() -> bool:
        await first.visit("/holds?state=standing")
        return short_reference(erasure) in await page.inner_text(row)

    await comes_true(kept)
    assert "court case 7" in await page.inner_text(row)
    await page.click(f"{row} >> text=Lift")
    await page.select_option("[name=hold]", hold)
    await page.select_option("[name=reason]", "claim_ended")
    await first.sign(page.locator("main form"))
    assert await first.said() == "The legal hold is lifted."
    await first.visit("/holds?state=standing")
    assert await page.locator(row).count() == 0
    await first.visit("/holds")
    assert "The claim has ended" in await page.inner_text(row)


# --- by keyboard ----------------------------------------------------------------------------------------


async def test_case_is_found_opened_and_decided_by_keyboard(console: Console, browser: Browser) -> None:
    case = await referred(console, (await console.pipeline.people())[11])
    page = await browser.new_page()
    page.set_default_timeout(ANSWERED_WITHIN_MS)
    await page.goto(f"{console.url}/sign-in")
    for value in (await console.credentials("rosa.keys", StaffRole.APPROVER)).values():
        await page.keyboard.press("Tab") if await focused(page) else await tab_to(page, "#account")
        await page.keyboard.type(value)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{console.url}/")
    await follow(page, f"tbody a[href='/requests/{case}']")
    await follow(page, "main a[href$='/content']")
    await tab_to(page, "[name=code]")
    await page.keyboard.type(await console.code("rosa.keys"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Opened on record")
    await tab_to(page, "summary:has(+ p + form[action$='nothing-held'])")
    await page.keyboard.press("Enter")
    await tab_to(page, "form[action$='nothing-held'] [name=text]")
    await page.keyboard.type("We looked by hand.")
    await tab_to(page, "form[action$='nothing-held'] [name=code]")
    await page.keyboard.type(await console.code("rosa.keys"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[role=status]")
    assert await page.inner_text("[role=status]") == "The answer is recorded."
    await page.context.close()


async def focused(page: Page) -> bool:
    """Return whether a field has the focus."""
    return bool(await page.evaluate("document.activeElement.matches('input')"))


async def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press the tab key until *selector* has the focus; every stop on the way shows it."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        at = await page.evaluate(
            """(wanted) => {
              const here = document.activeElement;
              const style = getComputedStyle(here);
              const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              const box = here.getBoundingClientRect();
              return [here.matches(wanted), shown && box.width > 0, here.outerHTML.slice(0, 200)];
            }""",
            selector,
        )
        assert at[1], f"the focus is not visible at {at[2]}"
        if at[0]:
            return
    raise AssertionError(f"{selector} is not reached")


async def follow(page: Page, selector: str) -> None:
    """Go to the link *selector* by the tab key, and follow it."""
    await tab_to(page, selector)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
