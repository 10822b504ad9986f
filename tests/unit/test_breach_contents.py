"""
What each law has told to whom, written down a second time: whoever cuts a line of a policy is found out.

These lists come from the texts, not from ``policies/breaches``. A change of either is a change of the law.
"""

from typing import NamedTuple

import pytest

from shared.law.breaches import BreachPolicy, NoticeElement, NoticeRecipientKind, NoticeStage, Risk, Trigger
from shared.law.library import breach_policies

E, R, S = NoticeElement, NoticeRecipientKind, NoticeStage
NEWEST = {policy.law: policy for policy in breach_policies()}
ELSEWHERE = [law for law in NEWEST if not law.startswith("us-")]
STATES = [law for law in NEWEST if law.startswith("us-")]
OWN_WORDS = "us-ca"
"""The one State that says itself what is told; the others share the model's words."""

# --- what an authority is told ------------------------------------------------------------------------

ARTICLE_33 = {
    *(E.NATURE, E.DATA, E.PEOPLE_COUNT, E.RECORDS_COUNT),  # (3)(a)
    *(E.CONTACT, E.OFFICER),  # (3)(b)
    E.CONSEQUENCES,  # (3)(c)
    E.MEASURES,  # (3)(d)
    E.LATE_BECAUSE,  # (1)
    E.PHASE,  # (4)
    *(
        E.INCIDENT,
        E.OCCURRED,
        E.DISCOVERED,
        E.AWARE,
        E.CROSS_BORDER,
        E.PEOPLE_NOTIFIED,
    ),  # besides
}
STATE_REPORT = {
    *(E.SENDER, E.NATURE, E.OCCURRED, E.DISCOVERED, E.PEOPLE_COUNT, E.DATA, E.MEASURES, E.PEOPLE_NOTIFIED),
    *(E.SAMPLE, E.HELD_BY_POLICE, E.CONTACT),
}
"""All that any Attorney General wants, but California's."""
REPORTS = {
    "gdpr": ARTICLE_33,
    "uk-gdpr": ARTICLE_33,
    # FADP Art. 24(2); DPO Art. 15(1)-(2), (4)
    "ch-fadp": {
        *(E.NATURE, E.OCCURRED, E.DATA, E.RECORDS_COUNT, E.PEOPLE_COUNT, E.CONSEQUENCES, E.MEASURES),
        *(E.CONTACT, E.PHASE, E.INCIDENT, E.PEOPLE_NOTIFIED),
    },
    # NIS2 Art. 23(4)
    "nis2": {
        *(E.NATURE, E.CONSEQUENCES, E.CROSS_BORDER, E.MEASURES, E.PHASE),
        *(E.INCIDENT, E.OCCURRED, E.AWARE, E.CONTACT),
    },
    # ANPD Res. 15/2024 Art. 6 § 2, § 3
    "br-lgpd": {
        *(E.NATURE, E.DATA, E.PEOPLE_COUNT, E.MEASURES, E.CONSEQUENCES, E.LATE_BECAUSE, E.OCCURRED, E.AWARE),
        *(E.OFFICER, E.SENDER, E.PHASE, E.PEOPLE_NOTIFIED, E.CONTACT),
    },
    # Breach of Security Safeguards Regulations s. 2(1)(a)-(g)
    "ca-pipeda": {
        *(E.NATURE, E.OCCURRED, E.DATA, E.PEOPLE_COUNT, E.MEASURES, E.PEOPLE_NOTIFIED, E.CONTACT),
    },
    # Regulation respecting confidentiality incidents s. 3
    "ca-qc": {
        *(E.SENDER, E.CONTACT, E.DATA, E.NATURE, E.OCCURRED, E.AWARE, E.PEOPLE_COUNT, E.CONSEQUENCES),
        *(E.PEOPLE_NOTIFIED, E.MEASURES, E.CROSS_BORDER),
    },
    # DPDP Rules 2025 Rule 7(2)
    "in-dpdp": {
        *(E.NATURE, E.PEOPLE_COUNT, E.OCCURRED, E.DATA, E.CONSEQUENCES, E.MEASURES, E.PEOPLE_NOTIFIED),
        *(E.PHASE, E.CONTACT),
    },
    # PDP (Notification of Data Breaches) Regulations 2021 reg. 5
    "sg-pdpa": {
        *(
            E.AWARE,
            E.NATURE,
            E.OCCURRED,
            E.PEOPLE_COUNT,
            E.DATA,
            E.CONSEQUENCES,
            E.MEASURES,
            E.PEOPLE_NOTIFIED,
        ),
        *(E.LATE_BECAUSE, E.CONTACT),
    },
    # PIPL Art. 57(1)-(3): of measures, also those that people can take
    "cn-pipl": {E.DATA, E.NATURE, E.CONSEQUENCES, E.MEASURES, E.ADVICE, E.CONTACT},
    "contract": set(),
    # Cal. Civ. Code § 1798.82(f), and what the Attorney General's page asks for
    "us-ca": {
        *(E.SAMPLE, E.SENDER, E.OCCURRED, E.DISCOVERED, E.PEOPLE_NOTIFIED, E.PEOPLE_COUNT, E.DATA),
        E.HELD_BY_POLICE,
    },
    **dict.fromkeys((law for law in STATES if law != OWN_WORDS), STATE_REPORT),
}

