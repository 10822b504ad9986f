"""
Breach events: declarations of upstream systems and staff, and the notices that follow.

A *breach* is an event that affects data; an *incident* is its case here. ``request_id`` is the incident's id
in every fact of this module. The declaration lies sealed in the vault: it may name people, and it is
confidential before the notices go out. Facts hold counts, places and codes.

Law:
    GDPR Art. 4(12), 33, 34, and the like (docs/law.md).
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue, PrivateAttr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.contract.events import (
    Code,
    Decision,
    DeliveryAction,
    EventPart,
    Fact,
    Locale,
    LongText,
    PolicyId,
    Residence,
    StaffProof,
    StaffRole,
    Strict,
    Submission,
    Text,
)
from shared.law.breaches.terms import DEFAULT_HOURS, Breach, ProcessorCustomer
from shared.law.breaches.terms import BreachRole as BreachRole  # noqa: PLC0414 - declarations are made of it
from shared.law.breaches.terms import Risk as Risk  # noqa: PLC0414 - declarations are made of it

DOES_NOT_FIT = "does_not_fit"
"""Type of the errors with a message of our own: it repeats no value and may be shown to the publisher."""
ADDRESS = r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$"
"""The form of a mail address that can be written to."""
Address: TypeAlias = Annotated[str, StringConstraints(pattern=ADDRESS)]
Place: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country, or a part of one: ``DE``, ``US-CA`` (ISO 3166)."""
Category: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,99}$")]
"""A kind of data: ``user.contact.email``, in the words of the data map."""
MailDomain: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}$", to_lower=True)]


# --- submissions of upstream systems ---------------------------------------------------------------------


class AffectedCollection(Strict):
    """Records that were breached: those of a collection of the data map that *filter* finds."""

    store: Text = "default"
    collection: Text
    """``dataset.collection``, or the collection alone where one dataset has it."""
    filter: dict[str, JsonValue] = Field(default_factory=dict)
    """A filter of MongoDB in extended JSON; every record where it is empty."""


class ListedPerson(Strict):
    """A person affected, as listed in the declaration."""

    name: Text | None = None
    email: Address | None = None
    locale: Locale | None = None
    residence: Residence | None = None
    categories: tuple[Category, ...] = ()
    """The person's data that was breached; none: that of the whole declaration."""


class AffectedController(Strict):
    """A customer of the processor, with data that was breached."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,80}$")]
    """The customer's number at the company."""
    name: Text
    email: Address
    """The customer's address for breach notices."""
    locale: Locale = "en"
    hours: int = Field(default=DEFAULT_HOURS, ge=1, le=240)
    """Within how many hours after the company knows; its contract says it."""
    services: tuple[Text, ...] = ()
    """Services in use by the customer that were breached."""


class Affected(Strict):
    """People affected: by the records that were breached, by name, or as customers."""

    collections: tuple[AffectedCollection, ...] = ()
    list: tuple[ListedPerson, ...] = ()
    controllers: tuple[AffectedController, ...] = ()


class BreachAccount(Strict):
    """The text of the notices, in one language."""

    nature: LongText
    consequences: LongText
    measures: LongText
    advice: LongText
    late_because: LongText | None = None
    """Why notices are late; this and the next default to the declaration."""
    sign_up: LongText | None = None
    """How one signs up for the service against theft of identity."""


class ProtectionOffer(Strict):
    """A service against theft of identity that is offered at no cost."""

    provider: Text
    months: int = Field(ge=1, le=120)
    how: LongText
    """How one signs up: page, telephone number, code."""


