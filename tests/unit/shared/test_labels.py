"""Texts of operators in the reader's language: which one is chosen, and what they are compared by."""

import pickle

import pytest
from pydantic import ValidationError

from shared.labels import InvalidLabel, Label, covers, default_of, forms_of, label_of, localized
from shared.law.company import RetainedData

RECORDS = label_of({"de": "Rechnungen", "en": "Invoices", "pt": "Faturas", "pt-BR": "Notas fiscais"})


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "Rechnungen"),
        ("pt_BR", "Notas fiscais"),
        ("pt_PT", "Faturas"),
        ("de_AT", "Rechnungen"),
        ("it", "Invoices"),
        ("zh_Hant_TW", "Invoices"),
    ],
    ids=["language", "region", "no such region", "without region", "default", "script"],
)
def test_text_is_in_the_language_of_the_reader_else_without_region_else_the_default(
    locale: str, text: str
) -> None:
    assert localized(RECORDS, locale) == text


def test_default_is_the_first_text_if_none_is_english() -> None:
    said = label_of({"fr": "Factures", "de": "Rechnungen"})
    assert (said, localized(said, "es")) == ("Factures", "Factures")
    assert default_of(localized(said, "de")) == "Factures"


def test_text_keeps_its_default_in_every_language() -> None:
    assert default_of(localized(localized(RECORDS, "de"), "pt_BR")) == "Invoices"
    assert localized(localized(RECORDS, "de"), "it") == "Invoices"


def test_plain_text_is_the_same_in_every_language() -> None:
    assert (localized("Invoices", "de"), default_of("Invoices")) == ("Invoices", "Invoices")
    assert (covers("Invoices", "en"), covers("Invoices", "de")) == (True, False)


def test_language_is_covered_by_a_text_of_its_own_alone() -> None:
    assert (covers(RECORDS, "de"), covers(RECORDS, "it")) == (True, False)


def test_forms_of_a_text_are_those_of_all_languages() -> None:
    assert forms_of(RECORDS) == {"Invoices", "Rechnungen", "Faturas", "Notas fiscais"}
    assert forms_of("Bank") == {"Bank"}


def test_label_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(RECORDS))  # noqa: S301 - our own
    assert (type(again), again, again.by_language, again.default) == (
        Label,
        "Invoices",
        RECORDS.by_language,
        "Invoices",
    )


@pytest.mark.parametrize("stated", [{}, {"en": " "}, {"english": "Invoices"}, {"xx-YY-ZZ": "Invoices"}])
def test_text_without_a_language_is_invalid(stated: dict[str, str]) -> None:
    with pytest.raises(InvalidLabel):
        label_of(stated)


@pytest.mark.parametrize("stated", ["", {"en": ""}, {"english": "Invoices"}, {"en": 1}, 3, ["Invoices"]])
def test_profile_of_a_company_takes_a_text_or_one_a_language(stated: object) -> None:
    with pytest.raises(ValidationError):
        RetainedData.model_validate({"what": stated, "why": "Tax law", "until": "2030"})
    fits = RetainedData.model_validate({"what": {"de": "Daten"}, "why": "Tax law", "until": "2030"})
    assert (fits.what, localized(fits.why, "de"), fits.model_dump()["until"]) == ("Daten", "Tax law", "2030")
