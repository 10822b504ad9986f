"""Every letter says what the law demands, in both forms and every language."""

import re
from dataclasses import dataclass, replace
from html import unescape

import pytest

from services.notifier import wording
from services.notifier.facts import (
    Acknowledgement,
    ErasureOutcome,
    Facts,
    IdentityCheck,
    ProofWanted,
    Reminder,
    Setback,
)
from services.notifier.letters import render
from services.notifier.reasons import GROUNDS, ReasonCode
from shared.events import Evidence, Outcome
from shared.law import Regulation, Right
from tests.unit.notifier.examples import (
    AUTHORITY,
    DUE,
    LETTERS,
    PACKAGE,
    RECEIVED,
    SENDER,
    WANTED,
    letter,
    refusal,
)

GDPR, UK, CCPA = Regulation.GDPR, Regulation.UK_GDPR, Regulation.CCPA
EVERYWHERE, EUROPE = (GDPR, UK, CCPA), (GDPR, UK)

CORRECTIONS = ("correction", "correction in part")
RESTRICTIONS = ("restriction", "restriction in part")
DONE = (*CORRECTIONS, *RESTRICTIONS, "objection", "withdrawal of consent", "opt-out", "limit")
TOLD = (*CORRECTIONS, *RESTRICTIONS, "opt-out", "limit")
IN_PART = ("correction in part", "restriction in part")
UNCORRECTED = ("correction in part", "refusal of a correction")
ANSWERS = (
    *DONE,
    "restriction, nothing held",
    "lifting",
    *(kind for kind in LETTERS if kind.startswith(("access", "categories", "erasure", "refusal"))),
)
ACCESS = ("access granted", "access partly granted", "categories", "erasure with a copy")
ERASURES = ("erasure granted", "erasure with a copy", "erasure partly granted")
NOTHING = ("access, nothing held", "erasure, nothing held", "restriction, nothing held")
PACKAGE_CODE = ("code for the package",)
PERMITS = ("code to permit", "code to permit a parent", "code to permit somebody")
OWN_CODES = ("code", "code, and more")
OWN_OR_PACKAGE = (*OWN_CODES, *PACKAGE_CODE)
CODES = (*OWN_OR_PACKAGE, *PERMITS)
ASKING = ("proof wanted", "reminder")
ASKED = (*ASKING, "another proof wanted", "proof wanted of who is asked for")
NAMING = tuple(kind for kind in LETTERS if kind not in CODES)
RECEIPT = ("acknowledgement",)
NOT_YOURS = (*RECEIPT, "withdrawn", "reminder")
KEEPING = ("erasure partly granted",)
REFUSALS = ("refusal", "refusal of an erasure", "refusal of a correction")


@dataclass(frozen=True)
class Element:
    """What a letter must say, where the law demands it, and the English words it is known by."""

    citation: str
    letters: tuple[str, ...]
    laws: tuple[Regulation, ...]
    words: str


UNSENT = ("portability, not taken", "portability, no address")

