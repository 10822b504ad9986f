"""Every sentence of the console exists in German."""

import re

import pytest
from babel.messages.extract import extract_from_dir

from services.console import labels
from services.console.pages.site import CATALOGUES, LANGUAGES, TEMPLATES
from shared.contract.events import RequestSubmitted
from shared.contract.refusals import REFUSALS
from shared.law.library import breach_policies, policies
from shared.pages.translation import SOURCE_LANGUAGE
from tests.unit.catalogues import METHODS, OPTIONS, Translated

PAGES = Translated(TEMPLATES.parent)
TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
PLACES = re.compile(r"%\(\w+\)s|%|</?\w+[^>]*>")


def sentences() -> set[str]:
    """Return what stands in ``_()`` in the console, the titles of laws, and the reasons of refusals."""
    titles = {law.title for law in policies() if law.title}
    titles |= {law.name for law in breach_policies()}
    options = {"templates/**.jinja": OPTIONS}
    found = extract_from_dir(PAGES.code, METHODS, options, keywords={"_": None})
    return {str(one[2]) for one in found} | titles | set(REFUSALS.values())


@pytest.mark.slow
@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogue_has_every_sentence_of_the_console_and_no_other(language: str) -> None:
    here = {str(entry.id) for entry in PAGES.entries(language)}
    wanted = sentences()
    assert "Skip to the content" in wanted
    assert sorted(wanted - here) == []
    assert sorted(here - wanted) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_of_the_console_is_empty_fuzzy_or_obsolete(language: str) -> None:
    assert PAGES.flawed(language) == []
    assert len(CATALOGUES.sentences(language)) == len(list(PAGES.entries(language)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_translation_of_the_console_has_the_places_of_its_sentence(language: str) -> None:
    assert PAGES.misplaced(language, PLACES) == []


def test_ground_with_its_provision_is_named_in_german() -> None:
    words = CATALOGUES.words("de")
    assert labels.choice("Manifestly unfounded (GDPR Art. 12(5))", words) == (
        "Offensichtlich unbegründet (GDPR Art. 12(5))"
    )
    assert labels.choice("Dana Muster", words) == "Dana Muster"
    assert labels.choice("Excessive", CATALOGUES.words("en")) == "Excessive"


def test_templates_take_only_literal_sentences_for_markup() -> None:
    for template in TEMPLATES.glob("*.jinja"):
        assert re.findall(r"\b_\((?![\"'])", template.read_text(encoding="utf-8")) == [], template.name


def test_fields_of_a_submission_are_written_in_german() -> None:
    words = CATALOGUES.words("de")
    assert [words.say(labels.field(name)) for name in ("residence", "customer_number")] == [
        "Wohnsitz",
        "customer number",
    ]
    entries: dict[str, object] = {
        "right": "erasure",
        "country": "FR",
        "locale": "de",
        "child": True,
        "agent": None,
    }
    written = [labels.entered(name, value, words) for name, value in entries.items()]
    assert written == ["Löschung", "Frankreich", "Deutsch", "Ja", "\N{EN DASH}"]
    assert labels.entered("statement", "Access", words) == "Access"


def test_every_field_of_a_submission_has_a_label() -> None:
    schema = RequestSubmitted.model_json_schema()
    shapes = [schema, *schema["$defs"].values()]
    names = {name for shape in shapes for name in shape.get("properties", {})}
    assert "residence" in names
    assert names - set(labels.FIELDS) == set()
