"""
Sign-in by a provider: OpenID Connect, authorization code flow with PKCE.

The provider says who the person is; which account that is, the operator has said before (``habeas staff
link``). Such a session reads lists. Password and one-time code follow before it opens or decides anything.

Source:
    OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; RFC 7636; RFC 9700, sections 2.1 and 4.4.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from shared.errors import HabeasError
from shared.runtime.jwks import IssuerUnavailable, KeySet
from shared.runtime.mongo import Database, Document, translated
from shared.runtime.tls import cause_of
from shared.runtime.tokens import ExpectedToken, TokenRefused, verified_claims

LIFETIME = timedelta(minutes=10)
"""Time to sign in at the provider."""
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
REQUIRED = ("sub", "exp", "iat", "nonce")
MOST_ANSWER_BYTES = 64 * 1024


class ProviderRefused(HabeasError):
    """The provider's answer is not accepted."""


@dataclass(frozen=True, slots=True)
class ProviderAttempt:
    """A sign-in that has begun, with secrets that only this browser and the console have."""

    state: str
    nonce: str
    verifier: str
    next: str
    """Page to go to afterwards."""

    @classmethod
    def drawn(cls, next_: str) -> "ProviderAttempt":
        """Return a new attempt."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, next_)

    @property
    def challenge(self) -> str:
        """The challenge of PKCE, by S256."""
        digest = sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class AttemptStore:
    """The attempts of an installation; each is used once."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._attempts = database["provider_attempts"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the attempts to sign in"):
            await self._attempts.create_index("ends_at", expireAfterSeconds=0)

    async def keep(self, attempt: ProviderAttempt, now: datetime) -> None:
        """Keep *attempt* for ten minutes."""
        document: Document = {
            "_id": _digest(attempt.state),
            "nonce": attempt.nonce,
            "verifier": attempt.verifier,
            "next": attempt.next,
            "ends_at": now + LIFETIME,
        }
        with translated("keep an attempt to sign in"):
            await self._attempts.insert_one(document)

    async def take(self, state: str, now: datetime) -> ProviderAttempt | None:
        """Remove the attempt of *state* and return it; None if there is none, or it is too old."""
        with translated("take an attempt to sign in"):
            found = await self._attempts.find_one_and_delete({"_id": _digest(state)})
        if found is None or now >= found["ends_at"]:
            return None
        return ProviderAttempt(state, found["nonce"], found["verifier"], found["next"])


@dataclass(frozen=True, slots=True)
class SignInProvider:
    """The provider of an installation."""

    keys: KeySet
    http: httpx.AsyncClient
    client: str
    secret: str
    redirect_uri: str

    async def address(self, attempt: ProviderAttempt) -> str:
        """Return where the browser signs in; raise IssuerUnavailable if the provider does not answer."""
        wanted = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = await self.keys.endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(wanted)}"

    async def subject(self, attempt: ProviderAttempt, code: str) -> str:
        """
        Return the subject of the token that *code* is exchanged for.

        Raises:
            ProviderRefused: The provider refuses the code, or its token does not hold.
            IssuerUnavailable: It does not answer.
        """
        answer = await self._exchanged(attempt, code)
        expected = ExpectedToken(self.keys, (self.client,), REQUIRED, ALGORITHMS)
        try:
            claims = await verified_claims(str(answer.get("id_token", "")), expected)
        except TokenRefused as refused:
            raise ProviderRefused(refused.code) from None
        if not secrets.compare_digest(str(claims["nonce"]), attempt.nonce):
            raise ProviderRefused("token_nonce")
        if isinstance(claims["aud"], list) and claims.get("azp") != self.client:
            raise ProviderRefused("token_audience")
        return str(claims["sub"])

    async def _exchanged(self, attempt: ProviderAttempt, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": attempt.verifier,
            **({} if self.secret else {"client_id": self.client}),
        }
        # RFC 6749, section 2.3.1: both are form-encoded before they become user and password.
        name, secret = quote(self.client, safe=""), quote(self.secret, safe="")
        basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"} if self.secret else {}
        try:
            answer = await self.http.post(
                await self.keys.endpoint("token_endpoint"), data=form, headers=headers, follow_redirects=False
            )
        except httpx.HTTPError as error:
            raise IssuerUnavailable(f"the provider does not answer: {cause_of(error)}") from None
        if answer.status_code != HTTPStatus.OK or len(answer.content) > MOST_ANSWER_BYTES:
            raise ProviderRefused("code_refused")
        try:
            found = answer.json()
        except ValueError:
            raise ProviderRefused("no_json") from None
        return found if isinstance(found, dict) else {}


def _digest(state: str) -> str:
    return sha256(state.encode()).hexdigest()
