"""Owner, notes and files of a case: what a session may do without a code, and what the person sees of it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response

from services.intake.domain import MailboxSearched, ReferenceSearched
from services.intake.http.staff_actions import ACTING, MOST_FILE_BYTES, MOST_FILES, MOST_NOTES
from services.intake.http.staff_decisions import SEARCHES_PER_HOUR
from shared.contract.answer import FileFacts, facts_of
from shared.contract.correlation import correlation
from shared.contract.envelope import MAX_BODY
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    SESSION_ID,
    CaseAssigned,
    CaseNoted,
    CasesSearched,
    Fact,
    FileAttached,
    MessageLodged,
    RequestPurged,
    StaffRole,
)
from shared.contract.register import CaseHistory, CountedRequest, RequestResult
from shared.contract.staff import session_token
from shared.law import Right
from shared.runtime.client_limits import Allowance
from shared.runtime.journal import JournalRow
from tests.unit.fakes import NOW, PERSON, SOURCE, AbsentBroker, request, submission
from tests.unit.intake_api import CASE, UNKNOWN, assert_problem
from tests.unit.staff_desk import DANA, StaffDesk

PDF = b"%PDF-1.7\n" + b"x" * 100
EMAIL = str(PERSON["email"])
OTHER = "portal.example"
NOTE = {"text": "The customer called twice."}
READING = sorted(set(StaffRole) - {StaffRole.AGENT, StaffRole.APPROVER, StaffRole.INCIDENT_OFFICER})


async def opened() -> StaffDesk:
    """Return a desk with a request."""
    desk = StaffDesk()
    await desk.office.submit(request())
    return desk


async def act(desk: StaffDesk, action: str, body: Any, case: str = CASE, **session: Any) -> Response:
    """Return the answer to an action in a new session."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    async with desk.client(await desk.sign_in(**session)) as http:
        return await http.post(f"/v1/staff/cases/{case}/{action}", **content)


@pytest.mark.slow
async def test_owner_is_set_and_taken_away_on_record() -> None:
    desk = await opened()
    desk.people["robin.muster"] = replace(DANA, name="robin.muster")
    for owner in ("robin.muster", None):
        assert (await act(desk, "owner", {"owner": owner})).status_code == 204
    assert desk.office.facts(CaseAssigned) == [
        CaseAssigned(request_id=CASE, owner=owner, by="dana.muster") for owner in ("robin.muster", None)
    ]


@pytest.mark.parametrize("change", [{"disabled": True}, {"second_factor": b""}], ids=["disabled", "program"])
async def test_owner_is_an_enabled_account_of_a_person(change: dict[str, Any]) -> None:
    desk = await opened()
    desk.people["robin.muster"] = replace(DANA, name="robin.muster", **change)
    for owner in ("robin.muster", "nobody.muster"):
        assert_problem(await act(desk, "owner", {"owner": owner}), 422)
    assert desk.office.facts(CaseAssigned) == []


async def test_text_of_a_note_is_sealed_and_in_no_event() -> None:
    desk = await opened()
    answer = await act(desk, "notes", NOTE)
    item = answer.json()["item"]
    assert answer.status_code == 201
    assert desk.office.sealed(CASE)[item].decode() == NOTE["text"]
    assert desk.office.the(CaseNoted) == CaseNoted(request_id=CASE, note=item, by="dana.muster")
    assert not [one for one in desk.office.broker.published if NOTE["text"].encode() in one.body]


async def test_file_is_sealed_with_the_type_of_its_first_bytes() -> None:
    desk = await opened()
    answer = await act(desk, "files", PDF)
    attached = desk.office.the(FileAttached)
    assert (answer.status_code, answer.json()) == (201, {"item": attached.item})
    assert (attached.media_type, attached.by) == ("application/pdf", "dana.muster")
    assert desk.office.sealed(CASE)[attached.item] == PDF


@pytest.mark.parametrize(
    ("header", "name"),
    [("attachment; filename=scan.pdf", "scan.pdf"), ("(" * 4000, "")],
    ids=["name", "none"],
)
async def test_name_of_a_file_is_sealed(header: str, name: str) -> None:
    desk = await opened()
    async with desk.client(await desk.sign_in()) as http:
        headers = {"Content-Disposition": header}
        answer = await http.post(f"/v1/staff/cases/{CASE}/files", content=PDF, headers=headers)
    facts = FileFacts.model_validate_json(desk.office.sealed(CASE)[facts_of(answer.json()["item"])])
    assert facts == FileFacts(name=name, size=len(PDF))