class BreachDeclared(Submission):
    """A breach became known; the same *reference* again adds to the same breach."""

    TYPE = "habeas.breach.declared.v1"
    ROLES: ClassVar[frozenset[StaffRole]] = frozenset({StaffRole.INCIDENT_OFFICER})

    reference: Text
    role: BreachRole = BreachRole.CONTROLLER
    nature: LongText
    consequences: LongText
    measures: LongText
    advice: LongText
    language: Locale = "en"
    """The language of the four texts above."""
    translations: dict[Locale, BreachAccount] = Field(default_factory=dict, max_length=50)
    """The same in other languages; readers of none of them get *language*."""
    occurred_from: AwareDatetime
    occurred_to: AwareDatetime | None = None
    """None where it is one moment, or not known yet, or not over."""
    detected_at: AwareDatetime
    aware_at: AwareDatetime
    """When it was reasonably certain that personal data was breached: clocks run from here."""
    categories: tuple[Category, ...] = ()
    affected: Affected = Affected()
    records: int | None = Field(default=None, ge=0)
    """Roughly how many records; they are counted where they are found by the data map."""
    contact: Text
    """The contact point for questions, and how it is reached."""
    mail_domains: tuple[MailDomain, ...] = ()
    """
    Where the company gives people mailboxes, and the secrets of these were breached: no notice goes to a
    breached mailbox (Cal. Civ. Code § 1798.82(j)(5)).
    """
    high_risk: bool
    risk_unlikely: bool = False
    """Whether harm is unlikely; then only *rationale* is kept, and no authority is notified."""
    rationale: LongText | None = None
    """Reasons for the stated risk."""
    encrypted: bool = False
    """Whether the taken data was unintelligible."""
    key_taken: bool = False
    """Whether the key was lost with it."""
    acquired: bool = True
    """Whether the data was got, and not merely could have been."""
    sensitive_to_security: bool = False
    """Whether it is a significant incident of a provider of services (NIS2 Art. 23(3))."""
    ongoing: bool = False
    """Whether it goes on, or is not dealt with yet: then a CSIRT hears of progress (NIS2 Art. 23(4)(e))."""
    handled_at: AwareDatetime | None = None
    """When it was dealt with, of one that had gone on: the final report is counted from here."""
    protection: ProtectionOffer | None = None
    late_because: LongText | None = None
    """
    Why an authority is notified later than the law says (GDPR Art. 33(1)); and people, where a law demands it
    (ANPD Res. 15/2024 Art. 9).
    """
    next_update_at: AwareDatetime | None = None
    final: bool = False
    """Whether nothing more is to come."""
    drill: tuple[Address, ...] = Field(default=(), max_length=20)
    """
    Mailboxes of staff, for a drill: the only ones that get letters. No affected person does. A drill is an
    incident of its own, also under the reference of a breach.
    """
    by: Code | None = None
    """Account that declares it, where the staff does; another account has to approve the notices."""
    proof: StaffProof | None = None
    """Of that account; a declaration that names one needs it."""
    _judged_at: AwareDatetime | None = PrivateAttr(default=None)

    def judged_by(self, first_aware_at: AwareDatetime | None) -> "BreachDeclared":
        """
        Return it as a phase of its incident, which is judged by the laws of the day of *first_aware_at*.

        None: it is judged by itself.
        """
        phase = self.model_copy()
        phase._judged_at = first_aware_at  # noqa: SLF001 - of a copy of our own
        return phase

    @model_validator(mode="after")
    def _names_each_customer_once(self) -> "BreachDeclared":
        named = [one.id for one in self.affected.controllers]
        if len(set(named)) < len(named):
            raise PydanticCustomError(DOES_NOT_FIT, "each of affected.controllers needs an id of its own")
        return self

    @model_validator(mode="after")
    def _has_ordered_times(self) -> "BreachDeclared":
        if self.occurred_to is not None and self.occurred_to < self.occurred_from:
            raise PydanticCustomError(DOES_NOT_FIT, "occurred_to must not be before occurred_from")
        if not self.occurred_from <= self.aware_at or not self.detected_at <= self.aware_at:
            raise PydanticCustomError(
                DOES_NOT_FIT, "aware_at must not be before occurred_from or detected_at"
            )
        if self.handled_at is not None and (self.ongoing or self.handled_at < self.occurred_from):
            raise PydanticCustomError(
                DOES_NOT_FIT,
                "handled_at must not be before occurred_from, nor of an incident that is ongoing",
            )
        if self.risk_unlikely and (self.high_risk or self.rationale is None):
            raise PydanticCustomError(DOES_NOT_FIT, "risk_unlikely needs a rationale, and no high_risk")
        return self

    @property
    def risk(self) -> Risk:
        """The likelihood of harm to people."""
        return Risk.HIGH if self.high_risk else Risk.UNLIKELY if self.risk_unlikely else Risk.RISK

    @property
    def unintelligible(self) -> bool:
        """Whether the taken data cannot be read."""
        return self.encrypted and not self.key_taken

    @property
    def breach(self) -> Breach:
        """The facts that laws ask for."""
        return Breach(
            role=self.role,
            risk=self.risk,
            occurred_from=self.occurred_from,
            occurred_to=self.occurred_to,
            detected_at=self.detected_at,
            aware_at=self.aware_at,
            judged_at=self._judged_at,
            categories=self.categories,
            unintelligible=self.unintelligible,
            acquired=self.acquired,
            sensitive_to_security=self.sensitive_to_security,
            ongoing=self.ongoing,
            handled_at=self.handled_at,
            controllers=tuple(ProcessorCustomer(one.id, one.hours) for one in self.affected.controllers),
        )

    def account(self, locale: str) -> BreachAccount:
        """Return the account in the language of *locale* if there is one, else as it was declared."""
        own = BreachAccount(
            nature=self.nature,
            consequences=self.consequences,
            measures=self.measures,
            advice=self.advice,
            late_because=self.late_because,
            sign_up=self.protection and self.protection.how,
        )
        there = self.translation(locale)
        return own.model_copy(update=there.model_dump(exclude_none=True)) if there else own

    def translation(self, locale: str) -> BreachAccount | None:
        """Return the account in the language of *locale* besides the declaration itself, if there is one."""
        known = {code.replace("_", "-").lower(): texts for code, texts in self.translations.items()}
        wanted = locale.replace("_", "-").lower()
        return known.get(wanted) or known.get(wanted.partition("-")[0])


