"""Every letter, under every law, in every language: some thousands, so not among the quick tests."""

import pytest

from services.notifier.letters import languages
from shared.law import Regulation
from tests.unit.notifier.test_letters import assert_whole, lacking


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("law", Regulation)
def test_demanded_elements_are_in_both_forms_in_every_language(law: Regulation, language: str) -> None:
    assert list(lacking(law, language)) == []


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("law", Regulation)
def test_every_letter_has_every_element_in_every_language(law: Regulation, language: str) -> None:
    assert_whole(law, language)
