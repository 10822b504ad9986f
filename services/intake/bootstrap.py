"""Builds intake: its register, API, pages and channels. Optional parts are imported here alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from functools import partial
from urllib.parse import urlsplit

from fastapi import FastAPI

from services.intake.breach.bootstrap import INCIDENTS
from services.intake.breach.bootstrap import NAME as INCIDENTS_NAME
from services.intake.breach.domain import RECORDS as INCIDENT_RECORDS
from services.intake.breach.register import DeclaredIncidents
from services.intake.cases.code_limits import CodeLimit, WrongCodes
from services.intake.cases.duplicates import FirstRequests
from services.intake.cases.requester_index import RequesterIndex
from services.intake.cases.retention import Metrics, Purge, RegisterRetention
from services.intake.cases.service import RequestService, ServiceKeys
from services.intake.cases.waiting_queue import WaitingQueue, start_waiting
from services.intake.channels.registry import Background, ChannelAdapter, ChannelContext, channels
from services.intake.channels.unsubscribe.links import UnsubscribeLinks
from services.intake.context import IntakeContext, Ports
from services.intake.domain import RECORDS, IntakeCase, evolve, incident_id, request_id
from services.intake.handlers import SUBSCRIPTIONS
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.staff_decisions import CALLS_PER_HOUR, StaffDecisions
from services.intake.http.staff_trails import EXPORTS_PER_HOUR, CaseTrails
from services.intake.pages.csrf import CsrfGuard
from services.intake.pages.linked_pages import stop_page
from services.intake.pages.site import Site
from services.intake.settings import IntakeSettings
from services.intake.trail.chain import CaseChains
from shared.contract.correlation import Correlation, correlation, event_name
from shared.contract.envelope import Envelope
from shared.contract.events import (
    AppealSubmitted,
    DeadlineCame,
    Event,
    ProofSubmitted,
    RequestSubmitted,
    Submission,
    UnreadableSubmission,
    WithdrawalSubmitted,
)
from shared.contract.events.breaches import BreachDeclared
from shared.contract.sources import Bindings, command_user
from shared.contract.stop_links import PURPOSE as STOP_LINKS
from shared.labels import label_of
from shared.law import ClockRules
from shared.law.library import breach_policies
from shared.law.policies import E, EditionLibrary
from shared.runtime.audit_keys import chain_key, heads_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.broker import user_of
from shared.runtime.client_limits import Allowance
from shared.runtime.console_credential import issued
from shared.runtime.hosts import is_local
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.log import logger
from shared.runtime.openpgp import OpenPgpCertificate
from shared.runtime.republication import RecordedPublisher
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import Service, case_of_fact

NAME = "intake"
REPEATED = "repeated requests"
"""Purpose of the key that hashes what makes two requests those of one person."""


def service(ports: Ports, key: bytes, bindings: Bindings) -> Service[IntakeCase, IntakeContext]:
    """Return intake, built on *ports*; *key* is hashed with to turn references into ids."""

    def case_of(envelope: Envelope[Event]) -> str:
        event = envelope.event
        match event:
            case RequestSubmitted():
                return request_id(envelope.source, event.reference, key=key)
            case BreachDeclared():
                return incident_id(envelope.source, event.reference, key=key, drill=bool(event.drill))
            case ProofSubmitted() | WithdrawalSubmitted() | AppealSubmitted():
                return event.request or request_id(envelope.source, event.reference or "", key=key)
            case UnreadableSubmission():
                return envelope.id
            case _:
                return case_of_fact(envelope)

    return Service(
        NAME,
        SUBSCRIPTIONS,
        IntakeCase(),
        evolve,
        ports.context,
        RECORDS,
        case_of,
        partial(correlation_of, key=key),
        partial(name_of, key=key),
        key,
        bindings.refusal,
    )


def correlation_of(envelope: Envelope[Event], *, key: bytes) -> Correlation | None:
    """Return the publisher's names of the request that *envelope* is about."""
    event, source = envelope.event, envelope.source
    match event:
        case RequestSubmitted() | ProofSubmitted() | WithdrawalSubmitted() | AppealSubmitted():
            return correlation(source, event.reference, envelope.id, key=key)
        case UnreadableSubmission():
            known, id_, admitted = event.publisher_source, event.publisher_id, event.admitted
            return correlation(known, event.reference, id_, key=key, admitted=admitted) if known else None
        case _:
            return envelope.correlation


def name_of(envelope: Envelope[Event], *, key: bytes) -> str:
    """Return the id of an event as rows and facts may show it: the one of a submission may be keyed."""
    match envelope.event:
        case UnreadableSubmission():
            return envelope.id
        case Submission():
            return event_name(envelope.id, envelope.source, key=key)
        case _:
            return envelope.id


def log_laws_not_accepted(library: EditionLibrary[E], zone: tzinfo) -> None:
    """Log each law, in force today or later, that does not apply because its deadlines were not read."""
    for policy in library.not_accepted(datetime.now(zone).date()):
        unread = ", ".join(policy.unread_deadlines)
        logger().warning("law not accepted", service=NAME, law=policy.id, reason=f"unread: {unread}")


