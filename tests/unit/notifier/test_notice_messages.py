"""A notice is a message that every mail server takes, the same at each attempt, to one person alone."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from habeas.client.breach_specimens import CUSTOMER, DECLARED, HOUSE, INCIDENT, PERSON, WRITTEN_AT, notices
from services.notifier.breach.notices import mailboxes
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.mailboxes import BreachedMailbox
from services.notifier.breach.notices.writer import Notices
from services.notifier.letters.mime import in_lines, wired
from shared.contract.affected_people import NoticeBatch, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
from shared.contract.references import short_reference
from shared.errors import ConfigurationError, MailRefused

GDPR, CALIFORNIA = "gdpr@2018-05-25", "us-ca@2026-01-01"
MESSAGE_ID = "<b7ea.1.0.0@example.com>"
OTHER_PERSON = NoticeRecipient(key="2" * 32, email="ada@example.org", categories=("user.name",))


def writer(
    declared: BreachDeclared = DECLARED,
    laws: tuple[str, ...] = (GDPR,),
    language: str = "en",
    *,
    further: bool = False,
    held_by_police: bool = False,
) -> Notices:
    batch = NoticeBatch(laws=laws, language=language, people=(PERSON,))
    circumstances = Circumstances(INCIDENT, further, held_by_police, WRITTEN_AT)
    return Notices.to_batch(declared, circumstances, batch, HOUSE)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def words(raw: bytes, form: str = "plain") -> str:
    body = read(raw).get_body((form,))
    assert body is not None
    return str(body.get_content())


def to(person: NoticeRecipient, **declared: object) -> str:
    changed = DECLARED.model_copy(update=declared)
    return " ".join(words(writer(changed).of(person, message_id=MESSAGE_ID)).split())


@pytest.mark.slow
def test_it_has_the_headers_of_every_letter_and_names_its_incident() -> None:
    message = read(writer().of(PERSON, message_id=MESSAGE_ID))
    assert message["From"] == "Example Networks GmbH <privacy@example.com>"
    assert message["To"] == "Amelia Ferreira <amelia@example.net>"
    assert message["Reply-To"] == "answers@example.com"
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Content-Language"] == "en"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Habeas-Incident"] == INCIDENT
    assert message["Date"].datetime == WRITTEN_AT
    assert len(message.keys()) == len(set(message.keys()))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "html"])
def test_notice_names_the_short_reference_of_its_incident(form: str) -> None:
    said = words(writer().of(PERSON, message_id=MESSAGE_ID), form)
    assert short_reference(INCIDENT) in said
    assert re.findall("[0-9a-f]{32}", said) == []


def test_nothing_in_it_promotes_anything() -> None:
    """EDPB Guidelines 9/2022 para. 87: a message of its own, with nothing else in it."""
    raw = writer().of(PERSON, message_id=MESSAGE_ID)
    assert not any(name.lower().startswith("list-") for name, _ in read(raw).items())
    html = words(raw, "html")
    assert not re.search(r"<img|<script|class=\"button\"|unsubscribe", html, re.IGNORECASE)
    assert "privacy policy" not in html


def test_identity_distinguishes_two_people() -> None:
    written = writer()
    one = written.of(PERSON, message_id=MESSAGE_ID)
    other = written.of(
        PERSON.model_copy(update={"name": "Ada Example", "email": "ada@example.org"}), message_id="<b@x>"
    )
    changed = [
        (here, there)
        for here, there in zip(one.split(b"\r\n"), other.split(b"\r\n"), strict=True)
        if here != there
    ]
    assert [here.partition(b" ")[0] for here, _ in changed] == [b"To:", b"Message-ID:", b"Hello", b"<p>Hello"]


def test_it_is_the_same_at_each_attempt() -> None:
    first = writer().of(PERSON, message_id=MESSAGE_ID)
    again = writer()
    again.of(OTHER_PERSON, message_id="<other@example.com>")
    assert again.of(PERSON, message_id=MESSAGE_ID) == first


def test_person_without_name_is_greeted_without_one_after_any_other() -> None:
    written = writer()
    written.of(PERSON, message_id=MESSAGE_ID)
    nameless = words(written.of(PERSON.model_copy(update={"name": ""}), message_id=MESSAGE_ID))
    assert "Hello,\n" in nameless.replace("\r\n", "\n")
    assert "Hello Amelia Ferreira," in words(written.of(PERSON, message_id=MESSAGE_ID))


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        pytest.param("Åsa Öberg", "Hello Åsa Öberg,", id="beyond ASCII"),
        pytest.param("王小明", "Hello 王小明,", id="Chinese"),
        pytest.param("Tom & <Jerry>", "Hello,", id="what is no name"),
        pytest.param("O'Neil & Sons", "Hello O'Neil & Sons,", id="escaped in HTML"),
        pytest.param("A" * 55 + " " + "B", "Hello", id="long"),
        pytest.param("Ada\r\nBcc: eve@example.org", "Hello,", id="no header of its own"),
        pytest.param("=41da", "Hello =41da,", id="no encoding of its own"),
        pytest.param("", "Hello,", id="none"),
    ],
)
def test_a_name_is_greeted_as_it_is_written_and_does_nothing_else(name: str, greeting: str) -> None:
    raw = writer().of(PERSON.model_copy(update={"name": name}), message_id=MESSAGE_ID)
    message = read(raw)
    assert message["Bcc"] is None
    assert greeting in words(raw)
    assert greeting.replace("&", "&amp;") in words(raw, "html").replace("&#39;", "'")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    body = raw.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("address", [None, "", "no address", "a b@example.org", "x@" + "y" * 300])
def test_person_without_address_is_not_written_to(address: str | None) -> None:
    with pytest.raises(MailRefused):
        writer().of(PERSON.model_copy(update={"email": address}), message_id=MESSAGE_ID)


PASSWORD = ("user.authorization.password",)


@pytest.mark.parametrize(
    ("address", "categories", "safe"),
    [
        pytest.param("ada@mail.example", PASSWORD, False, id="its password is breached"),
        pytest.param("ada@MAIL.example", PASSWORD, False, id="written otherwise"),
        pytest.param("ada@mail.example", (), False, id="unknown data"),
        pytest.param("ada@mail.example", ("user.authorization",), False, id="secrets of some kind"),
        pytest.param("ada@mail.example", ("user.name",), True, id="something else is"),
        pytest.param("ada@example.org", PASSWORD, True, id="a mailbox elsewhere"),
        pytest.param("ada@sub.mail.example", PASSWORD, False, id="a mailbox below it"),
        pytest.param("ada@mail.example.", PASSWORD, False, id="a dot at the end"),
        pytest.param("ada@bücher.example", PASSWORD, False, id="letters beyond ASCII"),
        pytest.param("ada@hotmail.example", PASSWORD, True, id="another domain"),
    ],
)
def test_no_notice_goes_to_a_mailbox_with_a_breached_password(
    address: str, categories: tuple[str, ...], safe: bool
) -> None:
    """Cal. Civ. Code § 1798.82(j)(5)."""
    domains = ("mail.example", "xn--bcher-kva.example")
    declared = DECLARED.model_copy(update={"mail_domains": domains, "categories": ()})
    person = PERSON.model_copy(update={"email": address, "categories": categories})
    if safe:
        assert writer(declared).of(person, message_id=MESSAGE_ID)
    else:
        with pytest.raises(BreachedMailbox):
            writer(declared).of(person, message_id=MESSAGE_ID)


@pytest.mark.parametrize(
    ("email", "others", "good", "breached"),
    [
        ("ada@mail.example", ("ada@example.org",), ["ada@example.org"], ["ada@mail.example"]),
        ("ada@example.org", ("no address", "a@mail.example"), ["ada@example.org"], ["a@mail.example"]),
        ("ada@mail.example", (), [], ["ada@mail.example"]),
        (None, ("ada@example.org",), [], []),
    ],
)
def test_of_several_mailboxes_those_are_good_without_a_breached_password(
    email: str | None, others: tuple[str, ...], good: list[str], breached: list[str]
) -> None:
    """Cal. Civ. Code § 1798.82(j)(5)."""
    declared = DECLARED.model_copy(update={"mail_domains": ("mail.example",)})
    person = PERSON.model_copy(update={"email": email, "others": others, "categories": PASSWORD})
    assert mailboxes.addresses(person, declared) == good
    assert mailboxes.breached(person, declared) == breached
    assert mailboxes.reached(person, declared) is bool(good)


def test_investigation_that_delayed_the_notice_is_stated() -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(D)."""
    reported = words(writer(laws=(CALIFORNIA,), held_by_police=True).of(PERSON, message_id=MESSAGE_ID))
    assert "law enforcement agency asked us to wait" in reported
    assert "No law enforcement investigation" not in reported