# fmt: off
ELEMENTS = (
    Element("GDPR Art. 13(1)(a)-(b): who the controller is", tuple(LETTERS), EVERYWHERE, "Beispielweg 1"),
    Element("GDPR Art. 12(2): how to reach it", tuple(LETTERS), EVERYWHERE, "dataprotection@example.com"),
    Element("GDPR Art. 13(1)(b): the officer", tuple(LETTERS), EVERYWHERE, "officer@example.com"),
    Element("11 CCR 7101(b): which request", tuple(LETTERS), EVERYWHERE, "5f0c" * 8),

    Element("11 CCR 7021(a): receipt is confirmed", RECEIPT, EVERYWHERE, "2 March 2026"),
    Element("11 CCR 7021(a): how it is processed", RECEIPT, EVERYWHERE, "We collect your data"),
    Element("11 CCR 7021(a): how it is verified", RECEIPT, EVERYWHERE, "six-digit code"),
    Element("GDPR Art. 12(3), 11 CCR 7021(a): due", RECEIPT, EVERYWHERE, "2 April 2026"),
    Element("GDPR Art. 12(3), 11 CCR 7021(b): extension", RECEIPT, EVERYWHERE, "If it takes us longer"),
    Element("11 CCR 7026(d): no proof", ("acknowledgement of an opt-out",), EVERYWHERE, "We need no proof"),

    Element("GDPR Art. 12(2): told at once", RECEIPT, EVERYWHERE, "We received your request and"),
    Element("GDPR Art. 32: not your request?", NOT_YOURS, EVERYWHERE, "Then please tell us:"),
    Element("11 CCR 7101(b): what was asked", NAMING, EVERYWHERE, "You asked for"),

    Element("GDPR Art. 12(6): the code", CODES, EVERYWHERE, "402815"),
    Element("GDPR Art. 32: how long it works", CODES, EVERYWHERE, "It works until 5 March 2026, 14:30 CET."),
    Element("GDPR Art. 32: not to be shared", CODES, EVERYWHERE, "Nobody from Example Networks GmbH"),
    Element("GDPR Art. 32: not expected", OWN_OR_PACKAGE, EVERYWHERE, "You did not expect a"),
    Element("GDPR Art. 12(2): what it is for", OWN_CODES, EVERYWHERE, "that the request is yours"),
    Element("GDPR Art. 12(2): where it goes", (*OWN_CODES, *PERMITS), EVERYWHERE, "https://privacy.example.com/r/"),
    Element("GDPR Art. 12(2): what it opens", PACKAGE_CODE, EVERYWHERE, "you open your data package"),
    Element("GDPR Art. 12(2): the page that asked", PACKAGE_CODE, EVERYWHERE, "the page that asked you"),

    Element("GDPR Art. 12(6): it is not all", ("code, and more",), EVERYWHERE, "The code alone is not"),
    Element("11 CCR 7063(a): who asks", ("code to permit",), EVERYWHERE, "Helfer e. V. asks us in your"),
    Element("11 CCR 7063(a): also by mail",
            ("proof wanted of who is asked for",), EVERYWHERE, "Helfer e. V. asks us in your"),
    Element("11 CCR 7063(a): what for", ("code to permit",), EVERYWHERE, "Erasure of your personal data"),
    Element("11 CCR 7063(a): confirmed directly", PERMITS, EVERYWHERE, "you confirm the permission"),
    Element("GDPR Art. 12(2): not permitted", PERMITS, EVERYWHERE, "Then do not enter the code, and"),
    Element("11 CCR 7070: a parent", ("code to permit a parent",), EVERYWHERE, "your parent or guardian"),
    Element("GDPR Art. 32: no name", ("code to permit somebody",), EVERYWHERE, "Somebody asks us in"),

    Element("GDPR Art. 12(6): what is asked for", ASKING, EVERYWHERE, "a sign-in to your account"),
    Element("GDPR Art. 5(1)(c): the least first", ASKING, EVERYWHERE, "The first asks the least of you"),
    Element("GDPR Art. 12(6): together", ASKING, EVERYWHERE, "driving licence, and a recent bill"),
    Element("GDPR Art. 32: where it goes", ASKED, EVERYWHERE, "https://privacy.example.com/r/5f0c"),
    Element("GDPR Art. 12(2): by when", ASKED, EVERYWHERE, "Please answer by 2 April 2026, 15:30 CEST"),
    Element("GDPR Art. 12(6): why identity is asked for",
            ("proof wanted", "another proof wanted"), EVERYWHERE, "we need to be sure"),
    Element("GDPR Art. 12(2): nothing has come", ("reminder",), EVERYWHERE, "Nothing has come yet"),
    Element("GDPR Art. 12(6): the provision", ASKED, (GDPR,), "GDPR Art. 12(6)"),
    Element("UK GDPR Art. 12(6): the provision", ASKED, (UK,), "UK GDPR Art. 12(6)"),
    Element("11 CCR 7060-7062: the provision", ASKED, (CCPA,), "11 CCR 7060-7062"),
    Element("GDPR Art. 5(1)(c): what to cover", ASKING, EVERYWHERE, "Cover the rest: the photo"),
    Element("GDPR Art. 5(1)(c): what is read", ASKING, EVERYWHERE, "the machine-readable lines"),
    Element("GDPR Art. 5(1)(c): on bills", ASKING, EVERYWHERE, "Cover the rest: amounts"),
    Element("11 CCR 7062(b)-(c): details", ASKED, EVERYWHERE, "give only what you are sure of"),
    Element("11 CCR 7062(c): the declaration is kept", ASKING, EVERYWHERE, "of perjury, and we keep it"),
    Element("11 CCR 7060(d): proofs are deleted", (*ASKED, "in review"), EVERYWHERE, "delete it as soon as"),
    Element("GDPR Art. 12(2): another way", ASKED, EVERYWHERE, "we look for another way"),
    Element("EDPB 01/2022: the clock stands", ASKED, EUROPE, "stands still"),
    Element("11 CCR 7024(a): categories at least", ASKING, (CCPA,), "which kinds of data we hold"),
    Element("GDPR Art. 12(1): what can be done", ("another proof wanted",), EVERYWHERE, "could not read the"),
    Element("GDPR Art. 22: by people", ("in review",), EVERYWHERE, "somebody of our privacy staff"),
    Element("GDPR Art. 5(1)(f): seen by few", ("in review",), EVERYWHERE, "each look is recorded"),
    Element("GDPR Art. 12(2): nothing to do", ("in review",), EVERYWHERE, "You need to do nothing"),

    Element("GDPR Art. 12(3): how to get the copy", ACCESS, EVERYWHERE, PACKAGE.url),
    Element("GDPR Art. 32, 11 CCR 7024(f): secured", ACCESS, EVERYWHERE, "fresh code"),
    Element("GDPR Art. 5(1)(e): until when", ACCESS, EVERYWHERE, "19 March 2026, 12:00 CET"),
    Element("GDPR Art. 15(1)(a)-(h), 11 CCR 7024(k)", ACCESS, EVERYWHERE, "says why we hold it"),
    Element("GDPR Art. 15(1)(e): the other rights", ("categories",), EUROPE, "restrict what we do with it"),
    Element("Cal. Civ. Code 1798.106, .120", ("categories",), (CCPA,), "stop selling or sharing"),
    Element("11 CCR 7024(d): what is held and not sent", ("access partly granted",), EVERYWHERE, "Password"),
    Element("11 CCR 7024(d): why", ("access partly granted",), (CCPA,), "11 CCR 7024(d)"),
    Element("GDPR Art. 15(1): confirmed", ("access granted",), EVERYWHERE, "put it into a package for you"),
    Element("GDPR Art. 12(4): said at once", ("access partly granted",), EVERYWHERE, "below we say what"),
    Element("GDPR Art. 15(1)(b): what is in it", ACCESS, EVERYWHERE, "Invoices"),
    Element("GDPR Art. 15(1): no data", NOTHING, EVERYWHERE, "we found no data about you"),
    Element("GDPR Art. 5(2): where it was looked for", NOTHING, EVERYWHERE, "Customer portal"),
    Element("GDPR Art. 11(2): more details", NOTHING, EVERYWHERE, "we look again"),

    Element("GDPR Art. 12(3): what was done, when", ERASURES, EVERYWHERE, "4 March 2026"),
    Element("11 CCR 7022(b)(1): erased", ERASURES, EVERYWHERE, "Accounts"),
    Element("11 CCR 7022(b)(1): deidentified", ERASURES, EVERYWHERE, "Server logs"),
    Element("GDPR Art. 19, 11 CCR 7022(b)(2)-(3)", ERASURES, EVERYWHERE, "Billing Partner Ltd"),
    Element("GDPR recital 26: what masking is", ERASURES, EVERYWHERE, "These records stay, but"),
    Element("GDPR Art. 5(2): proof", ERASURES, EVERYWHERE, "Certificate C-17"),
    Element("GDPR Art. 19: told what", ERASURES, EVERYWHERE, "are telling these recipients to erase it too"),
    Element("GDPR Art. 19: whom nobody tells yet", KEEPING, EVERYWHERE, "Our staff still has"),
    Element("GDPR Art. 13(2)(a): one by one", KEEPING, EVERYWHERE, "from 31 December 2027 to"),
    Element("11 CCR 7022(d): backups", ERASURES, EVERYWHERE, "Backups may hold your data"),
    Element("11 CCR 7022(f)(1): kept, the basis", KEEPING, EVERYWHERE, "A law obliges us"),
    Element("11 CCR 7022(f)(1): the provision", KEEPING, EVERYWHERE, "§ 147 AO"),
    Element("GDPR Art. 13(2)(a): kept until", KEEPING, EVERYWHERE, "31 December 2034"),
    Element("GDPR Art. 13(2)(a): or the criterion", KEEPING, EVERYWHERE, "As long as"),
    Element("GDPR Art. 17(3)(e): hold", KEEPING, (GDPR,), "GDPR Art. 17(3)(e)"),
    Element("11 CCR 7022(f)(3): no other use", KEEPING, EVERYWHERE, "for that reason alone"),
    Element("11 CCR 7022(e): a record is kept", ANSWERS, (CCPA,), "for at least 24 months"),
    Element("11 CCR 7101: also of what was withdrawn", ("withdrawn",), (CCPA,), "for at least 24 months"),
    Element("GDPR Art. 5(2): a record is kept", ANSWERS, EUROPE, "so that we can prove it"),
    Element("11 CCR 7022(g): opt-out is offered",
            ("erasure partly granted", "refusal of an erasure"), (CCPA,), "https://www.example.com/opt-out"),

    Element("GDPR Art. 12(3): done, when", DONE, EVERYWHERE, "4 March 2026"),
    Element("GDPR Art. 16, 11 CCR 7023: corrected", CORRECTIONS, EVERYWHERE, "We corrected your data."),
    Element("GDPR Art. 16: what was wrong", CORRECTIONS, EVERYWHERE, "Bremen"),
    Element("GDPR Art. 16: what stands there now", CORRECTIONS, EVERYWHERE, "Berlin"),
    Element("GDPR Art. 12(4): not all of it", IN_PART, EVERYWHERE, "We could not do it for all of your data"),
    Element("GDPR Art. 12(4), 11 CCR 7023(f): why not", UNCORRECTED, EVERYWHERE, "cannot change it"),
    Element("GDPR Art. 16: the provision", UNCORRECTED, (GDPR,), "GDPR Art. 16"),
    Element("11 CCR 7023(f): the provision", UNCORRECTED, (CCPA,), "11 CCR 7023(b)"),
    Element("GDPR Art. 16: your statement", ("correction in part",), EVERYWHERE, "keep your statement with"),
    Element("GDPR Art. 16: a statement", ("refusal of a correction",), EVERYWHERE, "send us a short"),
    Element("GDPR Art. 18(2): only stored", RESTRICTIONS, EVERYWHERE, "from now on we only store it"),
    Element("GDPR Art. 18(2): what is marked", RESTRICTIONS, EVERYWHERE, "Accounts"),
    Element("GDPR Art. 12(4): what is not", ("restriction in part",), EVERYWHERE, "Server logs"),
    Element("GDPR Art. 18(3): told before it ends",
            (*RESTRICTIONS, "weighing"), EVERYWHERE, "again, we tell you"),
    Element("GDPR Art. 18(1)(d): until it is weighed", ("weighing",), EVERYWHERE, "we only store it"),
    Element("GDPR Art. 21(3): marketing stops", ("weighing",), EVERYWHERE, "your data for direct marketing"),
    Element("GDPR Art. 18(3): told", ("lifting",), EVERYWHERE, "We will now use it again"),
    Element("GDPR Art. 12(4): told why", ("lifting",), EVERYWHERE, "We checked your data, and it is correct"),
    Element("GDPR Art. 21(1), (3): stopped", ("objection",), EVERYWHERE, "that you objected to."),
    Element("GDPR Art. 7(3): stopped", ("withdrawal of consent",), EVERYWHERE, "rests on your consent."),
    Element("GDPR Art. 7(3): until then lawful", ("withdrawal of consent",), EVERYWHERE, "stays lawful"),
    Element("11 CCR 7026(g): confirmed", ("opt-out",), EVERYWHERE, "We no longer sell or share your data."),
    Element("11 CCR 7027(h): confirmed", ("limit",), EVERYWHERE, "without your choice"),
    Element("11 CCR 7026(k), 7027(l): 12 months", ("opt-out", "limit"), EVERYWHERE, "at least 12 months"),
    Element("GDPR Art. 19, 11 CCR 7026(f)(2), 7027(g)", TOLD, EVERYWHERE, "Billing Partner Ltd"),

    Element("GDPR Art. 15(4): others", ("access with texts blacked out",), EVERYWHERE, "concerns others"),
    Element("GDPR Art. 15(4): how many", ("access with texts blacked out",), EVERYWHERE, "other people"),
    Element("GDPR Art. 20(1): what is left out", ("portability",), EVERYWHERE, "neither on your consent nor"),
    Element("GDPR Art. 20(2): sent", ("portability",), EVERYWHERE, "and they confirmed"),
    Element("GDPR Art. 20(2): not sent", UNSENT, EVERYWHERE, "Download it and hand it on yourself"),
    Element("11 CCR 7024(a): more proof", ("categories instead of data",), EVERYWHERE, "prove more"),

    Element("GDPR Art. 12(4), 11 CCR 7022(f): a refusal", REFUSALS, EVERYWHERE, "we cannot do what you"),
    Element("GDPR Art. 12(4): the reasons", ("refusal",), EVERYWHERE, "A wrong code was entered too often"),
    Element("GDPR Art. 12(4): the provision", ("refusal",), (UK,), "UK GDPR Art. 12(6)"),
    Element("11 CCR 7022(a): identity, the provision", ("refusal",), (CCPA,), "11 CCR 7060-7062"),
    Element("GDPR Art. 12(2): ask again", ("refusal",), EVERYWHERE, "You can ask again at any time"),
    Element("11 CCR 7024(b): the policy", ("refusal",), (CCPA,), "https://www.example.com/privacy"),

    Element("GDPR Art. 12(4), 15(1)(f), 77: complaint", ANSWERS, EVERYWHERE, AUTHORITY.name),
    Element("GDPR Art. 12(4), 77: its address", ANSWERS, EVERYWHERE, AUTHORITY.address),
    Element("GDPR Art. 77(1): any other authority", ANSWERS, (GDPR,), "where you live, where you work"),
    Element("GDPR Art. 12(4), 79: judicial remedy", ANSWERS, EUROPE, "you can go to court"),
    Element("DPA 2018 s. 164A: complaint to us", ANSWERS, (UK,), "https://www.example.com/complaints"),
    Element("DPA 2018 s. 164A: within 30 days", ANSWERS, (UK,), "within 30 days"),
    Element("Cal. Civ. Code 1798.145(h)(2): appeal", ANSWERS, (CCPA,), "We look at it again"),
    Element("GDPR Art. 12(2): withdrawn", ("withdrawn",), EVERYWHERE, "request on 4 March 2026"),
    Element("GDPR Art. 12(2): withdrawn, ask again", ("withdrawn",), EVERYWHERE, "You can ask again"),
)
# fmt: on


