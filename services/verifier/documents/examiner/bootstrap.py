"""Assembles the examiner; it runs beside the verifier, with a queue of its own."""

import asyncio
import ctypes
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.verifier.documents.examiner.domain import Examination, evolve
from services.verifier.documents.examiner.handlers import SUBSCRIPTIONS, ExaminerContext
from services.verifier.documents.examiner.reuse import PresentedDocuments
from services.verifier.documents.files.antivirus import Clamd
from services.verifier.documents.sandbox import NEEDED, DocumentWorker, ReaderUnavailableError, WorkerLimits
from services.verifier.documents.worker.confinement import MODELS_VARIABLE, landlock_version
from services.verifier.settings import ExaminerSettings
from shared.errors import TransientError
from shared.extras import missing
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.log import logger
from shared.runtime.service import Moment, Service

NAME = "examiner"
READER = "document reader"
"""Name of the reader in the answer of ``/readyz``."""
AT_ONCE = 4
"""Proofs that are held at once. One document is read at a time: reading takes a processor."""
MOST_CPU = timedelta(seconds=20)
"""Processor time for a document; the slowest known takes half of it."""


class ReaderLoadingError(TransientError):
    """The models of the document reader are being loaded."""


@asynccontextmanager
async def build(settings: ExaminerSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the examiner together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, key=chain_key(settings.root_key, NAME))
    presented = PresentedDocuments(database, derived_key(settings.root_key, "documents presented"))
    await journal.prepare()
    await presented.prepare()
    limits = WorkerLimits(cpu=MOST_CPU, wall=settings.examination_timeout)
    environment = {} if settings.models is None else {MODELS_VARIABLE: str(settings.models)}
    async with DocumentWorker(limits, environment=environment) as sandbox:
        host, _, port = settings.antivirus.rpartition(":")
        scanner = Clamd(host, int(port)) if host else None
        reasons = list(obstacles())
        for reason in reasons:
            logger().error("documents are not read", reason=reason)
        models = ModelLoading(sandbox, needed=settings.preload_models and not reasons)
        key = settings.proof_key

        def context(moment: Moment[Examination]) -> ExaminerContext:
            return ExaminerContext(
                case_id=moment.case,
                known=moment.state,
                now=moment.now,
                vault=platform.vault,
                sandbox=sandbox,
                scanner=scanner,
                presented=presented,
                zone=settings.company.zone,
                bill_age=settings.bill_age,
                proof_key=key.get_secret_value().encode() if key else None,
            )

        service = Service(NAME, SUBSCRIPTIONS, Examination(), evolve, context)
        ready = {READER: models.check}
        yield Running(service, journal, batch=AT_ONCE, background=models.run(), ready=ready)


class ModelLoading:
    """Loads the models beside the events: those without a document are handled at once."""

    def __init__(self, sandbox: DocumentWorker, *, needed: bool) -> None:
        self._sandbox = sandbox
        self._awaited = needed

    async def run(self) -> None:
        """
        Load the models where they are needed, then wait for ever.

        A reader that does not start is started with each document; the service serves on.
        """
        if self._awaited:
            try:
                await self._sandbox.start()
                logger().info("document reader is ready")
            except ReaderUnavailableError as error:
                logger().error("documents are not read", reason=str(error))
            self._awaited = False
        await asyncio.Event().wait()

    async def check(self) -> None:
        """Raise ReaderLoadingError while the models are being loaded: a document would wait for them."""
        if self._awaited:
            raise ReaderLoadingError("the models are being loaded")


def obstacles() -> Iterator[str]:
    """Yield why this installation reads no documents, with the remedy: a person looks at each of them."""
    if not landlock_version(ctypes.CDLL(None)):
        yield f"no Landlock; {NEEDED}"
    if absent := missing("documents"):
        yield absent


EXAMINER = ServicePlan(ExaminerSettings, build)
