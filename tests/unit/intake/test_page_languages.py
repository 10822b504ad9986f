"""Every sentence of the pages exists in every language, and everybody gets one that they read."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.intake.languages import CATALOGUES, LANGUAGES, NAMES, TEMPLATES, negotiated
from shared.wording import SOURCE_LANGUAGE

TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]


def sentences() -> Iterator[str]:
    """Yield what stands in ``_()`` in templates and modules."""
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    methods = [("**.py", "python"), ("templates/**.jinja", "jinja2")]
    found = extract_from_dir(TEMPLATES.parent, methods, {"templates/**.jinja": options}, keywords={"_": None})
    yield from (str(one[2]) for one in found)


def read_catalogue(language: str) -> Catalog:
    with (TEMPLATES / "locale" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def entries(language: str) -> Iterator[Message]:
    return (entry for entry in read_catalogue(language) if entry.id)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_sentence_and_no_other(language: str) -> None:
    here = {str(entry.id) for entry in entries(language)}
    wanted = set(sentences())
    assert "Skip to the content" in wanted
    assert sorted(wanted - here) == []
    assert sorted(here - wanted) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_fuzzy_or_obsolete(language: str) -> None:
    assert [entry.id for entry in entries(language) if not entry.string or entry.fuzzy] == []
    assert list(read_catalogue(language).obsolete) == []
    assert len(CATALOGUES.sentences(language)) == len(list(entries(language)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_and_the_links_of_its_sentence(language: str) -> None:
    places = re.compile(r"%\(\w+\)s|%|</?\w+[^>]*>")
    for entry in entries(language):
        assert sorted(places.findall(str(entry.id))) == sorted(places.findall(str(entry.string))), entry.id


def test_pages_are_written_in_eight_languages_that_name_themselves() -> None:
    assert NAMES == {
        "en": "English",
        "de": "Deutsch",
        "es": "Español",
        "fr": "Français",
        "it": "Italiano",
        "nl": "Nederlands",
        "pt": "Português",
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
