"""Words of letters: titles, rights, laws, proofs. Marked here, translated when composing."""

from collections.abc import Mapping

from services.notifier.letters.letter_models import (
    AccessOutcome,
    AppealDecidedLetter,
    CodeLetter,
    CodePurpose,
    Deed,
    ErasureOutcome,
    LetterFacts,
    RequestDone,
    Setback,
    Weighing,
)
from shared.contract.events import Evidence, ExtensionReason, Outcome
from shared.law import FeeReason, Right
from shared.pages.translation import mark as _

OPEN_END = _("As long as the reason lasts")
COMPANY_LAW = _("A law that applies to our company obliges us to keep these records: %(provision)s.")
ENDS_ONE_BY_ONE = _("Each record has its own end date, between %(first)s and %(last)s")
NOTHING_HELD = _("We hold no data about you")

CODE_TITLES: Mapping[CodePurpose, str] = {
    CodePurpose.IDENTITY: _("Your code to confirm your request"),
    CodePurpose.DOWNLOAD: _("Your code to open your data package"),
}

PERMISSION_TITLE = _("Someone has asked us on your behalf")

ACCESS_TITLES: Mapping[Outcome, str] = {
    Outcome.GRANTED: _("Your data package is ready"),
    Outcome.PARTLY_GRANTED: _("Your data package is ready, with exceptions"),
    Outcome.NOTHING_HELD: NOTHING_HELD,
}

APPEAL_TITLES: Mapping[bool, str] = {True: _("You were right to appeal"), False: _("We stand by our answer")}

DISPUTED_TITLE = _("We are checking the data that you dispute")

CATEGORIES_TITLE = _("Which kinds of data we hold about you")

HINDRANCES: Mapping[str, str] = {
    "not_allowed": _("We send only to an address on the public internet that begins with https://."),
    "unreachable": _("They did not answer."),
    "refused": _("They did not take it."),
    "no_key": _("We send data only in encrypted form, and we have no valid key of this service."),
    "unproven": _("The service did not prove that it holds the key that we encrypt with."),
}

ERASURE_TITLES: Mapping[Outcome, str] = {
    Outcome.GRANTED: _("We erased your data"),
    Outcome.PARTLY_GRANTED: _("We erased your data, with exceptions"),
    Outcome.NOTHING_HELD: NOTHING_HELD,
}
UNERASED_TITLES: Mapping[Outcome, str] = {
    Outcome.GRANTED: _("There was nothing to erase"),
    Outcome.PARTLY_GRANTED: _("We have not erased your data"),
    Outcome.NOTHING_HELD: NOTHING_HELD,
}
"""Where no record was erased or masked."""

DONE_TITLES: Mapping[Outcome, str] = {
    Outcome.GRANTED: _("We did what you asked for"),
    Outcome.PARTLY_GRANTED: _("We did what you asked for, with exceptions"),
    Outcome.NOTHING_HELD: NOTHING_HELD,
}

OUTSTANDING_TITLE = _("What we have done about your request")
"""Where recipients must still be notified: not all is done that the person asked for."""

MARKETING_STOPS = _("We will stop using your data for direct marketing.")
"""Instead of the next step of other objections: this one cannot be refused (GDPR Art. 21(3))."""

NEXT_STEPS: Mapping[Right, str] = {
    Right.ACCESS: _("We will collect your data from our systems and email you a link to it."),
    Right.PORTABILITY: _("We will collect your data from our systems and email you a link to it."),
    Right.ERASURE: _(
        "We will erase your data. If we have to keep some of it, we will tell you what, why and for how long."
    ),
    Right.RECTIFICATION: _(
        "We will check the details, correct those that are wrong and notify the recipients of the data."
    ),
    Right.RESTRICTION: _(
        "We will mark the data so that we only store it, and notify the recipients of the data."
    ),
    Right.OBJECTION: _("We will stop the use that you object to, or explain why we may continue."),
    Right.CONSENT_WITHDRAWAL: _("We will stop every use that rests on your consent."),
    Right.KNOW_CATEGORIES: _(
        "We will list the categories of data we hold about you and email you a link to the list."
    ),
    Right.OPT_OUT_OF_SALE: _(
        "We will stop selling and sharing your data and notify the recipients of the data."
    ),
    Right.LIMIT_SENSITIVE_USE: _(
        "We will use your sensitive data only where the law allows it without your choice."
    ),
}

DEEDS: Mapping[Deed, str] = {
    Right.RECTIFICATION: _("We corrected your data."),
    Right.RESTRICTION: _("We marked your data as restricted: while the mark stands, it may only be stored."),
    Right.OBJECTION: _(
        "We recorded your objection: your data may no longer be used in the way you objected to."
    ),
    Right.CONSENT_WITHDRAWAL: _(
        "We recorded your withdrawal: your data may no longer be used on the basis of your consent."
    ),
    Right.OPT_OUT_OF_SALE: _("We recorded your choice: your data may no longer be sold or shared."),
    Right.LIMIT_SENSITIVE_USE: _(
        "We recorded your choice: your sensitive data may be used only where the law allows it without "
        "your choice."
    ),
}
"""The deed itself: marks in the records and the suppression list. What others do with them is theirs."""