# --- what a customer is told --------------------------------------------------------------------------

FROM_A_PROCESSOR = {
    *(E.INCIDENT, E.NATURE, E.OCCURRED, E.AWARE, E.SERVICES, E.DATA, E.CONTENT_UNKNOWN, E.CONTAINMENT),
    *(E.CONTACT, E.NEXT_UPDATE),
}
FOR_ITS_OWN_NOTICE = FROM_A_PROCESSOR | {E.CONSEQUENCES, E.ADVICE}
"""What the customer has to tell in its turn: GDPR Art. 33(3)(c), (d)."""
TO_CONTROLLERS = {
    **dict.fromkeys(NEWEST, FROM_A_PROCESSOR),
    **dict.fromkeys(("gdpr", "uk-gdpr", "ch-fadp"), FOR_ITS_OWN_NOTICE),
    "nis2": set(),
}

# --- what people are told -----------------------------------------------------------------------------

PLAIN = {E.NATURE, E.OCCURRED, E.DATA, E.CONSEQUENCES, E.MEASURES, E.ADVICE, E.CONTACT, E.COMPLAINT}
STATE_LETTER = {
    *(E.NATURE, E.OCCURRED, E.DISCOVERED, E.DATA, E.MEASURES, E.PROTECTION, E.ADVICE, E.PASSWORD),
    *(E.CREDIT_BUREAUS, E.FREEZE, E.POLICE_REPORT, E.AUTHORITIES, E.HELD_BY_POLICE, E.WRITTEN_ON),
    *(E.SENDER, E.CONTACT),
}
LETTERS = {
    "gdpr": {*PLAIN, E.OFFICER, E.RIGHTS},  # Art. 34(2), 33(3)(b)-(d)
    "uk-gdpr": {*PLAIN, E.OFFICER, E.RIGHTS},
    "ch-fadp": {*PLAIN, E.RIGHTS},  # DPO Art. 15(3)
    "br-lgpd": {*PLAIN, E.AWARE, E.LATE_BECAUSE, E.OFFICER},  # ANPD Res. 15/2024 Art. 9 § 1
    # Regulations 2018 s. 3; CQLR s. 5; DPDP Rule 7(1); reg. 6; PIPL Art. 57
    **dict.fromkeys(("ca-pipeda", "ca-qc", "in-dpdp", "sg-pdpa", "cn-pipl"), PLAIN),
    "nis2": set(),
    "contract": set(),
    # Cal. Civ. Code § 1798.82(d)
    "us-ca": {
        *(E.NATURE, E.OCCURRED, E.WRITTEN_ON, E.HELD_BY_POLICE, E.DATA, E.MEASURES, E.PROTECTION, E.ADVICE),
        *(E.CREDIT_BUREAUS, E.BIOMETRIC_ADVICE, E.PASSWORD, E.SENDER, E.CONTACT),
    },
    **dict.fromkeys((law for law in STATES if law != OWN_WORDS), STATE_LETTER),
}
NEVER = {"us-ma": {E.NATURE, E.PEOPLE_COUNT}, "us-il": {E.PEOPLE_COUNT}}
"""M.G.L. c. 93H § 3(b); 815 ILCS 530/10(a)."""


