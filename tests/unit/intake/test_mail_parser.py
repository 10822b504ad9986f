"""The parser of mails, for any content."""

import random
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.email.attachments import documents_in
from services.intake.channels.email.markup import text_of
from services.intake.channels.email.parser import (
    LARGEST_HEAD,
    MOST_DEPTH,
    MOST_FIELDS,
    MOST_PARTS,
    Attachment,
    characters,
    header,
    read,
)
from services.intake.channels.email.quotation import own_words
from services.intake.channels.email.sender_checks import MailExclusion, is_dropped, refusal_of
from shared.contract.events import MOST_DOCUMENT_BYTES, OPENPGP_MESSAGE, ProofSlot

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
EARLIEST = NOW - timedelta(days=30)
PDF, JPEG = b"%PDF-1.4\n%%EOF", b"\xff\xd8\xff\xe0 a picture"
OURS = {"privacy@example.com"}


def mail(body: str = "Delete my account.", **fields: str) -> EmailMessage:
    message = EmailMessage()
    given = {"From": "Ada Example <ada@example.org>", "To": "privacy@example.com", "Subject": "Hello"}
    for name, value in (given | {name.replace("_", "-"): value for name, value in fields.items()}).items():
        message[name] = value
    message.set_content(body)
    return message


def with_files(*files: tuple[str, str, bytes]) -> EmailMessage:
    message = mail()
    for name, kind, content in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message


def raw(head: str, body: str = "Hello") -> bytes:
    return f"{head}\r\n\r\n{body}".encode()


# --- words ------------------------------------------------------------------------------------------------


def test_a_plain_mail_is_read() -> None:
    found = read(bytes(mail()))
    assert (found.address, found.name, found.subject) == ("ada@example.org", "Ada Example", "Hello")
    assert found.words == "Delete my account."
    assert found.attachments == ()


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_words_are_read_in_the_charset_that_they_are_written_in(charset: str) -> None:
    message = mail()
    message.set_content("Löschen Sie mein Konto", charset=charset)
    assert read(bytes(message)).words == "Löschen Sie mein Konto"


@pytest.mark.parametrize(
    "charset", ["no-such-thing", "zip", "idna", "punycode", "unicode_escape", "undefined", ""]
)
def test_an_unknown_charset_is_guessed(charset: str) -> None:
    assert characters("Löschen".encode(), charset) == "Löschen"
    assert characters("Löschen".encode("cp1252"), charset) == "Löschen"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?B?TMO2c2NoZW4=?=", "Löschen"),
        ("=?iso-8859-1?Q?L=F6schen_bitte?=", "Löschen bitte"),
        ("=?utf-8?B?TMO2?= =?utf-8?B?c2NoZW4=?=", "Löschen"),
        ("=?gb2312?B?yb6z/Q==?=", "删除"),
        ("=?utf-8?B?%%%?=", ""),
        ("=?zip?B?TMO2?=", "Lö"),
        ("=?utf-8?Q?broken", "=?utf-8?Q?broken"),
        ("a\x00b\u202ec", "a b c"),
    ],
)
def test_fields_are_decoded_on_one_line(value: str, text: str) -> None:
    assert header(value).replace("\x00", " ").replace("\u202e", " ") == text


def test_html_alone_is_read_as_its_reader_sees_it() -> None:
    message = mail()
    message.set_content(
        "<html><head><style>p{}</style></head><body><p>Delete&nbsp;my <b>account</b>.</p>"
        "<div style='display: none'>Do not</div><script>no()</script><blockquote>Copy of my data</blockquote>"
        "</body></html>",
        subtype="html",
    )
    assert read(bytes(message)).words == "Delete my account."


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a &lt; b</p>", "a < b"),
        ("1 < 2 and <unclosed", "1 < 2 and <unclosed"),
        ("a<!-- <p>no</p> -->b<!-- never closed", "ab"),
        ("a<style>p > b {}</style>b<SCRIPT>if (a < b) no()</SCRIPT>c<script>", "abc"),
        ("<!DOCTYPE html><html><title>no</title><body>yes<br>no more", "yes\nno more"),
        ("<svg><p>no</svg>yes", "yes"),
        ("</p></div>yes", "yes"),
        ("", ""),
    ],
)
def test_markup_is_read_as_it_is_seen(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["<div ", "<!--", "<script>", "<blockquote>", "<", '<p id="', "&", "<a b='"]
)
def test_markup_that_is_never_closed_is_read_to_its_end(piece: str) -> None:
    text_of(piece * 100_000)


