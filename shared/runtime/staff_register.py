"""
The database of staff accounts, and the verification of their decisions against it.

``accounts`` is written by the operator alone. ``codes``, ``tries`` and ``outcomes`` only grow: a service may
insert and read there, not change. All services share them, so that one code makes one decision, whichever
services act on it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Protocol

from shared.contract.answer import SUBMISSION
from shared.contract.events import Code, Fact, StaffRole
from shared.contract.staff import (
    MOST_WRONG_CODES,
    SALT_BYTES,
    STEP_S,
    StaffAccount,
    StaffDecision,
    addresses_in,
    decision_id,
    is_current,
    is_recovery,
    mailbox_hash,
    objection,
    recovery_digest,
    signature_fits,
    step_of,
)
from shared.errors import Destroyed
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import Client, Database, Document, insert_new, translated
from shared.runtime.vault import CaseKey, Vault

DATABASE = "staff"
"""Last part of the database's name."""
DAY = timedelta(days=1)
KEEP = timedelta(days=7)
"""Age at which used codes and outcomes are removed: longer than a message is tried again."""


@dataclass(frozen=True, slots=True)
class StaffKeys:
    """Keys that the register needs: they seal second factors, hash mailboxes, and make salts."""

    second_factors: CaseKey = field(repr=False)
    mailboxes: bytes = field(repr=False)
    salts: bytes = field(repr=False)

    @classmethod
    def of(cls, master_key: RootKey) -> "StaffKeys":
        """Derive them from the master key."""
        return cls(
            CaseKey.of(derived_key(master_key, "staff second factors")),
            derived_key(master_key, "staff mailboxes"),
            derived_key(master_key, "staff salts"),
        )


@dataclass(frozen=True, slots=True)
class DecisionOutcome:
    """The outcome of a decision in one service."""

    service: str
    type: str
    reason: str | None = None
    """Why it had no effect; None where it had."""
    results: tuple[str, ...] = ()
    """Types of the events that it caused."""


class StaffGate(Protocol):
    """Verifies decisions of the staff, as the runtime needs it."""

    async def refusal(self, decision: StaffDecision, event_id: str, now: datetime) -> Code | None:
        """Return why *decision* must have no effect, or None; the same event gets the same answer."""

    async def note(self, outcomes: Mapping[str, DecisionOutcome], now: datetime) -> None:
        """Record the outcomes of decisions at one service, by id of their events; the first one stays."""


