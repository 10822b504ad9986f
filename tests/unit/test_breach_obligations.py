"""Whom a law wants told of a breach, and whom it does not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.law import CompanyProfile
from shared.law.breaches import (
    Breach,
    BreachPolicy,
    BreachRole,
    NoticeRecipientKind,
    Risk,
    exemption,
    laws_requiring_notice,
)
from shared.law.library import breach_policies
from tests.unit.breach_cases import (
    ACCEPTED,
    BERLIN,
    NEW_YORK,
    NOWHERE,
    SSN,
    breach,
    company,
    unread_breach_deadlines,
)

CARD = ("user.name", "user.financial.credit_card")
LOG_IN = ("user.contact.email", "user.authorization.password")


def owed(
    said: Breach, place: str | None, categories: tuple[str, ...] = (), to: CompanyProfile = NOWHERE
) -> list[str]:
    return [policy.law for policy in laws_requiring_notice(said, place, categories, ACCEPTED, to)]


@pytest.mark.parametrize(
    ("place", "to", "expected"),
    [
        pytest.param("DE", NOWHERE, ["gdpr"], id="the residence"),
        pytest.param("RE", NOWHERE, ["gdpr"], id="a part of a Member State with a code of its own"),
        pytest.param("GB-SCT", NOWHERE, ["uk-gdpr"], id="a part of the United Kingdom"),
        pytest.param("CH", NOWHERE, ["ch-fadp"], id="Switzerland"),
        pytest.param("US-CA", NOWHERE, ["us-ca"], id="California"),
        pytest.param("US-CA", BERLIN, ["us-ca", "gdpr"], id="the residence first, then the establishment"),
        pytest.param("CA-QC", NOWHERE, ["ca-qc", "ca-pipeda"], id="the part of a country first"),
        pytest.param("CA-ON", NOWHERE, ["ca-pipeda"], id="another part of it"),
        pytest.param("IN", NOWHERE, ["gdpr"], id="a law that is not in force yet"),
        pytest.param("SG", NOWHERE, ["sg-pdpa"], id="Singapore"),
        pytest.param("BR", NOWHERE, ["br-lgpd"], id="Brazil"),
        pytest.param("CN", NOWHERE, ["cn-pipl"], id="China"),
        pytest.param(None, BERLIN, ["gdpr"], id="unknown: the law of the establishment"),
        pytest.param(None, NEW_YORK, ["us-ny"], id="unknown: that of the State of the establishment"),
        pytest.param("US", NOWHERE, ["us-ca", "us-ny"], id="no State named: the strictest of the States"),
        pytest.param("US", BERLIN, ["us-ca", "us-ny", "gdpr"], id="no State named: then the establishment"),
        pytest.param("US", NEW_YORK, ["us-ca", "us-ny"], id="no State named: that of the establishment, too"),
        pytest.param("US", company("US-TX"), ["us-ca", "us-ny", "us-tx"], id="and if it is none of these"),
        pytest.param("US-PR", NOWHERE, ["us-ca", "us-ny"], id="a part of the country without a file"),
        pytest.param(None, NOWHERE, ["gdpr"], id="unknown, and no law there: what everybody is granted"),
        pytest.param("JP", NEW_YORK, ["gdpr"], id="a place without such a law: what everybody is granted"),
        pytest.param("DE", company("GB", "CH"), ["gdpr", "ch-fadp", "uk-gdpr"], id="every establishment"),
    ],
)
def test_laws_of_residence_and_establishment_demand_notice(
    place: str | None, to: CompanyProfile, expected: list[str]
) -> None:
    assert owed(breach(), place, to=to) == expected


@pytest.mark.parametrize(
    ("risk", "place", "expected"),
    [
        pytest.param(Risk.HIGH, "DE", True, id="GDPR: a high risk"),
        pytest.param(Risk.RISK, "DE", False, id="GDPR: a risk is the authority's alone"),
        pytest.param(Risk.UNLIKELY, "DE", False, id="GDPR: no risk"),
        pytest.param(Risk.RISK, "GB", False, id="the United Kingdom, the same"),
        pytest.param(Risk.RISK, "CH", False, id="Switzerland, the same"),
        pytest.param(Risk.RISK, "BR", True, id="Brazil: a relevant risk"),
        pytest.param(Risk.UNLIKELY, "BR", False, id="Brazil: none"),
        pytest.param(Risk.RISK, "CA-ON", True, id="Canada: a real risk"),
        pytest.param(Risk.UNLIKELY, "CA-QC", False, id="Quebec: none"),
        pytest.param(Risk.RISK, "SG", True, id="Singapore"),
        pytest.param(Risk.UNLIKELY, "SG", False, id="Singapore: people are not told for their number"),
        pytest.param(Risk.UNLIKELY, "CN", False, id="China: harm is avoided"),
        pytest.param(Risk.UNLIKELY, "US-CA", True, id="California asks for no harm"),
        pytest.param(Risk.UNLIKELY, "US-TX", True, id="nor does Texas"),
        pytest.param(Risk.UNLIKELY, "US-FL", False, id="Florida does"),
        pytest.param(Risk.RISK, "US-FL", True, id="Florida, where harm is possible"),
        pytest.param(Risk.UNLIKELY, "US-OH", False, id="and Ohio"),
    ],
)
def test_people_are_notified_from_the_risk_of_their_law_on(risk: Risk, place: str, expected: bool) -> None:
    """GDPR Art. 34(1) and the like; tests of harm in the laws of the States."""
    assert bool(owed(breach(risk=risk), place)) is expected


def test_india_demands_notice_of_every_breach_once_in_force() -> None:
    late = datetime(2027, 6, 1, 9, tzinfo=UTC)
    assert owed(breach(risk=Risk.UNLIKELY, aware_at=late, detected_at=late), "IN") == ["in-dpdp"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"unintelligible": True}, [], id="nobody can read it"),
        pytest.param({"unintelligible": False}, ["gdpr"], id="or the key was taken"),
    ],
)
def test_people_are_not_notified_of_unreadable_data(said: dict[str, Any], expected: list[str]) -> None:
    """GDPR Art. 34(3)(a)."""
    assert owed(breach(**said), "DE") == expected


def test_unreadable_data_is_no_exemption_without_a_provision() -> None:
    """FADP Art. 24(5) names other reasons."""
    assert owed(breach(unintelligible=True), "CH") == ["ch-fadp"]


def test_law_with_unread_deadline_demands_notice_only_when_accepted() -> None:
    """Its residents are notified under the law that stands in for the parts of its country."""
    library = unread_breach_deadlines("us-tn", "nis2")
    said = breach(categories=SSN)

    def laws(*accepted: str) -> list[str]:
        found = laws_requiring_notice(said, "US-TN", SSN, library.accepting(accepted), NEW_YORK)
        return [policy.law for policy in found]

    assert laws("us-tn") == laws("all") == ["us-tn"]
    assert laws() == laws("us-tx") == ["us-ca", "us-ny"]


STATES = [policy for policy in breach_policies() if policy.law.startswith("us-")]


@pytest.mark.parametrize("policy", STATES, ids=lambda policy: policy.id)
def test_no_state_demands_notice_of_unreadable_data(policy: BreachPolicy) -> None:
    """Cal. Civ. Code § 1798.82(a), and the like: unless the key was taken, too."""
    for notice in policy.notices:
        assert notice.safe_harbour
        assert exemption(policy, notice, breach(unintelligible=True), SSN) is not None


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        pytest.param(("user.name", "user.government_id.national_identification_number"), True, id="SSN"),
        pytest.param(("user.name.last", "user.government_id.drivers_license_number"), True, id="licence"),
        pytest.param(("user.name", "user.government_id.passport_number"), True, id="another ID"),
        pytest.param(CARD, True, id="card"),
        pytest.param(("user.name", "user.financial.bank_account"), True, id="account"),
        pytest.param(("user.name", "user.health_and_medical.record_id"), True, id="medical"),
        pytest.param(("user.name", "user.health_and_medical.insurance_beneficiary_id"), True, id="insurance"),
        pytest.param(("user.name", "user.biometric.fingerprint"), True, id="biometric"),
        pytest.param(("user.name", "user.health_and_medical.genetic"), True, id="genetic"),
        pytest.param(("user.name", "user.government_id.vehicle_registration"), True, id="plate reader"),
        pytest.param(LOG_IN, True, id="mail address and password, without a name"),
        pytest.param(("user.account.username", "user.authorization.credentials"), True, id="user name"),
        pytest.param(("user.name", "user.payment"), True, id="payments: an account or a card"),
        pytest.param(("user.contact.email", "user.authorization.security_question"), True, id="answer"),
        pytest.param(("user.name", "user.government_id.social_security_number"), True, id="a map's own word"),
        pytest.param(("user.name", "user.govrnment_id.passport_number"), True, id="mistyped: anything"),
        pytest.param(("usr.ssn",), True, id="mistyped at the top: anything, and of somebody"),
        pytest.param(("user.name", "user.contact.pager"), False, id="a map's own word for a contact"),
        pytest.param(("user.name", "user.financial"), True, id="a coarse map: the listed kind may be in it"),
        pytest.param(("user",), True, id="the coarsest map"),
        pytest.param(("user.government_id.national_identification_number",), False, id="no name"),
        pytest.param(("user.financial.credit_card", "user.contact.email"), False, id="card, but no name"),
        pytest.param(("user.contact.email",), False, id="no password"),
        pytest.param(("user.authorization.password",), False, id="nothing to log in with"),
        pytest.param(("user.name", "user.contact.email", "user.contact.phone_number"), False, id="contacts"),
        pytest.param(("user.name", "user.behavior.purchase_history"), False, id="purchases"),
    ],
)
def test_california_demands_notice_of_listed_combinations_of_data(
    categories: tuple[str, ...], expected: bool
) -> None:
    """Cal. Civ. Code § 1798.82(h). What was breached of others makes no difference."""
    assert bool(owed(breach(categories=SSN), "US-CA", categories)) is expected


def test_without_own_categories_all_breached_ones_count() -> None:
    assert owed(breach(categories=CARD), "US-CA") == ["us-ca"]
    assert owed(breach(categories=("user.contact.email",)), "US-CA") == []


def test_without_declared_categories_any_may_be_breached() -> None:
    assert owed(breach(categories=()), "US-CA") == ["us-ca"]


@pytest.mark.parametrize("policy", STATES, ids=lambda policy: policy.id)
def test_unknown_category_turns_no_law_off(policy: BreachPolicy) -> None:
    """A slip of the pen in a declaration must not leave thousands of people untold."""
    assert policy.listed is not None
    assert policy.listed.found_in(("user.name", "user.government_id.social_security_number"))
    assert policy.listed.found_in(("user.nmae", "user.ssn"))


@pytest.mark.parametrize(
    ("place", "categories", "expected"),
    [
        pytest.param("US-AK", ("user.name", "user.biometric"), False, id="Alaska: no biometric data"),
        pytest.param("US-IL", ("user.name", "user.biometric"), True, id="Illinois"),
        pytest.param("US-AK", LOG_IN, False, id="Alaska: no log-ins"),
        pytest.param("US-NY", LOG_IN, True, id="New York"),
        pytest.param(
            "US-TX", ("user.health_and_medical.record_id",), True, id="Texas: medical data by itself"
        ),
        pytest.param("US-ND", ("user.name", "user.demographic.date_of_birth"), True, id="North Dakota"),
        pytest.param("US-MN", ("user.name", "user.demographic.date_of_birth"), False, id="Minnesota"),
        pytest.param(
            "US-IN", ("user.government_id.national_identification_number",), True, id="Indiana: no name"
        ),
        pytest.param("US-WY", CARD, True, id="every State: cards"),
        pytest.param("DE", ("user.contact.email",), True, id="GDPR lists nothing: whatever it is"),
    ],
)
def test_each_law_lists_its_own_kinds(place: str, categories: tuple[str, ...], expected: bool) -> None:
    assert bool(owed(breach(), place, categories)) is expected


@pytest.mark.parametrize("policy", STATES, ids=lambda policy: policy.id)
def test_every_state_lists_social_security_numbers_licences_and_accounts(policy: BreachPolicy) -> None:
    assert policy.listed is not None
    for category in SSN[1], "user.government_id.drivers_license_number", "user.financial.credit_card":
        assert policy.listed.found_in(("user.name", category))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("US-CA", False, id="California: acquisition"),
        pytest.param("US-TX", False, id="Texas: acquisition"),
        pytest.param("US-NY", True, id="New York: access"),
        pytest.param("US-NJ", True, id="New Jersey: access"),
        pytest.param("US-CT", True, id="Connecticut: access"),
        pytest.param("US-FL", True, id="Florida: access"),
        pytest.param("DE", True, id="GDPR Art. 4(12): access"),
    ],
)
def test_mere_access_demands_notice_where_it_suffices(place: str, expected: bool) -> None:
    assert bool(owed(breach(acquired=False), place)) is expected


@pytest.mark.parametrize("place", ["DE", "US-CA", "BR", "IN", None])
def test_a_processor_writes_to_none_of_its_customers_people(place: str | None) -> None:
    """GDPR Art. 33(2), Cal. Civ. Code § 1798.82(b): it tells the customer."""
    assert owed(breach(role=BreachRole.PROCESSOR), place, to=BERLIN) == []


def test_the_edition_counts_that_was_in_force_when_the_breach_became_known() -> None:
    """SB 446."""
    before, after = (
        laws_requiring_notice(breach(aware_at=day, detected_at=day), "US-CA", (), breach_policies(), NOWHERE)[
            0
        ]
        for day in (datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
    )
    assert (before.id, after.id) == ("us-ca@2022-01-01", "us-ca@2026-01-01")
    told = [policy.notice(NoticeRecipientKind.PEOPLE) for policy in (before, after)]
    assert [notice.length for notice in told if notice] == [None, 30]
