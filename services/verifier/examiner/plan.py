"""How the examiner is put together; it runs beside the verifier, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from services.verifier.examiner.reuse import Presented
from services.verifier.examiner.settings import ExaminerSettings
from services.verifier.examiner.tokens import Keys
from shared.host import Plan, Platform, Running
from shared.journal import Journal
from shared.service import Moment, Service
from shared.vault import derived_key

NAME = "examiner"
AT_ONCE = 4
"""Proofs that are held at once. One document is read at a time: reading takes a processor."""
ISSUER_TIMEOUT_S = 10.0


@asynccontextmanager
async def build(settings: ExaminerSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the examiner together."""
    from services.verifier.documents.sandbox import Limits, Sandbox
    from services.verifier.examiner.domain import Examination, evolve
    from services.verifier.examiner.handlers import SUBSCRIPTIONS, Company, Examiner

    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database)
    presented = Presented(database, derived_key(settings.master_key_bytes, "documents presented"))
    await journal.prepare()
    await presented.prepare()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(_limits(settings)))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=ISSUER_TIMEOUT_S))
        keys = Keys(settings.login_issuer, http) if settings.login_issuer else None
        company = Company(settings.zone, settings.bill_age, settings.login_client, settings.login_identity)

        def context(moment: Moment[Examination]) -> Examiner:
            return Examiner(
                case_id=moment.case,
                known=moment.state,
                now=moment.now,
                vault=platform.vault,
                read=sandbox.examine,
                presented=presented,
                keys=keys,
                company=company,
            )

        service = Service(NAME, SUBSCRIPTIONS, Examination(), evolve, context)
        yield Running(service, journal, batch=AT_ONCE)


def _limits(settings: ExaminerSettings) -> "Limits":
    from services.verifier.documents.sandbox import Limits
    return Limits(wall_s=settings.examination_timeout.total_seconds())


EXAMINER = Plan(ExaminerSettings, build)
