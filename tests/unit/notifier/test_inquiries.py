"""Who is asked back, in which language, and where answers to letters go."""

from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from services.notifier.context import NotifierContext, SenderSettings
from services.notifier.domain import Correspondence, LetterCount, evolve
from services.notifier.handlers import acknowledge_assessed
from services.notifier.letters.languages import CATALOGUES, LANGUAGES
from services.notifier.letters.letter_models import Clarification
from services.notifier.letters.lifecycle import OFFERED, ask_back
from services.notifier.letters.translations import title
from services.notifier.smtp.post import Posted
from shared.contract.answer import INQUIRY, SUBMISSION, Inquiry
from shared.contract.events import (
    Fact,
    IdentityAssessed,
    InquiryLodged,
    InquiryReminded,
    LetterKind,
    NoticeFailed,
    NoticeSent,
    RequestSubmitted,
    Subject,
)
from shared.law import Right
from shared.mail.reply_address import ReplyAddresses
from shared.pages.law_names import RIGHTS
from tests.runtime_fakes import MemoryVault
from tests.unit.notifier.sample_letters import AUTHORITY, SENDER, WRITTEN_AT
from tests.unit.notifier.test_restrictions import RECEIVED

CASE, EVENT = "a" * 32, "e" * 32
THREADS = ReplyAddresses("privacy@example.com", b"k" * 32)
DAY = date(2026, 3, 5)
ASKED = InquiryLodged(request_id=CASE, inquiry=INQUIRY, received_on=DAY, laws=("gdpr@2018-05-25",))


@dataclass
class Outbox:
    """Takes every letter."""

    letters: list[EmailMessage] = field(default_factory=list)

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        del letter, recipient
        self.letters.append(message_from_bytes(message, policy=policy.default))
        return Posted.SENT

    @property
    def letter(self) -> EmailMessage:
        [letter] = self.letters
        return letter

    @property
    def text(self) -> str:
        body = self.letter.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


def notifier(outbox: Outbox, vault: MemoryVault, threads: ReplyAddresses | None = THREADS) -> NotifierContext:
    house = SenderSettings(SENDER, AUTHORITY, "https://privacy.example.com", threads)
    return NotifierContext(
        CASE, Correspondence(RECEIVED, assessed=True), EVENT, WRITTEN_AT, vault, outbox, house
    )


async def asked_back(
    *rights: Right,
    locale: str | None = None,
    email: str = "ada@example.org",
    event: InquiryLodged | InquiryReminded = ASKED,
) -> tuple[Outbox, list[Fact]]:
    vault, outbox = MemoryVault(), Outbox()
    inquiry = Inquiry(
        reference="r",
        subject=Subject(email=email, name="Ada"),
        locale=locale,
        received_at=WRITTEN_AT,
        rights=rights,
    )
    await vault.create(CASE)
    await vault.seal(CASE, INQUIRY, inquiry.model_dump_json().encode())
    return outbox, list(await ask_back(event, notifier(outbox, vault)))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_sender_of_an_unclear_mail_is_asked_in_their_language(language: str) -> None:
    outbox, [sent] = await asked_back(Right.ERASURE, Right.RECTIFICATION, locale=language)
    assert isinstance(sent, NoticeSent)
    assert sent.letter is LetterKind.CLARIFICATION
    translate = CATALOGUES.words(language).say
    flat = " ".join(outbox.text.split())
    assert outbox.letter["Subject"] == " ".join(translate(title(Clarification(DAY, (), ""))).split())
    assert translate(RIGHTS[Right.ERASURE]) in flat
    assert translate(RIGHTS[Right.RECTIFICATION]) in flat
    assert translate(RIGHTS[Right.ACCESS]) not in flat
    assert "https://privacy.example.com" in flat
    assert "/requests/" not in flat, "no page exists before there is a request"


async def test_question_is_repeated_in_the_same_words() -> None:
    again = InquiryReminded(request_id=CASE, inquiry=INQUIRY, received_on=DAY, laws=ASKED.laws)
    (first, _), (second, [sent]) = [await asked_back(event=event) for event in (ASKED, again)]
    assert second.text == first.text
    assert isinstance(sent, NoticeSent)


async def test_unclear_mail_is_offered_all_common_rights() -> None:
    outbox, _ = await asked_back()
    flat = " ".join(outbox.text.split())
    assert all(RIGHTS[right] in flat for right in OFFERED)


async def test_an_address_that_no_server_takes_is_no_reason_to_fail() -> None:
    _, [failed] = await asked_back(email="a@[")
    assert isinstance(failed, NoticeFailed)


def test_a_question_back_may_come_before_a_request() -> None:
    known = evolve(Correspondence(), ASKED)
    known = evolve(known, NoticeSent(request_id=CASE, letter=LetterKind.CLARIFICATION))
    assert evolve(known, RECEIVED).request == RECEIVED


@pytest.mark.parametrize("threads", [THREADS, None], ids=["mail comes in", "none does"])
async def test_answers_to_a_letter_go_to_its_case(threads: ReplyAddresses | None) -> None:
    vault, outbox = MemoryVault(), Outbox()
    submitted = RequestSubmitted(reference="r", right=Right.ACCESS, subject=Subject(email="ada@example.org"))
    await vault.create(CASE)
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    await acknowledge_assessed(IdentityAssessed(request_id=CASE), notifier(outbox, vault, threads))
    letter = outbox.letter
    if threads is None:
        assert letter["Reply-To"] == (SENDER.reply_to or None)
        assert letter["Message-ID"] == f"<{EVENT}@{SENDER.address.partition('@')[2]}>"
    else:
        assert threads.case(str(letter["Reply-To"])) == CASE
        assert threads.case_answered([str(letter["Message-ID"])]) == CASE
        assert CASE not in str(letter["Message-ID"])
