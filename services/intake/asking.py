"""What the page of a request asks a person for, in plain words, and by which fields. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.intake.domain import Case, Status
from shared.declarations import CURRENT, TEXTS
from shared.events import Code, Evidence, Requester, Slot
from shared.law import Regulation

E = Evidence


@dataclass(frozen=True, slots=True)
class Detail:
    """Something that is compared with the records held."""

    name: str
    """Category of personal data, as the data map and the API call it."""
    label: str
    autocomplete: str
    type: str = "text"
    hint: str = ""

    @property
    def id(self) -> str:
        """What the field is called in the page."""
        return self.name.replace(".", "-")


DETAILS = (
    Detail("user.name", "Full name", "name"),
    Detail("user.contact.phone_number", "Phone number", "tel", "tel", "With country code: +44 20 7946 0000"),
    Detail("user.contact.address.street", "Street and house number", "address-line1"),
    Detail("user.contact.address.postal_code", "Postal code", "postal-code"),
    Detail("user.demographic.date_of_birth", "Date of birth", "bday", "date"),
    Detail("user.unique_id", "Customer number", "off", hint="It stands on our letters and invoices."),
)  # fmt: skip
LEAST_DETAILS: Mapping[Evidence, int] = MappingProxyType({E.TWO_POINTS: 2, E.THREE_POINTS: 3})


@dataclass(frozen=True, slots=True)
class Upload:
    """A document that can be handed in."""

    slot: Slot
    label: str
    visible: str
    """What has to be legible."""
    covered: str
    """What may be covered."""


UPLOADS: Mapping[Evidence, Upload] = MappingProxyType(
    {
        E.IDENTITY_DOCUMENT: Upload(
            Slot.IDENTITY,
            "Passport, identity card or driving licence",
            "We need to read your name, your date of birth, the date until which it is valid, and the "
            "machine-readable lines (<<<) with the number in them. On a card these are often on the back: "
            "put both sides into one picture or PDF. On a North American licence it is the barcode.",
            "You may cover everything else: your photo, your signature, your height and eye colour, and any "
            "national identification, tax or social security number that is not in those lines.",
        ),
        E.ADDRESS_DOCUMENT: Upload(
            Slot.ADDRESS,
            "Recent bill or statement from a utility, phone company, bank or card company",
            "We need to read your name, your address, the date, and who sent it.",
            "Cover everything else: amounts, account and card numbers, meter readings, lists of payments "
            "or calls.",
        ),
        E.PERMISSION: Upload(
            Slot.PERMISSION,
            "Signed permission to ask for this person",
            "We need to read who gives the permission, to whom, what for, the date and the signature. A "
            "power of attorney will do as well.",
            "You may cover everything else.",
        ),
    }
)
"""Evidence → the file that gives it. What is to stay legible is what the check reads."""

WORDS: Mapping[Evidence, str] = MappingProxyType(
    {
        E.ACCOUNT: "log in to your account with us and confirm the request there",
        E.MAILBOX: "enter the code that we mailed to you",
        E.TWO_POINTS: "tell us two details that we can compare with what we hold",
        E.THREE_POINTS: "tell us three details that we can compare with what we hold",
        E.DECLARATION: "sign a declaration",
        E.IDENTITY_DOCUMENT: "send a picture of your passport, identity card or driving licence",
        E.ADDRESS_DOCUMENT: "send a recent bill or statement with your address",
        E.PERMISSION: "send a signed permission to ask for this person",
        E.RECORDS: "wait until we have compared the documents with what we hold",
    }
)
"""What each piece of evidence asks a person to do; each goes on where another ended."""

KEPT_WAITING = "too_many_codes"
"""Why a code has not come: nothing was sent that could have convinced."""
SETBACKS: Mapping[Code, str] = MappingProxyType(
    {
        "wrong_code": "This is not the code that we mailed last.",
        KEPT_WAITING: "So many codes were mailed to this address lately that the next has to wait. "
        "It comes by itself; or show in another way that it is you.",
        "code_expired": "The code has expired. Have another one sent.",
        "no_code_issued": "No code has been mailed yet.",
        "too_many_attempts": "It was tried too often. Please show in another way that it is you.",
        "details_do_not_match": "The details were not enough to be sure that it is you.",
        "document_unreadable": "We cannot read the document well enough. Take the picture in good light, "
        "sharp, straight and with all four corners, or send a PDF.",
        "document_not_accepted": "We cannot accept this document. Please make sure that it is one that we "
        "ask for, that it is yours, still valid or recent enough, and in the name in your request.",
        "log_in_failed": "The log-in did not work. Please log in again.",
        "decl_text_version": "The declaration has another wording by now. Please read it and sign it again.",
        "decl_stale": "The declaration was signed too long ago. Please sign it again.",
        "decl_name_mismatch": "Please sign the declaration with your name as it stands in your request.",
    }
)
"""Why a proof has not convinced → what the person can do about it. No more: it would help a stranger, too."""
UNCONVINCED = "It was not enough to be sure that it is you."
ABOUT_CODES = frozenset({None, "wrong_code", "code_expired", "no_code_issued"})
"""Reasons after which the number of tries that are left is about the code."""
PROVISIONS: Mapping[Regulation, str] = MappingProxyType(
    {
        Regulation.GDPR: "GDPR Art. 12(6)",
        Regulation.UK_GDPR: "UK GDPR Art. 12(6)",
        Regulation.FADP: "DPO Art. 16(5)",
        Regulation.CCPA: "11 CCR §§ 7060-7063",
        Regulation.US_STATE: "the privacy law of your State",
        Regulation.LGPD: "LGPD Art. 18",
        Regulation.PIPEDA: "PIPEDA Principle 4.9",
        Regulation.QUEBEC: "Act P-39.1 s. 30",
        Regulation.DPDP: "DPDP Act s. 11",
        Regulation.PIPL: "PIPL Art. 50",
        Regulation.PDPA: "Personal Data Protection Regulations 2021 reg. 3",
    }
)

STANDINGS: Mapping[Status, str] = MappingProxyType(
    {
        Status.UNKNOWN: "Taken in; it is being registered",
        Status.RECEIVED: "Received; we are making sure that it comes from you",
        Status.CHALLENGED: "Waiting for you to show that it is you",
        Status.VERIFIED: "Confirmed; we are working on it",
        Status.REFERRED: "Confirmed; our privacy staff is working on it",
        Status.REFUSED: "Refused; our letter says why",
        Status.ANSWERED: "Answered; our letter is on its way",
        Status.FORWARDED: "Forwarded to the customer of ours who decides about the data",
        Status.DUPLICATE: "You asked for the same before; our letter says where to see how that stands",
        Status.WITHDRAWN: "Withdrawn",
        Status.CLOSED: "Answered and closed",
        Status.PURGED: "Ended long ago; nothing is kept of it any longer",
    }
)


@dataclass(frozen=True, slots=True)
class Forms:
    """The fields of one or several ways to show who asks."""

    code: bool = False
    details: int = 0
    """How many details are the least; 0 where none are asked for."""
    declaration: bool = False
    uploads: tuple[Upload, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to fill in."""
        return self.code or bool(self.details) or self.declaration or bool(self.uploads)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked for."""

    ways: tuple[str, ...]
    """What to do, one sentence each, the least intrusive first."""
    first: Forms
    """Fields of the first of them that this page has fields for."""
    others: Forms
    """Fields that the others need besides."""
    setback: str
    """Why the last proof has not convinced; empty where none was refused."""
    tries_left: int | None
    provision: str
    by_agent: bool
    wording: str = CURRENT
    text: str = TEXTS[CURRENT]


def asked_of(case: Case) -> Asked | None:
    """Return what is asked of the person in *case*; None where nothing is, or somebody looks at a proof."""
    if case.status is not Status.CHALLENGED or case.received is None:
        return None
    first = frozenset[Evidence]()
    if not case.in_review:
        first = next((frozenset(way) for way in case.wanted if E.ACCOUNT not in way), first)
    code = awaits_code(case)
    others = frozenset() if case.in_review else _all_wanted(case) - first
    if first & LEAST_DETAILS.keys():
        others -= LEAST_DETAILS.keys()  # one form for details is enough
    asked = Asked(
        ways=() if case.in_review else tuple(map(_sentence, case.wanted)),
        first=_forms(first, code=code and (E.MAILBOX in first or not case.wanted or case.in_review)),
        others=_forms(others, code=code and E.MAILBOX in others),
        setback="" if case.in_review else _setback(case.proof_refused_for),
        tries_left=case.tries_left if case.proof_refused_for in ABOUT_CODES else None,
        provision=PROVISIONS[case.received.regulation],
        by_agent=case.received.requester is not Requester.PERSON,
    )
    return asked if asked.ways or asked.first else None


def awaits_code(case: Case) -> bool:
    """Tell whether a code was mailed that has not come back."""
    return case.codes > 0 and (not case.wanted or any(E.MAILBOX in way for way in case.wanted))


def standing_of(case: Case) -> str:
    """
    Return in a few words where *case* stands.

    Which request it repeats is told by letter alone: the id opens that one's page, and who made this one may
    be somebody else.
    """
    if case.duplicated is not None:
        return STANDINGS[Status.DUPLICATE]
    if case.awaits_agreement:
        return "Waiting for you to say whether you want an answer that costs something"
    if case.status is not Status.CHALLENGED:
        return STANDINGS[case.status]
    if case.in_review:
        return "Our privacy staff is looking at what you sent"
    if case.paused_since is not None or (case.proof_refused_for is not None and not awaits_code(case)):
        return STANDINGS[case.status]
    if awaits_code(case):
        return "Waiting for your code"
    return "We are checking what you sent"


def least_details(case: Case) -> int:
    """Return how many details are the least that *case* can use."""
    return _forms(_all_wanted(case), code=False).details or min(LEAST_DETAILS.values())


def _all_wanted(case: Case) -> frozenset[Evidence]:
    return frozenset(one for way in case.wanted for one in way)


def _setback(reason: Code | None) -> str:
    if reason is None:
        return ""
    why = SETBACKS.get(reason, UNCONVINCED)
    return why if reason == KEPT_WAITING else f"What you sent last did not convince us. {why}"


def _sentence(way: Iterable[Evidence]) -> str:
    words = [WORDS[one] for one in way]
    sentence = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _forms(evidence: frozenset[Evidence], *, code: bool) -> Forms:
    return Forms(
        code=code,
        details=min((least for one, least in LEAST_DETAILS.items() if one in evidence), default=0),
        declaration=E.DECLARATION in evidence,
        uploads=tuple(upload for one, upload in UPLOADS.items() if one in evidence),
    )
