"""Mailboxes that are notified before records are disclosed or erased."""

from typing import Any

import pytest

from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.named_mailboxes import MOST_NOTIFIED, other_mailboxes
from services.fulfillment.search.ownership import OwnershipMatch

PROVEN = "ada@example.org"
TEXT = """
dataset:
  - fides_key: shop
    collections:
      - name: users
        fields:
          - {name: _id}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: second, data_categories: [user.contact.email]}
          - {name: recipient_email, data_categories: [user.contact.email]}
          - {name: emergency_contact, data_categories: [user.contact.email]}
          - {name: billed_to, fields: [{name: email, data_categories: [user.contact.email]}]}
          - {name: note, data_categories: [user.content.private]}
          - name: members
            fides_meta: {data_type: "object[]"}
            fields: [{name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}]
"""
MAP = parse({"shop.yml": TEXT})
TAGS = "{identity: email}, meta: {habeas: {plus_tags: true}}}"
TAGGED = parse({"shop.yml": TEXT.replace("{identity: email}}", TAGS, 1)})
[USERS] = MAP.collections


def findings(*documents: dict[str, Any]) -> Findings:
    found = [
        FoundRecord(
            USERS, {"_id": n}, {"_id": n, "email": PROVEN, **one}, (OwnershipMatch("email", None, (PROVEN,)),)
        )
        for n, one in enumerate(documents)
    ]
    return Findings(
        MAP.version, RecordTuple(found), (Coverage(USERS.key, SearchStatus.SEARCHED, len(found)),)
    )


@pytest.mark.parametrize(
    ("document", "others"),
    [
        ({}, ()),
        ({"second": "lou@example.org"}, ("lou@example.org",)),
        ({"second": "Lou <lou@example.org>"}, ("lou@example.org",)),
        ({"second": f"{PROVEN}; lou@example.org"}, ("lou@example.org",)),
        ({"second": " ADA@Example.ORG "}, ()),
        ({"second": "n/a"}, ()),
        ({"second": None}, ()),
        ({"second": "0123456789abcdef0123@erased.invalid"}, ()),
        ({"billed_to": {"email": "lou@example.org"}}, ("lou@example.org",)),
        ({"recipient_email": "lou@example.org"}, ()),
        ({"emergency_contact": "lou@example.org"}, ()),
        ({"note": "write to lou@example.org"}, ()),
        ({"members": [{"email": "lou@example.org"}]}, ()),
    ],
)
def test_mailbox_in_the_persons_own_part_is_notified(
    document: dict[str, Any], others: tuple[str, ...]
) -> None:
    assert other_mailboxes(findings(document), MAP, {"email": (PROVEN,)}) == others


def test_mailbox_is_named_once() -> None:
    several = findings({"second": "lou@example.org"}, {"second": "LOU@example.org"})
    assert other_mailboxes(several, MAP, {"email": (PROVEN,)}) == ("lou@example.org",)


def test_search_for_mailboxes_ends_where_there_are_too_many() -> None:
    many = findings(*({"second": f"p{n}@example.org"} for n in range(40)))
    assert len(other_mailboxes(many, MAP, {"email": (PROVEN,)})) == MOST_NOTIFIED + 1


@pytest.mark.parametrize(
    "written",
    ["ada+shop@example.org", "ADA+Shop@EXAMPLE.org", "Ada <Ada+x+y@example.org>", "mailto:ada+@example.org"],
)
def test_tag_of_the_proven_mailbox_is_another_mailbox_only_where_tags_count(written: str) -> None:
    document = findings({"second": written})
    assert other_mailboxes(document, TAGGED, {"email": (PROVEN,)}) == ()
    assert len(other_mailboxes(document, MAP, {"email": (PROVEN,)})) == 1


def test_untagged_mailbox_is_the_proven_one_where_tags_do_not_count() -> None:
    document = findings({"second": "ADA@example.org"}, {"second": "lou+ada@example.org"})
    assert other_mailboxes(document, TAGGED, {"email": ("ada+news@example.org",)}) == ("lou+ada@example.org",)


@pytest.mark.parametrize(
    "written", ["ada@examp1e.org", "ada@sub.example.org", "a.da@example.org", "\u0430da@example.org"]
)
def test_mailbox_that_looks_like_the_proven_one_is_another(written: str) -> None:
    assert len(other_mailboxes(findings({"second": written}), TAGGED, {"email": (PROVEN,)})) == 1
