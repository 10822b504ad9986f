"""What the policies on breaches say, and what is said of a file that is none."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contract.events.breaches import BreachDeclared
from shared.errors import ConfigurationError
from shared.law.breaches import (
    BreachedKind,
    BreachPolicies,
    BreachPolicy,
    LetterStyle,
    NoticeElement,
    NoticeRecipientKind,
    NoticeStage,
    Risk,
    is_there,
)
from shared.law.breaches.terms import NAME, WORDS
from shared.law.library import BREACHES, breach_policies, policies, read_breaches
from shared.law.taxonomy import DEFAULT_CATEGORIES
from tests.unit.breach_cases import SSN

EVERY = [pytest.param(policy, id=policy.id) for policy in breach_policies()]
TO_PEOPLE = [
    pytest.param(one, id=one.id) for one in breach_policies() if one.notice(NoticeRecipientKind.PEOPLE)
]
STATES = [pytest.param(one, id=one.id) for one in breach_policies() if one.law.startswith("us-")]
ARTICLE_33_3 = {"nature", "data", "people_count", "records_count", "contact", "consequences", "measures"}
WHOLE = """law: utopia
edition: 2026-01-01
name: Utopia
notices:
  - {to: authority, length: 72, unit: hour, provision: Art. 1, read: text}
sources:
  - {read: text, place: The Gazette of Utopia, date: 2026-01-01}
