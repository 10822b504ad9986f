"""Requests that wait for the staff: each lawful answer ends one, with its letter and its deadline."""

import base64
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio

from habeas.client.referrals import packed
from habeas.embedded.company import ADA, BRUNO
from habeas.embedded.stack import Stack
from services.intake.cases.deadlines import APPROACHING, MISSED, UNDECIDED
from shared.contract.answer import LetterCopy
from shared.contract.case_openings import EVERYTHING
from shared.contract.envelope import MAX_BODY
from shared.contract.events import (
    AppealDecided,
    ContentOpened,
    Decision,
    ExtensionDecided,
    ExtensionReason,
    FeeDecided,
    IdentityDecided,
    NarrowingDecided,
    Outcome,
    ReferralDecided,
    RefusalGround,
    RestrictionLifting,
    WithdrawalDecided,
)
from shared.contract.staff import packed_item, salted, written_item
from shared.law import FeeReason, Money
from shared.runtime.mongo import Document
from shared.runtime.vault import Vault
from tests.integration.pipeline import Heard, Pipeline, Somebody, comes_true, command, running
from tests.waiting import eventually

ADA_ASKS, BRUNO_ASKS = Somebody(ADA.email, ADA.name), Somebody(BRUNO.email, BRUNO.name)
WANTED = "The date of birth in your paper file is wrong."
ANSWER = "We corrected the paper file. The new page is attached."
PREVIEWER = "petra"
"""An account that previews; a signed decision of it would end its session."""


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("referrals")
    async with running(parts, folder, HABEAS_REVIEW='["access"]') as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def referred(pipeline: Pipeline, person: Somebody) -> str:
    """Return a request of *person* that waits for the staff."""
    case = await pipeline.verified("rectification", person, details={"statement": WANTED})
    await pipeline.until_it_is("referred", case)
    return case


async def said(pipeline: Pipeline, *words: str) -> str:
    code, output, errors = await command(pipeline, *words)
    assert code == 0, errors
    return output