async def test_file_of_another_type_is_refused() -> None:
    desk = await opened()
    assert_problem(await act(desk, "files", b"<html></html>"), 415)
    assert_problem(await act(desk, "files", b""), 415)
    assert not [item for item in desk.office.sealed(CASE) if item.startswith("file_")]


@pytest.mark.slow
async def test_file_is_as_large_as_a_document_of_a_person_at_most() -> None:
    desk = await opened()
    largest = b"%PDF-" + bytes(MOST_DOCUMENT_BYTES - 5)
    assert len(largest) > MAX_BODY
    assert (await act(desk, "files", largest)).status_code == 201
    assert_problem(await act(desk, "files", largest + b"x"), 413)


ACTIONS = {"owner": {"owner": None}, "notes": NOTE, "files": PDF}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", READING)
async def test_reading_role_does_not_act(action: str, role: StaffRole) -> None:
    desk = await opened()
    answer = await act(desk, action, ACTIONS[action], roles={role})
    assert (answer.status_code, answer.json()["detail"]) == (403, "role_missing")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", sorted(set(StaffRole) - set(READING)))
async def test_deciding_role_acts(action: str, role: StaffRole) -> None:
    assert (await act(await opened(), action, ACTIONS[action], roles={role})).is_success


@pytest.mark.parametrize("action", ACTIONS)
async def test_action_without_a_session_is_refused(action: str) -> None:
    desk = await opened()
    async with desk.client("wrong") as http:
        assert_problem(await http.post(f"/v1/staff/cases/{CASE}/{action}", content=b"{}"), 401)


@pytest.mark.parametrize("action", ACTIONS)
async def test_action_on_an_unknown_case_is_refused(action: str) -> None:
    desk = await opened()
    session = await desk.sign_in()
    [number] = {row.case for row in desk.office.journals["intake"].rows.values()} - {CASE}
    async with desk.client(session) as http:
        for case in (UNKNOWN, number):
            content = {"content": PDF} if action == "files" else {"json": ACTIONS[action]}
            assert_problem(await http.post(f"/v1/staff/cases/{case}/{action}", **content), 404)


@pytest.mark.parametrize("action", ACTIONS)
async def test_actions_of_an_account_are_limited(action: str) -> None:
    desk = await opened()
    desk.actions = Allowance(2)
    assert (await act(desk, "owner", {"owner": None})).is_success
    assert (await act(desk, action, ACTIONS[action])).is_success
    answer = await act(desk, action, ACTIONS[action])
    assert_problem(answer, 429)
    assert answer.headers["retry-after"] == "3600"


def add(desk: StaffDesk, *facts: Fact) -> None:
    """Append *facts* to the journal of the case."""
    row = JournalRow(CASE, 9, "before", None, facts, NOW)
    desk.office.journals["intake"].rows[row.key] = row


@pytest.mark.slow
async def test_case_has_a_maximum_of_notes() -> None:
    desk = await opened()
    noted = CaseNoted(request_id=CASE, note="note_1", by="dana.muster")
    add(desk, *[noted] * (MOST_NOTES - 1))
    assert (await act(desk, "notes", NOTE)).is_success
    assert_problem(await act(desk, "notes", NOTE), 409)
    assert (await act(desk, "files", PDF)).is_success


async def test_case_has_a_maximum_of_files() -> None:
    desk = await opened()
    attached = FileAttached(request_id=CASE, item="gone", media_type="application/pdf", by="dana.muster")
    add(desk, *[attached] * (MOST_FILES - 1))
    assert (await act(desk, "files", PDF)).is_success
    assert_problem(await act(desk, "files", PDF), 409)


async def test_case_has_a_maximum_of_bytes_of_files() -> None:
    desk = await opened()
    facts = FileFacts(size=MOST_FILE_BYTES - len(PDF)).model_dump_json().encode()
    await desk.office.requests.vault.seal(CASE, facts_of("file_1"), facts)
    add(desk, FileAttached(request_id=CASE, item="file_1", media_type="application/pdf", by="dana.muster"))
    assert (await act(desk, "files", PDF)).is_success
    assert_problem(await act(desk, "files", PDF), 409)
    assert len(desk.office.facts(FileAttached)) == 1


@pytest.mark.parametrize("action", ACTIONS)
async def test_action_on_a_purged_case_is_refused(action: str) -> None:
    desk = await opened()
    session = await desk.sign_in()
    journal = desk.office.journals["intake"]
    purged = JournalRow(CASE, 9, "purged", None, (RequestPurged(request_id=CASE),), NOW)
    journal.rows = {key: row for key, row in journal.rows.items() if row.case != CASE} | {purged.key: purged}
    content = {"content": PDF} if action == "files" else {"json": ACTIONS[action]}
    async with desk.client(session) as http:
        assert_problem(await http.post(f"/v1/staff/cases/{CASE}/{action}", **content), 404)
    assert not [item for item in desk.office.sealed(CASE) if item.startswith(("note_", "file_"))]


