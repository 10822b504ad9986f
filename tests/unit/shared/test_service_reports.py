"""Reports of services: the state of their parts, and when one is silent."""

from datetime import UTC, datetime, timedelta

import pytest

from services.console.system.reports import MapReport, unread_laws
from shared.errors import MailUnavailable
from shared.law.library import breach_policies, policies
from shared.law.policies import SourceStatus
from shared.runtime.accounts import PROCESSES, staff_reader_role
from shared.runtime.service_reports import ANSWERS, SILENT_AFTER, ServiceReport, state_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def test_state_of_a_part_is_the_reason_why_it_does_not_answer() -> None:
    async def well() -> None:
        pass

    async def ill() -> None:
        raise MailUnavailable("no connection to the mail server")

    assert [await state_of(well), await state_of(ill)] == [ANSWERS, "no connection to the mail server"]


def test_service_is_silent_after_several_missed_reports() -> None:
    report = ServiceReport("notifier", "1.0", NOW, {})
    assert not report.silent(NOW + SILENT_AFTER)
    assert report.silent(NOW + SILENT_AFTER + timedelta(seconds=1))


def test_console_reads_the_reports_of_every_account_and_the_staff_accounts_alone() -> None:
    privileges = staff_reader_role("habeas")["privileges"]
    assert {one["actions"][0] for one in privileges} == {"find"}
    read = {(one["resource"]["db"], one["resource"]["collection"]) for one in privileges}
    reports = {(f"habeas_{name}", "reports") for name in PROCESSES}
    assert read == {("habeas_staff", "accounts"), ("habeas_upkeep", "unhandled"), *reports}


def test_errors_of_a_map_come_first() -> None:
    found = [{"severity": one} for one in ("remark", "open", "wrong", "remark")]
    report = MapReport.read({"version": "a", "collections": [], "findings": found})
    assert [one["severity"] for one in report.shown] == ["wrong", "open", "remark", "remark"]
    assert report.severities == {"wrong": 1, "open": 1, "remark": 2}


@pytest.mark.slow
def test_unread_laws_are_the_editions_with_unread_values() -> None:
    editions = [*policies(), *breach_policies()]
    wanted = [one.id for one in editions if one.read_counts.get(SourceStatus.UNREAD)]
    assert sorted(one.id for one in unread_laws(frozenset())) == sorted(wanted)
    barred = {one.id for one in unread_laws(frozenset()) if not one.applies}
    assert barred == {one.id for one in editions if one.unread_deadlines}
    assert all(one.applies for one in unread_laws(frozenset({"all"})))
