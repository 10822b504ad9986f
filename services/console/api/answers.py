"""Answers of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.console.decisions.bulk_forms import JointDecision
from services.console.decisions.forms import CaseView, DecisionField, DecisionOffer, FieldKind
from services.console.decisions.submission import MadeDecision
from services.console.incidents import CampaignMode
from services.console.read_model.figures import LawFigure
from services.console.read_model.holds import HoldPage
from services.console.read_model.openings import OpeningKind
from services.console.state import CaseKind, CaseStage, HoldState, RecipientState, WaitKind
from shared.contract.events.breaches import (
    CheckedLetter,
    FilingFile,
    StatedDuty,
    StatedPhase,
    WrittenFiling,
    WrittenLetter,
)
from shared.contract.package_review import Redaction
from shared.contract.references import short_reference
from shared.contract.register import RequestResult
from shared.law import Right
from shared.vocabulary import HoldScope, StaffRole

ShortReference = Annotated[str, AfterValidator(short_reference), Field(validation_alias="id")]
"""The reference that people read to one another; it follows from the id."""


class ConsoleAnswer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class SessionAnswer(ConsoleAnswer):
    """The session of a caller."""

    account: str
    roles: Sequence[StaffRole]
    ends_at: datetime


class BegunSession(SessionAnswer):
    """A session that has begun."""

    token: str
    """For the header `Authorization: Bearer`; it is shown once."""


class WaitAnswer(ConsoleAnswer):
    """Work that waits for the staff."""

    kind: WaitKind
    since: datetime
    due_on: date | None
    reason: str | None
    by: Sequence[str]
    """Accounts that may not do it, because they decided before."""
    item: str | None
    """Item of the content of the case that it is about."""
    own: bool | None
    """Of a mail: whether it is about a request and from that request's address."""


class LetterAnswer(ConsoleAnswer):
    """A letter and its fate."""

    letter: str
    at: datetime
    state: str
    """`sent`, `failed` or `returned`."""
    reason: str | None
    kept: str | None
    """Item of the content of the case that holds its copy."""


class CaseAnswer(ConsoleAnswer):
    """A case as lists show it; without personal data."""

    id: str
    short_reference: ShortReference
    kind: CaseKind
    stage: CaseStage | None
    open: bool
    """Whether the duty to answer is open; of a mail: whether its sender was asked what is meant."""
    right: str | None
    law: str | None
    """The edition that the request is answered under."""
    laws: Sequence[str]
    not_accepted: Sequence[str]
    """Laws with an unread deadline that the operator has not accepted; they judge nothing."""
    country: str | None
    source: str | None
    reference: Annotated[str | None, Field(validation_alias="shown_reference")]
    """Of the publisher; null where it could be personal data."""
    incident: str | None
    role: str | None
    requester: str | None
    follows: str | None
    repeats: str | None
    owner: str | None
    received_at: datetime | None
    received_on: date | None
    due_on: date | None
    due_law: str | None
    next_due: date | None
    """The earliest last day of work that waits, else that of the answer."""
    meant_for: date | None
    """The target day, before the last."""
    expected_on: date | None
    missed_on: date | None
    promised_on: date | None
    """The last day before an extension."""
    extension: str | None
    paused_since: datetime | None
    """When proof of identity was asked for; a period stands still where each law allows it."""
    scope_asked_at: datetime | None
    """When the person was asked which data is meant."""
    stopped: str | None
    outcome: str | None
    """The result of the decision, as in the register; null before."""
    grounds: Sequence[str]
    dispositions: Mapping[str, int]
    """Records of an erasure, by what became of them."""
    held_until: date | None
    """Last day of the legal holds on the request or its person; 9999-12-31 until they are lifted."""
    answered_at: datetime | None
    sent_at: datetime | None
    closed_at: datetime | None
    since: datetime
    moved_at: datetime
    waits: Sequence[WaitAnswer]
    letters: Sequence[LetterAnswer]


class CaseListAnswer(ConsoleAnswer):
    """A page of a list."""

    cases: Sequence[CaseAnswer]
    total: int
    """Number of matches, or a smaller one where not all were counted."""
    counted: bool
    next: str | None
    """The parameter `after` of the next page; null on the last one."""