def elements(policy: BreachPolicy, part: str) -> list[NoticeElement]:
    return [said.element for said in getattr(policy, part)]


@pytest.mark.parametrize("policy", [*breach_policies()], ids=lambda policy: policy.id)
@pytest.mark.parametrize(
    ("part", "wanted"),
    [("report", REPORTS), ("to_controller", TO_CONTROLLERS), ("letter", LETTERS)],
)
def test_each_law_has_its_demanded_elements_once(
    policy: BreachPolicy, part: str, wanted: dict[str, set[NoticeElement]]
) -> None:
    told = elements(policy, part)
    assert set(told) == wanted[policy.law]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("policy", [*breach_policies()], ids=lambda policy: policy.id)
def test_forbidden_contents_of_a_letter_are_those_of_the_law(policy: BreachPolicy) -> None:
    assert set(policy.never) == NEVER.get(policy.law, set())


# --- from which risk on, of how many, and of what nobody can read -------------------------------------


class Row(NamedTuple):
    """When somebody is told."""

    to: NoticeRecipientKind
    risk: Risk = Risk.UNLIKELY
    stage: NoticeStage = NoticeStage.NOTICE
    harbour: str | None = None
    from_people: int = 1
    or_people: int | None = None
    trigger: Trigger = Trigger.ACCESS
    significant: bool = False
    unreached: bool = False
    each_state: bool = False


CUSTOMER = Row(R.CONTROLLER)
NIS2 = Row(R.CSIRT, significant=True, each_state=True)
CONDITIONS = {
    "contract": {CUSTOMER},
    "gdpr": {
        Row(R.AUTHORITY, Risk.RISK, each_state=True),
        Row(R.PEOPLE, Risk.HIGH, harbour="GDPR Art. 34(3)(a)"),
        CUSTOMER,
    },
    "uk-gdpr": {
        Row(R.AUTHORITY, Risk.RISK),
        Row(R.PEOPLE, Risk.HIGH, harbour="UK GDPR Art. 34(3)(a)"),
        CUSTOMER,
    },
    "ch-fadp": {Row(R.AUTHORITY, Risk.HIGH), Row(R.PEOPLE, Risk.HIGH), CUSTOMER},
    "nis2": {
        NIS2._replace(stage=S.EARLY_WARNING),
        NIS2._replace(stage=S.NOTIFICATION),
        NIS2._replace(stage=S.PROGRESS_REPORT),
        NIS2._replace(stage=S.FINAL_REPORT),
        Row(R.SERVICE_RECIPIENTS, significant=True),
    },
    "br-lgpd": {
        Row(R.AUTHORITY, Risk.RISK),
        Row(R.AUTHORITY, Risk.RISK, S.SUPPLEMENT),
        Row(R.PEOPLE, Risk.RISK),
        Row(R.PUBLIC, Risk.RISK, unreached=True),
        CUSTOMER,
    },
    "ca-pipeda": {Row(R.AUTHORITY, Risk.RISK), Row(R.PEOPLE, Risk.RISK), CUSTOMER},
    "ca-qc": {Row(R.AUTHORITY, Risk.RISK), Row(R.PEOPLE, Risk.RISK), CUSTOMER},
    # Every breach, no threshold
    "in-dpdp": {Row(R.AUTHORITY), Row(R.AUTHORITY, stage=S.DETAILED_REPORT), Row(R.PEOPLE), CUSTOMER},
    "sg-pdpa": {
        Row(R.AUTHORITY, Risk.RISK, or_people=500),
        Row(R.PEOPLE, Risk.RISK, harbour="PDPA s. 26D(5)"),
        CUSTOMER,
    },
    # The authority of whatever happened; people unless harm is avoided
    "cn-pipl": {Row(R.AUTHORITY), Row(R.PEOPLE, Risk.RISK), CUSTOMER},
}


