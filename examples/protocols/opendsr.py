"""
A controller has a person erased by OpenDSR 3.0, and checks the signatures.

Usage: opendsr.py FOLDER URL EMAIL.
"""

import base64
import json
import sys
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import cast

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from trial import DOMAIN, keys, serve, until

folder, url, email = sys.argv[1:]
called: list[str] = []
http = httpx.Client(base_url=f"{url}/opendsr", auth=("trial", keys(folder)["controller"]), timeout=30)
certificate = x509.load_pem_x509_certificate(http.get("/certificate.pem").content)
key = cast("RSAPublicKey", certificate.public_key())


def check(signature: str, body: bytes) -> None:
    """Check that the processor has signed *body*."""
    key.verify(base64.b64decode(signature), body, PKCS1v15(), SHA256())


def call_back(request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
    """Take a status whose signature is right."""
    check(request.headers["X-OpenDSR-Signature"], body)
    called.append(json.loads(body)["request_status"])
    return 202, "application/json", b"{}"


id_ = str(uuid.uuid4()).upper()
answer = http.post(
    "/v3/requests",
    json={
        "regulation": "gdpr",
        "subject_request_id": id_,
        "subject_request_type": "erasure",
        "submitted_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject_identities": {"email": {"value": email, "encoding": "raw"}},
        "status_callback_urls": [f"http://127.0.0.1:{serve(call_back)}/"],
        "extensions": {DOMAIN: {"skip_waiting_period": True}},
    },
).raise_for_status()
check(answer.headers["X-OpenDSR-Signature"], answer.content)
print("taken", answer.json()["subject_request_id"])


def final() -> str | None:
    """Return the status once it is final."""
    status = str(http.get(f"/v3/requests/{id_.lower()}").json()["request_status"])
    return status if status in {"completed", "cancelled"} else None


status = until(final)
until(lambda: called if status in called else None)
print("status", status, "callbacks", *called)
