"""
OSIRAA's agent of the Data Rights Protocol: its messages, calls and checks.

Its web pages need PostgreSQL and fail at a right answer; the functions below them run unchanged. Checks that
it leaves open (``Unknown``, ``N/A``) do not count.
"""

import base64
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.clients.checks import Check
from bench.clients.trial import Trial

SOURCES = Path("drp_aa_mvp")
AGENT, BUSINESS = "TRIAL_AGENT", "TRIAL_BUSINESS"
RIGHTS = ("access", "access:categories", "access:specific", "deletion", "sale:opt-out", "sale:opt_in")
REGIMES = ("ccpa", "voluntary")
FINAL = {"fulfilled", "denied", "expired", "revoked"}
WAITS_FOR_PERSON = "need_user_verification"
ANSWERED_WITHIN_S = 60


def run(checkout: Path, here: Trial, people: Sequence[str]) -> Iterator[Check]:
    """Yield the checks of each right under each regime, in three states, and of a revocation."""
    views = _views(checkout, here)
    return OsiraaAgent(views, here.url).checks(people)


def _views(checkout: Path, here: Trial) -> Any:
    """Return the module of OSIRAA that makes messages and sends them."""
    sys.path.insert(0, str(checkout / SOURCES))
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(here.keys["agent"]))
    import_module("django.conf").settings.configure(
        INSTALLED_APPS=["user_identity", "covered_business", "data_rights_request", "drp_pip"],
        AUTHORIZED_AGENT_ID=AGENT,
        AUTHORIZED_AGENT_NAME="Trial Agent",
        WEB_URL="https://agent.example.org",
        SERVICE_DIRECTORY_AGENT_URL="",
        SERVICE_DIRECTORY_BUSINESS_URL="",
        AGENT_SIGNING_KEY_B64=here.keys["agent"],
        AGENT_VERIFY_KEY_B64=base64.b64encode(key.public_key().public_bytes_raw()).decode(),
    )
    import_module("django").setup()
    return import_module("data_rights_request.views")


class OsiraaAgent:
    """An agent with OSIRAA's functions."""

    def __init__(self, views: Any, url: str) -> None:
        self._views = views
        self._business = views.CoveredBusiness(
            cb_id=BUSINESS, api_root_endpoint=f"{url}/drp", supported_verifications=["email"]
        )
        self._url = f"{self._business.api_root_endpoint}/v1/data-rights-request"
        self._token = ""

    def checks(self, people: Sequence[str]) -> Iterator[Check]:
        """Yield all checks."""
        yield from self._key_setup()
        asked = [(right, regime) for regime in REGIMES for right in RIGHTS]
        for person, (right, regime) in zip(people, asked, strict=False):
            answer, checks = self._exercise(person, right, regime)
            yield from checks
            yield from self._status(answer["request_id"])
            yield from self._status(answer["request_id"], final=True)
        answer, checks = self._exercise(people[len(asked)], "deletion", "ccpa", verified=False)
        yield from checks
        yield from self._status(answer["request_id"])
        yield from self._revoke(answer["request_id"])
        yield from self._status(answer["request_id"], final=True)

    def _key_setup(self) -> Iterator[Check]:
        views, url = self._views, f"{self._business.api_root_endpoint}/v1/agent/{AGENT}"
        message = views.create_setup_pairwise_key_request_json(BUSINESS)
        answer = views.post_agent(url, self._signed(message))
        self._token = answer.json()["token"]
        yield from _counted("key setup", views.test_pairwise_key_setup_endpoint(message, answer))
        answer = views.get_agent(url, self._token)
        yield from _counted("agent", views.test_agent_information_endpoint(url, answer))

    def _exercise(
        self, email: str, right: str, regime: str, *, verified: bool = True
    ) -> tuple[dict[str, Any], list[Check]]:
        views = self._views
        person = views.IdentityUser(
            first_name="Ada", last_name="Example", email=email, email_verified=verified
        )
        message = views.create_exercise_request_json(person, self._business, right, regime)
        answer = views.post_exercise_rights(self._url, self._token, self._signed(message))
        return answer.json(), [*_counted("exercise", views.test_exercise_endpoint(message, answer))]

    def _status(self, request_id: str, *, final: bool = False) -> Iterator[Check]:
        last = time.monotonic() + ANSWERED_WITHIN_S
        while True:
            answer = self._views.get_status(f"{self._url}/", request_id, self._token)
            status, reason = answer.json()["status"], answer.json()["reason"]
            if not final or status in FINAL or reason == WAITS_FOR_PERSON or time.monotonic() > last:
                break
            time.sleep(0.1)
        try:
            results = self._views.test_status_endpoint(answer.url, answer)
        except (AttributeError, TypeError):
            yield Check(f"status {status}", "the checks end with an exception of their own", passed=False)
            return
        yield from _counted(f"status {status}", results)

    def _revoke(self, request_id: str) -> Iterator[Check]:
        message = self._views.create_revoke_request_json("changed my mind")
        url = f"{self._url}/{request_id}"
        answer = self._views.post_revoke(url, self._token, self._signed(message))
        yield from _counted("revoke", self._views.test_revoked_endpoint(url, answer))

    def _signed(self, message: Any) -> bytes:
        signed: bytes = self._views.sign_request(self._views.signing_key, message)
        return signed


def _counted(call: str, results: Sequence[dict[str, Any]]) -> Iterator[Check]:
    for result in results:
        if result["result"] not in {"Unknown", "N/A"}:
            yield Check(call, result["name"], passed=result["result"] is True)
