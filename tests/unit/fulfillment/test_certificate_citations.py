"""A certificate cites the reader's law for what stays, and of the company's law the duty to keep records."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.fulfillment.certificate.document import Retained
from services.fulfillment.certificate.issue import Issue, certificate
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.search.findings import Findings, RecordTuple
from shared.law import Policy, ReasonCode
from shared.law.library import policies
from tests.unit.fulfillment.test_contracts import PEOPLE, found, planned

NOW = datetime(2026, 3, 5, 13, 35, tzinfo=UTC)
HELD = "GDPR Art. 17(3)(e)"
"""The provision in plans of version 0.1.0, under any law."""


def kept(reason: str, because: str) -> RecordPlan:
    decided = planned(found("visits"))
    step = replace(decided.steps[0], disposition=Disposition.RETAINED, reason=reason, because=because)
    return replace(decided, steps=(step,))


def certified(plan: RecordPlan, *laws: Policy) -> Retained:
    look = Remains((), {}, Findings(PEOPLE.version, RecordTuple(()), ()))
    issue = Issue(
        number="C-1", request_id="r", controller="Fernlicht", begun_at=NOW, completed_at=NOW, laws=laws
    )
    [handled] = certificate(plan, look, (), PEOPLE, issue).handled
    [one] = handled.retained
    return one


@pytest.mark.parametrize("law", [*policies()], ids=lambda law: law.id)
def test_hold_has_the_provision_of_the_readers_law_or_none(law: Policy) -> None:
    cited = certified(kept("legal_hold", HELD), law).citation
    assert cited == law.citation(ReasonCode.LEGAL_HOLD)
    assert cited in ("", HELD) if law.law == "gdpr" else cited != HELD


def test_hold_of_a_person_with_two_laws_has_both_provisions() -> None:
    laws = (policies().named("us-ca-ccpa@2026-01-01"), policies().named("gdpr@2018-05-25"))
    assert certified(kept("legal_hold", ""), *laws).citation == f"Cal. Civ. Code 1798.145(a); {HELD}"


def test_duty_to_keep_records_has_the_provision_of_the_companys_law() -> None:
    law = policies().named("us-ca-ccpa@2026-01-01")
    assert certified(kept("retention_duty", "§ 147 AO"), law).citation == "§ 147 AO"


def test_legal_basis_of_the_map_is_no_provision_for_keeping() -> None:
    law = policies().named("us-va@2023-01-01")
    assert certified(kept("still_needed", "Art. 6(1)(f) GDPR"), law).citation == ""
