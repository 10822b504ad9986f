"""
What a campaign is to reach, and whether it did. Pure.

One rule: a run in which a guarantee is broken, or memory grows too large, has failed; a rate may be missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

RATE = 0.8
"""Of the raw floor."""
MEMORY_MIB = 300


@dataclass(frozen=True, slots=True)
class Goal:
    """One of them."""

    what: str
    wanted: str
    found: str
    reached: bool
    must: bool
    """Whether a run in which it is not reached has failed."""

    def __str__(self) -> str:
        """Say plainly how it stands."""
        verdict = "reached" if self.reached else "NOT REACHED"
        return f"{self.what}: {verdict} ({self.found}; wanted: {self.wanted})"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the sink and the ledgers say in the end of a campaign that was killed."""

    people: int
    missed: int
    doubled: int
    """Letters that came once more."""
    strangers: int
    renamed: int
    """Letters that came again with another Message-ID."""
    unforeseen: int
    """Of those that came once more: how many are not doubtful in the ledger."""
    doubtful: int
    bound: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nobody was missed, and nobody written to twice beyond what is known and bounded."""
        return all(goal.reached for goal in guarantees(self))


def guarantees(kept: Kept) -> Iterator[Goal]:
    """Yield what no crash may break."""
    yield Goal("missed", "0", f"{kept.missed} of {kept.people}", kept.missed == 0, must=True)
    wrong = kept.strangers + kept.renamed + kept.unforeseen
    yield Goal(
        "doubled beyond what the ledgers call doubtful, strangers, or with another Message-ID",
        "0",
        f"{wrong} of {kept.doubled} that came twice",
        wrong == 0 and kept.doubled <= kept.doubtful,
        must=True,
    )
    yield Goal(
        "doubtful in the ledgers",
        f"at most {kept.bound}, a letter a connection and kill",
        f"{kept.doubtful}",
        kept.doubtful <= kept.bound,
        must=True,
    )


def memory(seen_mib: Sequence[float]) -> Iterator[Goal]:
    """Yield that the service stays small, whenever it was looked at."""
    if seen_mib:
        most = max(seen_mib)
        wanted = f"less than {MEMORY_MIB} MiB"
        yield Goal("memory", wanted, f"{most:.0f} MiB at most", most < MEMORY_MIB, must=True)


def rates(ours: Sequence[float], floors: Mapping[str, Sequence[float]]) -> Iterator[Goal]:
    """Yield for each floor, by its name, whether ours is fast enough beside it."""
    for name, floor in floors.items():
        if ours:
            ratio = median(ours) / median(floor)
            yield Goal(f"rate, beside {name}", f"{RATE}", f"{ratio:.2f}", ratio >= RATE, must=False)
