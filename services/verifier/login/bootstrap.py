"""Assembles the log-in check; it runs beside the verifier, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.verifier.login.handlers import SUBSCRIPTIONS, LoginContext, LoginState, evolve
from services.verifier.settings import VerifierSettings
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.jwks import ISSUER_TIMEOUT_S, KeySet
from shared.runtime.service import Moment, Service

NAME = "login"


@asynccontextmanager
async def build(settings: VerifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the check together."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{NAME}"], key=chain_key(settings.root_key, NAME)
    )
    await journal.prepare()
    async with httpx.AsyncClient(timeout=ISSUER_TIMEOUT_S) as http:
        keys = KeySet(settings.login_issuer, http) if settings.login_issuer else None

        def context(moment: Moment[LoginState]) -> LoginContext:
            return LoginContext(
                case_id=moment.case,
                known=moment.state,
                now=moment.now,
                vault=platform.vault,
                keys=keys,
                client=settings.login_client,
                identity=settings.login_identity,
            )

        yield Running(Service(NAME, SUBSCRIPTIONS, LoginState(), evolve, context), journal)


LOGIN = ServicePlan(VerifierSettings, build)
