"""What becomes of a mail: a case, a proof, a withdrawal, a question back, or nothing; and nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.cases.deadlines import INQUIRY_REMINDED, INQUIRY_UNANSWERED
from services.intake.cases.service import RequestService
from services.intake.channels.email import service
from services.intake.channels.email.inbox import (
    LATER,
    NOT_HERE,
    TAKEN,
    TOO_OFTEN,
    ImapAccount,
    MailboxWatcher,
    SmtpPort,
)
from services.intake.channels.email.rulebook import rulebook
from services.intake.channels.email.sender_checks import MailExclusion
from services.intake.channels.email.senders import FILED_FOR_ONE, Admission, Senders
from services.intake.channels.email.service import EmailService, MailDeferred, MailEnvelope, MailOutcome
from services.intake.domain import RequestLodged
from shared.contract.answer import SUBMISSION, Inquiry
from shared.contract.events import (
    DeadlineCame,
    DecisionRefused,
    IdentityVerified,
    InquiryLodged,
    InquiryReminded,
    MessageHandled,
    MessageLodged,
    MessageOutcome,
    NarrowingDecided,
    ProofKind,
    ProofReceived,
    RequestDuplicated,
    RequestReceived,
    RequestStopped,
    RequestSubmitted,
    RequestWithdrawn,
    ScopeAnswered,
    StopReason,
)
from shared.contract.references import short_reference
from shared.errors import StoreUnavailable
from shared.law import Regulation, Right, end_of
from shared.mail.reply_address import ReplyAddresses
from shared.runtime.client_limits import Allowance
from tests.unit.fakes import PRACTICE, AbsentBroker, Office, wrong

INBOX = "privacy@example.com"
ADA, EVE = "ada@example.org", "eve@example.net"
THREADS = ReplyAddresses(INBOX, b"threads!" * 4)
PDF = b"%PDF-1.4\n%%EOF"
MX = "mx.example.com"
VOUCHED = {"Authentication_Results": f"{MX}; dmarc=pass header.from=example.org"}
WISH = "Please send me a copy of my personal data."


class Inbox:
    """A desk for mail on an office."""

    def __init__(
        self, *, per_hour: int = 6, trusted: str = "", requests: RequestService | None = None
    ) -> None:
        self.office = Office()
        self.senders = Senders(per_hour, lambda: self.seconds)
        self.seconds = 0.0
        requests = requests or self.office.requests
        self.desk = EmailService(requests, THREADS, rulebook(), self.senders, PRACTICE, trusted)

    async def take(self, content: bytes, *, to: Sequence[str] = (), sender: str | None = ADA) -> str:
        outcome = await self.desk.take(content, MailEnvelope(tuple(to), sender))
        await self.office.work()
        return outcome

    async def opened(self, words: str = WISH, **more: str) -> str:
        """Take a mail of Ada's that opens a case; return the case."""
        assert await self.take(written(words, **more)) == MailOutcome.OPENED
        return self.office.facts(RequestLodged)[-1].request_id

    def code(self, case: str) -> str:
        [ref] = [name for name in self.office.sealed(case) if name.startswith("code")]
        return self.office.code_of(case, ref)

    def request(self, case: str) -> RequestSubmitted:
        return RequestSubmitted.model_validate_json(self.office.sealed(case)["submission"])


