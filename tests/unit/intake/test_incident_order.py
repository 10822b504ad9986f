"""Declarations and findings in any order: no running clock gets more time."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

import pytest

from services.intake.breach.clocks import UPDATE, clocks_of
from services.intake.breach.domain import Incident, evolve
from services.intake.breach.duties import ClocksSet, NotificationDue
from shared.contract.events.breaches import BreachDeclared, BreachRegistered, BreachScoped
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import INCIDENT, LAW, declaration, scoped

HOUR = timedelta(hours=1)
CUSTOMERS = [
    {"id": f"k-{hours}", "name": "Kunde", "email": f"k{hours}@example.com", "hours": hours}
    for hours in (12, 24, 72)
]
CATEGORIES = (["user.name"], ["user.name", "user.government_id"], ["user"])
PLACES = ("DE", "FR", "US_CA", "US_NY", "US_TX", "SG", "BR", "CH")


class Story:
    """An incident of which more and more is declared and found, by chance."""

    def __init__(self, seed: int) -> None:
        """Have the chances of *seed*."""
        self.dice = random.Random(seed)
        self.now = NOW
        self.incident = Incident()
        self.said: list[BreachDeclared] = []

    def go_on(self) -> dict[str, NotificationDue]:
        """Let something happen; return the clocks after it, by name."""
        self.now += self.dice.randint(1, 400) * HOUR
        unscoped = [phase for phase in self.incident.phases if phase.scoped is None]
        if unscoped and self.dice.random() < 1 / 2:
            fact: BreachScoped | BreachRegistered = self._found(self.dice.choice(unscoped).number)
        else:
            fact = self._declared()
        after = evolve(self.incident, fact)
        clocks = ClocksSet(request_id=INCIDENT, clocks=clocks_of(after, self.said, LAW, self.now))
        self.incident = reduce(evolve, [clocks], after)
        return {duty.clock: duty for duty in clocks.clocks}

    def _declared(self) -> BreachRegistered:
        role = self.dice.choice(("controller", "controller", "processor"))
        aware_at = self.now - self.dice.randint(0, 600) * HOUR
        detected_at = aware_at - self.dice.randint(0, 100) * HOUR
        changes: dict[str, Any] = {
            "role": role,
            "aware_at": aware_at,
            "detected_at": detected_at,
            "occurred_from": detected_at,
            "high_risk": self.dice.random() < 2 / 3,
            "categories": self.dice.choice(CATEGORIES),
            "sensitive_to_security": self.dice.random() < 1 / 2,
            "affected": {"controllers": self.dice.sample(CUSTOMERS, 2) if role == "processor" else []},
        }
        self.said.append(BreachDeclared.model_validate(declaration(**changes)))
        number = len(self.said)
        return BreachRegistered(
            request_id=INCIDENT, phase=number, declaration=f"d{number}", role=role, aware_at=aware_at, by="a"
        )

    def _found(self, phase: int) -> BreachScoped:
        places = self.dice.sample(PLACES, self.dice.randint(0, 4))
        found = scoped(phase, **{place: self.dice.randint(1, 900) for place in places})
        if places and self.incident.phases[phase - 1].role == "controller":
            return found
        return found.model_copy(update={"groups": (), "customers": 1})


def more_time(before: dict[str, NotificationDue], after: dict[str, NotificationDue]) -> Iterator[str]:
    """Yield the clocks that ran *before*, and end later *after*; our own word is a new one each time."""
    for name, duty in before.items():
        since = after.get(name)
        runs = duty.owed and duty.begun and since is not None and since.owed
        if runs and since is not None and _end(since) > _end(duty) and not name.startswith(UPDATE):
            yield name


def _end(duty: NotificationDue) -> datetime:
    """Return when it is due, or, without a number, when it began: the later, the more time there is."""
    return duty.due_at or duty.runs_from


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_nothing_that_is_declared_or_found_later_gives_a_running_clock_more_time(seed: int) -> None:
    story = Story(seed)
    before: dict[str, NotificationDue] = {}
    for _ in range(6):
        after = story.go_on()
        assert list(more_time(before, after)) == []
        before = after
