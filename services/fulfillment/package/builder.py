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
bytes: a package that was cut off by a crash is written again, not repaired. A small one is not compressed:
the vault does that better, with all that such packages have in common.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from services.fulfillment.certificate.document import LONG_AGO
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import Collection
from services.fulfillment.package.about import about
from services.fulfillment.package.pages import categories, index
from services.fulfillment.package.records import MOST_COLUMNS, csv_file, json_file, json_text
from services.fulfillment.package.survey import (
    Contents,
    PackageSection,
    PackageSurvey,
    outline,
    survey,
)
from services.fulfillment.package.withheld import MASKED
from shared.runtime.signatures import ALGORITHM

FORMAT: Final = "habeas-package/1"
INDEX: Final = "index.html"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.sig"
PUBLIC_KEY: Final = "public-key.pem"

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON_TYPES: Mapping[str, list[str]] = {
    "string": ["string"],
    "boolean": ["boolean"],
    "integer": ["integer"],
    "long": ["integer"],
    "float": ["number"],
}
"""Types that extended JSON writes as plain JSON; all others are objects such as ``{"$date": …}``."""
PIECE_BYTES = 64 * 1024
SMALL_BYTES = 32 * 1024
"""Most bytes of the records of a package that is not compressed."""
ZIP64_FROM = 1 << 31
"""Bytes; above this size, the 64-bit form is needed."""
READABLE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class File:
    """A file to write."""

    name: str
    content: Iterable[bytes]
    most_bytes: int = 0
    """Upper limit of the size; 0 if it is surely small."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written."""

    name: str
    size: int
    sha256: str


class _Sink(bytearray):
    """The bytes that were not yielded yet; it cannot seek, so sizes follow the content."""

    def write(self, content: bytes) -> int:
        self += content
        return len(content)

    def flush(self) -> None:
        """Do nothing: the bytes are yielded, not written."""

    close = flush

    def drained(self, least: int) -> Iterator[bytes]:
        """Yield the bytes if there are *least*."""
        if len(self) >= least:
            yield bytes(self)
            self.clear()


class ZipArchive:
    """Writes files one after the other and collects their hashes."""

    def __init__(self) -> None:
        self.written: list[WrittenFile] = []
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    def add(self, file: File) -> Iterator[bytes]:
        """Yield the archive's bytes for *file*."""
        entry = zipfile.ZipInfo(file.name)  # dated 1980: the manifest states the real time
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, READABLE
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=file.most_bytes >= ZIP64_FROM) as target:
            for piece in _blocks(file.content):
                digest.update(piece)
                size += target.write(piece)
                yield from self._sink.drained(PIECE_BYTES)
        self.written.append(WrittenFile(file.name, size, digest.hexdigest()))

    def close(self) -> Iterator[bytes]:
        """Yield the end of the archive."""
        self._zip.close()
        yield from self._sink.drained(1)


class SmallArchive:
    """Writes small files uncompressed, each with its size before it: some programs read no other kind."""

    def __init__(self) -> None:
        self.written: list[WrittenFile] = []
        self._whole = io.BytesIO()
        self._zip = zipfile.ZipFile(self._whole, "w", zipfile.ZIP_STORED)

    def add(self, file: File) -> Iterator[bytes]:
        """Add *file*; nothing is yielded before the end."""
        entry, content = zipfile.ZipInfo(file.name), b"".join(file.content)
        entry.create_system, entry.external_attr = 3, READABLE
        self._zip.writestr(entry, content)
        self.written.append(WrittenFile(file.name, len(content), hashlib.sha256(content).hexdigest()))
        yield from ()

    def close(self) -> Iterator[bytes]:
        """Yield the archive."""
        self._zip.close()
        yield self._whole.getvalue()


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces: compressing, hashing and writing cost more per call than per byte."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


@dataclass(frozen=True, slots=True)
class PackageWriter:
    """A package to be written; every iteration writes it again."""

    summary: PackageSurvey
    """Parts and withheld data, for the letter."""
    signer: CertificateSigner
    files: Callable[[PackageSurvey], Iterator[File]]
    """Yields the page and the records."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes of the ZIP."""
        archive = SmallArchive() if self.summary.most_bytes <= SMALL_BYTES else ZipArchive()
        about_it = File("about.json", [json_text(about(self.summary))])
        key = File(PUBLIC_KEY, [self.signer.public_key.pem])
        for file in (*self.files(self.summary), about_it, key):
            yield from archive.add(file)
        manifest = json_text(_manifest(self.summary, archive.written, self.signer))
        yield from archive.add(File(MANIFEST, [manifest]))
        yield from archive.add(File(SIGNATURE, [self.signer.sign(manifest)]))
        yield from archive.close()

    @property
    def template(self) -> bytes:
        """The files of a package by the same data map and words without a record or a value of a person."""
        contents = self.summary.contents
        collections = tuple(section.collection for section in contents.sections)
        blank = replace(
            contents,
            request_id="",
            made_at=LONG_AGO,
            sections=[PackageSection(one, ()) for one in collections],
            earlier=(),
            person="",
            people=None,
            redactions=None,
            received_on=contents.received_on and LONG_AGO.date(),
        )
        said = (contents.locale, contents.law, contents.contact, contents.controller, contents.authority)
        key = (contents.map_version, *said, collections, self.files)
        return _template(_Blank(key, blank, self.files, self.signer))


