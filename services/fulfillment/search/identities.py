"""What a request tells about its person that records can be found by."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias
from uuid import UUID

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from shared.events import Subject
from shared.mongo import Binary, Decimal128, ObjectId

Identities: TypeAlias = Mapping[str, Sequence[str]]
"""The name of an identity in the data map → every spelling of its value."""

MOST_BITS = 63


def identities_of(subject: Subject, *, country: str | None = None) -> dict[str, tuple[str, ...]]:
    """
    Return what *subject* can be found by: e-mail address, telephone number, identifiers of own choice.

    One value for each name: a second telephone number among the identifiers could be somebody else's, and
    what is proven of the first must not open the records of the second.

    Args:
        subject: The person as the requester describes them.
        country: Where a telephone number without country code is dialled; else the postal address says.
    """
    address = subject.postal_address
    region = country or (None if address is None else address.country)
    found: dict[str, tuple[str, ...]] = {}
    if subject.email is not None:
        found["email"] = (subject.email,)
    if subject.phone is not None:
        found["phone_number"] = spellings_of_phone(subject.phone, region)
    for name, value in subject.identifiers.items():
        spellings = spellings_of_phone(value, region) if name == "phone_number" else (value,)
        found.setdefault(name, spellings)
    return found


def spellings_of_phone(number: str, region: str | None) -> tuple[str, ...]:
    """Return the forms under which *number* may be stored: as given, E.164, international, with 00."""
    given = number.strip()
    try:
        parsed = phonenumbers.parse(given, region)
    except NumberParseException:
        return (given,)
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    return tuple(dict.fromkeys((e164, given, international, "00" + e164.removeprefix("+"))))


def typed(value: str, kind: str | None) -> Iterator[Any]:
    """Yield *value* as a field of type *kind* would store it, and as the text that it is."""
    yield value
    match (kind or "").removesuffix("[]"):
        case "integer" | "long" | "float" | "double":
            if value.isascii() and value.removeprefix("-").isdigit() and int(value).bit_length() <= MOST_BITS:
                yield int(value)
        case "decimal":
            yield from _decimal(value)
        case "object_id":
            if ObjectId.is_valid(value):
                yield ObjectId(value)
        case "uuid":
            yield from _uuid(value)
        case "binary":
            if len(value) % 2 == 0 and all(digit in "0123456789abcdefABCDEF" for digit in value):
                yield bytes.fromhex(value)
        case _:
            return


def _decimal(value: str) -> Iterator[Any]:
    try:
        yield Decimal128(Decimal(value))
    except InvalidOperation:
        return


def _uuid(value: str) -> Iterator[Any]:
    try:
        yield Binary.from_uuid(UUID(value))
    except ValueError:
        return
