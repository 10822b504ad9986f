"""
Correlation of events with the message that submitted the request. Pure.

Every event about a request names the source, the reference and the event of its publisher. A reference or an
id that could be personal data is keyed: an HMAC under a key of the source, which the publisher may have.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.contract.sources import is_reserved

KEYED: Final = "hmac:"
"""Begins a keyed value; no opaque one begins so."""
OPAQUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|(?:ticket|case|request|req|dsr|dsar|sar|event|evt)[-_][0-9]{1,7}",
    re.IGNORECASE | re.ASCII,
)
"""
Forms that hold no personal data: a UUID that is random or of a time (RFC 9562 versions 4 and 7), and a word
for a ticket with at most seven digits.

Not: UUIDs of names and digests (an address can be guessed from them), longer numbers (telephone numbers).
"""
SOURCE, REFERENCE, EVENT = "publishersource", "publisherreference", "publisherid"
"""CloudEvents extension attributes of a correlation."""
LONGEST = 200
"""Characters of an attribute."""
STRANGER: Final = ""
"""Stands for the source of publishers that were not admitted as theirs."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """The names that a publisher gave to a request, as far as events may show them."""

    source: str
    reference: str | None = None
    event: str | None = None
    """Id of the event that submitted the request; None for a request by HTTP."""

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> "Correlation | None":
        """Return the correlation in the *attributes* of an event of ours; None without one."""
        source, reference, event = (_text(attributes.get(name)) for name in (SOURCE, REFERENCE, EVENT))
        return None if source is None else cls(source, reference, event)

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of an event."""
        named = {SOURCE: self.source, REFERENCE: self.reference, EVENT: self.event}
        return {name: value for name, value in named.items() if value is not None}


def correlation(
    source: str, reference: str | None, event: str | None = None, *, key: bytes, admitted: bool = True
) -> Correlation:
    """
    Return the correlation of a submission.

    Args:
        source: Its CloudEvents source.
        reference: The publisher's reference of the request.
        event: Id of the publisher's event.
        key: The key that the keys of sources are derived from.
        admitted: Whether the publisher was admitted as *source*. Other sources and references are always
            keyed, and not under the key of *source*: a stranger would learn the keyed form of any name.
    """
    known = source if admitted else STRANGER
    named = None if event is None else event_name(event, known, key=key)
    if reference is not None and (not admitted or is_reserved(source) or not OPAQUE.fullmatch(reference)):
        reference = keyed_reference(reference, key=reference_key(known, key=key))
    if not admitted:
        source = keyed_reference(source, key=reference_key(STRANGER, key=key))
    return Correlation(source, reference, named)


def event_name(id_: str, source: str, *, key: bytes) -> str:
    """
    Return the id of an event of *source* as facts may show it: keyed unless its form holds no personal data.

    The form alone decides, so that a publisher that was not admitted recognises its rejection.
    """
    return id_ if OPAQUE.fullmatch(id_) else keyed_reference(id_, key=reference_key(source, key=key))


def reference_key(source: str, *, key: bytes) -> bytes:
    """Return the key for references of *source*; *key* keys the ids of requests as well."""
    return hmac.digest(key, f"references of {source}".encode(), "sha256")


def keyed_reference(name: str, *, key: bytes) -> str:
    """Return the keyed form of the reference or event id *name*; *key* is that of its source."""
    return KEYED + hmac.digest(key, name.encode(), "sha256").hex()[:32]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST else None
