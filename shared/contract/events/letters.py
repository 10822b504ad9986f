"""Facts about letters, codes and packages."""

from datetime import datetime

from shared.contract.events.base import Code, Decision, Fact
from shared.contract.events.submissions import UnreadableSubmission
from shared.vocabulary import DeliveryAction, LetterKind, StaffRole


class ControllerNotified(Fact):
    """The customer that decides about the data was notified of a request for it; now the person is."""

    TYPE = "habeas.controller.told.v1"

    controller: Code
    """Where the customer's name and address lie sealed."""


class MessageWritten(Decision):
    """The privacy staff writes to the person; a letter has the text."""

    TYPE = "habeas.message.written.v1"
    ROLES = frozenset({StaffRole.AGENT, StaffRole.APPROVER})

    text: Code
    """Name, in the vault, of the text to the person."""


class AliasCodeIssued(Fact):
    """The person asked for a code that proves another mailbox in the records; it is mailed there."""

    TYPE = "habeas.alias.code_issued.v1"

    ref: Code
    """Name of the code in the vault."""
    mailbox: Code
    """Name in the vault of the recipient's mailbox."""
    expires_at: datetime


class PackageCodeIssued(Fact):
    """The package was asked for; a fresh code is to be mailed to the data subject."""

    TYPE = "habeas.package.code_issued.v1"

    ref: Code
    expires_at: datetime


class PackageFetched(Fact):
    """The package was downloaded: with a valid code, or by the controller that asked for it."""

    TYPE = "habeas.package.fetched.v1"
    TERMINAL = True

    by: str | None = None
    """Source of the controller that showed its credential; None where a code was shown."""

    continued: bool = False
    """Whether it went on with a download that was cut off."""


class PackageExpiring(Fact):
    """A package that was not fetched is kept for a few days more; the person is notified."""

    TYPE = "habeas.package.expiring.v1"

    expires_at: datetime


class PackageExpired(Fact):
    """A package is destroyed: it was kept as long as was promised."""

    TYPE = "habeas.package.expired.v1"
    TERMINAL = True


class PreviewAsked(Fact):
    """The staff wants to read the letters of a decision that is not made; its acting service drafts them."""

    TYPE = "habeas.preview.asked.v1"

    preview: Code
    """The place of the preview in the vault: the decision lies there."""
    type: Code
    """Type of the decision."""
    by: Code | None = None
    """The account that reads the letters."""


class PreviewDrafted(Fact):
    """The facts that would follow from a decision are drafted, for the notifier to write the letters."""

    TYPE = "habeas.preview.drafted.v1"

    preview: Code
    by: Code | None = None
    """The account that reads the letters, where its decision is intake's own."""


class NoticeFact(Fact):
    """The fate of a letter."""

    letter: LetterKind
    acknowledges: bool = False
    """Whether it confirms the receipt of the request as well."""

    @property
    def letters(self) -> frozenset[LetterKind]:
        """The kinds of letters that it counts as."""
        return frozenset({self.letter, LetterKind.ACKNOWLEDGEMENT} if self.acknowledges else {self.letter})


class NoticeSent(NoticeFact):
    """A mail server accepted a letter."""

    TYPE = "habeas.notice.sent.v1"

    kept: Code | None = None
    """Name of the letter in the vault, as it was sent; None for a letter with a code."""
    doubtful: bool = False
    """A crash made it unknown whether an earlier copy had been accepted: same Message-ID, maybe twice."""


class NoticeFailed(NoticeFact):
    """A letter cannot reach the person: no mail server takes it, it came back, or there is no address."""

    TYPE = "habeas.notice.failed.v1"

    reason: Code


class NoticeReported(NoticeFact):
    """A mail server reports on a letter that was sent."""

    TYPE = "habeas.notice.reported.v1"

    action: DeliveryAction
    status: Code
    """Enhanced status code (RFC 3463): `5.1.1`."""
    again: bool = False
    """Whether the letter came back for a cause that may pass, and is sent once more."""


UnreadableSubmission.model_rebuild()
