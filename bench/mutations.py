"""
Mutations of the safety mechanisms: ``python -m bench.mutations [--only WORDS] [--jobs N]``.

Each mutation of ``bench/mutations.toml`` switches one mechanism off. It is made in a copy of the checkout,
never in the checkout itself, and the tests that it names must fail there. Without a mutation they must all
pass, and none may be skipped. A test that hangs counts as caught, and the table says so.

Ends with 1 if a mutation survives, cannot be made, or breaks the import of its module.
"""

import argparse
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.table import Column, Table

from bench.figures import out

ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_suffix(".toml")
ENDS_WITHIN_S = 300.0
"""Time that the tests of a mutation may take; a mechanism that is off may let them wait for ever."""
TESTS_FAILED = 1
"""Exit code of pytest; others mean that it could not run them."""
TEXT_WIDTH = 58
"""Columns for the changed line in the table."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mechanism, switched off."""

    mechanism: str
    """Its effect, in plain words."""
    file: str
    text: str
    """Stands once in the file."""
    becomes: str
    tests: tuple[str, ...]
    """Ids of tests as pytest writes them; each of them must fail."""

    def mutated(self, content: str) -> str:
        """
        Return *content* of its file with the mechanism off.

        Raises:
            ValueError: The text does not stand there exactly once.
        """
        if (found := content.count(self.text)) != 1:
            raise ValueError(f"{self.file} holds the text {found} times, not once: {self.text}")
        return content.replace(self.text, self.becomes)

    @property
    def summary(self) -> str:
        """The first line that changes."""
        before, after = self.text.splitlines(), self.becomes.splitlines()
        lines = (line for line in before if line not in after)
        return next(lines, before[0]).strip()


class Verdict(StrEnum):
    """The result of a mutation."""

    CAUGHT = "caught"
    HANGS = "caught: a test hangs"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN: tests did not run"


@dataclass(frozen=True, slots=True)
class Result:
    """One mutation, tried."""

    mutation: Mutation
    verdict: Verdict
    seconds: float
    said: str = ""
    """The end of pytest's output where the mutation was not caught."""

    @property
    def caught(self) -> bool:
        """Whether every named test failed."""
        return self.verdict in {Verdict.CAUGHT, Verdict.HANGS}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of pytest."""

    code: int | None
    """None where it did not end in time."""
    failed: frozenset[str]
    """Ids of tests, without the names of their cases."""
    skipped: frozenset[str]
    output: str


def mutations(path: Path = LIST) -> tuple[Mutation, ...]:
    """Return the mutations of *path*, in its order."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return tuple(
        Mutation(one["mechanism"], one["file"], one["text"], one["becomes"], tuple(one["tests"]))
        for one in entries
    )


@contextmanager
def copied(root: Path = ROOT) -> Iterator[Path]:
    """Copy the files of *root* that git knows or would add, into a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="habeas-mutations-") as folder:
        listed = ("git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout  # noqa: S603
        for name in filter(None, names.split("\0")):
            if (source := root / name).is_file():
                (target := Path(folder, name)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        Path(folder, ".venv").symlink_to(root / ".venv")
        yield Path(folder)


@contextmanager
def made(mutation: Mutation, copy: Path) -> Iterator[None]:
    """
    Make *mutation* in *copy*, and take it back.

    Raises:
        ValueError: Its text does not stand there exactly once.
    """
    path = copy / mutation.file
    before = path.read_text(encoding="utf-8")
    _write(path, mutation.mutated(before))
    try:
        yield
    finally:
        _write(path, before)


def _write(path: Path, content: str) -> None:
    """Write *content*, and remove its bytecode: it would stay for a file of the same size and second."""
    path.write_text(content, encoding="utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


def run(tests: Sequence[str], copy: Path, within_s: float = ENDS_WITHIN_S) -> Run:
    """Run *tests* in *copy*, whose modules they import."""
    report = copy / ".mutation-report.xml"
    report.unlink(missing_ok=True)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests)
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Run(None, frozenset(), frozenset(), output)
    failed, skipped = _outcomes(report) if report.exists() else (frozenset[str](), frozenset[str]())
    return Run(process.returncode, failed, skipped, output)


def _outcomes(report: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of the tests that failed and of those that were skipped."""
    cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314
    failed = (one for one in cases if one.find("failure") is not None or one.find("error") is not None)
    skipped = (one for one in cases if one.find("skipped") is not None)
    return frozenset(map(_id, failed)), frozenset(map(_id, skipped))


