"""The bytes of a letter: valid mail with any content, and the same at each writing."""

import quopri
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.letters import skeletons
from services.notifier.letters.composer import LetterRequest, compose, presentable, render
from services.notifier.letters.letter_models import (
    AuthorityContact,
    ErasureOutcome,
    LetterFacts,
    Sender,
    Withdrawn,
)
from services.notifier.letters.mime import addr_spec, one_line
from shared.contract.answer import Answer, AnswerGroup
from shared.contract.events import Outcome
from shared.errors import MailRefused
from shared.law import Regulation, Right
from tests.unit.notifier.sample_letters import (
    DONE,
    LETTERS,
    MESSAGE_ID,
    RECEIVED,
    SENDER,
    WRITTEN_AT,
    access,
    letter,
)

HOSTILE = (
    pytest.param("Eve\r\nBcc: evil@example.net\r\n\r\nBuy now", id="line breaks"),
    pytest.param("Eve\u2028Bcc: evil@example.net\x0b\x85\x00", id="rarer line breaks"),
    pytest.param("<script>alert(1)</script><img src=x onerror=y>", id="HTML"),
    pytest.param('" onmouseover="alert(1)', id="the end of an attribute"),
    pytest.param("{{7*7}}{% raw %}${7*7}%(name)s%s", id="template syntax"),
    pytest.param("\x003\x00", id="the mark of another value"),
    pytest.param("\r\n.\r\nMAIL FROM:<evil@example.net>", id="the end of a message"),
    pytest.param("--=_boundary--", id="the end of a part"),
    pytest.param("=?utf-8?q?Bcc?=", id="an encoded word"),
    pytest.param("long " * 5000, id="very long"),
    pytest.param("😀é\ud800" * 300, id="beyond ASCII, and beyond Unicode"),
)


def written(letter: LetterRequest, sender: Sender = SENDER) -> bytes:
    return compose(letter, sender=sender, message_id=MESSAGE_ID, date=WRITTEN_AT).message


