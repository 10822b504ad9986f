"""The timeline of a case: a sentence for each fact, with its details and its account."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.console import labels
from services.console.domain import HistoryEntry, in_order
from services.console.pages.fact_details import details
from shared.contract import events
from shared.contract.events import Fact, breaches
from shared.pages.translation import Words
from shared.pages.translation import mark as _

SENTENCES: Mapping[type[Fact], str] = {
    events.RequestReceived: _("Request received"),
    events.RequestTaken: _("Request recorded by staff"),
    events.IdentityChallenged: _("Proof of identity requested"),
    events.IdentityReminded: _("Reminder of the missing proof"),
    events.ProofReceived: _("Proof received"),
    events.ProofExamined: _("Proof examined"),
    events.ProofRefused: _("Proof refused"),
    events.IdentityReviewNeeded: _("Proof needs a review by staff"),
    events.IdentityDecided: _("Decision about the identity"),
    events.ProofAskedAgain: _("Another proof requested by staff"),
    events.ReopeningDecided: _("Decision to take the request up again"),
    events.IdentityVerified: _("Identity verified"),
    events.IdentityRefused: _("Identity not established"),
    events.EvidenceShown: _("Proofs opened"),
    events.EvidenceDestroyed: _("Proofs destroyed"),
    events.RequestPaused: _("Clock paused"),
    events.RequestResumed: _("Clock resumed"),
    events.DueMoved: _("Last day moved"),
    events.RequestExtended: _("Time for the answer extended"),
    events.DeadlineApproaching: _("Target day passed"),
    events.DeadlineMissed: _("Last day missed"),
    events.RequestReferred: _("Referred to staff"),
    events.ReferralDecided: _("Answer by staff"),
    events.ErasurePlanned: _("Erasure planned"),
    events.ErasureGroundDecided: _("Decision about the claimed ground"),
    events.ErasureProposalDecided: _("Answer to the proposed erasure recorded"),
    events.ErasureApproved: _("Erasure approved"),
    events.ErasureScheduled: _("Erasure scheduled"),
    events.DisclosureScheduled: _("Disclosure scheduled"),
    events.RequestFulfilled: _("Request answered"),
    events.RequestWithdrawn: _("Request withdrawn"),
    events.RequestStopped: _("Request stopped"),
    events.RequestReleased: _("Request continued"),
    events.RequestLapsed: _("Request lapsed"),
    events.RequestForwarded: _("Forwarded to the customer"),
    events.ForwardingFetched: _("Request fetched by the customer"),
    events.ForwardingDecided: _("Customer named"),
    events.RequestDuplicated: _("Repeats an open request"),
    events.RequestClosed: _("Request closed"),
    events.FeeDecided: _("Decision about a fee"),
    events.FeeQuoted: _("Fee quoted"),
    events.FeeAgreed: _("Person agreed to the fee"),
    events.ScopeAsked: _("Question which data is meant"),
    events.ScopeAnswered: _("Question about the scope answered"),
    events.AppealReceived: _("Appeal or complaint received"),
    events.AppealDecided: _("Decision about the appeal"),
    events.AppealAnswered: _("Appeal answered"),
    events.MessageWritten: _("Message to the person"),
    events.ContentOpened: _("Content opened"),
    events.PermissionGranted: _("Permission to read granted"),
    events.PermissionRevoked: _("Permission to read revoked"),
    events.AnswerExpected: _("New day for the answer stated"),
    events.AnswerDelivered: _("Answer delivered by other means"),
    events.TransferOrdered: _("Transfer to another controller ordered"),
    events.PackageFetched: _("Package downloaded"),
    events.PackageExpired: _("Package destroyed"),
    events.SubjectErased: _("Recipients learn of the erasure"),
    events.SubjectRectified: _("Recipients learn of the correction"),
    events.SubjectRestricted: _("Recipients learn of the restriction"),
    events.SubjectUnrestricted: _("Recipients learn of the end of the restriction"),
    events.SubjectOptedOut: _("Recipients learn of the opt-out"),
    events.SubjectObjected: _("Recipients learn of the objection"),
    events.SubjectConsentWithdrawn: _("Recipients learn of the withdrawn consent"),
    events.RecipientFailed: _("Recipient not notified"),
    events.RecipientAcknowledged: _("Recipient notified"),
    events.RecipientInformed: _("Recipient notified by other means"),
    events.RecipientRetried: _("Recipient is notified again"),
    events.SubmissionHandled: _("Submission handled"),
    events.PurgeProposed: _("Purge proposed"),
    events.PurgeApproved: _("Purge approved"),
    events.MessageLodged: _("Mail for staff"),
    events.MessageHandled: _("Mail handled"),
    events.InquiryLodged: _("Unclear mail: the sender is asked"),
    events.RequestRejected: _("Submission set aside"),
    events.RequestRenewed: _("Request made anew"),
    events.ExtensionDecided: _("Decision to extend"),
    events.WithdrawalDecided: _("Decision to withdraw"),
    events.StopDecided: _("Decision about the stop"),
    events.PauseDecided: _("Decision to pause"),
    events.DuplicateDecided: _("Decision to merge with an earlier request"),
    events.NarrowingDecided: _("Decision about the scope"),
    events.ValuesReleased: _("Masked values released"),
    events.AliasConfirmed: _("Further identity confirmed"),
    events.AliasProven: _("Further identity proven by a code"),
    events.CorrectionApproved: _("Correction approved"),
    events.ChangePlanned: _("Change of the records planned"),
    events.RestrictionLifting: _("Decision to lift the restriction"),
    events.RestrictionAnnounced: _("End of the restriction announced"),
    events.CaseAssigned: _("Owner changed"),
    events.CaseNoted: _("Note written"),
    events.FileAttached: _("File attached"),
    events.TrailExported: _("Trail exported"),
    events.PackageReviewNeeded: _("Package waits for a review"),
    events.PackageReviewed: _("Package reviewed"),
    events.HoldPlaced: _("Legal hold placed"),
    events.HoldLifted: _("Legal hold lifted"),
    events.HoldEnded: _("Legal hold ended"),
    breaches.BreachRegistered: _("Breach registered"),
    breaches.BreachScoped: _("Affected people found"),
    breaches.BreachApproved: _("Notices approved"),
    breaches.BreachWithdrawn: _("Phase withdrawn"),
    breaches.BreachHeld: _("Notices held"),
    breaches.BreachOpened: _("Letters and lists opened"),
    breaches.RegisterOpened: _("Entry of the register opened"),
    breaches.NoticeProofAsked: _("Records of the notices to an address opened"),
    breaches.BreachHoldEnded: _("Hold ended"),
    breaches.CampaignPaused: _("Notices paused"),
    breaches.CampaignResumed: _("Notices resumed"),
    breaches.CampaignAborted: _("Notices stopped for good"),
    breaches.BreachRecounted: _("Letters came back"),
    breaches.BreachReported: _("Authority notified"),
    breaches.NoticesReleased: _("Notices released"),
    breaches.BreachNotified: _("Notices sent"),
    breaches.BreachAlarmed: _("Clock of the breach nearly over"),
}
"""Fact → its sentence; facts without one are not shown."""
LETTER_SENTENCES: Mapping[type[Fact], str] = {
    events.NoticeSent: _("Letter sent: %(letter)s"),
    events.NoticeFailed: _("Letter not sent: %(letter)s"),
    events.NoticeReported: _("Report on a letter: %(letter)s"),
}


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """A line of the timeline."""

    at: datetime
    text: str
    actor: str | None
    type: str = ""
    """The type of its event."""


def timeline(history: Iterable[HistoryEntry], words: Words) -> list[TimelineLine]:
    """Return the lines of a *history*, the newest first, in the language of *words*."""
    lines = [
        TimelineLine(entry.at, text, entry.actor, entry.fact.TYPE)
        for entry in in_order(history)
        for text in _texts(entry.fact, words)
    ]
    return lines[::-1]


def _texts(fact: Fact, words: Words) -> Iterator[str]:
    if (sentence := _sentence(fact, words)) is not None:
        said = " · ".join(details(fact, words))
        yield f"{sentence}: {said}" if said else sentence


def _sentence(fact: Fact, words: Words) -> str | None:
    if isinstance(fact, events.NoticeFact) and (sentence := LETTER_SENTENCES.get(type(fact))) is not None:
        return words.say(sentence, letter=words.say(labels.LETTERS[fact.letter]))
    sentence = SENTENCES.get(type(fact))
    return None if sentence is None else words.say(sentence)
