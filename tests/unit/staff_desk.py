"""A member of the staff with a session at the API of an office."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.failed_attempts import FailedAttempts
from services.intake.http.staff_decisions import (
    ACTIONS_PER_HOUR,
    PREVIEWS_PER_HOUR,
    SEARCHES_PER_HOUR,
    StaffDecisions,
)
from services.intake.http.staff_trails import CaseTrails
from shared.contract.events import SESSION_ID, Decision, StaffRole, StaffSignedIn
from shared.contract.register import CountedRequest
from shared.contract.staff import StaffAccount, code_at, public_bytes, session_token, signed
from shared.runtime.client_limits import Allowance
from tests.runtime_fakes import MemoryJournal
from tests.unit.fakes import Office
from tests.unit.intake_api import FORGIVING, ROOT, SITE, UNLIMITED, Behind

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
    purged: Counter[CountedRequest] = field(default_factory=Counter)
    searches: Allowance = field(default_factory=lambda: Allowance(SEARCHES_PER_HOUR))
    previews: Allowance = field(default_factory=lambda: Allowance(PREVIEWS_PER_HOUR))
    readings: Allowance = field(default_factory=lambda: UNLIMITED)
    actions: Allowance = field(default_factory=lambda: Allowance(ACTIONS_PER_HOUR))

    def salt(self, name: str) -> bytes:
        return name.encode()

    async def account(self, name: str) -> StaffAccount | None:
        return self.people.get(name)

    async def accounts(self) -> AsyncIterator[StaffAccount]:
        for account in self.people.values():
            yield account

    async def of(self, year: int) -> Counter[CountedRequest]:
        return Counter({one: number for one, number in self.purged.items() if one.year == year})

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

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            DESK.set(self)
            await staff_api(exports=self.trails is not None)(scope, receive, send)

        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return AsyncClient(transport=ASGITransport(app), base_url=ROOT, headers=headers)


DESK: ContextVar[StaffDesk] = ContextVar("DESK")


def _of_desk(name: str) -> Any:
    """Return what stands for the attribute *name* of the desk of a test."""
    return Behind(lambda: attrgetter(name)(DESK.get()))


@cache
def staff_api(*, exports: bool) -> FastAPI:
    """Return the API in front of the desk of the running test. To make one takes longer than most tests."""
    staff = StaffDecisions(
        _of_desk("office.requests"),
        cast("Any", Behind(DESK.get)),
        lambda: DESK.get().office.clock(),  # noqa: PLW0108  the desk is known when it runs
        _of_desk("calls"),
        incidents=_of_desk("incidents"),
        console=CREDENTIAL,
        searches=_of_desk("searches"),
        previews=_of_desk("previews"),
        readings=_of_desk("readings"),
        actions=_of_desk("actions"),
    )
    callers = Callers({}, UNLIMITED, CREDENTIAL, attempts=_of_desk("attempts"))
    trails = _of_desk("trails") if exports else None
    requesters = _of_desk("office.requesters")
    beside = {"requesters": requesters, "trails": trails, "purged": cast("Any", Behind(DESK.get))}
    return create_app(staff.service, callers, SITE, staff=staff, **beside)
