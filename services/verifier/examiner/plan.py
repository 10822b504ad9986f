"""How the examiner is put together; it runs beside the verifier, with a queue of its own."""

import ctypes
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from services.verifier.documents.files.antivirus import Clamd
from services.verifier.documents.reading import Check, Reading
from services.verifier.documents.sandbox import NEEDED, Limits
from services.verifier.documents.sandbox import Examiner as Sandbox
from services.verifier.documents.worker import landlock
from services.verifier.documents.worker.frames import Slot as Kind
from services.verifier.examiner.domain import Examination, evolve
from services.verifier.examiner.handlers import SUBSCRIPTIONS, Company, Examiner, Read, Scan
from services.verifier.examiner.reuse import Presented
from services.verifier.examiner.settings import ExaminerSettings
from shared.audit_keys import chain_key
from shared.events import Slot
from shared.host import Plan, Platform, Running
from shared.journal import Journal
from shared.keyring import derived_key
from shared.log import logger
from shared.service import Moment, Service

NAME = "examiner"
AT_ONCE = 4
"""Proofs that are held at once. One document is read at a time: reading takes a processor."""
MOST_CPU = timedelta(seconds=20)
"""Processor time for a document; the slowest known takes half of it."""


@asynccontextmanager
async def build(settings: ExaminerSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the examiner together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, key=chain_key(settings.root_key, NAME))
    presented = Presented(database, derived_key(settings.root_key, "documents presented"))
    await journal.prepare()
    await presented.prepare()
    async with AsyncExitStack() as stack:
        limits = Limits(cpu=MOST_CPU, wall=settings.examination_timeout)
        sandbox = await stack.enter_async_context(Sandbox(limits, environment=_environment(settings)))
        company = Company(settings.company.zone, settings.bill_age)
        read, scan = _reading(sandbox), _scanning(settings.antivirus)
        if not landlock.version(ctypes.CDLL(None)):
            logger().error("documents are not read", reason=f"no Landlock; {NEEDED}")

        def context(moment: Moment[Examination]) -> Examiner:
            return Examiner(
                case_id=moment.case,
                known=moment.state,
                now=moment.now,
                vault=platform.vault,
                read=read,
                scan=scan,
                presented=presented,
                company=company,
            )

        service = Service(NAME, SUBSCRIPTIONS, Examination(), evolve, context)
        yield Running(service, journal, batch=AT_ONCE)


def _environment(settings: ExaminerSettings) -> Mapping[str, str]:
    """Return what the worker needs of ours: where its models lie."""
    return {} if settings.models is None else {"HABEAS_MODELS": str(settings.models)}


def _reading(sandbox: Sandbox) -> Read:
    async def read(content: bytes, media_type: str, slot: Slot) -> Reading:
        kind = Kind.IDENTITY if slot is Slot.IDENTITY else Kind.ADDRESS
        return await sandbox.examine(content, media_type, kind)

    return read


def _scanning(socket: str) -> Scan:
    host, _, port = socket.rpartition(":")
    scanner = Clamd(host, int(port)) if socket else None

    async def scan(content: bytes) -> tuple[Check, ...]:
        return () if scanner is None else (await scanner.scan(content),)

    return scan


EXAMINER = Plan(ExaminerSettings, build)
