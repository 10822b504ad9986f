"""The content of a case is for the account that has opened it, for fifteen minutes."""

import base64
import io
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from httpx import Response

from habeas.event_samples import least
from services.intake.domain import ContentReadable
from services.verifier.assurance.levels import Sensitivity
from shared.contract.answer import (
    SUBMISSION,
    Answer,
    AnswerGroup,
    LetterCopy,
    PackageFacts,
    facts_of,
    outline_of,
)
from shared.contract.case_openings import EVERYTHING, OPENED_FOR, DrawnPages, page_of, pages_of, report_of
from shared.contract.events import (
    AliasProven,
    AnswerExpected,
    AppealAnswered,
    ContentOpened,
    DecisionRefused,
    ErasurePlanned,
    EvidenceShown,
    FileAttached,
    HoldPlaced,
    LetterKind,
    MessageLodged,
    NoticeSent,
    OfferedAliases,
    Outcome,
    PackageReviewed,
    PackageReviewNeeded,
    PermissionGranted,
    PermissionRevoked,
    ProofPresented,
    Remedy,
    RequestFulfilled,
    StaffRole,
)
from shared.contract.package_review import RedactionList, line_of
from shared.contract.staff import written_item
from shared.law import Regulation, Right
from tests.unit.fakes import NOW, Office, proof_of, request
from tests.unit.intake_api import CASE, assert_problem
from tests.unit.staff_desk import DANA, StaffDesk

URL = f"/v1/staff/cases/{CASE}/content"
HOSTILE = '<p>Dear <script>fetch("/v1/staff/session")</script></p>'
LETTER = LetterCopy(to="kim@example.org", subject="Your request", text="Dear Kim", html=HOSTILE)
PICTURE = {
    "kind": "document",
    "slot": "identity",
    "media_type": "image/jpeg",
    "content": base64.b64encode(b"\xff\xd8 a picture").decode(),
}
CLAIM = {"kind": "data_points", "points": {"customer_no": "K-7741-Q"}}


async def desk_with(**changes: Any) -> StaffDesk:
    desk = StaffDesk(Office(sensitivity=Sensitivity.HIGH))
    await desk.office.submit(request(**changes))
    return desk


async def open_case(desk: StaffDesk, by: str = DANA.name) -> None:
    opened = ContentOpened(request_id=CASE, by=by, item=EVERYTHING, reason="review")
    await desk.office.tell(opened, service="intake")


async def read(desk: StaffDesk, secret: str | None, path: str = "") -> Response:
    async with desk.client(secret) as http:
        return await http.get(f"{URL}{path}")


async def content_of(desk: StaffDesk, secret: str) -> Any:
    return (await read(desk, secret)).raise_for_status().json()


@pytest.mark.slow
async def test_opened_case_is_read_by_the_account_that_opened_it() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    answer = await read(desk, secret)
    content = answer.raise_for_status().json()
    assert answer.headers["cache-control"] == "no-store"
    assert content["submission"]["subject"]["name"] == "Ottilie Quastenflosser"
    assert content["until"] == (NOW + OPENED_FOR).isoformat().replace("+00:00", "Z")


@pytest.mark.slow
async def test_case_is_not_read_before_its_opening_is_on_record() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    assert_problem(await read(desk, secret), 403)
    await desk.office.tell(
        ContentOpened(request_id=CASE, by=DANA.name, item=SUBMISSION, reason="review"), service="intake"
    )
    refused = await read(desk, secret)
    assert (refused.status_code, refused.json()["detail"]) == (403, "not_opened")
    await open_case(desk)
    assert [(one.by, one.until) for one in desk.office.records(ContentReadable)] == [
        (DANA.name, NOW + OPENED_FOR)
    ]


async def test_opening_is_for_its_account_alone() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk, by="bruno.beispiel")
    for path in ("", f"/{SUBMISSION}", "/package_1"):
        refused = await read(desk, secret, path)
        assert (refused.status_code, refused.json()["detail"]) == (403, "not_opened")
        assert_problem(await read(desk, None, path), 401)


async def test_opening_ends_after_its_time() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    desk.office.clock.move(OPENED_FOR - timedelta(seconds=1))
    assert (await read(desk, secret)).status_code == 200
    desk.office.clock.move(timedelta(seconds=1))
    assert (await read(desk, secret)).json()["detail"] == "not_opened"


async def test_refused_opening_opens_nothing() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    desk.office.staff.against = "role_missing"
    await open_case(desk)
    assert_problem(await read(desk, secret), 403)


async def test_account_that_lost_its_role_reads_nothing() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    desk.change(roles=frozenset({StaffRole.VIEWER}))
    assert (await read(desk, secret)).json()["detail"] == "role_missing"


