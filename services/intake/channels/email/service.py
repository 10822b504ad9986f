"""
Processing of incoming mail: a case, a reply in one, a question back, or no effect.

The raw mail is sealed first and announced second, so that each announcement has its evidence. Every name
follows from the mail itself: a repeated mail, on any route, has no second effect.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase

from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.channels.email.attachments import documents_in
from services.intake.channels.email.classification import MailMeaning, classify
from services.intake.channels.email.parser import ParsedMail, read
from services.intake.channels.email.replies import MailReply, ReplyAction, action_of, named_scope, stops
from services.intake.channels.email.rulebook import MailIntent, Rulebook
from services.intake.channels.email.sender_checks import (
    MailExclusion,
    is_authenticated,
    is_dropped,
    refusal_of,
)
from services.intake.channels.email.senders import Admission, Senders
from services.intake.channels.email.sole_code import sole_code
from services.intake.domain import (
    IntakeCase,
)
from shared.contract import events
from shared.contract.answer import INQUIRY, RAW_MAIL, SUBMISSION, Inquiry
from shared.contract.correspondents import mailbox_for, parties
from shared.contract.erasure_claims import erasure_claim
from shared.contract.sources import MAIL
from shared.errors import ErrorNet, HabeasError, TransientError, UnknownRequest, reason_of
from shared.law import ClockRules, Right
from shared.mail.reply_address import ReplyAddresses
from shared.runtime.log import logger
from shared.runtime.metrics import counter

MAILS = counter(
    "habeas_inbox_mails_total", "Incoming mails by result; see docs/reference/mail.md.", "outcome"
)
"""Labels come from a closed vocabulary; never an address."""
ANSWER = "answer_mail_"
"""Prefix of the names of replies in the vault."""
BACKLOG = timedelta(days=30)
"""A mail with an older date has a wrong clock."""
BY_PORT = timedelta(hours=6)
"""A mail by the port arrived just now, in spite of its date, except for delays of our mail server."""
MOST_CASES = 5
"""Cases that one mail can be a reply in."""
READERS = 2
"""Mails parsed at once, each in a thread, so that intake's pages stay responsive."""
WITHOUT_SENDER, STUMBLED = "no_sender", "stumbled"
DOUBTFUL = frozenset({MailExclusion.FORGED, MailExclusion.SPAM})
"""Reasons to refuse a mail that a person may have written."""
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

LONGEST_STATEMENT = 10_000
STATED = frozenset({MailIntent.RECTIFICATION, MailIntent.RESTRICTION, MailIntent.OBJECTION})
"""Intents that the person's statement is weighed for."""


class MailOutcome(StrEnum):
    """The result of a mail that is not refused."""

    OPENED = "opened"
    ASKED_BACK = "asked_back"
    FILED = "filed"
    """It is filed in a case for the staff to read."""
    FLOOD = "flood"
    PROVEN = "proof"
    WITHDRAWN = "withdrawn"
    SPECIFIED = "specified"
    SET_ASIDE = "set_aside"
    UNCHECKED = "unchecked_code"
    """It is a code, and our mail server does not state its sender: the person is referred to the page."""
    OLD = "old"
    """It belongs to a destroyed case."""


class MailDeferred(TransientError):
    """One sender sent too many mails; more are accepted later."""


@dataclass(frozen=True, slots=True)
class MailEnvelope:
    """The envelope of a mail."""

    recipients: tuple[str, ...] = ()
    sender: str | None = None
    """The return address: empty for a report, None if unknown."""
    received_at: datetime | None = None
    """The mailbox's time of receipt; None by the port."""


