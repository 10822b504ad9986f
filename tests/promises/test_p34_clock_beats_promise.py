"""P34: the legal last day beats any softer promise: a wait for the person ends before it, too."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from habeas.embedded.installation import COMPANY
from services.intake.cases.deadlines import APPROACHING
from services.verifier.handlers import LAPSE, REMINDER
from shared.contract.events import IdentityRefused, RequestReceived
from shared.law.library import company
from tests.integration.pipeline import Pipeline, Somebody
from tests.unit.fakes import Office, request
from tests.waiting import eventually

ZONE: ZoneInfo = company(str(COMPANY)).zone
SILENT = Somebody("silent.p34@example.org", "Stille Beispiel")


async def timers_of(pipeline: Pipeline, service: str, case: str) -> dict[str, datetime]:
    """Return the moments that *service* waits for in *case*, by the kind of the timer."""
    found = pipeline.client[f"{pipeline.prefix}_{service}"]["timers"].find({"case": case})
    return {timer["kind"]: timer["at"] async for timer in found}


def begin_of_day(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


async def test_wait_for_proof_ends_before_the_last_day_with_a_reminder_half_way(pipeline: Pipeline) -> None:
    """30 days of patience, of which the law leaves 28 at most (GDPR Art. 12(3)-(4))."""
    before = datetime.now(UTC)
    case = await pipeline.lodge(SILENT.asks("access"))
    last_day = date.fromisoformat((await pipeline.page(case))["due_on"])
    waits = await complete_waits(pipeline, case)
    assert waits[LAPSE] < begin_of_day(last_day)
    assert waits[LAPSE] - before < timedelta(days=28)
    half = before + (waits[LAPSE] - before) / 2
    assert abs(waits[REMINDER] - half) < timedelta(minutes=10)


async def test_staff_is_alarmed_when_the_wait_ends_and_still_before_the_last_day(pipeline: Pipeline) -> None:
    case = await pipeline.lodge(SILENT.asks("portability"))
    last_day = date.fromisoformat((await pipeline.page(case))["due_on"])
    waits = await complete_waits(pipeline, case)
    alarm = (await timers_of(pipeline, "intake", case))[APPROACHING]
    assert waits[LAPSE] <= alarm < begin_of_day(last_day)


@pytest.mark.parametrize(
    "residence",
    [
        pytest.param({"country": "DE"}, id="Germany"),
        pytest.param({"country": "BR"}, id="15 days in Brazil"),
        pytest.param({"country": "CH"}, id="Switzerland"),
        pytest.param({"country": "US", "subdivision": "CA"}, id="California"),
    ],
)
async def test_request_whose_proof_never_comes_ends_on_or_before_its_last_day(
    residence: dict[str, str],
) -> None:
    """Intake and verifier with a clock that is moved to the end of the wait."""
    office = Office()
    office.clock.now = datetime(2027, 2, 1, 8, tzinfo=UTC)  # the month of the law is two days shorter
    received = {"received_at": office.clock.now.isoformat(), "residence": residence}
    await office.submit(request(**received))
    last_day, case = office.the(RequestReceived).due_on, office.the(RequestReceived).request_id
    await office.fire(REMINDER, case)
    await office.fire(LAPSE, case)
    assert office.the(IdentityRefused).reasons == ("not_proven_in_time",)
    assert office.clock.now.astimezone(ZONE).date() <= last_day


async def complete_waits(pipeline: Pipeline, case: str) -> dict[str, datetime]:
    """Return the moments that the verifier waits for, once all are set."""

    async def complete() -> dict[str, datetime]:
        waits = await timers_of(pipeline, "verifier", case)
        assert {LAPSE, REMINDER} <= waits.keys()
        return waits

    return await eventually(complete)