@pytest.mark.parametrize(
    "html",
    [
        "<p>Own</p><div class='gmail_quote'>On Monday you wrote: <div>theirs</div></div>",
        "<p>Own</p><div id='divRplyFwdMsg'>From: them</div><p>theirs</p>",
        "<p>Own</p><blockquote><p>theirs</blockquote>",
    ],
)
def test_marked_earlier_mails_are_not_read(html: str) -> None:
    assert text_of(html) == "Own"


def test_plain_text_is_preferred_unless_it_is_empty() -> None:
    both = mail("Plain")
    both.add_alternative("<p>Markup</p>", subtype="html")
    assert read(bytes(both)).words == "Plain"
    empty = mail("\n")
    empty.add_alternative("<p>Markup</p>", subtype="html")
    assert read(bytes(empty)).words == "Markup"


@pytest.mark.parametrize(
    "text",
    [
        "Own\n\n> Delete my account",
        "Own\n\nOn Mon, 2 Mar 2026 at 10:00, Example <a@example.com> wrote:\n> Delete",
        "Own\n\nOn Mon, 2 Mar 2026 at 10:00, Example Privacy\n<privacy@example.com> wrote:\nDelete",
        "Own\n\nAm 02.03.2026 um 10:00 schrieb Example Privacy <a@example.com>:\nLöschen",
        "Own\n\nLe lun. 2 mars 2026 à 10:00, Example <a@example.com> a écrit :\nSupprimez",
        "Own\n\nEl lun, 2 mar 2026 a las 10:00, Example escribió:\nEliminen",
        "Own\n\nIl giorno lun 2 mar 2026 alle ore 10:00 Example ha scritto:\nCancellate",
        "Own\n\nEm seg., 2 de mar. de 2026 às 10:00, Example escreveu:\nApaguem",
        "Own\n\nOp ma 2 mrt 2026 om 10:00 schreef Example <a@example.com>:\nVerwijder",
        "Own\n\n2026年3月2日 10:00\uff0cExample <a@example.com> 写道\uff1a\n删除",
        "Own\n\n-----Original Message-----\nFrom: a\nDelete",
        "Own\n\n-----Ursprüngliche Nachricht-----\nVon: a\nLöschen",
        "Own\n\nFrom: Example <a@example.com>\nSent: Monday\nTo: b\nSubject: c\n\nDelete",
        "Own\n\nVon: Example <a@example.com>\nGesendet: Montag\nAn: b\n\nLöschen",
        "Own\n-- \nAda, who deletes accounts",
        "Own\n\nSent from my iPhone",
        "Own\n\nVon meinem iPhone gesendet",
        "Own\n\n发自我的iPhone",
    ],
)
def test_earlier_mails_and_signatures_do_not_count(text: str) -> None:
    assert own_words(text) == "Own"


@pytest.mark.parametrize(
    "text",
    [
        "__________\nOwn",
        "-- \nOwn",
        "De : Jean Dupont\nÀ : Société X\nObjet : suppression\n\nOwn",
        "Von: Max Muster, Hauptstr. 1\nAn: Firma GmbH\nDatum: 1.1.2026\n\nOwn",
    ],
)
def test_a_mark_at_the_start_ends_nothing(text: str) -> None:
    assert own_words(text).endswith("Own")


@pytest.mark.parametrize(
    "text",
    [
        "-----Original Message-----\nFrom: a\nDelete",
        "From: Example <a@example.com>\nTo: b\nSubject: c\n\nDelete",
        "Von: Example\nGesendet: Montag\nAn: b\n\nLöschen",
    ],
)
def test_a_mail_of_a_quotation_alone_has_no_own_words(text: str) -> None:
    assert own_words(text) == ""


