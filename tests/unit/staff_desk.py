"""A member of the staff with a session at the API of an office."""

import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from httpx import ASGITransport, AsyncClient

from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.failed_attempts import FailedAttempts
from services.intake.http.staff_decisions import StaffDecisions
from services.intake.http.staff_trails import CaseTrails
from shared.contract.events import SESSION_ID, Decision, StaffRole, StaffSignedIn
from shared.contract.staff import StaffAccount, code_at, public_bytes, session_token, signed
from shared.runtime.client_limits import Allowance
from tests.runtime_fakes import MemoryJournal
from tests.unit.fakes import Office
from tests.unit.intake_api import FORGIVING, ROOT, SITE, UNLIMITED

CREDENTIAL = "the console's credential"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
DANA = StaffAccount(
    "dana.muster", frozenset({StaffRole.AGENT}), public_bytes(KEY), b"f" * 20, display_name="Dana Muster"
)


@dataclass
class StaffDesk:
    """The API of *office*, and the accounts of its staff."""

    office: Office = field(default_factory=Office)
    people: dict[str, StaffAccount] = field(default_factory=lambda: {DANA.name: DANA})
    calls: Allowance = field(default_factory=lambda: UNLIMITED)
    attempts: FailedAttempts = field(default_factory=lambda: FORGIVING)
    incidents: MemoryJournal = field(default_factory=MemoryJournal)
    trails: CaseTrails | None = None

    def salt(self, name: str) -> bytes:
        return name.encode()

    async def account(self, name: str) -> StaffAccount | None:
        return self.people.get(name)

    async def accounts(self) -> AsyncIterator[StaffAccount]:
        for account in self.people.values():
            yield account

    async def concerned(self, _decision: Any, account: StaffAccount) -> str | None:
        return "decider_is_concerned" if account.mailboxes else None

    def change(self, **changes: Any) -> None:
        """Change the account of Dana."""
        self.people[DANA.name] = replace(self.people[DANA.name], **changes)

    async def sign_in(self, roles: Iterable[StaffRole] = DANA.roles, **changes: Any) -> str:
        """Begin a session of Dana with *roles*; return its secret."""
        self.change(roles=frozenset(roles))
        secret = secrets.token_urlsafe(32)
        await self.office.tell(self.signed_in(secret, **changes), service="console")
        return secret

    def signed_in(self, secret: str, code: str = "", **changes: Any) -> Decision:
        """Return the decision that begins the session of *secret*, with the present code or another one."""
        token, now = session_token(secret), self.office.clock()
        account = self.people[DANA.name]
        fields = {"request_id": token[:SESSION_ID], "token": token, "by": account.name}
        begun = StaffSignedIn.model_validate(fields | {"until": now + timedelta(hours=8)} | changes)
        return signed(begun, KEY, at=now, nonce="0" * 32, code=code or code_at(account.second_factor, now))

    def client(self, secret: str | None = None) -> AsyncClient:
        """Return a client that shows *secret*."""
        staff = StaffDecisions(
            self.office.requests,
            cast("Any", self),
            self.office.clock,
            self.calls,
            incidents=self.incidents,
            console=CREDENTIAL,
        )
        callers = Callers({}, UNLIMITED, CREDENTIAL, attempts=self.attempts)
        requests, requesters = self.office.requests, self.office.requesters
        app = create_app(requests, callers, SITE, staff=staff, requesters=requesters, trails=self.trails)
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return AsyncClient(transport=ASGITransport(app), base_url=ROOT, headers=headers)
