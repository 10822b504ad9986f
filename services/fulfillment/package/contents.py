"""What goes into a package and what the answer says about it: plain values, given by the caller."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.package.people import People
from services.fulfillment.search.findings import Findings
from shared.runtime.mongo import Document


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What of the records of a collection is the person's; every iteration works it out anew."""

    findings: Findings
    key: str

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents."""
        return (found.disclosed for found in self.findings.of(self.key))


@dataclass(frozen=True, slots=True)
class PackageSection:
    """
    A collection and what was found of the person in it.

    The documents are gone through several times: a list, or an object whose every iteration starts anew.

    Raises:
        TypeError: They can be gone through only once, which would leave some of the files empty.
    """

    collection: Collection
    documents: Iterable[Document]
    storage: str = ""
    """
    How long the records are kept, or by which rule that is decided (GDPR Art. 15(1)(d)); when empty, what
    the data map says of it.
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
    """A person's records and what the answer says about them."""

    request_id: str
    map_version: str
    """Content hash of the data map that the records were found with."""
    made_at: datetime
    controller: str
    sections: Sequence[PackageSection]
    left_out: Sequence[LeftOut] = ()
    contact: str = ""
    """Where questions and objections go."""
    person: str = ""
    people: People | None = None
    """
    Who is who in the records; without it, what may name other people is withheld instead of blacked out.
    """
    locale: str = "en"
    """A tag such as ``de`` or ``de-AT``; what is not spoken is answered in English."""
    zone: tzinfo = UTC
    """Zone of the times of day on the page."""
    law: str = "gdpr"
    """``gdpr``, ``uk_gdpr`` or ``ccpa``: which further rights the page names."""
    received_on: date | None = None
    authority: str = ""
    """Who takes complaints (GDPR Art. 15(1)(f))."""
    automated_decisions: str = ""
    """The controller's statement under GDPR Art. 15(1)(h); the package says nothing of it when empty."""