@pytest.mark.parametrize(
    "text", ["From: my heart\nthank you", "On Monday I wrote to you", "a > b", "Own - really"]
)
def test_own_words_that_look_like_others_count(text: str) -> None:
    assert own_words(text) == text


# --- who, when --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        ("ada@example.org", "ada@example.org", ""),
        ('"Example, Ada" <ada@example.org>', "ada@example.org", "Example, Ada"),
        ("=?utf-8?Q?Ad=C3=A9?= <ada@example.org>", "ada@example.org", "Adé"),
        ('"eve@example.net" <ada@example.org>', "ada@example.org", ""),
        ("=?utf-8?Q?eve=40example.net=2C?= <ada@example.org>", "ada@example.org", ""),
        ("nobody", "", ""),
        ("", "", ""),
        ("<>", "", ""),
        ("undisclosed-recipients:;", "", ""),
    ],
)
def test_the_sender_is_the_author_of_the_mail(value: str, address: str, name: str) -> None:
    found = read(raw(f"From: {value}\r\nSubject: x"))
    assert (found.address, found.name) == (address, name)


@pytest.mark.parametrize("piece", ["(", "<", '"', ",", "@", ":", "=?utf-8?q?=41?= ", "\\"])
def test_fields_of_any_form_are_read(piece: str) -> None:
    field = piece * 100_000
    assert read(raw(f"From: {field}\r\nTo: {field}\r\nDate: {field}\r\nSubject: {field}")).address == ""


def test_two_senders_are_none() -> None:
    assert read(raw("From: a@example.org, b@example.org")).address == ""


@pytest.mark.parametrize(
    "head",
    [
        "From: a@example.org\r\nFrom: b@example.org",
        "From: a@example.org\r\nfrom: a@example.org",
        "From: a@example.org\r\nFrom : b@example.org",
        "From : b@example.org\r\nFrom: a@example.org",
        "From: a@example.org\r\nFROM\t: b@example.org",
        "From: a@example.org\rFrom: b@example.org",
        "From: a@example.org\r\nSubject: x\r\nX-A: b\r\n c\r\nFrom:",
    ],
)
def test_mail_with_two_authors_has_none(head: str) -> None:
    assert read(raw(head)).address == ""


def test_author_named_in_the_body_is_no_second_one() -> None:
    for lines in ("\r\n", "\n"):
        mail = lines.join(
            ["From: a@example.org", "X-From: c@example.org", "", "Hello", "From: b@example.org"]
        )
        assert read(mail.encode()).address == "a@example.org"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Received: by mx; Wed, 4 Mar 2026 10:00:00 +0100\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000",
         datetime(2026, 3, 4, 9, tzinfo=UTC)),
        ("Date: Mon, 2 Mar 2026 10:00:00 -0000", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("Date: Mon, 2 Mar 2020 10:00:00 +0000", NOW),
        ("Date: Mon, 2 Mar 2099 10:00:00 +0000", NOW),
        ("Date: nonsense\r\nReceived: x; nonsense", NOW),
        ("Date: 1 Jan 0001 00:00:00 +2359", NOW),
        ("Date: 31 Dec 9999 23:59:59 -2359", NOW),
    ],
)  # fmt: skip
def test_when_it_was_received_is_bounded(head: str, expected: datetime) -> None:
    assert read(raw(head)).received_at(NOW, EARLIEST) == expected


def test_the_same_mail_is_the_same_whichever_way_it_took() -> None:
    one = b"Message-ID: <1@example.org>\nFrom: a@example.org\n\nHello\n"
    other = b"Received: by mx.example.com\r\nX-Spam: no\r\n" + one.replace(b"\n", b"\r\n") + b"\r\n"
    assert read(one).identity == read(other).identity
    assert read(one).identity != read(one.replace(b"Hello", b"Bye")).identity
    assert read(one).identity != read(one.replace(b"<1@", b"<2@")).identity


# --- files ------------------------------------------------------------------------------------------------


