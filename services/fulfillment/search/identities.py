"""
The identities in a request that records can be found by, and those believed to be the requester's.

The proof of a mailbox proves that mailbox alone: a stranger's telephone number in the same request must not
open the stranger's records. An identity that is not proven counts only where a record found by the proven
ones holds it; the search finds that out. Pure.
"""

import re
from collections.abc import Collection as Many
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from services.fulfillment.datamap.graph import EMAIL, PHONE, graph_of
from services.fulfillment.datamap.model import DataMap
from shared.contract.events import RequestSubmitted, Subject

Identities: TypeAlias = Mapping[str, Sequence[str]]
"""The name of an identity in the data map → every spelling of its value."""

PREFERRED = (EMAIL, PHONE)
"""Identities that claimed data points are looked up by, in this order of preference."""


def identities_of(subject: Subject, *, country: str | None = None) -> dict[str, tuple[str, ...]]:
    """
    Return the identities of *subject*: e-mail address, telephone number, other identifiers.

    One value for each name: a second telephone number among the identifiers could be another person's, and
    the proof of the first must not open the records of the second.

    Args:
        subject: The person as the requester describes them.
        country: Country of a telephone number without country code; by default that of the postal address.
    """
    address = subject.postal_address
    region = country or (None if address is None else address.country)
    found: dict[str, tuple[str, ...]] = {}
    if subject.email is not None:
        found[EMAIL] = (subject.email,)
    if subject.phone is not None:
        found[PHONE] = spellings_of_phone(subject.phone, region)
    for name, value in subject.identifiers.items():
        spellings = spellings_of_phone(value, region) if name == PHONE else (value,)
        found.setdefault(name, spellings)
    return found


def spellings_of_phone(number: str, region: str | None) -> tuple[str, ...]:
    """Return the forms in which *number* may be stored: as given, and every usual one with a country code."""
    # A number without country code is another person's in another country, and is only looked up as given.
    given = number.strip()
    try:
        parsed = phonenumbers.parse(given, region)
    except NumberParseException:
        return (given,)
    return tuple(dict.fromkeys((*_international(parsed), given)))


def spellings_of(name: str, value: str) -> tuple[str, ...]:
    """Return the forms in which the identity *name* with *value* may be stored."""
    return spellings_of_phone(value, None) if name == PHONE else (value,)


def plain(name: str, value: str) -> str:
    """Return the identity *name* with *value* without differences of writing: case, blanks, dashes."""
    if name == PHONE:
        return re.sub(r"[^0-9]", "", value).lstrip("0")
    return value.lower() if name == EMAIL else value


def _international(number: PhoneNumber) -> Iterator[str]:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    spaced = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    code, _, groups = spaced.partition(" ")
    digits = e164.removeprefix("+")
    area, _, rest = re.sub(r"[^0-9]+", " ", groups).strip().partition(" ")
    yield from (e164, spaced, digits, f"00{digits}")
    for separator in (" ", "-", ".", ""):
        joined = re.sub(r"[^0-9]+", separator, groups)
        for lead in (code, code.removeprefix("+"), f"00{code[1:]}"):
            yield from (f"{lead}{gap}{joined}" for gap in {" ", separator})
    yield from (f"{code} ({area}) {rest.replace(' ', gap)}" for gap in ("-", " ") if rest)
    yield phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)


def stated_identities(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """Return the identities in the request that *data_map* knows."""
    residence = submitted.residence
    identities = identities_of(submitted.subject, country=residence.country if residence else None)
    known = graph_of(data_map).entries
    return {name: spellings for name, spellings in identities.items() if name in known}


def proven_identities(submitted: RequestSubmitted, names: Many[str], data_map: DataMap) -> Identities:
    """Return the identities of *names* alone."""
    stated = stated_identities(submitted, data_map)
    return {name: spellings for name, spellings in stated.items() if name in names}


def vouched_identities(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """Return the identities that a trusted source proves by naming them."""
    # People type their own telephone number into an account. So it is a claim beside any other identity,
    # and counts only where the source names the person by it alone.
    identities = stated_identities(submitted, data_map)
    return {name: spellings for name, spellings in identities.items() if name != PHONE} or identities


def identity_to_look_up(submitted: RequestSubmitted, data_map: DataMap) -> Identities:
    """Return the one identity by which claimed data points are looked up: several may be several people's."""
    names = stated_identities(submitted, data_map)
    first = next((name for name in (*PREFERRED, *sorted(names)) if name in names), None)
    return {} if first is None else proven_identities(submitted, (first,), data_map)
