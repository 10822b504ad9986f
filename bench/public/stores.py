"""The company's own records, as they were and as they are, and whose they are."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.public.access import PublicAccess
from bench.public.requests import PublicPerson
from shared.law.places import SUBDIVISIONS
from shared.runtime.mongo import connect

DATABASES = ("portal", "billing", "ops")
MAILBOX = re.compile(r"[\w.+-]+@[\w.-]+\w")
STATES = {name: code.partition("-")[2] for code, name in SUBDIVISIONS["US"].items()}

Place: TypeAlias = tuple[str, str, str]
"""Database, collection, and id of a record."""
Records: TypeAlias = Mapping[Place, Mapping[str, Any]]


async def records_of(access: PublicAccess) -> dict[Place, Mapping[str, Any]]:
    """Return every record of the company."""
    found: dict[Place, Mapping[str, Any]] = {}
    with closing(connect(access.stores_url, app_name="bench-company")) as client:
        for name in DATABASES:
            database = client[f"{access.prefix}{name}"]
            for collection in await database.list_collection_names():
                async for record in database[collection].find():
                    found[name, collection, str(record["_id"])] = record
    return found


async def people_of(access: PublicAccess) -> list[PublicPerson]:
    """Return the people that the company knows."""
    return people_in(await records_of(access))


def people_in(records: Records) -> list[PublicPerson]:
    """Return the people in *records*."""
    contacts = [record for place, record in records.items() if place[:2] == ("portal", "contacts")]
    return [_person(contact) for contact in contacts]


def _person(contact: Mapping[str, Any]) -> PublicPerson:
    address, name = contact["address"], contact["name"]
    country = str(address["country"])
    number = contact.get("customer_id")
    return PublicPerson(
        email=str(contact["email"]),
        name=f"{name['first']} {name['last']}",
        country=country,
        subdivision=STATES.get(address["region"]) if country == "US" else None,
        number=None if number is None else int(number),
        contact=str(contact["_id"]),
        details={
            "date_of_birth": contact["date_of_birth"].date().isoformat(),
            "postal_code": str(address["postal_code"]),
            **({} if number is None else {"customer_id": str(number)}),
        },
    )


@dataclass(frozen=True, slots=True)
class PeopleIndex:
    """Finds the people that a record is about."""

    by_email: Mapping[str, PublicPerson]
    by_number: Mapping[int, PublicPerson]
    by_contact: Mapping[str, PublicPerson]

    @classmethod
    def of(cls, people: Iterable[PublicPerson]) -> "PeopleIndex":
        """Return an index of *people*."""
        known = list(people)
        return cls(
            {person.email.casefold(): person for person in known},
            {person.number: person for person in known if person.number is not None},
            {person.contact: person for person in known if person.contact},
        )

    def owners(self, place: Place, record: Mapping[str, Any]) -> set[str]:
        """Return the mailboxes of the people that the whole of *record* is about."""
        number = record["_id"] if place[1] == "customers" else record.get("customer_id")
        contact = str(record["_id"] if place[1] == "contacts" else record.get("contact_id"))
        found = {self.by_contact.get(contact), self.by_number.get(number) if number is not None else None}
        return {person.email for person in found if person}

    def concerned(self, place: Place, record: Mapping[str, Any]) -> set[str]:
        """Return the mailboxes of the people that *record* is about, or that it names."""
        return self.owners(place, record) | self.named(record)

    def named(self, value: Any) -> set[str]:
        """Return the mailboxes of the people whose mailbox stands anywhere in *value*."""
        found = (MAILBOX.findall(text) for text in texts(value))
        boxes = {box.casefold() for some in found for box in some}
        return {self.by_email[box].email for box in boxes if box in self.by_email}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in *value*, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for inner in value:
            yield from texts(inner)


def parts_about(value: Any, mailbox: str) -> list[str]:
    """Return the innermost objects and entries in *value* that name *mailbox*, as texts that compare."""
    found: list[str] = []
    if isinstance(value, Mapping):
        for inner in value.values():
            found += parts_about(inner, mailbox)
        if not found and any(_names(text, mailbox) for text in value.values() if isinstance(text, str)):
            found.append(repr(dict(value)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            found += (
                [inner] if isinstance(inner, str) and _names(inner, mailbox) else parts_about(inner, mailbox)
            )
    return found


def _names(text: str, mailbox: str) -> bool:
    return mailbox.casefold() in (box.casefold() for box in MAILBOX.findall(text))
