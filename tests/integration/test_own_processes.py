"""What only a process of its own shows: that the command starts, what it imports, and that nothing varies."""

import subprocess
import sys

import pytest

from services.fulfillment.datamap.diagram.mermaid import mermaid
from services.fulfillment.datamap.diagram.picture import picture_of
from services.fulfillment.datamap.diagram.svg import svg
from services.fulfillment.datamap.reader import load
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
