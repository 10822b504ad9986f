"""
Reasons for not doing something, in plain words.

Events and journals carry the codes; the person reads the sentences.
"""

from collections.abc import Iterable, Mapping

from shared.law import ReasonCode
from shared.pages.translation import mark as _

IDENTITY_REASONS = frozenset(
    {
        ReasonCode.IDENTITY_NOT_ESTABLISHED,
        ReasonCode.CODE_EXPIRED,
        ReasonCode.TOO_MANY_ATTEMPTS,
        ReasonCode.DETAILS_DO_NOT_MATCH,
        ReasonCode.NOT_PROVEN_IN_TIME,
        ReasonCode.PROOF_NOT_CONVINCING,
        ReasonCode.PERMISSION_NOT_SHOWN,
        ReasonCode.UNIDENTIFIABLE,
    }
)
"""Reasons that end when the person proves their identity."""


def known_reasons(reasons: Iterable[str]) -> tuple[ReasonCode, ...]:
    """Return *reasons* without those that no letter knows: the letter must reach the person in any case."""
    return tuple(ReasonCode(reason) for reason in reasons if reason in set(ReasonCode))


REASONS: Mapping[ReasonCode, str] = {
    ReasonCode.RETENTION_DUTY: _("A law obliges us to keep these records."),
    ReasonCode.LEGAL_CLAIMS: _("We need these records to make or defend legal claims."),
    ReasonCode.LEGAL_HOLD: _("These records are evidence in legal proceedings, and we must not erase them."),
    ReasonCode.CONTRACT: _("We still need these records for a contract with you."),
    ReasonCode.STILL_NEEDED: _("We still need these records for the purpose that we hold them for."),
    ReasonCode.PURPOSE_ENDED: _("We no longer need the data for the purpose that we collected it for."),
    ReasonCode.UNLAWFUL_PROCESSING: _("The data was processed unlawfully."),
    ReasonCode.ERASURE_DUTY: _("A law obliges us to erase the data."),
    ReasonCode.CONSENT_WITHDRAWN: _("We held the data on your consent, and your request withdraws it."),
    ReasonCode.OBJECTION: _(
        "Your request is an objection to our use of the data, and we claim no overriding grounds."
    ),
    ReasonCode.COLLECTED_FROM_CHILD: _("We collected the data on the consent given for you as a child."),
    ReasonCode.SECURITY: _("We need these records to keep our services secure."),
    ReasonCode.FREE_EXPRESSION: _("Freedom of expression and information protects these records."),
    ReasonCode.PUBLIC_INTEREST: _("We need these records for a task in the public interest."),
    ReasonCode.RESEARCH: _("We need these records for archiving, research or statistics."),
    ReasonCode.NOT_COLLECTED_FROM_YOU: _("We did not collect these records from you."),
    ReasonCode.THIRD_PARTY_RIGHTS: _("They would show data about other people."),
    ReasonCode.NEVER_DISCLOSED: _("We hold this kind of data, but to protect you we do not send it."),
    ReasonCode.MASKED_VALUE: _(
        "To protect you, at most the last characters are shown. Ask us for the whole values."
    ),
    ReasonCode.PROFESSIONAL_SECRECY: _("We are bound to professional secrecy."),
    ReasonCode.NOT_PROVIDED_BY_YOU: _(
        "You did not give it to us, and we did not observe it. A copy of all your data includes it."
    ),
    ReasonCode.OTHER_LEGAL_BASIS: _(
        "We hold it neither on your consent nor for a contract with you. A copy of all your data includes it."
    ),
    ReasonCode.NEEDS_MORE_PROOF: _(
        "Your proof is enough for the kinds of data, but not for the data itself. Ask again with "
        "more proof, and you will get it."
    ),
    ReasonCode.IDENTITY_NOT_ESTABLISHED: _(
        "We could not confirm that the request comes from the person the data is about."
    ),
    ReasonCode.CODE_EXPIRED: _("We did not receive the code that we emailed to you before it expired."),
    ReasonCode.TOO_MANY_ATTEMPTS: _(
        "A wrong code was entered too often, so we stopped to protect your data."
    ),
    ReasonCode.DETAILS_DO_NOT_MATCH: _("The details in the request do not match what we hold."),
    ReasonCode.NOT_PROVEN_IN_TIME: _("We did not receive the proof that it is you in time."),
    ReasonCode.PROOF_NOT_CONVINCING: _("What you sent us was not enough to confirm that it is you."),
    ReasonCode.PERMISSION_NOT_SHOWN: _(
        "Someone asked on your behalf, and we could not confirm that you allow it."
    ),
    ReasonCode.UNIDENTIFIABLE: _("We cannot tell which of our records are about you."),
    ReasonCode.MANIFESTLY_UNFOUNDED: _("The request has clearly no basis."),
    ReasonCode.EXCESSIVE: _(
        "The request repeats earlier ones so often that the law does not oblige us to answer."
    ),
    ReasonCode.NOT_MARKABLE: _(
        "The system that holds these records cannot mark them, so they are not marked."
    ),
    ReasonCode.NOT_EDITABLE: _(
        "This entry records what happened, or it is decided elsewhere. We cannot change it on request."
    ),
    ReasonCode.NOT_FOUND: _("We hold no such detail about you."),
    ReasonCode.SAME_VALUE: _("Our records say this already."),
    ReasonCode.WRONG_TYPE: _(
        "We could not read the new value. Please write a date as 2026-03-31 and a number in digits."
    ),
    ReasonCode.AMBIGUOUS: _("We hold several different values there. Please tell us which one is wrong."),
    ReasonCode.NOT_TAKEN: _("One of our systems did not accept the change. It was not made there."),
    ReasonCode.OVERTAKEN: _(
        "This was changed while we were working on it. Please check whether it is right now."
    ),
    ReasonCode.ACCURACY_VERIFIED: _("We checked your data, and it is correct."),
    ReasonCode.GROUNDS_PREVAIL: _(
        "Our reasons to use the data are compelling, and weigh more than your objection."
    ),
    ReasonCode.NO_LONGER_NEEDED: _("What the restriction was for has ended."),
    ReasonCode.PERSON_ASKS: _("You asked us to."),
    ReasonCode.NOT_CHANGEABLE: _("Some details in these records cannot be changed."),
    ReasonCode.MENTIONED_ELSEWHERE: _("Records about other people mention you. We did not change them."),
    ReasonCode.SHARED_IDENTITY: _(
        "Other people's records also have an address or a number of yours. We did not search by it."
    ),
    ReasonCode.UNCONFIRMED_IDENTITY: _(
        "Your records name an address or a number that is not confirmed. We did not search by it."
    ),
    ReasonCode.STORE_RULES: _(
        "The rules of one of our databases refused the change. We will try again every day and write "
        "to you when the records are erased."
    ),
    ReasonCode.STORE_DUPLICATE: _(
        "One of our databases allows no two entries that look alike. We will try again every day and "
        "write to you when the records are erased."
    ),
    ReasonCode.STORE_TOO_LARGE: _(
        "The changed records are too large for one of our databases. We will try again every day and "
        "write to you when they are erased."
    ),
    ReasonCode.STORE_NOT_PERMITTED: _(
        "One of our databases does not let us change the records yet. We will try again every day and "
        "write to you when they are erased."
    ),
    ReasonCode.STORE_REFUSED: _(
        "One of our databases refused the change. We will try again every day and write to you when the "
        "records are erased."
    ),
    ReasonCode.CHANGED_MEANWHILE: _(
        "The records were added or changed during the erasure. We will try again every day and write to "
        "you when they are erased."
    ),
}
"""Reasons as the person reads them; the policies of the laws have their provisions."""
