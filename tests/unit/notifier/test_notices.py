"""
Every notice of a breach says what the law wants, in its order, in both forms and every language.

What the laws want was written down here a second time, from the law and not from the policies. That the test
would notice is tried as well: it is run on policies that lack an element, or have two of them swapped.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from html import unescape

import pytest

from habeas.client.breach_specimens import CUSTOMER, DECLARED, HOUSE, INCIDENT, PERSON, WRITTEN_AT, notices
from habeas.client.letters import of_letter
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.writer import Notices
from services.notifier.letters import languages
from shared.contract.affected_people import NoticeBatch
from shared.contract.references import short_reference
from shared.law.breaches import BreachPolicy, NoticeElement
from shared.law.library import breach_policies

E = NoticeElement
WORDS = {
    E.NATURE: "An attacker entered our customer portal",
    E.OCCURRED: "It happened between",
    E.DISCOVERED: "We noticed it on",
    E.AWARE: "We have known about it since",
    E.WRITTEN_ON: "Date of this notice:",
    E.HELD_BY_POLICE: "No law enforcement investigation",
    E.DATA: "The following data of yours",
    E.CONSEQUENCES: "Criminals may write to you and pretend",
    E.MEASURES: "made all keys void",
    E.PROTECTION: "24 months, and it costs you nothing",
    E.ADVICE: "Do not follow links",
    E.CREDIT_BUREAUS: "1-888-397-3742",
    E.FREEZE: "freeze your credit",
    E.POLICE_REPORT: "a right to a copy of that report",
    E.AUTHORITIES: "Federal Trade Commission",
    E.BIOMETRIC_ADVICE: "such as your fingerprint",
    E.PASSWORD: "change your password",
    E.LATE_BECAUSE: "The affected systems had to be restored first",
    E.SENDER: "This notice comes from",
    E.CONTACT: "Hotline +49 30 5550100",
    E.OFFICER: "officer@example.com",
    E.RIGHTS: "You can ask us which data we hold",
    E.COMPLAINT: "You can also complain to",
}
"""What each element is known by in English."""
PLAIN = (E.NATURE, E.OCCURRED, E.DATA, E.CONSEQUENCES, E.MEASURES, E.ADVICE, E.CONTACT)
CALIFORNIA = (
    *(E.NATURE, E.OCCURRED, E.WRITTEN_ON, E.HELD_BY_POLICE),
    E.DATA,
    *(E.MEASURES, E.PROTECTION),
    *(E.ADVICE, E.CREDIT_BUREAUS, E.BIOMETRIC_ADVICE, E.PASSWORD),
    *(E.SENDER, E.CONTACT),
)
STATE = (
    *(E.NATURE, E.OCCURRED, E.DISCOVERED, E.DATA, E.MEASURES, E.PROTECTION),
    *(E.ADVICE, E.PASSWORD, E.CREDIT_BUREAUS, E.FREEZE, E.POLICE_REPORT, E.AUTHORITIES),
    *(E.HELD_BY_POLICE, E.WRITTEN_ON, E.SENDER, E.CONTACT),
)
"""What the laws of the States have in common, and the widest of each: no order is set."""
WANTED = {
    # GDPR Art. 34(2) with 33(3)(b)-(d): no order is set; this is the one that is easiest to follow
    "gdpr": (*PLAIN, E.OFFICER, E.RIGHTS, E.COMPLAINT),
    "uk-gdpr": (*PLAIN, E.OFFICER, E.RIGHTS, E.COMPLAINT),
    # FADP Art. 24(4) with DPO Art. 15(3)
    "ch-fadp": (*PLAIN, E.RIGHTS, E.COMPLAINT),
    # Cal. Civ. Code § 1798.82(d)(1)-(3): headings and their order are set
    "us-ca": CALIFORNIA,
    "us-tx": STATE,
    # Mass. Gen. Laws ch. 93H § 3(b): not the nature of the breach, and not the number of residents
    "us-ma": STATE[1:],
    # ANPD Resolution 15/2024 Art. 9
    "br-lgpd": (
        *(E.NATURE, E.OCCURRED, E.AWARE, E.DATA, E.CONSEQUENCES, E.MEASURES, E.ADVICE),
        *(E.LATE_BECAUSE, E.CONTACT, E.OFFICER, E.COMPLAINT),
    ),
    # PIPEDA Breach of Security Safeguards Regulations s. 3
    "ca-pipeda": (*PLAIN, E.COMPLAINT),
    # Quebec, Regulation respecting confidentiality incidents s. 5: what data comes first
    "ca-qc": (
        *(E.DATA, E.NATURE, E.OCCURRED, E.CONSEQUENCES, E.MEASURES, E.ADVICE),
        *(E.CONTACT, E.COMPLAINT),
    ),
    # DPDP Rules 2025 Rule 7(1)
    "in-dpdp": (*PLAIN, E.COMPLAINT),
    # PDPA s. 26D; Personal Data Protection (Notification of Data Breaches) Regulations 2021 reg. 6
    "sg-pdpa": (*PLAIN, E.COMPLAINT),
    # PIPL Art. 57
    "cn-pipl": (*PLAIN, E.COMPLAINT),
}
"""What a letter to people says, in order. Other States: as ``us-tx``."""
TO_CONTROLLERS = (
    (E.INCIDENT, short_reference(INCIDENT)),
    (E.NATURE, "An attacker entered our customer portal"),
    (E.OCCURRED, "It happened between"),
    (E.AWARE, "We have known about it since"),
    (E.SERVICES, "Object storage"),
    (E.DATA, "As far as we know"),
    (E.CONTENT_UNKNOWN, "We do not know what you store with us"),
    (E.CONSEQUENCES, "Criminals may write to you and pretend"),
    (E.CONTAINMENT, "made all keys void"),
    (E.ADVICE, "Do not follow links"),
    (E.CONTACT, "Hotline +49 30 5550100"),
    (E.NEXT_UPDATE, "We will tell you more by"),
)
"""What a controller needs for its own notice (GDPR Art. 33(2)-(3)), as far as its processor can know it."""
HEADINGS = (
    "What Happened",
    "What Information Was Involved",
    "What We Are Doing",
    "What You Can Do",
    "For More Information",
)


LAWS = sorted({policy.law for policy in breach_policies() if policy.letter})


def wanted_by(law: str) -> list[tuple[NoticeElement, str]]:
    return [(element, WORDS[element]) for element in WANTED.get(law, STATE)]


def newest(law: str) -> BreachPolicy:
    return [policy for policy in breach_policies() if policy.law == law][-1]


def written(laws: Sequence[str], language: str = "en", **more: bool | int) -> EmailMessage:
    writer = notices([newest(law).id for law in laws], language, **more)  # type: ignore[arg-type]
    person = CUSTOMER if writer.to == "controllers" else PERSON
    message = message_from_bytes(writer.of(person, message_id="<n@example.com>"), policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def forms(message: EmailMessage) -> dict[str, str]:
    """Return what is said in both forms, each on one line."""
    parts = [message.get_body((form,)) for form in ("plain", "html")]
    text, html = (part.get_content() for part in parts if part is not None)
    return {
        "text": _line(text),
        "html": _line(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL))),
    }


def _line(text: str) -> str:
    return " ".join(text.split())


@cache
def said(laws: tuple[str, ...], language: str = "en") -> dict[str, str]:
    return forms(written(laws, language))


def faults(form: str, wanted: Sequence[tuple[NoticeElement, str]]) -> list[str]:
    """Return what is missing in *form*, or stands before what it should follow."""
    places = [form.find(words) for _, words in wanted]
    missing = [
        f"{element} is missing" for (element, _), place in zip(wanted, places, strict=True) if place < 0
    ]
    swapped = [
        f"{after[0]} comes too early"
        for (after, there), here in zip(zip(wanted[1:], places[1:], strict=True), places, strict=False)
        if there < here
    ]
    return missing + swapped


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "html"])
@pytest.mark.parametrize("law", LAWS)
def test_notice_has_the_elements_of_its_law_in_the_order_of_the_law(law: str, form: str) -> None:
    assert faults(said((law,))[form], wanted_by(law)) == []


def mutants(policy: BreachPolicy) -> Iterator[tuple[str, BreachPolicy]]:
    """Yield *policy* with each element removed, and with each two neighbours swapped."""
    letter = policy.letter
    for place in range(len(letter)):
        without = letter[:place] + letter[place + 1 :]
        if letter[place].element in policy.never:
            continue
        yield f"without {letter[place].element}", policy.model_copy(update={"letter": without})
    for place in range(len(letter) - 1):
        if {letter[place].element, letter[place + 1].element} & set(policy.never):
            continue
        swapped = (*letter[:place], letter[place + 1], letter[place], *letter[place + 2 :])
        yield f"{letter[place].element} late", policy.model_copy(update={"letter": swapped})


@pytest.mark.slow
@pytest.mark.parametrize("law", WANTED)
def test_it_would_be_noticed_if_an_element_was_missing_or_in_the_wrong_place(law: str) -> None:
    policy = newest(law)
    batch = NoticeBatch(laws=(policy.id,), language="en", people=(PERSON,))
    draft = Notices.to_batch(DECLARED, Circumstances(INCIDENT, False, False, WRITTEN_AT), batch, HOUSE)
    for name, mutant in mutants(policy):
        body = replace(draft, policies=(mutant,)).body(PERSON, "")
        assert faults(_line(body.text), wanted_by(law)), name


def test_the_wanted_elements_are_those_of_the_policy() -> None:
    """Neither list may forget what the other has."""
    for law in LAWS:
        policy = newest(law)
        reported = {one.element for one in policy.letter} - set(policy.never)
        assert {element for element, _ in wanted_by(law)} == reported, law


@pytest.mark.parametrize("form", ["text", "html"])
def test_customer_letter_has_the_contents_for_its_own_notice(form: str) -> None:
    reported = forms(written(["gdpr"], to_controllers=True))[form]
    assert faults(reported, TO_CONTROLLERS) == []
    assert {element for element, _ in TO_CONTROLLERS} == {one.element for one in newest("gdpr").to_controller}


def test_missing_part_of_a_customer_letter_is_detected() -> None:
    policy = newest("gdpr")
    batch = NoticeBatch(to="controllers", laws=(policy.id,), language="en", people=(CUSTOMER,))
    draft = Notices.to_batch(DECLARED, Circumstances(INCIDENT, False, False, WRITTEN_AT), batch, HOUSE)
    for place, one in enumerate(policy.to_controller):
        without = policy.to_controller[:place] + policy.to_controller[place + 1 :]
        body = replace(draft, policies=(policy.model_copy(update={"to_controller": without}),)).body(
            CUSTOMER, ""
        )
        reported = _line(body.text).partition("Reference:")[0]
        assert faults(reported, TO_CONTROLLERS), one.element


def parts(*laws: str) -> list[str]:
    html = written(list(laws)).get_body(("html",)).get_content()  # type: ignore[union-attr]
    return re.findall(r'<p id="([a-z0-9-]+)"', html)


@pytest.mark.slow
def test_elements_of_another_law_stand_last_where_they_belong() -> None:
    """The order that California prescribes is never broken by what the GDPR wants besides."""
    assert [part for part in parts("us-ca", "gdpr") if part in parts("us-ca")] == parts("us-ca")
    found = parts("us-ca", "gdpr")
    assert found[found.index("data") : found.index("measures")] == ["data", "consequences"]
    assert found[found.index("sender") :] == [
        *("sender", "contact", "officer", "rights", "complaint", "reference")
    ]


def test_massachusetts_forbids_to_state_the_nature_of_a_breach() -> None:
    """Mass. Gen. Laws ch. 93H § 3(b): also where another law wants it."""
    assert "nature" not in parts("us-ma")
    assert not {"nature", "consequences"} & set(parts("us-ma", "gdpr"))
    for words in (WORDS[E.NATURE], WORDS[E.CONSEQUENCES]):
        assert not any(words in form for form in said(("us-ma", "gdpr")).values())


@pytest.mark.slow
@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_california_prescribes_title_and_headings_word_for_word(language: str) -> None:
    """Cal. Civ. Code § 1798.82(d)(1)(A): also in a notice in another language, with the meaning beside."""
    message = written(["us-ca", "gdpr"], language)
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    found = [unescape(one) for one in re.findall(r"<h2>(.*?)</h2>", html)]
    assert [one.partition(" (")[0] for one in found] == list(HEADINGS)
    assert all(("(" in one) == (language != "en") for one in found)
    assert message["Subject"].startswith("Notice of Data Breach")
    assert re.findall(r"<h1>(.*?)</h1>", html)[0].startswith("Notice of Data Breach")


def test_california_wants_ten_points_or_more() -> None:
    """Cal. Civ. Code § 1798.82(d)(1)(C): 10 points are 13.3 pixels."""
    html = written(["us-ca"]).get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert min(map(float, re.findall(r"(?:font-size:|font:)(\d+)px", html))) >= 13.4


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_no_heading_stands_there_twice(law: str) -> None:
    html = written([law, "gdpr"]).get_body(("html",)).get_content()  # type: ignore[union-attr]
    found = re.findall(r"<h2>(.*?)</h2>", html)
    assert len(found) == len(set(found)), found


@pytest.mark.slow
@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("law", WANTED)
def test_a_notice_has_the_same_parts_in_every_language(law: str, language: str) -> None:
    def ids(of: str) -> list[str]:
        html = written([law], of).get_body(("html",)).get_content()  # type: ignore[union-attr]
        return re.findall(r'<(?:p|section|table) id="([a-z0-9-]+)"', html)

    assert ids(language) == ids("en")
    assert len(ids("en")) == len(set(ids("en")))
    assert not re.search(r"\x00|%\(|\{\{|None|Undefined", said((law,), language)["html"])


def test_each_part_cites_its_provision() -> None:
    html = written(["us-ca", "gdpr"]).get_body(("html",)).get_content()  # type: ignore[union-attr]
    cited = dict(re.findall(r'id="([a-z-]+)" data-law="([^"]+)"', html))
    assert cited["held-by-police"] == "Cal. Civ. Code § 1798.82(d)(2)(D)"
    assert "GDPR Art. 34(2)" in cited["nature"]
    assert "1798.82(d)(2)(E)" in cited["nature"]


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("to_controllers", [False, True])
def test_no_part_goes_without_its_provision(law: str, to_controllers: bool) -> None:
    policy = newest(law)
    html = written([law], to_controllers=to_controllers).get_body(("html",)).get_content()  # type: ignore[union-attr]
    reported = policy.to_controller if to_controllers else policy.letter
    wanted = {
        one.element.replace("_", "-") for one in reported if to_controllers or one.element not in policy.never
    }
    assert set(re.findall(r'<p id="([a-z-]+)" data-law="[^"]+"', html)) == wanted


@pytest.mark.parametrize("law", WANTED)
def test_a_notice_is_plain_english(law: str) -> None:
    """GDPR Art. 34(2), Cal. Civ. Code § 1798.82(d)(1): clear and plain language."""
    score = of_letter(written([law]).get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert score.grade <= 7, str(score)
    assert score.ease >= 65, str(score)


@pytest.mark.parametrize(
    ("law", "page", "portal"),
    [
        ("uk-gdpr", "https://ico.org.uk/make-a-complaint/", "report-a-breach"),
        ("ch-fadp", "https://www.edoeb.admin.ch", "databreach"),
    ],
)
def test_letter_links_no_portal_for_companies(law: str, page: str, portal: str) -> None:
    for form in forms(written([law])).values():
        assert page in form
        assert portal not in form


def test_a_notice_names_the_business_and_not_its_mailbox_alone() -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(A)."""
    sender = replace(HOUSE.sender, name="Example Privacy", company="Example Networks GmbH")
    writer = replace(notices(["us-ca@2026-01-01"], "en"), house=replace(HOUSE, sender=sender))
    message = message_from_bytes(writer.of(PERSON, message_id="<n@example.com>"), policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert message["From"].addresses[0].display_name == "Example Privacy"
    for said in forms(message).values():
        assert said.count("This notice comes from: Example Networks GmbH Beispielweg 1") == 1
        assert said.count("Example Networks GmbH") == 2, "at the foot as well"
