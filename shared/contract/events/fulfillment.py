"""Facts about answers: fees, erasures, changes, disclosures, transfers, recipients."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contract.erasure_claims import ErasureClaim
from shared.contract.events.base import Code, Decision, EventPart, Fact, ReasonedDecision, RequestId, Text
from shared.law.terms import FeeReason, Money, Regulation, Right
from shared.vocabulary import HoldScope, LiftingReason, Outcome, RefusalGround, StaffRole

COLLECTION_KEY = r"^[^.\s]{1,100}[.]\S{1,255}$"
"""Name of a collection in the data map: dataset and collection."""


class DropListed(Fact):
    """Lists of hashed identifiers were fetched from California's DROP and lie sealed in the vault."""

    TYPE = "habeas.drop.listed.v1"

    lists: tuple[Code, ...] = ()
    """Their names in the vault; none for a new look-up of earlier lists only."""


class DropMatched(Fact):
    """The hashes that California's DROP has listed were looked up in all stores."""

    TYPE = "habeas.drop.matched.v1"

    matches: Code
    """Name in the vault of the people found for the first time."""
    found: int
    """How many that are."""


class OfferedAliases(EventPart):
    """Identities that the person's records name and nothing verifies; nothing was searched by them."""

    ref: Code
    """Name of the values in the vault."""
    identities: tuple[Code, ...]
    """Names of the identities; the first one is number 1."""


class WithheldValues(EventPart):
    """Values of one kind that are held and were not handed over in full."""

    category: Code
    reason: Code
    values: int
    provision: Text | None = None
    """None where they are only masked until they are released."""


class RequestFulfilled(Fact):
    """A request is answered, in whole or in part, or lawfully not at all."""

    TYPE = "habeas.request.fulfilled.v1"

    right: Right
    outcome: Outcome
    dispositions: dict[str, int] = {}
    """Records per disposition: disclosed, erased, masked, retained."""
    reasons: dict[str, int] = {}
    """Records per reason code, where they were withheld or retained."""
    grounds: dict[str, int] = {}
    """Erased or masked records per ground of Art. 17(1) GDPR; empty where the law needs none."""
    answer: Code
    """Name of the answer in the vault."""
    package: Code | None = None
    """Name of the package in the vault."""
    package_expires_at: datetime | None = None
    certificate: Code | None = None
    """Name of the erasure certificate in the vault."""
    mentions: Code | None = None
    """Name in the vault of the places that still name the person after an erasure."""
    statement_kept: bool = False
    """Whether a statement of the person's is kept with the uncorrected records."""
    aliases: OfferedAliases | None = None
    """Further identities that the disclosed records name; they open nothing before they are confirmed."""
    withheld: tuple[WithheldValues, ...] = ()
    """Values that were withheld or masked, by kind, reason and provision."""
    explanation: Code | None = None
    """Name in the vault of the staff's text to the person, for an answer by hand."""
    deciders: tuple[Code, ...] = ()
    """Staff accounts that decided on the answer; none of them decides on an appeal."""
    erasable: bool = False
    """Whether a withdrawn consent proposes the erasure of data that rests on it alone."""
    recipients: int = 0
    """Recipients of the data that had still to be notified of it when this was published."""
    absent: tuple[str, ...] = ()
    """Collections of the data map that never existed: they counted as empty."""
    holds: tuple[RequestId, ...] = ()
    """Legal holds that kept records from the erasure."""
    number: int = Field(default=0, ge=0, le=10_000)
    """Number of this answer to the request, from 1 on: a later one replaces it; 0: not known."""

    def is_replaced_by(self, other: "RequestFulfilled") -> bool:
        """Return whether *other* is a later answer to the request; events may come in any order."""
        return 0 < self.number < other.number


class RequestReferred(Fact):
    """A request waits for the privacy staff: no service can answer it by itself."""

    TYPE = "habeas.request.referred.v1"

    right: Right
    reason: Code
    aliases: OfferedAliases | None = None
    """The new mailbox that a correction would enter; it can be proven instead of approved."""
    answer: Code | None = None
    """Name in the vault of the answer so far: what is done already, and what the staff checks."""


