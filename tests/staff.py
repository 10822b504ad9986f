"""Staff accounts of tests: each decision gets a code that was not used before, without waiting for one."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from httpx import AsyncClient

from shared.contract.events import SESSION_ID, Decision, StaffRole, StaffSignedIn
from shared.contract.staff import (
    StaffAccount,
    code_at,
    private_key,
    public_bytes,
    session_token,
    signed,
    signed_batch,
)
from shared.runtime.staff_register import StaffRegister
from tests.waiting import eventually

PASSWORD = "the password of a test account"
DECIDERS = frozenset({StaffRole.AGENT, StaffRole.APPROVER, StaffRole.INCIDENT_OFFICER})


@dataclass
class StaffRoom:
    """Makes accounts, and signs for them."""

    register: StaffRegister
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    async def present(
        self,
        name: str,
        roles: Iterable[StaffRole] = DECIDERS,
        mailboxes: Iterable[str] = (),
    ) -> StaffAccount:
        """Return the account *name*, made where it is not there, with a second factor that is new."""
        key = self.key(name)
        found = await self.register.account(name) or StaffAccount(
            name,
            frozenset(roles),
            public_bytes(key),
            mailboxes=frozenset(map(self.register.mailbox, mailboxes)),
        )
        account = replace(found, second_factor=secrets.token_bytes(20))
        await self.register.replace(account)
        return account

    def key(self, name: str) -> Ed25519PrivateKey:
        """Return the key that follows from the password of *name*."""
        if name not in self.keys:
            self.keys[name] = private_key(PASSWORD, self.register.salt(name))
        return self.keys[name]

    async def signed(self, decision: Decision, *, at: datetime | None = None) -> Decision:
        """Return *decision*, signed by the account that it names."""
        account, moment = await self.present(decision.by), at or datetime.now(UTC)
        code = code_at(account.second_factor, moment)
        return signed(decision, self.key(decision.by), at=moment, nonce=secrets.token_hex(16), code=code)

    async def signed_batch(
        self, decisions: Sequence[Decision], *, at: datetime | None = None
    ) -> list[Decision]:
        """Return *decisions*, signed with one code by the account that they name."""
        by, moment = decisions[0].by, at or datetime.now(UTC)
        code = code_at((await self.present(by)).second_factor, moment)
        return signed_batch(decisions, self.key(by), at=moment, nonce=secrets.token_hex(16), code=code)

    async def sign_in(
        self, http: AsyncClient, name: str, roles: Iterable[StaffRole] = DECIDERS
    ) -> dict[str, str]:
        """
        Begin a session of *name* at intake; return the header that shows its secret.

        A decision of the account that is signed afterwards has a new second factor, which ends the session.
        """
        await self.present(name, roles)
        secret = secrets.token_urlsafe(32)
        decision = await self.signed(signed_in(name, secret))
        body = {"type": decision.TYPE, "data": decision.model_dump(mode="json", exclude_defaults=True)}
        taken = (await http.post("/v1/staff/decisions", json=body)).raise_for_status().json()

        async def effect() -> str:
            status = (await http.get(taken["status_url"])).json()["status"]
            return "" if status == "pending" else str(status)

        reached: str = await eventually(effect)
        assert reached == "accepted"
        return {"Authorization": f"Bearer {secret}"}


def signed_in(name: str, secret: str, hours: float = 8) -> StaffSignedIn:
    """Return the decision that begins the session of *name* with *secret*, unsigned."""
    token, until = session_token(secret), datetime.now(UTC) + timedelta(hours=hours)
    return StaffSignedIn(request_id=token[:SESSION_ID], by=name, token=token, until=until)