def forms(facts: Facts, regulation: Regulation, locale: str = "en") -> dict[str, str]:
    """Return both forms of a letter as words on lines."""
    body = render(letter(facts, regulation, locale), SENDER)
    html = unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", body.html, flags=re.DOTALL))
    return {"text": body.text, "html": html}


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.citation)
def test_what_the_law_demands_stands_in_both_forms(element: Element) -> None:
    for kind in element.letters:
        for law in element.laws:
            for form, words in forms(LETTERS[kind], law, "en-GB").items():
                assert element.words in words, (kind, law, form)


@pytest.mark.parametrize(
    ("kind", "law", "words"),
    [
        pytest.param("refusal", CCPA, "go to court", id="the CCPA knows no judicial remedy here"),
        pytest.param("proof wanted", CCPA, "stands still", id="11 CCR 7021(b): the clock never stands"),
        pytest.param(
            "reminder", GDPR, "which kinds of data", id="11 CCR 7024(a): no second answer elsewhere"
        ),
        pytest.param("another proof wanted", CCPA, "which kinds of data", id="nor to an erasure"),
        pytest.param("another proof wanted", GDPR, "machine-readable", id="no hint for what is not asked"),
        pytest.param("another proof wanted", GDPR, "One of these", id="no choice where there is one way"),
        pytest.param("code to permit", GDPR, "that the request is yours", id="it is somebody else's"),
        pytest.param("erasure partly granted", GDPR, "opt-out", id="the GDPR knows no opt-out of sale"),
        pytest.param("erasure granted", CCPA, "opt-out", id="nothing is denied, so nothing is offered"),
        pytest.param("acknowledgement of an opt-out", CCPA, "longer", id="11 CCR 7026(f): no extension"),
        pytest.param("refusal of an erasure", GDPR, "ask again", id="identity is not what is missing"),
    ],
)
def test_no_letter_promises_what_its_law_does_not_know(kind: str, law: Regulation, words: str) -> None:
    assert not any(words in form for form in forms(LETTERS[kind], law).values())


