"""
Limits on the cases that one address may open: further mails are filed in the last one.

Counted per process and forgotten after an hour, as at the public form. A sender may be forged, so mails over
the limit are kept; only far above it is the sending server asked to wait.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

HOUR_S = 3600.0
FILED_FOR_ONE = 10
"""Filed mails per case that an address may open."""


class Admission(StrEnum):
    """Whether a mail opens a case."""

    OPENS = "opens"
    FILED = "filed"
    WAITS = "waits"


@dataclass(slots=True)
class _Use:
    since: float
    cases: dict[str, None] = field(default_factory=dict)
    """The opened cases, in order."""
    filed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Senders:
    """The mails of each sender within the hour."""

    per_hour: int
    now: Callable[[], float] = time.monotonic
    _uses: OrderedDict[str, _Use] = field(default_factory=OrderedDict)
    """Sender → its mails, oldest hour first."""

    def admit(self, sender: str, case_id: str) -> tuple[Admission, str]:
        """Count a mail that would open *case_id*, repetitions once; return its admission, and its case."""
        now = self.now()
        while self._uses and now - next(iter(self._uses.values())).since >= HOUR_S:
            self._uses.popitem(last=False)
        use = self._uses.setdefault(sender, _Use(now))
        if case_id in use.cases or len(use.cases) < self.per_hour:
            use.cases[case_id] = None
            return Admission.OPENS, case_id
        if case_id in use.filed or len(use.filed) < self.per_hour * FILED_FOR_ONE:
            use.filed.add(case_id)
            return Admission.FILED, next(reversed(use.cases))
        return Admission.WAITS, case_id
