"""
Forms of personal values: addresses, numbers with check digits, dates, names. Pure.

A form that other values share is weak evidence; the weights are in ``FORMS``.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import phonenumbers

from services.fulfillment.drafting.vocabulary import GIVEN_NAMES, plain

_EMAIL = re.compile(r"[^\s@<>,;:\"()]{1,64}@(?:[\w-]+\.)+(?=\d*[^\W\d_])[\w-]{2,24}")
_OFFICE = re.compile(
    r"(?:support|info|sales|no-?reply|do-?not-?reply|help(?:desk)?|office|contact|kontakt|service|admin|billing|"
    r"accounts?|accounting|hello|mail|team|orders?|shop|store|webmaster|postmaster|jobs|careers|press|marketing|"
    r"hr|it|security|privacy|datenschutz|buchhaltung|rechnung|vertrieb|bestellung|ventas|soporte|contacto|"
    r"atencion|notifications?|alerts?|newsletter|feedback|legal|abuse|root|system|bot|api|inbox|reception|"
    r"enquiries|returns|warehouse|dispatch|desk|facturacion|pedidos)"
    r"(?:[-+._]?\d*|[-+._][\w.+-]*)@"
)
_WITH_COUNTRY = re.compile(r"(?:\+|00)[1-9]\d{6,14}")
_BARE = re.compile(r"[1-9]\d{9,14}")
_DIALLED = re.compile(r"[\d\s.()/+-]{6,24}")
_REGIONS = ("DE", "US", "GB", "ES", "FR")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"(?:3[0468-9]|4\d|5[1-5]|2[2-7]|6\d)\d{11,17}")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")
_STREET = re.compile(
    r"(?i)\d+\w?,?\s+(?:\S+\s+){1,5}?(?:st|street|ave|avenue|rd|road|blvd|boulevard|ln|lane|dr|drive|ct|court|"
    r"way|quay|place|pl|square|sq|terrace|close|row|hill|crescent)\b\.?|"
    r".*(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer)\s+\d+\s?\w?$|"
    r"(?:calle|c/|avenida|avda|plaza|paseo|rua|rue|via|camino|carrera|ronda)\.?\s+\S+.*"
)
_HASHED = re.compile(
    r"\$(?:2[abxy]|5|6|argon2\w*|pbkdf2\S*|scrypt|7)\$\S{20,}|pbkdf2_sha256\$\S+|scrypt:\S+|\{SSHA\d*\}\S+"
)
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_SOCIAL_SECURITY = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$")
_DNI = re.compile(r"([XYZ]?)(\d{7,8})-?([A-HJ-NP-TV-Z])")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_AGENT = re.compile(r"(?:Mozilla|Opera|curl|okhttp|Dalvik)/\d")
_FULL_NAME = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Herr|Frau|Sr|Sra)\.?\s+)?"
    r"[^\W\d_][\w'\u2019-]*\.?(?:,?\s+[^\W\d_][\w'\u2019.-]*){1,3}"
)
_LONGEST_NAME = 60
_DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d(?:T00:00.*)?|\d\d[./]\d\d[./](?:19|20)\d\d")
_ALIVE = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
_HALF_TURN = 180
_PROSE_CHARACTERS, _PROSE_BLANKS = 40, 5


def is_email(value: Any) -> bool:
    """Return whether *value* is an e-mail address and nothing else."""
    return isinstance(value, str) and _EMAIL.fullmatch(value.strip()) is not None


def is_shared_mailbox(value: Any) -> bool:
    """Return whether the e-mail address *value* is an office's, not a person's."""
    return isinstance(value, str) and _OFFICE.match(value.strip().lower()) is not None


def names_country(value: Any) -> bool:
    """Return whether *value* is a telephone number with its country code, in any notation."""
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith("00"):
        # A number padded with zeros begins like this as well.
        return _valid(f"+{text[2:]}")
    return text.startswith("+") and _possible(text, None)


def can_be_looked_up(value: Any) -> bool:
    """Return whether *value* is a telephone number in one piece with its country: ``+49301234``, 49301234."""
    text = _written(value)
    whole = _WITH_COUNTRY.fullmatch(text) is not None and isinstance(value, str)
    return whole or (_BARE.fullmatch(text) is not None and _valid(f"+{text}"))


def is_shaped_like_name(value: Any) -> bool:
    """Return whether *value* is two to four words such as a person's full name."""
    return (
        isinstance(value, str) and len(value) <= _LONGEST_NAME and bool(_FULL_NAME.fullmatch(value.strip()))
    )