def test_a_denied_correction_in_california_tells_of_erasure_and_statement() -> None:
    """11 CCR 7023(f)."""
    denied = refusal(ReasonCode.MANIFESTLY_UNFOUNDED, right=Right.RECTIFICATION)
    assert all("250 words" in form for form in forms(denied, CCPA).values())
    assert not any("250 words" in form for form in forms(denied, GDPR).values())


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("law", Regulation)
@pytest.mark.parametrize("kind", LETTERS)
def test_every_letter_has_every_element_in_every_language(kind: str, law: Regulation, language: str) -> None:
    """Elements have ids in HTML; text comes of the same template. Digits and names survive translation."""
    ids = re.compile(r'(?:section|p) id="([a-z-]+)"')
    here, english = (render(letter(LETTERS[kind], law, tongue), SENDER).html for tongue in (language, "en"))
    assert ids.findall(here) == ids.findall(english) != []
    for form in forms(LETTERS[kind], law, language).values():
        assert "5f0c" * 8 in form
        assert not re.search(r"\x00|%\(|\{\{|None|Undefined|<Right|granted\b.*_", form)


@pytest.mark.parametrize("language", wording.LANGUAGES)
@pytest.mark.parametrize("kind", LETTERS)
def test_both_forms_have_the_same_words(kind: str, language: str) -> None:
    text, html = forms(LETTERS[kind], GDPR, language).values()
    spoken = set(re.findall(r"\w+", text))
    assert set(re.findall(r"\w+", html)) - spoken <= {"Data"}, "that is the heading of a column"


