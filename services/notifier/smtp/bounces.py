"""
Returned letters: reports of mail servers on letters of ours, read, made durable, and only then acknowledged.

The sender of a report keeps it until it hears ``250``, and sends it again where it does not. So nothing is
kept here: a report that was published, but lost its answer, is published again under the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notifier.smtp.delivery_reports import DeliveryReport, report_in
from services.notifier.smtp.post import count_report
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths, ReturnPaths
from shared.contract import topology
from shared.contract.correlation import Correlation
from shared.contract.envelope import derived_id, encode
from shared.contract.events import Fact, LetterKind, NoticeReported, NoticeSent
from shared.contract.events.breaches import BreachNoticeReturned
from shared.errors import HabeasError, TooEarly, TransientError
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.journal import JournalRow
from shared.runtime.log import logger
from shared.runtime.message_origin import Origin, OriginSeals
from shared.runtime.service import JournalRowPort, messages_of

NAME = "notifier"
AGAIN_AFTER = list(topology.DELAYS)[-1]
READERS = 2
"""Returned messages read at once, each in a thread: strangers may send them, and letters go on."""
NOT_AGAIN = frozenset({LetterKind.WEIGHING, LetterKind.LIFTING, LetterKind.FORWARDED_TO_CONTROLLER})
"""Letters that set more going (a restriction, the letter to the person): not twice."""


class LetterClaimReader(Protocol):
    """Records of letters begun."""

    async def case_of(self, event: str) -> str | None:
        """Return the case of the letter that *event* called for."""


class CampaignPort(Protocol):
    """The campaigns with notices that may come back."""

    async def incident(self, campaign: str) -> str | None:
        """Return the incident that *campaign* stands for in addresses."""


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A letter that went out."""

    lane: str
    row: JournalRow
    fact: NoticeSent
    repeated: bool
    """Whether it was sent because another one came back."""


@dataclass(frozen=True, slots=True)
class BounceHandler:
    """Takes reports in."""

    claims: LetterClaimReader
    journals: Mapping[str, JournalRowPort]
    """Lane → journal."""
    publisher: EventPublisher
    seals: Mapping[str, OriginSeals]
    """Lane → its seals, for an event that is handled again."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    publisher_of: Callable[[str], str | None] = field(default=lambda _type: None)
    """Returns the broker user that publishes a type of event; None where the broker has no users."""

    async def take(self, letter: str, report: DeliveryReport) -> bool:
        """
        Make *report* on *letter* durable; return whether such a letter is known.

        Raises:
            TooEarly: It is not on record yet that the letter was sent.
            TransientError: Database or broker did not answer.
        """
        case = await self.claims.case_of(letter)
        if case is None:
            return False
        sent = await self._find(case, letter)
        again = [self._again(sent)] if _may_be_sent_again(sent, report) else []
        reported = NoticeReported(
            request_id=case,
            letter=sent.fact.letter,
            acknowledges=sent.fact.acknowledges,
            action=report.action,
            status=report.status,
            again=bool(again),
        )
        reports = _reports(f"{report.action} {letter}", reported, self.clock(), sent.row.correlation)
        await self.publisher.publish([*reports, *again])
        return True

    async def _find(self, case: str, letter: str) -> SentLetter:
        for lane, journal in self.journals.items():
            rows = (await journal.histories({case})).get(case, [])
            repeated = letter in {_again_id(row.cause) for row in rows}
            for row in rows:
                for fact in row.facts:
                    if row.cause == letter and isinstance(fact, NoticeSent):
                        return SentLetter(lane, row, fact, repeated)
        raise TooEarly("a letter came back before it was on record that it was sent")

    def _again(self, sent: SentLetter) -> Message:
        """Return the event that *sent* the letter once more, for its lane alone, which has verified it."""
        event, id_ = sent.row.event, _again_id(sent.row.cause)
        assert event is not None  # noqa: S101  it may go again
        message = Message(
            exchange=topology.RETRY,
            routing_key=f"{AGAIN_AFTER}.{sent.lane}",
            body=encode(
                event,
                id=id_,
                source=f"habeas/{NAME}",
                time=sent.row.at,
                cause=sent.row.cause,
                correlation=sent.row.correlation,
            ),
            message_id=id_,
        )
        origin = Origin(event.EXCHANGE, event.TYPE, self.publisher_of(event.TYPE))
        return replace(message, headers=self.seals[sent.lane].sealed(message, origin))


@dataclass(frozen=True, slots=True)
class NoticeBounceHandler:
    """Takes in reports on breach notices."""

    campaigns: CampaignPort
    publisher: EventPublisher
    paths: NoticePaths
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def take(self, notice: CampaignNotice, report: DeliveryReport) -> bool:
        """
        Make *report* on *notice* durable; return whether its campaign is known.

        Raises:
            TransientError: Database or broker did not answer.
        """
        incident = await self.campaigns.incident(notice.campaign)
        if incident is None:
            return False
        returned = BreachNoticeReturned(
            request_id=incident,
            phase=notice.phase,
            chunk=notice.chunk,
            number=notice.number,
            action=report.action,
            status=report.status,
        )
        await self.publisher.publish(_reports(f"{report.action} {notice}", returned, self.clock()))
        return True


def _reports(cause: str, fact: Fact, now: datetime, correlation: Correlation | None = None) -> list[Message]:
    """Return *fact* as an event, with the same id however often the same is reported."""
    row = JournalRow("", 0, cause, None, (fact,), now, correlation=correlation)
    return list(messages_of(row, NAME))


def _may_be_sent_again(sent: SentLetter, report: DeliveryReport) -> bool:
    may = report.may_be_sent_again and sent.row.event is not None
    return may and not sent.repeated and sent.fact.letter not in NOT_AGAIN


def _again_id(letter: str) -> str:
    return derived_id(f"again {letter}", 0)


class BounceServer:
    """Answers SMTP for returned mail. The methods' names and signatures are aiosmtpd's."""

    def __init__(self, desk: BounceHandler, paths: ReturnPaths, notices: NoticeBounceHandler) -> None:
        """Take letters returned on *paths* to *desk*, and breach notices to theirs."""
        self._desk = desk
        self._paths = paths
        self._notices = notices
        self._readers = asyncio.Semaphore(READERS)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take mail for addresses that we have made, and for no other."""
        del server, session, options
        if self._taker(address) is None:
            return "550 5.1.1 no such address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message in; answer when its report is durable."""
        del server, session
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        async with self._readers:
            report = await asyncio.to_thread(report_in, content)
        try:
            for address in envelope.rcpt_tos:
                await self._take(address, report)
        except TransientError as error:
            logger().warning("a returned letter must wait", reason=str(error))
            return "451 4.3.0 try again later"
        except HabeasError as error:
            logger().error("a returned letter cannot be noted", reason=str(error))
            return "554 5.3.0 cannot be noted"
        return "250 2.0.0 noted"

    def _taker(self, address: str) -> Callable[[DeliveryReport], Awaitable[bool]] | None:
        """Return the handler of a report on the letter that *address* was made for, if we have made it."""
        if (letter := self._paths.letter(address)) is not None:
            return partial(self._desk.take, letter)
        if (notice := self._notices.paths.notice(address)) is not None:
            return partial(self._notices.take, notice)
        return None

    async def _take(self, address: str, report: DeliveryReport | None) -> None:
        take = self._taker(address)
        if report is None or take is None:
            count_report("no_report")
        elif await take(report):
            count_report(report.action)
        else:
            count_report("unknown_letter")