def customer_numbers(declared: Iterable[BreachDeclared]) -> Mapping[str, str]:
    """
    Return each customer's number in events, by its id: a number in the order of naming.

    An id may name the customer, and so a person: it stays in the vault.

    Args:
        declared: The declarations of all phases of an incident, those included that were taken back.
    """
    named = dict.fromkeys(one.id for breach in declared for one in breach.affected.controllers)
    return {id_: str(number) for number, id_ in enumerate(named, start=1)}


# --- facts --------------------------------------------------------------------------------------------


class BreachLodged(Fact):
    """A breach was declared, and lies sealed; it has still to be registered, or added to its incident."""

    TYPE = "habeas.breach.lodged.v1"

    declaration: Code
    """Name in the vault."""


class BreachRegistered(Fact):
    """An incident, or a further phase of it, is registered: its clocks run; the affected are looked for."""

    TYPE = "habeas.breach.registered.v1"

    phase: int = Field(ge=1)
    """1 for the first notice; each further declaration is a supplement (GDPR Art. 33(4))."""
    declaration: Code
    role: BreachRole
    aware_at: AwareDatetime
    judged_at: AwareDatetime | None = None
    """
    The day of the editions of laws, in every service: when the first phase that stands became known.
    None: *aware_at*, in events of before.
    """
    by: Code | None = None
    """The declaring account, if any; another account has to approve the notices."""
    drill: bool = False
    """Whether it is a drill: its letters go to staff alone."""


class AffectedGroup(EventPart):
    """People to be notified under the same laws."""

    laws: tuple[PolicyId, ...]
    """Editions of ``policies/breaches`` that require their notices; none: no law does."""
    place: Place | None
    """Where they live; None where the records do not say."""
    language: Locale
    people: int
    unreachable: int = 0
    """Those of them without a mail address."""
    again: int = 0
    """People of an earlier phase, not counted here, notified of later findings about them."""


class BreachScoped(Fact):
    """The people affected are known; the content of their notices lies sealed in batches."""

    TYPE = "habeas.breach.scoped.v1"

    phase: int
    groups: tuple[AffectedGroup, ...]
    categories: tuple[Category, ...] = ()
    """All categories of data that were found breached."""
    customers: int = 0
    """Customers to be notified, on behalf of which the company processes data."""
    records: int = 0
    unnamed: int = 0
    """Records without a declared customer, of a processor: because of them all customers are notified."""
    crowded: int = 0
    """Mailboxes of many people to be notified: perhaps placeholders, such as one that stands for "none"."""
    chunks: int
    """Sealed as :func:`shared.contract.affected_people.batch_item` names them, numbered from 0."""
    declaration: Code | None = None
    """The declaration of the phase; None in events of before."""


