"""Identities that the records of differently named people have in common."""

from typing import Any

import pytest

from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.named_people import SharedIdentity, shared_identities
from services.fulfillment.search.ownership import OwnershipMatch

EMAIL = "{ name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }"
NAME = "{ name: name, data_categories: [user.name] }"
TEXT = f"""
dataset:
  - fides_key: desk
    collections:
      - name: people
        fields: [ {EMAIL}, {NAME} ]
      - name: teams
        fields:
          - name: members
            fides_meta: {{ data_type: "object[]" }}
            fields: [ {EMAIL}, {NAME} ]
"""
PEOPLE, TEAMS = parse({"map.yml": TEXT}).collections
ADDRESS = "kim@example.org"


def person(name: str | None, email: str = ADDRESS) -> FoundRecord:
    document: dict[str, Any] = {"_id": 1, "email": email, "name": name}
    return FoundRecord(PEOPLE, {"_id": 1}, document, (OwnershipMatch("email", None, (email,)),))


def team(*members: tuple[str, str]) -> FoundRecord:
    document = {"_id": 1, "members": [{"name": name, "email": email} for name, email in members]}
    match = OwnershipMatch("members.email", "members", (ADDRESS,))
    return FoundRecord(TEAMS, {"_id": 1}, document, (match,))


@pytest.mark.parametrize(
    ("records", "people"),
    [
        pytest.param([person("Kim Example"), person("Bo Sample")], 2, id="two people"),
        pytest.param([person("Kim Example"), person("Example, Kim")], 0, id="one name in two forms"),
        pytest.param([person("Kim Example"), person("K. Example")], 0, id="an initial"),
        pytest.param([person("Kim Example"), person(None)], 0, id="no name"),
        pytest.param([person("Kim Example"), person("Bo Sample", "bo@example.org")], 0, id="two mailboxes"),
        pytest.param([person("Kim Example"), person("Bo Sample", "KIM@example.org")], 2, id="in any case"),
    ],
)
def test_records_of_differently_named_people_share_an_identity(
    records: list[FoundRecord], people: int
) -> None:
    expected = [SharedIdentity("email", people, ("desk.people",))] if people else []
    assert shared_identities(records) == expected


def test_only_own_elements_of_an_array_name_the_person() -> None:
    own = ("Kim Example", ADDRESS)
    assert shared_identities([team(own, ("Bo Sample", "bo@example.org"))]) == []
    both = [person("Kim Example"), team(("Bo Sample", ADDRESS))]
    assert shared_identities(both) == [SharedIdentity("email", 2, ("desk.people", "desk.teams"))]