def conditions(policy: BreachPolicy) -> list[Row]:
    return [
        Row(
            one.to,
            one.risk,
            one.stage,
            one.safe_harbour,
            one.from_people,
            one.or_people,
            one.trigger,
            one.significant,
            one.unreached,
            one.each_state,
        )
        for one in policy.notices
    ]


@pytest.mark.parametrize("law", ELSEWHERE)
def test_each_law_says_from_which_risk_on_and_of_how_many_and_whether_legible(law: str) -> None:
    found = conditions(NEWEST[law])
    assert set(found) == CONDITIONS[law]
    assert len(found) == len(CONDITIONS[law])


OFFICERS = {
    **dict.fromkeys(("ct", "in", "la", "ma", "md", "me", "mt", "nc", "ne", "nh", "nj", "ny", "va", "vt"), 1),
    **dict.fromkeys(("al", "ar", "az", "hi", "mo", "nm", "sc"), 1001),
    **dict.fromkeys(("ca", "de", "ia", "il", "pa", "ri", "wa"), 501),
    **dict.fromkeys(("co", "fl", "ok", "ut"), 500),
    **dict.fromkeys(("nd", "or", "sd"), 251),
    "tx": 250,
    "dc": 50,
}
"""From how many residents on the Attorney General is told, or whoever is told in that place."""
AGENCIES = {
    **dict.fromkeys(("ak", "al", "az", "co", "dc", "fl", "hi", "in", "ks", "ky", "me", "mi", "mo"), 1001),
    **dict.fromkeys(("nc", "nh", "nj", "nm", "nv", "oh", "or", "sc", "tn", "va", "vt", "wv"), 1001),
    **dict.fromkeys(("md", "ut", "wi"), 1000),
    **dict.fromkeys(("mn", "pa", "ri"), 501),
    **dict.fromkeys(("ga", "tx"), 10_001),
    "ma": 1,
    "sd": 1,
    "ny": 5001,
}
"""From how many residents on agencies that report on credit are told."""
WITHOUT_HARM = {"ca", "ga", "il", "ma", "mn", "nd", "nv", "ny", "tn", "tx"}
"""States that do not ask whether anybody is likely to be harmed."""
BY_ACCESS = {"ct", "fl", "nj", "ny", "ri"}
"""States in which it is enough that somebody could have got the data."""


@pytest.mark.parametrize("law", STATES)
def test_each_state_notifies_officer_and_agencies_from_a_number_on(law: str) -> None:
    for to, wanted in ((R.ATTORNEY_GENERAL, OFFICERS), (R.CONSUMER_AGENCIES, AGENCIES)):
        found = NEWEST[law].notice(to)
        assert (found.from_people if found else None) == wanted.get(law[3:])


@pytest.mark.parametrize("law", STATES)
def test_each_state_says_whether_harm_matters_and_whether_access_is_enough(law: str) -> None:
    told = [one for one in NEWEST[law].notices if one.to is not R.CONTROLLER]
    assert {one.risk for one in told} == {Risk.UNLIKELY if law[3:] in WITHOUT_HARM else Risk.RISK}
    assert {one.trigger for one in NEWEST[law].notices} == {
        Trigger.ACCESS if law[3:] in BY_ACCESS else Trigger.ACQUISITION
    }