async def shown_by(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return what `request show` prints of *case*."""
    return dict(json.loads(await said(pipeline, "request", "show", case, "--as", "anna", "--json")))


async def timers(pipeline: Pipeline, case: str) -> list[str]:
    found = pipeline.client[f"{pipeline.prefix}_intake"]["timers"].find({"case": case})
    return [timer["kind"] async for timer in found]


def outcomes(heard: Heard, case: str) -> int:
    return [event["data"]["letter"] for event in heard.of(case, "notice.sent")].count("outcome")


async def test_request_answered_by_hand_gets_its_letter_and_file_and_ends(
    pipeline: Pipeline, heard: Heard, tmp_path: Path
) -> None:
    case = await referred(pipeline, ADA_ASKS)
    row = await shown_by(pipeline, case)
    assert (row["reason"], row["due_on"]) == ("nothing_named", (await pipeline.page(case))["due_on"])
    assert row["days_left"] > 0
    assert row["waits_for"] == "referred"
    shown = json.loads(await said(pipeline, "request", "show", case, "--read", "--as", "anna", "--json"))
    assert shown["submission"]["details"]["statement"] == WANTED
    [looked] = await opened(pipeline, case)
    assert (looked["by"], looked["item"]) == ("anna", "everything")

    page = os.urandom(2 * MAX_BODY)
    (tmp_path / "page.pdf").write_bytes(page)
    (tmp_path / "answer.txt").write_text(ANSWER)
    files = ("--explanation", str(tmp_path / "answer.txt"), "--file", str(tmp_path / "page.pdf"))
    await said(pipeline, "request", "answer", case, *files, "--as", "anna")
    assert (await pipeline.closed(case))["outcome"] == "granted"
    letter = pipeline.letters_to(ADA_ASKS, case)[-1]
    assert ANSWER in " ".join(letter.body().split())
    assert "index.html" not in letter.body()
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as package:
        assert package.read("page.pdf") == page

    async def only_the_package_ends() -> bool:
        kinds = await timers(pipeline, case)
        return {"deadline_approaching", "deadline_missed"}.isdisjoint(kinds) and "package_expired" in kinds

    await comes_true(only_the_package_ends)
    assert (await shown_by(pipeline, case))["waits_for"] is None

    code, _, errors = await command(
        pipeline, "request", "refuse", case, "--ground", "excessive", "--as", "bruno"
    )
    assert code == 2
    assert "answered or withdrawn already" in errors
    assert outcomes(heard, case) == 1


@pytest.mark.parametrize("kinds", [[UNDECIDED], [APPROACHING, MISSED]])
async def test_lists_of_the_staff_read_an_index_alone(pipeline: Pipeline, kinds: list[str]) -> None:
    found = pipeline.client[f"{pipeline.prefix}_intake"]["timers"].find({"kind": {"$in": kinds}})
    plan = (await found.explain())["queryPlanner"]["winningPlan"]
    assert plan["inputStage"]["stage"] == "IXSCAN"


async def opened(pipeline: Pipeline, case: str) -> list[Document]:
    rows = await pipeline.rows("intake", case=case, **{"event.type": ContentOpened.TYPE})
    return [row["event"]["data"] for row in rows]


async def test_request_refused_on_a_ground_cites_the_provision(pipeline: Pipeline, heard: Heard) -> None:
    case = await referred(pipeline, BRUNO_ASKS)
    verb = ("request", "refuse", case, "--as", "anna", "--ground")
    code, _, errors = await command(pipeline, *verb, "professional_secrecy")
    assert (code, "no law of this request has the ground for this right" in errors) == (2, True)
    await said(pipeline, *verb, "manifestly_unfounded")
    assert (await pipeline.closed(case))["outcome"] == "refused"
    [fulfilled] = heard.of(case, "request.fulfilled")
    assert list(fulfilled["data"]["reasons"]) == ["manifestly_unfounded"]
    assert "Art. 12" in pipeline.letters_to(BRUNO_ASKS, case)[-1].body()


async def test_search_by_hand_that_finds_nothing_ends_the_request(pipeline: Pipeline, heard: Heard) -> None:
    person = (await pipeline.people())[3]
    case = await referred(pipeline, person)
    await said(pipeline, "request", "nothing-held", case, "--as", "anna")
    assert (await pipeline.closed(case))["outcome"] == "nothing_held"
    assert outcomes(heard, case) == 1


async def test_crash_after_a_decision_neither_loses_nor_repeats_its_answer(
    pipeline: Pipeline, heard: Heard, tmp_path: Path
) -> None:
    person = (await pipeline.people())[5]
    case = await referred(pipeline, person)
    (tmp_path / "page.pdf").write_bytes(b"%PDF-1.7")
    text, package = salted(ANSWER.encode(), b"s" * 16), packed([tmp_path / "page.pdf"])
    decision = ReferralDecided(
        request_id=case,
        by="anna",
        outcome=Outcome.PARTLY_GRANTED,
        grounds=(RefusalGround.ACCURACY_VERIFIED,),
        explanation=written_item(text),
        package=packed_item(package),
    )
    body = {"type": ReferralDecided.TYPE, "text": base64.b64encode(text).decode()}

    async def sent() -> httpx.Response:
        data = (await pipeline.accounts.signed(decision)).model_dump(mode="json", exclude_defaults=True)
        content = json.dumps(body | {"data": data}).encode() + b"\n" + package
        return await pipeline.http.post("/v1/staff/decisions/package", content=content)

    taken = await sent()
    assert taken.status_code == 202, taken.text
    await pipeline.kill()
    await pipeline.start()
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    await eventually(lambda: outcomes(heard, case) == 1)
    assert len(heard.of(case, "request.fulfilled")) == 1
    assert await pipeline.handled_twice() == []
    second = await sent()
    assert second.status_code == 409, second.text
    assert {queue: found for queue, found in (await pipeline.parked()).items() if found} == {}


async def waiting_for_review(pipeline: Pipeline, case: str, *, renewed: bool) -> list[dict[str, Any]]:
    """Return the records of the listing of *case*, read on record, once it waits."""

    async def waits() -> bool:
        _, output, _ = await command(pipeline, "request", "review", case, "--as", "anna", "--json")
        row = json.loads(output or '{"renewed": null}')
        return bool(row["renewed"] is renewed)

    _: bool = await eventually(waits)
    words = ("request", "review", case, "--read", "--as", "anna", "--json")
    return list(json.loads(await said(pipeline, *words))["listed"])


async def test_package_is_read_redacted_and_sent_without_the_withheld_values(
    pipeline: Pipeline, heard: Heard
) -> None:
    person = (await pipeline.people())[8]
    customers = pipeline.business("billing", "customers")
    case = await pipeline.verified("access", person)
    records = await waiting_for_review(pipeline, case, renewed=False)
    row = await shown_by(pipeline, case)
    assert row["verbs"] == "request review"
    assert (await pipeline.http.post(f"/v1/requests/{case}/package/codes")).status_code == 409
    assert (await pipeline.page(case))["status"] == "verified"

    done = await customers.update_many({"email": person.email}, {"$set": {"notes": "Kim Nachbarin called."}})
    assert done.matched_count
    await said(pipeline, "request", "review", case, "--release", "--as", "anna")
    assert heard.of(case, "request.fulfilled") == []
    [number] = [
        one["record"]
        for one in await waiting_for_review(pipeline, case, renewed=True)
        if one["collection"].endswith("customers")
    ]
    key = next(one["collection"] for one in records if one["collection"].endswith("customers"))
    withheld = f"{key}:{number}:notes=third_party_rights"
    await said(pipeline, "request", "review", case, "--withhold", withheld, "--as", "anna")
    assert (await pipeline.closed(case))["outcome"] == "partly_granted"
    [fulfilled] = heard.of(case, "request.fulfilled")
    withheld_values = [one for one in fulfilled["data"]["withheld"] if one["reason"] == "third_party_rights"]
    assert [(one["values"], one["provision"]) for one in withheld_values] == [(1, "GDPR Art. 15(4)")]
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, person))) as package:
        files = {name: package.read(name) for name in package.namelist()}
    assert [name for name, content in files.items() if b"achbarin" in content] == []
    letters = [letter.body() for letter in pipeline.letters_to(person, case)]
    assert [letter for letter in letters if "achbarin" in letter] == []
    assert "Art. 15(4)" in " ".join(letters)
    needed = [event["data"]["listing"] for event in heard.of(case, "package.review_needed")]
    items = pipeline.client[f"{pipeline.prefix}_vault"]["items"].find(
        {"_id": {"$regex": f"^{case}/"}}, {"_id": 1}
    )
    assert len(needed) == 2

    async def listings_are_gone() -> bool:
        kept = [str(item["_id"]) async for item in items.clone()]
        return not [item for item in kept for listing in needed if listing in item]

    await comes_true(listings_are_gone)
    assert len(await opened(pipeline, case)) == 1


async def test_open_appeal_is_read_on_record(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[6]
    place = {"country": "US", "subdivision": "VA"}
    case = await pipeline.verified("know_categories", person, residence=place)
    await pipeline.closed(case)
    asked = {"statement": "Look again."}
    (await pipeline.http.post(f"/v1/requests/{case}/appeals", json=asked)).raise_for_status()
    shown = json.loads(await said(pipeline, "appeals", "show", case, "--as", "anna", "--json"))
    assert (shown["statement"], shown["remedy"]) == ("Look again.", "appeal")
    assert 0 < shown["days_left"] <= 60
    [looked] = await opened(pipeline, case)
    assert (looked["by"], looked["reason"]) == ("anna", "review")
    await said(pipeline, "appeals", "decide", case, "--granted", "--as", "anna")

    async def none_is_undecided() -> bool:
        return UNDECIDED not in await timers(pipeline, case)

    await comes_true(none_is_undecided)


@dataclass
class Previewer:
    """Previews decisions by a session, makes them, and compares the letters."""

    pipeline: Pipeline
    heard: Heard
    session: dict[str, str]

    async def preview(self, decision: Decision, text: bytes | None = None) -> dict[str, Any]:
        """Return the preview of *decision*, of a case that is open for the account of the session."""
        data = decision.model_dump(mode="json", exclude={"by", "proof", "request_id"}, exclude_defaults=True)
        body = {"type": decision.TYPE, "data": data, "text": text and base64.b64encode(text).decode()}
        path = f"/v1/staff/cases/{decision.request_id}/previews"
        answer = await self.pipeline.http.post(path, json=body, headers=self.session)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def send(self, decision: Decision, text: bytes | None = None) -> None:
        """Sign and send *decision*; return once it has its effect."""
        data = (await self.pipeline.accounts.signed(decision)).model_dump(mode="json", exclude_defaults=True)
        body = {"type": decision.TYPE, "data": data, "text": text and base64.b64encode(text).decode()}
        taken = (await self.pipeline.http.post("/v1/staff/decisions", json=body)).raise_for_status().json()

        async def accepted() -> bool:
            status = (await self.pipeline.http.get(taken["status_url"])).json()["status"]
            return bool(status == "accepted")

        assert cast("bool", await eventually(accepted))

    def mails(self, case: str) -> int:
        """Return the number of mails about *case* that have left."""
        return sum(case.encode() in path.read_bytes() for path in self.pipeline.mail.folder.glob("*.eml"))

    async def sent(self, case: str) -> list[tuple[str, str | None]]:
        return [(one["data"]["letter"], one["data"]["kept"]) for one in self.heard.of(case, "notice.sent")]

    async def decide(self, decision: Decision, text: bytes | None = None) -> None:
        """Make *decision*, after its preview, which has the letter that follows."""
        case = decision.request_id
        before: list[tuple[str, str | None]] = await eventually(lambda: self.sent(case))
        mails = self.mails(case)
        preview = await self.preview(decision, text)
        assert (await self.sent(case), self.mails(case)) == (before, mails)
        await self.send(decision, text)

        async def new() -> list[tuple[str, str | None]]:
            return [one for one in await self.sent(case) if one not in before]

        [(kind, kept)] = cast("list[tuple[str, str | None]]", await eventually(new))
        [letter] = preview["letters"]
        key = base64.b64decode(self.pipeline.settings["HABEAS_MASTER_KEY"])
        vault = Vault(self.pipeline.client, prefix=self.pipeline.prefix, master_key=key)
        copy = LetterCopy.read(await vault.open(case, kept or ""))
        assert letter == {"letter": kind, "subject": copy.subject, "text": copy.text, "html": copy.html}


async def test_preview_is_the_letter_that_the_decision_sends(pipeline: Pipeline, heard: Heard) -> None:
    people, staff = await pipeline.people(), Previewer(pipeline, heard, {})
    case, text = await referred(pipeline, people[9]), salted(ANSWER.encode(), b"s" * 16)
    asking, taken_back = [await pipeline.lodge(person.asks("access")) for person in people[10:12]]
    for person, asked in zip(people[10:12], (asking, taken_back), strict=True):
        await pipeline.code_for(person, asked)
    for one in (case, asking, taken_back):
        await staff.send(ContentOpened(request_id=one, by=PREVIEWER, item=EVERYTHING, reason="review"))
    staff.session = await pipeline.accounts.sign_in(pipeline.http, PREVIEWER)
    own = {"request_id": case, "by": "anna"}
    await staff.decide(ExtensionDecided(**own, reason=ExtensionReason.COMPLEXITY))
    again = await staff.preview(ExtensionDecided(**own, reason=ExtensionReason.COMPLEXITY))
    assert again == {"letters": [], "refused": "no_extension", "reason": None}
    fee = Money(amount="20.00", currency="EUR")
    await staff.decide(FeeDecided(**own, fee=fee, reason=FeeReason.EXCESSIVE))
    lifting = await staff.preview(RestrictionLifting(**own, reason="accuracy_verified"))
    assert lifting["refused"] == "nothing_restricted"
    item = written_item(text)
    await staff.decide(ReferralDecided(**own, outcome=Outcome.GRANTED, explanation=item), text)
    await pipeline.closed(case)
    said_so = {"statement": "Look again."}
    (await pipeline.http.post(f"/v1/requests/{case}/appeals", json=said_so)).raise_for_status()
    await eventually(lambda: heard.of(case, "appeal.received"))
    await eventually(
        lambda: "complaint_received" in [one["data"]["letter"] for one in heard.of(case, "notice.sent")]
    )
    await staff.decide(AppealDecided(request_id=case, by="bruno", granted=False, explanation=item), text)

    await staff.decide(NarrowingDecided(request_id=asking, by="anna"))
    await staff.decide(IdentityDecided(request_id=asking, by="anna", verified=False, reason="unidentifiable"))
    await staff.decide(WithdrawalDecided(request_id=taken_back, by="anna"))

    items = pipeline.client[f"{pipeline.prefix}_vault"]["items"].find(
        {"_id": {"$regex": f"^(?:{case}|{asking})/"}}, {"_id": 1}
    )
    assert [item["_id"] async for item in items if "/preview_" in item["_id"]] == []