"""


@pytest.mark.parametrize("policy", EVERY)
def test_no_recipient_gets_the_same_message_twice(policy: BreachPolicy) -> None:
    told = [(notice.to, notice.stage) for notice in policy.notices]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("policy", TO_PEOPLE)
def test_every_notice_has_the_facts_the_data_and_a_contact(policy: BreachPolicy) -> None:
    said = {one.element for one in policy.statements_for(SSN)}
    wanted = {NoticeElement.NATURE, NoticeElement.DATA, NoticeElement.ADVICE, NoticeElement.CONTACT}
    assert wanted - said <= set(policy.never)


@pytest.mark.parametrize("policy", TO_PEOPLE)
def test_every_law_lists_elements_for_customers_and_authorities(policy: BreachPolicy) -> None:
    assert {said.element for said in policy.report} & {NoticeElement.NATURE, NoticeElement.SAMPLE}
    assert {said.element for said in policy.to_controller} >= {"incident", "services", "next_update"}


@pytest.mark.parametrize("law", ["gdpr", "uk-gdpr"])
def test_authority_gets_all_of_article_33_3(law: str) -> None:
    policy = _newest(law)
    assert {said.element for said in policy.report} >= ARTICLE_33_3


def test_people_get_all_of_article_34_2_in_plain_order() -> None:
    said = [one.element for one in _newest("gdpr").letter]
    assert said == [
        "nature", "occurred", "data", "consequences", "measures", "advice", "contact", "officer", "rights",
        "complaint",
    ]  # fmt: skip


def test_california_prescribes_title_headings_and_their_order() -> None:
    """Cal. Civ. Code § 1798.82(d)(1)."""
    policy = _newest("us-ca")
    assert (policy.form, policy.title) == (LetterStyle.CALIFORNIA, "Notice of Data Breach")
    headings = [said.heading for said in policy.letter]
    assert list(dict.fromkeys(headings)) == [
        "What Happened",
        "What Information Was Involved",
        "What We Are Doing",
        "What You Can Do",
        "For More Information",
    ]
    assert headings == sorted(headings, key=list(dict.fromkeys(headings)).index)


def test_element_about_some_data_is_left_out_of_other_letters() -> None:
    policy = _newest("us-ca")
    password = ("user.contact.email", "user.authorization.password")
    only = {NoticeElement.PROTECTION, NoticeElement.CREDIT_BUREAUS, NoticeElement.PASSWORD}
    assert {one.element for one in policy.statements_for(SSN)} & only == only - {NoticeElement.PASSWORD}
    assert {one.element for one in policy.statements_for(password)} & only == {NoticeElement.PASSWORD}


def test_letter_to_massachusetts_does_not_describe_the_breach() -> None:
    """M.G.L. c. 93H § 3(b)."""
    said = {one.element for one in _newest("us-ma").statements_for(SSN)}
    assert NoticeElement.NATURE not in said
    assert NoticeElement.POLICE_REPORT in said


@pytest.mark.parametrize(
    ("state", "months"),
    [
        ("us-ca", 12),
        ("us-ct", 24),
        ("us-dc", 18),
        ("us-de", 12),
        ("us-ma", 18),
        ("us-pa", 12),
        ("us-tx", None),
    ],
)
def test_some_states_have_protection_offered_for_months(state: str, months: int | None) -> None:
    protection = _newest(state).protection
    assert (protection.months if protection else None) == months


@pytest.mark.parametrize(
    ("law", "months"),
    [("gdpr", None), ("ch-fadp", 24), ("ca-pipeda", 24), ("ca-qc", 60), ("br-lgpd", 60)],
)
def test_every_breach_is_recorded_and_some_laws_say_for_how_long(law: str, months: int | None) -> None:
    """GDPR Art. 33(5)."""
    records = _newest(law).records
    assert records is not None
    assert records.months == months


@pytest.mark.parametrize("policy", STATES)
def test_every_state_notifies_its_people_and_the_owner(
    policy: BreachPolicy,
) -> None:
    assert policy.notice(NoticeRecipientKind.PEOPLE)
    assert policy.notice(NoticeRecipientKind.CONTROLLER)
    assert policy.scope is not None
    assert [f"us-{place[3:].lower()}" for place in policy.scope.places] == [policy.law]


@pytest.mark.parametrize("kind", BreachedKind)
def test_kinds_use_words_of_the_map(kind: BreachedKind) -> None:
    words = {word for group in (NAME, *WORDS[kind]) for word in group}
    assert words <= DEFAULT_CATEGORIES
    assert is_there(kind, words)
    assert not is_there(kind, ("user.name",))


def test_the_edition_is_that_of_the_day_and_none_is_there_before_the_first() -> None:
    laws = {policy.law: policy.id for policy in breach_policies().of_that_day(date(2018, 5, 25))}
    assert laws["gdpr"] == "gdpr@2018-05-25"
    assert "in-dpdp" not in laws
    assert "us-model" not in laws


def test_an_edition_that_was_taken_away_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"policies/breaches/gdpr@2016-04-27\.yaml: no such edition"):
        breach_policies().named("gdpr@2016-04-27")


def test_value_of_a_law_overrides_that_of_its_model() -> None:
    united_kingdom, union = _newest("uk-gdpr"), _newest("gdpr")
    assert [said.element for said in united_kingdom.letter] == [said.element for said in union.letter]
    assert {notice.provision[:2] for notice in united_kingdom.notices} == {"UK"}
    california = _newest("us-ca")
    assert california.notice(NoticeRecipientKind.CONTROLLER) == breach_policies().named(
        "us-ca@2022-01-01"
    ).notice(NoticeRecipientKind.CONTROLLER)


SAID = ("letter", "report", "to_controller")


@pytest.mark.parametrize("policy", STATES)
def test_each_state_is_cited_for_its_own_letters_and_documents(policy: BreachPolicy) -> None:
    """Neither a model, which is no law, nor another State has anybody told anything in this one."""
    own = {notice.provision for notice in policy.notices} | {said.provision for said in policy.wants}
    said = [one for part in SAID for one in getattr(policy, part)]
    listed = [policy.listed.provision] if policy.listed else []
    if policy.law != "us-ca":
        assert {one.provision for one in said} <= own
    assert not [one for one in [*(s.provision for s in said), *listed] if "Common model" in one]


@pytest.mark.parametrize(
    ("law", "element", "provision", "read"),
    [
        ("us-wa", "occurred", "RCW 19.255.010(6)(b)(iii)", "unread"),
        ("us-wa", "discovered", "RCW 19.255.010(6)(b)(iii)", "unread"),
        ("us-ma", "freeze", "M.G.L. c. 93H § 3(b)", "unread"),
        ("us-ma", "police_report", "M.G.L. c. 93H § 3(b)", "unread"),
        ("us-tx", "occurred", "Tex. Bus. & Com. Code § 521.053(b)", "ours"),
        ("us-tx", "police_report", "Tex. Bus. & Com. Code § 521.053(b)", "ours"),
        ("us-tx", "nature", "Tex. Bus. & Com. Code § 521.053(b)", "secondary"),
        ("uk-gdpr", "consequences", "UK GDPR Art. 34(2), 33(3)(c)", "unread"),
        ("uk-gdpr", "rights", "UK GDPR Art. 12(2)", "ours"),
    ],
)
def test_each_element_cites_the_law_that_demands_it(
    law: str, element: str, provision: str, read: str
) -> None:
    [said] = [one for one in _newest(law).letter if one.element == element]
    assert (said.provision, said.read) == (provision, read)


def test_the_united_kingdom_is_cited_for_all_that_is_said_there() -> None:
    policy = _newest("uk-gdpr")
    said = [one.provision for part in SAID for one in getattr(policy, part)]
    assert policy.records
    assert {one.split(" Art")[0] for one in (*said, policy.records.provision)} == {"UK GDPR"}


COMPLAINTS = {
    "uk-gdpr": "https://ico.org.uk/make-a-complaint/",
    "ch-fadp": "https://www.edoeb.admin.ch",
}
REQUESTS = {policy.law: policy for policy in policies() if not policy.law.startswith("us-")}


@pytest.mark.parametrize("law", [law for law in REQUESTS if law in {one.law for one in breach_policies()}])
def test_people_are_sent_where_they_can_complain_and_not_where_companies_report(law: str) -> None:
    """The page that letters about requests name, which people have to find their way on."""
    authority, of_requests = _newest_ever(law).authority, REQUESTS[law].authority
    if authority is not None and of_requests is not None:
        assert authority.for_people == of_requests.url
    if law in COMPLAINTS:
        assert authority is not None
        assert authority.for_people == COMPLAINTS[law] != authority.url


def test_a_model_that_is_missing_or_goes_in_a_circle_is_an_error() -> None:
    one = BreachPolicy(law="a", edition=date(2026, 1, 1), name="A", model="b@2026-01-01")
    other = BreachPolicy(law="b", edition=date(2026, 1, 1), name="B", model="a@2026-01-01")
    for among in ([one], [one, other]):
        with pytest.raises(ConfigurationError, match="missing, or in a circle"):
            BreachPolicies(among)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(WHOLE.replace("72", "-1"), "notices.0.length", id="a wrong value"),
        pytest.param(WHOLE.replace("unit", "units"), "notices.0.units", id="an unknown name"),
        pytest.param(WHOLE.replace("provision: Art. 1, ", ""), "notices.0.provision", id="no provision"),
        pytest.param(WHOLE.replace(" unit: hour,", ""), "length and unit go together", id="no unit"),
        pytest.param(WHOLE.replace("law: utopia", "law: atlantis"), "holds atlantis@", id="misnamed"),
    ],
)
def test_a_file_that_is_no_policy_is_named_with_the_place(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "utopia@2026-01-01.yaml").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_breaches(tmp_path)
    assert str(caught.value).startswith("policies/breaches/utopia@2026-01-01.yaml: ")
    assert told in str(caught.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "utopia@2026-01-01.yaml").write_text(WHOLE)
    (policy,) = read_breaches(tmp_path)
    assert (policy.id, policy.notices[0].stage) == ("utopia@2026-01-01", NoticeStage.NOTICE)


def test_the_files_lie_where_the_package_finds_them() -> None:
    assert len(list(BREACHES.glob("*.yaml"))) > len(list(breach_policies()))


@pytest.mark.parametrize(
    ("said", "risk", "unintelligible"),
    [
        pytest.param({"high_risk": True}, Risk.HIGH, False, id="a high risk"),
        pytest.param({"high_risk": False}, Risk.RISK, False, id="a risk"),
        pytest.param(
            {"high_risk": False, "risk_unlikely": True, "rationale": "none"}, Risk.UNLIKELY, False, id="none"
        ),
        pytest.param({"high_risk": True, "encrypted": True}, Risk.HIGH, True, id="encrypted"),
        pytest.param(
            {"high_risk": True, "encrypted": True, "key_taken": True},
            Risk.HIGH,
            False,
            id="the key was taken",
        ),
    ],
)
def test_declaration_has_the_facts_that_laws_demand(
    said: dict[str, Any], risk: Risk, unintelligible: bool
) -> None:
    declared = BreachDeclared.model_validate(DECLARED | said)
    assert (declared.breach.risk, declared.breach.unintelligible) == (risk, unintelligible)
    assert [(one.id, one.hours) for one in declared.breach.controllers] == [("acme", 12), ("globex", 24)]
    assert declared.breach.aware_at == declared.aware_at


def test_a_declaration_names_each_customer_once() -> None:
    again = {"id": "acme", "name": "Acme", "email": "other@acme.example"}
    named = DECLARED["affected"]["controllers"]
    with pytest.raises(ValueError, match="an id of its own"):
        BreachDeclared.model_validate(
            DECLARED | {"high_risk": True, "affected": {"controllers": [*named, again]}}
        )


AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXTS = ("nature", "consequences", "measures", "advice", "contact")
DECLARED: dict[str, Any] = {
    "reference": "breach-1",
    **dict.fromkeys(TEXTS, "Something"),
    **dict.fromkeys(("occurred_from", "detected_at", "aware_at"), AT),
    "affected": {
        "controllers": [
            {"id": "acme", "name": "Acme", "email": "officer@acme.example", "hours": 12},
            {"id": "globex", "name": "Globex", "email": "officer@globex.example"},
        ]
    },
}


def _newest_ever(law: str) -> BreachPolicy:
    return [one for one in breach_policies() if one.law == law][-1]


def _newest(law: str) -> BreachPolicy:
    return next(one for one in breach_policies().of_that_day(date(2026, 6, 1)) if one.law == law)
