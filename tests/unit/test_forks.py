"""Tests in two processes that share one collection."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.forks import spread

ROOT = Path(__file__).parents[2]
MEETING = """
import os, time
from pathlib import Path

import pytest

def test_both_processes_take_a_file():
    here = Path(__file__).parent
    (here / f"{os.getpid()}.process").touch()
    end = time.monotonic() + 60
    while len(list(here.glob("*.process"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
"""
CASES = """
import pytest

@pytest.mark.parametrize("number", range(10))
def test_number(number):
    pass

def test_other():
    pass

class TestNumbers:
    @pytest.mark.parametrize("number", range(2))
    def test_number(self, number):
        pass
"""
SECOND = """
def test_second():
    pass
"""
"""A process asks for the next file before the last test of a file, so a file has two."""


def run(folder: Path, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    """Run tests of *files* in *folder*."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    plugins = ("-p", "tests.forks", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:asyncio")
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--capture=sys",
        *plugins,
        f"--rootdir={folder}",
        *options,
        str(folder),
    )
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - ours


@pytest.mark.slow
def test_every_test_is_run_once_and_failures_of_either_process_are_reported(tmp_path: Path) -> None:
    failing = MEETING + "    assert False\n" + SECOND
    done = run(tmp_path, one=failing, two=failing)
    assert "2 failed, 2 passed" in done.stdout
    assert "test_one.py::test_both_processes_take_a_file" in done.stdout
    assert "test_two.py::test_both_processes_take_a_file" in done.stdout
    assert done.returncode == 1


@pytest.mark.slow
def test_process_that_ends_early_fails_the_run(tmp_path: Path) -> None:
    """The first process runs on; the other is the child of the process that runs pytest."""
    dying = MEETING + "    os._exit(3) if os.environ['FIRST'] == str(os.getppid()) else None\n" + SECOND
    first = "import os\n\nos.environ['FIRST'] = str(os.getpid())\n"
    (tmp_path / "conftest.py").write_text(first, encoding="utf-8")
    done = run(tmp_path, one=dying, two=dying)
    assert "a process of tests ended early, with 3" in done.stdout
    assert done.returncode != 0


@pytest.mark.slow
def test_option_runs_few_cases_of_each_test_spread_over_all(tmp_path: Path) -> None:
    done = run(tmp_path, "--cases", "3", "-vv", cases=CASES)
    assert "6 passed, 7 deselected" in done.stdout
    assert [number for number in range(10) if f"cases.py::test_number[{number}] PASSED" in done.stdout] == [
        0,
        4,
        9,
    ]


def test_cases_are_spread_from_the_first_to_the_last() -> None:
    assert spread(range(101), 3) == [0, 50, 100]
    assert spread(range(101), 2) == [0, 100]
    assert spread(range(101), 1) == [0]
    assert spread(range(3), 3) == spread(range(3), 4) == [0, 1, 2]
