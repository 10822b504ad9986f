"""
The archive of a trail: JSON, PDF, their digests, the signature of the digests, and how to verify them.

The signature is that of the key that signs the heads of intake's journal. Digests are in the form of
``sha256sum``, so that `sha256sum` and `openssl` verify the files without a program of ours.
"""

import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.intake.trail.document import FORMAT, CaseTrail
from shared.runtime.signatures import PublicKey, SignatureReport, unknown_key

JSON, PDF, GUIDE = "trail.json", "trail.pdf", "README.txt"
SUMS, SIGNATURE, KEY = "SHA256SUMS", "SHA256SUMS.sig", "key.pem"
SIGNED: Final = (JSON, PDF, GUIDE)
FILES: Final = (*SIGNED, SUMS, SIGNATURE, KEY)
MOST_BYTES: Final = 64 << 20
"""Bytes of one file in an archive; more is not read."""
README: Final = """\
Trail of one request to a controller about personal data
=========================================================

trail.json      the trail: each event with its time, account, provisions and place in the journal
trail.pdf       the same to read
SHA256SUMS      the digests of the files
SHA256SUMS.sig  the Ed25519 signature of SHA256SUMS
key.pem         the public key; its fingerprint is the SHA-256 of its 32 bytes

1. Get the fingerprint of the key from the controller by another way, and compare it:
   openssl pkey -pubin -in key.pem -outform DER | tail -c 32 | sha256sum
2. openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
3. sha256sum --check --strict SHA256SUMS

Or, with Habeas: habeas audit verify-trail FILE --issuer FINGERPRINT

Rows and their MACs are those of the journal of the service that exported the trail. The controller verifies
the whole journal by `habeas audit verify`. An event without a row is noted from another service, whose own
journal has its row.
"""


def json_file(trail: CaseTrail) -> bytes:
    """Return *trail* as a JSON file, the same bytes each time."""
    plain = trail.model_dump(mode="json")
    return json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def signed_archive(trail: CaseTrail, key: Ed25519PrivateKey) -> bytes:
    """Return the archive of *trail*, signed with *key*."""
    from services.intake.trail.pdf import pdf_of  # noqa: PLC0415 - 18 MB, and few trails are exported

    written = json_file(trail)
    contents = {JSON: written, PDF: pdf_of(trail, written), GUIDE: README.encode()}
    sums = sums_of(contents)
    public = PublicKey(key.public_key().public_bytes_raw())
    return packed({**contents, SUMS: sums, SIGNATURE: key.sign(sums), KEY: public.pem}, trail.exported_at)


def sums_of(contents: Mapping[str, bytes]) -> bytes:
    """Return the digests of the signed files, as ``sha256sum`` writes them."""
    return "".join(f"{sha256(contents[name]).hexdigest()}  {name}\n" for name in SIGNED).encode()


def packed(contents: Mapping[str, bytes], at: datetime) -> bytes:
    """Return *contents* as a ZIP archive of the time *at*."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            file = zipfile.ZipInfo(name, at.timetuple()[:6])
            file.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(file, content)
    return target.getvalue()


def verify_trail(file: bytes, *, issuer: str | None = None) -> SignatureReport:
    """
    Return the problems of the archive in *file*.

    *issuer* is the fingerprint of the issuer's key; without it no archive is trusted.
    """
    try:
        contents = _unpacked(file)
        key = PublicKey.of_pem(contents[KEY])
    except (ValueError, KeyError, OSError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return SignatureReport((f"not an archive of the form {FORMAT}, or changed",))
    problems = list(_problems(contents, key))
    belongs = not problems
    if issuer is not None and issuer != key.fingerprint:
        problems.append(unknown_key(key))
    content = json.loads(contents[JSON]) if belongs else {}
    return SignatureReport(tuple(problems), content, key.fingerprint, belongs and issuer == key.fingerprint)


def _unpacked(file: bytes) -> dict[str, bytes]:
    """Return the files of an archive; raise ValueError for others, repeated or too large ones."""
    with zipfile.ZipFile(BytesIO(file)) as archive:
        infos = archive.infolist()
        if sorted(one.filename for one in infos) != sorted(FILES):
            raise ValueError("other files")
        if any(one.file_size > MOST_BYTES for one in infos):
            raise ValueError("too large")
        return {one.filename: archive.read(one) for one in infos}


def _problems(contents: Mapping[str, bytes], key: PublicKey) -> list[str]:
    if contents[KEY] != key.pem:
        return [f"{KEY} was changed"]
    if not key.accepts(contents[SIGNATURE], contents[SUMS]):
        return ["the signature does not belong to the digests"]
    stored, present = contents[SUMS].splitlines(), sums_of(contents).splitlines()
    changed = [f"{name} was changed" for name, one in zip(SIGNED, present, strict=True) if one not in stored]
    if not changed and contents[SUMS] != sums_of(contents):
        changed.append(f"{SUMS} lists other files")
    if not changed and json.loads(contents[JSON]).get("format") != FORMAT:
        changed.append(f"{JSON} is not of the form {FORMAT}")
    return changed