class ReferralDecided(ReasonedDecision):
    """The privacy staff answers a request by hand, refuses it, or answers that nothing is held."""

    TYPE = "habeas.referral.decided.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    outcome: Outcome
    grounds: tuple[RefusalGround, ...] = ()
    """Why it is refused, or granted in part only."""
    explanation: Code | None = None
    """Name, in the vault, of the staff's text to the person."""
    package: Code | None = None
    """Name, in the vault, of the ZIP with the files for the person."""
    unproven: bool = False
    """Whether the identity was not proven when it was decided: such a request can only be refused."""

    @property
    def content(self) -> tuple[Outcome, tuple[RefusalGround, ...], Code | None, Code | None, bool]:
        """What is decided, without the account: two decisions with the same content agree."""
        return self.outcome, self.grounds, self.explanation, self.package, self.unproven

    @property
    def is_complete(self) -> bool:
        """Whether it has what its outcome needs, and no more: a refusal a ground, a grant a text."""
        match self.outcome:
            case Outcome.REFUSED:
                return bool(self.grounds) and self.package is None
            case Outcome.NOTHING_HELD:
                return not (self.grounds or self.explanation or self.package)
            case Outcome.PARTLY_GRANTED:
                return self.explanation is not None
            case Outcome.GRANTED:
                return self.explanation is not None and not self.grounds


class MailboxNamed(Fact):
    """Records that a request discloses, erases or changes name another mailbox; its owner is notified."""

    TYPE = "habeas.mailbox.named.v1"

    right: Right
    ref: Code
    """Name of the address in the vault."""


class FeeDecided(Decision):
    """The privacy staff decides on a fee, with its ground."""

    TYPE = "habeas.fee.decided.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    fee: Money
    reason: FeeReason


class FeeQuoted(Fact):
    """An answer has a fee: the person learns the amount and the reason; work waits for their agreement."""

    TYPE = "habeas.fee.quoted.v1"

    fee: Money
    reason: FeeReason
    by: Code | None = None
    """The deciding staff account; None for a further copy, which has the company's price."""
    answer_by: date
    """The last day to agree; after it the request counts as taken back."""


class FeeAgreed(Fact):
    """The person agrees to the fee that was quoted: the request is answered now."""

    TYPE = "habeas.fee.agreed.v1"


class ErasurePlanned(Fact):
    """
    The steps of an erasure are decided and lie sealed in the vault.

    The same plan is published again when nothing stops its execution any more: that event starts it.
    """

    TYPE = "habeas.erasure.planned.v1"

    plan: Code
    """Name of the plan in the vault."""
    package: Code | None = None
    """Name of the copy in the vault, where one was wanted first."""
    regulation: Regulation
    received_on: date
    approval: bool = False
    """Whether nothing may be written before a second person approves of it."""
    approvers: Annotated[int, Field(ge=1, le=2)] = 1
    """How many accounts have to approve, besides those that decided that the requester is the person."""
    aliases: OfferedAliases | None = None
    """Further identities that the records to erase name; they open nothing before they are confirmed."""
    contract: bool = False
    """Whether records stay because a running contract with the person needs them."""
    grounds: dict[str, int] = {}
    """Records to erase or mask per ground of Art. 17(1) GDPR; empty where the law needs none."""


class ErasureGroundDecided(ReasonedDecision):
    """
    The privacy staff decides on a ground of an erasure that the data map does not show.

    Law:
        GDPR Art. 17(1)(d), (e): the data was processed unlawfully, or a law obliges the company to erase it.
    """

    TYPE = "habeas.erasure.ground_decided.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    ground: ErasureClaim | None = None
    """None: neither applies, and the request is answered on the other grounds."""


class ErasureApproved(ReasonedDecision):
    """A second person approves of a planned erasure."""

    TYPE = "habeas.erasure.approved.v1"
    ROLES = frozenset({StaffRole.APPROVER})


class AliasConfirmed(ReasonedDecision):
    """The privacy staff confirms that an identity, which the person's records name, is the person's."""

    TYPE = "habeas.alias.confirmed.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    aliases: Code
    """Name of the offered aliases in the vault."""
    number: Annotated[int, Field(ge=1)]
    """Number of the alias; 1 is the first."""


class ValuesReleased(Decision):
    """The privacy staff releases the masked values of an answer: the person wants them and proved more."""

    TYPE = "habeas.values.released.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: Code
    """Why the values may go to the requester, as the staff says it."""


class PackageReviewNeeded(Fact):
    """A package is not sent before the privacy staff has reviewed it."""

    TYPE = "habeas.package.review_needed.v1"

    right: Right
    listing: Code
    """Name in the vault of its records as the person would get them (shared.contract.package_review)."""
    records: int
    """How many records that are."""
    renewed: bool = False
    """Whether records have changed since an earlier listing: reviews of that one release nothing."""


class PackageReviewed(Decision):
    """The privacy staff releases a package as listed, or with redactions."""

    TYPE = "habeas.package.reviewed.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    listing: Code
    """Name in the vault of the listing that was reviewed."""
    redactions: Code | None = None
    """Name in the vault of the list of redactions; None: nothing is withheld besides."""

    @property
    def content(self) -> tuple[Code, Code | None]:
        """What is decided, without the account: two decisions with the same content agree."""
        return self.listing, self.redactions


