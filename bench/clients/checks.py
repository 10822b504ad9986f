"""The checks of a client, and the table of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import out


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an answer."""

    call: str
    name: str
    passed: bool


@dataclass(frozen=True, slots=True)
class ClientRun:
    """The checks of one client."""

    client: str
    checks: Sequence[Check]

    def lines(self) -> Iterator[str]:
        """Yield the sum, and each failed check with its number of failures."""
        passed = sum(check.passed for check in self.checks)
        yield f"{self.client}: {passed} of {len(self.checks)} checks passed"
        yield from (f"  passed {count:3}  {call}" for call, count in self._counts(passed=True))
        failed = Counter(f"{check.name} ({check.call})" for check in self.checks if not check.passed)
        yield from (f"  FAILED {count:3}  {name}" for name, count in sorted(failed.items()))

    def _counts(self, *, passed: bool) -> list[tuple[str, int]]:
        return sorted(Counter(check.call for check in self.checks if check.passed is passed).items())

    def print(self) -> None:
        """Print the lines."""
        for line in self.lines():
            out.print(line, markup=False)