@dataclass(frozen=True, slots=True)
class _Blank:
    """Contents without records: equal to others with the same words about the same collections."""

    key: tuple[object, ...]
    contents: Contents = field(compare=False)
    files: Callable[[PackageSurvey], Iterator[File]] = field(compare=False)
    signer: CertificateSigner = field(compare=False)


@lru_cache(maxsize=64)
def _template(blank: _Blank) -> bytes:
    """Return the files, the page last: of a long template the end counts."""
    counts = {section.collection.key: 1 for section in blank.contents.sections}
    summary, signer = outline(blank.contents, counts), blank.signer
    page, *others = blank.files(summary)
    files = [*others, File("about.json", [json_text(about(summary))]), page]
    contents = [b"".join(file.content) for file in files]
    manifest = _manifest(summary, [WrittenFile(file.name, 0, "") for file in files], signer)
    return b"".join([signer.public_key.pem, json_text(manifest), *contents])


def build(contents: Contents, *, signer: CertificateSigner) -> PackageWriter:
    """Measure *contents* and return the package, to be iterated for its bytes; raises like :func:`survey`."""
    return PackageWriter(survey(contents), signer, _records)


def build_overview(
    contents: Contents, counts: Mapping[str, int], *, signer: CertificateSigner
) -> PackageWriter:
    """
    Return a package that states the kinds of data held, and contains no values: see :func:`outline`.

    Law:
        Cal. Civ. Code § 1798.110(a)(1)-(4), 11 CCR § 7024(i)-(k): categories, sources, purposes, recipients.
    """
    return PackageWriter(outline(contents, counts), signer, _overview)


def _overview(summary: PackageSurvey) -> Iterator[File]:
    yield File(INDEX, categories(summary))


def _records(summary: PackageSurvey) -> Iterator[File]:
    yield File(INDEX, index(summary))
    for area in sorted(summary.areas, key=lambda area: area.stem):
        yield File(f"data/{area.stem}.json", json_file(area.documents()), area.most_bytes)
        most_bytes = area.most_bytes + area.records * MOST_COLUMNS
        yield File(f"data/{area.stem}.csv", csv_file(area.documents(), area.columns), most_bytes)
        yield File(f"schema/{area.stem}.json", [_schema_file(area.collection)])


@lru_cache(maxsize=512)
def _schema_file(collection: Collection) -> bytes:
    return json_text(schema(collection))


def _manifest(
    summary: PackageSurvey, written: Sequence[WrittenFile], signer: CertificateSigner
) -> dict[str, Any]:
    contents, names = summary.contents, {file.name for file in written}
    counts = {f"data/{area.stem}.json": area.records for area in summary.areas}
    return {
        "format": FORMAT,
        "request": contents.request_id,
        "map_version": contents.map_version,
        "made_at": contents.made_at.isoformat(),
        "files": [{"name": file.name, "bytes": file.size, "sha256": file.sha256} for file in written],
        "records": {name: count for name, count in counts.items() if name in names},
        "withheld": sum(item.count for item in summary.withheld if item.reason != MASKED),
        "masked": sum(item.count for item in summary.withheld if item.reason == MASKED),
        "blacked_out": sum(item.count for item in summary.blacked_out),
        "signature": {"algorithm": ALGORITHM, "key": signer.public_key.fingerprint, "file": SIGNATURE},
    }


def schema(collection: Collection) -> dict[str, Any]:
    """Return the schema of the JSON file of *collection*; further fields are allowed."""
    record: dict[str, Any] = {"type": "object", "properties": {}}
    arrays = frozenset(mapped.path for mapped in collection.fields if mapped.array)
    for mapped in collection.fields:
        node = _node(record, mapped.path, arrays)
        node["x-categories"] = sorted(mapped.categories)
        if mapped.label:
            node["title"] = mapped.label
        if mapped.guarded:
            node["x-withheld"] = True
        elif mapped.type:
            node["x-type"] = mapped.type
            if plain := JSON_TYPES.get(mapped.type):
                # An object is always allowed: the notice in place of a withheld value.
                node["type"] = sorted({*plain, "null", "object"})
    described = {"description": collection.description} if collection.description else {}
    return {"$schema": DIALECT, "title": collection.name, **described, "type": "array", "items": record}


def _node(record: dict[str, Any], path: str, arrays: frozenset[str]) -> dict[str, Any]:
    node, above = record, ""
    for name in path.split("."):
        inside = node.setdefault("items", {}) if above in arrays else node
        node = inside.setdefault("properties", {}).setdefault(name, {})
        above = f"{above}.{name}" if above else name
    return node