@dataclass(frozen=True, slots=True)
class EmailService:
    """Processes mails."""

    requests: RequestService
    threads: ReplyAddresses
    book: Rulebook
    senders: Senders
    practice: ClockRules
    trusted: str = ""
    """Name of our mail server in its check results."""
    _readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))

    async def take(self, content: bytes, envelope: MailEnvelope) -> str:
        """
        Process a mail; return its result once that is durable.

        Raises:
            TransientError: The mail must be kept and delivered again.
        """
        with ErrorNet(HabeasError) as net:  # any mail may come; an error must not block the others
            async with self._readers:
                mail = await asyncio.to_thread(read, content)
            outcome = await self._outcome_of(mail, content, envelope)
        if net.error is not None:
            logger().error("mail set aside", service="intake", reason=reason_of(net.error))
            outcome = await self._set_aside(sha256(content).hexdigest(), content, STUMBLED)
        MAILS.labels(outcome).inc()
        logger().info("mail processed", service="intake", outcome=outcome)
        return outcome

    async def _outcome_of(self, mail: ParsedMail, content: bytes, envelope: MailEnvelope) -> str:
        ours = {self.threads.address.lower()}
        refused = refusal_of(mail, envelope.sender, ours=ours, trusted=self.trusted)
        try:
            if refused is not None and refused not in DOUBTFUL:
                letter = self.threads.case_answered([mail.field("message-id")])
                if not is_dropped(mail, ours=letter is not None):
                    await self._set_aside(mail.identity, content, refused)
                return refused
            cases = await self._replied_cases(mail, envelope)
            doubt = refused or ("" if mail.address else WITHOUT_SENDER)
            if doubt:
                return await self._set_doubtful_aside(mail, content, doubt, cases)
            sole = len(cases) == 1
            answers = [await self._process_reply(mail, content, envelope, one, sole=sole) for one in cases]
            return answers[0] if answers else await self._open_case(mail, content, envelope)
        except UnknownRequest:
            return MailOutcome.OLD

    # --- new cases --------------------------------------------------------------------------------------

    async def _open_case(self, mail: ParsedMail, content: bytes, envelope: MailEnvelope) -> str:
        case_id = self.requests.id_of(MAIL, mail.identity)
        admission, case = self.senders.admit(mail.address.lower(), case_id)
        match admission:
            case Admission.WAITS:
                raise MailDeferred("too many mails of one sender within the hour")
            case Admission.FILED:
                await self._file_for_staff(mail.identity, content, case, "flood", own=True)
                return MailOutcome.FLOOD
            case Admission.OPENS:
                await self.requests.keep_large(case_id, RAW_MAIL, content)
                return await self._begin_case(mail, case_id, envelope)

    async def _begin_case(self, mail: ParsedMail, case_id: str, envelope: MailEnvelope) -> str:
        understood = await self._understood(mail)
        received_at = self._received_at(mail, envelope)
        inquiry = inquiry_of(mail, understood, received_at)
        if understood.wish is not None:
            request = request_of(inquiry, understood, mail.words, documents_in(mail.attachments))
            await self.requests.lodge(request, MAIL)
            return MailOutcome.OPENED
        await self.requests.ask_back(case_id, inquiry)
        return MailOutcome.ASKED_BACK

    def _received_at(self, mail: ParsedMail, envelope: MailEnvelope) -> datetime:
        """Return the time of receipt; a sender's date cannot make a new request overdue."""
        now, said = self.requests.clock(), envelope.received_at
        if said is None:
            return mail.received_at(now, now - BY_PORT)
        return said if now - BACKLOG <= said <= now else now

    async def _understood(self, mail: ParsedMail, *, answered: bool = False) -> MailMeaning:
        async with self._readers:
            subject = "" if answered else mail.subject
            return await asyncio.to_thread(classify, subject, mail.words, self.book)

    # --- replies -----------------------------------------------------------------------------------------

    def _cases_of(self, mail: ParsedMail, envelope: MailEnvelope) -> list[str]:
        """Return the cases that *mail* is a reply in: by its recipient, else by the mail it answers."""
        named = mail.addresses("delivered-to", "x-original-to", "to", "cc")
        cases = filter(None, map(self.threads.case, (*envelope.recipients, *named)))
        if addressed := list(dict.fromkeys(cases))[:MOST_CASES]:
            return addressed
        ours = self.threads.case_answered(
            [mail.field("in-reply-to"), *mail.field("references").split()[::-1]]
        )
        return [ours] if ours else []

    async def _replied_cases(self, mail: ParsedMail, envelope: MailEnvelope) -> "list[_RepliedCase]":
        """
        Return the cases that *mail* is a reply in, by address or thread, else by the short references in it.

        Anyone may know a short reference, so it counts in mails of people that may decide about the case, and
        withdraws nothing unless our mail server vouches for the sender.
        """
        if addressed := self._cases_of(mail, envelope):
            named = [await self._replied_case(case) for case in addressed]
            return [case for case in named if case is not None]
        referenced = await self.requests.named_in(f"{mail.subject}\n{mail.words}")
        found = [await self._replied_case(case) for case in referenced]
        return [
            replace(case, addressed=False)
            for case in found
            if case is not None and case.is_party(mail.address)
        ]

    async def _replied_case(self, case_id: str) -> "_RepliedCase | None":
        """Return the state of a case; None if it is gone."""
        try:
            case = await self.requests.case(case_id)
            submitted = await self.requests.kept(case_id, SUBMISSION)
            request = events.RequestSubmitted.model_validate_json(submitted)
            requester = case.received.requester if case.received else events.Requester.PERSON
            mailbox = mailbox_for(events.LetterKind.CODE, requester, request)
            by = parties(requester, request)
            return _RepliedCase(case_id, case, mailbox, right=request.right, parties=by)
        except UnknownRequest:
            pass
        try:
            inquiry = Inquiry.model_validate_json(await self.requests.kept(case_id, INQUIRY))
        except UnknownRequest:
            return None
        mailbox = inquiry.subject.email
        by = (mailbox,) if mailbox else ()
        return _RepliedCase(case_id, IntakeCase(), mailbox, inquiry, parties=by)

    async def _set_doubtful_aside(
        self, mail: ParsedMail, content: bytes, reason: str, cases: "Sequence[_RepliedCase]"
    ) -> str:
        """Set a mail with a doubtful sender aside; the requests that it replies to are stopped."""
        for replied in cases:
            await self._file_for_staff(mail.identity, content, replied.id, reason, own=False)
            if replied.inquiry is None:
                await self.requests.stop(replied.id, events.StopReason.UNCLEAR_REPLY)
        if not cases:
            await self._set_aside(mail.identity, content, reason)
        return MailOutcome.SET_ASIDE if reason == WITHOUT_SENDER else reason

    async def _process_reply(
        self, mail: ParsedMail, content: bytes, envelope: MailEnvelope, replied: "_RepliedCase", *, sole: bool
    ) -> str:
        """Process a reply once; a repetition returns the first result."""
        case_id = replied.id
        before = f"{_item(mail.identity)}_fate"
        try:
            return (await self.requests.kept(case_id, before)).decode()
        except UnknownRequest:
            pass
        answer = await self._parsed_reply(mail, replied, sole=sole)
        outcome = await self._take_effect(mail, content, envelope, replied, answer)
        await self.requests.keep(case_id, before, outcome.encode())
        return outcome

    async def _take_effect(
        self,
        mail: ParsedMail,
        content: bytes,
        envelope: MailEnvelope,
        replied: "_RepliedCase",
        answer: MailReply,
    ) -> str:
        case_id, inquiry = replied.id, replied.inquiry
        deed = action_of(answer, replied.case, inquiry, self.book)
        stopped = inquiry is None and stops(answer, deed, replied.case)
        if stopped or deed is not ReplyAction.BEGINS:
            await self.requests.keep_large(case_id, _item(mail.identity), content)
        if stopped:
            await self._note_for_staff(mail, case_id, "other", own=answer.own)
            await self.requests.stop(case_id, events.StopReason.UNCLEAR_REPLY)
        if deed is ReplyAction.BEGINS:
            return await self._open_case(mail, content, envelope)
        if stopped:
            return MailOutcome.FILED
        if deed is ReplyAction.CLARIFIES and inquiry is not None:
            request = request_of(inquiry, answer.understood, mail.words, answer.documents)
            await self.requests.lodge(request, MAIL)
            return MailOutcome.OPENED
        if deed is ReplyAction.PROVES:
            proofs = answer.proofs(replied.case, self.book)
            proven = self.requests.prove(case_id, proofs, cause=f"mail {mail.identity}", sender=answer.check)
            unchecked = answer.is_code and answer.check is events.SenderCheck.UNKNOWN
            fate = MailOutcome.UNCHECKED if unchecked else MailOutcome.PROVEN
            return await self._act_or_file(proven, fate, mail, case_id, answer)
        if deed is ReplyAction.SPECIFIES:
            specified = self.requests.specify(case_id, named_scope(answer.words) or ())
            return await self._act_or_file(specified, MailOutcome.SPECIFIED, mail, case_id, answer)
        if deed is ReplyAction.WITHDRAWS:
            return await self._act_or_file(
                self.requests.withdraw(case_id), MailOutcome.WITHDRAWN, mail, case_id, answer
            )
        return await self._note_for_staff(mail, case_id, "other", own=answer.own)

    async def _parsed_reply(self, mail: ParsedMail, replied: "_RepliedCase", *, sole: bool) -> MailReply:
        authenticated = bool(self.trusted) and is_authenticated(mail, self.trusted)
        check = events.SenderCheck.AUTHENTICATED if authenticated else events.SenderCheck.UNKNOWN
        named = len(mail.fields["from"]) == 1 and replied.is_party(mail.address)
        coded = named and is_same_address(replied.mailbox or "", mail.address)
        return MailReply(
            words=mail.words,
            understood=await self._understood(mail, answered=True),
            documents=documents_in(mail.attachments),
            own=named and (authenticated or not self.trusted),
            may_withdraw=authenticated or replied.addressed,
            asked=replied.right,
            code=sole_code(mail, replied.id) if sole else None,
            check=check if coded else None,
        )

    async def _act_or_file(
        self, act: Awaitable[None], fate: MailOutcome, mail: ParsedMail, case_id: str, answer: MailReply
    ) -> str:
        """Do the effect of a reply; if it is too late, file it for the staff."""
        try:
            await act
        except NotPossibleNow:
            return await self._note_for_staff(mail, case_id, "too_late", own=answer.own)
        except TooManyAttempts:
            raise MailDeferred("too many operations on one request within the hour") from None
        return fate

    # --- mails for the staff ------------------------------------------------------------------------------

    async def _note_for_staff(self, mail: ParsedMail, case_id: str, reason: str, *, own: bool) -> str:
        await self.requests.note_message(case_id, _item(mail.identity), reason, own=own)
        return MailOutcome.FILED

    async def _file_for_staff(
        self, identity: str, content: bytes, case_id: str, reason: str, *, own: bool
    ) -> None:
        await self.requests.keep_large(case_id, _item(identity), content)
        await self.requests.note_message(case_id, _item(identity), reason, own=own)

    async def _set_aside(self, identity: str, content: bytes, reason: str) -> str:
        await self._file_for_staff(identity, content, self.requests.id_of(MAIL, identity), reason, own=False)
        return MailOutcome.SET_ASIDE