def written(words: str, *, by: str = ADA, subject: str = "Hello", pdf: str = "", **fields: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = f"Ada Example <{by}>"
    mail["To"] = INBOX
    mail["Subject"] = subject
    mail["Message-ID"] = "<1@example.org>"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(words)
    if pdf:
        mail.add_attachment(PDF, maintype="application", subtype="pdf", filename=pdf)
    return bytes(mail)


# --- what begins --------------------------------------------------------------------------------------------


async def test_mail_becomes_a_case_with_its_sender_as_the_person() -> None:
    inbox = Inbox()
    case = await inbox.opened(pdf="passport.pdf")
    received = inbox.office.the(RequestReceived)
    assert (received.right, received.source) == (Right.ACCESS, "habeas/mail")
    assert [proof.kind for proof in received.proofs] == [ProofKind.DOCUMENT]
    request = inbox.request(case)
    assert (request.subject.name, request.subject.email, request.locale) == ("Ada Example", ADA, "en")
    sealed = inbox.office.sealed(case)
    assert WISH.encode() in sealed["mail"]
    assert sealed[received.proofs[0].ref] == PDF


async def test_the_same_mail_is_the_same_case_whichever_way_it_takes() -> None:
    inbox = Inbox()
    await inbox.opened()
    again = b"Received: by another.example.com\r\n" + written(WISH)
    assert await inbox.take(again) == MailOutcome.OPENED
    assert len(inbox.office.facts(RequestReceived)) == 1
    assert len({fact.request_id for fact in inbox.office.facts(RequestLodged)}) == 1


async def test_the_subject_rule_makes_a_californian_request() -> None:
    """P23; 11 CCR § 7020(e)."""
    inbox = Inbox()
    case = await inbox.opened("Delete my account.", subject="California privacy rights")
    residence = inbox.request(case).residence
    assert residence is not None
    assert (residence.country, residence.subdivision) == ("US", "CA")
    assert "us-ca-ccpa" in " ".join(inbox.office.the(RequestReceived).laws)


async def test_an_objection_to_marketing_takes_effect_without_a_question() -> None:
    """P9, P31; GDPR Art. 21(2)-(3)."""
    inbox = Inbox()
    await inbox.opened("Stop sending me your newsletter!")
    received = inbox.office.the(RequestReceived)
    assert (received.right, received.direct_marketing) == (Right.OBJECTION, True)
    assert inbox.office.the(IdentityVerified).reasons


async def test_the_law_that_is_named_is_the_one_invoked() -> None:
    inbox = Inbox()
    case = await inbox.opened("LGPD: gostaria de receber uma cópia dos meus dados pessoais.")
    assert (inbox.request(case).regulation, inbox.request(case).locale) == (Regulation.LGPD, "pt")


async def test_statements_are_kept_with_rights_that_need_them() -> None:
    inbox = Inbox()
    words = "My address is wrong. Please correct my address: 5 Example Road."
    case = await inbox.opened(words)
    assert inbox.request(case).details.statement == words
    other = await inbox.opened()
    assert inbox.request(other).details.statement is None


async def test_equal_requests_have_one_answer() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    await inbox.take(written(inbox.code(case), **VOUCHED), to=[THREADS.of(case)])
    again = await inbox.opened(subject="Hello again")
    duplicate = inbox.office.the(RequestDuplicated)
    assert (duplicate.request_id, duplicate.first) == (again, case)


# --- what is unclear ----------------------------------------------------------------------------------------


async def test_an_unclear_mail_is_asked_back_and_the_reply_becomes_the_case() -> None:
    inbox = Inbox()
    assert (
        await inbox.take(written("Hello, I have a question.", subject="California privacy rights"))
        == "asked_back"
    )
    inquiry = inbox.office.the(InquiryLodged)
    case = inquiry.request_id
    assert "us-ca-ccpa" in " ".join(inquiry.laws)
    sealed = Inquiry.model_validate_json(inbox.office.sealed(case)["inquiry"])
    assert (sealed.subject.email, sealed.rights) == (ADA, ())
    assert not inbox.office.facts(RequestReceived)

    inbox.office.clock.move(timedelta(days=3))
    answer = written("Delete my account, please.", subject="Re: What would you like us to do?")
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.OPENED
    received = inbox.office.the(RequestReceived)
    assert (received.request_id, received.right) == (case, Right.ERASURE)
    assert received.received_at == sealed.received_at, "the clock runs since the first mail"
    assert "us-ca-ccpa" in " ".join(received.laws)


async def asked_back(words: str, **fields: str) -> tuple[Inbox, InquiryLodged]:
    """Return an inbox that has asked for the meaning of a mail, and the question."""
    inbox = Inbox()
    assert await inbox.take(written(words, **fields)) == MailOutcome.ASKED_BACK
    return inbox, inbox.office.the(InquiryLodged)


async def fire(inbox: Inbox, *names: str) -> list[timedelta]:
    """Fire timers of the only case; return after which times."""
    office, fired = inbox.office, []
    began = office.clock.now
    for name in names:
        [(case, at)] = [(case, at) for (case, timer), at in office.deadlines.moments.items() if timer == name]
        office.clock.now = at
        fired.append(at - began)
        await office.tell(DeadlineCame(request_id=case, name=name), service="intake")
    return fired


@pytest.mark.parametrize(
    ("subject", "last_day", "ends_on"),
    [
        pytest.param("Hello", date(2026, 3, 19), date(2026, 3, 13), id="anywhere"),
        pytest.param("California privacy rights", date(2026, 3, 26), date(2026, 3, 18), id="in California"),
    ],
)
async def test_question_is_repeated_once_and_goes_to_the_staff_before_the_strictest_last_day(
    subject: str, last_day: date, ends_on: date
) -> None:
    """Brazil, China: 15 days; 11 CCR § 7026(f): 15 business days for an opt-out."""
    inbox, asked = await asked_back("Hello, I have a question.", subject=subject)
    assert asked.due_on == last_day
    reminded_after, ended_after = await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    assert reminded_after == ended_after / 2
    assert inbox.office.clock.now == end_of(ends_on, PRACTICE.zone)
    reminded = inbox.office.the(InquiryReminded)
    assert (reminded.inquiry, reminded.laws) == (asked.inquiry, asked.laws)
    lodged = inbox.office.the(MessageLodged)
    assert (lodged.message, lodged.reason, lodged.due_on) == ("mail", "unanswered", last_day)
    assert not inbox.office.facts(RequestReceived)


async def test_reply_after_the_end_of_the_wait_still_makes_the_request() -> None:
    inbox, asked = await asked_back("Hello")
    await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    answer = written("Delete my account, please.")
    assert await inbox.take(answer, to=[THREADS.of(asked.request_id)]) == MailOutcome.OPENED
    assert inbox.office.the(RequestReceived).received_on == asked.received_on


async def test_clarified_mail_is_neither_repeated_nor_given_to_the_staff() -> None:
    inbox, asked = await asked_back("Hello")
    await inbox.take(written("Delete my account, please."), to=[THREADS.of(asked.request_id)])
    await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    assert not inbox.office.facts(InquiryReminded)
    assert not inbox.office.facts(MessageLodged)


async def test_clarified_mail_that_waits_its_turn_is_not_given_to_the_staff() -> None:
    inbox, asked = await asked_back("Hello")
    await inbox.office.vault.seal(asked.request_id, SUBMISSION, b"{}")
    await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    assert not inbox.office.facts(InquiryReminded)
    assert not inbox.office.facts(MessageLodged)


async def test_sender_who_wrote_again_is_not_asked_again() -> None:
    inbox, asked = await asked_back("Hello")
    await inbox.take(written("I do not know either."), to=[THREADS.of(asked.request_id)])
    await fire(inbox, INQUIRY_REMINDED)
    assert not inbox.office.facts(InquiryReminded)
    await fire(inbox, INQUIRY_UNANSWERED)
    assert [one.reason for one in inbox.office.facts(MessageLodged)] == ["other", "unanswered"]


def handled(case: str, outcome: MessageOutcome, **more: Any) -> MessageHandled:
    """Return the decision that the mail of *case* is handled."""
    return MessageHandled(request_id=case, by="anna", message="mail", outcome=outcome, **more)


async def test_unanswered_mail_waits_for_staff_until_it_is_handled_once() -> None:
    inbox, asked = await asked_back("Hello")
    office = inbox.office
    await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    case, _ = await office.requests.look_up(asked.request_id)
    assert [one.due_on for one in case.open_messages] == [asked.due_on]
    assert office.deadlines.moments, "its last day is listed by its timer"
    await office.tell(handled(asked.request_id, MessageOutcome.ANSWERED), service="intake")
    case, _ = await office.requests.look_up(asked.request_id)
    assert not case.open_messages
    assert not office.deadlines.moments
    assert not office.facts(DecisionRefused)
    await office.tell(handled(asked.request_id, MessageOutcome.NOT_A_REQUEST), service="intake")
    assert office.the(DecisionRefused).reason == "no_open_message"


async def test_handled_mail_is_neither_repeated_nor_given_to_the_staff() -> None:
    inbox, asked = await asked_back("Hello")
    await inbox.office.tell(handled(asked.request_id, MessageOutcome.ANSWERED), service="intake")
    for name in (INQUIRY_REMINDED, INQUIRY_UNANSWERED):
        await inbox.office.tell(DeadlineCame(request_id=asked.request_id, name=name), service="intake")
    assert not inbox.office.facts(InquiryReminded)
    assert not inbox.office.facts(MessageLodged)


async def test_mail_is_handled_as_registered_only_with_a_known_request() -> None:
    inbox, asked = await asked_back("Hello")
    case, other = asked.request_id, await inbox.opened()
    refused = (
        handled(case, MessageOutcome.REGISTERED),
        handled(case, MessageOutcome.REGISTERED, registered_as="0" * 32),
        handled(case, MessageOutcome.ANSWERED, registered_as=other),
    )
    await inbox.office.tell(*refused, service="intake")
    assert [one.reason for one in inbox.office.facts(DecisionRefused)] == ["no_such_request"] * 3
    await inbox.office.tell(handled(case, MessageOutcome.REGISTERED, registered_as=other), service="intake")
    assert len(inbox.office.facts(DecisionRefused)) == 3


@pytest.mark.slow
async def test_request_made_by_a_late_reply_removes_the_last_day_of_its_mail() -> None:
    inbox, asked = await asked_back("Hello")
    await fire(inbox, INQUIRY_REMINDED, INQUIRY_UNANSWERED)
    await inbox.take(written("Delete my account, please."), to=[THREADS.of(asked.request_id)])
    assert not [name for _, name in inbox.office.deadlines.moments if name.startswith("inquiry")]


async def test_an_ambiguous_mail_is_asked_back_with_candidates() -> None:
    inbox = Inbox()
    await inbox.take(written("Please correct my address. Please delete my account."))
    case = inbox.office.the(InquiryLodged).request_id
    sealed = Inquiry.model_validate_json(inbox.office.sealed(case)["inquiry"])
    assert set(sealed.rights) == {Right.RECTIFICATION, Right.ERASURE}


@pytest.mark.parametrize(
    ("by", "words"),
    [(EVE, "Delete my account."), (ADA, "I do not know either.")],
    ids=["a stranger", "unclear"],
)
async def test_an_answer_that_makes_nothing_clearer_is_kept_for_people(by: str, words: str) -> None:
    inbox = Inbox()
    await inbox.take(written("Hello"))
    case = inbox.office.the(InquiryLodged).request_id
    assert await inbox.take(written(words, by=by), to=[THREADS.of(case)]) == MailOutcome.FILED
    message = inbox.office.the(MessageLodged)
    assert (message.request_id, message.own) == (case, by == ADA)
    assert words.encode() in inbox.office.sealed(case)[message.message]
    assert not inbox.office.facts(RequestReceived)


# --- answers ------------------------------------------------------------------------------------------------


async def test_reply_that_is_the_code_proves_the_mailbox_once() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    quoted = "On Sun, 29 Nov 2026 Example Privacy wrote:\n> Your code:\n>    123456"
    answer = written(f"{inbox.code(case)}\n\n{quoted}", subject="Re: Your code", **VOUCHED)
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.PROVEN
    assert inbox.office.the(IdentityVerified).request_id == case
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.PROVEN
    assert len(inbox.office.facts(ProofReceived)) == 1
    assert not inbox.office.facts(MessageLodged)


async def test_an_answer_that_was_half_dealt_with_before_a_crash_offers_its_code_once() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    answer = written(wrong(inbox.code(case)), **VOUCHED)
    for _ in range(2):
        await inbox.desk.take(answer, MailEnvelope((THREADS.of(case),), ADA))
        items = inbox.office.vault.items[case]
        del items[next(name for name in items if name.endswith("_fate"))]
    await inbox.office.work()
    assert len(inbox.office.facts(ProofReceived)) == 1


async def test_a_code_that_is_quoted_proves_nothing() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    answer = written(f"What is this?\n\n> {inbox.code(case)}")
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert not inbox.office.facts(ProofReceived)


async def test_files_in_a_reply_are_proofs_from_the_address_of_the_request_alone() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    outcome = await inbox.take(written("See the file", pdf="bill.pdf"), to=[THREADS.of(case)])
    assert outcome == MailOutcome.PROVEN
    outcome = await inbox.take(written("See the file", by=EVE, pdf="bill.pdf"), to=[THREADS.of(case)])
    assert outcome == MailOutcome.FILED
    [proof] = inbox.office.the(ProofReceived).proofs
    assert proof.slot == "address"
    assert not inbox.office.facts(IdentityVerified), "a proof is weighed as any other"


async def test_an_answer_finds_its_case_by_the_letter_that_it_answers() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    ours = THREADS.message_id("0" * 32, case, "example.com")
    answer = written(inbox.code(case), In_Reply_To=ours, **VOUCHED)
    assert await inbox.take(answer) == MailOutcome.PROVEN
    references = written("Thank you.", References=f"<x@example.org> {ours}")
    assert await inbox.take(references) == MailOutcome.FILED
    assert inbox.office.the(MessageLodged).request_id == case


@pytest.mark.parametrize("place", ["subject", "words"])
async def test_short_reference_in_a_mail_of_the_person_names_the_case(place: str) -> None:
    inbox = Inbox()
    case = await inbox.opened()
    said = {"words": "Thank you for your work.", "subject": "Hello"}
    mail = written(**{**said, place: f"Thank you for {short_reference(case).lower()}."})
    assert await inbox.take(mail) == MailOutcome.FILED
    assert inbox.office.the(MessageLodged).request_id == case


@pytest.mark.slow
async def test_short_reference_in_a_mail_of_a_stranger_names_no_case() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    mail = written(f"Please stop everything about {short_reference(case)}.", by=EVE)
    assert await inbox.take(mail, sender=EVE) == MailOutcome.ASKED_BACK
    assert not inbox.office.facts(MessageLodged)
    assert not inbox.office.facts(RequestStopped)


async def test_a_forged_address_belongs_to_no_case() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    address = THREADS.of(case)
    forged = address.replace("+", "+a", 1) if address[8] != "a" else address.replace("+a", "+b", 1)
    assert await inbox.take(written("Thank you."), to=[forged]) == MailOutcome.ASKED_BACK


async def test_plain_words_take_a_request_back_from_its_own_address_alone() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    stranger = written("I withdraw my request.", by=EVE)
    assert await inbox.take(stranger, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert not inbox.office.facts(RequestWithdrawn)
    assert await inbox.take(written("I withdraw my request."), to=[THREADS.of(case)]) == MailOutcome.WITHDRAWN
    assert inbox.office.the(RequestWithdrawn).request_id == case
    assert await inbox.take(written("I withdraw my request."), to=[THREADS.of(case)]) == MailOutcome.WITHDRAWN


async def test_a_withdrawal_by_mail_needs_an_authenticated_sender() -> None:
    inbox = Inbox(trusted="mx.example.com")
    case = await inbox.opened()
    for number, result in enumerate(("dmarc=none", "dmarc=none; spf=pass smtp.mailfrom=eve@example.net")):
        mail = written(
            f"I withdraw my request.{' ' * number}", Authentication_Results=f"mx.example.com; {result}"
        )
        assert await inbox.take(mail, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert not any(message.own for message in inbox.office.facts(MessageLodged))
    vouched = "mx.example.com; dmarc=none; dkim=pass header.d=example.org"
    mail = written("I withdraw my request!", Authentication_Results=vouched)
    assert await inbox.take(mail, to=[THREADS.of(case)]) == MailOutcome.WITHDRAWN


@pytest.mark.slow
async def test_reply_with_names_of_categories_answers_which_data_is_meant() -> None:
    inbox = Inbox()
    case = await inbox.opened("Please send me a copy of all my data. I live in Germany.")
    reply = written("Location\nContact details")
    assert await inbox.take(reply, to=[THREADS.of(case)]) == MailOutcome.FILED, "nothing was asked"
    inbox = Inbox()
    case = await inbox.opened("Please send me a copy of all my data. I live in Germany.")
    await inbox.office.tell(NarrowingDecided(request_id=case, by="anna"), service="intake")
    assert await inbox.take(reply, to=[THREADS.of(case)]) == MailOutcome.SPECIFIED
    answered = inbox.office.the(ScopeAnswered)
    assert answered.scope is not None
    assert inbox.office.sealed(case)[answered.scope] == b"user.location\nuser.contact"
    assert not (await inbox.office.requests.case(case)).stopped


async def test_all_other_words_are_kept_for_people_to_read() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    assert await inbox.take(written("When do you answer?"), to=[THREADS.of(case)]) == MailOutcome.FILED
    message = inbox.office.the(MessageLodged)
    assert (message.request_id, message.own, message.reason) == (case, True, "other")
    assert b"When do you answer?" in inbox.office.sealed(case)[message.message]


async def test_a_new_wish_in_an_answer_to_a_request_that_is_over_is_a_new_request() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    await inbox.take(written("I withdraw my request."), to=[THREADS.of(case)])
    assert await inbox.take(written("Delete my account."), to=[THREADS.of(case)]) == MailOutcome.OPENED
    [first, second] = inbox.office.facts(RequestReceived)
    assert (first.request_id, second.right) == (case, Right.ERASURE)
    assert second.request_id != case
    assert (
        await inbox.take(written("Correct my address.", by=EVE), to=[THREADS.of(case)]) == MailOutcome.FILED
    )


async def test_the_same_wish_in_an_answer_to_a_request_that_is_open_is_for_people_to_read() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    again = written("Send me a copy of my personal data at last!")
    assert await inbox.take(again, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert len(inbox.office.facts(RequestReceived)) == 1


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("Delete my account.", Right.ERASURE),
        ("Stop sending me your newsletter!", Right.OBJECTION),
        ("I hereby withdraw my consent.", Right.CONSENT_WITHDRAWAL),
    ],
)
async def test_another_wish_in_an_answer_to_a_request_that_is_open_is_a_request(
    words: str, right: Right
) -> None:
    inbox = Inbox()
    case = await inbox.opened()
    assert await inbox.take(written(words, by=EVE), to=[THREADS.of(case)]) == MailOutcome.FILED
    assert await inbox.take(written(words), to=[THREADS.of(case)]) == MailOutcome.OPENED
    [first, second] = inbox.office.facts(RequestReceived)
    assert (first.request_id, second.right) == (case, right)


async def test_reply_that_says_more_than_a_code_proves_nothing_and_stops_the_request() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    answer = written(f"{inbox.code(case)}\nWhen will I hear from you?", **VOUCHED)
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert inbox.office.the(MessageLodged).request_id == case
    assert inbox.office.the(RequestStopped).reason is StopReason.UNCLEAR_REPLY
    assert not inbox.office.facts(IdentityVerified)


async def test_an_answer_to_two_letters_is_one_in_both_cases() -> None:
    inbox = Inbox()
    cases = [await inbox.opened(), await inbox.opened("Please delete my account.")]
    await inbox.take(written("Thank you."), to=list(map(THREADS.of, cases)))
    assert [message.request_id for message in inbox.office.facts(MessageLodged)] == cases


async def test_a_date_of_its_senders_makes_no_request_overdue() -> None:
    inbox = Inbox()
    now = inbox.office.clock()
    await inbox.opened(Date=format_datetime(now - timedelta(days=29)))
    assert inbox.office.the(RequestReceived).received_at == now
    fetched = MailEnvelope(received_at=now - timedelta(days=3))
    await inbox.desk.take(written(WISH, subject="Again"), fetched)
    await inbox.office.work()
    assert inbox.office.facts(RequestReceived)[-1].received_at == now - timedelta(days=3)


async def test_the_subject_of_an_answer_asks_for_nothing() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    await inbox.take(written("I withdraw my request."), to=[THREADS.of(case)])
    answer = written("Thank you.", subject="Delete my account")
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailOutcome.FILED


async def test_an_answer_in_a_case_that_is_destroyed_is_a_mail_like_any_other() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    await inbox.office.vault.destroy(case)
    assert await inbox.take(written("Delete my account."), to=[THREADS.of(case)]) == MailOutcome.OPENED


async def test_a_mail_to_a_destroyed_case_opens_no_other() -> None:
    inbox = Inbox()
    await inbox.office.vault.destroy(await inbox.opened())
    assert await inbox.take(written(WISH)) == MailOutcome.OLD
    assert len(inbox.office.facts(RequestReceived)) == 1


# --- what opens no case -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"Auto_Submitted": "auto-replied"}, MailExclusion.AUTOMATIC),
        ({"Auto_Submitted": "auto-generated"}, MailExclusion.AUTOMATIC),
        ({"X_Auto_Response_Suppress": "All"}, MailExclusion.AUTOMATIC),
        ({"subject": "Abwesenheit wegen Umzug - Konto löschen"}, MailExclusion.AUTOMATIC),
        ({"List_Id": "<n.example.org>"}, MailExclusion.MAILING_LIST),
        ({"Precedence": "list"}, MailExclusion.MAILING_LIST),
        ({"by": "postmaster@small.example"}, MailExclusion.BOUNCE),
        ({"by": "bounce.smith@small.example"}, MailExclusion.BOUNCE),
        ({"by": INBOX}, MailExclusion.LOOP),
        ({"X_Loop": INBOX}, MailExclusion.LOOP),
        ({"X_Habeas_Request": "1"}, MailExclusion.LOOP),
        ({"X_Spam_Flag": "YES"}, MailExclusion.SPAM),
    ],
)
async def test_a_possible_machine_mail_is_set_aside_sealed(
    fields: dict[str, str], outcome: MailExclusion
) -> None:
    inbox = Inbox()
    content = written(WISH, **fields)
    assert await inbox.take(content) == outcome
    message = inbox.office.the(MessageLodged)
    assert (message.reason, message.own) == (outcome, False)
    assert inbox.office.sealed(message.request_id)[message.message] == content
    assert not inbox.office.facts(RequestReceived)


