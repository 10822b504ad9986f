"""
The listing of a package for the staff, and the redactions that it answers with. Pure.

A redaction names a record by its number in the listing. It is applied by the record's content: a search may
find the same records in another order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import orjson

from services.fulfillment.datamap.model import Collection
from services.fulfillment.package import labels
from services.fulfillment.package.records import as_json
from services.fulfillment.package.withheld import WithheldNotice
from shared.contract.package_review import Redaction, at_path, fields_of
from shared.errors import RefusedDecision
from shared.law import Policy, ReasonCode
from shared.runtime.mongo import Document
from shared.vocabulary import WithholdingGround

ANY_DATA = "user"
"""Category of withheld data that the map does not know."""
TECHNICAL = "system"
MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class PackageRedactions:
    """The redactions of a package: of whole collections by key, of records and fields by digest."""

    collections: Mapping[str, WithholdingGround] = field(default_factory=dict)
    records: Mapping[bytes, WithholdingGround] = field(default_factory=dict)
    fields: Mapping[bytes, Mapping[str, WithholdingGround]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything is withheld."""
        return bool(self.collections or self.records or self.fields)


def digest_of(key: str, fields: str) -> bytes:
    """Return the digest of a record of the collection *key*, with its *fields* as JSON."""
    return sha256(f"{key}\x00{fields}".encode()).digest()


class ListingReader:
    """Reads the lines of a listing: their fingerprint, which no order changes, and the redacted records."""

    def __init__(self, redactions: Iterable[Redaction] = ()) -> None:
        """Prepare to find the records of *redactions*."""
        self._total = 0
        self._open = list(redactions)
        self._collections: dict[str, WithholdingGround] = {}
        self._records: dict[bytes, WithholdingGround] = {}
        self._fields: dict[bytes, dict[str, WithholdingGround]] = {}
        self._named = {one.collection for one in self._open}

    def add(self, line: str) -> None:
        """Read the next line."""
        record = orjson.loads(line)
        fields = fields_of(line)
        digest = digest_of(record["collection"], fields)
        self._total += int.from_bytes(digest)
        if record["collection"] in self._named:
            self._open = [one for one in self._open if not self._applies(one, record, digest)]

    def _applies(self, one: Redaction, record: Mapping[str, object], digest: bytes) -> bool:
        """Note *one* if it is about *record*; return whether it is done with."""
        if one.collection != record["collection"] or one.record not in (None, record["record"]):
            return False
        if one.record is None:
            self._collections[one.collection] = one.reason
        elif one.field is None:
            self._records[digest] = one.reason
        elif at_path(record["fields"], one.field):
            self._fields.setdefault(digest, {})[one.field] = one.reason
        else:
            return False
        return True

    @property
    def fingerprint(self) -> int:
        """The fingerprint of the lines read."""
        return self._total % MODULUS

    @property
    def redactions(self) -> PackageRedactions:
        """
        The redactions of the lines read.

        Raises:
            RefusedDecision: One of them is about nothing in the listing.
        """
        if self._open:
            raise RefusedDecision("redaction_unknown")
        return PackageRedactions(self._collections, self._records, self._fields)


class SectionRedactions:
    """Puts notices of the staff into the records of one collection, as they are shown."""

    def __init__(self, collection: Collection, redactions: PackageRedactions, law: Policy | None) -> None:
        """Create it for an answer that is given under *law*."""
        self._collection = collection
        self._redactions = redactions
        self._law = law

    def applied(self, shown: Iterable[Document]) -> Iterator[tuple[Document, bool]]:
        """Yield each record, and whether it stays; of one that does not, only notices are left."""
        key, known = self._collection.key, self._redactions
        whole = known.collections.get(key)
        for document in shown:
            digest = digest_of(key, as_json(document))
            if (reason := whole or known.records.get(digest)) is not None:
                yield self._withheld(document, reason), False
            elif (fields := known.fields.get(digest)) is not None:
                yield self._without(document, "", fields), True
            else:
                yield document, True

    def _withheld(self, document: Document, reason: WithholdingGround) -> Document:
        """Return a notice for each value of *document*, so that they are counted."""
        named = {key: value for key, value in document.items() if value not in (None, "", [], {})}
        notices = {
            key: value if isinstance(value, WithheldNotice) else self._notice(key, reason)
            for key, value in named.items()
            if not self._is_technical(key)
        }
        return notices or {"": self._stated(labels.title(self._collection), reason, ANY_DATA)}

    def _without(self, document: Document, above: str, fields: Mapping[str, WithholdingGround]) -> Document:
        return {
            key: self._shown(value, f"{above}.{key}" if above else key, fields)
            for key, value in document.items()
        }

    def _shown(self, value: object, path: str, fields: Mapping[str, WithholdingGround]) -> object:
        if path in fields and not isinstance(value, WithheldNotice):
            return self._notice(path, fields[path])
        if isinstance(value, dict):
            return self._without(value, path, fields)
        if isinstance(value, list | tuple):
            return [self._shown(item, path, fields) for item in value]
        return value

    def _notice(self, path: str, reason: WithholdingGround) -> WithheldNotice:
        kinds = (kind for kind in self._kinds(path) if not kind.startswith(TECHNICAL))
        label = labels.field_label(self._collection, path)
        return self._stated(label, reason, next(kinds, ANY_DATA))

    def _stated(self, label: str, reason: WithholdingGround, category: str) -> WithheldNotice:
        provision = "" if self._law is None else self._law.citation(ReasonCode(reason))
        return WithheldNotice(label, reason.value, category, provision)

    def _kinds(self, path: str) -> Iterator[str]:
        """Yield the categories of the field at *path*, and of those in it."""
        inside = f"{path}."
        for one in self._collection.fields:
            if one.path == path or one.path.startswith(inside):
                yield from one.categories

    def _is_technical(self, key: str) -> bool:
        kinds = list(self._kinds(key))
        return key == "_id" or (bool(kinds) and all(kind.startswith(TECHNICAL) for kind in kinds))
