"""Values that an answer withholds or masks, by the law that it is given under and the rules of the map."""

from datetime import date

import pytest

from services.fulfillment.datamap.model import MappedField, WithholdingReason, WithholdingRule
from services.fulfillment.package.answers import withheld_values
from services.fulfillment.package.handlers import disclosure_rules
from services.fulfillment.package.survey import PackageSection, survey
from services.fulfillment.package.withheld import DisclosureRules, is_public_key, masked
from shared.contract.answer import Answer, WithheldGroup
from shared.contract.events import Assurance, IdentityVerified, Requester, WithheldValues
from shared.law import Regulation, Right
from shared.law.library import policies
from tests.unit.fulfillment.sample_records import ADA, CUSTOMERS, contents

GDPR, UK, SWISS = "gdpr@2018-05-25", "uk-gdpr@2026-02-05", "ch-fadp@2023-09-01"
MINNESOTA, VIRGINIA = "us-mn@2025-07-31", "us-va@2023-01-01"
CALIFORNIA, BRAZIL = "us-ca-ccpa@2026-01-01", "br-lgpd@2020-09-18"
SECTION = "11 CCR 7024(d)"
SENSITIVE = [
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.government_id.national_identification_number",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.authorization.password",
    "user.biometric.fingerprint",
]
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk0 ada@example.org"
PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n"


def rules(
    *laws: str, requester: Requester = Requester.PERSON, assurance: Assurance = Assurance.MAILBOX
) -> DisclosureRules:
    event = IdentityVerified(
        request_id="0" * 32,
        right=Right.ACCESS,
        regulation=Regulation.GDPR,
        received_on=date(2026, 3, 1),
        assurance=assurance,
        reasons=(),
        laws=laws,
        requester=requester,
    )
    return disclosure_rules(event)


def treatment(stated: DisclosureRules, field: MappedField) -> tuple[str, str] | None:
    notice = stated.notice(field)
    return None if notice is None else (notice.reason, notice.provision)


def field(*categories: str, rule: WithholdingRule | None = None, opened: bool = False) -> MappedField:
    return MappedField("value", "map.yml:1", categories=categories, withheld=rule, opened=opened)


@pytest.mark.parametrize("category", SENSITIVE)
@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        pytest.param((GDPR,), ("masked_value", ""), id="GDPR"),
        pytest.param((UK,), ("masked_value", ""), id="UK"),
        pytest.param((SWISS,), ("masked_value", ""), id="Switzerland"),
        pytest.param((BRAZIL,), ("masked_value", ""), id="Brazil"),
        pytest.param((CALIFORNIA,), ("never_disclosed", SECTION), id="California"),
        pytest.param((MINNESOTA,), ("never_disclosed", "Minn. Stat. § 325M.14 subd. 4(i)"), id="Minnesota"),
        pytest.param((VIRGINIA,), ("masked_value", ""), id="Virginia"),
        pytest.param((GDPR, CALIFORNIA), ("masked_value", ""), id="GDPR invoked before California"),
        pytest.param((CALIFORNIA, GDPR), ("never_disclosed", SECTION), id="California before GDPR"),
    ],
)
def test_only_the_law_that_the_answer_is_given_under_withholds(
    laws: tuple[str, ...], expected: tuple[str, str], category: str
) -> None:
    assert treatment(rules(*laws), field(category)) == expected


def test_california_and_minnesota_alone_have_lists_of_values_that_no_answer_discloses() -> None:
    assert {policy.law for policy in policies() if policy.never_disclose} == {"us-ca-ccpa", "us-mn"}
    for policy in policies():
        assert treatment(DisclosureRules(policy), field("user.contact.email")) is None


def test_release_shows_masked_values_and_none_that_the_law_forbids() -> None:
    iban = field("user.financial.bank_account")
    for law, expected in ((GDPR, None), (CALIFORNIA, ("never_disclosed", SECTION))):
        released = DisclosureRules(policies().named(law), released=True, by_staff=True)
        assert treatment(released, iban) == expected


def test_customer_that_verified_the_person_gets_whole_values() -> None:
    assert treatment(rules(requester=Requester.CONTROLLER), field("user.financial.bank_account")) is None


def test_rule_of_the_map_withholds_under_its_laws_alone_and_is_cited() -> None:
    rule = WithholdingRule(WithholdingReason.PROFESSIONAL_SECRECY, laws=(("gdpr", "Section 29 BDSG"),))
    memo = field("user.content.private", rule=rule)
    assert treatment(rules(GDPR), memo) == ("professional_secrecy", "Section 29 BDSG")
    assert treatment(rules(BRAZIL), memo) is None
    everywhere = field("user.authorization.password", rule=WithholdingRule(because="Art. 32 GDPR"))
    released = DisclosureRules(policies().named(BRAZIL), released=True, by_staff=True)
    assert treatment(released, everywhere) == ("never_disclosed", "Art. 32 GDPR")


