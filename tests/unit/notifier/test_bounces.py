"""A returned letter is reported once, despite losses on the way, and is sent again at most once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import get_ident

import pytest
from aiosmtpd.smtp import Envelope

from services.notifier.bootstrap import service
from services.notifier.codes.handlers import SUBSCRIPTIONS as CODES
from services.notifier.context import SenderSettings
from services.notifier.domain import LetterCount
from services.notifier.handlers import SUBSCRIPTIONS
from services.notifier.smtp import bounces
from services.notifier.smtp.bounces import BounceHandler, BounceServer, NoticeBounceHandler
from services.notifier.smtp.delivery_reports import DeliveryReport, report_in
from services.notifier.smtp.letter_limits import MailLane
from services.notifier.smtp.post import Posted
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths, ReturnPaths
from shared.contract.answer import SUBMISSION
from shared.contract.envelope import STRUCTURED, encode
from shared.contract.events import (
    Controller,
    ControllerNotified,
    DeliveryAction,
    Fact,
    IdentityAssessed,
    IdentityChallenged,
    LetterKind,
    LiftingReason,
    NoticeFailed,
    NoticeReported,
    NoticeSent,
    PackageCodeIssued,
    ProofKind,
    RequestForwarded,
    RequestSubmitted,
    RestrictionLifting,
    SubjectRestricted,
)
from shared.contract.events.breaches import BreachNoticeReturned
from shared.contract.topology import DELAYS, EVENTS, RETRY
from shared.errors import BrokerUnavailable, MailUnavailable, PermanentError, TooEarly
from shared.law import Right
from shared.runtime.accounts import Publishers
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.message_origin import OriginSeals
from shared.runtime.service import Runtime
from tests.runtime_fakes import MemoryBroker, MemoryJournal, MemoryVault
from tests.unit.fakes import OpenGate
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, WRITTEN_AT, asked

CASE = "a" * 32
ACKNOWLEDGED, CODE, RESTRICTED, LIFTED, HANDED_ON = (digit * 32 for digit in "12345")
RECEIVED = asked(Right.RESTRICTION)
CUSTOMER = (
    Controller(name="Example Customer AG", email="privacy@customer.example.net").model_dump_json().encode()
)
FORWARDED = RequestForwarded(
    request_id=CASE, controller="controller", link="link", digest="d", expires_at=WRITTEN_AT
)
GONE, FULL = DeliveryReport(DeliveryAction.FAILED, "5.1.1"), DeliveryReport(DeliveryAction.FAILED, "4.2.2")
REPORT = (
    b'Content-Type: multipart/report; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mx.example.org\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
)
SEALS = {str(lane): OriginSeals(lane, (lane.encode() * 4,)) for lane in MailLane}
PATHS = ReturnPaths("bounces@example.com", b"key" * 11)
NOTICES = NoticePaths(PATHS.address, b"notices" * 5)
LATE, ARRIVED = (
    DeliveryReport(DeliveryAction.DELAYED, "4.4.1"),
    DeliveryReport(DeliveryAction.DELIVERED, "2.0.0"),
)


@dataclass
class Ledger:
    """Which letters were begun."""

    letters: dict[str, str] = field(default_factory=dict)

    async def case_of(self, event: str) -> str | None:
        return self.letters.get(event)


class Campaigns:
    """Incidents with notices to people."""

    async def incident(self, campaign: str) -> str | None:
        return CASE if campaign == NOTICES.campaign(CASE) else None


@dataclass
class Outbox:
    """Takes letters."""

    ledger: Ledger
    sent: list[str] = field(default_factory=list)
    defers: str | None = None
    """A recipient whose server defers."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del message
        if recipient == self.defers:
            raise MailUnavailable("greylisted")
        case, event = letter.split(":")
        self.ledger.letters[event] = case
        self.sent.append(event)
        return Posted.SENT


class Absent:
    """A broker that confirms nothing."""

    async def publish(self, messages: Sequence[Message]) -> None:
        raise BrokerUnavailable(f"{len(messages)} not confirmed")


