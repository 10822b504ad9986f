"""Publishes events of cases to the notifier, as the other services do."""

import asyncio
import base64
import uuid
from datetime import timedelta

from shared.contract.answer import SUBMISSION
from shared.contract.envelope import STRUCTURED, encode
from shared.contract.events import (
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    ProofKind,
    RequestReceived,
    RequestSubmitted,
)
from shared.contract.topology import EVENTS
from shared.law import Regulation, Right
from shared.runtime.broker import Message
from shared.runtime.vault import Vault
from tests.integration.pipeline import TODAY, Pipeline, now

AT_ONCE = 32
"""Requests that are sealed at a time."""


class Writer:
    """Publishes what the notifier listens to, and seals what it writes from."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        key = base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"])
        self._vault = Vault(pipeline.client, prefix=pipeline.prefix, master_key=key)

    async def tell(self, *facts: Fact) -> None:
        """Publish *facts*."""
        await self._pipeline.announce(*map(_message, facts))

    async def register(self, *addresses: str) -> list[str]:
        """Register a request for each of *addresses*; return their ids."""
        cases = {uuid.uuid4().hex: address for address in addresses}
        free = asyncio.Semaphore(AT_ONCE)

        async def submit(case: str, address: str) -> None:
            data = {"reference": case, "right": "access", "subject": {"email": address}}
            submitted = RequestSubmitted.model_validate(data)
            async with free:
                await self._vault.create(case)
                await self._vault.seal(case, SUBMISSION, submitted.model_dump_json().encode())

        await asyncio.gather(*(submit(case, address) for case, address in cases.items()))
        await self.tell(*map(_received, cases), *(IdentityAssessed(request_id=case) for case in cases))
        return [*cases]

    async def seal_code(self, case: str, ref: str, code: str) -> None:
        """Seal *code*."""
        await self._vault.seal(case, ref, code.encode())

    async def challenge(self, case: str, code: str) -> None:
        """Have *code* mailed."""
        await self.seal_code(case, "code_0", code)
        expires_at = now() + timedelta(minutes=30)
        kind = ProofKind.EMAIL_CODE
        await self.tell(IdentityChallenged(request_id=case, kind=kind, ref="code_0", expires_at=expires_at))


def _received(case: str) -> RequestReceived:
    return RequestReceived(
        request_id=case,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        policy="gdpr@2018-05-25",
        source="portal",
        received_at=now(),
        received_on=TODAY,
        due_on=TODAY + timedelta(days=30),
        internal_due_on=TODAY + timedelta(days=20),
    )


def _message(fact: Fact) -> Message:
    id_ = uuid.uuid4().hex
    return Message(
        EVENTS,
        fact.TYPE,
        encode(fact, id=id_, source="habeas/test", time=now()),
        id_,
        STRUCTURED,
        mandatory=False,
    )