async def test_a_report_and_a_letter_of_ours_leave_no_trace() -> None:
    inbox = Inbox()
    report = b"From: mailer-daemon@example.org\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
    assert await inbox.take(report) == MailExclusion.BOUNCE
    ours = THREADS.message_id("0" * 32, "1" * 32, "example.com").encode()
    letter = written(WISH, X_Habeas_Request="1" * 32).replace(b"<1@example.org>", ours)
    assert await inbox.take(letter) == MailExclusion.LOOP
    assert (inbox.office.vault.items, inbox.office.broker.published) == ({}, [])


async def test_an_automatic_answer_in_a_case_proves_nothing() -> None:
    inbox = Inbox()
    case = await inbox.opened()
    answer = written(inbox.code(case), Auto_Submitted="auto-replied")
    assert await inbox.take(answer, to=[THREADS.of(case)]) == MailExclusion.AUTOMATIC
    assert not inbox.office.facts(ProofReceived)


@pytest.mark.parametrize("authors", [b"", b"From: ada@example.org\r\nFrom: mallory@example.net\r\n"])
async def test_mail_without_one_author_is_set_aside_sealed(authors: bytes) -> None:
    inbox = Inbox()
    content = authors + b"Subject: my account\r\n\r\nDelete my account."
    assert await inbox.take(content) == MailOutcome.SET_ASIDE
    message = inbox.office.the(MessageLodged)
    assert inbox.office.sealed(message.request_id)[message.message] == content


