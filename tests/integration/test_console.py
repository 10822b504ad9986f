"""The console on real parts: sign-in, lists and cases, over pages and the API."""

import html
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import orjson

from habeas.client.watched_facts import ExpectedFact, WatchedFact, WatchState
from services.console.api.problems import NO_KEY
from shared.contract.references import short_reference
from shared.contract.topology import EVENTS
from shared.runtime.broker import Message
from shared.runtime.console_credential import HEADER, ConsoleCredential, client_of, issued
from shared.runtime.mongo import connect
from shared.runtime.republication import FactSource
from shared.runtime.service_reports import ANSWERS, reports_in
from shared.vocabulary import StaffRole
from tests.integration.console_fixture import WITHIN, Console, made
from tests.integration.pipeline import SHOP, comes_true, command, now
from tests.staff import PASSWORD
from tests.waiting import eventually

SECRET = "Keeper of the cellar keys"


def form_of(page: str) -> str:
    """Return the token of the forms of *page*."""
    found = re.search(r'name="form" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


async def test_search_finds_cases_by_mailbox_id_and_reference_and_shows_no_address(console: Console) -> None:
    pipeline = console.pipeline
    *_, person = await pipeline.people()
    case = await pipeline.verified("access", person)
    await console.listed(case, "closed")
    lodged = await pipeline.lodge(person.asks("portability", reference="Ada 4711"), source=SHOP)
    await console.listed(lodged, "challenged")
    client = await console.signed_in("omar.sample", StaffRole.AGENT)
    token = form_of((await client.get("/requests")).text)
    found = await client.post("/search", data={"form": token, "term": person.email})
    assert short_reference(case) in found.text
    assert person.email not in found.text
    other = await client.post("/search", data={"form": token, "term": "nobody@example.org"})
    assert "No case has this mailbox" in other.text
    for text, found_case in ((case[:12], case), (short_reference(case), case), ("Ada 4711", lodged)):
        named = await client.post("/search", data={"form": token, "term": text})
        assert [short_reference(one) in named.text for one in (case, lodged)] == [
            one == found_case for one in (case, lodged)
        ]
    for text in ("no@mail@box", ""):
        assert (await client.post("/search", data={"form": token, "term": text})).status_code == 400
    await client.aclose()
    async with console.program("ines.sample", StaffRole.AUDITOR) as api:

        async def listed() -> bool:
            shown = (await api.get("/openings", params={"account": "omar.sample"})).json()["openings"]
            return [(one["kind"], one["case"]) for one in shown] == [("search", None)] * 4

        await comes_true(listed, WITHIN)


async def test_one_code_approves_the_erasures_that_wait(console: Console) -> None:
    pipeline = console.pipeline
    *_, first, second, third, _ = await pipeline.people()
    cases = [await pipeline.verified("erasure", one) for one in (first, second)]
    other = await pipeline.verified("access", third)
    await console.listed(other, "closed")
    for case in cases:
        await console.listed(case, "verified", "approval")
    client = await console.signed_in("nora.muster", StaffRole.APPROVER)
    page = await client.get("/requests")
    form = {"form": form_of(page.text), "case": [*cases, other]}
    chosen = await client.post("/bulk", data=form)
    assert "possible for 2" in chosen.text
    deciding = {**form, "decision": "approve-erasure", "text": "The plan was read."}
    assert "Left out: 1" in (await client.post("/bulk/decide", data=deciding)).text
    unopened = await client.post("/bulk/decide", data={**deciding, "code": "", "preview": "1"})
    assert "Open the content of the case first" in unopened.text
    opening = {"form": form["form"], "reason": "review", "code": await console.code("nora.muster")}
    await client.post(f"/requests/{cases[0]}/content", data=opening)
    previewed = await client.post("/bulk/decide", data={**deciding, "code": "", "preview": "1"})
    [letter] = re.findall(r'<pre class="letter text">(.*?)</pre>', previewed.text, re.DOTALL)
    code = await console.code("nora.muster")
    done = await client.post("/bulk/decide", data={**deciding, "code": code})
    assert "Done: 2 of 3" in done.text
    assert "not waiting for this" in done.text
    async with console.program("olga.muster", StaffRole.APPROVER) as api:
        wanted = {"cases": [*cases, other]}
        offered = {
            one["name"]: one["fitting"] for one in (await api.post("/bulk", json=wanted)).json()["decisions"]
        }
        assert offered["approve-erasure"] == 2
        given = {**wanted, "code": await console.code("olga.muster")}
        made = (await api.post("/bulk/decisions/approve-erasure", json=given)).json()["results"]
        states = dict.fromkeys(cases, "done") | {other: "refused"}
        assert {one["case"]: one["state"] for one in made} == states
        owned = (await api.post("/bulk/owner", json={"cases": cases[:1], "owner": "olga.muster"})).json()
        assert owned["results"] == [{"case": cases[0], "state": "done", "reason": ""}]
    for case in cases:
        await pipeline.closed(case)
    sent = await client.get(f"/requests/{cases[0]}/content")
    assert "The plan was read." in sent.text
    letter, _link = " ".join(html.unescape(letter).split()).split("[withheld]")
    assert pipeline.letter(first, cases[0], "We erased your data").startswith(letter)
    again = await client.post("/bulk/decide", data={**form, "decision": "approve-erasure", "code": code})
    assert "Done: 0 of 3" in again.text
    too_many = {**form, "case": [f"{number:032x}" for number in range(101)]}
    assert (await client.post("/bulk", data=too_many)).status_code == 400
    await client.aclose()


async def test_one_account_may_not_use_the_decision_of_another_role(console: Console) -> None:
    client = await console.signed_in("tom.muster", StaffRole.AGENT)
    form = {"form": form_of((await client.get("/requests")).text), "case": "ab" * 16, "code": "000000"}
    refused = await client.post("/bulk/decide", data={**form, "decision": "approve-erasure"})
    assert refused.status_code == 403
    await client.aclose()


async def test_owner_is_set_for_all_selected_cases(console: Console) -> None:
    *_, person, _ = await console.pipeline.people()
    case = await console.pipeline.lodge(person.asks("erasure"))
    await console.listed(case, "challenged")
    client = await console.signed_in("mona.probe", StaffRole.AGENT)
    form = {"form": form_of((await client.get("/requests")).text), "case": case, "owner": "mona.probe"}
    assert "Done: 1 of 1" in (await client.post("/bulk/owner", data=form)).text
    nobody = await client.post("/bulk/owner", data={**form, "owner": "no.account"})
    assert "Done: 0 of 1" in nobody.text
    await client.aclose()


async def test_request_is_refused_before_its_proof_and_before_its_approval(console: Console) -> None:
    pipeline = console.pipeline
    unproven, waiting = (await pipeline.people())[22:24]
    cases = [await pipeline.lodge(unproven.asks("access")), await pipeline.verified("erasure", waiting)]
    await console.listed(cases[0], "challenged")
    await console.listed(cases[1], "verified", "approval")
    async with console.program("nils.approver", StaffRole.APPROVER) as api:
        for case in cases:
            fields = {"grounds": ["excessive"], "text": "You have asked daily."}
            opening = {"reason": "review", "code": await console.code("nils.approver")}
            await api.post(f"/cases/{case}/content", json=opening)
            path = f"/cases/{case}/decisions/refuse"
            drawn = (await api.post(path, json={"fields": fields, "preview": True})).json()
            given = {"fields": fields, "code": await console.code("nils.approver")}
            made = (await api.post(path, json=given)).json()
            assert made["message"] == "The refusal is recorded."
            [letter] = drawn["preview"]["letters"]
            await console.listed(case, "closed")
            person = unproven if case == cases[0] else waiting
            sent = pipeline.letter(person, case, "You have asked daily.")
            assert sent.startswith(" ".join(letter["text"].split("[withheld]")[0].split()))
            said = (await api.get(f"/cases/{case}")).json()["timeline"]
            assert "Answer by staff: Refused · Excessive" in [one["text"] for one in said]


async def test_request_is_paused_and_another_is_merged_with_it(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[24]
    first = await pipeline.lodge(person.asks("access"))
    asked = json.loads(json.dumps(person.asks("access")).replace(person.email, person.email.upper()))
    asked["subject"]["name"] = "A. Person"
    second = await pipeline.lodge(asked)
    for case in (first, second):
        await console.listed(case, "challenged")
    async with console.program("mira.agent", StaffRole.AGENT) as api:
        due = (await api.get(f"/cases/{first}")).json()["case"]["due_on"]
        fields = {"fields": {"text": "The person asked us to wait."}}
        pausing = {**fields, "code": await console.code("mira.agent")}
        made = (await api.post(f"/cases/{first}/decisions/pause", json=pausing)).json()
        assert made["message"] == "The request is paused."
        await console.listed(first, "challenged", "stopped")
        assert (await api.get(f"/cases/{first}")).json()["case"]["due_on"] == due
        resuming = {**fields, "code": await console.code("mira.agent")}
        made = (await api.post(f"/cases/{first}/decisions/resume", json=resuming)).json()
        assert made["message"] == "The request continues."
        opening = {"reason": "review", "code": await console.code("mira.agent")}
        await api.post(f"/cases/{second}/content", json=opening)
        merged = {"first": short_reference(first), **fields["fields"]}
        merging = {"fields": merged, "code": await console.code("mira.agent")}
        drawn = await api.post(f"/cases/{second}/decisions/merge", json={**merging, "preview": True})
        [letter] = drawn.json()["preview"]["letters"]
        made = (await api.post(f"/cases/{second}/decisions/merge", json=merging)).json()
        assert made["message"] == "The request is merged with the earlier one."
        await console.listed(second, "closed")
        assert pipeline.letter(person, second, short_reference(first))
        assert short_reference(first) in letter["text"]
        assert (await api.get(f"/cases/{second}")).json()["case"]["repeats"] == first


async def test_waiting_work_is_that_of_the_lists_of_the_command(console: Console) -> None:
    pipeline = console.pipeline
    *_, fourth, other, person, _, _ = await pipeline.people()
    answered = await pipeline.answered("access", other)
    appeal = await pipeline.http.post(f"/v1/requests/{answered}/appeals", json={"statement": "Look again."})
    appeal.raise_for_status()
    await console.listed(answered, "closed", "appeal")
    referred = await pipeline.verified("objection", person)
    await console.listed(referred, "referred", "referred")
    long_ago = (now() - timedelta(days=90)).isoformat()
    late = await pipeline.lodge({**fourth.asks("access"), "received_at": long_ago}, source=SHOP)
    await console.listed(late, "challenged")
    code, _, complaint = await command(pipeline, "request", "waiting")
    assert (code, complaint) == (2, "habeas: there is no session at a console: `habeas login` begins one\n")
    code, _, complaint = await command(pipeline, "login", "--as", "lina.muster")
    assert (code, complaint) == (0, "")
    for verb, work in (
        (("request", "referred"), "referred"),
        (("request", "proposals"), "proposal"),
        (("appeals", "list"), "appeal"),
        (("inbox", "list"), "stopped"),
        (("verify", "list"), "document"),
    ):
        await comes_true(partial(lists_what_waits, console, verb, work))
    code, printed, complaint = await command(pipeline, "deadlines", "--json")
    assert (code, complaint) == (1, "")
    assert {one["request"]: one["late"] for one in json.loads(printed)} == {late: True}

    async def lists_all_that_is_open() -> bool:
        _, printed, _ = await command(pipeline, "deadlines", "--days", "60")
        rows = (await console.rows()).items()
        open_ones = {case for case, row in rows if row.get("open") and row["kind"] == "request"}
        return set(re.findall(r"[0-9a-f]{32}", printed)) == open_ones > {late}

    await comes_true(lists_all_that_is_open)


async def lists_what_waits(console: Console, verb: tuple[str, ...], work: str) -> bool:
    """Return whether *verb* lists all cases, and no others, that have *work* waiting."""
    code, printed, complaint = await command(console.pipeline, *verb, "--json")
    assert (code, complaint) == (0, "")
    assert set(re.findall(r"[0-9a-f]{32}", printed)) == await waiting_for(console, work), verb
    return True


async def waiting_for(console: Console, work: str) -> set[str]:
    """Return the cases that have *work* waiting."""
    return {case for case, row in (await console.rows()).items() if work in (row.get("waiting") or ())}


async def listed_by(console: Console, *verb: str) -> set[str]:
    """Return the cases that *verb* lists."""
    _, printed, complaint = await command(console.pipeline, *verb, "--json")
    assert not complaint
    found = json.loads(printed)
    if "set_aside" in found:
        found = found["set_aside"]
    return {one["case"] for one in found}


async def failures(console: Console, client: httpx.AsyncClient, case: str) -> int:
    """Return how many notices have failed, as the page of *case* tells: at least one to each recipient."""
    facts = [fact for row in await console.pipeline.rows("fulfillment", case=case) for fact in row["facts"]]
    concerned = [fact for fact in facts if fact["type"] == "habeas.recipient.concerned.v1"]
    count = (await client.get(f"/requests/{case}")).text.count("</time>Recipient not notified")
    assert count >= len(concerned) > 0
    return count


async def test_recipients_and_submissions_are_handled_where_they_wait(console: Console) -> None:
    pipeline = console.pipeline
    case = await pipeline.answered("restriction", (await pipeline.people())[5])
    await pipeline.send({"reference": "no-request"})
    await console.listed(case, "closed", "recipient")
    set_aside: set[str] = await eventually(partial(waiting_for, console, "submission"))
    assert set_aside
    unread, failed = ("dead-letters", "list"), ("recipients", "list", "--failed", "--as", "lina.muster")

    async def both_are_alike() -> bool:
        lists = (await listed_by(console, *unread), await listed_by(console, *failed))
        return lists == (await waiting_for(console, "submission"), await waiting_for(console, "recipient"))

    await comes_true(both_are_alike)
    client, name = await console.signed_in("gina.muster", StaffRole.AGENT), "gina.muster"
    at_first: int = await eventually(partial(failures, console, client, case))
    retry = ("recipients", "retry", "--recipient", "Tax adviser", "--as", "lina.muster")
    code, printed, complaint = await command(pipeline, *retry)
    assert (code, complaint) == (0, "")
    assert f"{case}: sent again" in printed.splitlines()

    async def on_its_page() -> bool:
        text = (await client.get(f"/requests/{case}")).text
        assert await failures(console, client, case) > at_first
        return "Tax adviser: not notified · No way is agreed" in text and text.count("is notified again") == 1

    await comes_true(on_its_page, WITHIN)
    before = await failures(console, client, case)
    page = await made(console, client, name, case, "notify-recipient", recipient="Tax adviser")
    assert "The notice is sent again." in page.text

    async def failed_again() -> bool:
        return await failures(console, client, case) > before

    await comes_true(failed_again, WITHIN)  # no way to notify it is agreed
    for recipient in {wait["reason"] for wait in (await console.rows())[case]["waits"]}:
        page = await made(console, client, name, case, "recipient-informed", recipient=recipient)
        assert "The recipient is informed." in page.text
    [submission] = await waiting_for(console, "submission")
    assert "data" in (await client.get(f"/requests/{submission}")).text
    page = await made(console, client, name, submission, "submission-handled", outcome="not_a_request")
    assert "The submission is handled." in page.text
    assert (await waiting_for(console, "submission"), await listed_by(console, *unread)) == (set(), set())
    assert case not in await waiting_for(console, "recipient") | await listed_by(console, *failed)
    await client.aclose()


async def test_text_with_a_mail_address_is_refused_in_an_address(console: Console) -> None:
    client = await console.signed_in("ada.muster")
    for path in ("/requests", "/requests.csv"):
        answer = await client.get(path, params={"text": "kim@example.com"})
        assert (answer.status_code, "search field below" in answer.text) == (422, True)
    await client.aclose()


async def test_console_reads_the_credential_that_intake_has_issued(console: Console) -> None:
    pipeline = console.pipeline
    client = connect(pipeline.mongo_url_of("console"), app_name="habeas-tests")
    database = client[f"{pipeline.prefix}_intake"]
    headers = await ConsoleCredential(database, lambda: "203.0.113.5").headers()
    client.close()
    assert await issued(pipeline.client[f"{pipeline.prefix}_intake"]) == headers[HEADER]
    assert client_of(headers, headers[HEADER]) == "203.0.113.5"


async def test_saved_view_opens_the_list_with_its_filters(console: Console) -> None:
    client = await console.signed_in("ada.muster")
    page = await client.get("/requests?stage=referred&text=abc")
    query = re.search(r'name="query" value="([^"]*)"', page.text)
    assert query is not None
    assert query[1] == "stage=referred"
    form = {"form": form_of(page.text), "name": "To answer", "query": query[1], "default": "1"}
    await client.post("/views", data=form)
    opened = await client.get("/requests")
    assert opened.url.query == b"stage=referred"
    assert "To answer" in opened.text
    other = await console.signed_in("kim.probe")
    assert "To answer" not in (await other.get("/requests")).text
    await other.aclose()
    view = re.search(r'name="view" value="([0-9a-f]{32})"', opened.text)
    assert view is not None
    await client.post("/views/delete", data={"form": form["form"], "view": view[1]})
    assert (await client.get("/requests")).url.query == b""
    async with console.program("ada.muster") as api:
        late = {
            "name": "Late",
            "filters": {"due": "late", "from": "2026-01-01", "text": "abc"},
            "default": True,
        }
        assert (await api.post("/views", json=late)).json()["query"] == "due=late&from=2026-01-01"
        assert (await api.post("/views", json={**late, "filters": {"text": "abc"}})).status_code == 400
        [kept] = (await api.get("/views")).json()["views"]
        assert (kept["name"], kept["default"]) == ("Late", True)
        assert (await api.delete(f"/views/{kept['id']}")).status_code == 204
        assert (await api.get("/views")).json()["views"] == []
    wrong = {**form, "query": "due=never"}
    assert (await client.post("/views", data=wrong)).status_code == 400
    await client.aclose()


async def test_wrong_code_and_form_of_another_site_are_refused(console: Console) -> None:
    async with httpx.AsyncClient(base_url=console.url, timeout=90) as client:
        wrong = await console.credentials("ines.beispiel") | {"code": "000000"}
        refused = await client.post("/sign-in", data=wrong)
        assert refused.status_code == 403
        assert "do not fit together" in refused.text
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        given = await console.credentials("ines.beispiel")
        assert (await client.post("/sign-in", data=given, headers=elsewhere)).status_code == 403
    signed_in = await console.signed_in("lena.probe")
    assert (await signed_in.post("/sign-out", data={})).status_code == 403
    await signed_in.post("/sign-out", data={"form": form_of((await signed_in.get("/")).text)})
    assert (await signed_in.get("/")).url.path == "/sign-in"
    await signed_in.aclose()


async def test_disabled_or_reset_account_loses_its_session(console: Console) -> None:
    client = await console.signed_in("kim.muster")
    assert (await client.get("/requests")).url.path == "/requests"
    register = console.pipeline.accounts.register
    account = await register.account("kim.muster")
    assert account is not None
    await register.replace(replace(account, disabled=True))
    assert (await client.get("/requests")).url.path == "/sign-in"
    await client.aclose()


async def test_command_builds_the_lists_anew(console: Console) -> None:
    code, printed, complaint = await command(console.pipeline, "console", "rebuild")
    assert (code, complaint) == (0, "")
    assert re.fullmatch(r"\d+ cases are built from \d+ facts\n", printed)


async def test_program_reads_the_case_and_decides_on_it_over_the_api(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[20]
    case = await pipeline.verified("erasure", person)
    await console.listed(case, "verified", "approval")
    async with console.program("lee.program", StaffRole.APPROVER, StaffRole.AUDITOR) as api:
        found = (await api.get("/cases", params={"text": case[:8], "waiting": "approval"})).json()
        assert [one["id"] for one in found["cases"]] == [case]
        assert (await api.get("/cases", params={"after": "no mark"})).status_code == 400
        inbox = (await api.get("/inbox", params={"work": "approval"})).json()
        assert case in {one["id"] for one in inbox["cases"]}
        assert inbox["counts"]["approval"] >= 1
        searched = await api.post("/search", json={"mailbox": person.email})
        assert [one["id"] for one in searched.json()["cases"]] == [case]
        both = {"mailbox": person.email, "reference": "ticket-7"}
        assert (await api.post("/search", json=both)).status_code == 400
        shown = (await api.get(f"/cases/{case}")).json()
        assert shown["case"]["waits"][0]["kind"] == "approval"
        assert "approve-erasure" in {one["name"] for one in shown["decisions"]}
        assert person.email not in str(shown)
        path = f"/cases/{case}/decisions/approve-erasure"
        wrong = await api.post(path, json={"code": "000000"})
        assert (wrong.status_code, bool(wrong.json()["reason"])) == (403, True)
        lacking = await api.post(path, json={"code": "12"})
        assert (lacking.status_code, lacking.json()["errors"][0]["path"]) == (422, "body.code")
        made = await api.post(path, json={"code": await console.code("lee.program")})
        assert (made.json()["message"].startswith("Your decision is recorded."), made.json()["pending"]) == (
            True,
            False,
        )
        shown = (await api.get(f"/cases/{case}")).json()
        assert "lee.program" in {line["actor"] for line in shown["timeline"]}
        assert (await api.get("/figures")).json()["periods"]
        assert (await api.get("/system")).json()["queues"]
        assert (await api.get("/incidents")).json().keys() == {"incidents", "next"}
    assert (await api_status(console, api)) == 401


async def api_status(console: Console, ended: httpx.AsyncClient) -> int:
    """Return the answer to the bearer of a client that has signed out."""
    async with httpx.AsyncClient(base_url=console.url, headers=ended.headers, timeout=90) as client:
        return (await client.get("/api/v1/sessions/current")).status_code


async def test_program_opens_a_case_and_writes_a_note_over_the_api(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[21]
    case = await pipeline.verified("rectification", person, details={"statement": "A word is wrong."})
    await console.listed(case, "referred", "referred")
    async with console.program("noor.program", StaffRole.AGENT, StaffRole.APPROVER) as api:
        content = f"/cases/{case}/content"
        assert (await api.get(content)).status_code == 403
        assert (await api.post(f"/cases/{case}/owner", json={"owner": "noor.program"})).status_code == 204
        assert (await api.post(f"/cases/{case}/notes", json={"text": "Called back."})).status_code == 204
        shown = (await api.get(f"/cases/{case}")).json()
        assert shown["case"]["owner"] == "noor.program"
        sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
        await sessions.update_many({"account": "noor.program"}, {"$set": {"sealed": None}})
        lacking = await api.post(f"/cases/{case}/notes", json={"text": "Called again."})
        assert (lacking.status_code, lacking.json()["detail"]) == (403, NO_KEY)
        proof = {"code": await console.code("noor.program"), "password": PASSWORD}
        opened = await api.post(content, json={"reason": "review", **proof})
        assert "Called back." in opened.text
        assert "A word is wrong." in opened.text
        named = {"Content-Disposition": 'attachment; filename="call.pdf"'}
        attached = await api.post(
            f"/cases/{case}/files", content=b"%PDF-1.7\n" + b"0" * 300_000, headers=named
        )
        assert attached.status_code == 204, attached.text
        [file] = (await api.get(content)).json()["files"]
        assert (file["name"], file["size"]) == ("call.pdf", 300_009)
        assert len((await api.get(f"{content}/{file['item']}")).content) == 300_009
        assert (await api.post(f"/cases/{case}/files", content=b"#!/bin/sh")).status_code == 415
        preview = {"preview": True, "fields": {"text": "We looked."}}
        drawn = await api.post(f"/cases/{case}/decisions/nothing-held", json=preview)
        assert drawn.json()["decision"] is None
        assert drawn.json()["preview"]["letters"]


async def test_login_of_the_command_is_private_and_ends(console: Console) -> None:
    pipeline = console.pipeline
    code, printed, complaint = await command(pipeline, "login", "--as", "tom.beispiel")
    assert (code, printed) == (0, f"signed in as tom.beispiel at {console.url}\n"), complaint
    [file] = (pipeline.folder / ".local" / "state" / "habeas").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    code, printed, complaint = await command(pipeline, "whoami", "--json")
    assert orjson.loads(printed)["account"] == "tom.beispiel", complaint
    assert (await command(pipeline, "logout"))[0] == 0
    code, _, complaint = await command(pipeline, "whoami")
    assert (code, complaint) == (2, "habeas: there is no session at a console: `habeas login` begins one\n")
    *_, complaint = await command(pipeline, "login", "--as", "tom.beispiel", "--code", "000000")
    assert "do not fit together" in complaint


async def test_session_without_a_key_decides_with_password_and_one_code(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[12]
    case = await pipeline.verified("rectification", person, details={"statement": "A date is wrong."})
    await console.listed(case, "referred", "referred")
    approver = await console.signed_in("vera.provider", StaffRole.AGENT, StaffRole.APPROVER)
    sessions = pipeline.client[f"{pipeline.prefix}_console"]["sessions"]
    await sessions.update_many({"account": "vera.provider"}, {"$set": {"sealed": None}})
    form = await approver.get(f"/requests/{case}/decisions/nothing-held")
    assert 'name="password"' in form.text
    why = {"text": "Looked by hand."}
    wrong = await made(console, approver, "vera.provider", case, "nothing-held", password="wrong " * 3, **why)
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (409, True)
    done = await made(console, approver, "vera.provider", case, "nothing-held", password=PASSWORD, **why)
    assert "The answer is recorded." in done.text
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"
    assert [one["sealed"] is None async for one in sessions.find({"account": "vera.provider"})] == [False]
    await approver.aclose()


async def test_program_discards_a_parked_message_with_a_reason(console: Console) -> None:
    case = "1e" * 16
    broken = orjson.dumps({"specversion": "1.0", "correlationid": case, "type": "habeas.request.closed.v1"})
    await console.pipeline.announce(Message(EVENTS, "habeas.request.closed.v1", broken, "broken-2"))
    async with console.program("ute.muster", StaffRole.ADMIN) as api:
        found: list[dict[str, str]] = []

        async def listed() -> bool:
            parked = (await api.get("/system")).json()["parked"]
            found[:] = [one for one in parked if one["id"] == "broken-2"]
            return bool(found)

        await comes_true(listed, WITHIN)
        given = {"service": found[0]["service"], "digest": found[0]["digest"], "reason": " "}
        lacking = await api.post("/system/parked/discard", json={**given, "code": "123456"})
        assert (lacking.status_code, lacking.json()["errors"][0]["path"]) == (422, "body.fields.reason")
        given |= {"reason": "made by hand", "code": await console.code("ute.muster")}
        made = await api.post("/system/parked/discard", json=given)
        assert (made.status_code, made.json()["pending"]) == (200, False), made.text
        assert case not in {one["case"] for one in (await api.get("/system")).json()["parked"]}


async def test_requests_that_stand_still_are_listed(console: Console) -> None:
    pipeline = console.pipeline
    watched = WatchState(pipeline.client, pipeline.prefix)
    case, since = "1f" * 16, datetime(2026, 3, 2, tzinfo=UTC)
    type_, source = "habeas.identity.verified.v1", FactSource.JOURNAL
    fact = ExpectedFact("fulfillment", "1", type_, case, case, "verifier", source, f"{case}:0", since)
    young = WatchedFact(replace(fact, id="2"), since)
    await watched.write([], [WatchedFact(fact, since, stalled=True, parked=True), young])
    listed = {"case": case, "service": "fulfillment", "type": type_, "since": "2026-03-02T00:00:00Z"}
    async with console.program("ute.muster", StaffRole.ADMIN) as api:
        found = (await api.get("/system")).json()
    assert found["stalled"] == [{**listed, "parked": True, "republished_at": None}]
    assert found["stalled_count"] == 1
    await pipeline.accounts.present("stan.still", [StaffRole.ADMIN])
    code, printed, _ = await command(pipeline, "request", "stalled", "--as", "stan.still")
    assert (code, printed.splitlines()[-1]) == (1, "1 requests stand still")
    assert case in printed
    assert "its message is parked, see `habeas dead-letters`" in printed
    await watched.write([young, WatchedFact(fact, since)], [])
    code, printed, _ = await command(pipeline, "request", "stalled", "--as", "stan.still")
    assert (code, printed) == (0, "no request stands still\n")


async def test_open_case_names_the_parts_that_do_not_answer(console: Console) -> None:
    pipeline = console.pipeline
    person = (await pipeline.people())[17]
    case = await pipeline.lodge(person.asks("access"))
    await console.listed(case, "challenged")
    reports = reports_in(pipeline.client[f"{pipeline.prefix}_fulfillment"])
    parts = [
        {"name": "store crm", "state": "MongoDB did not answer"},
        {"name": "store shop", "state": ANSWERS},
    ]
    report = {"version": "1", "at": now(), "parts": parts}
    silent = now() - timedelta(hours=1)
    forged = {"_id": "forged"}
    await reports.insert_many(
        [{"_id": "archive", **report}, {"_id": "ended", **report, "at": silent}, forged]
    )
    async with console.program("ute.muster", StaffRole.ADMIN) as api:
        found = (await api.get(f"/cases/{case}")).json()["unreached_parts"]
    client = await console.signed_in("ute.muster", StaffRole.ADMIN)
    page = (await client.get(f"/requests/{case}")).text
    await client.aclose()
    _, printed, _ = await command(pipeline, "status", case, "--as", "ute.muster")
    await reports.delete_many({"_id": {"$in": ["archive", "ended", "forged"]}})
    assert found == [{"service": "archive", "name": "store crm"}]
    assert "store crm does not answer archive. What waits for it goes on" in page
    assert "store crm does not answer archive; the request goes on" in printed


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
        await console.listed(case, "closed")
        item = (await api.get(f"/cases/{case}/content")).json()["package"]["item"]
        read = await api.get(f"/cases/{case}/content/{item}")
        assert (read.status_code, read.headers["content-type"]) == (200, "application/zip")
    given = await pipeline.package(case, person)
    assert read.content == given
    with zipfile.ZipFile(io.BytesIO(given)) as package:
        assert not [name for name in package.namelist() if SECRET.encode() in package.read(name)]


async def test_corrections_of_identities_and_claimed_grounds_are_decided_in_the_console(
    console: Console,
) -> None:
    pipeline = console.pipeline
    caller, claimant = (await pipeline.people())[25:27]
    contact = await pipeline.business("portal", "contacts").find_one({"email": claimant.email})
    servers = pipeline.business("ops", "servers")
    rented = {"_id": claimant.email, "customer_id": contact["customer_id"], "status": "rented"}
    await servers.insert_one({**await servers.find_one({}), **rented})
    phone = {"corrections": [{"field": "contacts.phones", "value": "+49 30 23125 099"}]}
    corrected = await pipeline.verified("rectification", caller, details=phone)
    unlawful = {"statement": "You processed it unlawfully."}
    claimed = await pipeline.verified("erasure", claimant, details=unlawful)
    async with console.program("ruth.approver", StaffRole.APPROVER) as api:
        for case, name in ((corrected, "approve-correction"), (claimed, "decide-ground")):
            await console.listed(case, "referred", "referred")
            shown = (await api.get(f"/cases/{case}")).json()
            assert name in {one["name"] for one in shown["decisions"]}
        given = {"fields": {"text": "Called back."}, "code": await console.code("ruth.approver")}
        approved = await api.post(f"/cases/{corrected}/decisions/approve-correction", json=given)
        assert approved.json()["message"] == "The correction is approved."