class Office:
    """Both lanes in memory, and the desk that reports come to."""

    def __init__(self) -> None:
        self.broker, self.vault, self.ledger = MemoryBroker(), MemoryVault(), Ledger()
        self.outbox = Outbox(self.ledger)
        self.journals: dict[str, MemoryJournal] = {lane: MemoryJournal() for lane in MailLane}
        house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com")
        self.runtimes = [
            Runtime(
                service(lane, subscriptions, self.vault, self.outbox, house),
                self.journals[lane],
                self.broker.inbox(lane),
                self.broker,
                10,
                timedelta(hours=1),
                lambda: WRITTEN_AT,
                OpenGate(),
                seals=SEALS[lane],
            )
            for lane, subscriptions in ((MailLane.LETTERS, SUBSCRIPTIONS), (MailLane.CODES, CODES))
        ]
        self.desk = BounceHandler(self.ledger, self.journals, self.broker, SEALS, lambda: WRITTEN_AT)

    async def hear(self, fact: Fact, id_: str) -> None:
        body = encode(fact, id=id_, source="habeas/test", time=WRITTEN_AT)
        await self.broker.publish([Message(EVENTS, fact.TYPE, body, id_, STRUCTURED)])
        await self.work()

    async def work(self) -> None:
        await self.broker.drain(*self.runtimes)

    async def wait(self) -> None:
        await self.broker.advance(DELAYS["10m"])
        await self.work()

    def facts(self, kind: type[Fact]) -> set[str]:
        """Return the ids of the events of a kind that went out."""
        return {message.message_id for message in self.broker.published if message.routing_key == kind.TYPE}

    def reports(self) -> list[NoticeReported]:
        rows = self.journals[MailLane.LETTERS].rows.values()
        return [row.event for row in rows if isinstance(row.event, NoticeReported)]

    def failures(self) -> list[NoticeFailed]:
        rows = [row for journal in self.journals.values() for row in journal.rows.values()]
        return [fact for row in rows for fact in row.facts if isinstance(fact, NoticeFailed)]


@pytest.fixture
async def office() -> Office:
    office = Office()
    await office.vault.create(CASE)
    data = {"reference": "r", "right": "access", "subject": {"email": "ada@example.org"}}
    submitted = RequestSubmitted.model_validate(data).model_dump_json().encode()
    await office.vault.seal(CASE, SUBMISSION, submitted)
    await office.vault.seal(CASE, "code_0", b"402815")
    await office.hear(RECEIVED, CASE)
    await office.hear(IdentityAssessed(request_id=CASE), ACKNOWLEDGED)
    return office


async def test_a_letter_that_came_back_for_good_has_not_reached_the_person(office: Office) -> None:
    assert await office.desk.take(ACKNOWLEDGED, GONE)
    await office.work()
    assert office.failures() == [
        NoticeFailed(request_id=CASE, letter=LetterKind.ACKNOWLEDGEMENT, reason="bounced")
    ]
    await office.wait()
    assert office.outbox.sent == [ACKNOWLEDGED], "and it is not sent again"


@pytest.mark.slow
async def test_code_that_came_back_has_not_acknowledged_the_request(office: Office) -> None:
    mailed = IdentityChallenged(
        request_id=CASE, kind=ProofKind.EMAIL_CODE, ref="code_0", expires_at=WRITTEN_AT, acknowledges=True
    )
    await office.hear(mailed, CODE)
    await office.desk.take(CODE, GONE)
    await office.work()
    [report], [failure] = office.reports(), office.failures()
    both = frozenset({LetterKind.CODE, LetterKind.ACKNOWLEDGEMENT})
    assert (report.letters, failure.letters) == (both, both)


async def test_repeated_report_is_published_once(office: Office) -> None:
    for _ in range(3):
        await office.desk.take(ACKNOWLEDGED, GONE)
        await office.work()
    assert len(office.facts(NoticeFailed)) == 1
    assert len(office.failures()) == 1


async def test_report_with_lost_answer_is_published_again_under_the_same_id(office: Office) -> None:
    absent = BounceHandler(office.ledger, office.journals, Absent(), SEALS, lambda: WRITTEN_AT)
    with pytest.raises(BrokerUnavailable):
        await absent.take(ACKNOWLEDGED, GONE)
    later = BounceHandler(
        office.ledger, office.journals, office.broker, SEALS, lambda: WRITTEN_AT + timedelta(hours=1)
    )
    for desk in (office.desk, later):
        await desk.take(ACKNOWLEDGED, GONE)
    assert len(office.facts(NoticeReported)) == 1


@pytest.mark.parametrize("report", [LATE, ARRIVED])
async def test_a_delay_or_an_arrival_is_only_recorded(office: Office, report: DeliveryReport) -> None:
    await office.desk.take(ACKNOWLEDGED, report)
    await office.work()
    assert [(one.action, one.status) for one in office.reports()] == [(report.action, report.status)]
    assert office.failures() == []


