import re
from datetime import date
from pathlib import Path
from pkgutil import resolve_name

import pytest

from shared.law.breaches import BreachPolicy, NoticeRecipientKind, NoticeRule, Risk
from shared.law.library import breach_policies, policies

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "law.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and "`test_" in line
]
TEST = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in TEST.findall(path.read_text(encoding="utf-8"))
}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_is_read() -> None:
    assert len(ROWS) >= 15
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1][:30]}")
def test_every_provision_names_a_function_and_a_test_that_exist(row: list[str]) -> None:
    _, _, functions, tests, _ = row
    assert named(functions)
    assert named(tests)
    assert all(callable(resolve_name(name)) for name in named(functions))
    assert set(named(tests)) <= TESTS


PERIODS = [rule for policy in policies() if policy.regulation for rule in policy.periods]
CITED = {provision for rule in PERIODS for provision in (rule.provision, rule.counting)} - {"Our caution"}


@pytest.mark.parametrize("provision", sorted(CITED))
def test_every_provision_the_clock_cites_is_in_the_table(provision: str) -> None:
    assert any(cited.startswith(provision) for cited, *_ in ROWS)


NOTICES = {
    notice.provision
    for policy in breach_policies()
    for notice in policy.notices
    if not policy.law.startswith("us-") or policy.law == "us-ca"
}


@pytest.mark.parametrize("provision", sorted(NOTICES))
def test_every_provision_on_notices_of_a_breach_is_in_the_table(provision: str) -> None:
    article = re.split(r"[(;]| § \d$", provision, maxsplit=1)[0]
    assert any(article in re.split(r"[;(,]\s?", cited) for cited, *_ in ROWS)


def when(notice: NoticeRule | None) -> str:
    if notice is None:
        return "-"
    least = f"from {notice.from_people:,} on" if notice.from_people > 1 else ""
    days = f"{notice.length} {notice.unit}s from {notice.since}" if notice.length else ""
    last = f"not after the {notice.not_after}" if notice.not_after else ""
    return ", ".join(filter(None, (least, days, last))) or "without delay"


STATES = [
    policy for policy in breach_policies().of_that_day(date(2026, 6, 1)) if policy.law.startswith("us-")
]


@pytest.mark.parametrize("policy", STATES, ids=lambda policy: policy.law)
def test_table_of_the_states_equals_their_files(policy: BreachPolicy) -> None:
    people = policy.notice(NoticeRecipientKind.PEOPLE)
    assert people is not None
    harm = "if harm is possible" if people.risk is Risk.RISK else "always"
    others = (
        NoticeRecipientKind.ATTORNEY_GENERAL,
        NoticeRecipientKind.CONSUMER_AGENCIES,
        NoticeRecipientKind.CONTROLLER,
    )
    deadlines = (when(policy.notice(to)) for to in (NoticeRecipientKind.PEOPLE, *others))
    cells = (policy.law[3:].upper(), people.provision, f"{people.trigger}, {harm}", *deadlines, people.read)
    assert f"| {' | '.join(cells)} |" in PAGE
