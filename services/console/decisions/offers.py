"""The decisions that the console offers, in the order of its pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from secrets import token_hex
from typing import Any

from services.console import labels
from services.console.decisions.forms import (
    ANSWERED,
    TEXT,
    UNDECIDED,
    UNPROVEN,
    CaseView,
    Choices,
    DecisionField,
    DecisionOffer,
    Entered,
    FieldKind,
    InvalidEntry,
    named,
)
from services.console.state import CaseKind, CaseStage, WaitKind
from shared.contract import events
from shared.contract.erasure_claims import ErasureClaim
from shared.contract.events import Controller
from shared.law import Right, Role, TimedDuty, may_narrow
from shared.law.library import policies, provisions_of, refusal_grounds
from shared.pages.translation import mark as _
from shared.vocabulary import (
    HoldScope,
    MessageOutcome,
    Outcome,
    ReferralReason,
    RefusalReason,
    Requester,
)

NONE = "none"
YES, NO = "yes", "no"
ANSWERS: Choices = ((YES, _("Yes")), (NO, _("No")))
SHORT_PERMISSION, LONG_PERMISSION = "24", "720"
PERMISSIONS: Choices = (
    ("4", _("4 hours")),
    (SHORT_PERMISSION, _("24 hours")),
    ("168", _("7 days")),
    (LONG_PERMISSION, _("30 days")),
)
REOPENABLE = frozenset({CaseStage.ANSWERED, CaseStage.REFUSED, CaseStage.WITHDRAWN, CaseStage.CLOSED})
"""Stages of requests that have ended."""
ANSWER_LATER = _("The answer to the request follows in a letter of its own.")
RECEIPT_LATER = _("A new request is acknowledged by a letter of its own, with a code if it needs a proof.")
RELEASABLE = frozenset({"masked_value", "needs_more_proof", "never_disclosed"})
"""Reasons for which values are withheld that staff may release."""


def _choice(name: str, label: str, names: Mapping[str, str], *, required: bool = True) -> DecisionField:
    def choices(_view: CaseView) -> Choices:
        return named(names, names)

    return DecisionField(name, label, FieldKind.CHOICE, choices=choices, required=required)


def _letter_text(*, required: bool) -> DecisionField:
    hint = _("The person reads this text in the letter, in your words.")
    return DecisionField(TEXT, _("Text to the person"), FieldKind.LONG_TEXT, hint, required=required)


REMARK = DecisionField(
    TEXT,
    _("Reason for the record"),
    FieldKind.LONG_TEXT,
    _("Accounts of the staff read it in the opened case."),
    required=False,
)
REASON = replace(REMARK, required=True)
"""Of decisions that end, stop or resume something, or grant it against the machine."""


def _grounds(view: CaseView) -> Choices:
    if view.row.right is None:
        return []
    provided = refusal_grounds(Right(view.row.right), view.row.laws)
    return [(one, f"{labels.GROUNDS[one]} ({'; '.join(texts)})") for one, texts in provided.items()]


def _ground_field(*, required: bool) -> DecisionField:
    hint = _("Only grounds of the laws that protect the person are listed. The letter cites the provision.")
    return DecisionField("grounds", _("Grounds"), FieldKind.SEVERAL, hint, _grounds, required=required)


# --- identity -------------------------------------------------------------------------------------------


def _unproven(view: CaseView) -> bool:
    return view.row.stage in UNPROVEN and not view.waits_for(WaitKind.FORWARD)


def _identities(entered: Entered, _view: CaseView) -> Entered:
    names = str(entered["identities"]).replace(",", " ").split()
    return {"reason": entered["reason"], "identities": tuple(names)}


IDENTITY = (
    DecisionOffer(
        name="accept-proof",
        kind=events.IdentityDecided,
        title=_("Accept the proof"),
        text=_("The requester is the person. The request goes on with the identities that you name."),
        done=_("The proof is accepted."),
        fits=lambda view: _unproven(view) and view.row.stopped is None,
        fields=(
            _choice("reason", _("Reason"), labels.ACCEPTANCES),
            DecisionField(
                "identities",
                _("Identities of the person"),
                hint=_(
                    "Those that the opened request states: email, phone_number, or the name of an identifier."
                ),
                preset="email",
            ),
        ),
        constants={"verified": True},
        data=_identities,
        answers=WaitKind.DOCUMENT,
        letter=True,
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="ask-again",
        kind=events.ProofAskedAgain,
        title=_("Ask for another proof"),
        text=_("The person gets a letter with the reason and the missing proofs. The clock runs on."),
        done=_("The person is asked for another proof."),
        fits=lambda view: view.waits_for(WaitKind.DOCUMENT) and view.row.stopped is None,
        fields=(_choice("reason", _("Reason"), labels.PROOF_OBJECTIONS),),
        answers=WaitKind.DOCUMENT,
        letter=True,
    ),
    DecisionOffer(
        name="reject-proof",
        kind=events.IdentityDecided,
        title=_("Reject the proof"),
        text=_("The identity is not established. The person gets a letter, and the request ends."),
        done=_("The proof is rejected."),
        fits=_unproven,
        fields=(_choice("reason", _("Reason"), {one: labels.GROUNDS[one] for one in RefusalReason}),),
        constants={"verified": False},
        letter=True,
    ),
)

# --- answers --------------------------------------------------------------------------------------------


def _referred(view: CaseView) -> bool:
    return view.waits_for(WaitKind.REFERRED) and view.row.stopped is None


def _by_hand(view: CaseView) -> bool:
    """Return whether the staff can answer: the request waits for it, or its answer has not begun."""
    verified = view.row.stage is CaseStage.VERIFIED and view.row.stopped is None
    return (_referred(view) and not _unproven(view)) or (verified and not _begun(view))


def _begun(view: CaseView) -> bool:
    """Return whether the answer is under way, or a fee for it is quoted."""
    planned, window = view.last(events.ErasurePlanned), view.last(events.ErasureScheduled)
    waits = planned is None or planned.approval or (window is not None and view.now < window.at)
    quoted = view.has(events.FeeQuoted) and not view.has(events.FeeAgreed)
    return quoted or not waits or view.has(events.ChangePlanned, events.TransferOrdered)


def _refusable(view: CaseView) -> bool:
    return _by_hand(view) or (_unproven(view) and view.row.stopped is None)


def _refused(entered: Entered, view: CaseView) -> Entered:
    return {**entered, "unproven": _unproven(view)}


def _answered(entered: Entered, _view: CaseView) -> Entered:
    if entered["outcome"] == Outcome.GRANTED and entered["grounds"]:
        raise InvalidEntry("grounds", _("Only an answer in part has grounds."))
    return entered


def proposal_on(view: CaseView) -> events.ReferralDecided | None:
    """Return the answer that was proposed and waits for a second account."""
    return view.last(events.ReferralDecided) if _referred(view) else None


def _agreed(_entered: Entered, view: CaseView) -> Entered:
    proposed = proposal_on(view)
    if proposed is None:
        raise InvalidEntry("", _("No answer is proposed any more."))
    return proposed.model_dump(include={"outcome", "grounds", "explanation", "package", "unproven"})


GIVEN = (Outcome.GRANTED, Outcome.PARTLY_GRANTED)
ANSWER = (
    DecisionOffer(
        name="answer",
        kind=events.ReferralDecided,
        title=_("Answer by hand"),
        text=_("You have done what the person asks. The person gets your text in a letter."),
        done=_("The answer is recorded."),
        fits=_by_hand,
        fields=(
            _choice("outcome", _("Outcome"), {one: labels.OUTCOMES[one] for one in GIVEN}),
            _ground_field(required=False),
            _letter_text(required=True),
        ),
        data=_answered,
        sealed="explanation",
        answers=WaitKind.REFERRED,
        letter=True,
    ),
    DecisionOffer(
        name="refuse",
        kind=events.ReferralDecided,
        title=_("Refuse the request"),
        text=_("The request ends. The person gets a letter with the grounds, provisions and remedies."),
        done=_("The refusal is recorded."),
        fits=_refusable,
        fields=(_ground_field(required=True), _letter_text(required=False)),
        constants={"outcome": Outcome.REFUSED},
        data=_refused,
        sealed="explanation",
        answers=WaitKind.REFERRED,
        letter=True,
    ),
    DecisionOffer(
        name="nothing-held",
        kind=events.ReferralDecided,
        title=_("Answer that nothing is held"),
        text=_("A search by hand found no data about the person."),
        done=_("The answer is recorded."),
        fits=_by_hand,
        fields=(REASON,),
        sealed="remark",
        constants={"outcome": Outcome.NOTHING_HELD},
        answers=WaitKind.REFERRED,
        letter=True,
    ),
    DecisionOffer(
        name="agree",
        kind=events.ReferralDecided,
        title=_("Give the proposed answer"),
        text=_("Another account has proposed an answer. You give the same answer, with its text."),
        done=_("The proposed answer is given."),
        fits=lambda view: proposal_on(view) is not None,
        fields=(REMARK,),
        sealed="remark",
        data=_agreed,
        answers=WaitKind.REFERRED,
        letter=True,
    ),
)

# --- erasure --------------------------------------------------------------------------------------------


def _claim(entered: Entered, _view: CaseView) -> Entered:
    return {"ground": None if entered["ground"] == NONE else entered["ground"]}


def _claims(view: CaseView) -> Choices:
    provided = provisions_of(ErasureClaim, view.row.laws)
    known = [(one, f"{labels.CLAIMS[one]} ({'; '.join(texts)})") for one, texts in provided.items() if texts]
    return [*known, (NONE, _("Neither applies"))]


def _proposed(entered: Entered, _view: CaseView) -> Entered:
    return {"accepted": entered["accepted"] == YES, "manner": entered["manner"]}


ERASURE = (
    DecisionOffer(
        name="approve-erasure",
        kind=events.ErasureApproved,
        title=_("Approve the erasure"),
        text=_("The planned erasure begins, after its window if there is one. It cannot be undone."),
        done=_("The erasure is approved."),
        fits=lambda view: view.waits_for(WaitKind.APPROVAL),
        fields=(REMARK,),
        sealed="remark",
        answers=WaitKind.APPROVAL,
        letter=True,
    ),
    DecisionOffer(
        name="decide-ground",
        kind=events.ErasureGroundDecided,
        title=_("Decide on the claimed ground"),
        text=_("The person claims a ground of the erasure that the data map does not show."),
        done=_("The decision on the ground is recorded."),
        fits=lambda view: view.waits_for(WaitKind.REFERRED, ReferralReason.GROUND_CLAIMED),
        fields=(DecisionField("ground", _("Ground"), FieldKind.CHOICE, choices=_claims), REASON),
        sealed="remark",
        data=_claim,
        letter=True,
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="record-consent",
        kind=events.ErasureProposalDecided,
        title=_("Record the answer to the proposed erasure"),
        text=_("The person withdrew a consent, and was asked whether the data is to be erased."),
        done=_("The answer of the person is recorded."),
        fits=lambda view: view.waits_for(WaitKind.PROPOSAL),
        fields=(
            _choice("accepted", _("The person wants it erased"), dict(ANSWERS)),
            _choice("manner", _("How they answered"), labels.MANNERS),
            REMARK,
        ),
        sealed="remark",
        data=_proposed,
        answers=WaitKind.PROPOSAL,
        later=RECEIPT_LATER,
    ),
)

# --- packages -------------------------------------------------------------------------------------------


def _listing(_entered: Entered, view: CaseView) -> Entered:
    listed = view.last(events.PackageReviewNeeded)
    return {"listing": listed and listed.listing}


PACKAGE = (
    DecisionOffer(
        name="review-package",
        kind=events.PackageReviewed,
        title=_("Review the package"),
        text=_("You read the records, withhold some on a ground of the law, and send the package."),
        done=_("The review is recorded."),
        fits=lambda view: view.waits_for(WaitKind.PACKAGE) and view.row.stopped is None,
        data=_listing,
        answers=WaitKind.PACKAGE,
        page="package",
    ),
)

# --- appeals --------------------------------------------------------------------------------------------


def _appealed(view: CaseView) -> bool:
    return view.waits_for(WaitKind.APPEAL)


APPEAL = (
    DecisionOffer(
        name="grant-appeal",
        kind=events.AppealDecided,
        title=_("Grant the appeal"),
        text=_("The person gets a letter. An answered request is taken up again as a new one."),
        done=_("The appeal is granted."),
        fits=_appealed,
        fields=(_letter_text(required=True),),
        constants={"granted": True},
        sealed="explanation",
        answers=WaitKind.APPEAL,
        letter=True,
    ),
    DecisionOffer(
        name="refuse-appeal",
        kind=events.AppealDecided,
        title=_("Refuse the appeal"),
        text=_("The person gets a letter with your explanation, and where to complain."),
        done=_("The appeal is refused."),
        fits=_appealed,
        fields=(_letter_text(required=True),),
        constants={"granted": False},
        sealed="explanation",
        answers=WaitKind.APPEAL,
        letter=True,
    ),
)

# --- customers ------------------------------------------------------------------------------------------


def _forwardable(view: CaseView) -> bool:
    returned = view.row.stage is CaseStage.FORWARDED and view.waits_for(WaitKind.UNDELIVERED)
    return view.waits_for(WaitKind.FORWARD) or returned


def _customer(entered: Entered) -> str:
    try:
        return Controller(name=entered["name"], email=entered["email"]).model_dump_json()
    except ValueError:
        raise InvalidEntry("email", _("Write a mail address: privacy@customer.example.")) from None


def _customer_reason(entered: Entered, _view: CaseView) -> Entered:
    return {"reason": entered["reason"]}


def _of_customer(view: CaseView) -> bool:
    return view.row.role == Role.END_USER


def _permitted(entered: Entered, view: CaseView) -> Entered:
    until = view.now + timedelta(hours=int(entered["hours"]))
    return {"account": entered["account"], "until": until, "reason": entered["reason"]}


def _readers(view: CaseView) -> Choices:
    gone = {one.account for one in view.all(events.PermissionRevoked)}
    granted = dict.fromkeys(one.account for one in view.all(events.PermissionGranted))
    names = dict(view.people)
    return [(one, names.get(one, one)) for one in granted if one not in gone]


CUSTOMER = (
    DecisionOffer(
        name="forward",
        kind=events.ForwardingDecided,
        title=_("Forward to the customer"),
        text=_("The customer that decides about the data gets the request. The person gets a letter."),
        done=_("The request is forwarded."),
        fits=_forwardable,
        fields=(
            DecisionField("name", _("Name of the customer")),
            DecisionField("email", _("Mail address of the customer")),
            _choice("reason", _("Reason"), labels.CUSTOMER_REASONS, required=False),
        ),
        data=_customer_reason,
        sealed="controller",
        written=_customer,
        answers=WaitKind.FORWARD,
        letter=True,
    ),
    DecisionOffer(
        name="permit-reading",
        kind=events.PermissionGranted,
        title=_("Permit an account to read"),
        text=_("The content is a customer's. Another account may read it until a time."),
        done=_("The permission is granted."),
        fits=_of_customer,
        fields=(
            DecisionField("account", _("Account"), FieldKind.CHOICE, choices=lambda view: view.people),
            DecisionField("hours", _("For"), FieldKind.CHOICE, choices=lambda _view: PERMISSIONS),
            _choice("reason", _("Reason"), labels.READINGS),
        ),
        data=_permitted,
    ),
    DecisionOffer(
        name="revoke-permission",
        kind=events.PermissionRevoked,
        title=_("End a permission to read"),
        text=_("The account may no longer read the content of the customer."),
        done=_("The permission has ended."),
        fits=lambda view: _of_customer(view) and bool(_readers(view)),
        fields=(DecisionField("account", _("Account"), FieldKind.CHOICE, choices=_readers), REASON),
        sealed="remark",
    ),
)

# --- the course of a request ----------------------------------------------------------------------------


def _stopped(view: CaseView) -> bool:
    return view.waits_for(WaitKind.STOPPED)


def _extendable(view: CaseView) -> bool:
    row = view.row
    if not view.undecided or row.extension is not None or row.due_on is None or view.today > row.due_on:
        return False
    right = Right(row.right or Right.ACCESS)
    return any(policies().named(law).rule(TimedDuty.EXTENDED_ANSWER, right) for law in row.laws)


def _narrowable(view: CaseView) -> bool:
    laws = [policies().named(law) for law in view.row.laws]
    right = Right(view.row.right or Right.ACCESS)
    return view.undecided and not view.has(events.ScopeAsked) and may_narrow(laws, right)


def _scope_awaited(view: CaseView) -> bool:
    return view.undecided and view.has(events.ScopeAsked) and not view.has(events.ScopeAnswered)


def _fee(entered: Entered, _view: CaseView) -> Entered:
    fee = {"amount": entered["amount"].replace(",", "."), "currency": entered["currency"].upper()}
    return {"fee": fee, "reason": entered["reason"]}


def _fee_possible(view: CaseView) -> bool:
    planned = view.has(events.ErasurePlanned, events.FeeQuoted, events.FeeDecided)
    return view.undecided and not planned and not view.waits_for(WaitKind.FORWARD)


def _writable(view: CaseView) -> bool:
    return view.row.stage is not None and view.row.requester != Requester.CONTROLLER


LIFECYCLE = (
    DecisionOffer(
        name="resume",
        kind=events.StopDecided,
        title=_("Continue the request"),
        text=_("The request is no longer stopped."),
        done=_("The request continues."),
        fits=_stopped,
        fields=(REASON,),
        sealed="remark",
        constants={"resume": True},
        answers=WaitKind.STOPPED,
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="close",
        kind=events.StopDecided,
        title=_("End the request without an answer"),
        text=_("Nothing is disclosed or erased. A request that was answered stays stopped."),
        done=_("The decision about the stop is recorded."),
        fits=_stopped,
        fields=(REASON,),
        sealed="remark",
        constants={"resume": False},
        answers=WaitKind.STOPPED,
        letter=True,
    ),
    DecisionOffer(
        name="pause",
        kind=events.PauseDecided,
        title=_("Pause the request"),
        text=_("Nothing is disclosed or erased until you continue it. The clock runs on: no last day moves."),
        done=_("The request is paused."),
        fits=lambda view: view.undecided and not view.waits_for(WaitKind.FORWARD),
        fields=(REASON,),
        sealed="remark",
    ),
    DecisionOffer(
        name="merge",
        kind=events.DuplicateDecided,
        title=_("Merge with an earlier request"),
        text=_("The earlier request of the same person and right is answered. A letter closes this one."),
        done=_("The request is merged with the earlier one."),
        fits=lambda view: _unproven(view) and view.row.stopped is None,
        fields=(
            DecisionField(
                "first",
                _("Earlier request"),
                FieldKind.REQUEST,
                _("Its reference, as HB-BW65-Y32Z-1H1, or its id. Both requests name the same mailbox."),
            ),
            REASON,
        ),
        sealed="remark",
        letter=True,
    ),
    DecisionOffer(
        name="extend",
        kind=events.ExtensionDecided,
        title=_("Extend the time for the answer"),
        text=_("Once, by the period of the law. The person gets a letter with the reason and the new day."),
        done=_("The time for the answer is extended."),
        fits=_extendable,
        fields=(_choice("reason", _("Reason"), labels.EXTENSIONS),),
        letter=True,
    ),
    DecisionOffer(
        name="ask-scope",
        kind=events.NarrowingDecided,
        title=_("Ask which data is meant"),
        text=_("The person is asked once. Without an answer the request is answered in full, in time."),
        done=_("The person is asked."),
        fits=_narrowable,
        fields=(_choice("because", _("Reason"), labels.SCOPE_REASONS),),
        letter=True,
    ),
    DecisionOffer(
        name="record-scope",
        kind=events.NarrowingDecided,
        title=_("Record which data is meant"),
        text=_("The person answered by telephone or letter."),
        done=_("The answer of the person is recorded."),
        fits=_scope_awaited,
        fields=(
            DecisionField(
                TEXT,
                _("Data that the person means"),
                FieldKind.LONG_TEXT,
                _("One area or category a line. Leave it empty if everything is meant."),
                required=False,
            ),
        ),
        constants={"answered": True},
        sealed="scope",
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="fee",
        kind=events.FeeDecided,
        title=_("Ask for a fee"),
        text=_("The person gets a letter once the identity is proven. Nothing is done before they agree."),
        done=_("The decision about the fee is recorded."),
        fits=_fee_possible,
        fields=(
            DecisionField("amount", _("Amount"), hint=_("For example 20.00")),
            DecisionField("currency", _("Currency"), hint=_("For example EUR"), preset="EUR"),
            _choice("reason", _("Ground"), labels.FEES),
        ),
        data=_fee,
        letter=True,
    ),
    DecisionOffer(
        name="expect",
        kind=events.AnswerExpected,
        title=_("State a new day for the answer"),
        text=_("The person gets a letter with the day once the last day is over."),
        done=_("The new day is recorded."),
        fits=lambda view: view.row.stage in UNDECIDED,
        fields=(DecisionField("on", _("Day"), FieldKind.DAY), REASON),
        sealed="remark",
        letter=True,
    ),
    DecisionOffer(
        name="withdraw",
        kind=events.WithdrawalDecided,
        title=_("Withdraw for the person"),
        text=_("The person asked you to take the request back. They get a letter."),
        done=_("The request is withdrawn."),
        fits=lambda view: view.row.stage in UNDECIDED,
        fields=(REASON,),
        sealed="remark",
        letter=True,
    ),
    DecisionOffer(
        name="message",
        kind=events.MessageWritten,
        title=_("Write to the person"),
        text=_("The person gets your text in a letter. Before the proof, write nothing about the data."),
        done=_("The message is sent."),
        fits=_writable,
        fields=(_letter_text(required=True),),
        sealed="text",
        letter=True,
    ),
    DecisionOffer(
        name="delivered",
        kind=events.AnswerDelivered,
        title=_("Record another delivery of the answer"),
        text=_("The letter did not arrive, and you have handed over the answer by other means."),
        done=_("The delivery is recorded."),
        fits=lambda view: view.row.stage in ANSWERED and view.waits_for(WaitKind.UNDELIVERED),
        fields=(_choice("way", _("Way of delivery"), labels.DELIVERIES),),
        answers=WaitKind.UNDELIVERED,
    ),
)

# --- after the answer -----------------------------------------------------------------------------------


def _offered_aliases(view: CaseView) -> Sequence[events.OfferedAliases]:
    answers = [fact.aliases for fact in view.all(events.RequestFulfilled)]
    plans = [fact.aliases for fact in view.all(events.ErasurePlanned)]
    return [one for one in (*answers, *plans) if one is not None][-1:]


def _aliases(view: CaseView) -> Choices:
    done = {(one.aliases, one.number) for one in view.all(events.AliasProven)}
    return list(_numbered(_offered_aliases(view), done))


def _numbered(offered: Sequence[events.OfferedAliases], done: set[Any]) -> Iterator[tuple[str, str]]:
    for one in offered:
        for number, name in enumerate(one.identities, 1):
            if (one.ref, number) not in done:
                yield f"{one.ref}:{number}", f"{labels.field(name)} ({number})"


def _alias(entered: Entered, _view: CaseView) -> Entered:
    ref, _colon, number = str(entered["alias"]).rpartition(":")
    return {"aliases": ref, "number": int(number)}


def _masked(view: CaseView) -> bool:
    answer = view.last(events.RequestFulfilled)
    if answer is None or answer.right is Right.ERASURE or view.row.stage not in ANSWERED:
        return False
    return any(one.reason in RELEASABLE and one.provision is None for one in answer.withheld)


def _reopenable(view: CaseView) -> bool:
    appealed, before = view.waits_for(WaitKind.APPEAL), view.has(events.ReopeningDecided)
    return view.row.stage in REOPENABLE and not (_of_customer(view) or appealed or before)


def _restricted(view: CaseView) -> bool:
    answer = view.last(events.RequestFulfilled)
    granted = answer is not None and answer.right is Right.RESTRICTION and answer.outcome in GIVEN
    return granted and not view.has(events.RestrictionAnnounced)


def _changes_identity(view: CaseView) -> bool:
    return view.waits_for(WaitKind.REFERRED, ReferralReason.IDENTITY_CHANGE) and view.row.stopped is None


AFTERWARDS = (
    DecisionOffer(
        name="reopen",
        kind=events.ReopeningDecided,
        title=_("Take the request up again"),
        text=_("A new request of the same person follows this one, with a clock and a proof of its own."),
        done=_("The request is taken up again, as a new one that follows it."),
        fits=_reopenable,
        fields=(_choice("reason", _("Reason"), labels.REOPENINGS),),
        later=RECEIPT_LATER,
    ),
    DecisionOffer(
        name="approve-correction",
        kind=events.CorrectionApproved,
        title=_("Approve the correction"),
        text=_("The correction changes an identity. You have made sure that the new value is the person's."),
        done=_("The correction is approved."),
        fits=_changes_identity,
        fields=(REASON,),
        sealed="remark",
        letter=True,
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="confirm-alias",
        kind=events.AliasConfirmed,
        title=_("Confirm a further identity"),
        text=_("Records name it, and it is the person's. Its records are disclosed or erased as well."),
        done=_("The further identity is confirmed."),
        fits=lambda view: view.row.stage in {CaseStage.ANSWERED, CaseStage.CLOSED} and bool(_aliases(view)),
        fields=(DecisionField("alias", _("Identity"), FieldKind.CHOICE, choices=_aliases), REASON),
        sealed="remark",
        data=_alias,
        letter=True,
        later=ANSWER_LATER,
    ),
    DecisionOffer(
        name="release-values",
        kind=events.ValuesReleased,
        title=_("Release masked values"),
        text=_("You have made sure that the person wants them. They get a new package."),
        done=_("The values are released."),
        fits=_masked,
        fields=(_choice("reason", _("Reason"), labels.RELEASES),),
        letter=True,
    ),
    DecisionOffer(
        name="lift-restriction",
        kind=events.RestrictionLifting,
        title=_("Lift the restriction"),
        text=_("The person gets a letter first. Then the marks are removed."),
        done=_("The restriction ends."),
        fits=_restricted,
        fields=(_choice("reason", _("Reason"), labels.LIFTINGS),),
        letter=True,
    ),
)

# --- mails ----------------------------------------------------------------------------------------------


def _mails(view: CaseView) -> Choices:
    handled = {one.message for one in view.all(events.MessageHandled)}
    lodged = [one for one in view.all(events.MessageLodged) if one.message not in handled]
    return [(one.message, f"{labels.named(one.reason)} ({number})") for number, one in enumerate(lodged, 1)]


MAIL = (
    DecisionOffer(
        name="mail-handled",
        kind=events.MessageHandled,
        title=_("Record that a mail is handled"),
        text=_("The mail no longer waits."),
        done=_("The mail is handled."),
        fits=lambda view: bool(_mails(view)),
        answers=WaitKind.MAIL,
        fields=(
            DecisionField("message", _("Mail"), FieldKind.CHOICE, choices=_mails),
            _choice("outcome", _("Outcome"), {one: labels.MAIL_OUTCOMES[one] for one in MessageOutcome}),
            DecisionField(
                "registered_as",
                _("Registered request"),
                FieldKind.REQUEST,
                _("Its reference or id. Only if the mail was registered as a request."),
                required=False,
            ),
        ),
    ),
)

# --- recipients of data, submissions set aside, purges --------------------------------------------------


def _recipients(view: CaseView) -> Choices:
    names = (wait.reason or "" for wait in view.row.waits if wait.kind is WaitKind.RECIPIENT)
    return [(name, name) for name in dict.fromkeys(names)]


RECIPIENT = DecisionField("recipient", _("Recipient"), FieldKind.CHOICE, choices=_recipients)


def _purge(entered: Entered, view: CaseView) -> Entered:
    proposed = view.last(events.PurgeProposed)
    return {} if proposed is None else {**proposed.model_dump(exclude={"request_id"}), **entered}


OTHER_WORK = (
    DecisionOffer(
        name="notify-recipient",
        kind=events.RecipientRetried,
        title=_("Notify the recipient again"),
        text=_("The cause is gone. The recipient gets the same notice again."),
        done=_("The notice is sent again. The case lists the recipient again if that fails."),
        fits=lambda view: view.waits_for(WaitKind.RECIPIENT),
        fields=(RECIPIENT, REMARK),
        sealed="remark",
        answers=WaitKind.RECIPIENT,
    ),
    DecisionOffer(
        name="recipient-informed",
        kind=events.RecipientInformed,
        title=_("Record that the recipient is informed"),
        text=_("You have notified the recipient by other means."),
        done=_("The recipient is informed."),
        fits=lambda view: view.waits_for(WaitKind.RECIPIENT),
        fields=(RECIPIENT, REMARK),
        sealed="remark",
        answers=WaitKind.RECIPIENT,
    ),
    DecisionOffer(
        name="submission-handled",
        kind=events.SubmissionHandled,
        title=_("Record that the submission is handled"),
        text=_("Its sender has corrected it, or it was answered by other means. It no longer waits."),
        done=_("The submission is handled."),
        fits=lambda view: view.waits_for(WaitKind.SUBMISSION),
        fields=(
            _choice("outcome", _("Outcome"), {one: labels.MAIL_OUTCOMES[one] for one in MessageOutcome}),
        ),
        answers=WaitKind.SUBMISSION,
    ),
    DecisionOffer(
        name="approve-purge",
        kind=events.PurgeApproved,
        title=_("Approve the purge"),
        text=_("Records past their retention period are erased and certified, no more than were proposed."),
        done=_("The purge is approved."),
        fits=lambda view: view.waits_for(WaitKind.PURGE),
        fields=(_choice("reason", _("Reason"), labels.PURGE_REASONS, required=False),),
        data=_purge,
        answers=WaitKind.PURGE,
    ),
)

# --- legal holds ----------------------------------------------------------------------------------------


OF_A_REQUEST = (HoldScope.PERSON, HoldScope.REQUEST)
MATTER = DecisionField(
    "matter",
    _("Matter"),
    hint=_("Short name of the claim, without personal data: letters, digits, _ and dots."),
)
UNTIL = DecisionField("until", _("Last day"), FieldKind.DAY, required=False)


def matter_code(entered: Entered) -> str:
    """Return the code of the entered matter."""
    return "_".join(str(entered["matter"]).lower().split())


def _placed(entered: Entered, _view: CaseView) -> Entered:
    return {"hold": token_hex(16), **entered, "matter": matter_code(entered)}


def _holds(view: CaseView) -> Choices:
    return [(one.hold, labels.named(one.matter)) for one in view.holds]


PLACE_HOLD = DecisionOffer(
    name="place-hold",
    kind=events.HoldPlaced,
    title=_("Place a legal hold"),
    text=_("Records are kept from all erasures and purges, because of a legal claim."),
    done=_("The legal hold is placed."),
    fits=lambda view: view.row.kind is CaseKind.REQUEST,
    fields=(
        _choice("scope", _("Scope"), {one: labels.HOLD_SCOPES[one] for one in OF_A_REQUEST}),
        MATTER,
        UNTIL,
        DecisionField(TEXT, _("Text for the staff"), FieldKind.LONG_TEXT, required=False),
    ),
    data=_placed,
    sealed="explanation",
)
HOLDS = (
    PLACE_HOLD,
    DecisionOffer(
        name="lift-hold",
        kind=events.HoldLifted,
        title=_("Lift a legal hold"),
        text=_("Erasures that it held up are taken up again."),
        done=_("The legal hold is lifted."),
        fits=lambda view: bool(_holds(view)),
        fields=(
            DecisionField("hold", _("Hold"), FieldKind.CHOICE, choices=_holds),
            _choice("reason", _("Reason"), labels.HOLD_ENDINGS),
        ),
    ),
)

OFFERS: Mapping[str, DecisionOffer] = {
    offer.name: offer
    for part in (
        LIFECYCLE[:2],
        IDENTITY,
        ERASURE,
        PACKAGE,
        ANSWER,
        APPEAL,
        MAIL,
        OTHER_WORK,
        CUSTOMER,
        LIFECYCLE[2:],
        AFTERWARDS,
        HOLDS,
    )
    for offer in part
}
"""Name → offer, in the order of pages."""
