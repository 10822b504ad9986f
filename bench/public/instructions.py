"""A controller that instructs the company, as its processor, by OpenDSR; and what it learns of a request."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.public.requests import RequestPlan

CONTROLLER, SECRET = "club", "the secret of the club is long"
DOMAIN = "opendsr.example.com"
URL = f"https://{DOMAIN}/opendsr"
REQUESTS = "/opendsr/v2/requests"
SOURCE = f"opendsr/{CONTROLLER}"
"""Source of its requests, as events name it."""
EXISTS = "Subject request already exists"
AUTHORIZATION = "Basic " + base64.b64encode(f"{CONTROLLER}:{SECRET}".encode()).decode()
STATUSES = {"pending": "received", "in_progress": "verified", "completed": "closed", "cancelled": "closed"}
"""Words of the protocol, and those of status pages."""
LISTED = {"id": CONTROLLER, "key": CONTROLLER, "secret": SECRET}
"""Its entry in the settings."""
DAY = timedelta(days=1)


@cache
def certificates() -> tuple[str, str]:
    """Return a key and its certificate for answers, both as PEM."""
    key, now = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + 30 * DAY
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret.decode(), certificate.public_bytes(Encoding.PEM).decode()


def instruction_of(plan: RequestPlan) -> Mapping[str, object]:
    """Return the instruction for the person of *plan*."""
    email = {"identity_type": "email", "identity_value": plan.person.email, "identity_format": "raw"}
    return {
        "regulation": "gdpr",
        "subject_request_id": plan.reference,
        "subject_request_type": plan.right.value,
        "submitted_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject_identities": [email],
        "api_version": "2.0",
    }


def page_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status in *answer* in the words of status pages, as far as a controller learns it."""
    status = answer["request_status"]
    remark = (answer.get("extensions") or {}).get(DOMAIN) or {}
    outcome = remark.get("outcome")
    if status == "completed":
        outcome = outcome or ("granted" if answer.get("results_count") != 0 else "nothing_held")
    page = {
        "status": STATUSES[status],
        "reasons": remark.get("reasons"),
        "package_url": answer.get("results_url"),
    }
    return page | ({"outcome": "refused" if outcome == "rejected" else outcome} if outcome else {})
