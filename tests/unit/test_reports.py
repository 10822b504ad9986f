"""The reports that workers send."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
import pytest

def pytest_runtest_logreport(report):
    if hasattr(report, "node"):  # of a worker
        print("got", report.nodeid, report.when, report.outcome)

@pytest.fixture
def broken():
    raise LookupError("in setup")

@pytest.fixture
def left_broken():
    yield
    raise LookupError("in teardown")
"""
TESTS = """
import pytest

def test_passes():
    pass

def test_fails():
    assert False

def test_setup(broken):
    pass

def test_teardown(left_broken):
    pass

@pytest.mark.skip(reason="for once")
def test_skips():
    pass

@pytest.mark.xfail(reason="for once", strict=True)
def test_fails_as_expected():
    assert False
"""


@pytest.mark.slow
def test_worker_reports_each_test_once_and_each_failing_step(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_all.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    left_out = (f"no:{name}" for name in ("cacheprovider", "schemathesis", "asyncio", "hypothesispytest"))
    plugins = [word for name in ("tests.reports", *left_out) for word in ("-p", name)]
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-n1",
        *plugins,
        f"--rootdir={tmp_path}",
        str(tmp_path),
    )
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - ours
    got = {line.partition("test_all.py::")[2] for line in done.stdout.splitlines() if "got " in line}
    assert got == {
        "test_passes call passed",
        "test_fails call failed",
        "test_setup setup failed",
        "test_teardown call passed",
        "test_teardown teardown failed",
        "test_skips setup skipped",
        "test_fails_as_expected call skipped",
    }
    assert "1 failed, 2 passed, 1 skipped, 1 xfailed, 2 errors" in done.stdout