class FoundAnswer(CaseListAnswer):
    """The cases that a search finds."""

    unregistered: Sequence[str]
    """Ids of requests that intake knows, and that are not registered yet: they wait for their turn, or for
    the request itself where a proof or a withdrawal came first."""


class InboxAnswer(CaseListAnswer):
    """Waiting work, the earliest last day first."""

    view: str
    counts: Mapping[str, int]
    """Cases by kind of work, and those that are late."""


class TimelineAnswer(ConsoleAnswer):
    """A fact of the timeline."""

    at: datetime
    type: str
    text: str
    actor: str | None
    """The account that decided or acted; null for the services."""


class ChoiceAnswer(ConsoleAnswer):
    """A choice of a field."""

    value: str
    name: str


class FieldAnswer(ConsoleAnswer):
    """A field of a decision."""

    name: str
    label: str
    kind: FieldKind
    hint: str
    required: bool
    preset: str
    choices: Sequence[ChoiceAnswer]

    @classmethod
    def of(cls, one: DecisionField, view: CaseView) -> "FieldAnswer":
        """Return a field with the choices of a case."""
        choices = [ChoiceAnswer(value=value, name=name) for value, name in one.choices(view)]
        return cls(
            name=one.name,
            label=one.label,
            kind=one.kind,
            hint=one.hint,
            required=one.required,
            preset=one.preset,
            choices=choices,
        )


class OfferAnswer(ConsoleAnswer):
    """A decision that the account may make on a case."""

    name: str
    title: str
    text: str
    """What follows from it."""
    letter: bool
    """Whether a letter can follow at once; a preview shows it, in an opened case."""
    fields: Sequence[FieldAnswer]

    @classmethod
    def of(cls, one: DecisionOffer, view: CaseView) -> "OfferAnswer":
        """Return an offer on a case."""
        fields = [FieldAnswer.of(field, view) for field in one.fields]
        return cls(name=one.name, title=one.title, text=one.text, letter=one.letter, fields=fields)


class DecisionAnswer(ConsoleAnswer):
    """A decision that was made, or its preview."""

    decision: str | None = None
    """The id of its event; null for a preview."""
    message: str = ""
    """What has happened."""
    pending: bool = False
    """Whether it is recorded, and no service has answered it yet."""
    preview: Mapping[str, Any] | None = None
    """The letters that would be sent, or why none."""


class MadeAnswer(ConsoleAnswer):
    """A decision that was made, and its effect."""

    decision: str | None
    """The id of its event; null if it was refused before it was published."""
    case: str | None
    status: str
    """`accepted`, `refused` or `pending`."""
    reason: str | None
    """Code of the reason of a refusal."""
    results: Sequence[str]
    """Types of the events that it caused; none if it is only recorded."""

    @classmethod
    def of(cls, made: MadeDecision) -> "MadeAnswer":
        """Return the answer about a decision that was made."""
        status = "refused" if made.reason is not None else "accepted" if made.answered else "pending"
        return cls(
            decision=made.id or None,
            case=made.case or None,
            status=status,
            reason=made.reason,
            results=made.results,
        )


class BulkOfferAnswer(ConsoleAnswer):
    """A decision that can be made on many cases."""

    name: str
    label: str
    fitting: int
    """How many of the chosen cases wait for it."""
    fields: Sequence[FieldAnswer]
    """With the choices that all of these have."""

    @classmethod
    def of(cls, one: JointDecision) -> "BulkOfferAnswer":
        """Return the decision *one* on its cases."""
        fields = [FieldAnswer.of(field, one.views[0]) for field in one.fields] if one.views else []
        return cls(name=one.offer.name, label=one.offer.title, fitting=len(one.views), fields=fields)


class BulkResultAnswer(ConsoleAnswer):
    """The result for one of the chosen cases."""

    case: str
    state: str
    """`done`, `refused`, or `unknown` while no service has answered."""
    reason: str


class BulkOffersAnswer(ConsoleAnswer):
    """The decisions that the account may make on the chosen cases."""

    decisions: Sequence[BulkOfferAnswer]


