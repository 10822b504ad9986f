"""Certificates of erasure for operators: checked, and shown as a page."""

import json
from pathlib import Path

from services.fulfillment.certificate.document import page, read, verify_certificate
from services.fulfillment.certificate.signatures import PublicKey, fingerprint_in
from services.fulfillment.package.labels import words
from shared.errors import ConfigurationError


def write(file: bytes, path: Path, language: str) -> None:
    """Write a signed certificate to *path*, and beside it the same as a page (``.html``)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file)
    path.with_suffix(".html").write_bytes(page_of(file, language))


def number_of(file: bytes) -> str:
    """Return the number of the newly issued certificate in *file*."""
    return str(json.loads(file)["certificate"]["number"])


def page_of(file: bytes, language: str) -> bytes:
    """Return a certificate as HTML. Raises ConfigurationError if *file* is none, or was changed."""
    report = verify_certificate(file)
    if not report.ok:
        raise ConfigurationError("; ".join(report.problems))
    return b"".join(page(read(report.content), words(language), fingerprint=report.fingerprint))


def issuer_of(named: str) -> str:
    """
    Return the fingerprint of the issuer's key.

    *named* is the fingerprint in hexadecimal, or the path of a file with it or with the public key (PEM).
    Raises ConfigurationError if it is neither.
    """
    if fingerprint := fingerprint_in(named):
        return fingerprint
    file = Path(named)
    if not file.is_file():
        what = "is neither a fingerprint (64 hexadecimal digits) nor a file with the issuer's key"
        raise ConfigurationError(f"{named}: {what}")
    content = file.read_bytes()
    try:
        return fingerprint_in(content.decode("ascii", "replace")) or PublicKey.of_pem(content).fingerprint
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from None
