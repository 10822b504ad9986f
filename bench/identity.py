"""
``python -m bench.identity [FOLDER]``: how well machine-readable zones of known pictures are read.

*FOLDER* holds the pictures and ``manifest.json``, which says of each what is printed, whether its digits
are right, and whether it was degraded or tampered with. None of them is part of the project.
``--readings FILE`` writes down what was read, for another scorer.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from rich.table import Table

from bench.figures import out
from services.verifier.documents.mrz.bars import Picture
from services.verifier.documents.mrz.checks import accepted
from services.verifier.documents.mrz.layouts import layout_for
from services.verifier.documents.mrz.parsing import parse
from services.verifier.documents.mrz.reader import read_zone
from services.verifier.documents.reading import Format, Zone

FOLDER = Path(__file__).parents[2] / "shared" / "identity"
TODAY = date(2026, 11, 24)
"""The day on which the manifest was written."""
KINDS = ("clean", "degraded", "tampered", "no_mrz")
COUNTS = ("core3", "five", "exact", "verdict", "accepted", "accepted_wrong")
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read in one picture, and how long it took, in seconds of CPU time."""

    entry: Entry
    zone: Zone | None
    seconds: float

    @property
    def expected(self) -> Zone | None:
        """What is printed."""
        lines = self.entry.get("mrz")
        return parse(lines, today=TODAY) if lines else None


def entries_in(folder: Path) -> Iterator[Entry]:
    """Yield the pictures with a zone, and those that are known to have none."""
    known = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["entries"]
    return (entry for entry in known if entry["kind"] in {"mrz_document", "no_mrz"})


def kind_of(entry: Entry) -> str:
    """Return which of the kinds a picture is of."""
    if entry["kind"] == "no_mrz":
        return "no_mrz"
    if entry.get("tampered"):
        return "tampered"
    return "degraded" if entry.get("derived_from") else "clean"


def picture_of(path: Path) -> Picture:
    """Return a picture of the set; it is trusted, so no limits are set."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.ascontiguousarray(np.asarray(upright)[:, :, ::-1])


def read(folder: Path, entry: Entry, budget: float) -> Outcome:
    """Read one picture."""
    picture = picture_of(folder / entry["file"])
    started = time.process_time()
    zone = read_zone(picture, budget, today=TODAY)
    return Outcome(entry, zone, time.process_time() - started)


def marks(outcome: Outcome) -> Counter[str]:
    """Return which of the counts a picture adds to."""
    zone, expected = outcome.zone, outcome.expected
    passed = zone is not None and accepted(zone)
    if expected is None:
        return Counter(accepted=passed, accepted_wrong=passed, verdict=not passed)
    same = zone is not None and zone.format is expected.format
    five = same and zone is not None and five_of(zone) == five_of(expected)
    valid = outcome.entry["check_digits_valid"]
    return Counter(
        core3=same and zone is not None and five_of(zone)[:3] == five_of(expected)[:3],
        five=five,
        exact=zone is not None and zone.lines == expected.lines,
        verdict=zone is not None and (not zone.wrong_digits) == valid,
        accepted=passed,
        accepted_wrong=passed and not (five and valid),
    )


def five_of(zone: Zone) -> tuple[str, ...]:
    """Return number, birth, expiry, surname and given names, the dates as they are printed."""
    if zone.format is Format.FRENCH_LICENCE:
        return zone.lines
    fields = layout_for(zone.format).fields
    birth, expiry = (fields[name].of(zone.lines) if name in fields else "" for name in ("birth", "expiry"))
    return zone.number, birth, expiry, zone.surname, zone.given_names


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """Return the table that is printed."""
    table = Table("kind", "files", *COUNTS, "CPU s", "p95", "most", box=None, padding=(0, 1, 0, 0))
    for kind in KINDS:
        those = [outcome for outcome in outcomes if kind_of(outcome.entry) == kind]
        if those:
            total = sum(map(marks, those), Counter[str]())
            table.add_row(kind, str(len(those)), *(str(int(total[name])) for name in COUNTS), *times(those))
    table.add_row("all", str(len(outcomes)), *("" for _ in COUNTS), *times(outcomes))
    return table


def times(outcomes: Sequence[Outcome]) -> tuple[str, str, str]:
    """Return median, 95th percentile and greatest of the times, in seconds."""
    spent = sorted(outcome.seconds for outcome in outcomes)
    high = spent[min(len(spent) - 1, int(len(spent) * 0.95))]
    return f"{statistics.median(spent):.2f}", f"{high:.2f}", f"{spent[-1]:.2f}"


def readings_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what was read, by file."""
    return {outcome.entry["file"]: _reading(outcome) for outcome in outcomes}


def _reading(outcome: Outcome) -> dict[str, Any]:
    zone = outcome.zone
    return {
        "mrz": list(zone.lines) if zone else None,
        "check_digits_valid": zone is not None and not zone.wrong_digits,
        "accepted": zone is not None and accepted(zone),
        "seconds": outcome.seconds,
    }


def main() -> None:
    """Read the folder, print the table."""
    parser = argparse.ArgumentParser(description="how well machine-readable zones are read")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--budget", type=float, default=6.0, help="CPU seconds per picture")
    parser.add_argument("--readings", type=Path, help="where to write down what was read")
    given = parser.parse_args()
    if not (given.folder / "manifest.json").is_file():
        sys.exit(f"bench.identity: no manifest.json in {given.folder}")
    outcomes = [read(given.folder, entry, given.budget) for entry in entries_in(given.folder)]
    out.print(table_of(outcomes))
    if given.readings:
        given.readings.write_text(json.dumps(readings_of(outcomes), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
