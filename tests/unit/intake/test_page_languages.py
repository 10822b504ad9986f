"""Every sentence of the pages exists in every language, and everybody gets one that they read."""

import re

import pytest

from services.intake.pages.site import CATALOGUES, LANGUAGES, NAMES, TEMPLATES, negotiated
from shared.law import LetterElement
from shared.pages.translation import SOURCE_LANGUAGE
from tests.unit.catalogues import NAMED_PROVISIONS, Translated

PAGES = Translated(TEMPLATES.parent)
TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
PLACES = re.compile(r"%\(\w+\)s|%|</?\w+[^>]*>")


@pytest.mark.slow
@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_sentence_and_no_other(language: str) -> None:
    here = {str(entry.id) for entry in PAGES.entries(language)}
    named = {provision for element, provision in NAMED_PROVISIONS if element is LetterElement.PROVISION}
    wanted = {*PAGES.sentences, *named}
    assert "Skip to the content" in wanted
    assert sorted(wanted - here) == []
    assert sorted(here - wanted) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_fuzzy_or_obsolete(language: str) -> None:
    assert PAGES.flawed(language) == []
    assert len(CATALOGUES.sentences(language)) == len(list(PAGES.entries(language)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_and_the_links_of_its_sentence(language: str) -> None:
    assert PAGES.misplaced(language, PLACES) == []


def test_languages_and_regions_of_pages_name_themselves() -> None:
    assert NAMES == {
        "en": "English",
        "de": "Deutsch",
        "es": "Español",
        "fr": "Français",
        "fr-CA": "Français (Canada)",
        "it": "Italiano",
        "nl": "Nederlands",
        "pt": "Português",
        "pt-BR": "Português (Brasil)",
        "zh": "中文",
    }


@pytest.mark.parametrize(
    ("chosen", "accepted", "ours", "language"),
    [
        pytest.param("fr", "de", "it", "fr", id="what the address says, first"),
        pytest.param("", "de-AT,en;q=0.5", "it", "de-AT", id="what the browser says"),
        pytest.param("", "en;q=0.5, zh-Hans-CN;q=0.9", "it", "zh-Hans-CN", id="what it would rather have"),
        pytest.param("", "fi, sv;q=0.9, nl;q=0.1", "it", "nl", id="the first that is spoken"),
        pytest.param("", "nl;q=0, fi", "it", "it", id="never one that is ruled out"),
        pytest.param("", "", "it", "it", id="the company's, where nobody says anything"),
        pytest.param("tlh", "*", "fi", "en", id="English, where nothing is spoken"),
        pytest.param("../../de", "de;q=x,,;q=1", "pt", "pt", id="nonsense is no error"),
        pytest.param("DE", "", "it", "DE", id="in capitals"),
    ],
)
def test_the_language_of_a_page(chosen: str, accepted: str, ours: str, language: str) -> None:
    assert negotiated(chosen, accepted, ours) == language


def test_a_header_without_end_is_not_read_to_its_end() -> None:
    assert negotiated("", "fi," * 100_000 + "de", "pt") == "pt"
