"""The evaluation of a manifest: readings by kind, then verdicts on documents."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.table import Table

from habeas.client.evaluation.barcodes import licences, symbols
from habeas.client.evaluation.judged import CARDS, PAPERS, SORTS, VERDICTS, EvaluationVerdicts, judge
from habeas.client.evaluation.manifest import Manifest
from habeas.client.evaluation.outcomes import Family, FileOutcome, table_of
from habeas.client.evaluation.papers import bills, cards
from habeas.client.evaluation.zones import zones
from services.verifier.documents.worker.readers import installed_readers, warm_up
from shared.errors import ConfigurationError

ProgressCallback = Callable[[str, int, int], None]
"""Called with the current step, the files done and their total."""


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
            yield table_of("judged today", VERDICTS, _sorted(self.judged.today), "wall s")
        if self.judged.while_valid:
            yield table_of("judged while valid", VERDICTS, _sorted(self.judged.while_valid))

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
    Return the quality of the readings of *manifest*, and the verdicts on its documents.

    Args:
        manifest: Of the set.
        today: The day documents are judged by.
        quick: Leave out the judging, which takes minutes.
        progress: Called with the progress.

    Raises:
        ConfigurationError: The manifest lacks the expected content of a file.
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
    done, files = 0, len(manifest.of(*CARDS, *PAPERS))

    def note() -> None:
        nonlocal done
        done += 1
        progress("judged", done, files)

    progress("judged", 0, files)
    return await judge(manifest, today, note)