def log_open_address(public_url: str) -> None:
    """
    Log a public address without TLS that is not of this machine.

    Law:
        GDPR Art. 32(1)(a): proofs and packages are encrypted on their way.
    """
    if not public_url.startswith("https://") and not is_local(urlsplit(public_url).hostname):
        reason = "proofs and packages travel in clear: use https"
        logger().warning("address is not encrypted", variable="HABEAS_PUBLIC_URL", reason=reason)


def log_warnings(settings: IntakeSettings, practice: ClockRules) -> None:
    """Log the laws that do not apply yet, and an address without TLS."""
    log_laws_not_accepted(practice.policies, practice.zone)
    log_laws_not_accepted(breach_policies().accepting(settings.laws_accepted), practice.zone)
    log_open_address(settings.public_url)
    if settings.local_callbacks:
        logger().warning("HABEAS_LOCAL_CALLBACKS is on: a trial, not for production", service=NAME)


def site_of(settings: IntakeSettings) -> Site:
    """Return the site that the pages are rendered for."""
    guard = CsrfGuard.of(
        derived_key(settings.root_key, "forms"), settings.public_url, settings.public_requests_per_hour
    )
    certificate = settings.proof_certificate
    key = OpenPgpCertificate.read(certificate) if certificate else None
    editable = {name: label_of(labels) for name, labels in settings.editable_fields.items()}
    return Site(settings.company, guard, key, settings.sign_in(), editable)


def application(
    settings: IntakeSettings,
    platform: ServiceRuntime,
    requests: RequestService,
    callers: Callers,
    opened: Sequence[ChannelAdapter],
) -> FastAPI:
    """Return the API, the pages, and the protocols of the *opened* channels."""
    site = site_of(settings)
    incidents = Journal(platform.client[f"{settings.database_prefix}_{INCIDENTS_NAME}"], INCIDENT_RECORDS)
    allowance = Allowance(CALLS_PER_HOUR)
    app = create_app(
        requests,
        callers,
        site,
        protocols={channel.path: channel.app for channel in opened if channel.app},
        links=UnsubscribeLinks(settings.root_key, settings.public_url),
        staff=StaffDecisions(
            requests,
            platform.staff,
            requests.clock,
            allowance,
            incidents,
            callers.console,
            breaches=DeclaredIncidents(incidents, platform.vault),
        ),
        requesters=_requesters(settings, platform),
        trails=_trails(settings, platform),
        purged=Metrics(platform.client[f"{settings.database_prefix}_{NAME}"]),
    )
    app.include_router(stop_page(requests, site, derived_key(settings.root_key, STOP_LINKS)))
    return app


def _requesters(settings: IntakeSettings, platform: ServiceRuntime) -> RequesterIndex:
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    return RequesterIndex(database, platform.vault, derived_key(settings.root_key, REPEATED))


def _trails(settings: IntakeSettings, platform: ServiceRuntime) -> CaseTrails:
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    return CaseTrails(
        CaseChains(database, chain_key(settings.root_key, NAME)),
        heads_key(settings.root_key, NAME),
        settings.company.name,
        Allowance(EXPORTS_PER_HOUR),
    )


@asynccontextmanager
async def build(settings: IntakeSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Build intake."""
    practice = settings.practice()
    log_warnings(settings, practice)
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, RECORDS, key=chain_key(settings.root_key, NAME), notes=True)
    timers = Timers(database)
    duplicates = FirstRequests(database, journal, derived_key(settings.root_key, REPEATED))
    requesters = _requesters(settings, platform)
    queue = WaitingQueue(database, settings.requests_per_hour)
    retention = RegisterRetention(settings.register_months, settings.company.zone)
    purge = Purge(platform.client, database, journal, platform.vault, platform.bus, retention)
    keys = ServiceKeys(
        requests=derived_key(settings.root_key, "request ids"),
        codes=derived_key(settings.root_key, "package codes"),
    )
    wrong = WrongCodes(database, alarm_at=settings.wrong_codes_alarm)
    for part in (journal, timers, duplicates, requesters, queue, purge, wrong):
        await part.prepare()
    codes = CodeLimit.of(wrong, settings.codes_offered_per_hour)
    ports = Ports(platform.vault, timers, duplicates, queue, codes, requesters, practice)
    recorded = RecordedPublisher(database, platform.bus)
    requests = RequestService(
        platform.vault, journal, platform.bus, keys, ports.context, queue, codes=codes, recorded=recorded
    )
    callers = Callers(settings.api_keys, Allowance(settings.public_requests_per_hour), await issued(database))
    context = ChannelContext(
        settings, database, platform.vault, requests, duplicates, callers.public, callers.attempts
    )
    async with channels(context) as opened:
        app = application(settings, platform, requests, callers, opened)
        timer_task = publish_due_timers(
            timers, platform.bus, NAME, event=DeadlineCame, correlations=journal.correlations
        )
        works = [work for channel in opened for work in channel.works]
        background = _run_all(
            timer_task,
            purge.run(),
            requesters.run(),
            start_waiting(queue, requests.start),
            requests.outbox.run(),
            *works,
        )
        own = user_of(settings.amqp_url.get_secret_value())
        bindings = Bindings(settings.sources, command_user(own), own)
        intake = service(ports, keys.requests, bindings)
        yield Running(intake, journal, app, background=background)


async def _run_all(*works: Background) -> None:
    """Run all *works*; when one fails, cancel the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


PLANS = (ServicePlan(IntakeSettings, build), INCIDENTS)