def _id(case: ET.Element) -> str:
    """Return the id of a test as pytest takes it, without the name of its case."""
    return f"{case.get('classname', '').replace('.', '/')}.py::{_function(case.get('name', ''))}"


def _function(test: str) -> str:
    return test.partition("[")[0]


def tried(mutation: Mutation, copy: Path) -> Result:
    """Make *mutation* in *copy* and return the result of its tests."""
    started = time.monotonic()
    with made(mutation, copy):
        done = run(mutation.tests, copy)
    verdict = _verdict(mutation, done)
    return Result(mutation, verdict, time.monotonic() - started, done.output[-3_000:])


def _verdict(mutation: Mutation, done: Run) -> Verdict:
    if done.code is None:
        return Verdict.HANGS
    if done.code not in {0, TESTS_FAILED}:
        return Verdict.BROKEN
    return Verdict.CAUGHT if {*map(_function, mutation.tests)} <= done.failed else Verdict.SURVIVED


def all_tried(chosen: Sequence[Mutation], jobs: int) -> Iterable[Result]:
    """Try *chosen*, *jobs* at a time, each in a copy of its own; yield the results in order."""
    copies: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def one(mutation: Mutation) -> Result:
        copy = copies.get()
        try:
            return tried(mutation, copy)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool, _copies(jobs) as folders:
        for folder in folders:
            copies.put(folder)
        yield from pool.map(one, chosen)


@contextmanager
def _copies(number: int) -> Iterator[list[Path]]:
    if number == 0:
        yield []
        return
    with copied() as first, _copies(number - 1) as others:
        yield [first, *others]


def unmutated(chosen: Sequence[Mutation]) -> str:
    """Run the tests of *chosen* without a mutation; return the error, or an empty text if all passed."""
    tests = list(dict.fromkeys(test for one in chosen for test in one.tests))
    with copied() as copy:
        done = run(tests, copy, ENDS_WITHIN_S * 4)
    if done.skipped:
        return f"skipped: {', '.join(sorted(done.skipped))}"
    return "" if done.code == 0 else done.output[-6_000:]


def report(results: Sequence[Result]) -> None:
    """Print a table of *results*, and the output of tests that caught nothing."""
    columns = [Column(name, overflow="fold") for name in ("mechanism", "mutation of", "caught by", "s")]
    table = Table(*columns, title="Mutations of safety mechanisms")
    for one in results:
        place = f"{one.mutation.file}: {one.mutation.summary[:TEXT_WIDTH]}"
        tests = "\n".join(test.rpartition("::")[2] for test in one.mutation.tests)
        by = tests if one.verdict is Verdict.CAUGHT else f"{one.verdict}\n{tests}"
        table.add_row(one.mutation.mechanism, place, by, f"{one.seconds:.0f}")
    out.print(table, markup=False)
    for one in results:
        if not one.caught:
            out.print(f"\n{one.verdict}: {one.mutation.mechanism}\n{one.said}", markup=False)
    caught = sum(one.caught for one in results)
    mechanisms = len({one.mutation.mechanism for one in results})
    out.print(f"{len(results)} mutations of {mechanisms} mechanisms, {caught} caught")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutations; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutations", description=__doc__)
    parser.add_argument("--only", default="", help="mechanisms, files or tests with this text")
    parser.add_argument("--jobs", type=int, default=2, help="mutations at a time (2)")
    options = parser.parse_args(arguments)
    chosen = [one for one in mutations() if options.only in f"{one.mechanism} {one.file} {one.tests}"]
    for one in chosen:  # before the tests run: a text that has changed is an error of the list
        one.mutated((ROOT / one.file).read_text(encoding="utf-8"))
    if error := unmutated(chosen):
        out.print(f"the tests do not pass without a mutation\n{error}", markup=False)
        return 1
    results = []
    for result in all_tried(chosen, options.jobs):
        out.print(f"{result.verdict} ({result.seconds:.0f} s): {result.mutation.mechanism}", markup=False)
        results.append(result)
    report(results)
    return 0 if results and all(result.caught for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
