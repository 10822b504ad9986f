"""
The evaluation of a manifest: readings by kind, then verdicts on documents.

Machine-readable zones are compared character by character.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

from rich.table import Table

from habeas.client.evaluation.barcodes import licences, symbols
from habeas.client.evaluation.judged import CARDS, PAPERS, SORTS, VERDICTS, EvaluationVerdicts, judge
from habeas.client.evaluation.known_files import (
    Entry,
    Family,
    FileOutcome,
    FileResult,
    Manifest,
    picture_of,
    table_of,
)
from habeas.client.evaluation.papers import bills, cards
from habeas.client.evaluation.rates import accepted_rates
from services.verifier.documents.mrz.consensus import accepted
from services.verifier.documents.mrz.layouts import layout_for
from services.verifier.documents.mrz.parser import parse
from services.verifier.documents.mrz.reader import read_zone
from services.verifier.documents.results import Format, MachineZone
from services.verifier.documents.worker.examination import ZONE_SECONDS, installed_readers, warm_up
from shared.errors import ConfigurationError

ProgressCallback = Callable[[str, int, int], None]
"""Called with the current step, the files done and their total."""

QUESTIONS = ("core3", "five", "exact", "verdict", "accepted", "accepted_wrong")
"""Number and dates; those and the names; every character; valid digits; accepted values."""
CORE = 3


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result for a manifest."""

    read: Sequence[tuple[Family, Sequence[FileOutcome]]]
    judged: EvaluationVerdicts

    def tables(self) -> Iterator[Table]:
        """Yield the tables to print."""
        for family, outcomes in self.read:
            yield table_of(family.title, family.questions, outcomes, "CPU s")
        if self.judged.today:
            yield accepted_rates(self.judged)
            yield table_of("judged today", VERDICTS, _sorted(self.judged.today), "wall s")
        if self.judged.while_valid:
            yield table_of("judged while valid", VERDICTS, _sorted(self.judged.while_valid))

    @property
    def wrongly_accepted(self) -> list[str]:
        """The files that convince and must not, or whose zone counts as read and has a wrong field."""
        read = (outcome for _, outcomes in self.read for outcome in outcomes)
        misread = (one.entry["file"] for one in read if one.found.marks.get("accepted_wrong"))
        return list(dict.fromkeys((*self.judged.wrongly_convincing, *misread)))

    def readings(self) -> dict[str, dict[str, Any]]:
        """Return readings and verdicts, by file."""
        found: dict[str, dict[str, Any]] = {}
        for _, outcomes in self.read:
            for outcome in outcomes:
                marks = {name: bool(right) for name, right in outcome.found.marks.items()}
                about = {"seconds": outcome.seconds, "right": marks}
                found[outcome.entry["file"]] = {**outcome.found.reading, **about}
        for name, outcomes in (("judged", self.judged.today), ("while_valid", self.judged.while_valid)):
            for outcome in outcomes:
                verdict = {"sort": outcome.row, "seconds": outcome.seconds, **outcome.found.reading}
                found.setdefault(outcome.entry["file"], {})[name] = verdict
        return found


def _sorted(outcomes: Sequence[FileOutcome]) -> Sequence[FileOutcome]:
    return sorted(outcomes, key=lambda outcome: SORTS.index(outcome.row))


def evaluate(manifest: Manifest, *, today: date, quick: bool, progress: ProgressCallback) -> Evaluation:
    """
    Return the quality of the readings of *manifest*, and the verdicts on its documents by the day *today*.

    With *quick* the judging is left out, which takes minutes. Raises ConfigurationError if the manifest lacks
    the expected content of a file.
    """
    progress("load", 0, 1)
    readers = installed_readers()
    warm_up(readers)
    families = (zones(today), licences(), symbols(), bills(readers, today), cards(readers))
    read = [(family, _read(family, manifest, progress)) for family in families]
    judged = EvaluationVerdicts([], []) if quick else asyncio.run(_judge(manifest, today, progress))
    return Evaluation([(family, outcomes) for family, outcomes in read if outcomes], judged)


def _read(family: Family, manifest: Manifest, progress: ProgressCallback) -> list[FileOutcome]:
    entries = manifest.of(*family.kinds)
    outcomes = []
    for number, entry in enumerate(entries):
        progress(family.title, number, len(entries))
        began = time.process_time()
        try:
            found = family.read(manifest, entry)
        except KeyError as error:
            raise ConfigurationError(f"{entry['file']}: the manifest lacks {error}") from None
        outcomes.append(FileOutcome(entry, family.row(entry), found, time.process_time() - began))
    return outcomes


async def _judge(manifest: Manifest, today: date, progress: ProgressCallback) -> EvaluationVerdicts:
    done, files = count(1), len(manifest.of(*CARDS, *PAPERS))
    progress("judged", 0, files)
    return await judge(manifest, today, lambda: progress("judged", next(done), files))


def zones(today: date) -> Family:
    """Return the questions about documents with a zone, and about those without."""

    def read(manifest: Manifest, entry: Entry) -> FileResult:
        picture = picture_of(manifest.folder / entry["file"])[:, :, ::-1]
        zone = read_zone(picture, ZONE_SECONDS, today=today)
        return FileResult(_marks(entry, zone, today), _reading(zone))

    return Family("zones", ("mrz_document", "no_mrz"), QUESTIONS, read, row_of)


def row_of(entry: Entry) -> str:
    """Return the sort of a picture."""
    if entry["kind"] == "no_mrz":
        return "none"
    if entry.get("tampered"):
        return "tampered"
    return "degraded" if entry.get("derived_from") else "clean"


def _marks(entry: Entry, zone: MachineZone | None, today: date) -> dict[str, bool]:
    passed = zone is not None and accepted(zone)
    expected = parse(entry["mrz"], today=today) if entry.get("mrz") else None
    if expected is None:
        return {"accepted": passed, "accepted_wrong": passed, "verdict": not passed}
    valid = bool(entry["check_digits_valid"])
    if zone is None or zone.format is not expected.format:
        return dict.fromkeys(QUESTIONS, False) | {"accepted": passed, "accepted_wrong": passed}
    five = _five(zone) == _five(expected)
    return {
        "core3": _five(zone)[:CORE] == _five(expected)[:CORE],
        "five": five,
        "exact": zone.lines == expected.lines,
        "verdict": (not zone.wrong_digits) == valid,
        "accepted": passed,
        "accepted_wrong": passed and not (five and valid),
    }


def _five(zone: MachineZone) -> tuple[str, ...]:
    """Return number, birth, expiry, surname and given names, with dates as printed."""
    if zone.format is Format.FRENCH_LICENCE:
        return zone.lines
    fields = layout_for(zone.format).fields
    birth, expiry = (fields[name].of(zone.lines) if name in fields else "" for name in ("birth", "expiry"))
    return zone.number, birth, expiry, zone.surname, zone.given_names


def _reading(zone: MachineZone | None) -> dict[str, object]:
    return {
        "mrz": list(zone.lines) if zone else None,
        "check_digits_valid": zone is not None and not zone.wrong_digits,
        "accepted": zone is not None and accepted(zone),
    }
