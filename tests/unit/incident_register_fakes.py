"""The register of incidents in memory, with intake, for unit tests."""

from datetime import timedelta
from typing import Any, TypeVar

from services.intake.bootstrap import service as intake_service
from services.intake.breach.assessment import BreachLaw
from services.intake.breach.bootstrap import service
from services.intake.breach.clocks import IncidentRetention
from services.intake.breach.domain import Incident
from services.intake.cases.code_limits import CodeLimit
from services.intake.context import Ports
from services.intake.domain import incident_id
from shared.contract.envelope import STRUCTURED, decode, encode
from shared.contract.events import Event, Fact
from shared.contract.events.breaches import (
    AffectedGroup,
    BreachApproved,
    BreachDeclared,
    BreachScoped,
    BreachTimeCame,
)
from shared.contract.sources import COMMAND
from shared.contract.topology import EVENTS
from shared.law.calendars import calendar_named
from shared.runtime.broker import Message
from shared.runtime.service import Runtime
from tests.runtime_fakes import MemoryBroker, MemoryJournal, MemoryTimers, MemoryVault
from tests.unit.breach_cases import ACCEPTED
from tests.unit.fakes import (
    BINDINGS,
    NOW,
    PRACTICE,
    REQUEST_KEY,
    RETRY,
    Clock,
    MemoryFirstRequests,
    MemoryRequesterIndex,
    MemoryWaitingQueue,
    OpenGate,
    proof_of,
    submission,
)

F = TypeVar("F", bound=Fact)

INCIDENT = incident_id(COMMAND, "inc-1", key=REQUEST_KEY)
LAW = BreachLaw(ACCEPTED, PRACTICE.company, calendar_named)
AWARE_AT = NOW - timedelta(hours=2)
GDPR, CALIFORNIA = "gdpr@2018-05-25", "us-ca@2026-01-01"
"""Laws on breaches, in the editions of the day."""


def declaration(**changes: Any) -> dict[str, Any]:
    """Return what an upstream system declares."""
    return {
        "reference": "inc-1",
        "nature": "A copy of the customer table was taken.",
        "consequences": "Letters that pretend to come from us.",
        "measures": "The way in is closed.",
        "advice": "Do not open attachments.",
        "occurred_from": (AWARE_AT - timedelta(days=1)).isoformat(),
        "detected_at": AWARE_AT.isoformat(),
        "aware_at": AWARE_AT.isoformat(),
        "categories": ["user.name", "user.contact.email"],
        "contact": "Privacy team, privacy@example.com",
        "high_risk": True,
        "by": "ada",
    } | changes


def scoped(phase: int = 1, *, batches: int = 1, **places: int) -> BreachScoped:
    """Return what scoping tells of *phase*: how many people of which place are to be told."""
    found = places or {"DE": 3}
    laws = {place: CALIFORNIA if place == "US_CA" else GDPR for place in found}
    groups = tuple(
        AffectedGroup(laws=(laws[place],), place=place.replace("_", "-"), language="en", people=people)
        for place, people in found.items()
    )
    return BreachScoped(request_id=INCIDENT, phase=phase, groups=groups, chunks=batches)


class Registry:
    """Intake and the register of incidents, on one broker and one vault."""

    def __init__(self) -> None:
        """Judge by the laws that are in force, for the company of the tests."""
        self.clock = Clock()
        self.broker = MemoryBroker()
        self.vault = MemoryVault()
        self.timers = MemoryTimers()
        self.journal, intakes = MemoryJournal(), MemoryJournal()
        ports = Ports(
            self.vault,
            MemoryTimers(),
            MemoryFirstRequests(intakes),
            MemoryWaitingQueue(),
            CodeLimit(),
            MemoryRequesterIndex(),
            PRACTICE,
        )
        intake = intake_service(ports, REQUEST_KEY, BINDINGS)
        self.service = service(self.vault, self.timers, LAW, IncidentRetention(60, 36))
        self._runtimes: list[Runtime[Any, Any]] = [
            Runtime(made, rows, self.broker.inbox(made.name), self.broker, 10, RETRY, self.clock, OpenGate())
            for made, rows in ((intake, intakes), (self.service, self.journal))
        ]

    async def declare(self, *, id_: str = "1", source: str = COMMAND, **changes: Any) -> None:
        """Declare a breach as a staff account does, or by *source*, and let the services work."""
        declared = declaration(**changes)
        if source == COMMAND and declared.get("by"):
            declared["proof"] = proof_of(declared["by"])
        await self.broker.publish([submission("breach.declared", declared, id_=id_, source=source)])
        await self.work()

    async def tell(self, *facts: Fact, id_: str = "") -> None:
        """Publish *facts* of others, and let the services work."""
        for fact in facts:
            name = id_ or f"other-{len(self.broker.published)}"
            body = encode(fact, id=name, source="habeas/other", time=self.clock())
            await self.broker.publish([Message(EVENTS, fact.TYPE, body, name)])
        await self.work()

    async def approve(self, by: str, phase: int = 1) -> None:
        """Approve of the notices of *phase*."""
        await self.tell(BreachApproved(request_id=INCIDENT, by=by, phase=phase))

    async def pass_time(self, by: timedelta) -> None:
        """Let time pass, and tell the moments that come."""
        until = self.clock.now + by
        while due := sorted((at, name, of) for (of, name), at in self.timers.moments.items() if at <= until):
            at, name, incident = due[0]
            del self.timers.moments[incident, name]
            self.clock.now = max(self.clock.now, at)
            await self.tell(BreachTimeCame(request_id=incident, name=name), id_=f"timer {name}")
        self.clock.now = until

    async def work(self) -> None:
        """Let the services do all there is to do now."""
        await self.broker.drain(*self._runtimes)

    async def incident(self) -> Incident:
        """Return what is known of the incident."""
        histories = await self.journal.histories({INCIDENT})
        return self.service.fold(histories.get(INCIDENT, ()))

    async def declared(self, phase: int) -> BreachDeclared:
        """Return what was declared in *phase*."""
        item = (await self.incident()).phases[phase - 1].declaration
        return BreachDeclared.model_validate_json(await self.vault.open(INCIDENT, item))

    def facts(self, kind: type[F]) -> list[F]:
        """Return the facts of *kind* that were published, each once."""
        bodies = {m.message_id: m.body for m in self.broker.published if m.exchange == EVENTS}
        events: list[Event] = [
            decode(body, exchange=EVENTS, content_type=STRUCTURED, headers={}).event
            for body in bodies.values()
        ]
        return [event for event in events if isinstance(event, kind)]

    def parked(self) -> list[str]:
        """Return why messages of the register wait for a person."""
        return [str(message.headers) for message in self.broker.parked("incidents")]