def test_pictures_and_pdfs_are_proofs_of_what_their_names_say() -> None:
    message = with_files(
        ("Stromrechnung.pdf", "application/pdf", PDF),
        ("Reisepass.jpg", "image/jpeg", JPEG),
        ("Vollmacht.pdf", "application/octet-stream", PDF),
        ("notes.docx", "application/msword", b"PK\x03\x04"),
    )
    found = {
        document.slot: document.media_type for document in documents_in(read(bytes(message)).attachments)
    }
    assert found == {
        ProofSlot.ADDRESS: "application/pdf",
        ProofSlot.IDENTITY: "image/jpeg",
        ProofSlot.PERMISSION: "application/pdf",
    }


def test_files_without_a_known_name_prove_identity_then_the_address() -> None:
    files = [Attachment(f"IMG_{number}.jpg", JPEG + bytes([number])) for number in range(4)]
    found = documents_in(files)
    assert [document.slot for document in found] == [ProofSlot.IDENTITY, ProofSlot.ADDRESS]
    assert [document.content[-1] for document in found] == [0, 1]


def test_the_mails_type_of_a_file_is_ignored() -> None:
    [document] = documents_in([Attachment("passport.exe", PDF), Attachment("id.pdf", b"MZ")])
    assert (document.media_type, document.content) == ("application/pdf", PDF)


def test_encrypted_file_is_a_proof_and_a_key_or_signature_is_none() -> None:
    texts = {
        kind: f"-----BEGIN PGP {kind}-----\n".encode()
        for kind in ("MESSAGE", "SIGNATURE", "PUBLIC KEY BLOCK")
    }
    [document] = documents_in(Attachment("passport.asc", text) for text in texts.values())
    assert (document.media_type, document.content) == (OPENPGP_MESSAGE, texts["MESSAGE"])


def test_a_file_that_is_too_large_is_no_proof() -> None:
    assert documents_in([Attachment("id.pdf", PDF + b"x" * MOST_DOCUMENT_BYTES)]) == ()


def test_small_pictures_that_belong_to_the_markup_are_no_proofs() -> None:
    message = mail()
    message.add_alternative("<img src='cid:logo'>", subtype="html")
    [_, markup] = message.iter_parts()
    markup.add_related(JPEG, "image", "jpeg", cid="<logo>")
    assert read(bytes(message)).attachments == ()


# --- what never opens a case --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"Auto_Submitted": "no"}, None),
        ({"Auto_Submitted": "auto-replied"}, MailExclusion.AUTOMATIC),
        ({"Auto_Submitted": "auto-generated; x=y"}, MailExclusion.AUTOMATIC),
        ({"X_Auto_Response_Suppress": "All"}, MailExclusion.AUTOMATIC),
        ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, MailExclusion.AUTOMATIC),
        ({"X_Autoreply": "yes"}, MailExclusion.AUTOMATIC),
        ({"Precedence": "auto_reply"}, MailExclusion.AUTOMATIC),
        ({"Precedence": "bulk"}, MailExclusion.BULK),
        ({"Precedence": "list"}, MailExclusion.MAILING_LIST),
        ({"Subject": "Out of office: back on Monday"}, MailExclusion.AUTOMATIC),
        ({"Subject": "Automatische Antwort: Hallo"}, MailExclusion.AUTOMATIC),
        ({"Subject": "Abwesenheitsnotiz"}, MailExclusion.AUTOMATIC),
        ({"Subject": "Réponse automatique : absence"}, MailExclusion.AUTOMATIC),
        ({"Subject": "自动回复: 您好"}, MailExclusion.AUTOMATIC),
        ({"Subject": "What is your office address?"}, None),
        ({"List_Id": "<news.example.org>"}, MailExclusion.MAILING_LIST),
        ({"List_Unsubscribe": "<https://example.org/u>"}, MailExclusion.BULK),
        ({"X_Spam_Flag": "YES"}, MailExclusion.SPAM),
        ({"X_Spam_Flag": "NO"}, None),
        ({"From": "MAILER-DAEMON@mx.example.org"}, MailExclusion.BOUNCE),
        ({"Return_Path": "<>"}, MailExclusion.BOUNCE),
        ({"Subject": "Undelivered Mail Returned to Sender"}, MailExclusion.BOUNCE),
        ({"From": "no-reply@example.org"}, MailExclusion.NO_REPLY),
        ({"From": "privacy@example.com"}, MailExclusion.LOOP),
        ({"From": "Privacy <privacy+tag@EXAMPLE.com>"}, MailExclusion.LOOP),
        ({"X_Loop": "privacy@example.com"}, MailExclusion.LOOP),
        ({"X_Habeas_Request": "0" * 32}, MailExclusion.LOOP),
        ({"Authentication_Results": "mx.example.com; dmarc=fail"}, MailExclusion.FORGED),
        ({"Authentication_Results": "mx.example.com; spf=fail; dmarc=pass"}, None),
        ({"Authentication_Results": "elsewhere.example.org; dmarc=fail"}, None),
    ],
)
def test_a_machine_mail_opens_no_case(fields: dict[str, str], reason: MailExclusion | None) -> None:
    found = read(bytes(mail(**fields)))
    assert refusal_of(found, "ada@example.org", ours=OURS, trusted="mx.example.com") is reason


