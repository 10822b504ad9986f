"""Sealed content of an incident is read by the account that opened it, for fifteen minutes."""

import json
from datetime import datetime, timedelta

import pytest
from fastapi import HTTPException
from httpx import Response
from pydantic import ValidationError

from services.intake.breach.register import DeclaredIncidents
from services.intake.http.staff_incidents import IncidentContent
from shared.contract.affected_people import proof_item, unreached_item
from shared.contract.breach_facts import ENTRY
from shared.contract.events import StaffRole
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachOpened,
    BreachRegistered,
    BreachRole,
    FilingsAsked,
    NoticeProofAsked,
    NoticesProven,
    RegisterOpened,
)
from shared.runtime.journal import JournalRow, facts_of
from tests.unit.fakes import proof_of
from tests.unit.incident_register_fakes import INCIDENT, Registry, declaration
from tests.unit.intake_api import assert_problem
from tests.unit.staff_desk import DANA, StaffDesk

DECLARED = BreachDeclared.model_validate(declaration())
LIST = "unreached_20260302092000"
LETTER = "<p>A copy of the customer table was taken.</p>"


async def opened(desk: StaffDesk, by: str = DANA.name, at: datetime | None = None) -> None:
    """Record that the account *by* opened the incident."""
    fact = BreachOpened(request_id=INCIDENT, by=by, reason="breach_room")
    handled_at = at or desk.office.clock()
    await desk.incidents.append([JournalRow(INCIDENT, 0, "1" * 32, fact, (), handled_at)])


async def sealed() -> StaffDesk:
    desk = StaffDesk()
    vault = desk.office.vault
    await vault.create(INCIDENT)
    await vault.seal(INCIDENT, "sample_1_0", LETTER.encode())
    for part, text in enumerate(("name,email\n", "Bruno Muster,bruno@example.com\n")):
        await vault.seal(INCIDENT, unreached_item(LIST, part), text.encode())
    await vault.seal(INCIDENT, "breach_chunk_1_0", b"people")
    return desk


async def read(desk: StaffDesk, item: str, *roles: StaffRole) -> Response:
    async with desk.client(await desk.sign_in(roles or (StaffRole.INCIDENT_OFFICER,))) as http:
        return await http.get(f"/v1/staff/incidents/{INCIDENT}/content/{item}")


async def test_opened_letter_runs_nothing_and_list_is_a_download() -> None:
    desk = await sealed()
    await opened(desk)
    letter = await read(desk, "sample_1_0")
    assert letter.text == LETTER
    assert letter.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    await desk.office.vault.seal(INCIDENT, "breach_filing_20260302092000_3", b"<p>Notification</p>")
    filing = await read(desk, "breach_filing_20260302092000_3")
    assert (filing.text, filing.headers["Content-Security-Policy"][:7]) == ("<p>Notification</p>", "sandbox")
    people = await read(desk, LIST)
    assert people.text == "name,email\nBruno Muster,bruno@example.com\n"
    assert people.headers["Content-Disposition"] == f'attachment; filename="{LIST}.csv"'


async def test_file_beside_a_document_is_a_download_without_a_type_that_is_shown() -> None:
    desk = await sealed()
    await opened(desk)
    await desk.office.vault.seal(INCIDENT, "breach_filing_20260302092000_4_file", b"<p>Mail</p>")
    file = await read(desk, "breach_filing_20260302092000_4_file")
    assert (file.content, file.headers["Content-Type"]) == (b"<p>Mail</p>", "application/octet-stream")
    assert file.headers["Content-Disposition"] == "attachment"


async def test_declaration_of_a_phase_is_a_download_of_an_opened_incident() -> None:
    desk = await sealed()
    await desk.office.vault.seal(INCIDENT, "breach_declared_x", DECLARED.model_dump_json().encode())
    registered = BreachRegistered(
        request_id=INCIDENT,
        phase=1,
        declaration="breach_declared_x",
        role=BreachRole.CONTROLLER,
        aware_at=desk.office.clock(),
    )
    await desk.incidents.append([JournalRow(INCIDENT, 1, "2" * 32, registered, (), desk.office.clock())])
    assert (await read(desk, "declaration_1")).status_code == 403
    await opened(desk)
    answer = await read(desk, "declaration_1")
    assert answer.json()["reference"] == DECLARED.reference
    assert answer.headers["Content-Disposition"] == 'attachment; filename="declaration_1.json"'
    assert_problem(await read(desk, "declaration_2"), 404)


