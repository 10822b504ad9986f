"""The context of the notifier's handlers, and the sending of letters."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from email.utils import parseaddr
from typing import Any, Protocol

from services.notifier.domain import Correspondence, LetterCount, authorities, count_of
from services.notifier.letters.composer import Composed, LetterRequest, compose
from services.notifier.letters.letter_models import (
    AliasCode,
    AuthorityContact,
    CodeLetter,
    LetterFacts,
    Sender,
    acknowledges_receipt,
)
from services.notifier.smtp.post import Posted
from shared.contract.answer import LETTER, SUBMISSION
from shared.contract.correspondents import Correspondent, correspondent_of, mailbox_for
from shared.contract.drop import SOURCE as DROP
from shared.contract.envelope import derived_id
from shared.contract.events import (
    Fact,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    PolicyId,
    Requester,
    RequestReceived,
    RequestSubmitted,
)
from shared.contract.ports import VaultPort
from shared.contract.stop_links import stop_url
from shared.errors import MailRefused, TooEarly
from shared.law import CompanyProfile
from shared.law.library import picture, policies
from shared.mail.reply_address import ReplyAddresses
from shared.runtime.service import Subscription

WITHOUT_STOP = frozenset({LetterKind.FORWARDED_TO_CONTROLLER})
"""Letters without a link to stop the request: a controller has a link of its own."""
WITHOUT_PAGE = WITHOUT_STOP | {LetterKind.CLARIFICATION}
"""Letters without a link to the page of the request: an unclear mail has none yet."""
WITH_CODE = (CodeLetter, AliasCode)
"""Letters of which no copy is kept: the staff must not read the person's codes."""


class LetterPostPort(Protocol):
    """The way out for letters."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        """Return whether *recipient* may get one more of the letters *counted* today."""

    async def send(self, letter: str, recipient: str, message: bytes, notice: str, /) -> Posted:
        """Hand over *message*, known as *letter*: ``<case>:<event>``; *notice* is its NoticeSent, as JSON."""


class LostNoticesPort(Protocol):
    """The notices of letters that went out."""

    async def lost_notice(self, letter: str) -> NoticeSent | None:
        """Return the notice of *letter*; None where it was not handed over."""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """The sender's identity and addresses."""

    sender: Sender
    authority: AuthorityContact
    public_url: str
    reply_addresses: ReplyAddresses | None = None
    """Where replies go, each to the case that its letter is about; None: to one address for all."""
    stop_key: bytes = field(default=b"", repr=False)
    """Key of the links that stop a request; empty: letters have none."""
    language: str = "en"
    """Language of letters to people without a known one."""

    @property
    def domain(self) -> str:
        """The domain that message ids end in."""
        return self.sender.address.rpartition("@")[2]


