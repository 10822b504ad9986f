"""Detection of personal data by names and values of fields."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.fulfillment.drafting.detection import categories_of
from services.fulfillment.drafting.forms import can_be_looked_up, is_email, is_shared_mailbox
from services.fulfillment.drafting.vocabulary import MEANINGS, words_of
from shared.law.taxonomy import DEFAULT_CATEGORIES
from shared.runtime.mongo import ObjectId

BCRYPT = "$2b$12$" + "a" * 53
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
BORN = datetime(1984, 12, 10, tzinfo=UTC)


def likeliest(name: str, *values: Any) -> str | None:
    found = categories_of(name, values)
    return found[0].category if found and found[0].confidence >= 0.5 else None


def test_every_word_leads_to_a_category_of_the_map() -> None:
    assert set(MEANINGS.values()) <= DEFAULT_CATEGORIES


@pytest.mark.parametrize(
    ("name", "values", "category"),
    [
        pytest.param("email", ["ada@example.org"], "user.contact.email", id="e-mail"),
        pytest.param(
            "user_id", ["ada@example.org"], "user.contact.email", id="an address under another name"
        ),
        pytest.param("x17", ["t3q@kwiv5.6ur"], "user.contact.email", id="an address in an invented domain"),
        pytest.param("phone", ["+353 20 910 0142"], "user.contact.phone_number", id="telephone"),
        pytest.param("tel", ["030 23125 999"], "user.contact.phone_number", id="telephone within a country"),
        pytest.param("mobile", [4915100000000], "user.contact.phone_number", id="telephone as a number"),
        pytest.param("c", ["+493023125999"], "user.contact.phone_number", id="telephone without a name"),
        pytest.param("name", ["Ada Example", "Anna Muster"], "user.name", id="name"),
        pytest.param("holder", ["Zed Zork"], None, id="a word that may be a name, and nothing else"),
        pytest.param("customerName", ["Zed Zork"], "user.name", id="a name by its name"),
        pytest.param("name.first", ["Ada"], "user.name.first", id="first name in an object"),
        pytest.param("vorname", ["Ada"], "user.name.first", id="first name, German"),
        pytest.param("apellidos", ["Muestra"], "user.name.last", id="last name, Spanish"),
        pytest.param("fecha_nacimiento", [BORN], "user.demographic.date_of_birth", id="birth, Spanish"),
        pytest.param("geburtsdatum", ["10.12.1984"], "user.demographic.date_of_birth", id="birth as text"),
        pytest.param("address.city", ["Dublin"], "user.contact.address.city", id="city"),
        pytest.param("postal_code", ["D00 E1E1"], "user.contact.address.postal_code", id="postcode"),
        pytest.param(
            "ship_postal_code", ["08001"], "user.contact.address.postal_code", id="prefixed postcode"
        ),
        pytest.param("state", ["Ohio", "Kent"], "user.contact.address.state", id="state"),
        pytest.param("phone2", ["030 23125 999"], "user.contact.phone_number", id="second telephone"),
        pytest.param("street_address_1", ["Zork 4"], "user.contact.address.street", id="numbered line"),
        pytest.param("cc_last_4", ["1234"], "user.financial.credit_card", id="last digits of a card"),
        pytest.param("gender", [1, 2], "user.demographic.gender", id="gender as a number"),
        pytest.param("addresses.lines", ["7 Specimen Quay"], "user.contact.address.street", id="lines"),
        pytest.param("x", ["Musterstraße 12", "Beispielweg 3"], "user.contact.address.street", id="streets"),
        pytest.param("y", ["DE89370400440532013000"], "user.financial.bank_account", id="IBAN"),
        pytest.param("y", ["4111111111111111"], "user.financial.credit_card", id="card"),
        pytest.param("z", ["198.51.100.4"], "user.device.ip_address", id="IPv4"),
        pytest.param("z", ["2001:db8::1"], "user.device.ip_address", id="IPv6"),
        pytest.param("w", ["12345678Z"], "user.government_id.national_identification_number", id="DNI"),
        pytest.param("w", ["123-45-6789"], "user.government_id.national_identification_number", id="SSN"),
        pytest.param("passport_no", ["X0000001"], "user.government_id.passport_number", id="passport"),
        pytest.param(
            "loc", [{"type": "Point", "coordinates": [1.5, 2.5]}], "user.location.precise", id="point"
        ),
        pytest.param("latitude", [51.5074], "user.location.precise", id="latitude"),
        pytest.param("pw", [BCRYPT], "user.authorization.password", id="hashed password"),
        pytest.param("k", [JWT], "user.authorization.credentials", id="signed token"),
        pytest.param("passwort", [b"\x00\x01"], "user.authorization.password", id="password, German"),
    ],
)
def test_personal_data_is_recognised(name: str, values: list[Any], category: str | None) -> None:
    assert likeliest(name, *values) == category


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(
            "order_number", ["03023125999", "4915100000000"], id="an order number like a telephone's"
        ),
        pytest.param("n", ["0012345678", "0012345679"], id="a number filled up with zeros"),
        pytest.param("name", ["Steel Chair", "Oak Table"], id="a product"),
        pytest.param(
            "description", ["An oak table for six people, made by hand in a small shop"], id="its text"
        ),
        pytest.param("email_verified", [True, False], id="a flag about an address"),
        pytest.param("phone_type", ["home", "work"], id="a word about a number"),
        pytest.param("created_at", [BORN], id="a day that is no birthday"),
        pytest.param("version", ["1.4.2"], id="a version"),
        pytest.param("sku", ["SKU-A100"], id="an article number"),
        pytest.param("account_id", [17], id="a key to an account"),
        pytest.param("email", [7, 8], id="numbers named like addresses"),
        pytest.param("email", ["weekly", "never"], id="words named like addresses"),
        pytest.param("batch", ["4111111111111112"] * 5, id="digits with a wrong check digit"),
        pytest.param("batch", ["DE00370400440532013000"], id="an account number with wrong check digits"),
        pytest.param("last_name", [7, 8], id="numbers named like names"),
        pytest.param("username_format", ["plain"], id="a word about a name"),
        pytest.param("customer", [ObjectId(b"0" * 12)], id="a reference"),
        pytest.param("payment_state", ["open", "paid"], id="the state of a payment"),
        pytest.param("fullname", ["Algebra", "History"], id="the full name of a course"),
        pytest.param("weight", [0.75, 12.5], id="the weight of a parcel"),
    ],
)
def test_similar_values_are_not_recognised(name: str, values: list[Any]) -> None:
    assert likeliest(name, *values) is None


@pytest.mark.parametrize("name", ["description", "meta_description", "product.summary"])
def test_description_of_a_thing_is_not_even_doubtful(name: str) -> None:
    prose = ["An oak table for six people, made by hand in a small shop"] * 5
    assert categories_of(name, prose) == ()
    assert categories_of("comment", prose)


def test_name_and_values_together_are_surer_than_either() -> None:
    [both] = categories_of("email", ["ada@example.org"])
    [name] = categories_of("email", [])
    [value] = categories_of("x", ["ada@example.org"])
    assert both.confidence > max(name.confidence, value.confidence)


def test_the_reason_repeats_no_value() -> None:
    for found in (*categories_of("email", ["ada@example.org"]), *categories_of("name", ["Ada Example"])):
        assert "ada" not in found.why.lower()


def test_elements_of_an_array_count_one_by_one() -> None:
    assert likeliest("cc", ["ada@example.org", "bruno@example.com"]) == "user.contact.email"


@pytest.mark.parametrize("address", ["support@example.org", "no-reply@example.com", "info+de@example.net"])
def test_office_mailbox_is_shared(address: str) -> None:
    assert is_email(address)
    assert is_shared_mailbox(address)
    assert not is_shared_mailbox("ada.support@example.org")


def test_only_a_number_in_one_piece_with_its_country_can_be_looked_up() -> None:
    assert can_be_looked_up("+493023125999")
    assert can_be_looked_up("00493023125999")
    assert can_be_looked_up(493023125999)
    assert not any(map(can_be_looked_up, ("+49 30 23125999", "03023125999", 3023125999, "words", None)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customerEmail", ("customer", "email")),
        ("customer_email", ("customer", "email")),
        ("HTTPStatus", ("http", "status")),
        ("straßeÜber", ("strasse", "uber")),
    ],
)
def test_names_fall_into_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words
