"""
Verification of a package: hashes, counts, missing and added files, and the signature.

A damaged or hostile file leads to a report with problems, never to an exception or large memory use.
"""

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from services.fulfillment.package.builder import FORMAT, MANIFEST, PUBLIC_KEY, SIGNATURE
from shared.runtime.signatures import PublicKey, SignatureReport, unknown_key

PIECE_BYTES: Final = 64 * 1024
MOST_BYTES: Final[Mapping[str, int]] = {MANIFEST: 64 * 1024 * 1024, SIGNATURE: 64, PUBLIC_KEY: 4_096}
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""Exceptions of :mod:`zipfile` for archives that are damaged, encrypted or packed in another way."""


@dataclass(frozen=True, slots=True)
class PackageReport(SignatureReport):
    """The result of a verification; each problem names its file."""

    request_id: str = ""
    made_at: str = ""
    files: int = 0
    records: int = 0


class _Damaged(Exception):
    """A file of the package cannot be read; the message names it."""


def verify_package(file: Path | IO[bytes], *, issuer: str | None = None) -> PackageReport:
    """
    Return the problems of the package in *file*, which can seek.

    *issuer* is the fingerprint of the issuer's key; without it no file is trusted.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _report(archive, issuer)
    except _Damaged as damage:
        return PackageReport((str(damage),))
    except UNREADABLE:
        return PackageReport(("not a ZIP file, or damaged",))


def _report(archive: zipfile.ZipFile, issuer: str | None) -> PackageReport:
    manifest, signature = _small(archive, MANIFEST), _small(archive, SIGNATURE)
    try:
        embedded = PublicKey.of_pem(_small(archive, PUBLIC_KEY))
        content = _parsed(manifest)
    except ValueError as error:
        return PackageReport((str(error),))
    signed, foreign = embedded.accepts(signature, manifest), issuer not in {None, embedded.fingerprint}
    unsigned = f"{SIGNATURE}: the signature does not belong to {MANIFEST} and {PUBLIC_KEY}"
    problems = [*([] if signed else [unsigned]), *([unknown_key(embedded)] if foreign else [])]
    problems += _changed(archive, content)
    return PackageReport(
        problems=tuple("".join(c if c.isprintable() else "\ufffd" for c in text) for text in problems),
        request_id=str(content["request"]),
        made_at=str(content["made_at"]),
        files=len(content["files"]),
        records=sum(content["records"].values()),
        fingerprint=embedded.fingerprint,
        trusted=signed and issuer == embedded.fingerprint,
    )


def _parsed(manifest: bytes) -> dict[str, Any]:
    problem = ValueError(f"{MANIFEST}: not a manifest of the form {FORMAT}")
    try:
        content = json.loads(manifest)
    except (ValueError, RecursionError):
        raise problem from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise problem
    files, records, names = content.get("files"), content.get("records"), ("name", "bytes", "sha256")
    well_formed = (
        isinstance(files, list)
        and all(isinstance(file, dict) for file in files)
        and all([type(file.get(name)) for name in names] == [str, int, str] for file in files)
        and isinstance(records, dict)
        and all(type(count) is int for count in records.values())
        and {"request", "made_at"} <= content.keys()
    )
    if not well_formed:
        raise problem
    return content


def _changed(archive: zipfile.ZipFile, content: Mapping[str, Any]) -> Iterator[str]:
    declared = {file["name"]: file for file in content["files"]}
    present = Counter(archive.namelist())
    yield from (f"{name}: there {times} times" for name, times in present.items() if times > 1)
    yield from (f"{name}: missing" for name in declared if name not in present)
    extra = present.keys() - declared.keys() - {MANIFEST, SIGNATURE}
    yield from (f"{name}: not in the manifest" for name in sorted(extra))
    yield from (
        f"{name}: counted, but not in the manifest" for name in content["records"] if name not in declared
    )
    for name in declared.keys() & present.keys():
        try:
            yield from _differences(archive, declared[name], content["records"].get(name))
        except _Damaged as damage:
            yield str(damage)


def _differences(archive: zipfile.ZipFile, file: Mapping[str, Any], records: int | None) -> Iterator[str]:
    name, digest, size, lines = file["name"], hashlib.sha256(), 0, 0
    for piece in _pieces(archive, name):
        digest.update(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        if size > file["bytes"]:  # stop: the rest may be a bomb
            yield f"{name}: longer than the manifest says"
            return
    if digest.hexdigest() != file["sha256"]:
        yield f"{name}: changed"
    elif records is not None and lines != records + 2:  # one record a line between two brackets
        yield f"{name}: does not hold {records} records"


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    content = bytearray()
    for piece in _pieces(archive, name):
        content += piece
        if len(content) > MOST_BYTES[name]:
            raise _Damaged(f"{name}: too long")
    return bytes(content)


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as entry:
            while piece := entry.read(PIECE_BYTES):
                yield piece
    except KeyError:
        raise _Damaged(f"{name}: missing") from None
    except UNREADABLE:
        raise _Damaged(f"{name}: cannot be unpacked") from None