class MissingStatement(EventPart):
    """A statement that a law demands and a declaration lacks: text of ours, and the provision."""

    says: str
    provision: str


class CheckedLetter(EventPart):
    """A kind of letter of a phase: by recipients, laws and language, before its approval."""

    to: Code
    """``people`` or ``controllers``."""
    laws: tuple[PolicyId, ...]
    language: Locale
    people: int
    lacks: tuple[MissingStatement, ...] = ()
    item: Code | None = None
    """Name of a sample in the vault, addressed to a fictional person."""


class NoticesChecked(Fact):
    """The letters of a phase were checked against the laws, and samples of them sealed."""

    TYPE = "habeas.breach.notices_checked.v1"
    TERMINAL = True

    phase: int
    letters: tuple[CheckedLetter, ...]
    language: Locale | None = None
    """The language that an opening asked for; None of all letters of the phase."""


class CampaignProgressed(Fact):
    """A further twentieth of the batches of a phase is through."""

    TYPE = "habeas.campaign.progressed.v1"
    TERMINAL = True

    phase: int
    through: int
    chunks: int
    sent: int
    doubtful: int
    failed: int
    elsewhere: int = 0
    chunk: int
    """The batch that was through last."""

    @property
    def cases(self) -> tuple[str, ...]:
        """The incident, and the batch."""
        return self.request_id, f"{self.request_id}.{self.phase}.{self.chunk}"


class ClockStep(EventPart):
    """A step in the calculation of a clock."""

    says: str
    provision: str


class StatedDuty(EventPart):
    """A duty to notify, as it stands: it runs, or it is done, or it was withdrawn."""

    clock: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,100}$")]
    policy: str | None = None
    """None: not a law but a promise of the company."""
    recipient: Code
    place: Place | None = None
    due_at: AwareDatetime | None = None
    """None if the law gives no number: without undue delay."""
    begun: bool = True
    """Whether its clock runs: some begin with another notification."""
    owed: bool = True
    done_at: AwareDatetime | None = None
    done_by: Code | None = None
    """The account that reported it; None where letters did it."""
    receipt: str | None = None
    withdrawn: int | None = None
    """The phase with which it was withdrawn."""
    why: tuple[ClockStep, ...] = ()


class StatedPhase(EventPart):
    """A phase, as it stands."""

    phase: int
    status: Code
    approved_by: tuple[Code, ...] = ()
    seconded: bool = False
    """Whether two people have approved its notices."""
    withdrawn_by: Code | None = None


class IncidentStated(Fact):
    """The state of an incident after a change: its phases, and its duties that apply."""

    TYPE = "habeas.breach.stated.v1"
    TERMINAL = True

    aware_at: AwareDatetime
    phases: tuple[StatedPhase, ...]
    duties: tuple[StatedDuty, ...]
    more: int = 0
    """Further running duties: those to single customers are too many to state."""
    agency: Code | None = None
    """The authority that holds the notices."""
    held_until: AwareDatetime | None = None
    aborted: bool = False


class IncidentDecision(Decision):
    """A decision about an incident."""

    ROLES = frozenset({StaffRole.INCIDENT_OFFICER})
    OF_REQUEST = False


class BreachApproved(IncidentDecision):
    """A second person approves of the notices of a phase (four eyes)."""

    TYPE = "habeas.breach.approved.v1"

    phase: int
    declaration: Code | None = None
    """The declaration that the approver was shown; of another nothing is approved. None: not stated."""


class BreachWithdrawn(IncidentDecision):
    """The staff takes back a phase before its notices went out: the declaration was wrong."""

    TYPE = "habeas.breach.withdrawn.v1"

    phase: int


class BreachUnscoped(Fact):
    """A phase was taken back before any notice: the people affected are forgotten."""

    TYPE = "habeas.breach.unscoped.v1"

    phase: int


class BreachForgotten(Fact):
    """The people affected by a phase are no longer needed: services forget them."""

    TYPE = "habeas.breach.forgotten.v1"

    phase: int


