"""Submission of requests like an upstream system, and their status."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import orjson
from pydantic import BaseModel, ValidationError

from shared.contract.correlation import Correlation
from shared.contract.envelope import Unreadable, decode, encode
from shared.contract.events import NO_PERSON, Fact, RequestSubmitted
from shared.contract.field_errors import message_of
from shared.contract.sources import COMMAND
from shared.contract.topology import REQUESTS
from shared.errors import ConfigurationError
from shared.runtime.broker import Bus, Message
from shared.runtime.hosts import may_use_proxy
from shared.runtime.tls import cause_of, client_context

F = TypeVar("F", bound=BaseModel)

SOURCE = COMMAND
"""CloudEvents source of submissions from the command line."""
_NAME = "write a-z, 0-9, _ and dots: dana.muster"
FORMS = {
    "by": _NAME,
    "agency": _NAME,
    "because": "write a-z, 0-9, _ and dots: large_quantity",
    "reason": "write a-z, 0-9, _ and dots: review",
    "aliases": "write the reference that `habeas request aliases` prints: ALIAS:1",
    "identities": "write the name of an identity alone: email, phone_number",
    "request_id": "write the id, 32 characters; `habeas request find` prints that of a reference (HB-…)",
}
"""Field → message for a value of a wrong form."""


def read(path: Path) -> dict[str, Any]:
    """Return the request in a JSON file; ``-`` is standard input. Raises ConfigurationError if it is none."""
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: this is no JSON") from None
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: a request is a JSON object")
    return {"reference": uuid4().hex, **data}


def made_of(right: str, *, email: str | None, name: str | None, country: str | None) -> dict[str, Any]:
    """Return a request of these values. Raises ConfigurationError if they name no person."""
    if not (email or name):
        raise ConfigurationError("name the person with --email or --name, or a file with the request")
    subject = {key: value for key, value in (("email", email), ("name", name)) if value}
    residence = {"residence": {"country": country}} if country else {}
    return {"reference": uuid4().hex, "right": right, "subject": subject, **residence}


def cloud_event(data: Mapping[str, Any], *, type_: str, source: str = SOURCE) -> bytes:
    """Return *data* as a CloudEvent with an id of its own, dated now."""
    event = {"specversion": "1.0", "id": str(uuid4()), "source": source, "type": type_}
    content = {"time": datetime.now(UTC), "datacontenttype": "application/json", "data": data}
    return orjson.dumps(event | content)


async def publish(amqp_url: str, body: bytes) -> None:
    """
    Publish a CloudEvent to Habeas.

    Raises ConfigurationError if it is no event of the catalogue; BrokerUnavailable if it was not confirmed.
    """
    try:
        event = decode(body, exchange=REQUESTS, content_type=None, headers={}).event
    except Unreadable as error:
        raise ConfigurationError(f"this is no event Habeas takes: {error}") from None
    if isinstance(event, RequestSubmitted) and event.subject.is_empty:
        raise ConfigurationError(f"the subject {NO_PERSON}")
    await _publish(amqp_url, Message(REQUESTS, event.TYPE, body, uuid4().hex))


def fact(kind: type[F], **fields: Any) -> F:
    """Return the fact, or part of one, typed in. Raises ConfigurationError if a field has a wrong form."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        flaw = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{field}: " for field in flaw["loc"][:1])  # nowhere: it is about several fields
        raise ConfigurationError(f"{where}{_message(flaw)}") from None


def _message(flaw: Any) -> str:
    form = FORMS.get(flaw["loc"][0]) if flaw["type"] == "string_pattern_mismatch" else None
    return form or message_of(flaw, own=True)


async def announce(amqp_url: str, fact: Fact, correlation: Correlation | None = None) -> str:
    """
    Publish *fact*, a decision of the privacy staff about a request, to all services; return its id.

    Raises BrokerUnavailable if it was not confirmed; Unroutable if no service has a queue for it yet.
    """
    id_ = uuid4().hex
    body = encode(fact, id=id_, source=SOURCE, time=datetime.now(UTC), correlation=correlation)
    await _publish(amqp_url, Message(fact.EXCHANGE, fact.TYPE, body, id_))
    return id_


async def _publish(amqp_url: str, message: Message) -> None:
    bus = Bus(amqp_url, name="habeas command")
    try:
        await bus.publish([message])
    finally:
        await bus.close()


async def submit_by_amqp(amqp_url: str, data: Mapping[str, Any]) -> None:
    """Submit a request as an event."""
    await publish(amqp_url, cloud_event(data, type_=RequestSubmitted.TYPE))


async def submit_by_http(url: str, data: Mapping[str, Any], *, key: str | None = None) -> str:
    """Submit a request over the API, with *key* or as the public, and return its id."""
    answer = await _call("POST", f"{url}/v1/requests", json=data, headers=_bearer(key))
    return str(answer["id"])


async def status(url: str, request_id: str) -> dict[str, Any]:
    """Return the status of a request. Raises ConfigurationError for a text that is no id."""
    if not re.fullmatch(r"[0-9a-f]{32}", request_id):
        raise ConfigurationError(f"{request_id}: write an id, its first 4 characters or more, or HB-…")
    return await _call("GET", f"{url}/v1/requests/{request_id}")


async def status_by_reference(url: str, reference: str, *, key: str) -> dict[str, Any]:
    """Return the status of the request *reference* of the holder of *key*."""
    return await _call("GET", f"{url}/v1/requests", params={"reference": reference}, headers=_bearer(key))


async def prove_by_code(url: str, request_id: str, code: str) -> None:
    """Answer a challenge with the code from the mailbox."""
    proofs = {"proofs": [{"kind": "email_code", "code": code}]}
    await _call("POST", f"{url}/v1/requests/{request_id}/proofs", json=proofs)


async def ask_for_package_code(url: str, request_id: str) -> None:
    """Request a mailed code for the package."""
    await _call("POST", f"{url}/v1/requests/{request_id}/package/codes")


async def package(url: str, request_id: str, code: str) -> bytes:
    """Download the package."""
    async with httpx.AsyncClient(timeout=60, trust_env=may_use_proxy(url), verify=client_context()) as client:
        answer = await client.get(f"{url}/v1/requests/{request_id}/package", params={"code": code})
    return _checked(answer).content


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


async def _call(method: str, url: str, **arguments: Any) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(
            timeout=30, trust_env=may_use_proxy(url), verify=client_context()
        ) as client:
            answer = await client.request(method, url, **arguments)
    except httpx.HTTPError as error:
        what = f"intake does not answer at {url} ({cause_of(error)})"
        raise ConfigurationError(f"{what}; is `habeas up` running?") from None
    return dict(_checked(answer).json() or {})


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        problem = json.loads(answer.content or b"{}")
        flaws = "; ".join(f"{flaw['path']}: {flaw['message']}" for flaw in problem.get("errors", ()))
        detail = str(problem.get("detail") or f"intake answers with the code {answer.status_code}")
        raise ConfigurationError(f"{detail[0].lower()}{detail[1:].rstrip('.')}{flaws and f': {flaws}'}")
    return answer
