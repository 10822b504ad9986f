"""
Sends the process that starts the workers the reports that it needs (``pytest -p tests.reports``).

For each test a worker sends six messages of which two change what is printed. Sending and reading the others
took as much time as running most of the unit tests.
"""

import pytest
from _pytest.runner import runtestprotocol

LONG_S = 0.1
"""How long a step takes that ``--durations`` lists in any case."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test of a worker, and send the needed reports; leave others to pytest."""
    if not hasattr(item.config, "workerinput"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if is_needed(report):
            report.keywords = {}  # the worker has selected the tests
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def is_needed(report: pytest.TestReport) -> bool:
    """Return whether *report* is of a test itself, of a step that did not pass, or of a long one."""
    return report.when == "call" or not report.passed or report.duration >= LONG_S
