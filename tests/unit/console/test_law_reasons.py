"""The page of a case says which laws apply and why, and counts the last day as the register did."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from services.console import labels
from services.console.decisions.forms import CaseView
from services.console.pages.laws import deadline_lines, law_reasons
from services.console.pages.site import CATALOGUES
from services.intake.cases.clock import Arrival, received_request, resumed_deadline
from services.intake.domain import IntakeCase, evolve
from shared.contract import events
from shared.contract.events import Fact, RequestReceived, RequestSubmitted
from shared.law import ClockRules, CompanyProfile
from shared.law.calendars import calendar_named
from shared.law.library import EXAMPLE, company, policies
from tests.unit.console.test_case_rows import CASE, row

BERLIN: CompanyProfile = company(str(EXAMPLE))
CALIFORNIAN = BERLIN.model_copy(update={"established_in": "US-CA", "also_established_in": ()})
ENGLISH, GERMAN = (CATALOGUES.words(language, BERLIN.zone) for language in ("en", "de"))
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def received(house: CompanyProfile = BERLIN, at: datetime = AT, **request: object) -> RequestReceived:
    """Return a request as the register of *house* notes it."""
    submitted = {"reference": "r", "right": "access", "subject": {"email": "kim@example.org"}, **request}
    arrival = Arrival(CASE, "shop.example", at, at)
    rules = ClockRules(house, policies(), calendar_named)
    return received_request(RequestSubmitted.model_validate(submitted), arrival, rules)


def view(*facts: Fact) -> CaseView:
    return CaseView(row(*facts), facts, AT, AT.date())


def reasons(fact: RequestReceived, house: CompanyProfile = BERLIN) -> dict[str, Sequence[str]]:
    return {one.edition.partition("@")[0]: one.reasons for one in law_reasons(view(fact), house, ENGLISH)}


def lines(*facts: Fact, house: CompanyProfile = BERLIN, words: object = ENGLISH) -> list[tuple[str, str]]:
    found = deadline_lines(view(*facts), house, words)  # type: ignore[arg-type]
    return [(one.text, one.provision) for one in found]


def test_law_of_residence_and_establishment_are_told_apart() -> None:
    fact = received(residence={"country": "BR"})
    found = reasons(fact)
    assert found["br-lgpd"] == ["Residence of the person: Brazil.", "The request is answered under it."]
    assert found["gdpr"] == ["Place of the company: Germany (DE-BE). The law protects people everywhere."]


def test_resident_of_the_place_of_establishment_has_both_reasons() -> None:
    [only] = reasons(received(residence={"country": "DE"})).values()
    assert only[0] == "Residence of the person: Germany."
    assert only[1].startswith("Place of the company: Germany")


def test_law_of_a_part_of_a_country_names_the_part() -> None:
    found = reasons(received(residence={"country": "US", "subdivision": "CA"}))
    assert found["us-ca-ccpa"][0].startswith(
        "Residence of the person: United States. The law covers California"
    )


def test_law_without_another_reason_is_the_one_that_the_person_invokes() -> None:
    found = reasons(received(regulation="uk_gdpr", residence={"country": "DE"}))
    assert found["uk-gdpr"][0] == "The person asks under this law."


def test_person_outside_all_laws_has_the_rights_that_the_company_grants() -> None:
    [only] = reasons(received(CALIFORNIAN, residence={"country": "JP"}), CALIFORNIAN).values()
    assert only[0].startswith("No other law protects the person")


@pytest.mark.parametrize(
    ("house", "at", "residence", "expected"),
    [
        pytest.param(
            BERLIN,
            datetime(2026, 2, 28, 9, tzinfo=UTC),
            {"country": "DE"},
            ["Received: 28 February 2026", "One month", "Not working days"],
            id="month that ends on a Saturday",
        ),
        pytest.param(
            CALIFORNIAN, AT, {"country": "US", "subdivision": "CA"}, ["Received:", "45 days"], id="days"
        ),
        pytest.param(
            BERLIN,
            AT,
            {"country": "BR"},
            ["Received:", "Of the laws that protect the person, Brazilian", "15 days"],
            id="earliest of two",
        ),
    ],
)
def test_steps_of_the_last_day_are_explained(
    house: CompanyProfile, at: datetime, residence: dict[str, str], expected: Sequence[str]
) -> None:
    fact = received(house, at, residence=residence)
    found = lines(fact, house=house)
    assert [text[: len(start)] for (text, _), start in zip(found, expected, strict=False)] == list(expected)
    assert ENGLISH.weekday(fact.due_on) in found[-1][0]
    assert found[-1][1]


def test_end_on_a_day_off_is_moved_with_its_provision() -> None:
    fact = received(at=datetime(2026, 3, 3, 9, tzinfo=UTC), residence={"country": "DE"})
    text, provision = lines(fact)[-1]
    assert text == (
        "Not working days: Friday, 3 April 2026, Saturday, 4 April 2026, Sunday, 5 April 2026 "
        "and Monday, 6 April 2026. The next working day counts: Tuesday, 7 April 2026."
    )
    assert "1182/71 Art. 3" in provision


def test_days_of_a_pause_are_counted_as_the_register_did() -> None:
    rules = ClockRules(BERLIN, policies(), calendar_named)
    fact = received(residence={"country": "DE"})
    paused = events.RequestPaused(request_id=CASE, reason="proof_wanted", since=AT)
    case = evolve(evolve(IntakeCase(), fact), paused)
    moved = resumed_deadline(case, AT.replace(day=9), rules)
    assert moved is not None
    found = lines(fact, paused, events.RequestResumed(request_id=CASE, at=AT.replace(day=9)), moved)
    assert any("do not count: 7" in text and "01/2022" in provision for text, provision in found)
    assert ENGLISH.weekday(moved.due_on) in found[-1][0]


def test_open_pause_says_whether_the_period_runs_on() -> None:
    paused = events.RequestPaused(request_id=CASE, reason="proof_wanted", since=AT)
    german = lines(received(residence={"country": "DE"}), paused)
    assert german[-1][0].startswith("The period stands still since 2 March 2026")
    assert german[-1][1]
    fact = received(CALIFORNIAN, residence={"country": "US", "subdivision": "CA"})
    californian = lines(fact, paused, house=CALIFORNIAN)
    assert californian[-1][0].endswith("By California Consumer Privacy Act (CCPA) the period runs on.")


def test_extension_has_its_reason_and_the_day_before() -> None:
    fact = received(residence={"country": "DE"})
    extended = events.RequestExtended(
        request_id=CASE,
        reason="complexity",
        promised_on=fact.due_on,
        due_on=date(2026, 6, 2),
        meant_for=date(2026, 5, 25),
        policy=fact.policy,
    )
    found = [text for text, _ in lines(fact, extended)]
    assert "Extended: The request is complex. The last day before was 2 April 2026." in found
    assert any(text.startswith("3 months") for text in found)


def test_day_that_today_s_rules_do_not_give_is_not_explained() -> None:
    fact = received(residence={"country": "DE"})
    assert lines(fact.model_copy(update={"due_on": date(2026, 4, 30)})) == []


def test_explanations_are_german_on_german_pages() -> None:
    fact = received(residence={"country": "DE"})
    [law] = law_reasons(view(fact), BERLIN, GERMAN)
    assert law.name == "Datenschutz-Grundverordnung (DSGVO)"
    assert law.reasons[0] == "Wohnsitz der Person: Deutschland."
    assert lines(fact, words=GERMAN)[1][0].startswith("Ein Monat ab dem Tag des Eingangs.")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("DE", "Deutschland"),
        ("DE-BE", "Deutschland (DE-BE)"),
        ("US-CA", "California"),
        ("EU", "EU"),
        ("ZZ", "ZZ"),
        (None, ""),
    ],
)
def test_place_has_its_name_in_the_language_of_the_page(code: str | None, name: str) -> None:
    assert labels.place(code, GERMAN) == name
