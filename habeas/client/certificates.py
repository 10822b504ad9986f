"""Certificates of erasure for operators: checked, and shown as a page."""

import json
from contextlib import closing
from pathlib import Path

from services.fulfillment.certificate.document import page, read, verify_certificate
from services.fulfillment.certificate.issue import localized_certificate
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.versions import stored_map
from services.fulfillment.package.labels import map_in, words
from shared.errors import ConfigurationError
from shared.runtime.mongo import connect
from shared.runtime.signatures import PublicKey, fingerprint_in


def write(file: bytes, path: Path, language: str, data_map: DataMap | None = None) -> None:
    """
    Write a signed certificate to *path*, and beside it the same as a page (``.html``).

    With the *data_map* of its version, the page has the texts of the map in its language.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file)
    path.with_suffix(".html").write_bytes(page_of(file, language, data_map))


def number_of(file: bytes) -> str:
    """Return the number of the newly issued certificate in *file*."""
    return str(json.loads(file)["certificate"]["number"])


async def map_of(file: bytes, mongo_url: str, prefix: str) -> DataMap | None:
    """Return the data map that the certificate in *file* was issued with; None if it is not stored."""
    version = json.loads(file)["certificate"]["map_version"]
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        return await stored_map(client[f"{prefix}_fulfillment"]["datamaps"], version)


def page_of(file: bytes, language: str, data_map: DataMap | None = None) -> bytes:
    """
    Return a certificate as HTML, as :func:`write` does.

    Raises ConfigurationError if *file* is none, or was changed.
    """
    report = verify_certificate(file)
    if not report.ok:
        raise ConfigurationError("; ".join(report.problems))
    certificate = read(report.content)
    if data_map is not None:
        certificate = localized_certificate(certificate, map_in(data_map, language))
    return b"".join(page(certificate, words(language), fingerprint=report.fingerprint))


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