async def test_a_mail_that_we_stumble_over_is_set_aside_sealed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumbling(content: bytes) -> None:
        raise TypeError(content)

    monkeypatch.setattr(service, "read", stumbling)
    inbox = Inbox()
    for _ in range(2):
        assert await inbox.take(written(WISH)) == MailOutcome.SET_ASIDE
    message = inbox.office.the(MessageLodged)
    assert message.reason == "stumbled"
    assert inbox.office.sealed(message.request_id)[message.message] == written(WISH)
    assert WISH not in caplog.text


# --- too much -----------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_flood_from_one_address_is_a_few_cases_and_then_waits() -> None:
    inbox = Inbox(per_hour=1)
    case = await inbox.opened()
    for number in range(FILED_FOR_ONE):
        assert await inbox.take(written(WISH, subject=f"again {number}")) == MailOutcome.FLOOD
    with pytest.raises(MailDeferred):
        await inbox.take(written(WISH, subject="one more"))
    assert {message.request_id for message in inbox.office.facts(MessageLodged)} == {case}
    assert len(inbox.office.facts(RequestReceived)) == 1
    assert await inbox.take(written(WISH, by=EVE)) == MailOutcome.OPENED, "others are not concerned"
    assert await inbox.take(written(WISH)) == MailOutcome.OPENED, "nor is the first mail, which comes again"
    inbox.seconds = 3601.0
    assert await inbox.take(written(WISH, subject="one more")) == MailOutcome.OPENED