def test_german_letters_speak_german() -> None:
    text = forms(LETTERS["erasure partly granted"], GDPR, "de-AT")["text"]
    assert "31. Dezember 2034" in text
    assert "Art. 17 Abs. 3 Buchst. e DSGVO" in text
    assert "You" not in text


@pytest.mark.parametrize(
    ("locale", "law", "expected"),
    [
        pytest.param("en", CCPA, "March 2, 2026", id="American law, American dates"),
        pytest.param("en", GDPR, "2 March 2026", id="English without a country is British elsewhere"),
        pytest.param("en-US", GDPR, "March 2, 2026", id="a country prevails"),
        pytest.param("pt_BR", GDPR, "2 March 2026", id="a language we do not write: English"),
        pytest.param("{{7*7}}", GDPR, "2 March 2026", id="no language at all: English"),
        pytest.param("de", GDPR, "2. März 2026", id="German"),
    ],
)
def test_dates_are_written_as_the_person_writes_them(locale: str, law: Regulation, expected: str) -> None:
    assert expected in forms(LETTERS["acknowledgement"], law, locale)["text"]


@pytest.mark.parametrize("check", IdentityCheck)
@pytest.mark.parametrize("right", Right)
def test_an_acknowledgement_exists_for_every_right_and_check(right: Right, check: IdentityCheck) -> None:
    facts = Acknowledgement(right, RECEIVED, DUE, check)
    assert all("2 April 2026" in form for form in forms(facts, GDPR).values())
    html = render(letter(facts), SENDER).html
    assert re.search(r'<section id="verification">\s*<h2>[^<]+</h2>\s*<p>[^<]+</p>', html)