@dataclass(frozen=True, slots=True)
class _RepliedCase:
    """The state of the case that a mail is a reply in."""

    id: str
    case: IntakeCase
    mailbox: str | None
    """The recipient of its codes."""
    inquiry: Inquiry | None = None
    """Set while the intent is unclear."""
    right: Right | None = None
    parties: tuple[str, ...] = ()
    """Mailboxes of people that may decide about it."""
    addressed: bool = True
    """Whether the mail came to its secret address or in its thread; else it names the short reference."""

    def is_party(self, address: str) -> bool:
        """Return whether *address* is the mailbox of a person that may decide about it."""
        return any(is_same_address(party, address) for party in self.parties)


def is_same_address(one: str, other: str) -> bool:
    """Return whether two mail addresses are equal, ignoring the case of ASCII letters."""
    return bool(one) and one.translate(LOWER) == other.translate(LOWER)


def _item(identity: str) -> str:
    return f"{ANSWER}{identity[:32]}"


def inquiry_of(mail: ParsedMail, understood: MailMeaning, received_at: datetime) -> Inquiry:
    """Return the author and the known parts of the intent. The sender is not verified."""
    return Inquiry(
        reference=mail.identity,
        subject=events.Subject(name=mail.name or None, email=mail.address),
        locale=understood.language,
        received_at=received_at,
        rights=tuple(dict.fromkeys(wish.right for wish in understood.candidates)),
        residence=understood.residence,
        regulation=understood.regulation,
    )


def request_of(
    inquiry: Inquiry, understood: MailMeaning, words: str, documents: Sequence[events.Document]
) -> events.RequestSubmitted:
    """Return the request of a mail, or of the reply to a question back. Raises ValueError: it is unclear."""
    if understood.wish is None:
        raise ValueError("the intent is unclear")
    weighed = understood.wish in STATED or erasure_claim(words) is not None
    statement = words.strip()[:LONGEST_STATEMENT].strip() if weighed else ""
    details = events.Details(
        statement=statement or None, scope=understood.wish.scope, with_copy=understood.with_copy
    )
    return events.RequestSubmitted.model_construct(
        reference=inquiry.reference,
        right=understood.wish.right,
        subject=inquiry.subject,
        residence=inquiry.residence or understood.residence,
        regulation=inquiry.regulation or understood.regulation,
        locale=inquiry.locale or understood.language,
        received_at=inquiry.received_at,
        details=details,
        # Validation would decode the bytes of a document as Base64.
        proofs=tuple(documents),
    )
