"""The services, a shop, its staff and a mail server, for the lives of cases in ``test_case_life``."""

import asyncio
import base64
import json
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from habeas.embedded.installation import COMPANY
from habeas.embedded.stack import Stack
from services.intake.cases.errors import NotPossibleNow
from services.intake.domain import IntakeCase, request_id
from shared.contract import topology
from shared.contract.envelope import encode
from shared.contract.events import (
    AppealAnswered,
    AppealSubmitted,
    Decision,
    EmailCode,
    Fact,
    NewCode,
    ProofSubmitted,
    Submission,
    WithdrawalSubmitted,
)
from shared.contract.staff import TEXT_SALT_BYTES, decision_id, salted, written_item
from shared.law.library import company
from shared.runtime.broker import Message, declare, user_of
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Document
from shared.vocabulary import StopReason
from tests.integration.modelled_case import APPROVERS, PACKAGE_LIFETIME, PATIENCE, LawLibrary, ModelledCase
from tests.integration.scheduled_services import ScheduledServices, scheduled_services
from tests.mailbox import Mailbox
from tests.staff import StaffRoom

T = TypeVar("T")

SHOP = "shop"
STATEMENT = "I disagree."
MAP = """
dataset:
  - fides_key: {prefix}shop
    collections:
      - name: users
        meta:
          habeas: {{ erasure: delete, purpose: {{en: To sell}}, legal_basis: {{en: Art. 6(1)(a) GDPR}} }}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
          - {{ name: name, data_categories: [user.name] }}
"""


@dataclass
class World:
    """The services, the shop, the staff and the mail server, driven from outside of their event loop."""

    runner: asyncio.Runner
    services: ScheduledServices
    room: StaffRoom
    mail: Mailbox
    law: LawLibrary
    people: int = 0
    lives: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """Statuses of all cases at the end of a life, and letters."""

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of *work*."""
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        """The moment that it is."""
        return self.services.now

    @property
    def collection(self) -> str:
        """The collection of the shop's users, as the data map names it."""
        return f"{self.services.prefix}shop.users"

    @property
    def users(self) -> Any:
        """The records of the shop."""
        return self.services.client[f"{self.services.prefix}shop"]["users"]

    def id_of(self, reference: str) -> str:
        """Return the id of the request with the *reference* of the shop."""
        return request_id(SHOP, reference, key=derived_key(self.services.root_key, "request ids"))

    async def new_person(self) -> str:
        """Return the name of a person whom the shop knows."""
        self.people += 1
        name = f"person{self.people}"
        await self.users.insert_one(record_of(name))
        return name

    async def records(self, people: Iterable[str]) -> list[Document]:
        """Return the records of *people* in the shop."""
        return [one async for one in self.users.find({"_id": {"$in": [*people]}})]

    def submission(self, kind: type[Submission], **data: Any) -> bytes:
        """Return the event by which the shop says something."""
        event = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": SHOP, "type": kind.TYPE}
        return json.dumps(event | {"time": self.now.isoformat(), "data": data}).encode()

    async def say(self, kind: type[Submission], body: bytes) -> None:
        """Have the shop publish *body*, and the services work."""
        await self.services.publish(Message(topology.REQUESTS, kind.TYPE, body, uuid.uuid4().hex))
        await self.services.settle()

    async def prove(self, case: ModelledCase, proof: EmailCode | NewCode) -> None:
        """Have the person of *case* offer *proof*."""
        page = partial(self.services.pages.prove, case.id, [proof])
        await self._act(case, ProofSubmitted, page, proofs=[proof.model_dump()])

    async def withdraw(self, case: ModelledCase) -> None:
        """Have the person take *case* back."""
        await self._act(case, WithdrawalSubmitted, partial(self.services.pages.withdraw, case.id))

    async def complain(self, case: ModelledCase) -> None:
        """Have the person complain about *case*."""
        page = partial(self.services.pages.appeal, case.id, STATEMENT)
        await self._act(case, AppealSubmitted, page, statement=STATEMENT)

    async def _act(
        self, case: ModelledCase, kind: type[Submission], page: Callable[[], Awaitable[None]], **data: Any
    ) -> None:
        """Have the shop pass on the words of a person; where it knows no reference they use the *page*."""
        if case.reference:
            await self.say(kind, self.submission(kind, reference=case.reference, **data))
            return
        with suppress(NotPossibleNow):
            await page()
        await self.services.settle()

    async def stop(self, case: ModelledCase) -> None:
        """Have a reader of a letter use the link that stops *case*."""
        await self.services.pages.stop(case.id, StopReason.NOT_ME)
        await self.services.settle()

    async def decide(self, decision: Decision) -> None:
        """Have an account of the staff decide, and the services work."""
        signed = await self.room.signed(decision, at=self.now)
        id_ = decision_id(signed)
        body = encode(signed, id=id_, source="habeas/intake", time=self.now)
        await self.services.publish(Message(topology.EVENTS, decision.TYPE, body, id_))
        await self.services.settle()

    async def explain(self, case: ModelledCase) -> str:
        """Seal a text of the staff to the person of *case*; return its name in the vault."""
        text = salted(b"Your objection prevails.", bytes(TEXT_SALT_BYTES))
        await self.services.vault.seal(case.id, written_item(text), text)
        return written_item(text)

    async def code(self, case: ModelledCase) -> str:
        """Return the code of the newest letter."""
        return (await self.services.vault.open(case.id, f"code_{case.codes - 1}")).decode()

    async def found(self, cases: Sequence[ModelledCase]) -> list[tuple[IntakeCase, list[Fact]]]:
        """Return the state of each of *cases* in intake, and the facts that all services have published."""
        histories = await self.services.histories({case.id for case in cases})
        fold = self.services.parts["intake"].service.fold
        facts = {
            case.id: [fact for rows in histories.values() for row in rows[case.id] for fact in row.facts]
            for case in cases
        }
        return [
            (fold(histories["intake"][one.id]), [fact for fact in facts[one.id] if fact.PUBLISHED])
            for one in cases
        ]

    async def renewal(self, case: ModelledCase) -> str:
        """Return the id of the newest request that takes *case* up again."""
        ((_state, facts),) = await self.found([case])
        return [one.renewed for one in facts if isinstance(one, AppealAnswered) and one.renewed][-1]

    def mails_to(self, person: str) -> Counter[str]:
        """Return how often each letter to *person* was handed to the mail server, by its Message-ID."""
        found = self.mail.to(f"{person}@example.org")
        return Counter(str(letter.message["Message-ID"]) for letter in found)


