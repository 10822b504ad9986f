"""Stands in for the laws of breaches until they are here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.intake.incidents.domain import Incident
from services.intake.incidents.duties import Due, Reason
from shared.incidents import BreachDeclared, BreachRole, Risk

GDPR, CALIFORNIA = "gdpr@2018-05-25", "us-ca@2026-01-01"


class Standin:
    """GDPR and California, roughly."""

    def clocks(self, declared: BreachDeclared, incident: Incident) -> Sequence[Due]:
        """Return what they say."""
        aware, residents, done = declared.aware_at, incident.residents, incident.told.get("us-ca.people")
        if declared.role is BreachRole.PROCESSOR:
            hours = min((one.hours for one in declared.affected.controllers), default=24)
            return [_due("gdpr.controller", GDPR, "controller", aware, timedelta(hours=hours))]
        owed = declared.risk is not Risk.UNLIKELY
        found = [_due("gdpr.authority.DE", GDPR, "authority", aware, timedelta(hours=72), owed=owed)]
        if declared.risk is Risk.HIGH:
            found.append(_due("gdpr.people", GDPR, "people", aware, None))
        if residents.get("US-CA"):
            found.append(_due("us-ca.people", CALIFORNIA, "people", aware, timedelta(days=30)))
            if residents["US-CA"] > 500 and done:
                ag = _due("us-ca.attorney_general", CALIFORNIA, "attorney_general", done, timedelta(15))
                found.append(ag)
        return found


def _due(
    clock: str, policy: str, recipient: str, since: datetime, period: timedelta | None, *, owed: bool = True
) -> Due:
    return Due(
        clock=clock,
        policy=policy,
        recipient=recipient,
        runs_from=since,
        due_at=since + period if period else None,
        owed=owed,
        why=(Reason(says="counted by a stand-in", provision="none"),),
    )