class StaffRegister:
    """Accounts, used codes and outcomes: ``<prefix>_staff``."""

    def __init__(self, client: Client, *, prefix: str, keys: StaffKeys, vault: Vault) -> None:
        """Use the database of *prefix*; requesters are looked up in *vault*."""
        database: Database = client[f"{prefix}_{DATABASE}"]
        self._accounts = database["accounts"]
        self._codes = database["codes"]
        self._tries = database["tries"]
        self._outcomes = database["outcomes"]
        self._keys = keys
        self._vault = vault

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the staff register"):
            for collection in (self._codes, self._tries, self._outcomes):
                await collection.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))
            await self._tries.create_index("use")

    # --- accounts ---------------------------------------------------------------------------------------

    async def account(self, name: str) -> StaffAccount | None:
        """Return the account *name*; None where there is none."""
        with translated("read a staff account"):
            document = await self._accounts.find_one({"_id": name})
        return None if document is None else self._account(document)

    async def accounts(self) -> AsyncIterator[StaffAccount]:
        """Yield all accounts by name."""
        with translated("read the staff accounts"):
            async for document in self._accounts.find({}).sort("_id"):
                yield self._account(document)

    async def add(self, account: StaffAccount) -> bool:
        """Store a new account; return whether its name was free."""
        return not await insert_new(self._accounts, [self._document(account)])

    async def replace(self, account: StaffAccount) -> None:
        """Store *account*, in place of the one with its name if there is one."""
        with translated("change a staff account"):
            await self._accounts.replace_one({"_id": account.name}, self._document(account), upsert=True)

    def salt(self, name: str) -> bytes:
        """Return the salt of the password of *name*: whether there is such an account does not show."""
        return blake2b(name.encode(), digest_size=SALT_BYTES, key=self._keys.salts).digest()

    def mailbox(self, address: str) -> str:
        """Return the keyed hash of a mailbox."""
        return mailbox_hash(address, self._keys.mailboxes)

    # --- verification -----------------------------------------------------------------------------------

    async def refusal(self, decision: StaffDecision, event_id: str, now: datetime) -> Code | None:
        """Return why *decision* must have no effect, or None; the same event gets the same answer."""
        account, reason = await self._signer(decision)
        if account is None:
            return reason
        if _is_batched(decision) and event_id != decision_id(decision):
            return "code_spent"
        if await self._passed(decision, account, event_id):
            return None
        return (
            objection(decision, account, now)
            or await self.concerned(decision, account)
            or await self._code_flaw(decision, account, event_id, now)
            or await self._spend(decision, account, event_id, now)
        )

    async def flaw(self, decision: StaffDecision, event_id: str, now: datetime) -> Code | None:
        """Return why *decision* would be refused now, or None; it is a try, but its code stays unused."""
        account, reason = await self._signer(decision)
        if account is None:
            return reason
        flaw = (
            objection(decision, account, now)
            or await self.concerned(decision, account)
            or await self._code_flaw(decision, account, event_id, now)
        )
        return flaw or await self._spent(decision, account, event_id)

    async def _signer(self, decision: StaffDecision) -> tuple[StaffAccount | None, Code]:
        if decision.proof is None:
            return None, "proof_missing"
        account = await self.account(decision.proof.account)
        # An unknown account and a wrong password look the same from outside.
        if account is None or not signature_fits(decision, account):
            return None, "signature_wrong"
        return account, ""

    async def _code_flaw(
        self, decision: StaffDecision, account: StaffAccount, event_id: str, now: datetime
    ) -> Code | None:
        """
        Return the error of the code. The signature fits: only the password's holder comes so far.

        The try is recorded before the code is compared: a second one in its half-minute learns nothing.
        """
        if not account.second_factor:
            return None
        holder = f"{account.name}/{account.enrolment}"
        with translated("count wrong codes"):
            wrong = await self._tries.count_documents({"account": holder, "at": {"$gt": now - DAY}})
        if wrong >= MOST_WRONG_CODES:
            return "account_locked"
        tried = await self._try(holder, _use(decision, event_id), now)
        if tried is None:
            return "tried_too_often"
        step = _step(decision, account)
        if (step is not None and is_current(step, tried["at"])) or _is_recovered(decision, account):
            return None
        await insert_new(
            self._tries, [{"_id": f"{tried['_id']}/wrong", "account": holder, "at": tried["at"]}]
        )
        return "code_wrong"

    async def _try(self, holder: str, use: str, now: datetime) -> Document | None:
        """Return the one try of *use*, recorded now if it is new; None where another has the half-minute."""
        found = await self._tried(use)
        if found is not None:
            return found
        key = f"{holder}/{int(now.timestamp()) // STEP_S}"
        await insert_new(self._tries, [{"_id": key, "use": use, "at": now}])
        return await self._tried(use)

    async def _tried(self, use: str) -> Document | None:
        with translated("read tried codes"):
            return await self._tries.find_one({"use": use}, sort=[("at", 1)])

    async def _spend(
        self, decision: StaffDecision, account: StaffAccount, event_id: str, now: datetime
    ) -> Code | None:
        """Mark the code as used by *event_id*, or its batch; return a reason where another has used it."""
        use = _use(decision, event_id)
        # A recovery code never counts again: its use has no time at which it is removed.
        at: Document = {} if _is_recovered(decision, account) else {"at": now}
        for key in _keys(decision, account, event_id):
            taken = await insert_new(self._codes, [{"_id": key, "use": use, **at}])
            if taken and await self._used_by(key) != use:
                return "code_spent"
        return None

    async def _spent(self, decision: StaffDecision, account: StaffAccount, event_id: str) -> Code | None:
        """Return a reason where the code was used, unless by the batch of *decision*."""
        used = await self._used_by(_keys(decision, account, event_id)[0])
        own = _is_batched(decision) and used == _use(decision, event_id)
        return None if used is None or own else "code_spent"

    async def _passed(self, decision: StaffDecision, account: StaffAccount, event_id: str) -> bool:
        """Return whether this event was let through before."""
        used = await self._used_by(_keys(decision, account, event_id)[-1])
        return used == _use(decision, event_id)

    async def _used_by(self, key: str) -> str | None:
        with translated("read used codes"):
            document = await self._codes.find_one({"_id": key})
        return None if document is None else str(document["use"])

    async def concerned(self, decision: Fact | StaffDecision, account: StaffAccount) -> Code | None:
        """Return a reason where a mailbox of the deciding person is in the request or its aliases."""
        case = getattr(decision, "request_id", None)
        if case is None or not account.mailboxes:
            return None
        items = (SUBMISSION, getattr(decision, "aliases", None))
        named = {hashed for item in items if item for hashed in await self._named_in(case, item)}
        return "decider_is_concerned" if named & account.mailboxes else None

    async def _named_in(self, case: str, item: str) -> frozenset[str]:
        """Return the keyed hashes of the mailboxes in *item* of *case*; none if it is missing."""
        try:
            content = await self._vault.open(case, item)
        except (KeyError, Destroyed):
            return frozenset()
        return frozenset(self.mailbox(address) for address in addresses_in(content))

    # --- outcomes ---------------------------------------------------------------------------------------

    async def note(self, outcomes: Mapping[str, DecisionOutcome], now: datetime) -> None:
        """Record the outcomes of decisions at one service, by id of their events; the first one stays."""
        documents: list[Document] = [
            {"_id": f"{event_id}/{outcome.service}", "at": now, **asdict(outcome)}
            for event_id, outcome in outcomes.items()
        ]
        await insert_new(self._outcomes, documents)

    async def outcomes(self, event_id: str) -> Sequence[DecisionOutcome]:
        """Return the outcomes of a decision at the services that have seen it."""
        seen = {"_id": {"$gte": f"{event_id}/", "$lt": f"{event_id}0"}}
        with translated("read outcomes"):
            found = [one async for one in self._outcomes.find(seen)]
        return [
            DecisionOutcome(one["service"], one["type"], one["reason"], tuple(one.get("results", ())))
            for one in found
        ]

    # --- stored form ------------------------------------------------------------------------------------

    def _document(self, account: StaffAccount) -> Document:
        sealed = account.second_factor and self._keys.second_factors.seal(account.second_factor, account.name)
        return {
            "_id": account.name,
            "display_name": account.display_name,
            "roles": sorted(account.roles),
            "public_key": account.public_key,
            "second_factor": sealed or None,
            "mailboxes": sorted(account.mailboxes),
            "disabled": account.disabled,
            "recovery": list(account.recovery),
            "subject": account.subject,
        }

    def _account(self, document: Mapping[str, Any]) -> StaffAccount:
        sealed, name = document["second_factor"], document["_id"]
        return StaffAccount(
            name=name,
            roles=frozenset(map(StaffRole, document["roles"])),
            public_key=document["public_key"],
            second_factor=self._keys.second_factors.open(sealed, name) if sealed else b"",
            mailboxes=frozenset(document["mailboxes"]),
            disabled=document["disabled"],
            display_name=document["display_name"],
            recovery=tuple(document.get("recovery", ())),
            subject=document.get("subject", ""),
        )


