"""
Signatures of answers to controllers, with their certificate.

RSA with PKCS#1 v1.5 over SHA-256: supported by existing verifiers (FIPS 186-4, section 5).
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from services.intake.channels.opendsr.messages import Version
from shared.errors import ConfigurationError

LEAST_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class ProcessorCertificate:
    """The key of a processor, and its certificate."""

    key: RSAPrivateKey
    domain: str
    """The host that controllers call."""
    pem: bytes
    """The certificate, with its chain to an authority."""

    @classmethod
    def of(cls, key: str, certificate: str, domain: str, now: datetime) -> "ProcessorCertificate":
        """
        Return the signer for *domain*.

        Raises:
            ConfigurationError: The key or the certificate is not usable for *domain*, or not *now*.
        """
        found = _key(key)
        try:
            leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
        except ValueError:
            raise _wrong("CERTIFICATE", "is not a certificate in PEM form") from None
        if leaf.public_key() != found.public_key():
            raise _wrong("CERTIFICATE", "does not belong to HABEAS_OPENDSR_KEY")
        if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
            last = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
            raise _wrong("CERTIFICATE", f"is valid until {last} only, or not yet")
        common = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if domain not in _alternative_names(leaf) or common != [domain]:
            # Verifiers differ in which one they compare.
            flaw = f"must be for {domain}: as the common name, and as an alternative name"
            raise _wrong("CERTIFICATE", flaw)
        return cls(found, domain, certificate.encode())

    def headers(self, body: bytes, version: Version) -> dict[str, str]:
        """Return the headers that sign *body*, byte for byte, with the names of *version*."""
        signature = base64.b64encode(self.key.sign(body, PKCS1v15(), SHA256())).decode()
        return {f"{version.header}-Processor-Domain": self.domain, f"{version.header}-Signature": signature}


def _key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong("KEY", "is not a private key in PEM form, or has a password") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise _wrong("KEY", f"must be an RSA key of at least {LEAST_BITS} bits")
    return key


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)


def _wrong(variable: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"HABEAS_OPENDSR_{variable}: {why}")