def test_further_information_is_named_so_and_claims_no_earlier_notices() -> None:
    """GDPR Art. 33(4)."""
    reported = words(writer(further=True).of(PERSON, message_id=MESSAGE_ID))
    assert "further information about a breach that we have written about before" in " ".join(
        reported.split()
    )
    assert "other people" not in reported
    assert "further information" not in words(writer().of(PERSON, message_id=MESSAGE_ID))


def test_data_is_named_in_words_of_the_language() -> None:
    reported = words(writer(language="de").of(PERSON, message_id=MESSAGE_ID))
    assert "E-Mail-Adresse" in reported
    assert "user." not in reported
    assert "Shoe size" in to(PERSON.model_copy(update={"categories": ("loyalty.shoe_size",)}))


def test_an_american_has_a_social_security_number() -> None:
    assert "Social Security number" in words(writer(laws=(CALIFORNIA,)).of(PERSON, message_id=MESSAGE_ID))
    assert "National identification number" in words(writer().of(PERSON, message_id=MESSAGE_ID))


def test_notice_names_the_persons_own_breached_data_alone() -> None:
    reported = " ".join(words(writer(laws=(CALIFORNIA,)).of(OTHER_PERSON, message_id=MESSAGE_ID)).split())
    assert "was affected: - Name What We Are Doing" in reported
    for other in ("Equifax", "change your password", "fingerprint", "costs you nothing"):
        assert other not in reported