def test_repetitions_are_counted_once() -> None:
    senders = Senders(2)
    assert senders.admit(ADA, "a") == senders.admit(ADA, "a") == (Admission.OPENS, "a")
    assert senders.admit(ADA, "b") == (Admission.OPENS, "b")
    assert senders.admit(ADA, "c") == (Admission.FILED, "b")
    assert senders.admit(EVE, "c") == (Admission.OPENS, "c")


async def test_too_many_answers_in_one_case_wait() -> None:
    office = Office()
    inbox = Inbox(requests=replace(office.requests, acts=Allowance(1)), trusted=MX)
    inbox.office = office
    case = await inbox.opened()
    first = written(wrong(inbox.code(case)), **VOUCHED)
    assert await inbox.take(first, to=[THREADS.of(case)]) == MailOutcome.PROVEN
    with pytest.raises(MailDeferred):
        await inbox.take(written(inbox.code(case), **VOUCHED), to=[THREADS.of(case)])


# --- the port -----------------------------------------------------------------------------------------------


class Said:
    """An envelope as aiosmtpd has it."""

    def __init__(self, content: bytes, sender: str = ADA) -> None:
        self.content, self.mail_from = content, sender
        self.rcpt_tos: list[str] = []


class Fetching:
    """A session at a mailbox with one mail."""

    def __init__(self, content: bytes, said: bytes = b"1 (UID 1 BODY[] {9}") -> None:
        self.parts: list[Any] = [(said, content), b")"]
        self.asked: list[str] = []

    async def ask(self, _command: str, verb: str, *_: str) -> tuple[str, list[Any]]:
        self.asked.append(verb)
        return "OK", self.parts

    async def done(self, _what: str, command: str, *arguments: str) -> list[Any]:
        return (await self.ask(command, *arguments))[1]