async def test_content_of_a_customer_is_read_while_the_permission_stands() -> None:
    desk = await desk_with(role="end_user")
    secret = await desk.sign_in()
    await open_case(desk)
    assert {one.reason for one in desk.office.facts(DecisionRefused)} == {"no_permission"}
    granted = PermissionGranted(
        request_id=CASE, by="bruno", account=DANA.name, until=NOW + timedelta(days=1), reason="forwarding"
    )
    await desk.office.tell(granted, service="intake")
    await open_case(desk)
    assert (await read(desk, secret)).status_code == 200
    revoked = PermissionRevoked(request_id=CASE, by="bruno", account=DANA.name)
    await desk.office.tell(revoked, service="intake")
    assert (await read(desk, secret)).json()["detail"] == "no_permission"


# --- letters, texts and mails ---------------------------------------------------------------------------


async def send_letter(desk: StaffDesk) -> None:
    await desk.office.vault.seal(CASE, "letter_1", LETTER.written())
    sent = NoticeSent(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT, kept="letter_1")
    unkept = NoticeSent(request_id=CASE, letter=LetterKind.CODE)
    await desk.office.tell(sent, unkept, service="notifier")


async def test_letter_is_shown_as_it_was_sent_and_runs_nothing() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await send_letter(desk)
    await open_case(desk)
    [letter] = (await content_of(desk, secret))["letters"]
    assert {name: letter[name] for name in ("item", "kind", "to", "subject", "text", "html")} == {
        "item": "letter_1",
        "kind": "acknowledgement",
    } | LETTER.model_dump()
    shown = await read(desk, secret, "/letter_1")
    assert shown.text == HOSTILE
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "item",
    [
        SUBMISSION, "code_0", "written_1", "letter_2", "letter_", "erasure_plan_1", "..%2Fsubmission",
        f"..%2F..%2F{'0' * 32}%2Fsubmission", "letter_1%00", "%2e%2e", "*", ".*",
    ],
)  # fmt: skip
async def test_other_items_and_paths_are_not_there(item: str) -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await send_letter(desk)
    await open_case(desk)
    answer = await read(desk, secret, f"/{item}")
    assert answer.status_code in {404, 422}
    assert "Ottilie" not in answer.text


async def test_texts_statements_and_mails_are_shown() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    text = bytes(16) + b"We have looked again."
    for item, content in {written_item(text): text, "statement_1": b"I disagree"}.items():
        await desk.office.vault.seal(CASE, item, content)

    async def mail() -> Any:
        yield b"From: kim@example.org\r\n\r\nHello"

    await desk.office.vault.seal_stream(CASE, "mail_1", mail())
    await desk.office.requests.appeal(CASE, "I disagree")
    answered = AppealAnswered(
        request_id=CASE,
        remedy=Remedy.COMPLAINT,
        received_on=NOW.date(),
        granted=False,
        explanation=written_item(text),
    )
    await desk.office.requests.record(CASE, answered)
    lodged = MessageLodged(request_id=CASE, message="mail_1", reason="other", own=True)
    await desk.office.requests.record(CASE, lodged)
    await open_case(desk)
    content = await content_of(desk, secret)
    assert [one["text"] for one in content["texts"]] == ["We have looked again."]
    assert [one["text"] for one in content["statements"]] == ["I disagree"]
    assert [(one["item"], one["reason"]) for one in content["mails"]] == [("mail_1", "other")]
    shown = await read(desk, secret, "/mail_1")
    assert shown.content.endswith(b"Hello")
    assert shown.headers["content-disposition"] == 'attachment; filename="mail_1"'


async def test_notes_and_attached_files_are_shown_with_their_account() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    async with desk.client(secret) as http:
        noted = await http.post(f"/v1/staff/cases/{CASE}/notes", json={"text": "Called back."})
        named = {"Content-Disposition": "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf"}
        file = await http.post(f"/v1/staff/cases/{CASE}/files", content=b"%PDF-1.7 a scan", headers=named)
        bare = await http.post(f"/v1/staff/cases/{CASE}/files", content=b"%PDF-1.7")
    await open_case(desk)
    content, item = await content_of(desk, secret), file.raise_for_status().json()["item"]
    assert [(one["by"], one["text"]) for one in content["notes"]] == [(DANA.name, "Called back.")]
    assert [(one["item"], one["by"], one["media_type"]) for one in content["files"]] == [
        (item, DANA.name, "application/pdf"),
        (bare.json()["item"], DANA.name, "application/pdf"),
    ]
    assert [(one["name"], one["size"]) for one in content["files"]] == [("Gr\u00fc\u00dfe.pdf", 15), ("", 8)]
    assert "pdf" not in str([fact.model_dump() for fact in desk.office.facts(FileAttached)]).replace(
        "application/pdf", ""
    )
    shown = await read(desk, secret, f"/{item}")
    assert shown.content == b"%PDF-1.7 a scan"
    assert shown.headers["content-disposition"] == f'attachment; filename="{item}"'
    assert shown.headers["content-security-policy"].startswith("sandbox;")
    assert (await read(desk, secret, f"/{noted.json()['item']}")).status_code == 404


