"""
Runs tests in two processes that share one collection: ``pytest -p tests.forks --capture=sys``.

With a pool of workers each worker collects all tests, which takes a tenth of the time of the unit tests.
Here the process that has collected them forks. Each process takes the next file when it has done one, so that
both end at about the same time. The first process prints the reports of the other as its own.

Output is captured in memory (``--capture=sys``): both processes would write to one captured file.

``--cases N`` runs at most N cases of a parametrised test, at equal distances from the first to the last.
"""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from tempfile import TemporaryFile
from typing import IO, TypeVar

import pytest

T = TypeVar("T")

PROCESSES = 2
TOKEN = 2
"""Bytes of the number of a file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--cases``."""
    parser.addoption("--cases", type=int, metavar="N", help="run at most N cases of a parametrised test")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of parametrised tests beyond the number of ``--cases``."""
    most = config.getoption("cases")
    if most is None:
        return
    kept = [case for _, cases in groupby(items, _without_case) for case in spread([*cases], most)]
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept


def spread(cases: Sequence[T], most: int) -> list[T]:
    """Return *most* of *cases*, at equal distances from the first to the last; all if there are fewer."""
    if len(cases) <= most:
        return [*cases]
    return [cases[number * (len(cases) - 1) // max(most - 1, 1)] for number in range(most)]


def _without_case(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run all tests; leave sessions with errors, or that only list the tests, to pytest."""
    if session.config.option.collectonly or session.testsfailed:
        return None
    files = Queue(_by_file(session.items))
    others = [Fork(session, files) for _ in range(PROCESSES - 1)]
    _run(files)
    for other in others:
        other.report(session)
    return True


class Queue:
    """The tests of each file, the largest file first; every process that forks takes from the same queue."""

    def __init__(self, files: Sequence[Sequence[pytest.Item]]) -> None:
        self._files = files
        self._reading, writing = os.pipe()
        os.write(writing, b"".join(number.to_bytes(TOKEN) for number in range(len(files))))
        os.close(writing)

    def items(self) -> Iterator[pytest.Item]:
        """Yield the tests of file after file, until no process has left one."""
        while token := os.read(self._reading, TOKEN):
            yield from self._files[int.from_bytes(token)]


class Fork:
    """A process that runs tests beside this one and keeps their reports in a file."""

    def __init__(self, session: pytest.Session, files: Queue) -> None:
        self._reports = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed once it is read
        self._process = os.fork()
        if self._process == 0:
            self._work(session.config, files)

    def _work(self, config: pytest.Config, files: Queue) -> None:
        """Run tests and leave; no code after the fork is run a second time."""
        status = 1
        try:
            config.pluginmanager.unregister(name="terminalreporter")
            config.pluginmanager.register(ReportFile(config, self._reports))
            _run(files)
            self._reports.flush()
            status = 0
        finally:
            os._exit(status)

    def report(self, session: pytest.Session) -> None:
        """Wait for the process and report its tests as tests of *session*."""
        _, status = os.waitpid(self._process, 0)
        hook = session.config.hook
        with self._reports as reports:
            reports.seek(0)
            for line in reports:
                report = hook.pytest_report_from_serializable(config=session.config, data=json.loads(line))
                hook.pytest_runtest_logreport(report=report)
        if status:
            code = os.waitstatus_to_exitcode(status)
            pytest.exit(f"a process of tests ended early, with {code}: its last tests are not counted", 1)


class ReportFile:
    """Writes each report as a line of JSON."""

    def __init__(self, config: pytest.Config, file: IO[str]) -> None:
        self._config, self._file = config, file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return  # it counts for nothing, and there are two for each test
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._file.write(json.dumps(data) + "\n")


def _by_file(items: Sequence[pytest.Item]) -> list[list[pytest.Item]]:
    files = [list(tests) for _, tests in groupby(items, lambda item: item.path)]
    return sorted(files, key=lambda tests: tests[0].path.stat().st_size, reverse=True)


def _run(files: Queue) -> None:
    """Run the tests that this process takes; the fixtures of a test end when the next does not need them."""
    items = files.items()
    item = next(items, None)
    while item is not None:
        following = next(items, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