def port(inbox: Inbox) -> SmtpPort:
    return SmtpPort(inbox.desk)


@pytest.mark.parametrize(
    ("address", "known"),
    [
        (INBOX, True),
        ("PRIVACY@example.com", True),
        ("privacy+anything@example.com", True),
        (THREADS.of("0" * 32), True),
        ("privacy@example.org", False),
        ("other@example.com", False),
        ("privacy", False),
        ("", False),
    ],
)
async def test_the_port_takes_mail_for_one_address(address: str, known: bool) -> None:
    said = Said(b"")
    answer = await port(Inbox()).handle_RCPT(None, None, said, address, [])  # type: ignore[arg-type]
    assert answer.startswith("250") is known
    assert (answer == NOT_HERE) is not known
    assert said.rcpt_tos == ([address] if known else [])


async def test_a_mail_is_taken_when_it_is_durable_and_else_later() -> None:
    inbox = Inbox()
    assert await port(inbox).handle_DATA(None, None, Said(written(WISH))) == TAKEN  # type: ignore[arg-type]
    office = Office()
    away = Inbox(requests=replace(office.requests, publisher=AbsentBroker()))
    office.journals["intake"].refuses.append(StoreUnavailable("away"))
    assert await port(away).handle_DATA(None, None, Said(written(WISH))) == LATER  # type: ignore[arg-type]
    assert await port(away).handle_DATA(None, None, Said(written(WISH))) == TAKEN  # type: ignore[arg-type]
    assert len(office.journals["intake"].owed) == 1