def record_of(person: str) -> Document:
    """Return the record that the shop has of *person*."""
    return {"_id": person, "email": f"{person}@example.org", "name": person}


@asynccontextmanager
async def world_of(
    runner: asyncio.Runner, parts: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Start everything; the databases are dropped at the end."""
    name, prefix = f"test-{uuid.uuid4().hex}", f"t{uuid.uuid4().hex[:12]}"
    await parts.broker.add_vhost(name)
    url = parts.broker.url_of(name)
    await declare(url)
    (folder / "map").mkdir()
    (folder / "map" / "map.yml").write_text(MAP.format(prefix=prefix), encoding="utf-8")
    environment = {
        "HABEAS_AMQP_URL": url,
        "HABEAS_MONGO_URL": parts.mongo_url,
        "HABEAS_DATABASE_PREFIX": prefix,
        "HABEAS_SMTP_URL": parts.smtp_url,
        "HABEAS_PRELOAD_MODELS": "false",
        "HABEAS_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "HABEAS_PUBLIC_URL": "http://127.0.0.1:8080",
        "HABEAS_DATAMAP": str(folder / "map"),
        "HABEAS_SOURCES": json.dumps({user_of(url): [SHOP]}),
        "HABEAS_COMPANY": str(COMPANY),
        "HABEAS_MAIL_FROM": "Shop <privacy@shop.example>",
        "HABEAS_ERASURE_APPROVAL": "always",
        "HABEAS_ERASURE_APPROVERS": str(APPROVERS),
        "HABEAS_TWO_DECIDERS": "true",
        "HABEAS_ERASURE_WINDOW": "P1D",
        "HABEAS_PROOF_PATIENCE": f"P{PATIENCE.days}D",
        "HABEAS_PACKAGE_LIFETIME": f"P{PACKAGE_LIFETIME.days}D",
        "HABEAS_LETTERS_PER_DAY": "1000",
        "HABEAS_CODES_PER_HOUR": "1000",
    }
    async with scheduled_services(environment, monkeypatch) as services:
        mail = Mailbox.from_now_on(parts.smtp_url, parts.mail_folder)
        yield World(runner, services, StaffRoom(services.staff), mail, LawLibrary(company(str(COMPANY))))
        names = await services.client.list_database_names()
        await asyncio.gather(*(services.client.drop_database(one) for one in names if one.startswith(prefix)))
