"""The laws with the provenance of their values, as a list and as the tables of ``docs/law.md``."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.law import DeadlineRule, Policy, Right, TimedDuty
from shared.law.library import breach_policies, policies
from shared.law.policies import E, EditionLibrary, LawEdition, ProofRule, SourceStatus

TABLES = re.compile(r"(<!-- laws -->\n).*(<!-- /laws -->)", re.DOTALL)
FEW_PLACES = 3
"""Places that a table names one by one."""
DEADLINES = ("law", "protects", "rights and answer", "extended answer", "receipt", "appeal or complaint")
DUTIES = ("law", "proof", "fees", "letters")
DATA_RIGHTS = (Right.ACCESS, Right.ERASURE, Right.RESTRICTION)
"""One right of each group that proof is asked for alike."""


@dataclass(frozen=True, slots=True)
class LawProvenance:
    """An edition of a law, and where its values come from."""

    edition: LawEdition
    state: str
    """Whether it applies, and what is missing if it does not."""

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        counts = self.edition.read_counts
        read = {status.value: counts.get(status, 0) for status in SourceStatus}
        return {"law": self.edition.id, **read, "state": self.state}

    def __str__(self) -> str:
        row = self.plain()
        counts = f"{row['text']:>7}{row['secondary']:>11}{row['unread']:>8}{row['ours']:>6}"
        return f"{row['law']:<26}{counts}  {self.state}"


def provenance(library: EditionLibrary[E]) -> Sequence[LawProvenance]:
    """Return every edition of *library*, and whether it applies."""
    today = date.today()  # noqa: DTZ011 - of the machine that the command runs on
    current = {policy.id for policy in library.of_that_day(today)}
    found = []
    for policy in library:
        unread = ", ".join(policy.unread_deadlines)
        state = _in_force(policy, today, current)
        if not library.applies(policy):
            state = f"does not apply: unread {unread}"
        elif unread:
            state = f"{state}, accepted: unread {unread}"
        found.append(LawProvenance(policy, state))
    return found


def _in_force(policy: LawEdition, today: date, current: set[str]) -> str:
    if policy.id in current:
        return "applies"
    return f"applies from {policy.edition}" if policy.edition > today else "replaced"


def refreshed(page: str) -> str:
    """Return *page* with its tables of laws written anew."""
    tables = "\n".join(_tables())
    return TABLES.sub(lambda found: f"{found[1]}\n{tables}\n{found[2]}", page)


def _tables() -> Iterator[str]:
    yield f"Requests: {_totals(policies())}.\\\nBreaches: {_totals(breach_policies())}.\n"
    yield "Rights and deadlines:\n"
    yield from _table(DEADLINES, map(_deadlines, policies()))
    yield "Proof, fees, letters and the provenance of values:\n"
    yield from _table((*DUTIES, *SourceStatus), map(_duties, policies()))
    yield "The laws on breaches:\n"
    yield from _table(("law", "name", *SourceStatus), map(_breach, breach_policies()))


def _totals(library: EditionLibrary[E]) -> str:
    """Return the number of values by provenance, and the editions with an unread deadline."""
    editions = list(library)
    counts = sum((Counter(edition.read_counts) for edition in editions), Counter[SourceStatus]())
    values = ", ".join(f"{counts[status]:,} {status}" for status in SourceStatus)
    unread = [f"`{edition.id}`" for edition in editions if edition.unread_deadlines]
    return f"{len(editions)} editions, {values}; with an unread deadline: {', '.join(unread) or 'none'}"


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    names = list(head)
    yield from (f"| {' | '.join(cells)} |" for cells in (names, ["---"] * len(names), *rows))
    yield ""


def _counts(policy: LawEdition) -> tuple[str, ...]:
    return (f"`{policy.id}`", *(str(policy.read_counts.get(status, 0)) for status in SourceStatus))


def _breach(edition: LawEdition) -> tuple[str, ...]:
    id_, *counts = _counts(edition)
    return id_, edition.name, *counts


def _deadlines(policy: Policy) -> tuple[str, ...]:
    appeals = (_period(policy, duty) for duty in (TimedDuty.APPEAL, TimedDuty.COMPLAINT))
    return (
        f"{policy.title or policy.name}, `{policy.id}`",
        _people(policy),
        "; ".join(f"{_words(rights)}: {period}" for period, rights in _answers(policy).items()),
        _period(policy, TimedDuty.EXTENDED_ANSWER),
        _period(policy, TimedDuty.ACKNOWLEDGEMENT),
        ", ".join(filter(None, appeals)),
    )


def _answers(policy: Policy) -> dict[str, list[str]]:
    """Return the rights by the period in which they are answered; most of them are the others."""
    periods = {right: _shown(policy.answer(right)) for right in Right}
    most, _ = Counter(periods.values()).most_common(1)[0]
    found: dict[str, list[str]] = {}
    for right, period in periods.items():
        if period != most:
            found.setdefault(policy.answer(right).period, []).append(right)
    return {**found, most: ["all others"]}


def _duties(policy: Policy) -> tuple[str, ...]:
    id_, *counts = _counts(policy)
    reasons = {reason for ground in policy.grounds for reason in ground.reasons}
    forms = {form for demand in policy.letters if demand.letters != "all" for form in demand.letters}
    return (
        id_,
        "; ".join(f"{_words(rights)}: {level}" for level, rights in _proofs(policy).items()),
        _fees(policy),
        f"{len(forms)} kinds with {len(policy.letters)} statements; grounds for {len(reasons)} reasons",
        *counts,
    )


def _words(names: Iterable[str]) -> str:
    return ", ".join(names).replace("_", " ")


def _people(policy: Policy) -> str:
    places = policy.places
    named = ", ".join(places) if len(places) <= FEW_PLACES else f"{len(places)} countries and territories"
    anywhere = "; all people, if established there" if policy.scope and policy.scope.by_establishment else ""
    roles = ", ".join(role.replace("_", " ") for role in policy.scope.not_as) if policy.scope else ""
    return f"{named}{anywhere}{f'; not as {roles}' if roles else ''}"


def _period(policy: Policy, duty: TimedDuty) -> str:
    rule = policy.rule(duty, Right.ACCESS)
    return _shown(rule) if rule else ""


def _shown(rule: DeadlineRule) -> str:
    earlier = f"; {rule.other_reading}" if rule.other_reading else ""
    return f"{rule.period} ({rule.provision}, {rule.read}{earlier})"


def _fees(policy: Policy) -> str:
    copies = {1: "copies after the first", 2: "copies after two a year"}
    named = (
        copies.get(ground.free, f"copies after {ground.free}") if ground.free else ground.reason
        for ground in policy.fees
    )
    return _words(named) or "none"


def _proofs(policy: Policy) -> dict[str, list[str]]:
    """Return the rights by the proof that they need."""
    found: dict[str, list[str]] = {}
    for right in DATA_RIGHTS:
        ordinary, sensitive = (policy.proof_for(right, sensitive=harm) for harm in (False, True))
        more = f", sensitive data {_level(sensitive)}" if sensitive != ordinary else ""
        found.setdefault(_level(ordinary) + more, []).append(right)
    return found


def _level(rule: ProofRule) -> str:
    return rule.level.replace("_", " ") + (" with declaration" if rule.declaration else "")