async def test_a_mail_that_cannot_be_stored_stays_with_the_sender(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stumbling(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    inbox = Inbox()
    monkeypatch.setattr(EmailService, "_outcome_of", stumbling)
    monkeypatch.setattr(EmailService, "_set_aside", stumbling)
    assert await port(inbox).handle_DATA(None, None, Said(written(WISH))) == LATER  # type: ignore[arg-type]
    flagged = Fetching(written(WISH))
    await MailboxWatcher(ImapAccount("h", 1, False, "u", "p", "INBOX"), inbox.desk, "Done")._take(
        flagged,  # type: ignore[arg-type]
        "1",
    )
    assert flagged.asked == ["FETCH", "STORE"]


async def test_a_mail_that_is_fetched_came_when_the_mailbox_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[MailEnvelope] = []

    async def noted(_: EmailService, __: bytes, envelope: MailEnvelope) -> str:
        seen.append(envelope)
        return MailOutcome.OPENED

    monkeypatch.setattr(EmailService, "take", noted)
    said = b'1 (UID 1 INTERNALDATE " 5-Mar-2026 10:30:00 +0100" BODY[] {9}'
    client = Fetching(written(WISH), said)
    mailbox = MailboxWatcher(ImapAccount("h", 1, False, "u", "p", "INBOX"), Inbox().desk, "")
    await mailbox._take(client, "1")  # type: ignore[arg-type]
    assert [envelope.received_at for envelope in seen] == [datetime(2026, 3, 5, 9, 30, tzinfo=UTC)]


async def test_a_flood_is_deferred() -> None:
    inbox = Inbox(per_hour=1)
    answers = [
        await port(inbox).handle_DATA(None, None, Said(written(WISH, subject=str(number))))  # type: ignore[arg-type]
        for number in range(FILED_FOR_ONE + 2)
    ]
    assert answers == [TAKEN] * (FILED_FOR_ONE + 1) + [TOO_OFTEN]


@pytest.mark.slow
@given(
    content=st.binary(max_size=1_000), words=st.text(max_size=300), own=st.booleans(), threaded=st.booleans()
)
async def test_any_mail_is_a_case_or_filed_or_without_sender(
    content: bytes, words: str, own: bool, threaded: bool
) -> None:
    head = f"From: {ADA if own else EVE}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n".encode()
    for mail in (content, head + content, head + words.encode("utf-8", "replace")):
        inbox = Inbox()  # two that differ at their end alone are one mail
        case = await inbox.opened()
        outcome = await inbox.take(mail, to=[THREADS.of(case)] if threaded else [INBOX])
        assert outcome in {*MailOutcome, *MailExclusion}
        assert outcome is MailExclusion.BOUNCE or any(
            mail in items for sealed in inbox.office.vault.items.values() for items in sealed.values()
        )
