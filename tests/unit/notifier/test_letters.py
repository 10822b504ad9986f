"""Every letter says what the law demands, in both forms and every language."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from html import unescape

import pytest
from pydantic import ValidationError

from habeas.client.letters import of_letter
from services.notifier.letters import languages
from services.notifier.letters.composer import render
from services.notifier.letters.letter_models import (
    Acknowledgement,
    ErasureOutcome,
    IdentityCheck,
    LetterFacts,
    ProofWanted,
    Reminder,
    Representative,
    Setback,
    form_of,
)
from services.notifier.letters.mime import Alternatives
from services.notifier.letters.reasons import REASONS
from shared.contract.answer import Answer, AnswerGroup
from shared.contract.events import Evidence, Outcome
from shared.contract.references import short_reference
from shared.law import Demand, LetterForm, ReasonCode, Regulation, Right, TimedDuty
from shared.pages.translation import home_of
from tests.unit.notifier.sample_letters import (
    AUTHORITY,
    DUE,
    KEPT,
    LETTERS,
    PACKAGE,
    RECEIVED,
    REFERENCE,
    SENDER,
    WANTED,
    edition,
    letter,
    refusal,
)
from tests.unit.notifier.test_translations import sentences

GDPR, UK, CCPA = Regulation.GDPR, Regulation.UK_GDPR, Regulation.CCPA
FADP, STATE, LGPD, PIPEDA = Regulation.FADP, Regulation.US_STATE, Regulation.LGPD, Regulation.PIPEDA
QUEBEC, DPDP, PIPL, PDPA = Regulation.QUEBEC, Regulation.DPDP, Regulation.PIPL, Regulation.PDPA
ALL, EUROPE = tuple(Regulation), (GDPR, UK)
ELSEWHERE = tuple(law for law in Regulation if law is not CCPA)
COURTS = (GDPR, UK, FADP, LGPD, PIPL)
LONGER = (GDPR, UK, CCPA, FADP, STATE, PIPEDA, PDPA)
AUTHORITIES = {
    GDPR: "Authority of Examplia",
    UK: "Information Commissioner's Office",
    CCPA: "California Privacy Protection Agency",
    FADP: "Federal Data Protection and Information Commissioner",
    STATE: "Attorney General of Virginia",
    LGPD: "Agência Nacional de Proteção de Dados",
    PIPEDA: "Office of the Privacy Commissioner of Canada",
    QUEBEC: "Commission d'accès à l'information",
    DPDP: "Data Protection Board of India",
    PIPL: "Cyberspace Administration of China",
    PDPA: "Personal Data Protection Commission",
}

CORRECTIONS = ("correction", "correction in part")
RESTRICTIONS = ("restriction", "restriction in part")
DONE = (*CORRECTIONS, *RESTRICTIONS, "objection", "withdrawal of consent", "opt-out", "limit")
NOTIFIED = (*CORRECTIONS, *RESTRICTIONS, "opt-out", "limit")
IN_PART = ("correction in part", "restriction in part")
UNCORRECTED = ("correction in part", "refusal of a correction")
ANSWERS = (
    *DONE,
    "restriction, nothing held",
    "lifting",
    *(
        kind
        for kind in LETTERS
        if kind.startswith(("access", "answer by hand", "categories", "erasure", "refusal"))
    ),
)
ACCESS = ("access granted", "access partly granted", "categories", "erasure with a copy")
ERASURES = ("erasure granted", "erasure with a copy", "erasure partly granted")
NOTHING = ("access, nothing held", "erasure, nothing held", "restriction, nothing held")
PACKAGE_CODE = ("code for the package",)
PERMITS = ("code to permit", "code to permit a parent", "code to permit an agent")
ACKNOWLEDGING = ("code that acknowledges", "code that acknowledges an erasure")
PLAIN_CODES = ("code", "code, and more", "code to erase", "code to transfer")
OWN_CODES = (*PLAIN_CODES, *ACKNOWLEDGING)
CODES = (*OWN_CODES, *PACKAGE_CODE, *PERMITS)
IRREVERSIBLE = ("code to erase", "code to transfer", "code that acknowledges an erasure")
DIGITS = tuple(kind for kind in CODES if kind not in IRREVERSIBLE)
ERASING = ("code to erase", "code to permit", "code that acknowledges an erasure")
ASKING = ("proof wanted", "reminder")
ASKED = (*ASKING, "another proof wanted", "proof wanted of the person")
NAMED = ("named mailbox, access", "named mailbox, erasure")
ALIAS_CODES = tuple(f"code to another mailbox, {right}" for right in ("access", "erasure", "correction"))
TO_OTHERS = ("forwarded to a controller", "duplicate", *NAMED, *ALIAS_CODES)
NAMING = tuple(kind for kind in LETTERS if kind not in (*CODES, *TO_OTHERS, "clarification"))
RECEIPT = ("acknowledgement", *ACKNOWLEDGING)
NOT_YOURS = (*RECEIPT, "withdrawn", "reminder")
KEEPING = ("erasure partly granted",)
LATE, FORWARDED = ("late",), ("forwarded", "forwarded to a customer")
APPEALS = ("appeal received", "appeal granted", "appeal turned down")
REFUSALS = tuple(kind for kind in LETTERS if kind.startswith("refusal"))

DECLINED = (*REFUSALS, *IN_PART, "access partly granted", "erasure partly granted")


@dataclass(frozen=True)
class Element:
    """What a letter must say, where the law demands it, and the English words it is known by."""

    citation: str
    letters: tuple[str, ...]
    laws: tuple[Regulation, ...]
    words: str | date
    """A piece of an English sentence, or a value that stands in every language as it is."""


UNSENT = ("portability, not taken", "portability, no address")

# fmt: off
ELEMENTS = (
    Element("GDPR Art. 13(1)(a)-(b): who the controller is", tuple(LETTERS), ALL, "Beispielweg 1"),
    Element("GDPR Art. 12(2): how to reach it", tuple(LETTERS), ALL, "dataprotection@example.com"),
    Element("GDPR Art. 13(1)(b): the officer", tuple(LETTERS), ALL, "officer@example.com"),
    Element("11 CCR 7101(b): which request", tuple(LETTERS), ALL, short_reference(REFERENCE)),

    Element("11 CCR 7021(a): receipt is confirmed", RECEIPT, ALL, date(2026, 3, 2)),
    Element("11 CCR 7021(a): how it is processed", RECEIPT[:2], ALL, "We will collect your data"),
    Element("11 CCR 7021(a): how it is verified", RECEIPT[:1], ALL, "mail you a code"),
    Element("GDPR Art. 12(3), 11 CCR 7021(a): due", RECEIPT, ALL, date(2026, 4, 2)),
    Element("GDPR Art. 12(3), 11 CCR 7021(b): extension", RECEIPT, LONGER, "If we need more time"),
    Element("11 CCR 7021(a): what happens to it", RECEIPT[2:], ALL, "If we have to keep some of it"),
    Element("11 CCR 7026(d): no proof", ("acknowledgement of an opt-out",), ALL, "We need no proof"),

    Element("GDPR Art. 12(2): acknowledged at once", RECEIPT, ALL, "We received your request and"),
    Element("GDPR Art. 32: not your request?", NOT_YOURS, ALL, "Then please tell us:"),
    Element("11 CCR 7101(b): what was asked", NAMING, ALL, "You asked for"),

    Element("GDPR Art. 5(1)(f): if it was not you", NAMED, ALL, "please tell us at once"),

    Element("GDPR Art. 12(6): the code of another mailbox", ALIAS_CODES, ALL, "BCDF-GHJK"),
    Element("GDPR Art. 12(2): who asks", ALIAS_CODES, ALL, "It was made from another"),
    Element("GDPR Art. 12(2): what it confirms", ALIAS_CODES, ALL, "that the request is yours"),
    Element("GDPR Art. 12(2): who gets a copy", ALIAS_CODES[:1], ALL, "other address will then get a copy"),
    Element("GDPR Art. 12(2): what is erased", ALIAS_CODES[1:2], ALL, "then erase the data that we"),
    Element("GDPR Art. 12(2): what is entered", ALIAS_CODES[2:], ALL, "then enter your address in the"),
    Element("GDPR Art. 32: how long it works", ALIAS_CODES, ALL, "It works until"),
    Element("GDPR Art. 32: not to be shared", ALIAS_CODES, ALL, "will ask you for it"),
    Element("GDPR Art. 5(1)(f): if it is not yours", ALIAS_CODES, ALL, "do not pass the code on"),

    Element("GDPR Art. 12(6): the code", DIGITS, ALL, "402815"),
    Element("GDPR Art. 12(6): the strong code", IRREVERSIBLE, ALL, "WDJB-MJHT"),
    Element("GDPR Art. 12(2): the right", OWN_CODES, ALL, "You asked for"),
    Element("GDPR Art. 12(2): the consequence", OWN_CODES[:2], ALL, "We will collect your data"),
    Element("GDPR Art. 12(2): erased for good", ERASING, ALL, "your data will be erased. This cannot be"),
    Element("GDPR Art. 12(2): the recipient", ("code to transfer",), ALL, "import.example.com"),
    Element("GDPR Art. 32: how long it works", CODES, ALL, "It works until"),
    Element("GDPR Art. 32: not to be shared", CODES, ALL, "will ask you for it"),
    Element("GDPR Art. 32: not expected", (*PLAIN_CODES, *PACKAGE_CODE), ALL, "You did not expect a"),
    Element("GDPR Art. 5(1)(f): if it is not yours", ACKNOWLEDGING, ALL, "do not pass the code on"),
    Element("GDPR Art. 12(2): what it is for", OWN_CODES, ALL, "that the request is yours"),
    Element("GDPR Art. 12(2): where it goes", (*OWN_CODES, *PERMITS), ALL, "https://privacy.example.com/r/"),
    Element("GDPR Art. 12(2): what it opens", PACKAGE_CODE, ALL, "to open your data package"),
    Element("GDPR Art. 12(2): the page that asked", PACKAGE_CODE, ALL, "Enter it on the page that asked you"),

    Element("GDPR Art. 12(6): it is not all",
            ("code, and more", "code that acknowledges an erasure"), ALL, "The code alone is not"),
    Element("11 CCR 7063(a): who asks", ("code to permit",), ALL, "has asked us on your behalf"),
    Element("11 CCR 7063(a): also by mail",
            ("proof wanted of the person",), ALL, "has asked us on your behalf"),
    Element("11 CCR 7063(a): what for", ("code to permit",), ALL, "Erasure of your personal data"),
    Element("11 CCR 7063(a): confirmed directly", PERMITS, ALL, "to confirm your permission"),
    Element("GDPR Art. 12(2): not permitted", PERMITS, ALL, "Then do not enter the code, and"),
    Element("11 CCR 7070: a parent", ("code to permit a parent",), ALL, "your parent or guardian"),
    Element("GDPR Art. 32: no name", ("code to permit an agent",), ALL, "Someone has asked us on"),

    Element("GDPR Art. 12(6): what is asked for", ASKING, ALL, "a sign-in to your account"),
    Element("GDPR Art. 5(1)(c): the least first", ASKING, ALL, "The first asks the least of you"),
    Element("GDPR Art. 12(6): together", ASKING, ALL, "a recent bill or bank statement"),
    Element("GDPR Art. 32: where it goes", ASKED, ALL, "https://privacy.example.com/r/5f0c"),
    Element("GDPR Art. 12(2): by when", ASKED, ALL, "Please answer by"),
    Element("GDPR Art. 12(6): why identity is asked for",
            ("proof wanted", "another proof wanted"), ALL, "we need to be sure"),
    Element("GDPR Art. 12(2): nothing has come", ("reminder",), ALL, "We have not received anything yet"),
    Element("GDPR Art. 12(6): the provision", ASKED, (GDPR,), "GDPR Art. 12(6)"),
    Element("UK GDPR Art. 12(6): the provision", ASKED, (UK,), "UK GDPR Art. 12(6)"),
    Element("11 CCR 7060-7062: the provision", ASKED, (CCPA,), "11 CCR 7060-7062"),
    Element("GDPR Art. 5(1)(c): what to cover", ASKING, ALL, "Cover the rest: the photo"),
    Element("GDPR Art. 5(1)(c): what is read", ASKING, ALL, "the machine-readable lines"),
    Element("GDPR Art. 5(1)(c): on bills", ASKING, ALL, "Cover the rest: amounts"),
    Element("11 CCR 7062(b)-(c): details", ASKED, ALL, "give only what you are sure of"),
    Element("11 CCR 7062(c): the declaration is kept", ASKING, ALL, "of perjury, and we keep it"),
    Element("11 CCR 7062(c): and not deleted", ASKING, ALL, "except for the declaration, delete it"),
    Element("11 CCR 7060(d): proofs are deleted", (*ASKED, "in review"), ALL, "delete it as soon as"),
    Element("GDPR Art. 12(2): another way", ASKED, ALL, "we will find another way"),
    Element("EDPB 01/2022: the clock stands", ASKED, EUROPE, "is paused"),
    Element("11 CCR 7024(a): categories at least", ASKING, (CCPA,), "which kinds of data we hold"),
    Element("GDPR Art. 12(1): what can be done", ("another proof wanted",), ALL, "could not read the"),
    Element("GDPR Art. 22: by people", ("in review",), ALL, "member of our privacy staff"),
    Element("GDPR Art. 5(1)(f): seen by few", ("in review",), ALL, "each access is recorded"),
    Element("GDPR Art. 12(2): nothing to do", ("in review",), ALL, "You do not need to do anything"),

    Element("GDPR Art. 12(3): how to get the copy", ACCESS, ALL, PACKAGE.url),
    Element("GDPR Art. 32, 11 CCR 7024(f): secured", ACCESS, ALL, "new code"),
    Element("GDPR Art. 5(1)(e): until when", ACCESS, ALL, date(2026, 3, 19)),
    Element("GDPR Art. 15(1)(a)-(h), 11 CCR 7024(k)", ACCESS, ALL, "explains why we hold it"),
    Element("GDPR Art. 15(1)(e): the other rights", ("categories",), EUROPE, "restrict what we do with it"),
    Element("Cal. Civ. Code 1798.106, .120", ("categories",), (CCPA, STATE), "stop selling or sharing"),
    Element("11 CCR 7024(d): what is held and not sent", ("access partly granted",), ALL, "Password"),
    Element("11 CCR 7024(d): why", ("access partly granted",), (CCPA,), "11 CCR 7024(d)"),
    Element("GDPR Art. 15(1): confirmed", ("access granted",), ALL, "put it into a package for you"),
    Element("GDPR Art. 12(4): said at once", ("access partly granted",), ALL, "below we say what"),
    Element("GDPR Art. 15(1)(b): what is in it", ACCESS, ALL, "Invoices"),
    Element("GDPR Art. 15(1): no data", NOTHING, ALL, "we found no data about you"),
    Element("GDPR Art. 5(2): where it was looked for", NOTHING, ALL, "Customer portal"),
    Element("GDPR Art. 11(2): more details", NOTHING, ALL, "we will search again"),

    Element("GDPR Art. 12(3): what was done, when", ERASURES, ALL, date(2026, 3, 4)),
    Element("11 CCR 7022(b)(1): erased", ERASURES, ALL, "Accounts"),
    Element("11 CCR 7022(b)(1): deidentified", ERASURES, ALL, "Server logs"),
    Element("GDPR Art. 19, 11 CCR 7022(b)(2)-(3)", ERASURES, ALL, "Billing Partner Ltd"),
    Element("GDPR recital 26: what masking is", ERASURES, ALL, "These records stay, but"),
    Element("GDPR Art. 5(2): proof", ERASURES, ALL, "C-17"),
    Element("GDPR Art. 19: the recipients", ERASURES, ALL, "We will also ask these recipients to erase it"),
    Element("GDPR Art. 19: recipients not notified yet", KEEPING, ALL, "Our staff will also ask"),
    Element("GDPR Art. 13(2)(a): one by one", KEEPING, ALL, "Each record has its own end date"),
    Element("11 CCR 7022(d): backups", ERASURES, ALL, "Backups may hold your data"),
    Element("11 CCR 7022(f)(1): kept, the basis", KEEPING, ALL, "obliges us to keep these records"),
    Element("11 CCR 7022(f)(1): the provision", KEEPING, ALL, "§ 147 AO"),
    Element("GDPR Art. 13(2)(a): kept until", KEEPING, ALL, date(2034, 12, 31)),
    Element("GDPR Art. 13(2)(a): or the criterion", KEEPING, ALL, "As long as"),
    Element("GDPR Art. 17(3)(e): hold", KEEPING, (GDPR,), "GDPR Art. 17(3)(e)"),
    Element("11 CCR 7022(f)(3): no other use", KEEPING, ALL, "only for the reason given"),
    Element("11 CCR 7022(e): a record is kept", ANSWERS, (CCPA,), "for at least 24 months"),
    Element("11 CCR 7101: also of what was withdrawn", ("withdrawn",), (CCPA,), "for at least 24 months"),
    Element("GDPR Art. 5(2): a record is kept", ANSWERS, ELSEWHERE, "so that we can prove it"),
    Element("11 CCR 7022(g): opt-out is offered",
            ("erasure partly granted", "refusal of an erasure"), (CCPA,), "https://www.example.com/opt-out"),

    Element("GDPR Art. 12(3): done, when", DONE, ALL, date(2026, 3, 4)),
    Element("GDPR Art. 16, 11 CCR 7023: corrected", CORRECTIONS, ALL, "We corrected your data."),
    Element("GDPR Art. 16: what was wrong", CORRECTIONS, ALL, "Bremen"),
    Element("GDPR Art. 16: what stands there now", CORRECTIONS, ALL, "Berlin"),
    Element("GDPR Art. 12(4): not all of it", IN_PART, ALL, "We could not do it for all of your data"),
    Element("GDPR Art. 12(4), 11 CCR 7023(f): why not", UNCORRECTED, ALL, "cannot change it"),
    Element("GDPR Art. 16: the provision", UNCORRECTED, (GDPR,), "GDPR Art. 16"),
    Element("11 CCR 7023(f): the provision", UNCORRECTED, (CCPA,), "11 CCR 7023(b)"),
    Element("11 CCR 7023(f): also in part", UNCORRECTED, (CCPA,), "ask us to erase the data"),
    Element("11 CCR 7023(f)(3): about health", UNCORRECTED, (CCPA,), "up to 250 words"),
    Element("GDPR Art. 16: your statement", ("correction in part",), ALL, "your statement with your request"),
    Element("GDPR Art. 16: a statement", ("refusal of a correction",), ALL, "add a short statement"),
    Element("GDPR Art. 18(2): only stored", RESTRICTIONS, ALL, "it may only be stored"),
    Element("GDPR Art. 18(2): what is marked", RESTRICTIONS, ALL, "Accounts"),
    Element("GDPR Art. 12(4): what is not", ("restriction in part",), ALL, "Server logs"),
    Element("GDPR Art. 18(3): notified before it ends",
            (*RESTRICTIONS, "weighing"), ALL, "before the restriction ends"),
    Element("GDPR Art. 18(1)(d): until it is weighed", ("weighing",), ALL, "may only be stored"),
    Element("GDPR Art. 21(3): marketing stops", ("weighing",), ALL, "for direct marketing"),
    Element("GDPR Art. 18(3): notified", ("lifting",), ALL, "may then use your data again"),
    Element("GDPR Art. 12(4): the reason", ("lifting",), ALL, "We checked your data, and it is correct"),
    Element("GDPR Art. 21(1), (3): stopped", ("objection",), ALL, "in the way you objected to."),
    Element("GDPR Art. 7(3): stopped", ("withdrawal of consent",), ALL, "on the basis of your consent."),
    Element("GDPR Art. 7(3): until then lawful", ("withdrawal of consent",), ALL, "stays lawful"),
    Element("11 CCR 7026(g): confirmed", ("opt-out",), ALL, "may no longer be sold or shared"),
    Element("11 CCR 7027(h): confirmed", ("limit",), ALL, "without your choice"),
    Element("11 CCR 7026(k), 7027(l): 12 months", ("opt-out", "limit"), (CCPA,), "For the next 12 months"),
    Element("GDPR Art. 19, 11 CCR 7026(f)(2), 7027(g)", NOTIFIED, ALL, "Billing Partner Ltd"),
    Element(
        "GDPR Art. 12(2), (6): what was not searched by",
        ("access with an identity that is not confirmed",),
        ALL,
        "We did not search by it",
    ),
    Element("GDPR Art. 15(4): others", ("access with texts blacked out",), ALL, "what is about them"),
    Element("GDPR Art. 15(4): how many", ("access with texts blacked out",), ALL, "Names of other people"),
    Element("GDPR Art. 20(1): what is left out", ("portability",), ALL, "neither on your consent nor"),
    Element("GDPR Art. 20(2): sent", ("portability",), ALL, "they confirmed"),
    Element("GDPR Art. 20(2): not sent", UNSENT, ALL, "Download it and pass it on yourself"),
    Element("11 CCR 7024(a): more proof", ("categories instead of data",), ALL, "more proof"),

    Element("GDPR Art. 12(4), 11 CCR 7022(f): a refusal", REFUSALS, ALL, "we cannot do what you"),
    Element("GDPR Art. 12(4): the reasons", ("refusal",), ALL, "A wrong code was entered too often"),
    Element("GDPR Art. 12(4): the provision", ("refusal",), (UK,), "UK GDPR Art. 12(6)"),
    Element("11 CCR 7022(a): identity, the provision", ("refusal",), (CCPA,), "11 CCR 7060-7062"),
    Element("GDPR Art. 12(2): ask again", ("refusal",), ALL, "You can ask again at any time"),
    Element("11 CCR 7024(b): the policy", ("refusal",), (CCPA,), "https://www.example.com/privacy"),

    Element("GDPR Art. 12(4), 77: its address", ANSWERS, (GDPR,), AUTHORITY.address),
    Element("GDPR Art. 77(1): any other authority", ANSWERS, (GDPR,), "where you live, where you work"),
    Element("GDPR Art. 12(4), 79; FADP Art. 32; LGPD Art. 22; PIPL Art. 50: court",
            ANSWERS, COURTS, "You can also go to court"),
    Element("DPA 2018 s. 164A: complaint to us", ANSWERS, (UK,), "https://www.example.com/complaints"),
    Element("DPA 2018 s. 164A: within 30 days", ANSWERS, (UK,), "We will confirm your complaint within"),
    Element("Cal. Civ. Code 1798.145(h)(2): appeal", ANSWERS, (CCPA,), "We will look at it again"),

    Element("Va. Code 59.1-577(C): how to appeal", DECLINED, (STATE,), "You can appeal within"),
    Element("Va. Code 59.1-577(C): the recipient", DECLINED, (STATE,), "dataprotection@example.com"),
    Element("Va. Code 59.1-577(C): decided in 60 days", DECLINED, (STATE,), "decision with reasons within"),
    Element("Va. Code 59.1-577(C): then the AG", DECLINED, (STATE,), "If we turn down your appeal"),
    Element("CO 6-1-1306(3): the appeal has arrived", ("appeal received",), ALL, "Thank you. A person who"),
    Element("CO 6-1-1306(3): decided by", ("appeal received",), ALL, date(2026, 5, 19)),
    Element("Va. Code 59.1-577(C): in writing, why", ("appeal turned down",), ALL, "for a contract with"),
    Element("Va. Code 59.1-577(C): in their words", ("appeal turned down",), ALL, "runs until May"),
    Element("Va. Code 59.1-577(C): the AG now", ("appeal turned down",), ALL, "You can now complain to"),
    Element("Va. Code 59.1-577(C): granted", ("appeal granted",), ALL, "You were right, and we will now do"),
    Element("4 CCR 904-3 Rule 6.11: a record of it", APPEALS, ALL, "We keep a record of your request"),

    Element("DPA 2018 s. 164A: it has arrived", ("complaint received",), ALL, "We received your complaint"),
    Element("DPA 2018 s. 164A: announced", ("complaint received",), ALL, "We will tell you what we found"),
    Element("DPA 2018 s. 164A: by when", ("complaint received",), ALL, date(2026, 5, 5)),
    Element("DPA 2018 s. 164A: the outcome", ("complaint upheld",), ALL, "You are right."),
    Element("DPA 2018 s. 164A: why not", ("complaint turned down",), ALL, "show data about other people"),

    Element("P-39.1 s. 34: 30 days", REFUSALS, (QUEBEC,), "The period starts on the day you get"),
    Element("P-39.1 s. 34: help", REFUSALS, (QUEBEC,), "help to understand this letter"),
    Element("DPDP s. 13: a grievance first", ANSWERS, (DPDP,), "Please complain to us first"),
    Element("DPDP s. 13(3): then the Board", ANSWERS, (DPDP,), "If our answer does not satisfy you"),

    Element("GDPR Art. 12(3): longer", ("extension",), ALL, "will take longer than we said"),
    Element("GDPR Art. 12(3), DPO 18(2), reg. 5: the new day", ("extension",), ALL, date(2026, 6, 2)),
    Element("GDPR Art. 12(3): instead of", ("extension",), ALL, date(2026, 4, 2)),
    Element("GDPR Art. 12(3), 11 CCR 7021(b), PIPEDA 8(4): why", ("extension",), ALL, "Your request is"),
    Element("GDPR Art. 12(3)-(4): late", LATE, ALL, "We did not. We are sorry"),
    Element("GDPR Art. 12(3): which day", LATE, ALL, date(2026, 4, 2)),
    Element("GDPR Art. 12(3): when it comes", LATE, ALL, date(2026, 4, 10)),
    Element("GDPR Art. 12(4): or a new day", LATE, ALL, "our answer, or a letter with a new date"),
    Element("GDPR Art. 12(2): nothing to ask again", LATE, ALL, "to do anything or to ask again"),
    Element("GDPR Art. 12(3): together", ("duplicate",), ALL, "We will answer both requests together"),
    Element("GDPR Art. 12(3): with which", ("duplicate",), ALL, short_reference("77d1" * 8)),
    Element("GDPR Art. 12(3): due with it", ("duplicate",), ALL, date(2026, 4, 2)),
    Element("GDPR Art. 28(3)(e), 11 CCR 7050(c): passed on", FORWARDED, ALL, "They make the decisions"),
    Element("LGPD Art. 18 § 4(I): the recipient", ("forwarded",), ALL, "Example Customer AG"),
    Element("GDPR Art. 28(3)(e): who answers", FORWARDED, ALL, "It is for them to answer you"),
    Element("GDPR Art. 28(3)(e): the controller decides",
            ("forwarded to a controller",), ALL, "You decide about this data"),
    Element("GDPR Art. 28(3)(e): where it is", ("forwarded to a controller",), ALL, WANTED.url),
    Element("GDPR Art. 12(5); DPO 19; reg. 7: how much", ("fee quoted",), ALL, "37"),
    Element("GDPR Art. 12(5), PIPEDA 8(6), P-39.1 s. 33: why", ("fee quoted",), ALL, "The first copy is"),
    Element("DPO Art. 19: nothing before", ("fee quoted",), ALL, "Until you agree, we will do nothing"),
    Element("EDPB 01/2022 para. 192, DPO 19: withdrawn", ("fee quoted",), ALL, "will treat your request as"),
    Element("DPO Art. 19: by when", ("fee quoted",), ALL, date(2026, 3, 14)),
    Element("GDPR Art. 12(2): it will be gone", ("package expiring",), ALL, "It will soon be deleted"),
    Element("GDPR Art. 12(2): when", ("package expiring",), ALL, date(2026, 3, 19)),

    Element("GDPR Art. 12(2): withdrawn", ("withdrawn",), ALL, "You withdrew your request on"),
    Element("GDPR Art. 12(2): withdrawn, ask again", ("withdrawn",), ALL, "You can ask again"),
)
# fmt: on


QUICK = ("en", "de")
"""What is read here; ``tests/integration/test_letters_whole.py`` reads all languages."""
MARKUP = re.compile(r"<[^>]*>")
SENTENCES = sorted(set(sentences()))


def forms(facts: LetterFacts, law: str, locale: str = "en") -> dict[str, str]:
    """Return both forms of a letter as words on lines."""
    return words_of(render(letter(facts, law, locale), SENDER))


def words_of(body: Alternatives) -> dict[str, str]:
    return {"text": body.text, "html": unescape(MARKUP.sub(" ", body.html.partition("<body>")[2]))}


@cache
def spoken(words: str | date, law: Regulation, language: str) -> tuple[str, ...]:
    """Return what *words* are in *language*: one for each sentence they can be from."""
    said = languages.CATALOGUES.words(language, at_home=home_of(edition(law).places))
    if isinstance(words, date):
        return (said.day(words),)
    if language == "en":
        return (words,)
    found = [said.sentences.get(sentence, sentence) for sentence in SENTENCES if words in sentence]
    pieces = [max(re.split(r"%\(\w+\)s", sentence), key=len).strip() for sentence in found]
    return tuple(pieces) or (words,)


@cache
def read(kind: str, law: Regulation, language: str) -> dict[str, str]:
    return _read(kind, law, language)[0]


@cache
def _read(kind: str, law: Regulation, language: str) -> tuple[dict[str, str], list[str]]:
    """Return both forms, and the ids of the blocks."""
    body = written(kind, law, language)
    return words_of(body), BLOCKS.findall(body.html)


@cache
def written(kind: str, law: str, language: str = "en") -> Alternatives:
    """Return an example; each is rendered once for all tests."""
    return render(letter(LETTERS[kind], law, language), SENDER)


def lacking(law: Regulation, language: str) -> Iterator[tuple[str, str, str]]:
    """Yield what a letter must say and does not: provision, letter, form."""
    for element in (element for element in ELEMENTS if law in element.laws):
        words = spoken(element.words, law, language)
        for kind in element.letters:
            for form, said in read(kind, law, language).items():
                if not any(one.removesuffix("。") in said for one in words):  # a citation stands before it
                    yield element.citation, kind, form


@pytest.mark.slow
@pytest.mark.parametrize("language", QUICK)
@pytest.mark.parametrize("law", Regulation)
def test_demanded_elements_stand_in_both_forms(law: Regulation, language: str) -> None:
    assert list(lacking(law, language)) == []


@pytest.mark.slow
@pytest.mark.parametrize("law", AUTHORITIES)
def test_every_answer_names_where_people_complain(law: Regulation) -> None:
    """GDPR Art. 12(4), 15(1)(f), 77; in other laws what `AUTHORITIES` names."""
    for kind in (*ANSWERS, *LATE, "appeal turned down", "complaint turned down", "extension"):
        assert all(AUTHORITIES[law] in said for said in read(kind, law, "en").values()), kind


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "locale", "name"),
    [
        ("ch-fadp", "de", "Eidgenössischer Datenschutz- und Öffentlichkeitsbeauftragter (EDÖB)"),
        ("ch-fadp", "fr", "Préposé fédéral à la protection des données et à la transparence (PFPDT)"),
        ("ch-fadp", "it", "Incaricato federale della protezione dei dati e della trasparenza (IFPDT)"),
        ("cn-pipl", "zh", "国家互联网信息办公室"),
        ("ca-pipeda", "fr-CA", "Commissariat à la protection de la vie privée du Canada"),
        ("ch-fadp", "es", "Federal Data Protection and Information Commissioner"),
    ],
)
def test_authority_is_named_in_the_language_of_the_letter(law: str, locale: str, name: str) -> None:
    assert name in forms(LETTERS["refusal"], law, locale)["text"]


MORE = (
    replace(refusal(ReasonCode.RETENTION_DUTY, right=Right.ERASURE), answer=Answer(kept=(KEPT,))),
    Reminder(Right.ACCESS, RECEIVED, replace(WANTED, representative=Representative(Right.ACCESS))),
)


def demands(law: str) -> set[tuple[str, str, str]]:
    return {
        (form, demand.element.value, demand.provision)
        for demand in edition(law).letters
        for form in (LetterForm if demand.letters == "all" else demand.letters)
    }


def cited(law: str, *kinds: str, more: Iterable[LetterFacts] = ()) -> set[tuple[str, str, str]]:
    found = set()
    bodies = [(LETTERS[kind], written(kind, law)) for kind in kinds]
    for facts, body in (*bodies, *((facts, render(letter(facts, law), SENDER)) for facts in more)):
        for block, provisions in re.findall(r' id="([a-z0-9-]+)" data-law="([^"]*)"', unescape(body.html)):
            found |= {(form_of(facts), block, one) for one in provisions.split("; ")}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("law", [*Regulation, "us-co", "us-ct", "us-tx", "us-al"])
def test_every_element_that_a_policy_demands_is_a_block_that_cites_it(law: str) -> None:
    wanted = {(form, element, one) for form, element, said in demands(law) for one in said.split("; ")}
    found = cited(law, *(kind for kind in LETTERS if kind not in ACKNOWLEDGING), more=MORE)
    assert sorted(wanted - found) == []
    assert sorted(found - wanted) == []


@pytest.mark.slow
@pytest.mark.parametrize("law", Regulation)
def test_code_that_acknowledges_cites_what_both_letters_do(law: str) -> None:
    wanted = {(block, said) for _, block, said in cited(law, "acknowledgement", "code")}
    assert {(block, said) for _, block, said in cited(law, "code that acknowledges")} == wanted


@pytest.mark.slow
def test_letter_names_products_and_affiliates_of_the_controller() -> None:
    known = replace(SENDER, products=("Example Edge", "Example Metal"), affiliates=("Example Inc",))
    said = words_of(render(letter(LETTERS["acknowledgement"], Regulation.GDPR), known))
    for form in said.values():
        assert "You know us by: Example Edge, Example Metal" in form
        assert "We also answer for: Example Inc" in form
    assert not any(
        "also answer for" in form for form in forms(LETTERS["acknowledgement"], Regulation.GDPR).values()
    )


def test_controller_is_named_as_the_law_knows_it() -> None:
    known = replace(SENDER, name="Example Privacy", company="Example Networks GmbH")
    said = words_of(render(letter(LETTERS["acknowledgement"], Regulation.GDPR), known))
    for form in said.values():
        assert "Example Networks GmbH Beispielweg 1" in " ".join(form.split())


def test_every_letter_is_known_to_the_law() -> None:
    assert set(map(form_of, LETTERS.values())) == set(LetterForm)


@pytest.mark.parametrize(
    ("element", "days"), [("appeal", None), ("remedy", 30)], ids=["no number", "a number without a statement"]
)
def test_policy_gives_days_to_elements_with_days_and_to_no_others(element: str, days: int | None) -> None:
    said = {"element": element, "letters": ["refusal"], "provision": "Art. 1", "read": "text", "days": days}
    with pytest.raises(ValidationError, match="days"):
        Demand.model_validate(said)


def test_letter_on_an_appeal_states_when_it_is_decided() -> None:
    for law in ("us-va", "us-co", "us-ct", "us-tx", "us-al"):
        assert edition(law).rule(TimedDuty.APPEAL, Right.ACCESS), law


@pytest.mark.slow
def test_of_several_laws_each_has_its_say() -> None:
    """The widest content counts: what one of the laws demands is said."""
    both = forms(LETTERS["refusal"], "gdpr+us-va+ca-qc")["text"]
    for law in (GDPR, STATE, QUEBEC):
        assert AUTHORITIES[law] in both
    assert "You can appeal within" in both
    assert "You can also go to court" in both
    assert "help to understand this letter" in both
    assert (
        both.index("If we turn down your appeal")
        < both.index(AUTHORITIES[STATE])
        < both.index(AUTHORITIES[GDPR])
    )


@pytest.mark.slow
def test_of_several_laws_the_strictest_counts() -> None:
    assert "is paused" in forms(LETTERS["proof wanted"], "gdpr+uk-gdpr")["text"]
    assert "is paused" not in forms(LETTERS["proof wanted"], "gdpr+us-ca-ccpa")["text"]
    assert "If we need more time" not in forms(LETTERS["acknowledgement"], "ca-qc+ca-pipeda")["text"]
    assert "within 45 days" in forms(LETTERS["refusal"], "us-va+us-co")["text"]


@pytest.mark.slow
def test_an_authority_of_several_laws_stands_there_once() -> None:
    assert forms(LETTERS["refusal"], "gdpr+gdpr")["text"].count(AUTHORITY.name) == 1


def test_letter_to_deciding_customer_reveals_nothing_of_the_person() -> None:
    """GDPR Art. 5(1)(c): they fetch the request where it is safe."""
    for said in forms(LETTERS["forwarded to a controller"], GDPR).values():
        assert "Ferreira" not in said
        assert "amelia" not in said


@pytest.mark.parametrize(
    ("kind", "law", "words"),
    [
        pytest.param("refusal", CCPA, "go to court", id="the CCPA knows no judicial remedy here"),
        pytest.param("proof wanted", CCPA, "is paused", id="11 CCR 7021(b): the clock never stands"),
        pytest.param(
            "reminder", GDPR, "which kinds of data", id="11 CCR 7024(a): no second answer elsewhere"
        ),
        pytest.param("another proof wanted", CCPA, "which kinds of data", id="nor to an erasure"),
        pytest.param("another proof wanted", GDPR, "machine-readable", id="no hint for what is not asked"),
        pytest.param("another proof wanted", GDPR, "One of these", id="no choice where there is one way"),
        pytest.param("code to permit", GDPR, "that the request is yours", id="another person's request"),
        pytest.param("erasure partly granted", GDPR, "opt-out", id="the GDPR knows no opt-out of sale"),
        pytest.param("erasure granted", CCPA, "opt-out", id="nothing is denied, so nothing is offered"),
        pytest.param("acknowledgement of an opt-out", CCPA, "longer", id="11 CCR 7026(f): no extension"),
        pytest.param("refusal of an erasure", GDPR, "ask again", id="identity is not what is missing"),
        pytest.param("correction", CCPA, "250 words", id="11 CCR 7023(f): nothing is denied"),
        pytest.param("correction in part", GDPR, "250 words", id="nor is it offered elsewhere"),
        pytest.param("another proof wanted", CCPA, "declaration", id="none is asked for, so none is kept"),
        pytest.param("refusal", QUEBEC, "P-39.1 s. 34", id="what demands reasons is not the reason"),
        pytest.param("refusal", PIPEDA, "we keep the data", id="the data is not kept"),
        pytest.param("refusal", PDPA, "We keep a copy", id="nor a copy of it"),
    ],
)
def test_no_letter_promises_rights_outside_its_law(kind: str, law: Regulation, words: str) -> None:
    assert not any(words in form for form in forms(LETTERS[kind], law).values())


def test_denied_correction_in_california_mentions_erasure_and_statement() -> None:
    """11 CCR 7023(f)."""
    denied = refusal(ReasonCode.MANIFESTLY_UNFOUNDED, right=Right.RECTIFICATION)
    assert all("250 words" in form for form in forms(denied, CCPA).values())
    assert not any("250 words" in form for form in forms(denied, GDPR).values())


BLOCKS = re.compile(r'(?:section|p|table) id="([a-z-]+)"')
LEFT_OVER = re.compile(r"\x00|%\(|\{\{|None|Undefined|<Right|granted\b.*_")


@pytest.mark.slow
@pytest.mark.parametrize("language", QUICK)
@pytest.mark.parametrize("law", Regulation)
def test_every_letter_has_every_element(law: Regulation, language: str) -> None:
    assert_whole(law, language)


def assert_whole(law: Regulation, language: str) -> None:
    """Elements have ids in HTML; text comes of the same template. Digits and names survive translation."""
    for kind in LETTERS:
        here = _read(kind, law, language)[1]
        assert here == _read(kind, law, "en")[1] != [], kind
        assert len(here) == len(set(here)), f"{kind}: an id stands there twice"
        for said in read(kind, law, language).values():
            assert short_reference(REFERENCE) in said
            assert not LEFT_OVER.search(said), kind


@pytest.mark.slow
@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_both_forms_have_the_same_words(language: str) -> None:
    heading = set(re.findall(r"\w+", languages.CATALOGUES.words(language).say("Data")))
    for kind in LETTERS:
        text, html = read(kind, GDPR, language).values()
        said = set(re.findall(r"\w+", text))
        assert set(re.findall(r"\w+", html)) - said <= heading, f"{kind}: but that heading of a column"


@pytest.mark.slow
def test_german_letters_speak_german() -> None:
    text = forms(LETTERS["erasure partly granted"], GDPR, "de-AT")["text"]
    assert "31. Dezember 2034" in text
    assert "Art. 17 Abs. 3 Buchst. e DSGVO" in text
    assert "You" not in text


@pytest.mark.parametrize(
    ("locale", "law", "expected"),
    [
        pytest.param("en", CCPA, "March 2, 2026", id="American law, American dates"),
        pytest.param("en", STATE, "March 2, 2026", id="the laws of the States are American, too"),
        pytest.param("en", GDPR, "2 March 2026", id="English without a country is British elsewhere"),
        pytest.param("en-US", GDPR, "March 2, 2026", id="a country prevails"),
        pytest.param("sv_SE", GDPR, "2 March 2026", id="a language we do not write: English"),
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
    assert re.search(r'<section id="verification"[^>]*>\s*<h2>[^<]+</h2>\s*<p>[^<]+</p>', html)


def test_erasure_letter_states_that_there_were_no_recipients() -> None:
    """GDPR Art. 19."""
    answer = Answer(erased=(AnswerGroup(label="Accounts", records=1),))
    erased = ErasureOutcome(Outcome.GRANTED, RECEIVED, RECEIVED, "C-17", answer)
    assert all("Our records name no recipient" in form for form in forms(erased, GDPR).values())


@pytest.mark.parametrize("evidence", Evidence)
def test_each_piece_of_evidence_has_words_except_the_companys_own(
    evidence: Evidence,
) -> None:
    wanted = replace(WANTED, ways=((evidence,),))
    html = render(letter(Reminder(Right.ACCESS, RECEIVED, wanted)), SENDER).html
    assert ("<li>" in html) == (evidence is not Evidence.RECORDS)
    assert "_" not in evidence.value or evidence.value not in html


@pytest.mark.parametrize("setback", Setback)
def test_each_setback_has_words(setback: Setback) -> None:
    for form in forms(ProofWanted(Right.ACCESS, RECEIVED, WANTED, setback), GDPR).values():
        assert "We could not accept what you sent last" in form
        assert setback.value not in form or setback is Setback.OTHER


@pytest.mark.slow
@pytest.mark.parametrize("law", Regulation)
def test_every_reason_is_a_sentence_with_its_provision(law: Regulation) -> None:
    for reason in ReasonCode:
        provision = edition(law).citation(reason)
        for form in forms(refusal(reason), law).values():
            assert REASONS[reason] in form
            assert f"({provision})" in form or not provision


@pytest.mark.slow
@pytest.mark.parametrize("law", Regulation)
def test_every_letter_is_plain_english(law: Regulation) -> None:
    """GDPR Art. 12(1), 11 CCR 7003(a). Grade 7 is what a twelve-year-old reads."""
    for kind in LETTERS:
        score = of_letter(written(kind, law).html)
        assert score.grade <= 7, (kind, str(score))
        assert score.ease >= 65, (kind, str(score))