@pytest.mark.parametrize(
    ("category", "needed"),
    [
        ("user.health_and_medical.genetic", True),
        ("user.demographic.religious_belief", True),
        ("user.criminal_history", True),
        ("user.location.precise", True),
        ("user.location.imprecise", False),
        ("user.contact.email", False),
    ],
)
def test_special_categories_need_more_proof_than_a_mailbox(category: str, *, needed: bool) -> None:
    expected = ("needs_more_proof", "") if needed else None
    assert treatment(rules(GDPR), field(category)) == expected
    for assurance in (Assurance.ACCOUNT, Assurance.VOUCHED, Assurance.REASONABLY_HIGH):
        assert treatment(rules(GDPR, assurance=assurance), field(category)) is None
    released = DisclosureRules(policies().named(GDPR), released=True, mailbox_alone=True)
    assert treatment(released, field(category)) is None


def test_bare_never_of_an_old_map_yields_to_the_staff_alone() -> None:
    old = field("user.contact.email", rule=WithholdingRule())
    law = policies().named(GDPR)
    assert treatment(DisclosureRules(law, released=True), old) == ("never_disclosed", "")
    assert treatment(DisclosureRules(law, released=True, by_staff=True), old) is None


def test_field_opened_by_the_map_is_shown_under_every_law() -> None:
    assert treatment(rules(CALIFORNIA), field("user.government_id", opened=True)) is None


@pytest.mark.parametrize(
    ("value", "category", "shown"),
    [
        pytest.param("DE02 1203 0000 0000 2020 51", "user.financial.bank_account", "••••2051", id="IBAN"),
        pytest.param(4111111111111111, "user.financial.credit_card", "••••1111", id="number"),
        pytest.param("12345", "user.government_id", "••••", id="too short"),
        pytest.param("correct horse battery", "user.authorization.password", "••••", id="password"),
        pytest.param(b"0123456789", "user.government_id", "••••", id="bytes"),
    ],
)
def test_mask_shows_at_most_the_last_four_characters(value: object, category: str, shown: str) -> None:
    assert masked(value, category) == shown


@pytest.mark.parametrize(
    ("value", "public"),
    [
        pytest.param(SSH, True, id="SSH"),
        pytest.param(f"{SSH}\n{SSH}\n", True, id="two SSH keys"),
        pytest.param(PEM, True, id="PEM"),
        pytest.param(PRIVATE, False, id="private"),
        pytest.param(PEM + PRIVATE, False, id="public before private"),
        pytest.param(f"{SSH}\nhunter2", False, id="password below a key"),
        pytest.param("hunter2", False, id="password"),
        pytest.param("", False, id="empty"),
    ],
)
def test_public_key_is_no_secret(value: str, *, public: bool) -> None:
    assert is_public_key(value) is public
    document = {"_id": 1, "keys": [{"secret": value}]}
    for law in (GDPR, CALIFORNIA):
        section = PackageSection(CUSTOMERS, [document])
        counted = survey(contents(section, rules=DisclosureRules(policies().named(law)))).withheld
        assert bool(counted) is (bool(value) and not public)


def test_values_are_counted_by_kind_with_the_provision() -> None:
    iban, password = "user.financial.bank_account", "user.authorization.password"
    for law, provision, reason in ((CALIFORNIA, SECTION, "never_disclosed"), (GDPR, "", "masked_value")):
        stated = DisclosureRules(policies().named(law))
        counted = survey(contents(PackageSection(CUSTOMERS, [ADA]), rules=stated)).withheld
        found = [(one.category, one.count, one.reason, one.provision) for one in counted]
        assert found == [(iban, 1, reason, provision), (password, 2, reason, provision)]


def test_event_counts_values_by_kind_and_names_no_value() -> None:
    masked_iban = WithheldGroup(
        label="Bank account number", reason="masked_value", values=1, category="user.financial.bank_account"
    )
    secret = WithheldGroup(
        label="Password", reason="never_disclosed", citation=SECTION, values=2, category="user.authorization"
    )
    uncounted = WithheldGroup(label="The data itself", reason="needs_more_proof")
    assert withheld_values(Answer(withheld=(masked_iban, secret, uncounted))) == (
        WithheldValues(category="user.financial.bank_account", reason="masked_value", values=1),
        WithheldValues(category="user.authorization", reason="never_disclosed", values=2, provision=SECTION),
    )