def test_two_people_of_one_batch_learn_of_their_own_data() -> None:
    written = writer()
    assert "Fingerprint" in words(written.of(PERSON, message_id=MESSAGE_ID))
    other = PERSON.model_copy(update={"categories": ("user.name",)})
    assert "Fingerprint" not in words(written.of(other, message_id=MESSAGE_ID))


def test_days_are_written_as_where_the_law_is_from() -> None:
    assert "March 6, 2026" in words(writer(laws=(CALIFORNIA,)).of(PERSON, message_id=MESSAGE_ID))
    assert "27 February 2026" in words(writer().of(PERSON, message_id=MESSAGE_ID))


def test_unknown_data_of_a_person_is_that_of_the_declaration() -> None:
    assert "Password" in to(OTHER_PERSON.model_copy(update={"categories": ()}))
    reported = to(OTHER_PERSON.model_copy(update={"categories": ()}), categories=())
    assert "We do not know yet which of your data" in reported


def test_declared_text_is_in_the_language_of_the_person_where_it_is_there() -> None:
    german = words(writer(language="de-AT").of(PERSON, message_id=MESSAGE_ID))
    assert "Kundenliste kopiert" in german
    french = words(writer(language="fr").of(PERSON, message_id=MESSAGE_ID))
    assert "They copied a list of customers." in french
    assert "Date de cet avis" not in french
    assert "Vos droits, et où introduire une réclamation" in french


def test_further_declared_texts_are_in_the_language_of_the_person_too() -> None:
    more = {"late_because": "Erst mussten die Systeme laufen.", "sign_up": "Melden Sie sich hier an."}
    german = DECLARED.translations["de"].model_copy(update=more)
    declared = DECLARED.model_copy(update={"translations": {"de": german}})
    for law, reported in (("br-lgpd@2024-04-26", more["late_because"]), (CALIFORNIA, more["sign_up"])):
        assert reported in words(writer(declared, (law,), "de").of(PERSON, message_id=MESSAGE_ID))
    assert "The affected systems had" in words(
        writer(DECLARED, ("br-lgpd@2024-04-26",), "de").of(PERSON, message_id=MESSAGE_ID)
    )


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("One.\n\nTwo.", ["One.", "Two."]),
        ("A sentence that\nis broken.\n", ["A sentence that is broken."]),
        ("Do this:\n- one\n  thing\n- another", ["Do this:", "- one thing", "- another"]),
        ("1. one\n2) two", ["1. one", "2) two"]),
        ("In\n2026 it began.", ["In 2026 it began."]),
    ],
)
def test_paragraphs_stay_paragraphs_and_broken_lines_are_none(text: str, reported: list[str]) -> None:
    html = words(
        writer(DECLARED.model_copy(update={"advice": text})).of(PERSON, message_id=MESSAGE_ID), "html"
    )
    section = html.partition('<section id="what-you-can-do">')[2].partition("</section>")[0]
    assert re.findall(r"<p[^>]*>(.*?)</p>", section) == reported


def test_each_line_of_a_contact_stands_by_itself() -> None:
    html = words(writer().of(PERSON, message_id=MESSAGE_ID), "html")
    assert "every day from 8 to 20<br>breach@example.com" in html


@pytest.mark.parametrize(
    ("ended", "reported"),
    [
        (None, "It happened on 27 February 2026, or began on that day."),
        (datetime(2026, 2, 27, 22, 30, tzinfo=UTC), "It happened on 27 February 2026."),
        (
            datetime(2026, 2, 27, 23, 30, tzinfo=UTC),
            "It happened between 27 February 2026 and 28 February 2026.",
        ),
    ],
)
def test_days_are_those_of_where_it_is_written(ended: datetime | None, reported: str) -> None:
    assert reported in to(PERSON, occurred_to=ended)


