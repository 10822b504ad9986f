"""The laws with the provenance of their values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.law.library import breach_policies, policies
from shared.law.policies import LawEdition, SourceStatus


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


def request_laws(accepted: Iterable[str]) -> Sequence[LawProvenance]:
    """
    Return every edition of the laws on rights; *accepted* laws apply despite an unread deadline.

    Raises ConfigurationError if an accepted law is unknown.
    """
    library = policies().accepting(accepted)
    today = date.today()  # noqa: DTZ011 - of the machine that the command runs on
    current = {policy.id for policy in library.of_that_day(today)}
    found = []
    for policy in library:
        unread = ", ".join(policy.unread_deadlines)
        state = _period(policy, today, current)
        if not library.applies(policy):
            state = f"does not apply: unread {unread}"
        elif unread:
            state = f"{state}, accepted: unread {unread}"
        found.append(LawProvenance(policy, state))
    return found


def breach_laws() -> Sequence[LawProvenance]:
    """Return every edition of the laws on breaches: all apply, for a notice too many does no harm."""
    today = date.today()  # noqa: DTZ011 - of the machine that the command runs on
    current = {policy.id for policy in breach_policies().of_that_day(today)}
    return [LawProvenance(policy, _period(policy, today, current)) for policy in breach_policies()]


def _period(policy: LawEdition, today: date, current: set[str]) -> str:
    if policy.id in current:
        return "applies"
    return f"applies from {policy.edition}" if policy.edition > today else "replaced"