class CorrectionApproved(ReasonedDecision):
    """The privacy staff approves a correction of an identity; it waited until the new value was proven."""

    TYPE = "habeas.correction.approved.v1"
    ROLES = frozenset({StaffRole.APPROVER})


class PurgeApproved(Decision):
    """The privacy staff approves the purge of a collection's records past their retention period."""

    TYPE = "habeas.purge.approved.v1"
    ROLES = frozenset({StaffRole.APPROVER})
    OF_REQUEST = False

    collection: Annotated[str, StringConstraints(pattern=COLLECTION_KEY)]
    """Its name in the data map: dataset and collection. ``request_id`` is the number of the purge."""
    day: date
    """The day on which the records are past their period."""
    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the data map that staff was shown."""
    records: Annotated[int, Field(ge=1)]
    """How many records staff was shown: no more are erased."""
    reason: Code | None = None
    """Why the account approves; text has no place here, because a purge has no vault."""


class PurgeProposed(Fact):
    """A purge waits for the approval of a second account."""

    TYPE = "habeas.purge.proposed.v1"
    TERMINAL = True

    collection: Annotated[str, StringConstraints(pattern=COLLECTION_KEY)]
    day: date
    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    records: Annotated[int, Field(ge=1)]


class HoldPlaced(Decision):
    """The privacy staff keeps records from all erasures and purges, because of a legal claim."""

    TYPE = "habeas.hold.placed.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    hold: RequestId
    """Id of the hold, drawn at random. ``request_id`` is the same if it is on a collection."""
    scope: HoldScope
    matter: Code
    """Short name of the claim or the proceedings, without personal data."""
    until: date | None = None
    """Its last day; None: until it is lifted."""
    collection: Annotated[str, StringConstraints(pattern=COLLECTION_KEY)] | None = None
    """Its name in the data map: dataset and collection."""
    explanation: Code | None = None
    """Vault name of a text for the staff; not on a collection."""

    @property
    def of_request(self) -> bool:
        """Whether it is about a request; else on a collection."""
        return self.request_id != self.hold

    @property
    def is_complete(self) -> bool:
        """Whether its scope has what it is about, and nothing else."""
        whole = self.scope is HoldScope.COLLECTION
        return (whole, whole) == (self.collection is not None, not self.of_request)


class HoldLifted(Decision):
    """The privacy staff ends a legal hold; the records that it kept are taken up again."""

    TYPE = "habeas.hold.lifted.v1"
    ROLES = frozenset({StaffRole.APPROVER})

    hold: RequestId
    """``request_id`` is that of the decision that placed it."""
    reason: Code

    @property
    def of_request(self) -> bool:
        """Whether it is about a request; else on a collection."""
        return self.request_id != self.hold


class HoldEnded(Fact):
    """A legal hold was lifted."""

    TYPE = "habeas.hold.ended.v1"
    TERMINAL = True

    hold: RequestId
    erasures: tuple[Code, ...] = ()
    """Requests and purges that it kept records from: the daily job erases them, or another one retains."""


class ErasureScheduled(Fact):
    """A planned erasure waits for its window to end; until then it can be stopped."""

    TYPE = "habeas.erasure.scheduled.v1"

    at: datetime
    """When the window ends and the erasure begins."""
    letter: bool = True
    """Whether a letter announces it; not where the person was asked for a separate confirmation."""
    contract: bool = False
    """Whether records stay because a running contract needs them: the person may end it first."""


class ErasureDue(Fact):
    """The window of a planned erasure has ended."""

    TYPE = "habeas.erasure.due.v1"

    name: Code


class ErasureRetried(Fact):
    """The remains of an erasure are to be erased again."""

    TYPE = "habeas.erasure.retried.v1"


class DisclosureScheduled(Fact):
    """
    An answer waits, and until its window ends it can be stopped.

    The records of a disclosure name other mailboxes, or services depend on a consent that is withdrawn.
    """

    TYPE = "habeas.disclosure.scheduled.v1"

    at: datetime
    """When the window ends and the records are disclosed, or the withdrawal is completed."""
    consent: bool = False
    """Whether it is a withdrawal of consent: the person gets a letter, and can undo it."""


class DisclosureDue(Fact):
    """The window before a disclosure, or the end of a withdrawal of consent, has ended."""

    TYPE = "habeas.disclosure.due.v1"

    name: Code


class TransferOrdered(Fact):
    """A package lies ready that the person wants sent to another controller (GDPR Art. 20(2))."""

    TYPE = "habeas.transfer.ordered.v1"

    outcome: Outcome
    dispositions: dict[str, int] = {}
    reasons: dict[str, int] = {}
    answer: Code
    """Name of the answer in the vault."""
    package: Code
    """Name of the package in the vault."""
    aliases: OfferedAliases | None = None
    """Aliases in the disclosed records; they open no records before they are confirmed."""
    withheld: tuple[WithheldValues, ...] = ()
    """Values that were withheld or masked, by kind, reason and provision."""
    absent: tuple[str, ...] = ()
    """Collections of the data map that never existed: they counted as empty."""


class SubjectErased(Fact):
    """A person's data was erased; recipients of that data must erase it too (GDPR Art. 19)."""

    TYPE = "habeas.subject.erased.v1"
    TERMINAL = True

    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with the recipients."""


class ChangePlanned(Fact):
    """The records to mark or correct are decided and lie sealed in the vault."""

    TYPE = "habeas.change.planned.v1"

    right: Right
    plan: Code
    """Name of the plan in the vault."""
    regulation: Regulation
    received_on: date


class SubjectRectified(Fact):
    """A person's data was corrected; recipients of that data must correct it too (GDPR Art. 19)."""

    TYPE = "habeas.subject.rectified.v1"
    TERMINAL = True

    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with the recipients."""
    fields: tuple[str, ...]
    """Paths of the data map. The values are not said here: a recipient asks for them."""


class SubjectRestricted(Fact):
    """A person's data is only stored from now on; recipients of that data must do the same (GDPR Art. 19)."""

    TYPE = "habeas.subject.restricted.v1"

    identifiers: dict[str, str]


