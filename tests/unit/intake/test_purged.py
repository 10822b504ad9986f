"""A purged case stays purged after any redelivery."""

from dataclasses import dataclass

from services.intake.domain import CaseStatus, request_id
from services.intake.handlers import USED_BEFORE
from shared.contract.events import Fact, RequestPurged, RequestReceived, RequestRejected
from shared.runtime.journal import JournalRow
from tests.unit.fakes import NOW, REQUEST_KEY, SOURCE, Office, request

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
PURGED = RequestPurged(request_id=CASE)


@dataclass
class Purged:
    """An office with a purged case; the other services are not notified yet."""

    office: Office
    received: RequestReceived


async def purged() -> Purged:
    office = Office()
    await office.submit(request())
    journal = office.journals["intake"]
    rows = [row for row in journal.rows.values() if row.case == CASE]
    tomb = JournalRow(CASE, len(rows), "purged", None, (PURGED,), NOW)
    journal.rows = {tomb.key: tomb}
    return Purged(office, office.the(RequestReceived))


def facts_of(office: Office, service: str) -> list[Fact]:
    return [fact for row in office.journals[service].rows.values() for fact in row.events()]


async def test_each_service_forgets_a_purged_case() -> None:
    case = await purged()
    assert len(facts_of(case.office, "verifier")) > 1
    await case.office.tell(PURGED, service="intake")
    assert facts_of(case.office, "verifier") == [PURGED]


async def test_a_purge_interrupted_by_a_crash_is_completed() -> None:
    case = await purged()
    journal = case.office.journals["verifier"]
    before = dict(journal.rows)
    await case.office.tell(PURGED, service="intake")
    journal.rows |= before
    case.office.broker.published.clear()
    await case.office.tell(PURGED, service="intake")
    assert PURGED in facts_of(case.office, "verifier")
    assert not before.keys() & journal.rows.keys()


async def test_a_purge_delivered_again_after_its_row_expired_is_completed() -> None:
    case = await purged()
    journal = case.office.journals["verifier"]
    before = dict(journal.rows)
    await case.office.tell(PURGED, service="intake")
    [first] = [row for row in journal.rows.values() if row.is_last]
    journal.rows = before
    await case.office.tell(PURGED, service="intake")
    assert list(journal.rows) == [first.key]
    journal.rows = {}
    await case.office.tell(PURGED, service="intake")
    assert facts_of(case.office, "verifier") == [PURGED]


async def test_an_old_fact_does_not_bring_a_purged_case_back() -> None:
    case = await purged()
    await case.office.tell(PURGED, service="intake")
    published = len(case.office.broker.published)
    await case.office.tell(case.received, service="intake")
    assert facts_of(case.office, "verifier") == facts_of(case.office, "intake") == [PURGED]
    assert len(case.office.broker.published) == published + 1, "but for the old fact itself"


async def test_a_reference_used_before_the_purge_is_refused_and_reported() -> None:
    case = await purged()
    await case.office.submit(request(), id_="2")
    assert case.office.the(RequestRejected).errors == (USED_BEFORE,)
    assert not [fact for fact in facts_of(case.office, "intake") if isinstance(fact, RequestReceived)]


async def test_a_purged_case_is_reported_as_ended() -> None:
    case = await purged()
    assert (await case.office.requests.case(CASE)).status is CaseStatus.PURGED