def sender_settings_of(
    company: CompanyProfile,
    mail_from: str,
    *,
    reply_to: str = "",
    public_url: str = "",
    reply_addresses: ReplyAddresses | None = None,
) -> SenderSettings:
    """Return the sender settings of *company*; *mail_from*: ``Example Privacy <privacy@example.com>``."""
    name, address = parseaddr(mail_from)
    sender = Sender(
        name=name,
        address=address,
        company=company.name,
        reply_to=reply_to,
        postal_address=company.postal_address,
        data_protection_officer=company.officer,
        privacy_policy_url=company.privacy_policy or "",
        complaint_url=company.complaints or "",
        opt_out_url=company.opt_out or f"{public_url}/opt-out",
        products=company.products,
        affiliates=company.affiliates,
        zone=company.zone,
        colour=company.brand.colour,
        dark_colour=company.brand.by_night,
        logo=picture(company.brand.letter_logo),
    )
    authority = AuthorityContact(company.authority.name, company.authority.url, company.authority.address)
    return SenderSettings(sender, authority, public_url, reply_addresses, language=company.language)


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """The context of a handler."""

    case_id: str
    known: Correspondence
    event_id: str
    occurred_at: datetime
    vault: VaultPort = field(repr=False)
    post: LetterPostPort = field(repr=False)
    house: SenderSettings

    def message_id(self) -> str:
        """Return the id of the letter; replies name it."""
        if self.house.reply_addresses is None:
            return f"<{self.event_id}@{self.house.domain}>"
        return self.house.reply_addresses.message_id(self.event_id, self.case_id, self.house.domain)

    def reply_to(self) -> str:
        """Return where replies about the case go; empty: to the address for all replies."""
        return self.house.reply_addresses.of(self.case_id) if self.house.reply_addresses else ""

    def request(self) -> RequestReceived:
        """
        Return the request that is written about.

        Raises:
            TooEarly: It has not been acknowledged yet: letters keep their order.
        """
        if not self.known.acknowledged:
            raise TooEarly("a letter came before its request was acknowledged")
        return self.received()

    def received(self) -> RequestReceived:
        """
        Return the request, acknowledged or not.

        Raises:
            TooEarly: It has not arrived yet.
        """
        if self.known.request is None:
            raise TooEarly("a letter came before its request")
        return self.known.request

    def page(self, case_id: str | None = None) -> str:
        """Return where the person sees how the request, or *case_id*, stands."""
        return f"{self.house.public_url}/requests/{case_id or self.case_id}"

    def stop_link(self) -> str:
        """Return the link that stops the request; empty if letters have none."""
        key = self.house.stop_key
        return stop_url(self.house.public_url, key, self.case_id) if key else ""

    def occurred_on(self) -> date:
        """Return the day of the event, in the zone of the letters; the same at each attempt."""
        return self.occurred_at.astimezone(self.house.sender.zone).date()


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient of a letter."""

    email: str
    name: str
    locale: str
    reply_to: str = ""
    """Where replies go, when not to the address for all replies."""
    referenced: bool = True
    """Whether the letter names the request and links its page."""


async def submission_of(ctx: NotifierContext) -> RequestSubmitted:
    """Return the submission, as it lies sealed."""
    return RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))


async def write(
    kind: LetterKind, facts: LetterFacts, request: RequestReceived, ctx: NotifierContext
) -> Sequence[Fact]:
    """
    Write to the party that the letter is for; its outcome is a fact.

    No letter is written where a controller asks: it answers the person, and is answered where it asked.

    Law:
        GDPR Art. 12(1), 28(3)(e): the controller informs the person, and the processor assists it.
    """
    if request.requester is Requester.CONTROLLER:
        return []
    addressee = _addressee(kind, request, await submission_of(ctx), ctx)
    if addressee is None:
        return [_failed(kind, facts, "no_address", ctx)]
    return await write_to(addressee, kind, facts, request.laws, ctx)


def _failed(kind: LetterKind, facts: LetterFacts, reason: str, ctx: NotifierContext) -> NoticeFailed:
    acknowledges = acknowledges_receipt(facts)
    return NoticeFailed(request_id=ctx.case_id, letter=kind, acknowledges=acknowledges, reason=reason)


def _addressee(
    kind: LetterKind, request: RequestReceived, submitted: RequestSubmitted, ctx: NotifierContext
) -> Addressee | None:
    """Return the party that a letter goes to; None if the request names no mailbox that may have it."""
    mailbox = mailbox_for(kind, request.requester, submitted)
    if mailbox is None or request.source == DROP:  # California notifies its consumers
        return None
    agent = submitted.agent
    represents = correspondent_of(kind, request.requester, submitted) is Correspondent.REPRESENTATIVE
    name = agent.name if represents and agent else submitted.subject.name
    return Addressee(mailbox, name or "", submitted.locale or "en", ctx.reply_to())


async def write_to(
    addressee: Addressee,
    kind: LetterKind,
    facts: LetterFacts,
    protecting: Iterable[PolicyId],
    ctx: NotifierContext,
) -> Sequence[Fact]:
    """Write to *addressee* under the laws *protecting* the person; the outcome is a fact."""
    laws = tuple(map(policies().named, protecting))
    letter = LetterRequest(
        facts=facts,
        request_id=ctx.case_id if addressee.referenced else "",
        to=addressee.email,
        name=addressee.name,
        locale=addressee.locale,
        reply_to=addressee.reply_to,
        stop="" if kind in WITHOUT_STOP else ctx.stop_link(),
        page=ctx.page() if addressee.referenced and kind not in WITHOUT_PAGE else "",
        laws=laws,
        authorities=authorities(laws, ctx.house.authority, addressee.locale),
    )
    sender = ctx.house.sender
    try:
        composed = compose(letter, sender=sender, message_id=ctx.message_id(), date=ctx.occurred_at)
    except MailRefused:  # no mail server could take the address
        return [_failed(kind, facts, "mail_refused", ctx)]
    name = f"{ctx.case_id}:{ctx.event_id}"
    counted = count_of(kind, facts, ctx.known)
    admitted, kept = await asyncio.gather(
        _admitted(counted, letter.to, name, ctx), _kept(letter, composed, ctx)
    )
    if not admitted:
        return [_failed(kind, facts, "too_many_letters", ctx)]
    notice = NoticeSent(
        request_id=ctx.case_id, letter=kind, acknowledges=acknowledges_receipt(facts), kept=kept
    )
    posted = await ctx.post.send(name, letter.to, composed.message, notice.model_dump_json())
    if posted.failure is not None:
        return [_failed(kind, facts, posted.failure, ctx)]
    return [notice.model_copy(update={"doubtful": posted is Posted.SENT_PERHAPS_TWICE})]


async def _admitted(counted: LetterCount | None, mailbox: str, letter: str, ctx: NotifierContext) -> bool:
    return counted is None or await ctx.post.admit(counted, letter, mailbox)


async def _kept(letter: LetterRequest, composed: Composed, ctx: NotifierContext) -> str | None:
    """
    Seal the copy of *letter* before it is sent; return its name, or None for a letter with a code.

    An earlier try may have sealed another text: the last day can move while the mail server is away.
    """
    if isinstance(letter.facts, WITH_CODE):
        return None
    content, tries = composed.copy_of(letter).written(), 0
    while not await ctx.vault.seal(
        ctx.case_id, item := _copy_name(ctx.event_id, tries), content, like=composed.template
    ):
        if await ctx.vault.open(ctx.case_id, item) == content:
            break
        tries += 1
    return item


def _copy_name(event_id: str, tries: int) -> str:
    return f"{LETTER}{derived_id(event_id, tries)}"


def keeping_notices(
    one: Subscription[NotifierContext], lost: LostNoticesPort
) -> Subscription[NotifierContext]:
    """
    Return *one* with the notice of a letter that went out, where its handler would write none now.

    The row of another event may overtake the one of a letter that was sent: a withdrawal, or the answer. The
    handler runs again and writes nothing; without its notice, the letter could not be known if it came back.
    """

    async def handler(event: Any, ctx: NotifierContext) -> Sequence[Fact]:
        facts = await one.handler(event, ctx)
        if facts:
            return facts
        notice = await lost.lost_notice(f"{ctx.case_id}:{ctx.event_id}")
        return [] if notice is None else [notice]

    return replace(one, handler=handler)
