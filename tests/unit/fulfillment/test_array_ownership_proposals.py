"""Proposals for what a match in an array makes the person's."""

from typing import Any

import pytest

from services.fulfillment.datamap.model import Ownership
from services.fulfillment.datamap.ownership_proposals import proposed, unstated
from services.fulfillment.datamap.reader import parse
from services.fulfillment.drafting.array_ownership import proposed_by_documents
from services.fulfillment.map_check.observations import Observed
from services.fulfillment.map_check.open_points import (
    doubtful_ownership,
    unstated_ownership,
    unstated_readers,
)

MAIL = "data_categories: [user.contact.email]"
EMAIL = f"{{ name: email, {MAIL}, fides_meta: {{ identity: email }} }}"
EMAILS = f'{{ name: emails, {MAIL}, fides_meta: {{ data_type: "string[]", identity: email }} }}'
MEMBERS = f'{{ name: members, fides_meta: {{ data_type: "object[]" }}, fields: [{EMAIL}, {{ name: name }}] }}'
NAME = "{ name: name, data_categories: [user.name] }"


def collection(*fields: str) -> Any:
    lines = "\n".join(f"          - {field}" for field in fields)
    text = (
        f"dataset:\n  - fides_key: desk\n    collections:\n      - name: people\n        fields:\n{lines}\n"
    )
    return parse({"map.yml": text}).collections[0]


def mail(*names: str) -> list[str]:
    return [f"{name}@example.org" for name in names]


PROFILES = [
    {"email": f"p{n}@example.org", "emails": mail(f"P{n}", f"q{n}"), "name": f"Kim Example {n}"}
    for n in range(12)
]
FRIENDS = [{**one, "emails": mail(f"friend{n}")} for n, one in enumerate(PROFILES)]
CIRCLES = [{**one, "emails": mail(f"p{n}", f"p{n + 1}")} for n, one in enumerate(PROFILES)]
NAMELESS = [{"emails": one["emails"]} for one in PROFILES]


@pytest.mark.parametrize(
    ("fields", "documents", "expected"),
    [
        pytest.param((EMAIL, EMAILS), PROFILES, "document", id="own addresses beside the main one"),
        pytest.param((EMAILS, NAME), PROFILES, "document", id="own addresses of a named person"),
        pytest.param((EMAIL, EMAILS), FRIENDS, "element", id="addresses of others in a profile"),
        pytest.param((EMAIL, EMAILS), CIRCLES, "element", id="addresses of oneself and of others"),
        pytest.param((EMAILS,), NAMELESS, "shared", id="people without another person"),
        pytest.param((EMAIL, MEMBERS), [{"email": "a@example.org", "members": []}], "element", id="objects"),
        pytest.param((MEMBERS,), [{"members": [{"email": "a@example.org"}]}], "shared", id="members"),
    ],
)
def test_proposal_follows_from_documents(
    fields: tuple[str, ...], documents: list[dict[str, Any]], expected: str
) -> None:
    found = collection(*fields)
    (field,) = unstated(found)
    assert proposed_by_documents(field, found, documents).ownership == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [((EMAIL, EMAILS), "element"), ((EMAILS, NAME), "element"), ((EMAILS,), "shared")],
)
def test_proposal_follows_from_declarations_without_documents(fields: tuple[str, ...], expected: str) -> None:
    found = collection(*fields)
    (field,) = unstated(found)
    assert proposed(found).ownership == expected
    assert proposed_by_documents(field, found, []).ownership == expected


def test_members_of_a_team_are_not_its_leader_though_the_list_repeats_the_leader() -> None:
    lead = EMAIL.replace("name: email", "name: lead_email")
    members = EMAILS.replace("name: emails", "name: member_emails")
    found = collection(lead, members)
    teams = [{"lead_email": one["email"], "member_emails": one["emails"]} for one in PROFILES]
    (field,) = unstated(found)
    assert proposed_by_documents(field, found, teams).ownership is Ownership.ELEMENT


@pytest.mark.parametrize(
    ("documents", "remarks"),
    [
        pytest.param(PROFILES, 0, id="own addresses"),
        pytest.param(CIRCLES, 1, id="addresses that documents share"),
        pytest.param([{"emails": mail("kim")}] * 3, 0, id="one address in each"),
    ],
)
def test_array_called_one_persons_is_remarked_if_documents_share_its_values(
    documents: list[dict[str, Any]], remarks: int
) -> None:
    stated = EMAILS.replace(" } }", " }, meta: { habeas: { ownership: document } } }")
    found = list(doubtful_ownership(Observed(collection(stated), documents)))
    assert [one.severity for one in found] == ["remark"] * remarks
    assert list(doubtful_ownership(Observed(collection(EMAILS), documents))) == []


def test_check_proposes_an_ownership_with_its_reason() -> None:
    (flaw,) = unstated_ownership(collection(EMAIL, EMAILS), PROFILES)
    assert flaw.remedy == (
        "add `ownership: document`, because its values are those of the document's person, or another: "
        "without it, the element alone"
    )


PHONE = "{ name: phone, data_categories: [user.contact.phone_number], meta: { habeas: { STATED } } }"


@pytest.mark.parametrize(
    ("stated", "findings"),
    [("", ["phone", "name"]), ("ownership: shared", ["name"]), ("ownership: document", ["name"])],
)
def test_personal_fields_beside_the_people_of_a_shared_array_state_who_may_read_them(
    stated: str, findings: list[str]
) -> None:
    members = MEMBERS.replace(
        "identity: email }", "identity: email }, meta: { habeas: { ownership: shared } }"
    )
    found = collection(members, EMAIL, PHONE.replace("STATED", stated), NAME, "{ name: seats }")
    flaws = list(unstated_readers(found))
    assert [(one.severity, one.what.split("`")[1]) for one in flaws] == [("open", name) for name in findings]
    assert all("several people in `members` share" in one.what for one in flaws)
    assert list(unstated_readers(collection(MEMBERS, PHONE.replace("STATED", "")))) == []
