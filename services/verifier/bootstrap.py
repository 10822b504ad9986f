"""Builds the verifier. Optional parts are imported here alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from services.verifier.assurance.code_allowances import CodeAllowances
from services.verifier.context import AssuranceRules, CodeAllowancePort, VerifierContext
from services.verifier.documents.examiner.bootstrap import EXAMINER
from services.verifier.domain import RECORDS, Verification, evolve
from services.verifier.handlers import SUBSCRIPTIONS, destroy_spent
from services.verifier.login.bootstrap import LOGIN
from services.verifier.settings import VerifierSettings
from shared.contract.events import TimeCame
from shared.contract.ports import TimersPort, VaultPort
from shared.law import ClockRules
from shared.law.calendars import calendar_named
from shared.law.library import policies
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.key_rings import derived_key
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import Moment, Service

NAME = "verifier"


def service(
    vault: VaultPort,
    timers: TimersPort,
    allowances: CodeAllowancePort,
    *,
    key: bytes,
    practice: AssuranceRules,
) -> Service[Verification, VerifierContext]:
    """Return the verifier, put together on *vault*; codes are hashed with *key*."""

    def context(moment: Moment[Verification]) -> VerifierContext:
        return VerifierContext(
            case_id=moment.case,
            event_id=moment.event_id,
            known=moment.state,
            now=moment.now,
            vault=vault,
            timers=timers,
            allowances=allowances,
            key=key,
            practice=practice,
        )

    async def effects(rows: Sequence[JournalRow]) -> None:
        await destroy_spent(rows, vault)

    return Service(NAME, SUBSCRIPTIONS, Verification(), evolve, context, RECORDS, effects=effects)


@asynccontextmanager
async def build(settings: VerifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the verifier together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, RECORDS, key=chain_key(settings.root_key, NAME))
    timers = Timers(database)
    await journal.prepare()
    allowances = CodeAllowances(
        database, derived_key(settings.root_key, "mailboxes"), per_hour=settings.codes_per_hour
    )
    await timers.prepare()
    await allowances.prepare()
    key = derived_key(settings.root_key, "verification codes")
    timer_task = publish_due_timers(
        timers, platform.bus, NAME, event=TimeCame, correlations=journal.correlations
    )
    practice = AssuranceRules(
        clock=ClockRules(settings.company, policies(), calendar_named, settings.erasure_window),
        trusted=settings.trusted,
        confirming=settings.confirming_sources,
        sensitivity=settings.sensitivity,
        patience=settings.proof_patience,
        logs_in=bool(settings.login_issuer),
        four_eyes=settings.two_deciders,
    )
    effects = partial(destroy_spent, vault=platform.vault)
    made = replace(service(platform.vault, timers, allowances, key=key, practice=practice), effects=effects)
    yield Running(made, journal, background=timer_task)


PLANS = (ServicePlan(VerifierSettings, build), EXAMINER, LOGIN)
