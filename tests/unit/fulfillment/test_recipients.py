"""Notifications of recipients: signatures and hashed identifiers."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep
from services.fulfillment.package import answers
from services.fulfillment.recipients.directory import DataRecipient, pseudonyms, recipients_of, signed
from services.fulfillment.recipients.handlers import notify, notify_again
from services.fulfillment.settings import AgreedRecipient
from services.fulfillment.state import FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.answer import Answer
from shared.contract.events import (
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
    RecipientRetried,
)
from shared.errors import RefusedDecision
from tests.unit.fulfillment.handler_fakes import CASE, HOUSE, around

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


def test_only_recipients_of_changed_data_are_notified() -> None:
    def step(name: str, *, deleted: bool) -> RecordStep:
        return RecordStep(
            f"shop.{name}",
            CollectionPlace("default", "shop", name),
            {"_id": 1},
            Disposition.ERASED,
            (),
            deleted=deleted,
        )

    changed, left = step("people", deleted=True), step("letters", deleted=False)
    assert recipients_of(RecordPlan("v", date(2026, 11, 25), (), (changed, left), ()), MAP) == (
        "Courier",
        "Bank",
    )


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


def concerned(recipient: str) -> RecipientConcerned:
    return RecipientConcerned(
        request_id=CASE,
        recipient=recipient,
        notice="0" * 32,
        about="habeas.subject.erased.v1",
        identifiers={},
    )


async def test_recipient_without_an_agreed_way_is_reported_as_not_notified() -> None:
    house = replace(HOUSE, recipients={"Listener": DataRecipient(b"k" * 32)})
    [notified] = await notify(concerned("Listener"), around(house=house))
    [failed] = await notify(concerned("Courier"), around(house=house))
    assert isinstance(notified, RecipientNotified)
    assert isinstance(failed, RecipientFailed)
    assert failed.reason == "no_way_agreed"


async def test_failed_notice_is_repeated_under_its_id_and_a_sent_one_is_not() -> None:
    first, other = concerned("Courier"), concerned("Courier").model_copy(update={"notice": "1" * 32})
    words = {"request_id": CASE, "recipient": "Courier", "about": first.about}
    failed = RecipientFailed(notice=first.notice, reason="refused", **words)
    sent = RecipientAcknowledged(notice=other.notice, **words)
    again = RecipientRetried(request_id=CASE, recipient="Courier", by="dana.muster")
    known = FulfillmentCase(status=FulfillmentStatus.FULFILLED)
    for fact in (first, other, failed, sent):
        known = evolve(known, fact)
    assert await notify_again(again, around(known=known)) == [first]
    for later in (evolve(known, first), FulfillmentCase()):  # under way again, or of no such recipient
        with pytest.raises(RefusedDecision, match="no_such_recipient"):
            await notify_again(again, around(known=later))


def test_answer_names_recipients_to_notify_by_other_means() -> None:
    step = RecordStep(
        "shop.people",
        CollectionPlace("default", "shop", "people"),
        {"_id": 1},
        Disposition.ERASED,
        (),
        deleted=True,
    )
    plan = RecordPlan("v", date(2026, 11, 25), (), (step,), ())
    answer = answers.erasure(plan, (), MAP, Answer(), agreed=("Courier",))
    assert (answer.recipients, answer.by_hand) == (("Courier", "Bank"), ("Bank",))


def keeping(about: str) -> DataMap:
    """Return a map with a collection of people that *about* describes."""
    text = f"""
dataset:
  - fides_key: shop
    collections:
      - name: people
        meta: {{ habeas: {about} }}
        fields:
          - {{ name: at, fides_meta: {{ data_type: datetime }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
"""
    return parse({"map.yml": text})


KEEPING = keeping("{ retention: { keep: P8Y, from: at, because: § 147 AO } }")


def test_retention_until_several_days_states_the_first_and_the_last() -> None:
    """GDPR Art. 12(1): stating the last day alone would suggest that all is kept so long."""
    place = CollectionPlace("default", "shop", "people")
    days = (date(2030, 12, 31), date(2027, 12, 31), date(2030, 12, 31))
    steps = tuple(
        RecordStep(
            "shop.people", place, {"_id": n}, Disposition.RETAINED, (), reason="retention_duty", until=day
        )
        for n, day in enumerate(days)
    )
    [kept] = answers.erasure(
        RecordPlan("v", date(2026, 11, 25), (), steps, ()), (), KEEPING, Answer(), agreed=()
    ).kept
    assert (kept.records, kept.first, kept.until) == (3, date(2027, 12, 31), date(2030, 12, 31))
    [one] = answers.erasure(
        RecordPlan("v", date(2026, 11, 25), (), steps[:1], ()), (), KEEPING, Answer(), agreed=()
    ).kept
    assert (one.first, one.until) == (None, date(2030, 12, 31))


@pytest.mark.parametrize(
    ("about", "stated"),
    [
        pytest.param("{ erasure: keep, retention: { keep: P8Y, from: at, because: law } }", False, id="kept"),
        pytest.param("{ retention: { keep: P8Y, from: now, because: law } }", True, id="from the erasure"),
    ],
)
def test_letter_names_the_last_day_only_if_the_record_is_erased_then(about: str, *, stated: bool) -> None:
    place, until = CollectionPlace("default", "shop", "people"), date(2030, 12, 31)
    step = RecordStep("shop.people", place, {"_id": 1}, Disposition.RETAINED, (), until=until)
    decided = RecordPlan("v", date(2026, 11, 25), (), (step,), ())
    [kept] = answers.erasure(decided, (), keeping(about), Answer(), agreed=()).kept
    assert kept.until == (until if stated else None)