def _written(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _parsed(text: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _possible(text: str, region: str | None) -> bool:
    number = _parsed(text, region)
    return number is not None and phonenumbers.is_possible_number(number)


def _valid(text: str) -> bool:
    number = _parsed(text)
    return number is not None and phonenumbers.is_valid_number(number)


def _can_be_dialled(value: Any) -> bool:
    """Return whether *value* may be a number dialled within some country; many other numbers may, too."""
    text = _written(value)
    plausible = _DIALLED.fullmatch(text) is not None
    return plausible and (names_country(text) or any(_possible(text, region) for region in _REGIONS))


def _is_iban(value: Any) -> bool:
    text = _written(value).replace(" ", "").upper()
    moved = text[4:] + text[:4]
    return bool(_IBAN.fullmatch(text)) and int("".join(str(int(one, 36)) for one in moved)) % 97 == 1


def _is_card(value: Any) -> bool:
    """Return whether *value* has length, beginning and check digit of a card number (ISO 7812)."""
    digits = re.sub(r"[ -]", "", _written(value))
    if not _CARD.fullmatch(digits):
        return False
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(digits[::-1]))
    return total % 10 == 0


def _is_ip(value: Any) -> bool:
    text = _written(value)
    if not _IP.fullmatch(text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_dni(value: Any) -> bool:
    """Return whether *value* is a Spanish identity number with the right letter."""
    match = _DNI.fullmatch(_written(value).upper())
    if match is None:
        return False
    first, digits, letter = match.groups()
    number = int(f"{'XYZ'.index(first)}{digits}") if first else int(digits)
    return _DNI_LETTERS[number % len(_DNI_LETTERS)] == letter


def _is_point(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("type") == "Point" and isinstance(value.get("coordinates"), list | tuple)
    return isinstance(value, tuple)


def _is_degree_or_point(value: Any) -> bool:
    degrees = isinstance(value, float) and abs(value) <= _HALF_TURN and not value.is_integer()
    return degrees or _is_point(value)


def _is_name(value: Any) -> bool:
    """Return whether *value* is shaped like a full name and has a common given name in it."""
    return is_shaped_like_name(value) and any(
        word in GIVEN_NAMES for word in plain(value).replace(",", " ").split()
    )


def _is_given_name(value: Any) -> bool:
    return isinstance(value, str) and plain(value.strip()).partition(" ")[0] in GIVEN_NAMES


def _is_region(value: Any) -> bool:
    """Return whether *value* is written like a region, not like a state of things: ``Ohio``, not ``paid``."""
    return isinstance(value, str) and value[:1].isupper()


def _is_prose(value: Any) -> bool:
    return isinstance(value, str) and len(value) > _PROSE_CHARACTERS and value.count(" ") >= _PROSE_BLANKS


def _is_day(value: Any) -> bool:
    """Return whether *value* is a day on which a living person may have been born."""
    if isinstance(value, str):
        return _DATE.fullmatch(value) is not None
    if not isinstance(value, datetime):
        return False
    at = value if value.tzinfo else value.replace(tzinfo=UTC)
    return _ALIVE[0] <= at <= _ALIVE[1]


def _begins(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.match(value.strip()) is not None


@dataclass(frozen=True, slots=True)
class ValueForm:
    """A form of the values of a category."""

    category: str
    fits: Callable[[Any], bool]
    what: str
    alone: float = 0.0
    """Confidence without a fitting name."""
    needed: float = 0.8
    """The share of a field's values that must have it."""
    required: bool = False
    """Whether values without it contradict a fitting name."""
    confirms: bool = True
    """Whether values with it confirm a fitting name."""


_NATIONAL_NUMBER = "user.government_id.national_identification_number"
FORMS = (
    ValueForm("user.contact.email", is_email, "e-mail addresses", 0.95, 0.5, required=True),
    ValueForm("user.contact.phone_number", names_country, "numbers with a country code", 0.8, 0.5),
    ValueForm("user.contact.phone_number", _can_be_dialled, "numbers to dial", needed=0.6, required=True),
    ValueForm("user.financial.bank_account", _is_iban, "account numbers with right check digits", 0.98),
    ValueForm("user.financial.credit_card", _is_card, "card numbers with right check digits", 0.9, 0.9),
    ValueForm("user.device.ip_address", _is_ip, "IP addresses", 0.85, 0.7, required=True),
    ValueForm("user.demographic.date_of_birth", _is_day, "days", needed=0.7, required=True),
    ValueForm("user.location.precise", _is_degree_or_point, "degrees or points", needed=0.7, required=True),
    ValueForm("user.location.precise", _is_point, "points", 0.75),
    ValueForm(_NATIONAL_NUMBER, _is_dni, "identity numbers with right letters", 0.9),
    ValueForm(_NATIONAL_NUMBER, _begins(_SOCIAL_SECURITY), "in the form of social security numbers", 0.75),
    ValueForm("user.authorization.password", _begins(_HASHED), "hashed passwords", 0.97, 0.5),
    ValueForm("user.authorization.credentials", _begins(_TOKEN), "signed tokens", 0.95, 0.5),
    ValueForm("user.device", _begins(_AGENT), "names of browsers", 0.9, 0.5),
    ValueForm("user.contact.address.street", _begins(_STREET), "streets with house numbers", 0.8, 0.5),
    ValueForm(
        "user.contact.address.state",
        _is_region,
        "names of regions",
        needed=0.5,
        required=True,
        confirms=False,
    ),
    ValueForm("user.name", _is_name, "names of people", 0.75, 0.2),
    ValueForm("user.name.first", _is_given_name, "given names", needed=0.3),
    ValueForm("user.content.private", _is_prose, "long texts", 0.35, 0.5),
)
