"""
Who asks for what in a crash run: people, their records, and the messages of an upstream system.

All of it follows from a seed. Besides plain requests there are those that an upstream system really sends:
repetitions, withdrawals, requests of strangers, and messages that nobody can read.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from bench.installation import MASTER_KEY, SOURCE
from shared.contract.envelope import STRUCTURED, decode
from shared.contract.events import RequestSubmitted, WithdrawalSubmitted
from shared.contract.topology import REQUESTS
from shared.law import Right
from shared.runtime import service
from shared.runtime.broker import Message
from shared.runtime.key_rings import derived_key

STORE = "bench_shop"
ACCOUNTS, ORDERS = "accounts", "orders"
BYSTANDERS = 100
"""People with records who ask for nothing."""

REPEATED, REWORDED, WITHDRAWN, MALFORMED = 0.01, 0.01, 0.01, 0.005
"""Shares of requests that are sent twice as they are, again under another event id, or taken back; messages
per request that cannot be read."""
ASKING, GARBAGE = "asks-", "garbage-"
"""How the ids of messages begin that begin a case."""
LATER = 60
"""Messages after its request, at most, that a repetition or a withdrawal comes."""

DATA_MAP = f"""
dataset:
  - fides_key: {STORE}
    name: Shop
    description: What the crash run erases from.
    meta:
      habeas:
        store: default
        purpose: To sell things.
        legal_basis: Art. 6(1)(b) GDPR (performance of a contract)
        source: The person.
        recipients: [Bank]
    collections:
      - name: {ACCOUNTS}
        description: People who can log in.
        meta: {{ habeas: {{ erasure: delete }} }}
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: {{ primary_key: true, data_type: long }}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {{ data_type: string, identity: email }}
          - name: name
            data_categories: [user.name]
            fides_meta: {{ data_type: string }}
      - name: {ORDERS}
        description: What was bought; it stays, without the person.
        meta: {{ habeas: {{ erasure: mask }} }}
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: {{ primary_key: true, data_type: long }}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {{ data_type: string, identity: email }}
          - name: amount
            data_categories: [system.operations]
            fides_meta: {{ data_type: double }}
"""


class Kind(StrEnum):
    """What a requester is after, and so which end their request must come to."""

    ERASURE = "erasure"
    ACCESS = "access"
    STRANGER = "stranger"
    """Nothing is held about them."""
    OPT_OUT = "opt_out"
    """Answered alike, whoever asks and whatever is held."""


WEIGHTS = {Kind.ERASURE: 70, Kind.STRANGER: 17, Kind.OPT_OUT: 8, Kind.ACCESS: 5}
RIGHTS = {
    Kind.ERASURE: Right.ERASURE,
    Kind.ACCESS: Right.ACCESS,
    Kind.STRANGER: Right.ACCESS,
    Kind.OPT_OUT: Right.OPT_OUT_OF_SALE,
}


@dataclass(frozen=True, slots=True)
class Requester:
    """A person and their one request."""

    number: int
    kind: Kind
    withdraws: bool

    @property
    def email(self) -> str:
        """Where letters to them go."""
        return f"p{self.number}@requesters.example"

    @property
    def reference(self) -> str:
        """What the upstream system calls their request."""
        return f"ticket-{self.number}"

    @property
    def held(self) -> bool:
        """Whether the shop has records of them."""
        return self.kind is not Kind.STRANGER


@dataclass(frozen=True, slots=True)
class Load:
    """Everything that is sent, in this order, and what it must lead to."""

    requesters: tuple[Requester, ...]
    messages: tuple[Message, ...]
    causes: frozenset[str]
    """What intake's journal must name as cause, once each: one per readable event."""
    malformed: int
    """Messages that nobody can read; no two are alike, so each must be set aside by itself."""

    def begun(self) -> list[int]:
        """Return how many cases are begun after each message: repetitions and withdrawals begin none."""
        known: set[str] = set()
        begun = []
        for message in self.messages:
            if message.message_id.startswith((ASKING, GARBAGE)):
                known.add(message.message_id)
            begun.append(len(known))
        return begun

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the shop's documents, each with its collection: one account and one order per person."""
        people = [requester.number for requester in self.requesters if requester.held]
        first = len(self.requesters)
        for number in [*people, *range(first, first + BYSTANDERS)]:
            email = f"p{number}@requesters.example"
            yield ACCOUNTS, {"_id": number, "email": email, "name": f"Person {number}"}
            yield ORDERS, {"_id": number, "email": email, "amount": number / 4}


def made_up(requests: int, seed: int) -> Load:
    """Return a load of *requests* requests and what comes with them."""
    dice = random.Random(seed)
    kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=requests)
    requesters = tuple(
        Requester(number, kind, dice.random() < WITHDRAWN) for number, kind in enumerate(kinds)
    )
    timed = [event for requester in requesters for event in _events_of(requester, dice)]
    garbage = [(dice.random() * requests, _garbage(n, dice)) for n in range(round(requests * MALFORMED))]
    messages = [message for _, message in sorted([*timed, *garbage], key=lambda pair: pair[0])]
    return Load(
        requesters,
        tuple(messages),
        causes=frozenset(cause_of(message) for _, message in timed),
        malformed=len(garbage),
    )


def cause_of(message: Message) -> str:
    """Return how intake's journal names the event in *message*."""
    envelope = decode(message.body, exchange=REQUESTS, content_type=STRUCTURED, headers={})
    return service.cause_of(envelope, derived_key(MASTER_KEY, "request ids"))


def _events_of(requester: Requester, dice: random.Random) -> Iterator[tuple[float, Message]]:
    """Yield what is sent for *requester*, each with its place in the order."""
    number, asked = requester.number, _asked(requester)
    yield number, _message(f"{ASKING}{number}", RequestSubmitted.TYPE, asked)
    if dice.random() < REPEATED:
        yield _later(number, dice), _message(f"{ASKING}{number}", RequestSubmitted.TYPE, asked)
    if dice.random() < REWORDED:
        yield _later(number, dice), _message(f"again{number}", RequestSubmitted.TYPE, asked)
    if requester.withdraws:
        reference = {"reference": requester.reference}
        yield _later(number, dice), _message(f"w{number}", WithdrawalSubmitted.TYPE, reference)


def _later(number: int, dice: random.Random) -> float:
    return number + 0.5 + dice.random() * LATER


def _asked(requester: Requester) -> dict[str, Any]:
    return {
        "reference": requester.reference,
        "right": RIGHTS[requester.kind],
        "subject": {"name": f"Person {requester.number}", "email": requester.email},
        "residence": {"country": "DE"},
    }


def _message(id_: str, type_: str, data: dict[str, Any]) -> Message:
    body = orjson.dumps(_event(id_, type_, data))
    return Message(REQUESTS, type_, body, message_id=id_)


def _event(id_: str, type_: str, data: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "time": now, "data": data}


def _garbage(number: int, dice: random.Random) -> Message:
    """Return a message that cannot be read; no two are alike."""
    bad: Sequence[bytes] = (
        dice.randbytes(200),
        b'{"specversion": "1.0", "id": "half%d' % number,
        orjson.dumps(_event(f"odd{number}", "habeas.request.mislaid.v1", {})),
        orjson.dumps(_event(f"bare{number}", RequestSubmitted.TYPE, {"reference": f"bare{number}"})),
    )
    return Message(REQUESTS, RequestSubmitted.TYPE, bad[number % len(bad)], message_id=f"{GARBAGE}{number}")
