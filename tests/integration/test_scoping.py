"""Whom a breach concerns is found by the data map, exactly, on real databases."""

from collections import Counter
from typing import Any

import pytest

from services.fulfillment.datamap.reading import parse
from shared.mongo import Client
from tests.integration.scoping import Installation, declared

SHOP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    meta: { habeas: { store: default, purpose: p, legal_basis: l, source: s } }
    collections:
      - name: people
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: name, data_categories: [user.name] }
          - { name: password, data_categories: [user.authorization.password] }
          - { name: language, data_categories: [user.demographic.language] }
          - name: home
            fields:
              - name: lines
                data_categories: [user.contact.address.street]
                fides_meta: { data_type: "string[]" }
              - { name: zip, data_categories: [user.contact.address.postal_code] }
              - { name: city, data_categories: [user.contact.address.city] }
              - { name: state, data_categories: [user.contact.address.state] }
              - { name: country, data_categories: [user.contact.address.country] }
          - name: emergency
            fields:
              - { name: name, data_categories: [user.name] }
              - { name: email, data_categories: [user.contact.email] }
      - name: devices
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: owner
            data_categories: [system.operations]
            fides_meta: { references: [{ dataset: shop, field: people._id, direction: from }] }
          - { name: model, data_categories: [user.device] }
      - name: positions
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: device
            data_categories: [system.operations]
            fides_meta: { references: [{ dataset: shop, field: devices._id, direction: from }] }
          - { name: point, data_categories: [user.location.precise] }
      - name: teams
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: title, data_categories: [system.operations] }
          - name: members
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: name, data_categories: [user.name] }
              - { name: job, data_categories: [user.job_title] }
"""
    }
)
PEOPLE = [
    {
        "_id": 1,
        "email": "ada@example.org",
        "name": "Ada Example",
        "password": "x",
        "language": "de",
        "home": {"lines": ["7 Quay"], "zip": "00042", "city": "Berlin", "country": "DE"},
        "emergency": {"name": "Carla Beispiel", "email": "carla@example.net"},
    },
    {"_id": 2, "email": " Ada@Example.ORG ", "name": "Ada Example", "language": "de"},
    {
        "_id": 3,
        "email": "bo@example.com",
        "name": "Bo Sample",
        "password": "y",
        "home": {"country": "United States", "state": "California"},
    },
    {"_id": 4, "name": "Nobody Known", "emergency": {"email": "friend@example.net"}},
]


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def shop(installed: Installation) -> None:
    await installed.business("shop", "people").insert_many(PEOPLE)
    await installed.business("shop", "devices").insert_many(
        [{"_id": 11, "owner": 1, "model": "m1"}, {"_id": 12, "owner": 3, "model": ""}]
    )
    await installed.business("shop", "positions").insert_many(
        [{"_id": 21, "device": 11, "point": [1.0, 2.0]}, {"_id": 22, "device": 99, "point": [3.0, 4.0]}]
    )
    await installed.business("shop", "teams").insert_one(
        {
            "_id": 31,
            "title": "T",
            "members": [
                {"mail": "ADA@example.org", "name": "Ada", "job": "Chief"},
                {"mail": "eve@example.org", "name": "Eve Muster", "job": "Clerk"},
            ],
        }
    )


def collection(name: str, **condition: Any) -> dict[str, Any]:
    return {"collection": name, "filter": condition}


async def test_everybody_in_the_records_is_found_once(installed: Installation) -> None:
    await shop(installed)
    told = await installed.scoped(declared(collections=[collection("shop.people")]))
    written = await installed.written_to()
    assert set(written) == {"Ada@Example.ORG", "bo@example.com"}
    ada = written["Ada@Example.ORG"]
    assert (ada.name, ada.place) == ("Ada Example", "DE")
    assert ada.postal == ("7 Quay", "00042 Berlin", "DE")
    assert "user.authorization.password" in ada.categories
    assert told.records == 4
    assert Counter({(g.place, g.language): g.people for g in told.groups}) == {
        ("DE", "de"): 1,
        ("US-CA", "en"): 1,
        (None, "en"): 1,
    }