class BulkAnswer(ConsoleAnswer):
    """The results for the chosen cases, or a preview."""

    results: Sequence[BulkResultAnswer] = ()
    preview: Mapping[str, Any] | None = None
    """The letters of the first case that the account has opened, or why none."""


class ValueAnswer(ConsoleAnswer):
    """The values of a record at one path."""

    path: str
    texts: Sequence[str]
    cut: bool
    """Whether a text is longer than what is shown."""
    open: bool
    """Whether there is a value that is not withheld."""


class RecordAnswer(ConsoleAnswer):
    """A record of a package, as the person would get it."""

    collection: str
    label: str
    record: int
    """Its number in the collection, which a redaction names."""
    values: Sequence[ValueAnswer]


class PackageReviewAnswer(ConsoleAnswer):
    """A review by one account, where another one has to agree."""

    at: datetime
    by: str
    item: str | None
    """For `agreed`."""
    redactions: Sequence[Redaction]


class PackageAnswer(ConsoleAnswer):
    """The package that waits for a review, and some of its records."""

    listing: str
    records_in_all: int
    renewed: bool
    """Whether records have changed since an earlier listing."""
    until: datetime
    """When the case closes again."""
    reviews: Sequence[PackageReviewAnswer]
    grounds: Sequence[ChoiceAnswer]
    """Grounds of the law of the answer, for redactions."""
    records: Sequence[RecordAnswer]
    next: int | None
    """The parameter `start` of the next records; null after the last."""


class OpeningAnswer(ConsoleAnswer):
    """An opening of sealed content, an export, or a search by mailbox or reference."""

    id: str
    case: str | None = Field(validation_alias="shown_case")
    """Null for a search."""
    account: str
    at: datetime
    kind: OpeningKind
    reason: str | None


class OpeningListAnswer(ConsoleAnswer):
    """A page of openings, the newest first."""

    openings: Sequence[OpeningAnswer]
    next: str | None


class HoldAnswer(ConsoleAnswer):
    """A legal hold."""

    hold: str
    case: str
    """The request that it was placed on; of a hold on a collection, its own id."""
    scope: HoldScope
    collection: str | None
    matter: str
    account: str
    at: datetime
    until: date | None
    state: HoldState
    lifted_by: str | None
    lifted_at: datetime | None
    reason: str | None
    """Why it was lifted."""
    kept_from: Sequence[str]
    """Requests and purges that it kept records from; of a standing hold, answered requests."""


class HoldListAnswer(ConsoleAnswer):
    """A page of legal holds, standing ones first."""

    holds: Sequence[HoldAnswer]
    next: str | None

    @classmethod
    def of(cls, page: HoldPage, today: date) -> Self:
        """Return the answer with a *page*, and states of *today*."""
        holds = [
            HoldAnswer.model_validate(
                {**asdict(one), "state": one.state_on(today), "kept_from": page.kept_from(one)}
            )
            for one in page.holds
        ]
        return cls(holds=holds, next=page.next)


class NoticeAnswer(ConsoleAnswer):
    """A notice to a recipient of data."""

    notice: str = Field(validation_alias="id")
    """Its id, the same for every attempt."""
    case: str
    recipient: str
    about: str
    """Type of the fact that the recipient must hear of."""
    state: RecipientState
    reason: str | None
    """Of a failed one."""
    since: datetime = Field(validation_alias="at")


class NoticeListAnswer(ConsoleAnswer):
    """A page of notices to recipients, the newest first."""

    notices: Sequence[NoticeAnswer]
    next: str | None


class ViewAnswer(ConsoleAnswer):
    """A saved view of the account."""

    id: str
    name: str
    query: str
    """Filters, as parameters of `/cases`."""
    default: bool


class ViewListAnswer(ConsoleAnswer):
    """The saved views of the account, by name."""

    views: Sequence[ViewAnswer]


class ScopeAnswer(ConsoleAnswer):
    """The affected records of a phase."""

    records: int
    customers: int
    """Customers to be notified."""
    unnamed: int
    """Records without a declared customer, of a processor."""
    crowded: int
    """Mailboxes of many people to be notified: perhaps placeholders."""