async def test_signed_certificates_are_downloads() -> None:
    desk = await desk_with(right="erasure")
    secret = await desk.sign_in()
    await desk.office.vault.seal(CASE, "certificate_1", b'{"certificate": {}}')
    answered = least(RequestFulfilled, request_id=CASE, outcome="granted", certificate="certificate_1")
    await desk.office.requests.record(CASE, answered)
    await open_case(desk)
    [shown] = (await content_of(desk, secret))["certificates"]
    assert shown["item"] == "certificate_1"
    read_file = await read(desk, secret, "/certificate_1")
    assert read_file.content == b'{"certificate": {}}'
    assert read_file.headers["content-disposition"] == 'attachment; filename="certificate_1"'


async def test_text_of_a_legal_hold_is_shown() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    text = bytes(16) + b"The lawyer called."
    await desk.office.vault.seal(CASE, written_item(text), text)
    hold_id, item = "ef" * 16, written_item(text)
    placed = HoldPlaced(
        request_id=CASE, by="omar", hold=hold_id, scope="person", matter="claim_7", explanation=item
    )
    await desk.office.requests.publish(placed, "ab" * 16, None)
    await open_case(desk)
    [hold] = (await content_of(desk, secret))["holds"]
    assert (hold["by"], hold["matter"], hold["text"]) == ("omar", "claim_7", "The lawyer called.")


async def test_reasons_of_decisions_are_shown_with_their_account() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    text = bytes(16) + b"The person called."
    await desk.office.vault.seal(CASE, written_item(text), text)
    expected = AnswerExpected(request_id=CASE, by="omar", on=NOW.date(), remark=written_item(text))
    await desk.office.tell(expected, expected.model_copy(update={"remark": None}), service="intake")
    await open_case(desk)
    [remark] = (await content_of(desk, secret))["remarks"]
    assert (remark["by"], remark["type"], remark["text"]) == (
        "omar",
        AnswerExpected.TYPE,
        "The person called.",
    )


@dataclass
class WillingDesk(StaffDesk):
    """Accepts the proof of every decision."""

    async def flaw(self, *_decision: object) -> None:
        """Return no reason against a decision."""


async def submit_opening(desk: StaffDesk, secret: str) -> int:
    """Submit the opening of the case; return the status of the answer."""
    data = {"request_id": CASE, "by": DANA.name, "item": EVERYTHING, "reason": "review"}
    form = {"type": ContentOpened.TYPE, "data": data | {"proof": proof_of(DANA.name)}}
    async with desk.client(secret) as http:
        return (await http.post("/v1/staff/decisions", json=form)).status_code


async def test_mail_that_is_no_request_is_opened_and_read() -> None:
    desk = WillingDesk(Office())
    secret = await desk.sign_in()

    async def mail() -> Any:
        yield b"From: kim@example.org\r\n\r\nHello"

    await desk.office.vault.create(CASE)
    await desk.office.vault.seal_stream(CASE, "mail_1", mail())
    lodged = MessageLodged(request_id=CASE, message="mail_1", reason="set_aside", own=False)
    await desk.office.requests.record(CASE, lodged)
    assert (await read(desk, secret)).json()["detail"] == "not_opened"
    assert await submit_opening(desk, secret) == 202
    await desk.office.work()
    content = await content_of(desk, secret)
    assert (content["submission"], content["evidence"]["pending"]) == (None, False)
    assert [one["item"] for one in content["mails"]] == ["mail_1"]
    assert (await read(desk, secret, "/mail_1")).content.endswith(b"Hello")
    assert desk.office.facts(EvidenceShown) == []
    assert (desk.office.broker.parked("verifier"), desk.office.broker.waiting()) == ([], [])


async def test_case_without_a_request_or_a_mail_is_not_there() -> None:
    desk = WillingDesk(Office())
    secret = await desk.sign_in()
    assert await submit_opening(desk, secret) == 404
    assert_problem(await read(desk, secret), 404)


# --- proofs -----------------------------------------------------------------------------------------------


