"""Categories of data have a name in every language that letters and packages are written in."""

import pytest
from babel.messages.pofile import read_po

from services.fulfillment.package.labels import LANGUAGES as OF_PACKAGES
from services.notifier.letters.languages import LANGUAGES as OF_LETTERS
from shared.pages.categories import CATALOGUES, NAMES, called
from shared.pages.translation import SOURCE_LANGUAGE


@pytest.mark.parametrize("language", sorted({*OF_PACKAGES, *OF_LETTERS} - {SOURCE_LANGUAGE}))
def test_every_name_is_translated_and_no_translation_is_idle(language: str) -> None:
    with (CATALOGUES._folder / f"{language}.po").open("rb") as file:
        said = {str(entry.id) for entry in read_po(file) if entry.id and entry.string and not entry.fuzzy}
    assert said == set(NAMES.values())


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("user.contact.email", "E-Mail-Adresse"),
        ("user.contact.address.city", "Postanschrift"),
        ("user", "Personenbezogene Daten"),
        ("user.shoe_size", None),
        ("loyalty.points", None),
    ],
)
def test_category_is_named_by_itself_or_its_parent(category: str, name: str | None) -> None:
    assert called(category, "de") == name