class PaceAnswer(ConsoleAnswer):
    """How fast the notices of a phase go out."""

    at: datetime
    """When their progress was reported last."""
    through: int
    """Batches that are done."""
    batches: int
    per_minute: int
    """Letters a minute since the report before."""
    minutes: int
    """Minutes that the other batches take at this rate."""


class PhaseAnswer(ConsoleAnswer):
    """A phase of an incident: a declaration, and its notices."""

    number: int
    declaration: str
    """Name of the sealed declaration; an approval holds for it alone."""
    declared_by: str | None
    aware_at: datetime
    stated: StatedPhase
    scoped: ScopeAnswer | None
    """Null until the affected people are known."""
    waits: bool
    """Whether its notices wait for an approval."""
    counts: Mapping[str, int]
    """Letters: sent, failed, doubtful, and people notified by another phase."""
    percent: int
    """How much of its batches is done."""
    pace: PaceAnswer | None
    """Null before the first report of the progress, and once all are out."""
    by_law: Mapping[str, int]
    by_language: Mapping[str, int]
    unreachable: int
    is_empty: bool
    """Whether its people are searched, and no person, customer or record was found."""
    letters: Sequence[CheckedLetter]


class StatementAnswer(ConsoleAnswer):
    """The state of an incident as a whole."""

    aware_at: datetime
    agency: str | None
    """The authority that held the notices last."""
    held_until: datetime | None
    more: int
    """Further running duties to single customers."""
    aborted: bool


class UnreachedAnswer(ConsoleAnswer):
    """The last list of people not reached."""

    people: int
    list: str
    """Name of its content: CSV, with personal data."""


class MissingAnswer(ConsoleAnswer):
    """A statement that letters of the next approval lack, with all languages that lack it."""

    says: str
    provision: str
    laws: Sequence[str]


class IncidentAnswer(ConsoleAnswer):
    """An incident, its phases and its duties."""

    id: str
    short_reference: ShortReference
    drill: bool
    mode: CampaignMode
    next_due: datetime | None
    """The end of the earliest clock."""
    lacks: bool
    """Whether a letter of the next approval lacks a statement."""
    missing: Sequence[MissingAnswer]
    stated: StatementAnswer | None
    """Null until the register of incidents has stated it."""
    phases: Sequence[PhaseAnswer]
    duties: Sequence[StatedDuty]


class IncidentListAnswer(ConsoleAnswer):
    """A page of incidents, the earliest running clock first."""

    incidents: Sequence[IncidentAnswer]
    next: str | None


class OpenedIncidentAnswer(ConsoleAnswer):
    """The content of an incident after its last opening; an account reads it while it has it open."""

    written_at: datetime | None
    """When documents and letters were written, after the last opening."""
    filings: Sequence[WrittenFiling]
    """Documents for authorities and texts to publish, as pages."""
    files: Sequence[FilingFile]
    """The documents as JSON, the texts as text, and copies of letters for authorities."""
    waiting_letters: Sequence[WrittenLetter]
    """The kinds of letters that wait, as mails to fictional people."""
    unreached: UnreachedAnswer | None


class OneIncidentAnswer(ConsoleAnswer):
    """An incident and its timeline."""

    incident: IncidentAnswer
    timeline: Sequence[TimelineAnswer]
    opened: OpenedIncidentAnswer


class FigureAnswer(ConsoleAnswer):
    """The figures of a group of requests."""

    name: str
    received: int
    open: int
    answered: int
    in_time: int
    share_in_time: float | None
    median: float | None
    """Median of days to the answer."""
    p95: int | None
    complied: int
    """Granted in whole or in part."""
    denied: int
    """Refused, or lapsed without proof."""
    nothing_held: int
    late: int
    """Requests whose last day passed before the answer was sent, open ones as well."""
    mean: float | None
    """Mean of days to the answer."""
    results: Mapping[str, int]
    """Result, as in the register → requests."""