def test_results_below_the_topmost_and_without_trust_are_not_believed() -> None:
    result = "Authentication-Results: mx.example.com; dmarc="
    found = read(raw(f"From: ada@example.org\r\n{result}pass\r\n{result}fail"))
    assert refusal_of(found, None, ours=OURS, trusted="mx.example.com") is None
    failed = read(raw("From: ada@example.org\r\nAuthentication-Results: mx.example.com; dmarc=fail"))
    assert refusal_of(failed, None, ours=OURS, trusted="") is None
    nameless = read(raw("From: ada@example.org\r\nAuthentication-Results: ; dmarc=fail"))
    assert refusal_of(nameless, None, ours=OURS, trusted="") is None


def test_only_an_empty_envelope_sender_means_a_report() -> None:
    found = read(bytes(mail()))
    assert refusal_of(found, "", ours=OURS, trusted="") is MailExclusion.BOUNCE
    assert refusal_of(found, None, ours=OURS, trusted="") is None


def test_a_mail_that_goes_round_in_a_circle_is_a_loop() -> None:
    hops = "Received: by mx\r\n" * 61
    assert (
        refusal_of(read(raw(f"{hops}From: ada@example.org")), None, ours=OURS, trusted="")
        is MailExclusion.LOOP
    )


def test_only_reports_and_our_own_letters_are_dropped() -> None:
    report = read(raw("From: mailer-daemon@example.org\r\nContent-Type: multipart/report; boundary=b"))
    assert is_dropped(report, ours=False)
    assert is_dropped(read(bytes(mail())), ours=True)
    assert not is_dropped(read(bytes(mail(From="MAILER-DAEMON@example.org"))), ours=False)


# --- any content -----------------------------------------------------------------------------------------


def sample() -> bytes:
    message = mail("Löschen Sie mein Konto.\n\n> alt\n-- \nAda")
    message.add_alternative("<p>Löschen <b>Sie</b></p><blockquote>alt</blockquote>", subtype="html")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="Päss.pdf")
    return bytes(message)


@given(content=st.binary(max_size=2_000))
def test_any_bytes_are_read(content: bytes) -> None:
    found = read(content)
    refusal_of(found, None, ours=OURS, trusted="mx.example.com")
    documents_in(found.attachments)
    found.received_at(NOW, EARLIEST)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 40))
def test_any_damage_to_a_mail_is_read(seed: int, changes: int) -> None:
    chance, content = random.Random(seed), bytearray(sample())
    pieces = [
        b"\r\n\r\n",
        b"--",
        b";",
        b"=?utf-8?B?",
        b"?=",
        b"\x00",
        b"\xff",
        b'"',
        b"boundary=",
        b"boundary*=",
        b"boundary*0*=",
        b"charset=",
        b"filename*1=",
        b"idna''%ff",
        b"<",
    ]
    for _ in range(changes):
        place = chance.randrange(len(content))
        match chance.randrange(3):
            case 0:
                content[place] = chance.randrange(256)
            case 1:
                del content[place : place + chance.randrange(30)]
            case _:
                content[place:place] = chance.choice(pieces)
    found = read(bytes(content))
    refusal_of(found, None, ours=OURS, trusted="mx.example.com")
    documents_in(found.attachments)
    found.received_at(NOW, EARLIEST)