def test_an_erasure_says_when_nobody_had_to_be_told() -> None:
    """GDPR Art. 19."""
    erased = ErasureOutcome(Outcome.GRANTED, RECEIVED, RECEIVED, "C-17", AUTHORITY)
    assert all("Nobody had received the data" in form for form in forms(erased, GDPR).values())


@pytest.mark.parametrize("evidence", Evidence)
def test_each_piece_of_evidence_is_told_in_words_but_what_is_not_asked_of_the_person(
    evidence: Evidence,
) -> None:
    wanted = replace(WANTED, ways=((evidence,),))
    html = render(letter(Reminder(Right.ACCESS, RECEIVED, wanted)), SENDER).html
    assert ("<li>" in html) == (evidence is not Evidence.RECORDS)
    assert "_" not in evidence.value or evidence.value not in html


@pytest.mark.parametrize("setback", Setback)
def test_why_a_proof_has_not_convinced_is_told_in_words(setback: Setback) -> None:
    for form in forms(ProofWanted(Right.ACCESS, RECEIVED, WANTED, setback), GDPR).values():
        assert "What you sent last did not convince us" in form
        assert setback.value not in form or setback is Setback.OTHER


@pytest.mark.parametrize("law", Regulation)
@pytest.mark.parametrize("reason", ReasonCode)
def test_every_reason_is_a_sentence_with_its_provision(reason: ReasonCode, law: Regulation) -> None:
    ground = GROUNDS[reason]
    for form in forms(refusal(reason), law).values():
        assert ground.sentence in form
        assert f"({ground.provisions.get(law, '')})" in form or not ground.provisions.get(law)
