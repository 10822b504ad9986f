"""
The package for download: one ZIP with a page, the records for other programs, and a signature.

::

    index.html                     everything in words; needs no network
    data/<store>.<collection>.json the records, as extended JSON
    data/<store>.<collection>.csv  the same as a table
    schema/….json                  JSON Schema of each
    about.json                     the information under Art. 15(1) GDPR
    public-key.pem                 Ed25519
    manifest.json                  SHA-256 of every file above, counts
    manifest.json.sig              64 bytes over manifest.json

It is streamed, in memory that does not depend on the number of records, and the same contents give the same
bytes: a package that was cut off by a crash is written again, not repaired.

JSON Schema (draft 2020-12) of each file of records, for other programs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from services.fulfillment.certificate.signatures import ALGORITHM, CertificateSigner
from services.fulfillment.datamap.model import Collection
from services.fulfillment.package.about import about
from services.fulfillment.package.archive import File, ZipArchive
from services.fulfillment.package.contents import Contents
from services.fulfillment.package.pages import categories, index
from services.fulfillment.package.records import json_file, json_text
from services.fulfillment.package.survey import Area, PackageSurvey, outline, survey
from services.fulfillment.package.tables import MOST_COLUMNS, csv_file

FORMAT: Final = "habeas-package/1"
INDEX: Final = "index.html"
MANIFEST: Final = "manifest.json"
MOST_SCHEMAS: Final = 512
"""Collections with cached schemas."""
SIGNATURE: Final = "manifest.json.sig"
PUBLIC_KEY: Final = "public-key.pem"

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON_TYPES: Mapping[str, list[str]] = MappingProxyType(
    {
        "string": ["string"],
        "boolean": ["boolean"],
        "integer": ["integer"],
        "long": ["integer"],
        "float": ["number"],
    }
)
"""Types that extended JSON writes as plain JSON; all others are objects such as ``{"$date": …}``."""


@dataclass(frozen=True, slots=True)
class PackageWriter:
    """A package to be written; every iteration writes it again."""

    summary: PackageSurvey
    """Parts and withheld data, for the letter."""
    signer: CertificateSigner
    files: Callable[[PackageSurvey, CertificateSigner], Iterator[File]]
    """Yields the files before the manifest."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes of the ZIP."""
        archive = ZipArchive()
        for file in self.files(self.summary, self.signer):
            yield from archive.add(file)
        manifest = json_text(_manifest(self.summary, archive, self.signer))
        yield from archive.add(File(MANIFEST, [manifest]))
        yield from archive.add(File(SIGNATURE, [self.signer.sign(manifest)]))
        yield from archive.close()


def build(contents: Contents, *, signer: CertificateSigner) -> PackageWriter:
    """
    Measure *contents* and return the package, to be iterated for its bytes.

    Raises:
        ValueError: A collection is there twice.
    """
    return PackageWriter(survey(contents), signer, _records)


def build_overview(
    contents: Contents, counts: Mapping[str, int], *, signer: CertificateSigner
) -> PackageWriter:
    """
    Return a package that states the kinds of data held, and contains no values.

    Args:
        contents: Sections without documents.
        counts: Key of each collection → records found.
        signer: Signs the manifest.

    Law:
        Cal. Civ. Code § 1798.110(a)(1)-(4), 11 CCR § 7024(i)-(k): categories, sources, purposes, recipients.
    """
    return PackageWriter(outline(contents, counts), signer, _overview)


def _overview(summary: PackageSurvey, signer: CertificateSigner) -> Iterator[File]:
    yield File(INDEX, categories(summary))
    yield File("about.json", [json_text(about(summary))])
    yield File(PUBLIC_KEY, [signer.public_key.pem])


def _records(summary: PackageSurvey, signer: CertificateSigner) -> Iterator[File]:
    yield File(INDEX, index(summary))
    for area in sorted(summary.areas, key=lambda area: area.stem):
        yield File(f"data/{area.stem}.json", json_file(area.documents()), area.most_bytes)
        yield File(f"data/{area.stem}.csv", csv_file(area.documents(), area.columns), _csv_bytes(area))
        yield File(f"schema/{area.stem}.json", [_schema_file(area.collection)])
    yield File("about.json", [json_text(about(summary))])
    yield File(PUBLIC_KEY, [signer.public_key.pem])


@lru_cache(maxsize=MOST_SCHEMAS)
def _schema_file(collection: Collection) -> bytes:
    return json_text(schema(collection))


def _csv_bytes(area: Area) -> int:
    return area.most_bytes + area.records * MOST_COLUMNS


def _manifest(summary: PackageSurvey, archive: ZipArchive, signer: CertificateSigner) -> dict[str, Any]:
    contents, names = summary.contents, {file.name for file in archive.written}
    counts = {f"data/{area.stem}.json": area.records for area in summary.areas}
    return {
        "format": FORMAT,
        "request": contents.request_id,
        "map_version": contents.map_version,
        "made_at": contents.made_at.isoformat(),
        "files": [{"name": file.name, "bytes": file.size, "sha256": file.sha256} for file in archive.written],
        "records": {name: count for name, count in counts.items() if name in names},
        "withheld": sum(item.count for item in summary.withheld),
        "blacked_out": sum(item.count for item in summary.blacked_out),
        "signature": {"algorithm": ALGORITHM, "key": signer.public_key.fingerprint, "file": SIGNATURE},
    }


def schema(collection: Collection) -> dict[str, Any]:
    """Return the schema of the JSON file of *collection*; further fields are allowed."""
    record: dict[str, Any] = {"type": "object", "properties": {}}
    arrays = frozenset(field.path for field in collection.fields if field.array)
    for field in collection.fields:
        node = _node(record, field.path, arrays)
        node["x-categories"] = sorted(field.categories)
        if not field.disclose:
            node["x-withheld"] = True
        elif field.type:
            node["x-type"] = field.type
            _type(node, field.type)
    described = {"description": collection.description} if collection.description else {}
    return {"$schema": DIALECT, "title": collection.name, **described, "type": "array", "items": record}


def _type(node: dict[str, Any], named: str) -> None:
    plain = JSON_TYPES.get(named)
    if plain:
        # An object is always allowed: the notice in place of a withheld value.
        node["type"] = sorted({*plain, "null", "object"})


def _node(record: dict[str, Any], path: str, arrays: frozenset[str]) -> dict[str, Any]:
    node, above = record, ""
    for name in path.split("."):
        inside = node.setdefault("items", {}) if above in arrays else node
        node = inside.setdefault("properties", {}).setdefault(name, {})
        above = f"{above}.{name}" if above else name
    return node
