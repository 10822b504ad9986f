"""Run the verifier: ``python -m services.verifier``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.verifier.domain import RECORDS, Verification, evolve
from services.verifier.handlers import SUBSCRIPTIONS, Vault, Verifier
from services.verifier.settings import VerifierSettings
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal
from shared.service import Moment, Service
from shared.vault import derived_key

NAME = "verifier"


def service(vault: Vault, key: bytes, trusted: frozenset[str]) -> Service[Verification, Verifier]:
    """Return the verifier, put together on *vault*; codes are hashed with *key*."""

    def context(moment: Moment[Verification]) -> Verifier:
        return Verifier(moment.case, moment.state, moment.now, vault, key, trusted)

    return Service(NAME, SUBSCRIPTIONS, Verification(), evolve, context, RECORDS)


@asynccontextmanager
async def build(settings: VerifierSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the verifier together."""
    journal = Journal(platform.client[f"{settings.database_prefix}_{NAME}"], RECORDS)
    await journal.prepare()
    key = derived_key(settings.master_key_bytes, "verification codes")
    yield Running(service(platform.vault, key, settings.trusted_sources), journal)


PLAN = Plan(VerifierSettings, build)

if __name__ == "__main__":
    main([PLAN])