async def test_request_that_waits_in_the_queue_can_be_noted() -> None:
    desk = StaffDesk()
    desk.office.queue.free = 0
    case = await desk.office.lodge(request(), SOURCE)
    assert (await act(desk, "notes", NOTE, case)).status_code == 201


async def test_person_sees_nothing_of_it() -> None:
    desk = await opened()
    async with desk.client() as http:
        before = (await http.get(f"/v1/requests/{CASE}")).json()
        for action, body in ACTIONS.items():
            assert (await act(desk, action, body)).is_success
        assert (await http.get(f"/v1/requests/{CASE}")).json() == before


async def test_action_is_on_record_while_the_broker_is_away() -> None:
    desk = await opened()
    session = await desk.sign_in()
    office = desk.office
    office.requests = replace(office.requests, publisher=AbsentBroker())
    async with desk.client(session) as http:
        assert (await http.post(f"/v1/staff/cases/{CASE}/owner", json={"owner": DANA.name})).is_success
    [owed] = office.journals["intake"].owed
    assert office.journals["intake"].rows[owed].facts == (
        CaseAssigned(request_id=CASE, owner=DANA.name, by=DANA.name),
    )


def test_action_keeps_a_case_no_longer() -> None:
    history = CaseHistory.of(
        [(NOW, MessageLodged(request_id=CASE, message="mail", reason="spam", own=False))]
    )
    for fact in (
        CaseAssigned(request_id=CASE, owner="dana.muster", by="dana.muster"),
        CaseNoted(request_id=CASE, note="note_1", by="dana.muster"),
        FileAttached(request_id=CASE, item="file_1", media_type="application/pdf", by="dana.muster"),
    ):
        history.note(fact, NOW + timedelta(days=400))
    assert history.ended_at == NOW


async def test_owners_to_choose_from_are_the_enabled_people() -> None:
    desk = StaffDesk()
    desk.people["fides.bridge"] = replace(DANA, name="fides.bridge", second_factor=b"")
    desk.people["former.muster"] = replace(DANA, name="former.muster", disabled=True)
    async with desk.client(await desk.sign_in({StaffRole.VIEWER})) as http:
        answer = await http.get("/v1/staff/accounts")
    assert answer.json() == [{"account": "dana.muster", "display_name": "Dana Muster", "roles": ["viewer"]}]
    async with desk.client() as http:
        assert_problem(await http.get("/v1/staff/accounts"), 401)


async def test_cases_of_a_mailbox_are_found_by_accounts_that_act_alone() -> None:
    desk = await opened()
    for role in StaffRole:
        async with desk.client(await desk.sign_in({role})) as http:
            answer = await http.post("/v1/staff/search", json={"mailbox": PERSON["email"]})
            if role not in ACTING:
                assert_problem(answer, 403)
                continue
            assert (answer.status_code, answer.json()) == (200, {"cases": [CASE]})
            other = await http.post("/v1/staff/search", json={"mailbox": "nobody@example.org"})
            assert other.json() == {"cases": []}
    async with desk.client() as http:
        assert_problem(await http.post("/v1/staff/search", json={"mailbox": PERSON["email"]}), 401)


async def test_search_is_on_record_without_the_mailbox() -> None:
    desk = await opened()
    secret = await desk.sign_in()
    async with desk.client(secret) as http:
        await http.post("/v1/staff/search", json={"mailbox": EMAIL})
    [searched] = desk.office.facts(MailboxSearched)
    assert searched == MailboxSearched(
        request_id=session_token(secret)[:SESSION_ID],
        by="dana.muster",
        mailbox=desk.office.requesters.hashed(EMAIL),
        found=1,
    )
    assert EMAIL not in searched.model_dump_json()
    assert desk.office.the(CasesSearched) == CasesSearched(
        request_id=searched.request_id, by=searched.by, found=searched.found
    )


async def found_by(http: AsyncClient, **wanted: str) -> list[str]:
    answer = await http.post("/v1/staff/search", json=wanted)
    return sorted(answer.raise_for_status().json()["cases"])


