"""How recipients of data are told: signed as others expect, by identifiers that mean nothing elsewhere."""

import base64
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.fulfillment.datamap.model import Place
from services.fulfillment.datamap.reading import parse
from services.fulfillment.erasure.steps import Disposition, Plan, Step
from services.fulfillment.recipients import pseudonyms, recipients_of, signed
from services.fulfillment.settings import AgreedRecipient

KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()
MAP = parse(
    {
        "map.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: people
        meta: { habeas: { recipients: [Courier, Bank] } }
        fields: [ { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } } ]
      - name: letters
        meta: { habeas: { recipients: [Mailing provider, Courier] } }
        fields: [ { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } } ]
"""
    }
)


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of their own documentation."""
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_recipients_know_a_person_by_different_names() -> None:
    person = {"email": ("Kim@Example.ORG", "other spelling"), "phone_number": ()}
    first, second = (pseudonyms(person, key) for key in (b"a" * 32, b"b" * 32))
    assert first.keys() == {"email"}
    assert first["email"] != second["email"]
    assert first == pseudonyms({"email": ("kim@example.org",)}, b"a" * 32)


def test_only_who_received_what_was_changed_is_told() -> None:
    def step(name: str, *, deleted: bool) -> Step:
        return Step(
            f"shop.{name}",
            Place("default", "shop", name),
            {"_id": 1},
            Disposition.ERASED,
            (),
            deleted=deleted,
        )

    changed, left = step("people", deleted=True), step("letters", deleted=False)
    assert recipients_of(Plan("v", date(2026, 11, 25), (), (changed, left), ()), MAP) == ("Courier", "Bank")


@pytest.mark.parametrize(
    ("entry", "flaw"),
    [
        ({"webhook": "http://hooks.example.net", "key": KEY}, "https://"),
        ({"webhook": "ftp://hooks.example.net", "key": KEY, "inside": True}, "https:// or http://"),
        ({"webhook": "https://hooks.example.net", "key": "secret"}, "whsec_"),
        ({"webhook": "https://hooks.example.net", "key": "whsec_c2hvcnQ="}, "24 bytes"),
        ({"webhook": "https://hooks.example.net"}, "key"),
        ({"key": KEY, "hook": "https://hooks.example.net"}, "hook"),
    ],
)
def test_a_way_that_is_not_safe_is_refused_at_the_start(entry: dict[str, Any], flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw) as refusal:
        AgreedRecipient.model_validate(entry)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"webhook": "https://hooks.example.net/x", "key": KEY},
        {"webhook": "http://10.0.0.1/x", "key": KEY, "inside": True},
        {"key": KEY},
    ],
)
def test_a_way_that_is_safe_is_taken(entry: dict[str, Any]) -> None:
    agreed = AgreedRecipient.model_validate(entry)
    assert agreed.value().webhook == entry.get("webhook")
    assert "k" * 24 not in repr(agreed.value())
