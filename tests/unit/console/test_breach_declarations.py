"""The form of a declaration makes the event, or names the fields that do not fit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.console.breach_declarations import (
    BAD_MOMENT,
    CATEGORIES,
    COLLECTIONS,
    MOST_CHOICES,
    DeclarationErrors,
    EnteredDeclaration,
    MapNames,
    declared_breach,
    fields_for,
)
from services.console.breach_translations import TEXTS
from services.console.decisions.forms import MISSING, NO_CHOICE, FieldKind
from services.console.pages.site import CATALOGUES
from shared.contract.events.breaches import BreachDeclared, BreachRole

NOW, BERLIN = datetime(2026, 3, 10, 9, tzinfo=UTC), ZoneInfo("Europe/Berlin")
NAMES = MapNames(("portal.contacts", "shop.users"), ("user.contact.email", "user.name", "user.shoe_size"))
ENTERED = {
    "reference": "INC-2026-014",
    "role": "controller",
    "occurred_from": "2026-03-08T02:10",
    "detected_at": "2026-03-09T07:30",
    "aware_at": "2026-03-09T08:00",
    "nature": "A copy of the customer table was taken.",
    "consequences": "Letters that pretend to come from us.",
    "measures": "The way in is closed.",
    "advice": "Do not open attachments.",
    "language": "en",
    "categories": "user.name, user.contact.email",
    "collections": "shop.users contacts",
    "contact": "Privacy team, privacy@example.com",
    "risk": "high",
    "encrypted": "no",
    "key_taken": "no",
}


def made(**changes: str) -> BreachDeclared:
    return declared_breach(EnteredDeclaration(ENTERED | changes, "ada", NOW, BERLIN, NAMES))


def errors(**changes: str) -> Mapping[str, str]:
    with pytest.raises(DeclarationErrors) as raised:
        made(**changes)
    return raised.value.errors


def test_form_makes_the_declaration_of_its_account() -> None:
    declared = made()
    assert (declared.reference, declared.by, declared.role) == ("INC-2026-014", "ada", BreachRole.CONTROLLER)
    assert declared.aware_at == datetime(2026, 3, 9, 7, tzinfo=UTC)
    assert declared.categories == ("user.name", "user.contact.email")
    assert [one.collection for one in declared.affected.collections] == ["shop.users", "contacts"]
    assert (declared.high_risk, declared.risk_unlikely, declared.unintelligible) == (True, False, False)


@pytest.mark.parametrize(
    ("risk", "high", "unlikely"),
    [("high", True, False), ("some", False, False), ("unlikely", False, True)],
)
def test_risk_decides_whether_people_get_letters(risk: str, high: bool, unlikely: bool) -> None:
    declared = made(risk=risk, rationale="It was one printed page.")
    assert (declared.high_risk, declared.risk_unlikely) == (high, unlikely)


@pytest.mark.parametrize("name", ["role", "risk", "encrypted", "key_taken"])
def test_value_that_the_form_does_not_offer_is_an_error_of_its_field(name: str) -> None:
    """An unknown risk would otherwise count as one without letters."""
    assert errors(**{name: "unheard_of"}) == {name: NO_CHOICE}


def test_unlikely_risk_needs_its_reasons() -> None:
    assert errors(risk="unlikely").keys() == {""}


def test_encrypted_data_is_unintelligible_unless_its_key_is_lost() -> None:
    assert made(encrypted="yes").unintelligible
    assert not made(encrypted="yes", key_taken="yes").unintelligible


def test_drill_goes_to_the_mailboxes_alone() -> None:
    assert made(drill="ada@example.com, bruno@example.com").drill == ("ada@example.com", "bruno@example.com")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({"nature": " "}, {"nature"}, id="missing"),
        pytest.param({"aware_at": "soon"}, {"aware_at"}, id="no moment"),
        pytest.param({"aware_at": "2026-03-20T08:00"}, {"aware_at"}, id="in the future"),
        pytest.param({"categories": "user.nam"}, {"categories"}, id="misspelt"),
        pytest.param({"collections": "shop.user"}, {"collections"}, id="no collection of the map"),
        pytest.param({"role": "owner"}, {"role"}, id="no role"),
        pytest.param({"risk": "zzz"}, {"risk"}, id="no risk"),
        pytest.param(
            {"encrypted": "perhaps", "key_taken": "no."}, {"encrypted", "key_taken"}, id="no answer"
        ),
        pytest.param({"language": "german"}, {"language"}, id="no language"),
        pytest.param({"drill": "staff"}, {"drill"}, id="no mailbox"),
        pytest.param({"occurred_from": "2026-03-10T07:00"}, {""}, id="began after it was known"),
    ],
)
def test_wrong_entry_names_its_field(changes: dict[str, str], names: set[str]) -> None:
    assert errors(**changes).keys() == names


def written(language: str, names: MapNames, **changes: str) -> Mapping[str, str]:
    with pytest.raises(DeclarationErrors) as raised:
        declared_breach(EnteredDeclaration(ENTERED | changes, "ada", NOW, BERLIN, names))
    return raised.value.written(CATALOGUES.words(language).say)


def test_unknown_names_are_refused_with_the_nearest_name_of_the_data_map() -> None:
    """A declaration with them finds no people."""
    wrong = {CATEGORIES: "names, user.shoe_siz", COLLECTIONS: "portal.contact"}
    assert written("en", NAMES, **wrong) == {
        CATEGORIES: "The data map has no category names. The nearest is user.name.",
        COLLECTIONS: "The data map has no collection portal.contact. The nearest is portal.contacts.",
    }
    assert "keine Kategorie names" in written("de", NAMES, **wrong)[CATEGORIES]
    assert made(categories="user.shoe_size").categories == ("user.shoe_size",)


def test_categories_outside_the_data_map_are_those_of_the_taxonomy() -> None:
    assert made(other_categories="user.financial").categories == (
        *("user.name", "user.contact.email"),
        "user.financial",
    )
    assert errors(categories="", other_categories="money").keys() == {CATEGORIES}
    assert errors(categories="", other_categories="") == {CATEGORIES: MISSING}


def test_names_of_an_unknown_data_map_are_entered_as_text() -> None:
    """Before fulfillment has reported, and from a version that reports no categories."""
    unknown = MapNames()
    entered = EnteredDeclaration(
        ENTERED | {CATEGORIES: "shoes", COLLECTIONS: "a.b"}, "ada", NOW, BERLIN, unknown
    )
    assert declared_breach(entered).categories == ("shoes",)
    long = MapNames([f"shop.table_{number}" for number in range(MOST_CHOICES + 1)])
    for names in (unknown, long):
        kinds = {one.name: one.kind for one in fields_for(names, "en")}
        assert (kinds[CATEGORIES], kinds[COLLECTIONS]) == (FieldKind.TEXT, FieldKind.TEXT)
        assert "other_categories" not in kinds


def test_names_of_the_data_map_are_choices() -> None:
    fields = {one.name: one for one in fields_for(NAMES, "de")}
    categories, collections = (fields[name].choices(None) for name in (CATEGORIES, COLLECTIONS))  # type: ignore[arg-type]
    assert [value for value, _ in collections] == ["portal.contacts", "shop.users"]
    assert dict(categories)["user.contact.email"] == "E-Mail-Adresse (user.contact.email)"
    assert {fields[name].kind for name in (CATEGORIES, COLLECTIONS)} == {FieldKind.SEVERAL}


def texts_in(language: str, number: int = 1) -> dict[str, str]:
    return {f"{name}_{number}": f"{name} in {language}" for name in TEXTS} | {f"language_{number}": language}


def test_texts_in_further_languages_are_translations() -> None:
    declared = made(**texts_in("de", 2), language_1="", **texts_in("fr", 3))
    assert list(declared.translations) == ["de", "fr"], "a group without texts is left out"
    german = declared.translation("de")
    assert german is not None
    assert german.nature == "nature in de"
    brazilian = made(**texts_in("pt-BR"))
    assert brazilian.translation("pt_BR") == brazilian.translations["pt-BR"], "as the locales of letters"
    assert brazilian.translation("pt_PT") is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (texts_in("de") | {"advice_1": " "}, {"advice_1"}),
        (texts_in("en"), {"language_1"}),
        (texts_in("de") | texts_in("de", 2), {"language_2"}),
        ({"language_1": ""} | texts_in("german", 2), {"language_2"}),
        (texts_in("de") | texts_in("qq", 3), {"language_3"}),
    ],
)
def test_wrong_translation_names_its_field(changes: dict[str, str], names: set[str]) -> None:
    assert errors(**changes).keys() == names


def test_key_is_asked_for_of_encrypted_data_alone() -> None:
    assert not made(key_taken="").key_taken
    assert errors(encrypted="yes", key_taken="") == {"key_taken": MISSING}
    assert [one.required for one in fields_for(NAMES, "en") if one.name == "key_taken"] == [False]


def test_missing_and_wrong_values_are_named_together() -> None:
    assert errors(nature="", detected_at="soon") == {"nature": MISSING, "detected_at": BAD_MOMENT}
