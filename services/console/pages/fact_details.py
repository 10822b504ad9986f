"""Details of the facts in a timeline: names of codes, days, amounts and accounts; no personal data."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.console import labels
from services.console.pages import breach_labels
from shared.contract import events
from shared.contract.events import Fact, breaches
from shared.law import Money
from shared.pages.translation import Words
from shared.pages.translation import mark as _

LIMITED = _("limited to the named data")
EVERYTHING = _("everything is meant")
Detail = Callable[[Any, Words], Iterable[str]]
"""Yields the details of a fact in the language of words."""


def details(fact: Fact, words: Words) -> Iterator[str]:
    """Yield the details of *fact*, in the language of *words*."""
    for detail in DETAILS.get(type(fact), ()):
        yield from detail(fact, words)


def _code(field: str, names: Mapping[str, str] | None = None) -> Detail:
    """Return the detail with the names of the codes in *field*."""

    def detail(fact: Fact, words: Words) -> Iterator[str]:
        value = getattr(fact, field) or ()
        for code in (value,) if isinstance(value, str) else value:
            yield words.say((names or {}).get(code) or labels.named(code))

    return detail


def _duty(fact: breaches.BreachReported | breaches.BreachAlarmed, words: Words) -> Iterator[str]:
    yield breach_labels.duty(fact.clock, words)


def _value(field: str, sentence: str = "%(value)s") -> Detail:
    """Return the detail *sentence* with the value of *field*; none without a value."""

    def detail(fact: Fact, words: Words) -> Iterator[str]:
        value = getattr(fact, field)
        if value is not None and value != ():
            yield words.say(sentence, value=_shown(value, words))

    return detail


def _shown(value: object, words: Words) -> str:
    match value:
        case datetime():
            return words.moment(value)
        case date():
            return words.day(value)
        case Money():
            return words.money(value.amount, value.currency)
        case int():
            return words.number(value)
        case tuple():
            return words.together(value)
        case _:
            return str(value)


def _whether(field: str, yes: str, no: str = "") -> Detail:
    """Return the detail *yes* of a fact that has *field*, else *no*."""

    def detail(fact: Fact, words: Words) -> Iterator[str]:
        if sentence := yes if getattr(fact, field) else no:
            yield words.say(sentence)

    return detail


def _errors(fact: events.RequestRejected, _words: Words) -> Iterator[str]:
    yield "; ".join(map(str, fact.errors))


def _hold(fact: events.HoldPlaced, words: Words) -> Iterator[str]:
    yield fact.collection or words.say(labels.HOLD_SCOPES.get(fact.scope) or labels.named(fact.scope))
    yield labels.plain(fact.matter)


def _taken_up(fact: events.HoldEnded, words: Words) -> Iterator[str]:
    if fact.erasures:
        yield words.say(_("erasures taken up again: %(value)s"), value=words.number(len(fact.erasures)))


def _narrowing(fact: events.NarrowingDecided, words: Words) -> Iterator[str]:
    if not fact.answered:
        yield words.say(_("the person is asked"))
        yield words.say(labels.SCOPE_REASONS.get(fact.because) or labels.named(fact.because))
        return
    yield words.say(_("answer of the person recorded"))
    yield words.say(LIMITED if fact.scope else EVERYTHING)


def _identities(fact: events.IdentityDecided, words: Words) -> Iterator[str]:
    if fact.identities:
        named = words.together([words.say(labels.field(one)) for one in fact.identities])
        yield words.say(_("identities: %(value)s"), value=named)


def _approvals(fact: events.ErasurePlanned, words: Words) -> Iterator[str]:
    if fact.approval:
        yield words.say(_("approvals needed: %(value)s"), value=words.number(fact.approvers))


def _scope(fact: events.ScopeAnswered, words: Words) -> Iterator[str]:
    if fact.silent:
        yield words.say(_("no answer in time"))
    yield words.say(LIMITED if fact.scope else EVERYTHING)


LAST_DAY = _("last day %(value)s")
ANSWER_BY = _("answer until %(value)s")
UNTIL = _("until %(value)s")
BEGINS = _("begins %(value)s")
RECORDS = _("records: %(value)s")
NUMBER = _("number %(value)s")
PHASE = (_value("phase", _("phase %(value)s")),)
APPEAL = _whether("granted", _("granted"), _("refused"))
FEE = (_value("fee"), _code("reason", labels.FEES))
RIGHT = (_code("right", labels.RIGHTS),)
EXTENSION = _code("reason", labels.EXTENSIONS)
LIFTING = (_code("reason", labels.LIFTINGS),)
MAIL = (_code("outcome", labels.MAIL_OUTCOMES),)
OUTCOME = _code("outcome", labels.OUTCOMES)
READING = _code("reason", labels.READINGS)
REASON = (_code("reason"),)
REASONS = (_code("reasons"),)
RECIPIENT = _value("recipient")
PURGE = (_value("collection"), _value("records", RECORDS))
DETAILS: Mapping[type[Fact], Sequence[Detail]] = {
    events.RequestReceived: (*RIGHT, _value("due_on", LAST_DAY)),
    events.RequestTaken: (_code("manner", labels.MANNERS), _value("received_at", _("made %(value)s"))),
    events.RequestRejected: (_errors,),
    events.SubmissionHandled: MAIL,
    events.IdentityChallenged: (_code("refused_for", labels.PROOF_OBJECTIONS),),
    events.ProofRefused: REASON,
    events.ProofExamined: REASONS,
    events.IdentityReviewNeeded: REASONS,
    events.IdentityDecided: (
        _whether("verified", _("accepted"), _("rejected")),
        _code("reason", labels.ACCEPTANCES),
        _identities,
    ),
    events.IdentityRefused: REASONS,
    events.ProofAskedAgain: (_code("reason", labels.PROOF_OBJECTIONS),),
    events.EvidenceShown: (READING,),
    events.ContentOpened: (READING,),
    events.PermissionGranted: (_value("account"), READING, _value("until", UNTIL)),
    events.PermissionRevoked: (_value("account"),),
    events.ReopeningDecided: (_code("reason", labels.REOPENINGS),),
    events.DueMoved: (_value("due_on"),),
    events.ExtensionDecided: (EXTENSION,),
    events.RequestExtended: (EXTENSION, _value("due_on", LAST_DAY)),
    events.AnswerExpected: (_value("on"),),
    events.DeadlineApproaching: (_value("due_on", LAST_DAY),),
    events.DeadlineMissed: (_value("due_on"),),
    events.NarrowingDecided: (_narrowing,),
    events.ScopeAsked: (_value("answer_by", ANSWER_BY),),
    events.ScopeAnswered: (_scope,),
    events.FeeDecided: FEE,
    events.FeeQuoted: (*FEE, _value("answer_by", ANSWER_BY)),
    events.RequestReferred: REASON,
    events.ReferralDecided: (OUTCOME, _code("grounds", labels.GROUNDS)),
    events.ErasurePlanned: (_approvals,),
    events.ErasureGroundDecided: (
        _code("ground", labels.CLAIMS),
        _whether("ground", "", _("Neither applies")),
    ),
    events.ErasureProposalDecided: (
        _whether("accepted", _("the person wants the data erased"), _("the person wants the data kept")),
        _code("manner", labels.MANNERS),
    ),
    events.ErasureScheduled: (_value("at", BEGINS),),
    events.DisclosureScheduled: (_value("at", BEGINS),),
    events.ChangePlanned: RIGHT,
    events.AliasConfirmed: (_value("number", NUMBER),),
    events.AliasProven: (_value("number", NUMBER),),
    events.ValuesReleased: (_code("reason", labels.RELEASES),),
    events.PackageReviewNeeded: (_value("records", RECORDS),),
    events.PackageReviewed: (_whether("redactions", _("with redactions"), _("as listed")),),
    events.RequestFulfilled: (OUTCOME,),
    events.RequestClosed: (OUTCOME,),
    events.AnswerDelivered: (_code("way", labels.DELIVERIES),),
    events.RequestStopped: REASON,
    events.StopDecided: (_whether("resume", _("the request goes on"), _("the request ends")),),
    events.RequestWithdrawn: (
        _whether("deemed", _("no agreement to the fee in time")),
        _whether("stopped", _("ended by staff after a stop")),
    ),
    events.AppealReceived: (_code("remedy"), _value("due_on", LAST_DAY)),
    events.AppealDecided: (APPEAL, *REASONS),
    events.AppealAnswered: (_code("remedy"), APPEAL, *REASONS),
    events.SubjectOptedOut: (*RIGHT, _value("ask_again_from", _("may be asked again from %(value)s"))),
    events.RestrictionLifting: LIFTING,
    events.RestrictionAnnounced: LIFTING,
    events.RecipientFailed: (RECIPIENT, *REASON),
    events.RecipientAcknowledged: (RECIPIENT,),
    events.RecipientInformed: (RECIPIENT,),
    events.RecipientRetried: (RECIPIENT,),
    events.HoldPlaced: (_hold, _value("until", UNTIL)),
    events.HoldLifted: (_code("reason", labels.HOLD_ENDINGS),),
    events.HoldEnded: (_taken_up,),
    events.PurgeProposed: PURGE,
    events.PurgeApproved: (*PURGE, _code("reason", labels.PURGE_REASONS)),
    events.ForwardingDecided: (_code("reason", labels.CUSTOMER_REASONS),),
    events.MessageLodged: REASON,
    events.MessageHandled: MAIL,
    events.CaseAssigned: (_value("owner"), _whether("owner", "", _("no owner"))),
    events.NoticeFailed: REASON,
    events.NoticeReported: (_code("action", labels.DELIVERY_REPORTS),),
    breaches.BreachRegistered: (*PHASE, _whether("drill", _("Drill"))),
    breaches.BreachScoped: PHASE,
    breaches.BreachApproved: PHASE,
    breaches.BreachWithdrawn: PHASE,
    breaches.BreachHeld: (_value("agency"), _value("until", UNTIL)),
    breaches.BreachReported: (_duty, _value("receipt")),
    breaches.NoticesReleased: PHASE,
    breaches.BreachNotified: PHASE,
    breaches.BreachRecounted: PHASE,
    breaches.BreachAlarmed: (_duty, _whether("missed", labels.LATE)),
}
"""Fact → its details, as far as its sentence says too little."""
