"""A misspelt word in a declaration of a breach is refused with the nearest known word."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contract.events.breaches import BreachDeclared
from shared.contract.suggestions import nearest_word, suggestions_for
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import declaration

PART = "subdivision: is no part of {} (ISO 3166-2); the nearest is {}"
CUSTOMER = {"id": "k-1", "name": "Kunde", "email": "k1@example.com"}


def said(mapped: tuple[str, ...] | None = None, **changes: Any) -> list[str]:
    declared = BreachDeclared.model_validate(declaration(**changes))
    return [str(flaw) for flaw in suggestions_for(declared, mapped, now=NOW)]


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("user.finacial", "user.financial"),
        ("user.contact.emial", "user.contact.email"),
        ("user.goverment_id.passport_number", "user.government_id.passport_number"),
        ("usr.name", "user.name"),
        ("user.contacts.email", "user.contact.email"),
        ("user.payments.of_ours", "user.payment"),
    ],
)
def test_a_category_that_is_nearly_a_known_one_is_a_slip(word: str, nearest: str) -> None:
    [flaw] = said(categories=["user.name", word])
    assert flaw.startswith("categories.1: is no category")
    assert flaw.endswith(f"the nearest is {nearest}")
    assert word not in flaw


@pytest.mark.parametrize("word", ["user.loyalty", "acme.points", "user.contact.email.work", "user.name"])
def test_a_category_that_may_be_the_maps_own_is_none(word: str) -> None:
    assert said(categories=[word]) == []
    assert said((word,), categories=[word]) == []


def test_where_the_map_is_at_hand_no_other_category_is_known() -> None:
    [flaw] = said(("acme.points",), categories=["user.ssn", "acme.points", "user.name"])
    assert flaw.startswith("categories.0: is no category of the taxonomy or of the data map; the nearest is ")
    assert said((), categories=["acme.points"])


def test_a_category_of_one_person_is_looked_at_as_well() -> None:
    [flaw] = said(affected={"list": [{"name": "Bo", "categories": ["user.finacial"]}]})
    assert flaw.startswith("affected.list.0.categories.0: ")


@pytest.mark.parametrize(
    ("home", "flaw"),
    [
        ({"country": "DE", "subdivision": "BE"}, None),
        ({"country": "AX"}, None),
        ({"country": "US", "subdivision": "CA"}, None),
        ({"country": "US", "subdivision": "california"}, None),
        ({"country": "CA", "subdivision": "quebec"}, None),
        ({"country": "US", "subdivision": "PR"}, None),
        ({"country": "UK"}, "country: is no code of a country (ISO 3166); the nearest is GB"),
        ({"country": "XX"}, "country: is no code of a country (ISO 3166)"),
        ({"country": "US", "subdivision": "new_york"}, PART.format("US", "NY")),
        ({"country": "CA", "subdivision": "QB"}, PART.format("CA", "QC")),
    ],
)  # fmt: skip
def test_unknown_place_is_an_error(home: dict[str, str], flaw: str | None) -> None:
    found = said(affected={"list": [{"name": "Bo", "residence": home}]})
    assert found == ([] if flaw is None else [f"affected.list.0.residence.{flaw}"])


@pytest.mark.parametrize(("year", "slip"), [(2016, True), (1970, True), (2019, False)])
def test_moment_before_every_law_is_an_error(year: int, slip: bool) -> None:
    """By whose day no edition is in force, nobody would be told."""
    moments = dict.fromkeys(("occurred_from", "detected_at", "aware_at"), f"{year}-03-05T08:00Z")
    found = said(None, **moments)
    assert found == (["aware_at: lies before 25 May 2018; look at the year"] if slip else [])


def test_customers_are_named_by_a_processor_alone() -> None:
    """GDPR Art. 33(2): of others nobody would tell them."""
    [flaw] = said(affected={"controllers": [CUSTOMER]})
    assert flaw.startswith("affected.controllers: are notified by a processor")
    assert said(role="processor", affected={"controllers": [CUSTOMER]}) == []


def test_of_nothing_like_it_there_is_no_nearest_word() -> None:
    assert nearest_word("xyzzy", ["alpha", "beta"]) is None


@pytest.mark.parametrize("name", ["occurred_from", "occurred_to", "detected_at", "aware_at", "handled_at"])
def test_a_moment_that_has_not_come_is_a_slip(name: str) -> None:
    """Letters and forms would tell of it."""
    later = dict.fromkeys(("aware_at", name), (NOW + timedelta(hours=2)).isoformat())
    found = said(None, **later)
    assert f"{name}: lies in the future; look at the day and the year" in found
    assert len(found) == len(later)


def test_of_an_event_a_clock_that_goes_wrong_is_none() -> None:
    ahead = BreachDeclared.model_validate(declaration(aware_at=(NOW + timedelta(days=9)).isoformat()))
    assert suggestions_for(ahead) == []


def test_clock_of_a_declaring_system_may_be_ahead() -> None:
    assert said(aware_at=(NOW + timedelta(minutes=50)).isoformat()) == []


def test_more_is_promised_for_a_time_to_come() -> None:
    slip = "next_update_at: must lie after aware_at: it is the time of the next update"
    assert said(next_update_at=declaration()["aware_at"]) == [slip]
    assert said(next_update_at=NOW.isoformat()) == []


@pytest.mark.parametrize(
    ("code", "nearest"), [("jp", "; the nearest is ja"), ("CN", "; the nearest is zh"), ("ge-DE", "")]
)
def test_unknown_language_is_an_error(code: str, nearest: str) -> None:
    texts = dict.fromkeys(("nature", "consequences", "measures", "advice"), "x")
    found = said(
        None,
        language=code,
        translations={"de": texts, code: texts},
        role="processor",
        affected={"list": [{"locale": code}], "controllers": [CUSTOMER | {"locale": code}]},
    )
    places = ("language", "translations.1", "affected.list.0.locale", "affected.controllers.0.locale")
    assert found == [f"{place}: is no code of a language (ISO 639){nearest}" for place in places]


@pytest.mark.parametrize("code", ["de", "pt-BR", "zh_Hant", "gsw", "EN", "rm"])
def test_a_language_of_people_is_none(code: str) -> None:
    assert said(language=code) == []
