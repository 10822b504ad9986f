"""Whether a series of samples stays flat: its growth over the run, by the median of all slopes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

WARM_UP = 1 / 3
"""Share of the samples at the beginning that do not count: caches fill."""
LEAST_SAMPLES = 6


@dataclass(frozen=True, slots=True)
class FlatnessLimit:
    """The most that a series may grow in a run: a share of its median, or an amount if that is more."""

    share: float
    amount: float


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """Samples of one size, taken at even distances."""

    name: str
    unit: str
    samples: Sequence[float]
    limit: FlatnessLimit

    @property
    def counted(self) -> Sequence[float]:
        """The samples after the warm-up."""
        return self.samples[int(len(self.samples) * WARM_UP) :]

    @property
    def growth(self) -> float:
        """Growth over the counted samples: the median of all slopes (Theil and Sen) times their number."""
        counted = self.counted
        slopes = [
            (later - earlier) / (j - i) for (i, earlier), (j, later) in combinations(enumerate(counted), 2)
        ]
        return statistics.median(slopes or [0.0]) * (len(counted) - 1)

    @property
    def allowed(self) -> float:
        """The growth that counts as flat."""
        return max(self.limit.share * statistics.median(self.counted), self.limit.amount)

    @property
    def flat(self) -> bool:
        """Whether the series did not grow; one of too few samples is not known to be flat."""
        return len(self.counted) >= LEAST_SAMPLES and self.growth <= self.allowed

    def row(self) -> str:
        """Return a line of the table."""
        counted = self.counted
        numbers = f"{counted[0]:.0f} | {statistics.median(counted):.0f} | {counted[-1]:.0f}"
        verdict = "flat" if self.flat else "GROWS"
        return (
            f"| {self.name}, {self.unit} | {numbers} | {self.growth:+.1f} | {self.allowed:.1f} | {verdict} |"
        )


HEAD = "| series | first | median | last | growth | allowed | |\n|---|---|---|---|---|---|---|"


def table(series: Sequence[SampleSeries]) -> str:
    """Return the table of all *series*."""
    return "\n".join([HEAD, *(one.row() for one in series)])