class SubjectUnrestricted(Fact):
    """The restriction of a person's data has ended, and the person was notified before (GDPR Art. 18(3))."""

    TYPE = "habeas.subject.unrestricted.v1"

    identifiers: dict[str, str]


class SubjectOptedOut(Fact):
    """A person's data may no longer be sold or shared, or, if sensitive, be used for more than is needed."""

    TYPE = "habeas.subject.opted_out.v1"
    TERMINAL = True

    right: Right
    """To opt out of sale, or to limit the use of sensitive data."""
    identifiers: dict[str, str]
    ask_again_from: date | None = None
    """The first day on which the person may be asked to opt in again; None: the law sets none."""


class SubjectObjected(Fact):
    """A person objects to the use of their data; direct marketing stops at once (GDPR Art. 21(3))."""

    TYPE = "habeas.subject.objected.v1"
    TERMINAL = True

    identifiers: dict[str, str]


class SubjectConsentWithdrawn(Fact):
    """A person withdrew consent; processing based on it alone stops (GDPR Art. 7(3))."""

    TYPE = "habeas.subject.consent_withdrawn.v1"
    TERMINAL = True

    identifiers: dict[str, str]


class RecipientConcerned(Fact):
    """A recipient must learn of changes to a person's data; consumers of events have learned of them now."""

    TYPE = "habeas.recipient.concerned.v1"

    recipient: Text
    """Its name in the data map."""
    notice: Code
    """Id of the message, the same for every attempt to send it."""
    about: Code
    """Type of the fact that it must hear of."""
    identifiers: dict[str, str]
    """Identifier name → keyed hash agreed with this recipient."""
    fields: tuple[str, ...] = ()
    """Paths of the data map, after a correction: values that the recipient has to fetch."""


class RecipientNotified(Fact):
    """No webhook is agreed with a recipient: the event that names it is its only notice."""

    TYPE = "habeas.recipient.notified.v1"
    TERMINAL = True

    recipient: Text
    notice: Code
    about: Code


class RecipientAcknowledged(Fact):
    """A recipient's webhook has taken the message."""

    TYPE = "habeas.recipient.acknowledged.v1"

    recipient: Text
    notice: Code
    about: Code


class RecipientFailed(Fact):
    """A recipient could not be notified, after all tries; the staff must do it by other means."""

    TYPE = "habeas.recipient.failed.v1"

    recipient: Text
    notice: Code
    about: Code
    reason: Code


class RecipientRetried(ReasonedDecision):
    """The privacy staff has a recipient notified again that could not be."""

    TYPE = "habeas.recipient.retried.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    recipient: Text


class RecipientInformed(ReasonedDecision):
    """The privacy staff has notified a recipient by other means."""

    TYPE = "habeas.recipient.informed.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    recipient: Text


class RestrictionLifting(Decision):
    """The privacy staff wants to lift a restriction; the person is notified first (GDPR Art. 18(3))."""

    TYPE = "habeas.restriction.lifting.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    reason: LiftingReason


class RestrictionAnnounced(Fact):
    """The person was notified that the restriction is lifted; now it may be."""

    TYPE = "habeas.restriction.announced.v1"

    reason: LiftingReason


class AliasProven(Fact):
    """Another mailbox in the person's records was proven by the code sent to it."""

    TYPE = "habeas.alias.proven.v1"

    aliases: Code
    """Name of the offered aliases in the vault."""
    number: Annotated[int, Field(ge=1)]
    """Number of the alias; 1 is the first."""
