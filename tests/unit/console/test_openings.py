"""Openings of sealed content follow from the facts of a case, and are filtered by account, case and day."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import HTTPException

from services.console.domain import HistoryEntry
from services.console.http.queries import wanted_openings
from services.console.pages.audit import sheet
from services.console.read_model.openings import Opening, OpeningFilter, OpeningKind, openings_of
from shared.contract import events
from shared.contract.events import Fact, breaches
from shared.contract.references import short_reference

CASE, AT = "ab" * 16, datetime(2026, 3, 2, 9, tzinfo=UTC)
PROOF = events.StaffProof(account="dana", at=AT, nonce="0" * 32, code="123456", signature="0" * 128)
OPENED = events.ContentOpened(request_id=CASE, by="dana", item="everything", reason="review", proof=PROOF)
INCIDENT = breaches.BreachOpened(request_id=CASE, by="omar", reason="review", proof=PROOF)
SHOWN = events.EvidenceShown(request_id=CASE, by="dana", reason="doubt", refs=("proof_1",))
EXPORTED = events.TrailExported(request_id=CASE, by="alex")


def history(*facts: Fact) -> list[HistoryEntry]:
    return [
        HistoryEntry(f"event-{place}", AT + timedelta(minutes=place), fact)
        for place, fact in enumerate(facts)
    ]


def test_openings_have_account_kind_time_and_reason() -> None:
    found = openings_of(
        CASE, history(OPENED, events.RequestClosed(request_id=CASE), SHOWN, INCIDENT, EXPORTED)
    )
    assert [(one.account, one.kind, one.reason) for one in found] == [
        ("dana", OpeningKind.CONTENT, "review"),
        ("dana", OpeningKind.EVIDENCE, "doubt"),
        ("omar", OpeningKind.INCIDENT, "review"),
        ("alex", OpeningKind.TRAIL, None),
    ]
    assert found[0] == Opening("event-0", CASE, "dana", AT, OpeningKind.CONTENT, "review")
    assert Opening.read({"_id": found[0].id, **found[0].document()}) == found[0]


def test_refused_opening_has_read_nothing() -> None:
    refused = events.DecisionRefused(
        request_id=CASE, decision="event-0", type=OPENED.TYPE, account="dana", reason="role_missing"
    )
    assert openings_of(CASE, history(OPENED, refused)) == []


def test_opened_case_without_proofs_shows_none() -> None:
    none = SHOWN.model_copy(update={"refs": ()})
    assert [one.kind for one in openings_of(CASE, history(OPENED, none))] == [OpeningKind.CONTENT]


@pytest.mark.parametrize("text", [CASE, CASE.upper(), short_reference(CASE), f" {short_reference(CASE)} "])
def test_case_is_named_by_id_or_reference(text: str) -> None:
    wanted = wanted_openings({"case": text, "account": " dana "})
    assert wanted.account == "dana"
    assert wanted.case is not None
    assert wanted.case.first <= CASE <= wanted.case.last
    assert "case" in wanted.query()
    assert wanted.index()[0] == ("case", 1)


def test_days_of_a_period_are_both_included() -> None:
    wanted = wanted_openings({"from": "2026-03-01", "to": "2026-03-02"})
    assert wanted == OpeningFilter(first=date(2026, 3, 1), last=date(2026, 3, 2))
    assert wanted.query() == {
        "at": {"$gte": datetime(2026, 3, 1, tzinfo=UTC), "$lt": datetime(2026, 3, 3, tzinfo=UTC)}
    }


@pytest.mark.parametrize("given", [{"from": "yesterday"}, {"to": "9999-12-31"}])
def test_wrong_day_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(HTTPException):
        wanted_openings(given)


async def test_search_by_mailbox_is_listed_without_a_case() -> None:
    searched = events.CasesSearched(request_id=CASE, by="dana", found=2)
    [opening] = openings_of(CASE, history(searched))
    assert (opening.account, opening.kind, opening.shown_case) == ("dana", OpeningKind.SEARCH, None)

    async def found() -> AsyncIterator[Opening]:
        yield opening

    assert [line async for line in sheet(found())][1].split(",")[1:4] == ["dana", "search", ""]


async def test_cells_of_the_list_are_no_formulas() -> None:
    async def one() -> AsyncIterator[Opening]:
        yield Opening("event-0", CASE, "=dana", AT, OpeningKind.CONTENT, "review")

    lines = [line async for line in sheet(one())]
    assert lines == [
        "at,account,opened,case,reason\r\n",
        f"2026-03-02T09:00:00+00:00,'=dana,content,{CASE},review\r\n",
    ]