async def with_proofs(desk: StaffDesk) -> str:
    """Offer a document and data points, and return the name of the document."""
    await desk.office.offer(CLAIM, PICTURE, id_="p")
    return desk.office.facts(ProofPresented)[-1].proof.ref


async def draw(desk: StaffDesk, proof: str) -> None:
    for item, content in {
        page_of(proof, 1): b"\xff\xd8 page 1",
        pages_of(proof): DrawnPages(pages=1, more=2).model_dump_json().encode(),
        report_of(proof): b'{"slot": "identity", "verdict": "unclear", "checks": []}',
    }.items():
        await desk.office.vault.seal(CASE, item, content)


@pytest.mark.slow
async def test_pages_are_pending_until_they_are_drawn_and_then_shown() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    proof = await with_proofs(desk)
    await open_case(desk)
    assert desk.office.facts(EvidenceShown)
    evidence = (await content_of(desk, secret))["evidence"]
    assert evidence["claims"] == [{"customer_no": "K-7741-Q"}]
    [document] = evidence["documents"]
    assert (document["pending"], document["pages"], document["report"]) == (True, [], None)
    assert (await read(desk, secret, f"/{page_of(proof, 1)}")).status_code == 404
    await draw(desk, proof)
    [document] = (await content_of(desk, secret))["evidence"]["documents"]
    assert (document["slot"], document["pending"], document["more"]) == ("identity", False, 2)
    assert document["pages"] == [page_of(proof, 1)]
    assert document["report"]["verdict"] == "unclear"
    page = await read(desk, secret, f"/{page_of(proof, 1)}")
    assert (page.content, page.headers["content-type"]) == (b"\xff\xd8 page 1", "image/jpeg")
    for item in (proof, page_of(proof, 2), pages_of(proof), report_of(proof)):
        assert (await read(desk, secret, f"/{item}")).status_code == 404, "no bytes but those of pictures"


async def test_proofs_are_pending_until_the_verifier_has_listed_them_for_this_opening() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await with_proofs(desk)
    await open_case(desk)
    desk.office.clock.move(OPENED_FOR)
    again = ContentReadable(request_id=CASE, by=DANA.name, until=desk.office.clock() + OPENED_FOR)
    await desk.office.requests.record(CASE, again)
    evidence = (await content_of(desk, secret))["evidence"]
    assert evidence == {"pending": True, "documents": [], "claims": []}


# --- the answer -------------------------------------------------------------------------------------------


def package() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("orders.json", b"[1, 2]")
    return content.getvalue()


async def answered(content: bytes) -> StaffDesk:
    """Return a desk with a case that is opened, and answered with a package."""
    desk = await desk_with()

    async def pieces() -> Any:
        yield content

    answer = Answer(disclosed=(AnswerGroup(label="Orders", records=2),))
    facts = PackageFacts(size=len(content), sha256="0" * 64)
    await desk.office.vault.seal(CASE, "answer_1", answer.model_dump_json().encode())
    await desk.office.vault.seal(CASE, facts_of("package_1"), facts.model_dump_json().encode())
    await desk.office.vault.seal_stream(CASE, "package_1", pieces())
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer_1", package="package_1"
    )
    await desk.office.tell(fulfilled)
    await open_case(desk)
    return desk


async def test_answer_and_list_of_the_package_are_shown() -> None:
    desk = await answered(package())
    shown = await content_of(desk, await desk.sign_in())
    assert shown["answer"] == {"disclosed": [{"label": "Orders", "records": 2}]}
    assert shown["package"]["item"] == "package_1"
    assert shown["package"]["files"] == [{"name": "orders.json", "size": 6}]


async def test_package_is_a_download_for_the_opened_time_while_it_is_kept() -> None:
    content = package()
    desk = await answered(content)
    secret = await desk.sign_in()
    given = await read(desk, secret, "/package_1")
    assert given.content == content
    assert given.headers["content-type"] == "application/zip"
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["content-security-policy"].startswith("sandbox")
    assert given.headers["cache-control"] == "no-store"
    await desk.office.vault.discard_all(CASE, ["package_1"])
    assert_problem(await read(desk, secret, "/package_1"), 404)
    desk.office.clock.move(OPENED_FOR)
    assert_problem(await read(desk, secret, "/package_1"), 403)