async def test_requests_with_a_reference_are_found_of_any_system_or_of_one() -> None:
    desk, name = StaffDesk(), str(request()["reference"])
    for number, source in enumerate((SOURCE, OTHER)):
        await desk.office.submit(request(), id_=str(number), source=source)
    one, other = (desk.office.requests.id_of(source, name) for source in (SOURCE, OTHER))
    async with desk.client(await desk.sign_in()) as http:
        assert await found_by(http, reference=name) == sorted([one, other])
        assert await found_by(http, reference=name, source=OTHER) == [other]
        assert await found_by(http, reference="ticket-8") == []


async def test_request_that_waits_for_its_turn_or_for_itself_is_found_by_its_reference() -> None:
    desk = StaffDesk()
    desk.office.queue.free = 1
    for number, name in enumerate(("ticket-1", "ticket-2")):
        await desk.office.submit(request(reference=name), id_=str(number))
    early = submission("request.withdrawn", {"reference": "ticket-3"}, id_="early")
    await desk.office.broker.publish([early])
    await desk.office.work()
    async with desk.client(await desk.sign_in()) as http:
        for name in ("ticket-1", "ticket-2", "ticket-3"):
            assert await found_by(http, reference=name) == [desk.office.requests.id_of(SOURCE, name)]


async def test_search_by_reference_is_on_record_without_the_reference() -> None:
    desk = await opened()
    async with desk.client(await desk.sign_in()) as http:
        await found_by(http, reference=EMAIL)
    [searched] = desk.office.facts(ReferenceSearched)
    assert (searched.by, searched.found) == ("dana.muster", 0)
    assert searched.reference == desk.office.requests.keyed(EMAIL) != desk.office.requests.keyed("x")
    assert EMAIL not in searched.model_dump_json()
    assert desk.office.the(CasesSearched).found == 0
    assert EMAIL.encode() not in desk.office.broker.published[-1].body
    published = correlation("stranger.example", EMAIL, key=desk.office.requests.keys.requests, admitted=False)
    assert searched.reference != published.reference, "a publisher learns that form"


async def test_purged_requests_of_a_year_are_counted_for_signed_in_accounts() -> None:
    desk = StaffDesk()
    kind = CountedRequest(2024, "gdpr", Right.ACCESS, RequestResult.REFUSED, ("excessive",), True, 40)
    desk.purged = Counter({kind: 3, replace(kind, year=2023): 1})
    async with desk.client() as http:
        assert_problem(await http.get("/v1/staff/figures", params={"year": 2024}), 401)
    async with desk.client(await desk.sign_in({StaffRole.VIEWER})) as http:
        answer = await http.get("/v1/staff/figures", params={"year": 2024})
    [count] = answer.json()["counts"]
    assert count == {
        "law": "gdpr", "right": "access", "result": "refused", "grounds": ["excessive"],
        "late": True, "days": 40, "requests": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"mailbox": EMAIL, "reference": "ticket-7"},
        {"mailbox": EMAIL, "source": SOURCE},
        {"reference": ""},
    ],
)
async def test_search_names_a_mailbox_or_a_reference(wanted: dict[str, str]) -> None:
    desk = await opened()
    async with desk.client(await desk.sign_in()) as http:
        assert_problem(await http.post("/v1/staff/search", json=wanted), 422)
    assert not [*desk.office.facts(ReferenceSearched), *desk.office.facts(MailboxSearched)]


@pytest.mark.parametrize(
    ("action", "body"), [("owner", {"owner": "dana.muster"}), ("notes", NOTE), ("files", PDF)]
)
async def test_account_acts_on_no_case_that_names_a_mailbox_of_its_person(action: str, body: Any) -> None:
    desk = await opened()
    desk.change(mailboxes=frozenset({"hash"}))
    answer = await act(desk, action, body)
    assert_problem(answer, 403)
    assert answer.json()["detail"] == "decider_is_concerned"
    assert not [*desk.office.facts(CaseAssigned), *desk.office.facts(CaseNoted)]


async def test_owner_is_no_account_whose_person_the_case_names() -> None:
    desk = await opened()
    desk.people["robin.muster"] = replace(DANA, name="robin.muster", mailboxes=frozenset({"hash"}))
    assert_problem(await act(desk, "owner", {"owner": "robin.muster"}), 403)
    assert desk.office.facts(CaseAssigned) == []


@pytest.mark.slow
async def test_searches_of_an_account_are_limited() -> None:
    desk = await opened()
    async with desk.client(await desk.sign_in()) as http:
        statuses = [
            (await http.post("/v1/staff/search", json={"mailbox": PERSON["email"]})).status_code
            for _ in range(SEARCHES_PER_HOUR + 1)
        ]
    assert statuses == [200] * SEARCHES_PER_HOUR + [429]
