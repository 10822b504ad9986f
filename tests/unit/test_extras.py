"""Extras: their modules are known, and a missing one is named with the command that installs it."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from services.verifier.documents.examiner.bootstrap import obstacles
from shared import extras
from tests.unit.pages import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_modules_of_an_extra_are_those_of_its_distributions(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[=>]", wanted)[0] for wanted in project["optional-dependencies"][extra]}
    owners = packages_distributions()
    found = [
        {name.lower().replace("_", "-") for name in owners[module.partition(".")[0]]}
        for module in extras.EXTRAS[extra]
    ]
    assert all(names & declared for names in found)
    assert declared <= set().union(*found)
    assert set(project["optional-dependencies"]) == set(extras.EXTRAS)


REMEDY = "habeas_has_no_such.module not installed: run `pip install 'habeas[documents]'`"


@pytest.fixture
def _without_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"documents": ("json", "habeas_has_no_such.module")})
    monkeypatch.setitem(sys.modules, "services.verifier.documents.files.jpeg", None)


def test_installed_extra_is_not_named() -> None:
    assert extras.missing("documents") == ""
    assert list(obstacles()) == []


@pytest.mark.usefixtures("_without_documents")
def test_examiner_names_the_command_that_installs_the_extra() -> None:
    [reason] = obstacles()
    assert reason.startswith(REMEDY)