async def test_offered_aliases_are_shown_with_their_references() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    offer = OfferedAliases(ref="aliases_1", identities=("phone_number", "email"))
    pairs = [("phone_number", "+35320910077"), ("email", "lou@example.net")]
    await desk.office.vault.seal(CASE, offer.ref, orjson.dumps(pairs))
    fulfilled = RequestFulfilled(
        request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer_1", aliases=offer
    )
    await desk.office.tell(fulfilled)
    _, place = await desk.office.requests.look_up(CASE)
    proven = AliasProven(request_id=CASE, aliases=offer.ref, number=2)
    assert await desk.office.requests.append(CASE, place, proven)
    await open_case(desk)
    phone, mailbox = (await content_of(desk, secret))["aliases"]
    assert phone == {
        "alias": "aliases_1:1",
        "identity": "phone_number",
        "value": "+35320910077",
        "proven": False,
    }
    assert (mailbox["alias"], mailbox["value"], mailbox["proven"]) == (
        "aliases_1:2",
        "lou@example.net",
        True,
    )


async def test_case_without_an_offer_shows_no_alias() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    assert (await content_of(desk, secret))["aliases"] == []


async def test_outline_of_the_plan_that_was_to_be_approved_is_shown() -> None:
    desk = await desk_with(right="erasure")
    secret = await desk.sign_in()
    planned = ErasurePlanned(
        request_id=CASE,
        plan="erasure_plan_1",
        regulation=Regulation.GDPR,
        received_on=NOW.date(),
        approval=True,
    )
    outline = Answer(erased=(AnswerGroup(label="Profiles", records=2),))
    await desk.office.vault.seal(CASE, outline_of(planned.plan), outline.model_dump_json().encode())
    await desk.office.requests.record(CASE, planned)
    later = planned.model_copy(update={"plan": "erasure_plan_2", "approval": False})
    await desk.office.requests.record(CASE, later)
    await open_case(desk)
    assert (await content_of(desk, secret))["plan"] == {"erased": [{"label": "Profiles", "records": 2}]}


# --- packages to review -----------------------------------------------------------------------------------


async def list_package(desk: StaffDesk, *records: dict[str, Any]) -> None:
    lines = [
        line_of(
            orjson.dumps({"collection": "shop.users", "label": "Users", "record": number}).decode(), fields
        )
        for number, fields in enumerate((orjson.dumps(one).decode() for one in records), 1)
    ]
    await desk.office.vault.seal(CASE, "listing_1", "".join(f"{line}\n" for line in lines).encode())
    needed = PackageReviewNeeded(
        request_id=CASE, right=Right.ACCESS, listing="listing_1", records=len(records)
    )
    await desk.office.tell(needed, service="fulfillment")


@pytest.mark.slow
async def test_records_of_a_package_to_review_are_shown_in_pieces() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    records = [{"email": f"{number}@example.org", "text": "x" * 9_000} for number in range(3)]
    await list_package(desk, *records)
    path = "/review/records"
    assert (await read(desk, secret, path)).json()["detail"] == "not_opened"
    await open_case(desk)
    review = (await content_of(desk, secret))["review"]
    assert (review["listing"], review["right"], review["records"]) == ("listing_1", "access", 3)
    shown: list[Any] = []
    start: Any = 0
    while start is not None:
        piece = (await read(desk, secret, f"{path}?start={start}")).raise_for_status().json()
        assert len(piece["records"]) == 1
        shown += piece["records"]
        start = piece["next"]
    assert [one["fields"] for one in shown] == records
    assert [one["record"] for one in shown] == [1, 2, 3]
    assert_problem(await read(desk, secret, f"{path}?start=7"), 404)
    assert_problem(await read(desk, secret, "/listing_1"), 404)


async def test_review_of_a_package_shows_its_redactions_to_the_second_account() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await list_package(desk, {"email": "kim@example.org"})
    redactions = [{"collection": "shop.users", "record": 1, "field": "email", "reason": "third_party_rights"}]
    text = bytes(16) + RedactionList.model_validate({"redactions": redactions}).model_dump_json().encode()
    await desk.office.vault.seal(CASE, written_item(text), text)
    for listing in ("listing_0", "listing_1"):
        reviewed = PackageReviewed(
            request_id=CASE, by="omar.sample", listing=listing, redactions=written_item(text)
        )
        await desk.office.tell(reviewed, service="console")
    await open_case(desk)
    [review] = (await content_of(desk, secret))["review"]["reviews"]
    assert (review["by"], review["item"], review["redactions"]) == (
        "omar.sample",
        written_item(text),
        redactions,
    )


async def test_without_a_package_to_review_there_are_no_records() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    assert (await content_of(desk, secret))["review"] is None
    assert_problem(await read(desk, secret, "/review/records"), 404)


async def test_purged_case_is_not_there() -> None:
    desk = await desk_with()
    secret = await desk.sign_in()
    await open_case(desk)
    await desk.office.vault.destroy(CASE)
    assert_problem(await read(desk, secret), 404)
