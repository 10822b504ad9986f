"""The scoping of breaches on a real database, with a clock that the test sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.fulfillment.breach.handlers import ScopeContext, scope
from services.fulfillment.breach.scope_job import ScopeJob
from services.fulfillment.breach.scope_store import LEASE, BreachScopes
from services.fulfillment.breach.search import AffectedSearch
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.stores.mongodb import Stores
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, batch_item, declaration_item
from shared.contract.envelope import decode
from shared.contract.events.breaches import BreachDeclared, BreachRegistered, BreachScoped
from shared.runtime.broker import Message
from shared.runtime.mongo import Client
from shared.runtime.vault import Vault

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
INCIDENT = "1" * 32
GDPR = "gdpr@2018-05-25"
CALIFORNIA = "us-ca@2026-01-01"
EUROPE = frozenset({"DE", "FR", "IE", "ES", "IT", "NL", "PL", "SE"})


class Simple:
    """Two simple laws: what laws really say is tried elsewhere."""

    def owed(
        self, declared: BreachDeclared, place: str | None, categories: tuple[str, ...]
    ) -> tuple[str, ...]:
        if declared.role == "processor":
            return ()
        if place == "US-CA":
            return (CALIFORNIA,) if "user.authorization.password" in categories else ()
        return (GDPR,) if place is None or place in EUROPE else ()

    def to_customers(self, declared: BreachDeclared) -> tuple[str, ...]:
        return (GDPR,) if declared.role == "processor" else ()


def declared(**affected: Any) -> BreachDeclared:
    """Return what is declared of a breach; what is not *affected* is said of the breach itself."""
    about = {key: affected.pop(key) for key in set(affected) - {"collections", "list", "controllers"}}
    told = {
        "reference": "B-1",
        "nature": "A copy of a database was open to the world.",
        "consequences": "Others may know what you ordered.",
        "measures": "It is closed.",
        "advice": "Change your password.",
        "occurred_from": NOON - timedelta(days=3),
        "detected_at": NOON - timedelta(days=1),
        "aware_at": NOON - timedelta(days=1),
        "contact": "privacy@fernlicht.example",
        "high_risk": True,
        **about,
    }
    return BreachDeclared.model_validate({**told, "affected": affected})


@dataclass
class Installation:
    """What outlives a process, and a replica of scoping."""

    client: Client
    prefix: str
    data_map: DataMap
    now: datetime = NOON
    told: dict[str, BreachScoped] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        return Vault(self.client, prefix=self.prefix, master_key=b"m" * 32)

    @property
    def stores(self) -> Stores:
        return Stores({"default": self.client}, database_prefix=self.prefix)

    @property
    def scopes(self) -> BreachScopes:
        return BreachScopes(self.client, self.client[f"{self.prefix}_fulfillment"], b"k" * 32)

    @property
    def people(self) -> Any:
        """The collection in which people are recognised."""
        return self.client[f"{self.prefix}_fulfillment"]["breach_people"]

    def business(self, database: str, collection: str) -> Any:
        return self.client[f"{self.prefix}{database}"][collection]

    def clock(self) -> datetime:
        return self.now

    async def publish(self, messages: list[Message]) -> None:
        for message in messages:
            event = decode(
                message.body,
                exchange=message.exchange,
                content_type=message.content_type,
                headers=message.headers,
            ).event
            assert isinstance(event, BreachScoped)
            assert self.told.setdefault(message.message_id, event) == event, "it is told twice otherwise"

    async def register(
        self, breach: BreachDeclared, *, phase: int = 1, judged_at: datetime | None = None
    ) -> None:
        """Register a phase, as its event arrives."""
        item = declaration_item(f"event{phase}")
        await self.vault.create(INCIDENT)
        await self.vault.seal(INCIDENT, item, breach.model_dump_json().encode())
        event = BreachRegistered(
            request_id=INCIDENT,
            phase=phase,
            declaration=item,
            role=breach.role,
            aware_at=breach.aware_at,
            judged_at=judged_at,
        )
        finding = AffectedSearch(self.data_map, self.stores)
        assert await scope(event, ScopeContext(self.vault, finding, self.scopes)) == []

    def replica(self, **parts: Any) -> ScopeJob:
        """Return a replica, of which some *parts* are others."""
        made = {"scopes": self.scopes, "stores": self.stores, "vault": self.vault, "publish": self.publish}
        return ScopeJob(
            **{**made, "current": lambda: self.data_map, "law": Simple(), "clock": self.clock, **parts}
        )

    async def scoped(self, breach: BreachDeclared, *, phase: int = 1) -> BreachScoped:
        """Register *breach*, and return whom it concerns."""
        await self.scopes.prepare()
        await self.register(breach, phase=phase)
        while await self.replica().work():
            pass
        return self.of(phase)

    async def failures(self) -> Mapping[int, str]:
        """Return of which phases nobody finds out whom they concern, and why."""
        scopes = self.client[f"{self.prefix}_fulfillment"]["breach_scopes"]
        waits = {"$or": [{"done": False}, {"refused": True}]}
        stuck = {"incident": INCIDENT, "failed": {"$ne": None}, **waits}
        return {one["phase"]: one["failed"] async for one in scopes.find(stuck)}

    def later(self) -> None:
        """Let the lease of whoever has died be over."""
        self.now += LEASE + timedelta(seconds=1)

    def of(self, phase: int = 1) -> BreachScoped:
        [found] = [one for one in self.told.values() if one.phase == phase]
        return found

    async def batches(self, phase: int = 1) -> list[NoticeBatch]:
        """Return what is sealed for the letters."""
        items = [batch_item(phase, number) for number in range(self.of(phase).chunks)]
        return [NoticeBatch.model_validate_json(await self.vault.open(INCIDENT, item)) for item in items]

    async def written_to(self, phase: int = 1) -> dict[str, NoticeRecipient]:
        """Return who is written to, by address."""
        return by_address([person for batch in await self.batches(phase) for person in batch.people])


def by_address(people: Sequence[NoticeRecipient]) -> dict[str, NoticeRecipient]:
    reached = [person for person in people if person.email is not None]
    found: Mapping[str, NoticeRecipient] = {str(person.email): person for person in reached}
    assert len(found) == len(reached), "person is written to twice"
    return dict(found)