def test_days_are_those_of_where_the_law_is_in_force() -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(C): half past eleven in the evening there is tomorrow in Berlin."""
    began = datetime.fromisoformat("2026-02-26T23:30:00-08:00")
    declared = DECLARED.model_copy(update={"occurred_from": began, "occurred_to": began})
    californian = writer(declared, (CALIFORNIA, GDPR)).of(PERSON, message_id=MESSAGE_ID)
    assert "It happened on February 26, 2026." in words(californian)
    assert "It happened on 27 February 2026." in words(writer(declared).of(PERSON, message_id=MESSAGE_ID))


def test_features_of_a_body_are_no_fact_while_the_breached_data_is_unknown() -> None:
    """Cal. Civ. Code § 1798.82(d)(2)(H)."""

    def reported(categories: tuple[str, ...]) -> str:
        declared = DECLARED.model_copy(update={"categories": ()})
        person = PERSON.model_copy(update={"categories": categories})
        return words(writer(declared, (CALIFORNIA,)).of(person, message_id=MESSAGE_ID))

    assert "or your voice, may have been affected" in reported(())
    assert "or your voice, was affected" in reported(("user.biometric.fingerprint",))
    assert "Biometric data" not in reported(("user.name",))


@pytest.mark.parametrize(
    ("language", "day", "reported"),
    [
        ("fr", 1, "le 1er mars 2026"),
        ("fr", 2, "le 2 mars 2026"),
        ("fr", 11, "le 11 mars 2026"),
        ("it", 8, "il giorno 8 marzo 2026"),
        ("de", 1, "am 1. März 2026"),
    ],
)
def test_a_day_is_written_as_its_language_writes_it(language: str, day: int, reported: str) -> None:
    when = datetime(2026, 3, day, 12, tzinfo=UTC)
    declared = DECLARED.model_copy(update={"occurred_from": when, "occurred_to": when})
    assert reported in words(writer(declared, language=language).of(PERSON, message_id=MESSAGE_ID))


def test_declared_text_cannot_break_out_of_the_page() -> None:
    declared = DECLARED.model_copy(update={"nature": "<script>alert(1)</script>\x00\u202e"})
    raw = writer(declared).of(PERSON, message_id=MESSAGE_ID)
    assert "<script>" not in words(raw, "html")
    assert "&lt;script&gt;" in words(raw, "html")
    assert "\u202e" not in words(raw)


def test_a_law_that_is_not_known_is_no_notice() -> None:
    with pytest.raises(ConfigurationError):
        writer(laws=("gdpr@1999-01-01",))


def controller(**changes: object) -> str:
    written = notices([GDPR], "en", to_controllers=True)
    written = replace(written, declared=DECLARED.model_copy(update=changes))
    return " ".join(words(written.of(CUSTOMER, message_id=MESSAGE_ID)).split())


def test_customer_decides_on_notices_to_its_people() -> None:
    reported = controller()
    assert "it is for you to find out who must be notified" in reported
    assert "You can also complain" not in reported
    assert "Hello Example Shop Ltd," in reported


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({}, "We will tell you more by 9 March 2026, 12:00 CET at the latest"),
        ({"next_update_at": None, "final": True}, "This is all that we know."),
        ({"next_update_at": None}, "We will tell you more at once if"),
        ({"categories": ()}, "We do not know which kinds of data were affected."),
    ],
)
def test_customer_letter_states_next_update_and_unknown_facts(
    changes: dict[str, object], reported: str
) -> None:
    assert reported in controller(**changes)


def test_logo_is_an_inline_part_that_the_notice_names() -> None:
    branded = replace(HOUSE, sender=replace(HOUSE.sender, logo=b"GIF89a" + bytes(64)))
    notices = replace(writer(), house=branded)
    message = notices.of(PERSON, message_id=MESSAGE_ID)
    assert notices.wired(PERSON, message_id=MESSAGE_ID) == wired(message)
    logo = next(part for part in read(message).walk() if part.get_content_type() == "image/gif")
    assert f'src="cid:{logo["Content-ID"].strip("<>")}"' in words(message, "html")
    assert words(message) == words(writer().of(PERSON, message_id=MESSAGE_ID))


@pytest.mark.parametrize("language", ["en", "de", "zh", "fr"])
@pytest.mark.parametrize("name", [None, "Ada", ".ada", "A" * 80 + ".b", "." * 90, "Ad\u00e9 .x", "<.&>"])
def test_wire_form_is_the_same_message(name: str | None, language: str) -> None:
    dotted = DECLARED.model_copy(update={"nature": ".a line\r\n.\r.\n..another\n" * 3})
    person = OTHER_PERSON.model_copy(update={"name": name})
    written = writer(dotted, (CALIFORNIA, GDPR), language)
    message = written.of(person, message_id=MESSAGE_ID)
    assert message == in_lines(message)
    assert written.wired(person, message_id=MESSAGE_ID) == wired(message)
