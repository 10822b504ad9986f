"""Every sentence of every letter exists in every language, and none is left over."""

import re
from collections.abc import Iterator

import pytest

from services.notifier.letters import languages, skeletons
from shared.law.library import policies
from shared.pages.translation import SOURCE_LANGUAGE
from tests.unit.catalogues import NAMED_PROVISIONS, Translated

LETTERS = Translated(languages.TEMPLATES.parent)
TRANSLATED = [language for language in languages.LANGUAGES if language != SOURCE_LANGUAGE]


def sentences() -> Iterator[str]:
    """Yield what letters say: what stands in their code, and the provisions that they show."""
    yield from LETTERS.sentences
    yield from (ground.provision for policy in policies() for ground in policy.grounds)
    yield from (provision for _, provision in NAMED_PROVISIONS)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_sentence_and_no_other(language: str) -> None:
    here = {str(entry.id) for entry in LETTERS.entries(language)}
    wanted = set(sentences())
    assert len(wanted) > 100
    assert sorted(wanted - here) == []
    assert sorted(here - wanted) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_fuzzy_or_obsolete(language: str) -> None:
    assert LETTERS.flawed(language) == []
    assert len(languages.CATALOGUES.sentences(language)) == len(list(LETTERS.entries(language)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_of_its_sentence(language: str) -> None:
    assert LETTERS.misplaced(language, re.compile(r"%\(\w+\)s|%")) == []


def test_letters_are_written_in_english_and_german_at_least() -> None:
    assert {"en", "de"} <= set(languages.LANGUAGES)


def test_both_forms_have_the_same_blocks() -> None:
    for environment in (skeletons.HTML, skeletons.TEXT):
        blocks = vars(environment.get_template("blocks.jinja").module)
        assert {name for name in blocks if not name.startswith("_")} == set(skeletons.BLOCKS)