async def test_entry_of_the_register_has_facts_effects_and_remedies() -> None:
    """GDPR Art. 33(5)."""
    registry, desk = Registry(), StaffDesk()
    await registry.declare()
    register = DeclaredIncidents(registry.journal, registry.vault)
    content = IncidentContent(registry.journal, desk.office.requests, desk.office.clock, register)
    answer = await content.item(INCIDENT, ENTRY)
    entry = json.loads(bytes(answer.body))
    assert (entry["incident"], entry["reference"]) == (INCIDENT, "inc-1")
    for name in ("nature", "consequences", "measures"):
        assert entry[name] == declaration()[name]
    assert entry["declared_by"] == ["ada"]
    with pytest.raises(HTTPException):
        await content.item("0" * 32, ENTRY)


async def test_opening_for_the_register_opens_its_entry_alone() -> None:
    desk = await sealed()
    fact = RegisterOpened(request_id=INCIDENT, by=DANA.name, reason="register")
    await desk.incidents.append([JournalRow(INCIDENT, 0, "1" * 32, fact, (), desk.office.clock())])
    assert (await read(desk, "sample_1_0")).status_code == 403
    assert (await read(desk, ENTRY)).status_code == 404, "open, and there is no such incident"
    others = await sealed()
    await opened(others)
    assert (await read(others, ENTRY)).status_code == 403


async def test_records_of_notices_are_read_by_the_account_that_asked_for_them() -> None:
    desk = await sealed()
    items = [proof_item(f"written_{digit * 64}") for digit in "ab"]
    for item in items:
        await desk.office.vault.seal(INCIDENT, item, b"[]")
    asked = NoticeProofAsked(request_id=INCIDENT, by=DANA.name, address=f"written_{'a' * 64}")
    other = asked.model_copy(update={"by": "robin.muster", "address": f"written_{'b' * 64}"})
    rows = [
        JournalRow(INCIDENT, n, f"{n:032x}", one, (), desk.office.clock())
        for n, one in enumerate((asked, other))
    ]
    await desk.incidents.append(rows)
    records = await read(desk, items[0])
    assert (records.status_code, records.text) == (200, "[]")
    assert (await read(desk, items[1])).status_code == 403
    assert (await read(desk, "sample_1_0")).status_code == 403


async def test_address_is_forgotten_once_its_notices_are_found() -> None:
    registry = Registry()
    await registry.declare()
    address = f"written_{'a' * 64}"
    await registry.vault.seal(INCIDENT, address, b"ada@example.org")
    item = proof_item(address)
    await registry.tell(NoticesProven(request_id=INCIDENT, address=address, item=item, notices=0))
    with pytest.raises(KeyError):
        await registry.vault.open(INCIDENT, address)


async def test_opening_for_the_register_is_recorded_without_further_work() -> None:
    registry = Registry()
    await registry.declare()
    opening = {"request_id": INCIDENT, "by": "ada", "reason": "register", "proof": proof_of("ada")}
    await registry.tell(RegisterOpened.model_validate(opening))
    assert registry.facts(FilingsAsked) == []
    rows = (await registry.journal.histories({INCIDENT}))[INCIDENT]
    assert [fact.by for _, fact in facts_of(rows) if isinstance(fact, RegisterOpened)] == ["ada"]


@pytest.mark.parametrize(
    "item",
    [
        "breach_chunk_1_0",
        "breach_facts_20260302092000",
        "breach_declared_1",
        "sample_1_1",
        "unreached_20260302",
    ],
)
async def test_other_content_is_not_given_out(item: str) -> None:
    desk = await sealed()
    await opened(desk)
    assert_problem(await read(desk, item), 404)


async def test_incident_must_be_opened_by_the_same_account() -> None:
    desk = await sealed()
    await opened(desk, by="robin.muster")
    answer = await read(desk, "sample_1_0")
    assert_problem(answer, 403)
    assert answer.json()["detail"] == "not_opened"


async def test_opening_ends_after_fifteen_minutes() -> None:
    desk = await sealed()
    await opened(desk, at=desk.office.clock() - timedelta(minutes=15))
    assert (await read(desk, "sample_1_0")).status_code == 403


async def test_agent_reads_no_content_of_an_incident() -> None:
    desk = await sealed()
    await opened(desk)
    answer = await read(desk, "sample_1_0", StaffRole.AGENT)
    assert (answer.status_code, answer.json()["detail"]) == (403, "role_missing")


def test_language_of_an_opening_is_short() -> None:
    opening = {"request_id": INCIDENT, "by": "ada", "reason": "breach_room"}
    assert BreachOpened(**opening, language="zh-Hant-TW").language == "zh-Hant-TW"
    with pytest.raises(ValidationError):
        BreachOpened(**opening, language="de" + "-abcdefgh" * 3)
