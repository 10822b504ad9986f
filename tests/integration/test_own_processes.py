"""What only a process of its own shows: that the command starts, what it imports, and that nothing varies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from habeas.embedded.installation import ENVIRONMENT
from services.fulfillment.datamap.diagram.mermaid import mermaid
from services.fulfillment.datamap.diagram.picture import picture_of
from services.fulfillment.datamap.diagram.svg import svg
from services.fulfillment.datamap.reader import load
from tests.integration.forked_processes import said
from tests.unit.pages import ROOT, text

EXAMPLE = ROOT / "datamaps" / "example"


@pytest.mark.parametrize("verb", ["--help", "map check --help"])
def test_the_command_runs(verb: str) -> None:
    call = [sys.executable, "-m", "habeas", *verb.split()]
    assert "Usage" in subprocess.run(call, check=True, capture_output=True, text=True).stdout  # noqa: S603  ours


def test_every_make_target_is_on_the_list_of_help() -> None:
    phony = set(text("Makefile").partition(".PHONY:")[2].splitlines()[0].split())
    command = ["make", "--no-print-directory", "help"]  # make says where it is when make runs it
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout  # noqa: S603  make
    assert {line.split()[0] for line in listed.splitlines()} == phony


def test_the_same_map_is_drawn_the_same_in_another_process() -> None:
    call = [sys.executable, "-m", "habeas", "map", "graph", "--map", str(EXAMPLE)]
    told = subprocess.run(call, check=True, capture_output=True, text=True).stdout  # noqa: S603  ours
    assert told == mermaid(picture_of(load(EXAMPLE)))
    assert svg(picture_of(load(EXAMPLE))) == svg(picture_of(load(EXAMPLE)))


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own code
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_language_of_the_machine_does_not_change_an_explanation() -> None:
    code = (
        "from datetime import date; from shared.law.calendars import calendar_named;"
        "print(calendar_named('DE-BE').day_off(date(2027, 3, 26)))"
    )
    assert run_python(code, LANGUAGE="de") == "Good Friday"


def test_the_library_is_imported_with_the_first_calendar_and_not_before() -> None:
    assert run_python("import shared.law.calendars, sys; print('holidays' in sys.modules)") == "False"


@pytest.fixture
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the current folder one with a running installation."""
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / ENVIRONMENT).write_text(f"HABEAS_DATAMAP={EXAMPLE}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_installation")
async def test_copied_process_ignores_an_installation_in_the_checkout() -> None:
    bare = {"PATH": os.environ["PATH"]}
    for environment in (bare, None):
        code, _, complaint = await said("habeas", ("map", "graph"), environment)
        assert (code, "HABEAS_DATAMAP is not set" in complaint) == (2, True)
    assert (await said("habeas", ("map", "graph", "--state", ".state"), bare))[0] == 0


@pytest.mark.usefixtures("_installation")
def test_other_process_ignores_an_installation_in_the_checkout() -> None:
    call = [sys.executable, "-m", "habeas", "map", "graph"]
    done = subprocess.run(call, capture_output=True, check=False)  # noqa: S603  ours
    assert (done.returncode, b"HABEAS_DATAMAP is not set" in done.stderr) == (2, True)
