"""Letters when a customer decides, an answer is late, a request ends, or an appeal is decided."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest

from services.notifier.context import NotifierContext
from services.notifier.domain import LetterCount
from services.notifier.handlers import (
    acknowledge,
    acknowledge_assessed,
    confirm_withdrawal,
    send_package_code,
)
from services.notifier.letters.lifecycle import (
    confirm_forwarding,
    write_decision_letter,
    write_forwarding_letter,
    write_message,
    write_overdue_letter,
)
from services.notifier.smtp.post import Posted
from shared.contract.events import (
    AppealAnswered,
    AppealDecided,
    Controller,
    ControllerNotified,
    DeadlineMissed,
    Fact,
    IdentityAssessed,
    IdentityRefused,
    LetterKind,
    MessageWritten,
    NoticeFailed,
    NoticeSent,
    Outcome,
    PackageCodeIssued,
    Remedy,
    Requester,
    RequestForwarded,
    RequestFulfilled,
    RequestWithdrawn,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from shared.errors import PermanentError, RefusedDecision
from shared.law import Right, Role, TimedDuty
from tests.unit.notifier.sample_letters import WRITTEN_AT
from tests.unit.notifier.test_proofs import CASE, RECEIVED, Outbox, kinds, notifier

CUSTOMER = Controller(name="Example Customer AG", email="privacy@customer.example.net")
FORWARDED = RequestForwarded(
    request_id=CASE, controller="controller", link="link", digest="d", expires_at=WRITTEN_AT
)
NOTIFIED = ControllerNotified(request_id=CASE, controller="controller")
LATE = DeadlineMissed(request_id=CASE, duty=TimedDuty.ANSWER, due_on=date(2026, 4, 2))
BEFORE_MIDNIGHT = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
"""In Berlin it is the tenth."""


@dataclass
class Refusing(Outbox):
    """A mail server that takes nothing."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return True

    async def send(self, letter: str, recipient: str, message: bytes, *_: str) -> Posted:
        await super().send(letter, recipient, message)
        return Posted.REFUSED


async def forwarding(outbox: Outbox) -> NotifierContext:
    ctx = replace(await notifier(outbox), occurred_at=BEFORE_MIDNIGHT)
    for item, content in (("controller", CUSTOMER.model_dump_json()), ("link", "secret")):
        await ctx.vault.seal(CASE, item, content.encode())
    return ctx


async def test_the_customer_is_written_to_alone_and_the_person_only_after_that() -> None:
    outbox = Outbox()
    facts = await write_forwarding_letter(FORWARDED, await forwarding(outbox))
    assert kinds(facts) == [LetterKind.FORWARDED_TO_CONTROLLER]
    assert facts[-1] == NOTIFIED
    [(recipient, words)] = outbox.letters
    assert recipient == CUSTOMER.email
    assert f"https://privacy.example.com/forwarded/{CASE}/secret" in words
    assert f"/requests/{CASE}" not in words, "the person's page is not for the customer"


async def test_person_hears_nothing_of_a_customer_that_could_not_be_notified() -> None:
    outbox = Refusing()
    [failed] = await write_forwarding_letter(FORWARDED, await forwarding(outbox))
    assert isinstance(failed, NoticeFailed)
    assert failed.letter is LetterKind.FORWARDED_TO_CONTROLLER
    assert [recipient for recipient, _ in outbox.letters] == [CUSTOMER.email]


async def test_person_learns_the_deciding_customer_and_the_day_of_forwarding() -> None:
    outbox = Outbox()
    assert kinds(await confirm_forwarding(NOTIFIED, await forwarding(outbox))) == [LetterKind.FORWARDED]
    [(recipient, words)] = outbox.letters
    assert recipient == "kim@example.org"
    assert "Example Customer AG" in words
    assert "10 March 2026" in words


async def test_a_withdrawal_is_of_the_day_on_which_it_was_made() -> None:
    outbox = Outbox()
    ctx = replace(await notifier(outbox), occurred_at=BEFORE_MIDNIGHT)
    await confirm_withdrawal(RequestWithdrawn(request_id=CASE), ctx)
    assert "10 March 2026" in outbox.words


