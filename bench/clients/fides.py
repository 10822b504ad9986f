"""Fides' Postman collection: its calls about privacy and consent requests, as they are."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.clients.checks import Check
from bench.clients.trial import Trial

COLLECTION = Path("docs/fides/docs/development/postman/Fides.postman_collection.json")
EXPECTED: Mapping[str, int] = {
    "Get Client Token": 200,
    "Create Access Privacy Requests": 200,
    "Create Erasure Privacy Request": 200,
    "Verify Identity": 403,
    "Check the Status of my Privacy Request": 200,
    "Get all Privacy Request Execution Logs": 200,
    "Approve a Privacy Request": 200,
    "Deny a Privacy Request": 200,
    "Get Identity Verification Config": 200,
    "Create Verification Code for Consent Request": 200,
    "Verify Code and Return Current Preferences": 200,
    "Verify Code and Save Preferences": 200,
}
"""Call → status of a right answer; the code of "Verify Identity" is made up."""
LEARNT: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "Get Client Token": ("client_token", lambda body: body["access_token"]),
    "Create Access Privacy Requests": ("privacy_request_id", lambda body: body["succeeded"][0]["id"]),
    "Create Verification Code for Consent Request": (
        "consent_request_id",
        lambda body: body["consent_request_id"],
    ),
}
"""Call → variable of the collection, and where its answer has it."""


def run(checkout: Path, here: Trial, people: Sequence[str]) -> Iterator[Check]:
    """Yield for each call whether its answer has the right status."""
    collection = json.loads((checkout / COLLECTION).read_text(encoding="utf-8"))
    variables = {one["key"]: one["value"] for one in collection["variable"]} | {
        "host": f"{here.url}/fides/api/v1",
        "client_id": "trial",
        "client_secret": here.keys["fides"],
        "email": people[0],
        "phone_number": "+12025550100",
        "data_use": "marketing.advertising",
        "data_use_description": "Advertising",
        "opt_in": "false",
        "verification_code": "123456",
    }
    calls = dict(reversed([*_requests(collection["item"])]))
    for name, status in EXPECTED.items():
        answer = _send(calls[name], variables)
        yield Check(name, f"answered {answer.status_code}", passed=answer.status_code == status)
        if name in LEARNT and answer.is_success:
            variable, found = LEARNT[name]
            variables[variable] = found(answer.json())


def _requests(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in items:
        if "request" in item:
            yield item["name"], item["request"]
        yield from _requests(item.get("item", ()))


def _send(request: Mapping[str, Any], variables: Mapping[str, str]) -> httpx.Response:
    """Send a call as Postman does."""

    def filled(text: str) -> str:
        return re.sub(r"\{\{(.*?)\}\}", lambda found: variables[found[1]], text)

    body = request.get("body") or {}
    form = [(one["key"], (None, filled(one["value"]))) for one in body.get("formdata", ())]
    headers = {one["key"]: filled(one["value"]) for one in request.get("header", ())}
    if body.get("mode") == "raw":
        headers.setdefault("Content-Type", "application/json")
    if (request.get("auth") or {}).get("type") == "bearer":
        headers["Authorization"] = f"Bearer {filled(request['auth']['bearer'][0]['value'])}"
    return httpx.request(
        request["method"],
        filled(request["url"]["raw"]),
        headers=headers,
        files=form or None,
        content=filled(body["raw"]) if body.get("raw") else None,
        timeout=30,
    )
