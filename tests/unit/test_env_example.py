"""`.env.example` says of every setting what the setting's own docstring says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from services.console.settings import ConsoleSettings
from services.fulfillment.settings import FulfillmentSettings
from services.intake.settings import IntakeSettings
from services.notifier.settings import NotifierSettings
from services.verifier.settings import ExaminerSettings, VerifierSettings
from shared.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / ".env.example").read_text(encoding="utf-8")
SERVICES: dict[str, type[Settings]] = {
    "intake": IntakeSettings,
    "verifier": VerifierSettings,
    "examiner": ExaminerSettings,
    "fulfillment": FulfillmentSettings,
    "notifier": NotifierSettings,
    "console": ConsoleSettings,
}
ENTRY = re.compile(r"((?:^#[^\n]*\n)+)^(# ?)?(HABEAS_[A-Z_]+)=(.*)$", re.MULTILINE)
ENTRIES = {name: (comment, bool(off), value) for comment, off, name, value in ENTRY.findall(PAGE)}
COMPOSED = set(re.findall(r"\$\{(HABEAS_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield service, variable and field of every setting; the service is empty where all have it."""
    common = Settings.model_fields
    for name, field in common.items():
        yield "", f"HABEAS_{name.upper()}", field
    for service, kind in SERVICES.items():
        for name, field in kind.model_fields.items():
            # The examiner runs beside the verifier, and is told the same and more.
            if name not in common and not (
                kind is ExaminerSettings and name in VerifierSettings.model_fields
            ):
                yield service, f"HABEAS_{name.upper()}", field


def words(text: str) -> str:
    return " ".join(text.replace("#", " ").split())


FIELDS = [pytest.param(*entry, id=f"{entry[0] or 'all'} {entry[1]}") for entry in fields()]


@pytest.mark.parametrize(("service", "variable", "field"), FIELDS)
def test_every_setting_is_explained_in_its_own_words(service: str, variable: str, field: FieldInfo) -> None:
    del service
    comment, _, _ = ENTRIES[variable]
    assert words(field.description or "?").rstrip(".") in words(comment)


@pytest.mark.parametrize(("service", "variable", "field"), FIELDS)
def test_every_entry_names_the_services_that_read_it(service: str, variable: str, field: FieldInfo) -> None:
    del field
    comment, _, _ = ENTRIES[variable]
    named = re.search(r"\[([a-z, ]+)\]", comment)
    assert named
    assert (service or "all") in named[1].split(", ")


@pytest.mark.parametrize(("service", "variable", "field"), FIELDS)
def test_required_settings_are_set_and_others_show_their_default(
    service: str, variable: str, field: FieldInfo
) -> None:
    del service
    comment, off, value = ENTRIES[variable]
    assert ("Must be set" in comment or not off) is field.is_required()
    if not field.is_required():
        assert value == shown(field.get_default(call_default_factory=True))


def shown(default: Any) -> str:
    """Return a default as it is written in the environment."""
    if default is None:
        return ""
    written = TypeAdapter(type(default)).dump_python(default, mode="json")
    return written if isinstance(written, str) else json.dumps(written)


def test_there_is_no_other_variable_but_those_of_compose() -> None:
    known = {variable for _, variable, _ in fields()}
    assert set(ENTRIES) - known <= COMPOSED
    assert set(ENTRIES) >= COMPOSED
