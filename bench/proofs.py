"""
Proofs of identity: ``python -m bench.proofs``, and a part of ``make bench``.

How long a document takes, and how fast a code is answered: each alone, and both at once.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import aio_pika
import orjson

from bench.document_images import bill, passport
from bench.figures import Figure, figure, offer_help, out, report
from bench.installation import MASTER_KEY, Ground, ground, services
from habeas.client.requests import cloud_event
from services.intake.domain import request_id
from shared.contract.envelope import encode
from shared.contract.events import (
    EmailCode,
    Fact,
    IdentityChallenged,
    IdentityVerified,
    ProofExamined,
    ProofKind,
    ProofPresented,
    ProofReceived,
    ProofRef,
    ProofRefused,
    ProofSlot,
    RequestSubmitted,
)
from shared.contract.topology import EVENTS, REQUESTS
from shared.runtime.broker import Bus, Message
from shared.runtime.key_rings import derived_key
from shared.runtime.vault import Vault

F = TypeVar("F", bound=Fact)

CODES = 100
DOCUMENTS = 12
PACE_S = 0.1
NAME = "Ottilie Brandel"
WITHIN_S = 180.0
SOURCE = "stranger"
REQUEST_KEY = derived_key(MASTER_KEY, "request ids")
BORN, EXPIRES = date(1988, 3, 4), date(2034, 5, 1)


@dataclass
class Desk:
    """Who hands in proofs and hears what becomes of them."""

    bus: Bus
    vault: Vault
    heard: asyncio.Queue[Fact] = field(default_factory=asyncio.Queue)
    _numbers: "count[int]" = field(default_factory=count)

    async def request(self, named_by: dict[str, Any]) -> tuple[str, str]:
        """Make a request of somebody *named_by* something; return its case and the name of the code."""
        data: dict[str, Any] = {
            "reference": uuid4().hex,
            "right": "access",
            "subject": {"name": NAME} | named_by,
            "residence": {"country": "DE"},
        }
        body = cloud_event(data, type_=RequestSubmitted.TYPE, source=SOURCE)
        await self.bus.publish([Message(REQUESTS, RequestSubmitted.TYPE, body, uuid4().hex)])
        case = request_id(SOURCE, data["reference"], key=REQUEST_KEY)
        challenged = await self.hear(IdentityChallenged, case)
        return case, challenged.ref or ""

    async def code_answered(self) -> float:
        """Return how many milliseconds a right code takes to be answered."""
        case, name = await self.request({"email": f"user{next(self._numbers)}@example.org"})
        code = (await self.vault.open(case, name)).decode()
        await self.vault.seal(
            case, "proof", EmailCode(kind="email_code", code=code).model_dump_json().encode()
        )
        began = time.perf_counter()
        proof = ProofRef(kind=ProofKind.EMAIL_CODE, ref="proof")
        await self._tell(ProofReceived(request_id=case, proofs=(proof,)))
        await self.hear(IdentityVerified, case)
        return (time.perf_counter() - began) * 1000

    async def document_examined(self, content: bytes, slot: ProofSlot) -> float:
        """Return how many seconds a document takes to be examined."""
        # Who names no mailbox is asked for papers; who does is not, and they are not looked at.
        case, _ = await self.request({"identifiers": {"customer_id": str(next(self._numbers))}})
        name = f"proof_{uuid4().hex}"
        await self.vault.seal_stream(case, name, _whole(content))
        media_type = "application/pdf" if content.startswith(b"%PDF") else "image/jpeg"
        proof = ProofRef(kind=ProofKind.DOCUMENT, ref=name, slot=slot, media_type=media_type)
        began = time.perf_counter()
        await self._tell(ProofReceived(request_id=case, proofs=(proof,)))
        await self.hear(ProofExamined, case)
        return time.perf_counter() - began

    async def hear(self, kind: type[F], case: str) -> F:
        """Return the next fact of *kind* about *case*."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                fact = await self.heard.get()
                if isinstance(fact, kind) and fact.request_id == case:
                    return fact

    async def _tell(self, fact: Fact) -> None:
        id_ = uuid4().hex
        body = encode(fact, id=id_, source="habeas/intake", time=datetime.now(UTC))
        await self.bus.publish([Message(EVENTS, fact.TYPE, body, id_)])


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


@asynccontextmanager
async def desk(here: Ground) -> AsyncIterator[Desk]:
    """Open a desk that hears everything about identities."""
    bus = Bus(here.stack.amqp_url, name="bench")
    made = Desk(bus, Vault(here.client, prefix="habeas", master_key=MASTER_KEY))
    heard = (IdentityChallenged, IdentityVerified, ProofExamined, ProofPresented, ProofRefused)
    kinds: dict[str, type[Fact]] = {kind.TYPE: kind for kind in heard}
    connection = await aio_pika.connect(here.stack.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for type_ in kinds:
            await queue.bind(EVENTS, type_)

        async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            event = orjson.loads(message.body)
            fact = kinds[event["type"]].model_validate(event["data"] | {"request_id": event["correlationid"]})
            await made.heard.put(fact)

        await queue.consume(note, no_ack=True)
        try:
            yield made
        finally:
            await bus.close()


async def measure() -> list[Figure]:
    """Measure everything."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here, services(here), desk(here) as codes, desk(here) as papers:
            first = await papers.document_examined(_paper(ProofSlot.IDENTITY), ProofSlot.IDENTITY)
            quiet = await _read_on(papers)
            alone = [await codes.code_answered() for _ in range(CODES)]
            reading = asyncio.create_task(_read_on(papers))
            beside: list[float] = []
            while not reading.done():
                beside.append(await codes.code_answered())
                await asyncio.sleep(PACE_S)
            documents = await reading
    out.print(f"a code: {_cut(alone, 50):.0f} ms alone, {_cut(beside, 50):.0f} ms beside documents")
    return [
        figure("a document, the first after a start", [first], "s"),
        *_by_slot(quiet, "alone"),
        *_by_slot(documents, "while codes are answered"),
        figure("a code answered, p50", [_cut(alone, 50)], "ms"),
        figure("a code answered, p95", [_cut(alone, 95)], "ms"),
        figure("a code answered while documents are read, p50", [_cut(beside, 50)], "ms", [_cut(alone, 50)]),
        figure("a code answered while documents are read, p95", [_cut(beside, 95)], "ms", [_cut(alone, 95)]),
    ]


_SLOTS = (ProofSlot.IDENTITY, ProofSlot.ADDRESS)


async def _read_on(papers: Desk) -> Sequence[tuple[float, ProofSlot]]:
    slots = [slot for _ in range(DOCUMENTS) for slot in _SLOTS]
    return [(await papers.document_examined(_paper(slot), slot), slot) for slot in slots]


def _paper(slot: ProofSlot) -> bytes:
    if slot is ProofSlot.IDENTITY:
        return passport("Brandel", "Ottilie", born=BORN, expires=EXPIRES)
    return bill(NAME, "Example Street 12", "10115 Berlin", datetime.now(UTC).date())


def _by_slot(documents: Sequence[tuple[float, ProofSlot]], manner: str) -> list[Figure]:
    """Return a figure for the *documents* of each kind of proof."""
    return [
        _spread(f"a document ({slot.value}), {manner}", [s for s, of in documents if of is slot], "s")
        for slot in _SLOTS
    ]


def _spread(name: str, values: Sequence[float], unit: str) -> Figure:
    return figure(f"{name}, p95 {_cut(values, 95):.2f} {unit}", values, unit)


def _cut(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    offer_help(__doc__)
    report(asyncio.run(measure()))