async def test_person_waiting_for_an_answer_is_notified_that_it_is_late() -> None:
    outbox = Outbox()
    assert kinds(await write_overdue_letter(LATE, await notifier(outbox))) == [LetterKind.LATE]
    assert "you will receive our answer" not in outbox.words.lower(), "reports of version 0.1.0 have no day"


async def test_overdue_letter_names_the_day_of_the_answer_or_of_the_next_letter() -> None:
    outbox = Outbox()
    late = LATE.model_copy(update={"expected_on": date(2026, 4, 9)})
    await write_overdue_letter(late, await notifier(outbox))
    assert "You will receive our answer, or a letter with a new date, by 9 April 2026" in outbox.words


async def test_no_letter_apologises_while_the_person_is_awaited() -> None:
    outbox = Outbox()
    late = LATE.model_copy(update={"awaits_person": True})
    assert await write_overdue_letter(late, await notifier(outbox)) == []
    assert outbox.letters == []


@pytest.mark.parametrize(
    "settled",
    [
        RequestFulfilled(request_id=CASE, right=Right.ACCESS, outcome=Outcome.GRANTED, answer="answer"),
        IdentityRefused(request_id=CASE, reasons=("unidentifiable",)),
        RequestWithdrawn(request_id=CASE),
    ],
    ids=["answered", "refused", "withdrawn"],
)
async def test_no_overdue_letter_follows_a_decision(settled: Fact) -> None:
    outbox = Outbox()
    assert await write_overdue_letter(LATE, await notifier(outbox, RECEIVED, settled)) == []
    assert outbox.letters == []


@pytest.mark.parametrize("remedy", Remedy)
async def test_a_decision_reaches_the_person_though_no_letter_knows_one_of_its_reasons(
    remedy: Remedy,
) -> None:
    outbox = Outbox()
    reasons = ("of_another_version", "third_party_rights")
    answered = AppealAnswered(
        request_id=CASE, remedy=remedy, received_on=date(2026, 3, 5), granted=False, reasons=reasons
    )
    assert len(kinds(await write_decision_letter(answered, await notifier(outbox)))) == 1
    assert "They would show data about other people" in outbox.words


@pytest.mark.parametrize("sealed", ["There is no second account.", "You owe us money."])
async def test_only_the_explanation_that_was_signed_is_written_to_the_person(sealed: str) -> None:
    salt, outbox = bytes(TEXT_SALT_BYTES), Outbox()
    item = written_item(salted(b"There is no second account.", salt))
    ctx = await notifier(outbox)
    await ctx.vault.seal(CASE, item, salted(sealed.encode(), salt))
    answered = AppealAnswered(
        request_id=CASE, remedy=Remedy.APPEAL, received_on=date(2026, 3, 5), granted=False, explanation=item
    )
    if "second" in sealed:
        await write_decision_letter(answered, ctx)
        assert sealed in outbox.words
        return
    with pytest.raises(PermanentError, match="not the text"):
        await write_decision_letter(answered, ctx)
    assert outbox.letters == []


QUESTION = "Which of your two accounts do you mean?"


async def writing(outbox: Outbox, **request: object) -> tuple[MessageWritten, NotifierContext]:
    """Return a message of the staff, and the context in which it is written."""
    text = salted(QUESTION.encode(), bytes(TEXT_SALT_BYTES))
    ctx = await notifier(outbox, RECEIVED.model_copy(update=request))
    await ctx.vault.seal(CASE, written_item(text), text)
    return MessageWritten(request_id=CASE, by="dana.muster", text=written_item(text)), ctx


@dataclass
class FullMailbox(Outbox):
    """A mailbox that may get no more limited letters today."""

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        del counted, letter, recipient
        return False


async def test_message_of_the_staff_is_a_letter_with_its_text_and_a_copy_and_has_no_limit() -> None:
    outbox = FullMailbox()
    message, ctx = await writing(outbox)
    [sent] = await write_message(message, ctx)
    assert isinstance(sent, NoticeSent)
    assert (sent.letter, bool(sent.kept)) == (LetterKind.MESSAGE, True)
    assert QUESTION in outbox.words


