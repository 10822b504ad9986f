"""Staff accounts of tests: each decision gets a code that was not used before, without waiting for one."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contract.events import Decision, StaffRole
from shared.contract.staff import StaffAccount, code_at, private_key, public_bytes, signed
from shared.runtime.staff_register import StaffRegister

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