PARAMETERS = (
    "boundary*0=x; boundary*1=y; boundary*=q",
    "boundary*=idna''%ff",
    "boundary*=a%00b''x",
    "boundary*0*=a%00b''x; boundary*2*=%",
)
"""What the library stumbles over in parameters (RFC 2231)."""


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("name", ["boundary", "charset", "filename", "name"])
@pytest.mark.parametrize("kind", ["multipart/mixed", "text/plain", "application/pdf"])
def test_parameters_that_cannot_be_read_are_none(parameter: str, name: str, kind: str) -> None:
    parameter = parameter.replace("boundary", name)
    part = f"Content-Type: {kind}; {parameter}\r\nContent-Disposition: attachment; {parameter}\r\n\r\nWords"
    mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b"
    whole = f"From: ada@example.org\r\n{mixed}\r\n{part}\r\n--b--\r\n"
    for content in (f"From: ada@example.org\r\n{part}", whole):
        assert read(content.encode()).address == "ada@example.org"


@given(
    pieces=st.lists(
        st.tuples(
            st.sampled_from(["boundary", "charset", "name", "filename"]),
            st.sampled_from(["", "*", "*0", "*0*", "*1", "*1*", "*9"]),
            st.sampled_from(["x", "idna''%ff", "a%00b''x", "''", "utf-8'en'%C3%28", "%", '"', "zip''x"]),
        ),
        max_size=5,
    )
)
def test_any_parameters_are_read(pieces: list[tuple[str, str, str]]) -> None:
    said = "; ".join(f"{name}{index}={value}" for name, index, value in pieces)
    for kind in ("multipart/mixed", "text/html", "image/png"):
        found = read(
            raw(f"From: ada@example.org\r\nContent-Type: {kind}; {said}\r\nContent-Disposition: a; {said}")
        )
        refusal_of(found, None, ours=OURS, trusted="mx.example.com")
        documents_in(found.attachments)


@pytest.mark.slow
def test_fields_beyond_those_of_use_are_not_read() -> None:
    found = read(b"From: ada@example.org\r\n" + b"a:\r\n" * 60_000 + b"\r\nHello")
    assert found.address == "ada@example.org"
    assert len(found.fields["a"]) == MOST_FIELDS - 1


def nested(depth: int) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\nDeep"
    for level in range(depth):
        mark = f"b{level}".encode()
        body = (
            b"Content-Type: multipart/mixed; boundary="
            + mark
            + b"\r\n\r\n--"
            + mark
            + b"\r\n"
            + body
            + b"\r\n--"
            + mark
            + b"--\r\n"
        )
    return b"From: ada@example.org\r\n" + body


@pytest.mark.slow
def test_parts_are_read_as_deep_as_people_nest_them_and_no_deeper() -> None:
    assert read(nested(MOST_DEPTH)).words == "Deep"
    found = read(nested(2_000))
    assert (found.address, found.words) == ("ada@example.org", "")


def test_no_more_parts_are_read_than_a_mail_has() -> None:
    part = (
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b64encode(PDF)
        + b"\r\n"
    )
    content = (
        b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5_000 + b"--b--"
    )
    assert len(read(content).attachments) <= MOST_PARTS
    inner = b"--c\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 30 + b"--b--\r\n"
    deeper = (
        b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + inner * 30 + b"--c--"
    )
    assert 0 < len(read(deeper).attachments) <= MOST_PARTS


def test_fields_beyond_what_mails_have_are_not_read() -> None:
    assert read(b"From: ada@example.org\r\nX: " + b"x" * LARGEST_HEAD + b"\r\n\r\nHello").address == ""
    long_type = b"From: ada@example.org\r\nContent-Type: text/plain" + b"; a=b" * 10_000 + b"\r\n\r\nHello"
    assert read(long_type).words == "Hello"
