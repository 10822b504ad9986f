"""A code counts by mail only as the entire reply of an authenticated sender; all else stops the request."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.intake.channels.email.parser import read
from services.intake.channels.email.sender_checks import MailExclusion
from services.intake.channels.email.service import MailEnvelope, MailOutcome
from services.intake.channels.email.sole_code import sole_code
from shared.contract.codes import ALONE
from shared.contract.events import (
    EmailCode,
    IdentityChallenged,
    IdentityVerified,
    MessageLodged,
    NarrowingDecided,
    ProofReceived,
    ProofRefused,
    RequestStopped,
    RequestWithdrawn,
    ScopeAnswered,
    ScopeAsked,
    SenderCheck,
    StopReason,
)
from shared.contract.references import short_reference
from tests.integration.pipeline import Somebody
from tests.integration.test_mail_in import MX as OUR_MX
from tests.integration.test_mail_in import WITHIN, Writer, open_inbox
from tests.unit.intake.test_email_service import ADA, EVE, INBOX, MX, THREADS, VOUCHED, Inbox, written
from tests.waiting import eventually

CASE = "c" * 32
CODE = "123456"
REFERENCE = short_reference(CASE)
LETTER = f"Your code to confirm your request\n\n    {CODE}\n\nNever share this code\n\nReference: {REFERENCE}"
QUOTED = "\n".join(f"> {line}" for line in LETTER.splitlines())
WROTE = "On Sun, 29 Nov 2026 at 10:00, Example Privacy <privacy@example.com> wrote:"
HEADS = "From: Example Privacy <privacy@example.com>\nSent: Sunday\nTo: Ada\nSubject: Your code\n"


def html(body: str, plain: str | None = None, **fields: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Ada Example <{ADA}>", INBOX, "Re: Your code"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    if plain is None:
        mail.set_content(body, subtype="html")
    else:
        mail.set_content(plain)
        mail.add_alternative(body, subtype="html")
    return bytes(mail)


def mixed(*texts: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Ada Example <{ADA}>", INBOX
    mail.make_mixed()
    for text in texts:
        part = EmailMessage()
        part.set_content(text)
        mail.attach(part)
    return bytes(mail)


HONEST = {
    "alone": written(CODE),
    "with blank lines and grouped": written("\n\n   123 456  \n\n"),
    "with a hyphen": written("123-456"),
    "above the quoted letter": written(f"{CODE}\n\n{WROTE}\n{QUOTED}"),
    "below the quoted letter": written(f"{WROTE}\n{QUOTED}\n\n{CODE}\n"),
    "with a signature": written(f"{CODE}\n-- \nAda Example\n+353 20 910 0143"),
    "with a signature of address and site": written(f"{CODE}\n-- \nADA\n{ADA}\nhttps://www.example.org"),
    "with an empty signature": written(f"{CODE}\n-- \n"),
    "with a signature in markup": html(f"<div>{CODE}</div><div>--</div><div>Ada Example</div>"),
    "with a signature and the quoted letter": written(f"{CODE}\n-- \nAda\n\n{WROTE}\n{QUOTED}"),
    "above a letter of an earlier version": written(
        f"{CODE}\n\n-----Original Message-----\n{HEADS}\n{LETTER.replace(REFERENCE, CASE)}"
    ),
    "above a letter without marks": written(f"{CODE}\n\n-----Original Message-----\n{HEADS}\n{LETTER}"),
    "as markup": html(f"<p>{CODE}</p><blockquote>{LETTER}</blockquote>"),
    "in both forms": html(f"<div>{CODE}</div>", plain=CODE),
    "eight letters": written("bcdf-ghjk"),
}
ANGRY = "I never asked for this! Your code 123456 - stop this"
OTHER = {
    "angry reply": written(ANGRY),
    "angry reply above the quoted code": written(f"I never asked for this!\n\n{WROTE}\n{QUOTED}"),
    "angry reply below the quoted code": written(f"{WROTE}\n{QUOTED}\n\nStop this!"),
    "code and an angry line below": written(f"{CODE}\nStop this!"),
    "code, and an angry line below the quoted letter": written(f"{CODE}\n\n{WROTE}\n{QUOTED}\n\nStop this!"),
    "angry line between quoted lines": written(f"{CODE}\n{QUOTED}\nWhat is this?\n{QUOTED}"),
    "code, and an angry line below a letter without marks": written(
        f"{CODE}\n\n-----Original Message-----\n{HEADS}\n{LETTER}\n\nStop this!"
    ),
    "letter without marks or heads": written(f"{CODE}\n\n-----Original Message-----\nStop this!\n{CASE}"),
    "quoted letter alone": written(QUOTED),
    "code within words": written(f"My code is {CODE}"),
    "code after a word": written(f"Code: {CODE}"),
    "code with a full stop": written(f"{CODE}."),
    "code with a question mark": written(f"{CODE}?"),
    "two codes": written(f"{CODE}\n654321"),
    "the code twice": written(f"{CODE}\n{CODE}"),
    "in the subject only": written("", subject=f"Re: {CODE}"),
    "in the subject, with words": written("Stop this!", subject=CODE),
    "digits of another script": written("١٢٣٤٥٦"),
    "wide digits": written("\uff11\uff12\uff13\uff14\uff15\uff16"),
    "with an invisible character": written("123\u200b456"),
    "forwarded": written(f"{CODE}\n\n---------- Forwarded message ---------\n{HEADS}\n{LETTER}"),
    "device signature": written(f"{CODE}\n\nSent from my telephone, and I want none of this"),
    "long signature": written(f"{CODE}\n-- \n1\n2\n3\n4\nI never asked for this"),
    "denial below a separator": written(f"{CODE}\n-- \nI never asked for this! Stop"),
    "denial below a separator without a space": written(f"{CODE}\n--\nDo not erase anything of mine"),
    "denial below name and separator": written(f"{CODE}\n-- \nAda Example\nStop"),
    "denial beside the name below a separator": written(f"{CODE}\n-- \nAda Example: stop"),
    "denial below a separator and above the letter": written(f"{CODE}\n-- \nNot me!\n\n{WROTE}\n{QUOTED}"),
    "denial below a separator in markup": html(f"<p>{CODE}</p><div>--</div><div>Not me!</div>"),
    "denial as a site": written(f"{CODE}\n-- \nhttps://example.net/i-never-asked-for-this"),
    "denial as a path of the own site": written(f"{CODE}\n-- \nhttps://example.org/stop"),
    "denial as another address": written(f"{CODE}\n-- \nstop.this@example.org"),
    "denial behind a telephone number": written(f"{CODE}\n-- \n+353 20 910 0143 stop"),
    "another code below a separator": written(f"{CODE}\n-- \n654321"),
    "denial below a second separator": written(f"{CODE}\n-- \nAda\n-- \nStop this"),
    "markup says more": html(f"<p>{CODE}</p><p>I never asked for this</p>", plain=CODE),
    "markup says another code": html("<p>654321</p>", plain=CODE),
    "plain text says more": html(f"<p>{CODE}</p>", plain=f"{CODE}\nI never asked for this"),
    "hidden code": html(f"<div style='display:none'>{CODE}</div><p>Stop this!</p>"),
    "code in a quotation of markup": html(f"<p>Stop!</p><blockquote>{CODE}</blockquote>"),
    "second part says more": mixed(CODE, "I never asked for this"),
    "three parts": mixed(CODE, CODE, CODE),
    "many parts": mixed(*[CODE] * 50),
    "with a file": written(CODE, pdf="complaint.pdf"),
    "long text after the code": written(f"{CODE}\n" + "> quoted\n" * 20_000 + "Stop this!"),
    "nothing": written(""),
}


@pytest.mark.parametrize("name", HONEST)
def test_code_that_is_the_entire_reply_is_read(name: str) -> None:
    assert sole_code(read(HONEST[name]), CASE) in {CODE, "BCDFGHJK"}


@pytest.mark.parametrize("name", OTHER)
def test_reply_that_is_more_or_less_than_a_code_is_none(name: str) -> None:
    assert sole_code(read(OTHER[name]), CASE) is None


async def replied(text: str, *, trusted: str = MX, by: str = ADA, **fields: str) -> tuple[Inbox, str, str]:
    """Reply to the letter of a request with *text*, in which ``{code}`` is its code; return the outcome."""
    inbox = Inbox(trusted=trusted)
    case = await inbox.opened()
    mail = written(text.format(code=inbox.code(case)), by=by, **fields)
    return inbox, case, await inbox.take(mail, to=[THREADS.of(case)], sender=by)


async def test_authenticated_code_alone_proves_the_mailbox() -> None:
    inbox, case, outcome = await replied("{code}", **VOUCHED)
    assert outcome == MailOutcome.PROVEN
    [proof] = inbox.office.the(ProofReceived).proofs
    assert proof.sender is SenderCheck.AUTHENTICATED
    assert inbox.office.the(IdentityVerified).request_id == case
    assert not inbox.office.facts(RequestStopped)


@pytest.mark.parametrize(
    "text",
    [
        "I never asked for this! Your code {code} - stop this",
        "{code}\nI never asked for this",
        "{code}\n-- \nI never asked for this! Stop",
        "{code}\n--\nDo not erase anything of mine",
        "What is this?\n\n> Your code: {code}",
        "Thank you.",
        "",
    ],
)
async def test_any_other_reply_goes_to_staff_and_stops_the_request(text: str) -> None:
    inbox, case, outcome = await replied(text, **VOUCHED)
    assert outcome == MailOutcome.FILED
    assert inbox.office.the(MessageLodged).request_id == case
    assert inbox.office.the(RequestStopped).reason is StopReason.UNCLEAR_REPLY
    assert not inbox.office.facts(ProofReceived)
    page = await inbox.office.requests.case(case)
    assert page.stopped is StopReason.UNCLEAR_REPLY


@pytest.mark.parametrize(
    "by", [EVE, "bob@example.org", "ada@sub.example.org", "ada+x@example.org", "ad\u0430@example.org"]
)
async def test_code_from_another_address_stops_the_request(by: str) -> None:
    results = f"{MX}; dmarc=pass header.from={by.partition('@')[2]}"
    inbox, _, outcome = await replied("{code}", by=by, Authentication_Results=results)
    assert outcome == MailOutcome.FILED
    assert inbox.office.the(RequestStopped)
    assert not inbox.office.facts(IdentityVerified)


async def test_code_with_a_failed_check_of_its_sender_stops_the_request() -> None:
    results = f"{MX}; dmarc=fail header.from=example.org"
    inbox, case, outcome = await replied("{code}", Authentication_Results=results)
    assert outcome == MailExclusion.FORGED
    assert inbox.office.the(MessageLodged).request_id == case
    assert inbox.office.the(RequestStopped)
    assert not inbox.office.facts(ProofReceived)


@pytest.mark.parametrize(
    ("trusted", "fields"),
    [
        ("", {}),
        ("", VOUCHED),
        (MX, {}),
        (MX, {"Authentication_Results": f"{MX}; dmarc=none; spf=none"}),
        (MX, {"Authentication_Results": f"{MX}; dmarc=none; spf=pass smtp.mailfrom=eve@example.net"}),
        (MX, {"Authentication_Results": "mx.attacker.example; dmarc=pass header.from=example.org"}),
        (MX, {"Authentication_Results": f"{MX}; dmarc=temperror"}),
        (MX, {"Authentication_Results": f"{MX}; dmarc=pass header.from=example.net"}),
    ],
)
async def test_code_whose_sender_is_not_authenticated_proves_nothing_and_points_to_the_page_once(
    trusted: str, fields: dict[str, str]
) -> None:
    inbox, case, outcome = await replied("{code}", trusted=trusted, **fields)
    assert outcome == MailOutcome.UNCHECKED
    assert not inbox.office.facts(IdentityVerified)
    refused = inbox.office.the(ProofRefused)
    assert (refused.reason, refused.tries_left, refused.spends_code) == ("code_by_mail", 5, False)
    asked = inbox.office.facts(IdentityChallenged)[-1]
    assert (asked.kind, asked.refused_for) == (None, "code_by_mail")
    again = written(f" {inbox.code(case)}", **fields)
    await inbox.take(again, to=[THREADS.of(case)])
    assert len(inbox.office.facts(IdentityChallenged)) == 2, "no second letter"
    # The page takes the code all the same.
    await inbox.office.requests.prove(case, [EmailCode(kind="email_code", code=inbox.code(case))])
    await inbox.office.work()
    assert inbox.office.the(IdentityVerified).request_id == case


@pytest.mark.parametrize("place", ["before", "after"])
async def test_second_sender_field_is_no_authenticated_sender(place: str) -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    ours, theirs = b"From: Ada Example <ada@example.org>", b"From: Eve Example <eve@example.net>"
    fields = [theirs, ours] if place == "before" else [ours, theirs]
    mail = written(inbox.code(case), **VOUCHED)
    assert ours in mail
    await inbox.take(mail.replace(ours, b"\n".join(fields), 1), to=[THREADS.of(case)])
    assert not inbox.office.facts(ProofReceived)
    assert inbox.office.the(RequestStopped)


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated"},
        {"X_Auto_Response_Suppress": "All"},
        {"Precedence": "auto_reply"},
        {"subject": "Out of office"},
    ],
)
async def test_automatic_reply_with_the_code_neither_proves_nor_stops(fields: dict[str, str]) -> None:
    inbox, _, outcome = await replied("{code}", **VOUCHED, **fields)
    assert outcome == MailExclusion.AUTOMATIC
    assert not inbox.office.facts(ProofReceived)
    assert not inbox.office.facts(RequestStopped)


async def test_returned_letter_that_quotes_the_code_neither_proves_nor_stops() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    bounced = written(inbox.code(case), by="mailer-daemon@example.org", **VOUCHED)
    assert await inbox.take(bounced, to=[THREADS.of(case)], sender="") == MailExclusion.BOUNCE
    assert not inbox.office.facts(ProofReceived)
    assert not inbox.office.facts(RequestStopped)


async def test_code_for_two_requests_at_once_counts_in_neither() -> None:
    inbox = Inbox(trusted=MX)
    first = await inbox.opened()
    second = await inbox.opened("Please delete my account.")
    await inbox.take(written(inbox.code(first), **VOUCHED), to=[THREADS.of(first), THREADS.of(second)])
    assert not inbox.office.facts(ProofReceived)


async def test_late_code_is_for_staff_to_read_and_stops_nothing() -> None:
    inbox, case, _ = await replied("{code}", **VOUCHED)
    again = written(f"  {inbox.office.the(IdentityVerified) and '123456'}", **VOUCHED)
    assert await inbox.take(again, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert not inbox.office.facts(RequestStopped)


async def test_denial_with_a_document_is_no_proof_and_stops_the_request() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened()
    mail = written("I did not ask for this", pdf="screenshot.pdf", **VOUCHED)
    assert await inbox.take(mail, to=[THREADS.of(case)]) == MailOutcome.FILED
    assert not inbox.office.facts(ProofReceived)
    assert inbox.office.the(RequestStopped)


async def test_withdrawal_by_the_person_is_no_stop() -> None:
    inbox, case, outcome = await replied("I withdraw my request.", **VOUCHED)
    assert outcome == MailOutcome.WITHDRAWN
    assert inbox.office.the(RequestWithdrawn).request_id == case
    assert not inbox.office.facts(RequestStopped)


async def test_same_reply_by_two_ways_stops_once() -> None:
    inbox, case, _ = await replied("Stop this!", **VOUCHED)
    for _ in range(2):
        await inbox.desk.take(written("Stop this!", **VOUCHED), MailEnvelope((THREADS.of(case),), ADA))
    await inbox.office.work()
    assert len(inbox.office.facts(RequestStopped)) == 1


# --- a mail that names the short reference alone -----------------------------------------------------------


async def test_forged_mail_with_an_overheard_reference_withdraws_no_request() -> None:
    """Without a mail server that vouches for senders, the address in `From` can be forged."""
    inbox = Inbox()
    case = await inbox.opened()
    forged = written("I withdraw my request.", subject=short_reference(case))
    assert await inbox.take(forged) == MailOutcome.FILED
    assert not inbox.office.facts(RequestWithdrawn)


async def test_forged_mail_with_an_overheard_reference_narrows_no_request() -> None:
    """It would take data from the answer to another person, who sees it only in the last letter."""
    inbox = Inbox()
    case = await inbox.opened("I live in Germany. Please send me a copy of all my data, under the GDPR.")
    await inbox.office.tell(NarrowingDecided(request_id=case, by="anna"), service="intake")
    assert inbox.office.the(ScopeAsked).request_id == case
    forged = written("Location", subject=short_reference(case))
    assert await inbox.take(forged) == MailOutcome.FILED
    assert not inbox.office.facts(ScopeAnswered)
    assert inbox.office.the(RequestStopped).request_id == case


async def test_person_withdraws_a_request_by_its_reference_if_the_mail_server_vouches() -> None:
    inbox = Inbox(trusted=MX)
    case = await inbox.opened(**VOUCHED)
    mail = written("I withdraw my request.", subject=short_reference(case), **VOUCHED)
    assert await inbox.take(mail) == MailOutcome.WITHDRAWN
    assert inbox.office.the(RequestWithdrawn).request_id == case


# --- on the running product ---------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def writer(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Writer]:
    folder = tmp_path_factory.mktemp("codes")
    async with open_inbox(parts, folder, trusted=OUR_MX) as writer:
        yield writer


async def reply_to_code(writer: Writer, person: Somebody, case: str, text: str) -> None:
    """Reply to the letter with the code as a mail server that vouches for the sender passes it on."""
    code = await writer.pipeline.code_for(person, case)
    letter = next(one for one in writer.pipeline.letters_to(person, case) if ALONE.search(one.body()))
    quoted = "\n".join(f"> {line}" for line in letter.body().splitlines())
    vouched = f"Authentication-Results: {OUR_MX}; dmarc=pass"
    words = f"{text.format(code=code)}\n\n{quoted}"
    to = str(letter.message["Reply-To"])
    await writer.mail(person, words, "--header", vouched, subject=f"Re: {letter.subject}", to=to)


@pytest.mark.parametrize(
    ("place", "angry"),
    [
        (2, "I never asked for this! Your code {code} - stop this"),
        (4, "{code}\n-- \nI never asked for this! Stop"),
    ],
)
async def test_angry_reply_with_the_code_erases_nothing(writer: Writer, place: int, angry: str) -> None:
    pipeline = writer.pipeline
    person = (await pipeline.people())[place]
    before = await pipeline.mentions(person.email)
    case = await pipeline.lodge(person.asks("erasure"))
    await reply_to_code(writer, person, case, angry)
    await eventually(lambda: writer.heard.of(case, "request.stopped"), WITHIN)
    code = await pipeline.code_for(person, case)
    assert (await pipeline.prove(case, code)).status_code == 409
    assert (await pipeline.page(case))["stopped"] == "unclear_reply"
    assert not writer.heard.of(case, "identity.verified")
    assert await pipeline.mentions(person.email) == before


async def test_reply_that_is_the_code_is_enough_for_an_honest_person(writer: Writer) -> None:
    pipeline = writer.pipeline
    person = (await pipeline.people())[3]
    case = await pipeline.lodge(person.asks("access"))
    await reply_to_code(writer, person, case, "{code}")
    assert (await pipeline.closed(case))["outcome"] in {"granted", "partly_granted"}
    assert not writer.heard.of(case, "request.stopped")
