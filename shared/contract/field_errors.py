"""
Messages about wrong fields: what a field must be, in the words of this product. Pure.

The validation library's own text is no interface: it names types of Python, and changes with its version.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic_core.core_schema import ErrorType

_LIBRARY: Final = frozenset(get_args(ErrorType))
"""The library's kinds; others are raised by validators of this product, with messages for publishers."""
WRONG: Final = "has a wrong value"
MOST_ERRORS: Final = 50
"""Errors of one body that are stated: an answer must not be many times as large as the body."""
NO_JSON: Final = "is no JSON"
_PLACE: Final = re.compile(r"line (\d+) column (\d+)")
_TIME: Final = "must be a time, as 2027-01-31T09:30:00Z"
_MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "is required",
        "extra_forbidden": "unknown field",
        "union_tag_invalid": "unknown kind of proof",
        "union_tag_not_found": "needs its kind",
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "too_short": "must have {min_length} or more entries",
        "too_long": "must have {max_length} or fewer entries",
        "enum": "must be {expected}",
        "literal_error": "must be {expected}",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "timezone_aware": f"needs a time zone: {_TIME}",
    }
)
"""Kind of an error → its message, with the library's own names for the limits."""
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "must be text",
        "int": "must be a whole number",
        "float": "must be a number",
        "decimal": "must be a number",
        "bool": "must be true or false",
        "datetime": _TIME,
        "timezone": _TIME,
        "date": "must be a date, as 2027-01-31",
        "time": "must be a duration, as P7D",
        "list": "must be a list",
        "tuple": "must be a list",
        "set": "must be a list",
        "frozen": "must be a list",
        "dict": "must be an object",
        "model": "must be an object",
        "json": NO_JSON,
        "bytes": "must be Base64",
        "url": "must be an address, as https://www.example.com/",
        "uuid": "must be a UUID",
    }
)
"""First word of a kind → its message, where it has no other."""
FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "country": "must be a country by ISO 3166, as DE",
        "email": "must be a mail address, as ada@example.org",
        "phone": "must be a number with its country, as +4930123456",
        "phone_number": "must be a number with its country, as +4930123456",
        "status_callback": "must be an address, as https://www.example.com/",
        "status_callback_urls": "must be an address, as https://www.example.com/",
        "subdivision": "must be a part of the country by ISO 3166, as CA",
        "subject_request_id": "must be a UUID of version 4, as 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    }
)
"""Field → its form."""


def message_of(error: Mapping[str, Any], *, own: bool = False) -> str:
    """
    Return the message of one of pydantic's errors.

    With *own* a message that a validator of this product has raised is kept; it may name the value.
    """
    kind = str(error["type"])
    if kind not in _LIBRARY or (kind == "value_error" and own):
        return str(error["msg"]).removeprefix("Value error, ")
    context = error.get("ctx") or {}
    if found := _PLACE.search(str(context.get("error"))):
        return no_json(*map(int, found.groups()))
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        return next((FORMS[step] for step in reversed(error["loc"]) if step in FORMS), "has another form")
    try:
        exact = _MESSAGES.get(kind, "").format(**context)
    except KeyError:  # the caller left the limits out
        return WRONG
    return exact or _KINDS.get(kind.partition("_")[0], WRONG)


def no_json(line: int, column: int) -> str:
    """Return the message of text that is no JSON from *line* and *column* on."""
    return f"{NO_JSON}: line {line}, column {column}"