NO_ASKING = _("For the next 12 months the law does not allow us to ask you to change this choice.")
UNLIMITED_PROMISES: Mapping[Right, str] = {
    Right.RESTRICTION: _("We will inform you before the restriction ends."),
    Right.CONSENT_WITHDRAWAL: _("What we did before you withdrew your consent stays lawful."),
}
"""True under every law; the other promises stand in a letter only where a law demands them."""
PROMISES: Mapping[Right, str] = {
    **UNLIMITED_PROMISES,
    Right.OPT_OUT_OF_SALE: NO_ASKING,
    Right.LIMIT_SENSITIVE_USE: NO_ASKING,
}

COMPLAINTS: Mapping[str, str] = {
    "complaint-after-appeal": _("If we turn down your appeal, you can complain to:"),
    "complaint-after-grievance": _("If our answer does not satisfy you, you can complain to:"),
    "complaint": _("You can also complain to the data protection authority:"),
}
"""Ways to an authority: the block that describes it, and how it begins. The last one is open to all."""

EXTENSIONS: Mapping[ExtensionReason, str] = {
    ExtensionReason.COMPLEXITY: _("Your request is complex: we have to look in many places."),
    ExtensionReason.NUMBER_OF_REQUESTS: _("You sent us several requests, and we answer each with care."),
}

FEES: Mapping[FeeReason, str] = {
    FeeReason.FURTHER_COPY: _("The first copy is free. This is a further one."),
    FeeReason.EXCESSIVE: _("The request repeats earlier ones very often."),
    FeeReason.MANIFESTLY_UNFOUNDED: _("The request has clearly no basis."),
    FeeReason.EFFORT: _("The answer takes far more work than usual."),
    FeeReason.TRANSCRIPTION: _("Someone has to write down or copy the data for you."),
}

EVIDENCE: Mapping[Evidence, str] = {
    Evidence.ACCOUNT: _("a sign-in to your account with us"),
    Evidence.MAILBOX: _("the code that we mail to you"),
    Evidence.TWO_POINTS: _("two details that we can compare with what we already hold"),
    Evidence.THREE_POINTS: _("three details that we can compare with what we already hold"),
    Evidence.DECLARATION: _("a signed declaration that you are the person whose data this is about"),
    Evidence.IDENTITY_DOCUMENT: _("a picture of your passport, identity card or driving licence"),
    Evidence.ADDRESS_DOCUMENT: _("a recent bill or bank statement with your name and address"),
    Evidence.PERMISSION: _("a signed permission from you for the person who asks on your behalf"),
    Evidence.CONFIRMATION: _("your confirmation on the page of your request"),
}
"""The company's own proof, as it stands in a list: the records are looked at without the person."""

TOGETHER = _("%(one)s, and %(other)s")

SETBACKS: Mapping[Setback, str] = {
    Setback.DOCUMENT_UNREADABLE: _(
        "We could not read the document well enough. Take the picture in good light, sharp, straight and "
        "with all four corners, or send a PDF."
    ),
    Setback.DOCUMENT_NOT_ACCEPTED: _(
        "We could not accept the document. Please make sure that it is one that we ask for, that it is "
        "yours, still valid or recent enough, and in the name in your request."
    ),
    Setback.DOCUMENT_NOT_DECRYPTED: _(
        "We could not decrypt the file. Please encrypt it again with our OpenPGP key, or upload it on the "
        "page of your request without encryption."
    ),
    Setback.LOG_IN_FAILED: _("The sign-in to your account did not work."),
    Setback.CODE_BY_MAIL: _(
        "A code counts by mail only if your mail provider confirms who sent it. Please enter it on the page."
    ),
    Setback.OTHER: _("It was not enough to confirm that it is you."),
}


def title(facts: LetterFacts) -> str:
    """Return the subject and heading of a letter; discreet, because locked screens show subjects."""
    match facts:
        case CodeLetter() if facts.representative:
            return PERMISSION_TITLE
        case CodeLetter():
            return CODE_TITLES[facts.purpose]
        case AccessOutcome() if facts.answer.categories:
            return CATEGORIES_TITLE
        case AccessOutcome():
            return ACCESS_TITLES[facts.outcome]
        case Weighing() if facts.right is Right.RECTIFICATION:
            return DISPUTED_TITLE
        case ErasureOutcome():
            return (ERASURE_TITLES if facts.erased else UNERASED_TITLES)[facts.outcome]
        case RequestDone() if facts.outstanding:
            return OUTSTANDING_TITLE
        case RequestDone():
            return DONE_TITLES[facts.outcome]
        case AppealDecidedLetter():
            return APPEAL_TITLES[facts.granted]
        case _:
            return facts.title
