"""An authorised agent that asks for people by the Data Rights Protocol, as the driver plays it."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.public.requests import EXERCISES, RequestPlan
from shared.contract.staff import public_bytes

AGENT, BUSINESS = "AGENCY", "FERNLICHT"
AGENT_MAILBOX = "people@agency.example"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Of a fictional agent."""
VALID_FOR = timedelta(minutes=50)
PATH = "/drp/v1/data-rights-request"
TOKEN_PATH = f"/drp/v1/agent/{AGENT}"
LISTED: Mapping[str, str] = MappingProxyType(
    {
        "id": AGENT,
        "name": "Example Agency",
        "verify_key": base64.b64encode(public_bytes(SIGNER)).decode(),
        "business_contact": AGENT_MAILBOX,
    }
)
"""Its entry in the directory of agents."""


def signed(content: Mapping[str, object]) -> bytes:
    """Return the body of a message with *content*."""
    now = datetime.now(UTC)
    message = {
        "agent-id": AGENT,
        "business-id": BUSINESS,
        "issued-at": now.isoformat(timespec="milliseconds"),
        "expires-at": (now + VALID_FOR).isoformat(timespec="milliseconds"),
        "drp.version": "1.0",
        **content,
    }
    said = json.dumps(message).encode()
    return base64.b64encode(SIGNER.sign(said) + said)


def exercise_of(plan: RequestPlan) -> bytes:
    """Return the message by which the agent asks for the person of *plan*."""
    person = plan.person
    first, _, last = person.name.rpartition(" ")
    where = {"country": person.country, "region": person.subdivision}
    return signed(
        {
            "exercise": EXERCISES[plan.right],
            "agent-request-id": plan.reference,
            "name": f"{last}, {first}" if first else last,
            "email": person.email,
            "email_verified": True,
            "address": {name: value for name, value in where.items() if value},
        }
    )
