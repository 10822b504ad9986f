"""Terms of a request's page. Marked here, translated when shown."""

from collections.abc import Mapping

from services.intake.cases.errors import CaseError
from shared.contract.codes import CodeVerdict
from shared.contract.events import LetterKind, Remedy
from shared.contract.status import TimelineKind
from shared.pages.translation import mark as _

OBSTACLES: Mapping[CaseError, str] = {
    CaseError.PROOF_DECIDED: _("We no longer need proof: the identity check has been completed."),
    CaseError.TOO_LATE_TO_WITHDRAW: _("It is too late to withdraw the request: it has already been decided."),
    CaseError.NO_FEE: _("There is no fee to agree to."),
    CaseError.SCOPE_NOT_ASKED: _("We do not need to know this any more."),
    CaseError.APPEAL_OPEN: _("We are already reviewing it."),
    CaseError.NO_CERTIFICATE: _("There is no certificate for this request."),
    CaseError.TOO_MANY_CODES: _("Too many codes were sent for this package. Please write to us."),
    CaseError.NO_PACKAGE: _("There is no data package for this request."),
    CaseError.PACKAGE_GONE: _("The data package is no longer available. You can make the request again."),
    CaseError.STOPPED: _(
        "The request is stopped. Our privacy staff will review it before anything else happens."
    ),
}
NOT_NOW = _("This is not possible at present.")
TOO_OFTEN = _("Too many actions were taken on this request. Please try again in an hour.")
NO_BYTES = _(
    "Your browser requested a part of the package that does not exist. Please start the download again."
)
UNOPENED: Mapping[CodeVerdict, str] = {
    CodeVerdict.WRONG: _("This is not the code that we emailed last for the package."),
    CodeVerdict.EXPIRED: _("The code has expired. Please request another one."),
    CodeVerdict.EXHAUSTED: _("A wrong code was entered too often. Please request another one."),
    CodeVerdict.NOT_ISSUED: _("This code is not valid or no longer valid. Please request a new one."),
}
"""Reasons why a code does not open the package."""

HAPPENED: Mapping[TimelineKind, str] = {
    TimelineKind.RECEIVED: _("We received your request"),
    TimelineKind.PROOF_ASKED: _("We asked for proof of identity"),
    TimelineKind.PROOF_CAME: _("Your proof arrived"),
    TimelineKind.PROOF_REFUSED: _("We could not accept what was sent"),
    TimelineKind.IN_REVIEW: _("Our privacy staff began to review your proof"),
    TimelineKind.VERIFIED: _("We confirmed the identity of the requester"),
    TimelineKind.REFERRED: _("Our privacy staff took over the request"),
    TimelineKind.DUE_MOVED: _("The last day for our answer moved to %(until)s, because we waited for you"),
    TimelineKind.EXTENDED: _("We extended the time for our answer to %(until)s"),
    TimelineKind.LATE: _("We missed the last day for our answer"),
    TimelineKind.FEE_QUOTED: _("We stated what the answer would cost"),
    TimelineKind.FEE_AGREED: _("You agreed to the fee"),
    TimelineKind.SCOPE_ASKED: _("We asked which of your data you mean"),
    TimelineKind.SCOPE_ANSWERED: _("You said which of your data you mean"),
    TimelineKind.ANSWERED: _("We finished our answer"),
    TimelineKind.REFUSED: _("We refused the request"),
    TimelineKind.DUPLICATE: _("We found that you had already made the same request"),
    TimelineKind.FORWARDED: _("We forwarded the request to the customer that decides about the data"),
    TimelineKind.WITHDRAWN: _("The request was withdrawn"),
    TimelineKind.LETTER_SENT: _("Letter sent: %(letter)s"),
    TimelineKind.LETTER_RETURNED: _("Letter came back: %(letter)s"),
    TimelineKind.DELIVERED: _("Our answer was handed over in another way"),
    TimelineKind.DOWNLOADED: _("The data package was downloaded"),
    TimelineKind.PACKAGE_EXPIRED: _("We deleted the data package"),
    TimelineKind.APPEALED: _("We received your appeal"),
    TimelineKind.COMPLAINED: _("We received your complaint"),
    TimelineKind.APPEAL_DECIDED: _("We decided on your appeal"),
    TimelineKind.COMPLAINT_DECIDED: _("We decided on your complaint"),
    TimelineKind.STOPPED: _("The request was stopped"),
    TimelineKind.RELEASED: _("Our privacy staff allowed the request to continue"),
}
LETTERS: Mapping[LetterKind, str] = {
    LetterKind.ACKNOWLEDGEMENT: _("We received your request"),
    LetterKind.CODE: _("Your code"),
    LetterKind.CLARIFICATION: _("What would you like us to do?"),
    LetterKind.EXTENSION: _("We need more time for your request"),
    LetterKind.OUTCOME: _("Our answer"),
    LetterKind.REFUSAL: _("We cannot do what you asked for"),
    LetterKind.WITHDRAWN: _("We stopped working on your request"),
    LetterKind.WEIGHING: _("Our staff is reviewing your request"),
    LetterKind.LIFTING: _("We will end the restriction of your data"),
    LetterKind.CONSENT_SCHEDULED: _("Your withdrawal of consent"),
    LetterKind.ERASURE_SCHEDULED: _("We will soon erase your data"),
    LetterKind.PROOF_WANTED: _("We need to confirm that it is you"),
    LetterKind.REMINDER: _("Your request still waits for you"),
    LetterKind.IN_REVIEW: _("Our staff is checking your proof"),
    LetterKind.DUPLICATE: _("We are already working on the same request"),
    LetterKind.FORWARDED: _("We passed your request on"),
    LetterKind.FORWARDED_TO_CONTROLLER: _("To the customer that decides about the data"),
    LetterKind.SCOPE_ASKED: _("Which of your data do you mean?"),
    LetterKind.FEE_QUOTED: _("There would be a fee for your request"),
    LetterKind.LATE: _("We are late with our answer"),
    LetterKind.PACKAGE_EXPIRING: _("Your data package will soon be deleted"),
    LetterKind.APPEAL_RECEIVED: _("We received your appeal"),
    LetterKind.APPEAL_DECIDED: _("The result of your appeal"),
    LetterKind.COMPLAINT_RECEIVED: _("We received your complaint"),
    LetterKind.COMPLAINT_DECIDED: _("The result of your complaint"),
    LetterKind.MESSAGE: _("A message about your request"),
    LetterKind.ALIAS_CODE: _("Is this request yours?"),
    LetterKind.NAMED_MAILBOX: _("A request about data with your email address"),
}
"""By the subjects of the letters in the mailbox, if each has one."""
OPEN_REMEDIES: Mapping[Remedy, str] = {Remedy.APPEAL: _("Your appeal"), Remedy.COMPLAINT: _("Your complaint")}
