"""P22: a person who uses a right is not treated worse: the records of other teams do not show a request."""

from typing import Any, TypeAlias

import pytest

from tests.integration.pipeline import DATABASES, Pipeline, Somebody
from tests.promises.people import People, subscribe

Records: TypeAlias = dict[tuple[str, str], dict[str, Any]]
"""Collection and key of a record → path of a field → value."""
RESTRICTED = {"portal.contacts.restricted", "billing.customers.restricted"}
NO_MORE_MAIL = {"portal.newsletter.subscribed"}


def flat(value: Any, path: str) -> dict[str, Any]:
    """Return the values in *value* by their paths."""
    if not value or not isinstance(value, dict | list):
        return {path: value}
    parts = value.items() if isinstance(value, dict) else [("", one) for one in value]
    found: dict[str, Any] = {}
    for place, (name, part) in enumerate(parts):
        found |= flat(part, f"{path}.{name or place}")
    return found


async def records_of(pipeline: Pipeline, person: Somebody, contact: dict[str, Any]) -> Records:
    """Return the company's records with the address of *person*, or with a number of their *contact*."""
    links = {"contact_id": contact["_id"], "customer_id": contact["customer_id"]}
    found: Records = {}
    for database in DATABASES:
        for name in await pipeline.client[f"{pipeline.prefix}{database}"].list_collection_names():
            key = f"{database}.{name}"
            async for one in pipeline.business(database, name).find():
                own = key == "billing.customers" and one["_id"] == contact["customer_id"]
                linked = any(one.get(field) == number for field, number in links.items())
                if own or linked or person.email in str(one):
                    found[key, str(one["_id"])] = flat(one, key)
    return found


def changes(before: Records, after: Records) -> list[tuple[str, Any]]:
    """Return the path and the new value of each field that was added, changed or removed."""
    return [
        (path, fields.get(path))
        for record, fields in after.items()
        for path in fields.keys() | before.get(record, {}).keys()
        if path not in before.get(record, {}) or before[record][path] != fields.get(path)
    ]


@pytest.mark.parametrize(
    ("place", "right", "allowed"),
    [
        pytest.param(0, "access", set[str](), id="access"),
        pytest.param(1, "opt_out_of_sale", NO_MORE_MAIL, id="opt-out"),
        pytest.param(2, "objection", RESTRICTED | NO_MORE_MAIL, id="objection"),
        pytest.param(3, "erasure", {"billing.invoices.locked"}, id="erasure"),
    ],
)
async def test_records_of_a_person_show_no_more_of_a_request_than_the_right_demands(
    place: int, right: str, allowed: set[str], pipeline: Pipeline, people: People
) -> None:
    person = people[place]
    await subscribe(pipeline, person)
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    before = await records_of(pipeline, person, contact)
    asked = person.asks(right, details={"statement": "My situation is particular."})
    await pipeline.send(asked)
    case = await pipeline.id_of(asked)
    await pipeline.until_it_is("referred" if right == "objection" else "closed", case)
    after = await records_of(pipeline, person, contact)
    if right == "erasure":
        assert after.keys() < before.keys()
        shown = {path for path, value in changes(before, after) if value not in (None, [])}
    else:
        assert after.keys() == before.keys()
        shown = {path for path, _ in changes(before, after)}
    assert shown == allowed
    assert await pipeline.mentions(case, asked["reference"]) == {}