def read(message: bytes) -> EmailMessage:
    parsed = message_from_bytes(message, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def erasure_of(label: str) -> LetterFacts:
    return ErasureOutcome(
        Outcome.GRANTED,
        RECEIVED,
        DONE,
        label,
        Answer(erased=(AnswerGroup(label=label, records=1),), recipients=(label,)),
    )


def with_authority(label: str) -> LetterRequest:
    return replace(letter(erasure_of(label)), authorities=(AuthorityContact(label, label, label),))


def assert_valid_on_the_wire(message: bytes) -> None:
    assert message.isascii()
    assert message.endswith(b"\r\n")
    assert message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r")
    assert b"\x00" not in message
    head, _, body = message.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998, "RFC 5322 2.1.1"
    assert max(map(len, body.split(b"\r\n"))) <= 76, "RFC 2045 6.7"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("law", [Regulation.GDPR, Regulation.CCPA])
@pytest.mark.parametrize("kind", LETTERS)
def test_mail_program_reads_the_written_text(kind: str, law: Regulation, language: str) -> None:
    example = letter(LETTERS[kind], law, language)
    message = written(example)
    assert_valid_on_the_wire(message)
    parsed, body = read(message), render(example, SENDER)
    assert parsed.get_content_type() == "multipart/alternative"
    text, html = parsed.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().splitlines() == body.text.splitlines()
    assert html.get_content().splitlines() == body.html.splitlines()


LOGO = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@pytest.mark.slow
def test_logo_is_an_inline_part_that_the_html_names() -> None:
    branded = replace(SENDER, logo=LOGO)
    message = written(letter(LETTERS["code"]), branded)
    assert_valid_on_the_wire(message)
    text, related = read(message).iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(related, EmailMessage)
    assert related.get_content_type() == "multipart/related"
    html, logo = related.iter_parts()
    assert (logo.get_content_type(), logo.get_content_disposition()) == ("image/png", "inline")
    assert isinstance(html, EmailMessage)
    assert isinstance(logo, EmailMessage)
    assert logo.get_content() == LOGO
    assert f'src="cid:{logo["Content-ID"].strip("<>")}" alt="{SENDER.legal_name}"' in html.get_content()
    assert re.findall(r'src="(?!cid:)', html.get_content()) == [], "nothing is loaded"
    plain = next(read(written(letter(LETTERS["code"]))).iter_parts())
    assert isinstance(plain, EmailMessage)
    assert text.get_content() == plain.get_content(), "the text form has the name"


def test_headers_name_sender_and_recipient_and_mark_automatic_mail() -> None:
    parsed = read(written(letter(LETTERS["acknowledgement"], locale="de")))
    assert parsed["From"] == "Example Networks GmbH <privacy@example.com>"
    assert parsed["To"] == "Amélia Ferreira <amelia.ferreira@example.org>"
    assert parsed["Reply-To"] == "answers@example.com"
    assert parsed["Subject"] == "Wir haben Ihren Antrag erhalten"
    assert parsed["Date"].datetime == WRITTEN_AT
    assert parsed["Content-Language"] == "de"
    assert parsed["Message-ID"] == MESSAGE_ID
    assert parsed["Auto-Submitted"] == "auto-generated", "RFC 3834: no out-of-office answers"


@pytest.mark.parametrize("kind", LETTERS)
def test_letters_demanded_by_law_have_no_unsubscribe_header(kind: str) -> None:
    """A list header (RFC 2369, RFC 8058) would make a legal notice look like one of a mailing list."""
    names = [name.lower() for name in read(written(letter(LETTERS[kind])))]
    assert not [name for name in names if name.startswith("list-") or name == "precedence"]


@pytest.mark.parametrize("kind", LETTERS)
def test_a_letter_written_again_is_the_same_to_the_byte(kind: str) -> None:
    first = written(letter(LETTERS[kind]))
    skeletons.skeletons.cache_clear()
    assert written(letter(LETTERS[kind])) == first


def test_letters_of_one_shape_do_not_share_values() -> None:
    """The cache of shapes holds marks; one person's content never reaches another."""
    mine = letter(Withdrawn(Right.ACCESS, RECEIVED, DONE))
    yours = replace(mine, name="Bruno Costa", to="bruno.costa@example.org", request_id="a" * 32)
    skeletons.skeletons.cache_clear()
    written(mine)
    other = written(yours)
    assert skeletons.skeletons.cache_info().currsize == 1
    assert b"Ferreira" not in quopri.decodestring(other)
    assert read(other)["To"] == "Bruno Costa <bruno.costa@example.org>"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_cannot_add_a_header_or_a_part(hostile: str) -> None:
    harmless = read(written(replace(letter(LETTERS["code"]), name="Eve")))
    message = written(replace(letter(LETTERS["code"]), name=hostile, request_id=hostile[:200]))
    assert_valid_on_the_wire(message)
    parsed = read(message)
    assert parsed.keys() == harmless.keys()
    assert parsed["To"].addresses[0].addr_spec == "amelia.ferreira@example.org"
    assert len(parsed["To"].addresses) == 1
    assert len(list(parsed.iter_parts())) == 2


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_stays_a_value(hostile: str) -> None:
    message = written(with_authority(hostile))
    assert_valid_on_the_wire(message)
    text, html = (part.get_content() for part in read(message).iter_parts() if isinstance(part, EmailMessage))
    tags = re.sub(r"\s+", " ", " ".join(re.findall(r"<[^>]*>", html)))
    harmless = re.findall(r"<[^>]*>", render(letter(erasure_of("x")), SENDER).html)
    assert tags == re.sub(r"\s+", " ", " ".join(harmless)), "no tag and no attribute is added"
    assert "49" not in text


@pytest.mark.parametrize(
    "name",
    [
        "Visit www.example.net now",
        "Win at https://example.net",
        "evil.example",
        "Eve <eve@example.net>",
        "x" * 61,
    ],
)
def test_a_name_that_is_a_message_is_not_repeated_to_a_stranger(name: str) -> None:
    assert presentable(name) == ""
    assert name not in render(replace(letter(LETTERS["code"]), name=name), SENDER).text


@pytest.mark.parametrize(
    "name",
    ["Amélia Ferreira", "J. R. R. Tolkien", "O'Hara-Smith, Jr.", "王小明", "نور", "Dr. Ana-Lúcia"],
)
def test_a_name_is_a_name_in_every_script(name: str) -> None:
    message = written(replace(letter(LETTERS["code"]), name=name))
    assert_valid_on_the_wire(message)
    assert read(message)["To"].addresses[0].display_name == name
    assert name in render(replace(letter(LETTERS["code"]), name=name), SENDER).text


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_name_makes_a_valid_message(name: str) -> None:
    message = written(replace(letter(LETTERS["code"]), name=name))
    assert_valid_on_the_wire(message)
    assert len(read(message)["To"].addresses) == 1


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_value_comes_through_on_one_line(label: str) -> None:
    facts = replace(access(Outcome.NOTHING_HELD), answer=Answer(searched=(f"begin{label}end",)))
    message = written(letter(facts))
    assert_valid_on_the_wire(message)
    [text, *_] = (part.get_content() for part in read(message).iter_parts() if isinstance(part, EmailMessage))
    assert f"- {one_line(f'begin{label}end')}" in text.split("\r\n")


@pytest.mark.parametrize("address", ["amelia@example.org\r\nBcc: evil@example.net", "a@b, c@d", "amelia", ""])
def test_invalid_address_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(MailRefused) as caught:
        written(replace(letter(LETTERS["code"]), to=address))
    assert "amelia" not in str(caught.value)


@pytest.mark.parametrize(
    ("domain", "looked_up"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("\N{FULLWIDTH LATIN SMALL LETTER B}ücher\N{IDEOGRAPHIC FULL STOP}example", "xn--bcher-kva.example"),
        pytest.param("fußball.example", "xn--fuball-cta.example", id="fussball is another domain"),
        pytest.param("λόγος.example", "xn--oxapnm1c.example", id="a final sigma is a letter of its own"),
    ],
)
def test_an_international_domain_is_written_as_name_servers_know_it(domain: str, looked_up: str) -> None:
    assert addr_spec(f"amelia@{domain}") == f"amelia@{looked_up}"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "amelia@evil.example\N{FULLWIDTH COMMERCIAL AT}bücher.example",
            "amelia@evil.example@bücher.example",
            "a@bücher..example",
        ),
        *(f"amelia@{'ü' * 63}.example", "amelia@bücher\N{FULLWIDTH GREATER-THAN SIGN}.example"),
    ],
)
def test_invalid_domain_is_none(address: str) -> None:
    with pytest.raises(MailRefused):
        addr_spec(address)


@pytest.mark.slow
def test_a_controller_that_gives_the_least_is_enough() -> None:
    least = Sender("Example", "privacy@example.com")
    for facts in LETTERS.values():
        parsed = read(written(letter(facts), least))
        assert parsed["Reply-To"] is None


def test_seconds_are_the_finest_that_a_date_header_knows() -> None:
    exact = datetime(2026, 3, 5, 13, 30, 1, 999_999, tzinfo=UTC)
    message = compose(letter(LETTERS["code"]), sender=SENDER, message_id=MESSAGE_ID, date=exact).message
    assert read(message)["Date"] == "Thu, 05 Mar 2026 13:30:01 +0000"