async def test_message_that_was_not_signed_is_not_written() -> None:
    outbox = Outbox()
    message, ctx = await writing(outbox)
    with pytest.raises(RefusedDecision, match="text_differs"):
        await write_message(message.model_copy(update={"text": "written_0"}), ctx)
    for item in ("written_1", written_item(bytes(TEXT_SALT_BYTES) + b"You owe us money.")):
        await ctx.vault.seal(CASE, item, bytes(TEXT_SALT_BYTES) + b"You owe us more.")
        with pytest.raises(RefusedDecision, match="text_differs"):
            await write_message(message.model_copy(update={"text": item}), ctx)
    assert outbox.letters == []


async def test_message_to_a_controller_is_refused() -> None:
    message, ctx = await writing(Outbox(), requester=Requester.CONTROLLER)
    with pytest.raises(RefusedDecision, match="no_letters"):
        await write_message(message, ctx)


async def test_letter_goes_to_no_customer_but_the_signed_one() -> None:
    salt, outbox = bytes(TEXT_SALT_BYTES), Outbox()
    item = written_item(salted(CUSTOMER.model_dump_json().encode(), salt))
    ctx = await notifier(outbox)
    other = CUSTOMER.model_copy(update={"email": "mallory@example.net"}).model_dump_json().encode()
    await ctx.vault.seal(CASE, item, salted(other, salt))
    with pytest.raises(PermanentError, match="not the text"):
        await write_forwarding_letter(FORWARDED.model_copy(update={"controller": item}), ctx)
    assert outbox.letters == []


@pytest.mark.parametrize("said", [{"reasons": ("contract",)}, {"explanation": "written_1"}])
def test_denied_appeal_needs_a_reason(said: dict[str, object]) -> None:
    """Va. Code § 59.1-577(C)."""
    refused = {"request_id": CASE, "by": "anna", "granted": False}
    assert AppealDecided.model_validate({**refused, **said})
    assert AppealDecided.model_validate({**refused, "granted": True})
    with pytest.raises(ValueError, match="a reason or an explanation"):
        AppealDecided.model_validate(refused)


async def test_invalid_address_is_reported_and_parks_nothing() -> None:
    nowhere = await notifier(Outbox(), subject={"email": "kim@exämple..org"})
    assert await write_overdue_letter(LATE, nowhere) == [
        NoticeFailed(request_id=CASE, letter=LetterKind.LATE, reason="mail_refused")
    ]


async def test_no_letter_is_written_where_a_controller_asks() -> None:
    asks = RECEIVED.model_copy(update={"requester": Requester.CONTROLLER, "role": Role.END_USER})
    outbox = Outbox()
    # Even where an address is known by chance: it is no address to write to.
    ctx = await notifier(outbox, asks)
    written = [
        *await acknowledge(asks, ctx),
        *await confirm_withdrawal(RequestWithdrawn(request_id=CASE), ctx),
        *await write_overdue_letter(LATE, ctx),
        *await send_package_code(
            PackageCodeIssued(request_id=CASE, ref="code_0", expires_at=WRITTEN_AT), ctx
        ),
    ]
    assert (written, outbox.letters) == ([], [])


@pytest.mark.parametrize("direct_marketing", [True, False])
async def test_receipt_of_an_objection_to_marketing_offers_no_refusal(direct_marketing: bool) -> None:
    """GDPR Art. 21(3): such data is no longer processed for direct marketing; the law knows no exception."""
    objects = {"right": Right.OBJECTION, "direct_marketing": direct_marketing}
    asks, outbox = RECEIVED.model_copy(update=objects), Outbox()
    await acknowledge_assessed(IdentityAssessed(request_id=CASE), await notifier(outbox, asks))
    [(_, words)] = outbox.letters
    assert ("We will stop using your data for direct marketing." in words) is direct_marketing
    assert ("or explain why" in words) is not direct_marketing
    assert f"https://privacy.example.com/requests/{CASE}" in words, "the first letter links the page"