async def test_letter_that_may_arrive_yet_is_sent_once_more_and_then_reported(office: Office) -> None:
    await office.desk.take(ACKNOWLEDGED, FULL)
    await office.work()
    assert [reported.again for reported in office.reports()] == [True]
    assert office.failures() == []
    await office.wait()
    first, second = office.outbox.sent
    assert first == ACKNOWLEDGED
    await office.desk.take(second, FULL)
    await office.work()
    await office.wait()
    assert office.outbox.sent == [first, second]
    assert [failure.letter for failure in office.failures()] == [LetterKind.ACKNOWLEDGEMENT]


async def test_however_often_a_full_mailbox_is_reported_the_letter_goes_out_once_more(office: Office) -> None:
    for _ in range(3):
        await office.desk.take(ACKNOWLEDGED, FULL)
        await office.work()
    await office.wait()
    assert len(office.outbox.sent) == 2
    rows = office.journals[MailLane.LETTERS].rows.values()
    sent = [fact for row in rows for fact in row.facts if isinstance(fact, NoticeSent)]
    assert [(fact.letter, fact.doubtful) for fact in sent] == [(LetterKind.ACKNOWLEDGEMENT, False)] * 2


async def test_event_that_is_handled_again_names_its_publisher(office: Office) -> None:
    """The notifier's own account is believed in its own types alone, and a letter follows from others'."""
    publishers = Publishers("habeas-notifier", "notifier")
    for runtime in office.runtimes:
        runtime.publishers = publishers
    desk = replace(office.desk, publisher_of=publishers.publisher_of)
    await desk.take(ACKNOWLEDGED, FULL)
    await office.wait()
    assert len(office.outbox.sent) == 2


async def test_only_its_own_lane_hears_that_a_letter_is_sent_again(office: Office) -> None:
    await office.hear(PackageCodeIssued(request_id=CASE, ref="code_0", expires_at=WRITTEN_AT), CODE)
    before = len(office.broker.published)
    await office.desk.take(CODE, FULL)
    published = {(message.exchange, message.routing_key) for message in office.broker.published[before:]}
    assert published == {(EVENTS, NoticeReported.TYPE), (RETRY, f"10m.{MailLane.CODES}")}
    await office.wait()
    assert office.outbox.sent[:2] == [ACKNOWLEDGED, CODE]
    assert len(office.outbox.sent) == 3


async def test_returned_code_is_reported_though_its_lane_has_another_journal(office: Office) -> None:
    await office.hear(PackageCodeIssued(request_id=CASE, ref="code_0", expires_at=WRITTEN_AT), CODE)
    await office.desk.take(CODE, GONE)
    await office.work()
    assert [failure.letter for failure in office.failures()] == [LetterKind.CODE]


async def test_a_letter_that_moves_a_restriction_is_not_sent_again(office: Office) -> None:
    await office.hear(SubjectRestricted(request_id=CASE, identifiers={}), RESTRICTED)
    lifting = RestrictionLifting(request_id=CASE, reason=LiftingReason.ACCURACY_VERIFIED, by="dana.muster")
    await office.hear(lifting, LIFTED)
    await office.desk.take(LIFTED, FULL)
    await office.work()
    await office.wait()
    assert office.outbox.sent.count(LIFTED) == 1
    assert [failure.letter for failure in office.failures()] == [LetterKind.LIFTING]


async def test_a_report_that_overtakes_the_record_waits(office: Office) -> None:
    office.ledger.letters[CODE] = CASE  # begun, and not on record yet
    with pytest.raises(TooEarly):
        await office.desk.take(CODE, GONE)
    assert office.facts(NoticeReported) == set()


async def test_letter_not_begun_is_unknown(office: Office) -> None:
    assert not await office.desk.take("f" * 32, GONE)
    assert office.facts(NoticeReported) == set()


async def test_a_letter_to_a_customer_is_not_sent_again_but_the_persons_about_it_is(office: Office) -> None:
    await office.vault.seal(CASE, "controller", CUSTOMER)
    await office.vault.seal(CASE, "link", b"secret")
    await office.hear(FORWARDED, HANDED_ON)
    _, to_customer, to_person = office.outbox.sent
    await office.desk.take(to_customer, FULL)
    await office.desk.take(to_person, FULL)
    await office.work()
    await office.wait()
    assert [failure.letter for failure in office.failures()] == [LetterKind.FORWARDED_TO_CONTROLLER]
    assert len(office.outbox.sent) == 4
    assert len(office.facts(ControllerNotified)) == 1, "or the person would hear of it twice"


