"""The form of a declaration makes the event, or names the fields that do not fit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.console.breach_declarations import (
    BAD_MOMENT,
    DeclarationErrors,
    EnteredDeclaration,
    declared_breach,
)
from services.console.decisions.forms import MISSING, NO_CHOICE
from shared.contract.events.breaches import BreachDeclared, BreachRole

NOW, BERLIN = datetime(2026, 3, 10, 9, tzinfo=UTC), ZoneInfo("Europe/Berlin")
COLLECTIONS = ("shop.users", "portal.contacts")
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
    return declared_breach(EnteredDeclaration(ENTERED | changes, "ada", NOW, BERLIN, COLLECTIONS))


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


def test_missing_and_wrong_values_are_named_together() -> None:
    assert errors(nature="", detected_at="soon") == {"nature": MISSING, "detected_at": BAD_MOMENT}
