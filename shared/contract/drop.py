"""
Values of California's Delete Request and Opt-out Platform (DROP) that two services use. Pure.

Intake fetches the lists and answers them, fulfillment looks the hashes up (docs/adr/0019).

Source: DROP Data Broker API 1.2.0; Cal. Civ. Code § 1798.99.86; 11 CCR § 7600 et seq.
"""

import base64
import binascii
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right

SOURCE: Final = channel_source(ChannelSource.HABEAS, "drop")
"""CloudEvents source of the requests that the platform passes on; reserved for them."""
NO_IDENTITY: Final = "drop"
"""Name of an identity that no data map has: the staff must find the records."""
HASH_BYTES: Final = 32
ID = re.compile(r"[A-Za-z0-9]{12}")


class ListKind(StrEnum):
    """The hashed content of a list, as the names of its files state it."""

    EMAIL = "Email"
    PHONE = "Phone"
    NDZ = "NDZ"
    """First name, last name, date of birth and ZIP code."""
    MAID = "MAID"
    """The advertising identifier of a telephone."""
    NAME_VIN = "NameVIN"
    """First name, last name and the identification number of a vehicle."""
    CTV_ID = "CTVID"
    """The identifier of a television set."""
    REMOVED = "Removed"
    """Requests that were withdrawn, of all lists."""

    @property
    def item(self) -> str:
        """Name under which the list lies in the vault."""
        return f"drop_list_{self.value.lower()}"


class ListMatch(BaseModel):
    """A person in the records that one request of a list has found; sealed, for it names them."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    id: str
    """Of the request, as the platform calls it."""
    kind: ListKind
    origin: str
    """The batch that the request came with."""
    number: int
    """Its number among the people found by the request."""
    right: Right
    identifiers: dict[str, str]
    """Identifiers to search records by; none where the record has none of the kind."""


LISTS: Final = tuple(kind for kind in ListKind if kind is not ListKind.REMOVED)
"""Lists that are answered."""
KIND_OF: Final = {kind.item: kind for kind in ListKind}


@dataclass(frozen=True, slots=True)
class ListRow:
    """One request of a list."""

    id: str
    """Of the request, for good; it says nothing about the person."""
    hash: bytes


def row_of(line: str) -> ListRow | None:
    """Return the row that *line* of a list is; none where it is no row."""
    try:
        id_, written, *_ = (cell.strip() for cell in next(csv.reader([line.strip()], strict=True), ()))
        digest = base64.b64decode(written, validate=True)
    except (binascii.Error, csv.Error, ValueError):
        return None
    return ListRow(id_, digest) if ID.fullmatch(id_) and len(digest) == HASH_BYTES else None


def id_in(line: str) -> str:
    """Return the id of a request in an unreadable *line*; empty if it has none."""
    first = line.partition(",")[0].strip().strip('"')
    return first if ID.fullmatch(first) else ""


class LineSplitter:
    """Cuts a stream of bytes into lines, however it arrives."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._held = b""

    def of(self, piece: bytes) -> Iterator[str]:
        """Yield the lines that *piece* completes."""
        *whole, self._held = (self._held + piece).split(b"\n")
        yield from map(_text, whole)

    def rest(self) -> Iterator[str]:
        """Yield the last line, where no line end follows it."""
        if self._held.strip():
            yield _text(self._held)
        self._held = b""


def _text(line: bytes) -> str:
    return line.decode("utf-8-sig", errors="replace").strip()