async def test_deferred_letter_to_the_person_does_not_repeat_that_to_the_customer(
    office: Office,
) -> None:
    await office.vault.seal(CASE, "controller", CUSTOMER)
    await office.vault.seal(CASE, "link", b"secret")
    office.outbox.defers = "ada@example.org"
    await office.hear(FORWARDED, HANDED_ON)
    assert office.outbox.sent == [ACKNOWLEDGED, HANDED_ON]
    office.outbox.defers = None
    await office.wait()
    assert len(office.outbox.sent) == 3


# --- at the SMTP server ------------------------------------------------------------------------------


async def handed_in(
    office: Office,
    content: bytes,
    *,
    publisher: EventPublisher | None = None,
    to: int = 1,
    path: str = PATHS.of(ACKNOWLEDGED),
) -> str:
    """Hand *content* in on a return path, named *to* times; return the answer."""
    broker = publisher or office.broker
    desk = BounceHandler(office.ledger, office.journals, broker, SEALS, lambda: WRITTEN_AT)
    envelope = Envelope()
    envelope.rcpt_tos.extend([path] * to)
    envelope.content = content
    notices = NoticeBounceHandler(Campaigns(), office.broker, NOTICES, lambda: WRITTEN_AT)
    return await BounceServer(desk, PATHS, notices).handle_DATA(None, None, envelope)  # type: ignore[arg-type]  # neither is used


async def test_a_report_is_acknowledged_only_when_it_is_durable(office: Office) -> None:
    assert (await handed_in(office, REPORT, publisher=Absent())).startswith("451")
    assert office.facts(NoticeReported) == set()
    assert (await handed_in(office, REPORT)).startswith("250")
    assert len(office.facts(NoticeReported)) == 1


async def test_a_report_for_many_addresses_is_read_once_and_beside_the_letters(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[int] = []

    def noted(content: bytes) -> DeliveryReport | None:
        readers.append(get_ident())
        return report_in(content)

    monkeypatch.setattr(bounces, "report_in", noted)
    assert (await handed_in(office, REPORT, to=3)).startswith("250")
    assert len(readers) == 1
    assert readers != [get_ident()]


async def test_a_report_that_overtakes_the_record_is_asked_for_again(office: Office) -> None:
    office.journals[MailLane.LETTERS].rows.clear()
    assert (await handed_in(office, REPORT)).startswith("451")


async def test_message_without_a_report_is_taken_and_dropped(office: Office) -> None:
    assert (await handed_in(office, b"Subject: I am away\r\n\r\nStatus: 5.1.1")).startswith("250")
    assert office.facts(NoticeReported) == set()


async def test_a_row_that_does_not_read_is_not_asked_for_again(office: Office) -> None:
    office.journals[MailLane.LETTERS].refuses.append(PermanentError("a row does not read"))
    assert (await handed_in(office, REPORT)).startswith("554")


@pytest.mark.parametrize(
    ("address", "answer"), [(PATHS.of(ACKNOWLEDGED), "250"), ("bounces@example.com", "550")]
)
async def test_only_addresses_that_we_have_made_are_taken(office: Office, address: str, answer: str) -> None:
    envelope = Envelope()
    server = BounceServer(office.desk, PATHS, NoticeBounceHandler(Campaigns(), office.broker, NOTICES))
    said = await server.handle_RCPT(None, None, envelope, address, [])  # type: ignore[arg-type]  # neither is used
    assert said.startswith(answer)
    assert bool(envelope.rcpt_tos) is (answer == "250")


async def test_report_on_breach_notice_is_published_for_its_incident_once(office: Office) -> None:
    notice = CampaignNotice(NOTICES.campaign(CASE), phase=2, chunk=7, number=499)
    for _ in range(2):
        assert (await handed_in(office, REPORT, path=NOTICES.of(notice))).startswith("250")
    [id_] = office.facts(BreachNoticeReturned)
    [message] = {m.body for m in office.broker.published if m.message_id == id_}
    assert b'"chunk":7' in message
    assert b'"number":499' in message


async def test_a_report_on_a_notice_of_no_campaign_is_dropped(office: Office) -> None:
    stranger = CampaignNotice(NOTICES.campaign("f" * 32), phase=1, chunk=0, number=0)
    assert (await handed_in(office, REPORT, path=NOTICES.of(stranger))).startswith("250")
    assert office.facts(BreachNoticeReturned) == set()