class BreachHeld(IncidentDecision):
    """An investigating authority has asked for no notices before a day."""

    TYPE = "habeas.breach.held.v1"

    agency: Code
    until: AwareDatetime


class BreachHoldEnded(IncidentDecision):
    """An investigating authority permits the notices before the day that was named."""

    TYPE = "habeas.breach.hold_ended.v1"


class BreachOpened(IncidentDecision):
    """
    A staff account opens the sealed content of an incident for fifteen minutes.

    That is samples of its letters and, once notices are out, the list of people not reached.
    """

    TYPE = "habeas.breach.opened.v1"

    reason: Code
    """Why it is read."""
    language: Annotated[Locale, Field(max_length=20)] | None = None
    """A language in which samples of the letters are written, besides those of the people affected."""


class RegisterOpened(IncidentDecision):
    """A staff account opens the entry of an incident in the register of breaches for fifteen minutes."""

    TYPE = "habeas.breach.register_opened.v1"

    reason: Code
    """Why it is read."""


class NoticeProofAsked(IncidentDecision):
    """A staff account asks for the records of the notices to an address, for fifteen minutes."""

    TYPE = "habeas.breach.proof_asked.v1"

    address: Annotated[Code, StringConstraints(pattern=r"^written_[0-9a-f]{64}$")]
    """Name in the vault of the address, after its salt (:func:`shared.contract.staff.written_item`)."""


class NoticesProven(Fact):
    """The records of the notices to an address lie sealed, for the account that asked."""

    TYPE = "habeas.breach.notices_proven.v1"

    address: Code
    """Name of the address in the vault; it is not needed any more."""
    item: Code
    """Name of the records: time and answer of the mail server, `Message-ID`, and later reports, as JSON."""
    notices: int


class SamplesAsked(Fact):
    """An account opened an incident, and samples of its letters are to be written in a language."""

    TYPE = "habeas.breach.samples_asked.v1"

    phase: int
    declaration: Code
    language: Locale
    laws: tuple[tuple[PolicyId, ...], ...]
    """The editions of laws of each kind of letter."""
    categories: tuple[Category, ...] = ()


class UnreachedListed(Fact):
    """The people not reached by letters lie sealed in a list, for the account that opened the incident."""

    TYPE = "habeas.breach.unreached_listed.v1"
    TERMINAL = True

    people: int
    list: Code
    """Name of the list in the vault."""
    parts: int
    """Parts of the list, as :func:`shared.contract.affected_people.unreached_item` names them."""


class FilingsAsked(Fact):
    """An account opened an incident: the documents for authorities are to be written."""

    TYPE = "habeas.breach.filings_asked.v1"

    facts: Code
    """Name in the vault of the known facts (:class:`shared.contract.breach_facts.FilingFacts`)."""


class WrittenFiling(EventPart):
    """A document for an authority, or a text for the public or the users of a service."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,120}$")]
    """Its clock, of a text with the language."""
    item: Code
    """Its name in the vault."""
    missing: int = 0
    """Required statements that are not known yet."""


class FilingFile(EventPart):
    """A file beside the documents: one as JSON, a text, or the copy of a letter for an authority."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,120}$")]
    item: Code
    """Its name in the vault."""


class WrittenLetter(EventPart):
    """A kind of letter that waits to be sent, as a mail to a fictional person."""

    phase: int
    declaration: Code
    """The declaration with its words."""
    to: Code
    laws: tuple[PolicyId, ...]
    language: Locale
    categories: tuple[Category, ...] = ()
    people: int
    lacks: tuple[MissingStatement, ...] = ()
    item: Code
    """Its name in the vault."""


class FilingsWritten(Fact):
    """Documents and waiting letters of an incident lie sealed, for the account that opened it."""

    TYPE = "habeas.breach.filings_written.v1"
    TERMINAL = True

    filings: tuple[WrittenFiling, ...]
    files: tuple[FilingFile, ...] = ()
    letters: tuple[WrittenLetter, ...] = ()