def _step(decision: StaffDecision, account: StaffAccount) -> int | None:
    proof = decision.proof
    return None if proof is None else step_of(proof.code, account.second_factor, proof.at)


def _is_recovered(decision: StaffDecision, account: StaffAccount) -> bool:
    return decision.proof is not None and is_recovery(decision.proof.code, account)


def _keys(decision: StaffDecision, account: StaffAccount, event_id: str) -> Sequence[str]:
    """
    Return the values that count once: the code of a half-minute; for a program's account the nonce.

    In a batch a second one follows, of the event: each decision of it is checked once.
    """
    proof = decision.proof
    used: object = _step(decision, account) if account.second_factor else proof and proof.nonce
    if proof is not None and _is_recovered(decision, account):
        used = recovery_digest(proof.code)
    code = f"{account.name}/{account.enrolment}/{used}"
    return (code, f"{code}/{event_id}") if _is_batched(decision) else (code,)


def _use(decision: StaffDecision, event_id: str) -> str:
    """Return the use of a code: no other event, decision or batch may use it again."""
    signature = decision.proof.signature if decision.proof else ""
    return f"batch {signature}" if _is_batched(decision) else f"{event_id} {signature}"


def _is_batched(decision: StaffDecision) -> bool:
    return decision.proof is not None and bool(decision.proof.batch)