class LawFigureAnswer(ConsoleAnswer):
    """The figures of a right under a law; a request counts under each law that protects the person."""

    year: int
    law: str
    right: Right
    received: int
    complied_in_whole: int
    complied_in_part: int
    denied: int
    of_which_lapsed: int
    """Denied because identity was not proven in time."""
    nothing_held: int
    forwarded: int
    duplicate: int
    withdrawn: int
    open: int
    late: int
    """Requests whose last day passed before the answer was sent, open ones as well."""
    median_days: float | None
    mean_days: float | None
    denied_for: Mapping[str, int]
    """Ground → requests denied for it, the most frequent first."""
    limited_for: Mapping[str, int]
    """The same of requests that were complied with in part."""

    @classmethod
    def of(cls, year: int, figure: LawFigure) -> "LawFigureAnswer":
        """Return the answer for a *figure* of *year*."""
        line = figure.line
        return cls(
            year=year,
            law=figure.law,
            right=figure.right,
            received=line.received,
            complied_in_whole=line.results[RequestResult.GRANTED],
            complied_in_part=line.results[RequestResult.PARTLY_GRANTED],
            denied=line.denied,
            of_which_lapsed=line.results[RequestResult.LAPSED],
            nothing_held=line.nothing_held,
            forwarded=line.results[RequestResult.FORWARDED],
            duplicate=line.results[RequestResult.DUPLICATE],
            withdrawn=line.results[RequestResult.WITHDRAWN],
            open=line.open,
            late=line.late,
            median_days=line.median,
            mean_days=line.mean,
            denied_for=_ordered(line.denied_for),
            limited_for=_ordered(line.limited_for),
        )


def _ordered(grounds: Mapping[str, int]) -> dict[str, int]:
    """Return *grounds*, the most frequent first."""
    return dict(sorted(grounds.items(), key=lambda item: (-item[1], item[0])))


class LawFiguresAnswer(ConsoleAnswer):
    """Figures of a year by law and right; purged requests are counted."""

    company: str
    on: date
    year: int
    figures: Sequence[LawFigureAnswer]


class FiguresAnswer(ConsoleAnswer):
    """Figures of a year, by period and by group."""

    year: int
    periods: Sequence[FigureAnswer]
    groups: Sequence[FigureAnswer]
    ccpa: Sequence[FigureAnswer]
    """The metrics of 11 CCR § 7102."""
    ages: Mapping[str, int]
    """Open requests by age in days."""


class ServiceAnswer(ConsoleAnswer):
    """What a service reported last."""

    service: str
    version: str
    at: datetime


class QueueAnswer(ConsoleAnswer):
    """A queue."""

    name: str
    messages: int
    consumers: int
    healthy: bool


class UnreachedPartAnswer(ConsoleAnswer):
    """A part outside the installation that a service does not reach; System has the reason."""

    service: str
    name: str


class ParkedAnswer(ConsoleAnswer):
    """A message that could not be handled."""

    service: str
    id: str
    digest: str
    """Names the message for its repair."""
    type: str
    case: str | None
    reason: str
    error: str
    """Class of the error; empty if the broker parked the message."""
    location: str
    """Module, function and line that raised it."""
    attempts: int
    first_failure: str


class StalledAnswer(ConsoleAnswer):
    """A case that stands still, and the fact about it that a service has not handled."""

    case: str
    service: str
    type: str
    since: datetime
    parked: bool
    """Whether its message is parked; else it is lost, or waits for another try."""
    republished_at: datetime | None


class MapAnswer(ConsoleAnswer):
    """The data map in use, and what its last check found."""

    version: str
    checked_at: datetime | None
    severities: Mapping[str, int]
    unexamined: Sequence[str]
    """Collections with personal data that no search examines."""


class LawAnswer(ConsoleAnswer):
    """An edition of a law with values whose provision was not read."""

    id: str
    unread: int
    deadlines: Sequence[str]
    """Deadlines among them; without acceptance the law then does not apply."""
    applies: bool


class SystemAnswer(ConsoleAnswer):
    """The state of the installation."""

    reports: Sequence[ServiceAnswer]
    outside: Mapping[str, str]
    """Parts outside the installation: `ok`, or why one does not answer."""
    queues: Sequence[QueueAnswer]
    parked: Sequence[ParkedAnswer]
    stalled: Sequence[StalledAnswer]
    """The oldest first, a hundred at most."""
    stalled_count: int
    """All cases that stand still."""
    letters: int
    """Letters that wait to be sent."""
    undelivered: int
    """Answers that came back."""
    map: MapAnswer | None
    laws: Sequence[LawAnswer]
