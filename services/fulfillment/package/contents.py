"""The contents of a package and of the answer: plain values from the caller."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.package.people import People
from services.fulfillment.search.findings import Findings
from shared.runtime.mongo import Document


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The person's part of the records of a collection; computed at every iteration."""

    findings: Findings
    key: str

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents."""
        return (found.disclosed for found in self.findings.of(self.key))


@dataclass(frozen=True, slots=True)
class PackageSection:
    """
    A collection and the person's documents in it.

    The documents are read several times: pass a list, or an object that can be iterated again.

    Raises:
        TypeError: They can be read only once, which would leave some files empty.
    """

    collection: Collection
    documents: Iterable[Document]
    storage: str = ""
    """
    How long the records are kept, or the rule for it (GDPR Art. 15(1)(d)); by default the words of the data
    map.
    """

    def __post_init__(self) -> None:
        if isinstance(self.documents, Iterator):
            raise TypeError("documents are read several times: give a list, or an object that starts anew")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Data that the right does not cover: it is held, and not handed over with this answer."""

    collection: Collection
    field: MappedField | None
    """The field; None where it is the whole collection."""
    reason: str
    """Reason code, as letters explain it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A person's records and the statements of the answer."""

    request_id: str
    map_version: str
    """Content hash of the data map that the records were found with."""
    made_at: datetime
    controller: str
    sections: Sequence[PackageSection]
    left_out: Sequence[LeftOut] = ()
    contact: str = ""
    """Address for questions and objections."""
    person: str = ""
    people: People | None = None
    """
    The people in the records; without it, fields that may name others are withheld instead of blacked out.
    """
    locale: str = "en"
    """A tag such as ``de`` or ``de-AT``; other languages are answered in English."""
    zone: tzinfo = UTC
    """Time zone of the page."""
    law: str = "gdpr"
    """``gdpr``, ``uk_gdpr`` or ``ccpa``: decides which further rights the page names."""
    received_on: date | None = None
    authority: str = ""
    """The supervisory authority for complaints (GDPR Art. 15(1)(f))."""
    automated_decisions: str = ""
    """The controller's statement under GDPR Art. 15(1)(h); left out if empty."""
