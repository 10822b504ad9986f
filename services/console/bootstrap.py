"""Builds the console: its read model, its sign-in, its API and pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx

from services.console.context import ConsoleParts
from services.console.handlers import subscriptions
from services.console.http.app import create_app
from services.console.http.client_networks import PRESENT
from services.console.pages.sign_in import CALLBACK
from services.console.read_model.cases import CaseList
from services.console.read_model.chains import ChainVerifications
from services.console.read_model.figures import FigureReader
from services.console.read_model.histories import CaseHistories
from services.console.read_model.holds import HoldList
from services.console.read_model.openings import OpeningLog
from services.console.read_model.recipients import NoticeList
from services.console.read_model.register import RegisterReader
from services.console.read_model.stalled_cases import StalledCases
from services.console.saved_views import SavedViews
from services.console.settings import ConsoleSettings
from services.console.signin.accounts import AccountReader
from services.console.signin.provider import AttemptStore, SignInProvider
from services.console.signin.sessions import SessionStore
from services.console.system.installation_metrics import InstallationMetrics
from services.console.system.parked_messages import ParkedMessages
from services.console.system.reports import ReportReader
from shared.contract.envelope import Envelope
from shared.contract.events import Event, Fact
from shared.contract.topology import CONSOLE
from shared.errors import PermanentError
from shared.runtime.accounts import UPKEEP
from shared.runtime.bootstrap import KeylessRuntime, OwnPort, Running, ServicePlan
from shared.runtime.console_credential import ConsoleCredential
from shared.runtime.jwks import ISSUER_TIMEOUT_S, KeySet
from shared.runtime.service import Moment, Service
from shared.runtime.staff_api import StaffApi

AT_ANY_AGE = timedelta.max
"""A read model notes facts of any age."""


def case_of(envelope: Envelope[Event]) -> str:
    """Return the request or incident that a fact speaks of, also where another case handles it."""
    if isinstance(envelope.event, Fact):
        return envelope.event.request_id
    raise PermanentError(f"{type(envelope.event).__name__} is no fact")


def service() -> Service[None, None]:
    """Return the service: it notes facts and has no state of its own."""

    def unchanged(state: None, _fact: Fact) -> None:
        return state

    def context(_moment: Moment[None]) -> None:
        return None

    return Service(
        CONSOLE,
        tuple(subscriptions()),
        None,
        unchanged,
        context,
        case_of=case_of,
        noted_within=AT_ANY_AGE,
    )


@asynccontextmanager
async def build(settings: ConsoleSettings, platform: KeylessRuntime) -> AsyncIterator[Running]:
    """Put the console together."""
    database = platform.client[f"{settings.database_prefix}_{CONSOLE}"]
    histories, cases = CaseHistories(database, settings.company.zone), CaseList(database)
    credential = ConsoleCredential(platform.client[f"{settings.database_prefix}_intake"], PRESENT.get)
    sessions = SessionStore(database, idle=settings.session_idle, length=settings.session_length)
    views, attempts = SavedViews(database), AttemptStore(database)
    openings, figures = OpeningLog(database), FigureReader(database)
    holds, notices = HoldList(database), NoticeList(database)
    parked = ParkedMessages(settings.amqp_url.get_secret_value(), histories, database)
    for prepared in (cases, sessions, views, attempts, openings, holds, notices, figures, parked):
        await prepared.prepare()
    async with (
        StaffApi.opened(settings.intake_url, credential.headers) as intake,
        httpx.AsyncClient(timeout=ISSUER_TIMEOUT_S) as http,
    ):
        accounts = AccountReader(platform.client, settings.database_prefix)
        provider = _provider(settings, http)
        parts = ConsoleParts(
            settings,
            cases,
            histories,
            sessions,
            views,
            openings,
            holds,
            notices,
            ChainVerifications(database),
            accounts,
            intake,
            figures,
            RegisterReader(database),
            parked,
            StalledCases(platform.client[f"{settings.database_prefix}_{UPKEEP}"]),
            ReportReader(platform.client, settings.database_prefix),
            attempts,
            provider,
        )
        figured = InstallationMetrics(cases, database, settings.amqp_url.get_secret_value(), parts.today)
        port = OwnPort(settings.console_port, "HABEAS_CONSOLE_PORT")
        yield Running(service(), histories, app=create_app(parts), port=port, background=figured.run())


def _provider(settings: ConsoleSettings, http: httpx.AsyncClient) -> SignInProvider | None:
    if not settings.oidc_issuer:
        return None
    return SignInProvider(
        KeySet(settings.oidc_issuer, http),
        http,
        settings.oidc_client,
        settings.oidc_secret.get_secret_value(),
        f"{settings.console_url}{CALLBACK}",
    )


PLANS = (ServicePlan(ConsoleSettings, build),)
