"""
An agent of the Data Rights Protocol has a person erased, and is called back.

Usage: drp.py FOLDER URL EMAIL.
"""

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trial import AGENT, BUSINESS, keys, serve, until

folder, url, email = sys.argv[1:]
key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(keys(folder)["agent"]))
called: list[str] = []


def signed(**content: object) -> bytes:
    """Return a message as the protocol has it: base64 of the signature and the JSON."""
    now = datetime.now(UTC)
    times = {"issued-at": now.isoformat(), "expires-at": (now + timedelta(minutes=10)).isoformat()}
    message = json.dumps(
        {"agent-id": AGENT, "business-id": BUSINESS, "drp.version": "1.0", **times, **content}
    ).encode()
    return base64.b64encode(key.sign(message) + message)


def call_back(_: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
    """Take a status."""
    called.append(json.loads(body)["status"])
    return 200, "application/json", b"{}"


with httpx.Client(base_url=f"{url}/drp", timeout=30) as http:
    token = http.post(f"/v1/agent/{AGENT}", content=signed()).raise_for_status().json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    claims = {
        "email": email,
        "email_verified": True,
        "status_callback": f"http://127.0.0.1:{serve(call_back)}/",
    }
    body = signed(exercise="deletion", regime="ccpa", **claims)
    made = http.post("/v1/data-rights-request", content=body).raise_for_status().json()
    print("made", made["request_id"], made["status"])

    def final() -> str | None:
        """Return the status once it is final."""
        status = str(http.get(f"/v1/data-rights-request/{made['request_id']}").json()["status"])
        return status if status in {"fulfilled", "denied", "expired"} else None

    status = until(final)
    until(lambda: called if status in called else None)
    print("status", status, "callbacks", *called)
