"""
Consent requests, made in several calls, without HTTP.

The identity is needed from the first call to the last, without a request in between. It is sealed like a case
of its own for a day, then destroyed. Opting out needs no proof (11 CCR § 7060(b), GDPR Art. 7(3)): no code is
mailed, and any is accepted.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Protocol

import orjson

from services.intake.channels.fides.bodies import (
    CONSENT_REQUEST,
    FidesCallRefused,
    FidesConsent,
    FidesConsentForm,
    FidesIdentity,
    FidesPreferencesForm,
    FidesRequestForm,
    RequestNotTaken,
    bad_request,
    case_of,
    not_found,
    spelt,
)
from services.intake.channels.fides.requests import (
    DEFAULT_CONSENT_POLICY,
    NO_IDENTITY,
    FidesAction,
    Wish,
    action_of,
)
from services.intake.channels.fides.service import TOO_MANY, FidesService
from shared.contract.events import RequestId
from shared.contract.ports import VaultPort
from shared.errors import Destroyed, UnknownRequest
from shared.runtime.mongo import Database, insert_new, translated

BEGUN, SAID = "fides_consent_request", "fides_preferences"
"""Names of the sealed requester and choices."""
KEPT_FOR = timedelta(days=1)
AT_ONCE = 100


class OpenConsents:
    """The collection ``fides_consents``: the open consent requests and their ends."""

    def __init__(self, database: Database) -> None:
        self._begun = database["fides_consents"]

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the consent requests"):
            await self._begun.create_index("expires_at")

    async def add(self, consent_id: RequestId, expires_at: datetime) -> None:
        """Add one, before its content is sealed."""
        await insert_new(self._begun, [{"_id": consent_id, "expires_at": expires_at}])

    async def is_open(self, consent_id: RequestId, now: datetime) -> bool:
        """Return whether one is still open."""
        with translated("find a consent request"):
            found = await self._begun.find_one({"_id": consent_id})
        return found is not None and found["expires_at"] > now

    async def expired(self, now: datetime) -> Sequence[RequestId]:
        """Return some that have expired."""
        with translated("find expired consent requests"):
            found = self._begun.find({"expires_at": {"$lte": now}}).limit(AT_ONCE)
            return [document["_id"] async for document in found]

    async def remove(self, consent_ids: Sequence[RequestId]) -> None:
        """Remove some without sealed content."""
        with translated("forget consent requests"):
            await self._begun.delete_many({"_id": {"$in": list(consent_ids)}})


@dataclass(frozen=True, slots=True)
class ConsentCleanup:
    """Destroys expired consent requests."""

    begun: OpenConsents
    vault: VaultPort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def work(self) -> None:
        """Destroy all expired ones."""
        while over := await self.begun.expired(self.clock()):
            for consent_id in over:
                await self.vault.destroy(consent_id)
            await self.begun.remove(over)


class OpenConsentPort(Protocol):
    """The open consent requests, as :class:`OpenConsents` stores them."""

    async def add(self, consent_id: RequestId, expires_at: datetime) -> None:
        """Add one, before its content is sealed."""

    async def is_open(self, consent_id: RequestId, now: datetime) -> bool:
        """Return whether one is still open."""


@dataclass(frozen=True, slots=True)
class Consents:
    """
    The consent requests.

    Raises:
        FidesCallRefused: One does not exist or has expired, is refused, or the caller has made too many.
    """

    service: FidesService
    begun: OpenConsentPort

    async def begin(self, said: FidesConsentForm, body: bytes, allowed: Callable[[], bool]) -> dict[str, Any]:
        """Begin a consent request."""
        identity = said.identity
        if not (identity.email or identity.phone_number or any(identity.named.values()) or identity.labelled):
            raise bad_request(NO_IDENTITY)
        if not allowed():
            raise FidesCallRefused(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY)
        consent_id = token_hex(16)
        await self.begun.add(consent_id, self.service.requests.clock() + KEPT_FOR)
        await self.service.requests.keep(consent_id, BEGUN, body)
        return {"consent_request_id": spelt(consent_id, CONSENT_REQUEST)}

    async def preferences(self, name: str) -> dict[str, Any]:
        """Return the choices made before in the same consent request."""
        consent_id, _ = await self._open_request(name)
        try:
            kept = await self.service.requests.kept(consent_id, SAID)
        except UnknownRequest:
            return {"consent": None}
        said = FidesPreferencesForm.model_validate_json(kept)
        return _plain(said)

    async def say(
        self, name: str, said: FidesPreferencesForm, body: bytes, allowed: Callable[[], bool]
    ) -> dict[str, Any]:
        """Lodge a request for each opt-out; an opt-in lodges none, and is stored for a day."""
        consent_id, begun = await self._open_request(name)
        key = said.policy_key or DEFAULT_CONSENT_POLICY
        for wish, opted_out in self._wishes(said.consent, key).items():
            if not allowed():
                raise FidesCallRefused(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY)
            asked = _asked(FidesConsentForm.model_validate_json(begun), said, opted_out, key)
            sent = {"consent_request": begun.decode(), "preferences": body.decode()}
            sealed = orjson.dumps({**asked.model_dump(mode="json", by_alias=True), "as_sent": sent})
            try:
                await self.service.take(asked, sealed, None, wish=wish, name=_called(consent_id, wish, asked))
            except RequestNotTaken as error:
                raise bad_request(str(error)) from None
        await self.service.requests.vault.discard(consent_id, [SAID])
        await self.service.requests.keep(consent_id, SAID, body)
        return _plain(said)

    def _wishes(self, preferences: Sequence[FidesConsent], key: str) -> dict[Wish, list[FidesConsent]]:
        policy = self.service.policies.wishes.get(key)
        if policy is not None and action_of(policy) is not FidesAction.CONSENT:
            raise bad_request(f"Policy with key {key} is not about consent.")
        wishes: dict[Wish, list[FidesConsent]] = defaultdict(list)
        for preference in preferences:
            wish = self.service.policies.opting_out(preference.data_use, key)
            if wish is None:
                raise bad_request(f"Policy with key {key} does not exist.")
            if not preference.opt_in:
                wishes[wish].append(preference)
        return wishes

    async def _open_request(self, name: str) -> tuple[RequestId, bytes]:
        consent_id = case_of(name, CONSENT_REQUEST)
        if consent_id is None or not await self.begun.is_open(consent_id, self.service.requests.clock()):
            raise not_found("consent request")
        try:
            return consent_id, await self.service.requests.kept(consent_id, BEGUN)
        except (UnknownRequest, Destroyed):
            raise not_found("consent request") from None


def _asked(
    begun: FidesConsentForm, said: FidesPreferencesForm, opted_out: Sequence[FidesConsent], policy_key: str
) -> FidesRequestForm:
    """Return the request for an opt-out in a consent request."""
    browser = said.browser_identity or FidesIdentity()
    known = browser.model_dump(by_alias=True, exclude_none=True)
    known |= begun.identity.model_dump(by_alias=True, exclude_none=True)
    return FidesRequestForm(
        identity=FidesIdentity.model_validate(known),
        policy_key=policy_key,
        custom_privacy_request_fields=begun.custom_privacy_request_fields,
        property_id=begun.property_id,
        consent_preferences=tuple(opted_out),
        source=begun.source,
    )


def _called(consent_id: RequestId, wish: Wish, asked: FidesRequestForm) -> str:
    """Return the reference of a request: a repeated choice is the same request."""
    uses = sorted({one.data_use for one in asked.consent_preferences or ()})
    known = asked.identity.model_dump_json(by_alias=True)
    return f"{consent_id} {wish} {sha256(orjson.dumps([uses, known])).hexdigest()}"


def _plain(said: FidesPreferencesForm) -> dict[str, Any]:
    return {"consent": [one.model_dump(mode="json") for one in said.consent]}