class BreachReported(IncidentDecision):
    """The staff has notified an authority, or another recipient outside the letters."""

    TYPE = "habeas.breach.reported.v1"

    clock: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,100}$")]
    """Which duty is done: ``gdpr.authority.DE``; `habeas breach show` lists them."""
    at: AwareDatetime
    receipt: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9./_-]{1,80}$")] | None = None
    """The authority's receipt."""


class NoticesReleased(Fact):
    """The notices of a phase are approved, and nothing holds them: they go out."""

    TYPE = "habeas.breach.released.v1"

    phase: int
    declaration: Code
    chunks: int
    held_by_police: bool = False
    """Whether an investigation has delayed them: the law wants it said."""
    at: AwareDatetime | None = None
    """When; None for notices that went out before the field existed."""
    along: tuple[int, ...] = ()
    """Other phases with notices at the same moment: a person in two of them gets one letter."""
    further: bool = False
    """Whether others were notified of the breach before that moment: letters say so."""


class ChunkDue(Fact):
    """The notices to one batch of people are to be written."""

    TYPE = "habeas.breach.chunk_due.v1"

    phase: int
    declaration: Code
    chunk: int
    chunks: int = 0
    """How many there are in the phase."""
    turn: int = 0
    """How often the campaign was resumed before."""
    held_by_police: bool = False
    further: bool = False

    @property
    def case(self) -> str:
        """The batch itself: a case of the notifier."""
        return f"{self.request_id}.{self.phase}.{self.chunk}"


class CampaignPaused(IncidentDecision):
    """The staff stops the notices of an incident for now."""

    TYPE = "habeas.campaign.paused.v1"


class CampaignResumed(IncidentDecision):
    """The staff lets the notices of an incident go on."""

    TYPE = "habeas.campaign.resumed.v1"


class CampaignAborted(IncidentDecision):
    """The staff stops the notices of an incident for good."""

    TYPE = "habeas.campaign.aborted.v1"


class Missed(EventPart):
    """Customers of one batch that no letter of its phase reached; that of another may have."""

    chunk: int
    numbers: tuple[int, ...]
    """Which of the customers of the batch, counted from 0."""


class BreachNotified(Fact):
    """Every batch of a phase is through: how many were written to, and how many were not reached."""

    TYPE = "habeas.breach.notified.v1"

    phase: int
    sent: int
    doubtful: int
    """How many letters a crash or a lost answer may have had go out once more, with the same Message-ID."""
    failed: int
    elsewhere: int = 0
    """Number of people notified by the letter of another phase that went out at the same moment."""
    missed: tuple[Missed, ...] | None = None
    """Which customers no letter of this phase reached; None in events of before."""
    aborted: bool = False
    last: int | None = None
    """Which batch was the last; None where there was none."""

    @property
    def cases(self) -> tuple[str, ...]:
        """The incident, and the batch that was the last."""
        return self.request_id, f"{self.request_id}.{self.phase}.{self.last}"


class BreachRecounted(Fact):
    """Letters came back after every batch of a phase was through: how many were not reached by now."""

    TYPE = "habeas.breach.recounted.v1"

    phase: int
    sent: int
    doubtful: int
    failed: int
    elsewhere: int = 0
    missed: tuple[Missed, ...] | None = None
    """Which customers no letter of this phase reached by now; None in events of before."""


class BreachNoticeReturned(Fact):
    """A mail server reports on a notice that it had taken."""

    TYPE = "habeas.breach.notice_returned.v1"

    phase: int
    chunk: int
    number: int
    """Which of the people of the batch, counted from 0."""
    action: DeliveryAction
    status: Code
    """Enhanced status code (RFC 3463): `5.1.1`."""

    @property
    def case(self) -> str:
        """The notice itself: thousands may come back, and the case that stops the rest must not wait."""
        return f"{self.request_id}.{self.phase}.{self.chunk}.{self.number}"


class BreachTimeCame(Fact):
    """A moment has come that an incident was waiting for."""

    TYPE = "habeas.breach.time_came.v1"

    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,120}$")]


class BreachAlarmed(Fact):
    """A duty to notify of a breach is nearly due, or is overdue."""

    TYPE = "habeas.breach.alarmed.v1"
    TERMINAL = True

    clock: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,100}$")]
    due_at: AwareDatetime
    missed: bool
    drill: bool = False
    """Whether it is the clock of a drill."""
