"""
``python -m bench.drafting``: how much of what known maps say a draft finds, and how much it makes up.

Known maps: the project's fictional company, the public data set beside the repository (where it is), and
stores made from seeds, of shapes the rules were found on and of shapes they never saw.
"""

import argparse
import asyncio
import gzip
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.drafting_shapes import TUNED, UNSEEN
from bench.drafting_stores import Made, Shape, make
from bench.figures import Figure, report
from habeas.embedded.company import generate
from habeas.embedded.parts.database import Database
from habeas.embedded.parts.ports import free_port
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load, parse
from services.fulfillment.drafting.survey import SampleReader, StoreSurvey, survey
from shared.runtime.mongo import Client, Document, connect, insert_new, json_util

ROOT = Path(__file__).parents[1]
SET = ROOT.parent / "shared" / "data" / "sample_mflix"
TODAY = date(2026, 11, 25)
SEEDS = 6
"""One for each style of names."""

Known = tuple[frozenset[str], frozenset[frozenset[str]], frozenset[frozenset[str]]]
"""Identity fields; references as pairs of fields; pairs that count neither way."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many were to be found, were found, and were made up."""

    known: int = 0
    found: int = 0
    false: int = 0

    @classmethod
    def of(cls, drafted: Iterable[object], known: Iterable[object]) -> "Score":
        """Compare what was *drafted* with what is *known*."""
        drafts, truths = set(drafted), set(known)
        return cls(len(truths), len(drafts & truths), len(drafts - truths))

    def __add__(self, other: "Score") -> "Score":
        return Score(self.known + other.known, self.found + other.found, self.false + other.false)

    @property
    def recall(self) -> float:
        """Per cent of what was to be found."""
        return 100 * self.found / self.known if self.known else 100.0

    @property
    def false_share(self) -> float:
        """Per cent of what was drafted that is not in the known map."""
        drafted = self.found + self.false
        return 100 * self.false / drafted if drafted else 0.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Identity fields and references of one or several stores."""

    identities: Score = Score()
    references: Score = Score()

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(self.identities + other.identities, self.references + other.references)


def known_of(data_map: DataMap) -> Known:
    """Return what *data_map* says."""
    identities = {
        f"{c.key}.{field.path}" for c in data_map.collections for field in c.fields if field.identity
    }
    references = {
        frozenset({f"{c.key}.{field.path}", f"{reference.key}.{reference.path}"})
        for c in data_map.collections
        for field in c.fields
        for reference in field.references
    }
    return frozenset(identities), frozenset(references), frozenset()


def known_of_made(made: Made, database: str) -> Known:
    """Return what the map of a generated store says."""
    named = {
        kind: frozenset(frozenset(f"{database}.{end}" for end in pair) for pair in pairs)
        for kind, pairs in (("sure", made.truth.references), ("either", made.truth.either))
    }
    return frozenset(f"{database}.{path}" for path in made.truth.identities), named["sure"], named["either"]


def drafted_of(found: StoreSurvey) -> tuple[set[str], set[frozenset[str]]]:
    """Return the identity fields and the references that a draft would have."""
    identities = {f"{key}.{one.path}" for key, some in found.identities.items() for one in some}
    return identities, {
        frozenset({link.source.name, link.target.name}) for link in found.links if link.direction is not None
    }


def scores(found: StoreSurvey, known: Known) -> Scores:
    """Compare *found* with *known*."""
    identities, references = drafted_of(found)
    return Scores(Score.of(identities, known[0]), Score.of(references - known[2], known[1]))


async def examine(client: Client, databases: list[str], known: Known, *, verbose: bool = False) -> Scores:
    """Draft a map of *databases* and compare it with *known*."""
    found = await survey([SampleReader("default", client)], databases, lambda _: None)
    if verbose:
        _explain(found, known)
    return scores(found, known)


def _explain(found: StoreSurvey, known: Known) -> None:
    """Say what was missed and what was made up."""
    identities, references = drafted_of(found)
    for what, drafted, true in (
        ("identity", {(one,) for one in identities}, {(one,) for one in known[0]}),
        ("reference", set(map(_sorted, references - known[2])), set(map(_sorted, known[1]))),
    ):
        for one in sorted(true - drafted):
            print(f"    missed {what}: {' = '.join(one)}")
        for one in sorted(drafted - true):
            print(f"    false {what}: {' = '.join(one)}")
    for link in found.links:
        followed, pair = link.direction is not None, frozenset({link.source.name, link.target.name})
        if followed is not (pair in known[1]) and pair not in known[2]:
            print(f"      {' = '.join(_sorted(pair))}: {link.confidence}, {link.why} {link.because}")


def _sorted(pair: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(pair))


async def fill(client: Client, database: str, collections: Mapping[str, Iterable[Document]]) -> None:
    """Put documents into a database."""
    for name, documents in collections.items():
        await insert_new(client[database][name], list(documents))


def generated(shapes: Mapping[str, Shape], seeds: range) -> Iterator[Made]:
    """Yield a store of each shape for each seed."""
    for title, shape in shapes.items():
        for seed in seeds:
            yield make(title, shape, seed)


async def on_generated(
    client: Client, shapes: Mapping[str, Shape], seeds: range, *, verbose: bool = False
) -> Scores:
    """Return the scores over generated stores, one database each."""
    total = Scores()
    for number, made in enumerate(generated(shapes, seeds)):
        database = f"made{number}"
        await client.drop_database(database)
        await fill(client, database, made.collections)
        if verbose:
            print(made.title)
        one = await examine(client, [database], known_of_made(made, database), verbose=verbose)
        total += one
        await client.drop_database(database)
    return total


async def on_company(client: Client, *, verbose: bool = False) -> Scores:
    """Return the scores on the fictional company and its example map."""
    stores: defaultdict[str, defaultdict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
    for database, name, document in generate(7, 1_000, today=TODAY):
        stores[database][name].append(document)
    for database, collections in stores.items():
        await fill(client, database, collections)
    return await examine(
        client, sorted(stores), known_of(load(ROOT / "datamaps" / "example")), verbose=verbose
    )


async def on_public_set(client: Client, *, verbose: bool = False) -> Scores | None:
    """Return the scores on the public data set; ``None`` where it is not beside the repository."""
    if not SET.is_dir():
        return None
    options = json_util.CANONICAL_JSON_OPTIONS
    for path in sorted((SET / "sample_mflix").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            documents = [json_util.loads(line, json_options=options) for line in lines]
        await fill(client, "sample_mflix", {path.name.removesuffix(".jsonl.gz"): documents})
    known = parse({"datamap.yml": (SET / "datamap.yml").read_text(encoding="utf-8")})
    measured = await examine(client, ["sample_mflix"], known_of(known), verbose=verbose)
    await client.drop_database("sample_mflix")
    return measured


def figures(name: str, total: Scores) -> list[Figure]:
    """Return the scores as figures; none where there was nothing to find and nothing made up."""
    return [
        figure
        for what, score in (("identity fields", total.identities), ("references", total.references))
        if score.known or score.false
        for figure in (
            Figure(f"drafting, {name}: found of {score.known} {what}", round(score.recall, 1), "%"),
            Figure(
                f"drafting, {name}: false among {score.found + score.false} {what}",
                round(score.false_share, 1),
                "%",
            ),
        )
    ]


@asynccontextmanager
async def database() -> AsyncIterator[Client]:
    """A database of our own."""
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        own = Database(Path(folder), free_port(), "bench")
        process = await own.start()
        client = connect(own.url, app_name="habeas-bench")
        try:
            yield client
        finally:
            client.close()
            await process.kill()


async def measure(seeds: int = SEEDS, *, verbose: bool = False, unseen: bool = True) -> list[Figure]:
    """Measure everything."""
    async with database() as client:
        measured = [
            *figures("the fictional company", await on_company(client, verbose=verbose)),
            *figures("shapes tuned on", await on_generated(client, TUNED, range(seeds), verbose=verbose)),
        ]
        public = await on_public_set(client, verbose=verbose)
        if public is not None:
            measured += figures("sample_mflix", public)
        if unseen:
            held = await on_generated(client, UNSEEN, range(100, 100 + seeds), verbose=verbose)
            measured += figures("shapes never seen", held)
        return measured


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.drafting", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"stores per shape ({SEEDS})")
    parser.add_argument("--verbose", action="store_true", help="say what was missed and what was made up")
    parser.add_argument("--tuned-only", action="store_true", help="leave the unseen shapes unseen")
    given = parser.parse_args()
    report(asyncio.run(measure(given.seeds, verbose=given.verbose, unseen=not given.tuned_only)))
