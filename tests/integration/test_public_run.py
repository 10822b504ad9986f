"""People ask by every channel while all services are killed; the contract shows no anomaly."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.public.access import INBOX, PublicAccess, settings
from bench.public.checker import judge
from bench.public.driver import PublicDriver
from bench.public.letters import FolderLetters
from bench.public.requests import AskingChannel, Conduct, RequestCourse, made_up
from bench.public.stores import people_of
from habeas.embedded.parts.broker import USER
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from services.intake.cases.registration import LOST_AFTER
from shared.runtime.broker import user_of
from tests.conftest import required
from tests.extent import extent
from tests.integration.pipeline import Pipeline, running

REQUESTS = extent(24, 300)
KILLS = extent(1, 15)
PER_SECOND = 12.0
QUIET_WITHIN_S = LOST_AFTER.total_seconds() + 150
"""A kill between the claim of an unanswered request and its row holds up the repetition for as long."""


@pytest.mark.campaign
@pytest.mark.timeout(extent(540, 1_200))
async def test_random_requests_end_without_anomaly_while_services_are_killed(
    parts: Stack | None, tmp_path: Path
) -> None:
    inbox = free_port()
    user = USER if parts else user_of(required("AMQP_URL"))
    mail = {"HABEAS_INBOX_ADDRESS": INBOX, "HABEAS_INBOX_PORT": str(inbox)}
    async with running(parts, tmp_path, customers=2 * REQUESTS, **settings(user), **mail) as pipeline:
        access = _access(pipeline, (HOST, inbox))
        plans = made_up(await people_of(access), REQUESTS, seed=99, channels=tuple(AskingChannel))
        async with PublicDriver(access, plans) as driver:
            async with asyncio.TaskGroup() as group:
                group.create_task(driver.drive(PER_SECOND))
                group.create_task(_kill(pipeline, driver))
            seen = await driver.gathered(QUIET_WITHIN_S)
        assert judge(seen) == []
        assert {course.plan.channel for course in seen.courses} == {*AskingChannel}
        _require_work(seen.courses)


def _access(pipeline: Pipeline, inbox: tuple[str, int]) -> PublicAccess:
    url = pipeline.settings["HABEAS_PUBLIC_URL"]
    letters = FolderLetters(pipeline.mail.folder, link=url)
    return PublicAccess(url, pipeline.amqp_url, pipeline.mongo_url, letters, pipeline.prefix, inbox)


async def _kill(pipeline: Pipeline, driver: PublicDriver) -> None:
    """Kill all services in the middle of the run, as often as is due, and start them again."""
    for kill in range(KILLS):
        while driver.progress < (kill + 1) / (KILLS + 1):  # noqa: ASYNC110 - progress is a number
            await asyncio.sleep(0.05)
        await pipeline.kill()
        await pipeline.start()


def _require_work(courses: Sequence[RequestCourse]) -> None:
    """Require that requests were answered, packages opened, and strangers kept out."""
    assert sum(course.page.get("outcome") is not None for course in courses) > REQUESTS / 2
    assert any(course.package for course in courses)
    assert any(course.certificate for course in courses)
    kept_out = [course for course in courses if course.plan.conduct is Conduct.STRANGER]
    assert all(not course.page.get("package_url") for course in kept_out)
    assert kept_out
