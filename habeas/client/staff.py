"""Staff accounts for the operator, and signed decisions of their holders."""

import base64
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contract.events import SESSION_ID, Decision, StaffRole, StaffSignedIn
from shared.contract.events.breaches import ADDRESS, BreachDeclared, IncidentDecision
from shared.contract.refusals import REFUSALS
from shared.contract.staff import (
    LEAST_PASSWORD,
    RECOVERY_BYTES,
    RECOVERY_CODES,
    StaffAccount,
    private_key,
    public_bytes,
    recovery_code,
    recovery_digest,
    session_token,
    signed,
    signed_batch,
)
from shared.errors import ConfigurationError, Unanswered
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import connect
from shared.runtime.staff_api import (
    DecisionNotAccepted,
    DecisionState,
    EffectUnknown,
    IntakeUnavailable,
    StaffApi,
    StaffApiProblem,
    TakenDecision,
)
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault

D = TypeVar("D", Decision, BreachDeclared)
SECOND_FACTOR_BYTES = 20
"""RFC 4226 section 4, R6."""
PASSWORD_BYTES = 15
EFFECT_WITHIN_S = 15.0
SESSION_OF_EXPORT = timedelta(minutes=5)
MAILBOX = re.compile(ADDRESS)
NUMBER = re.compile("[0-9a-f]{32}")
"""An id of a decision."""
VERBS: Mapping[str, str] = {
    "not_referred": "; `habeas request referred` lists those that do",
    "no_appeal_open": "; `habeas appeals` lists those that are",
    "no_open_message": ": see `habeas inbox list`",
    "no_permission": ": another account permits it by `habeas permission grant`",
    "listing_replaced": ": `habeas request review` shows the new listing",
    "alias_unknown": "; `habeas request aliases` lists them",
    "not_possible": "; `habeas request show` prints them",
    "no_proposal": "; `habeas request proposals` lists those that do",
    "request_stopped": ": `habeas request resume` lets it go on first",
    "permission_unknown": "; `habeas permission list` lists them",
    "no_such_clock": "; `habeas breach show` lists them",
    "order_outdated": "; `habeas breach progress` shows it",
    "no_such_hold": "; `habeas hold list` lists them",
}
"""Reason of a refusal → the verb that helps."""


@dataclass(frozen=True, slots=True)
class DecisionSigner:
    """The holder of a staff account, at the command line."""

    url: str
    account: str
    password: str = field(default="", repr=False)
    code: str = ""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Secrets of a new account. They are shown once and kept nowhere."""

    account: StaffAccount
    password: str = field(repr=False)
    recovery: tuple[str, ...] = field(default=(), repr=False)
    """Codes that stand for those of the second factor when it is lost, each once."""

    @property
    def uri(self) -> str:
        """Return the URI for an authenticator app (as a picture or typed in)."""
        secret = base64.b32encode(self.account.second_factor).decode()
        return f"otpauth://totp/Habeas:{quote(self.account.name)}?secret={secret}&issuer=Habeas"


@dataclass(frozen=True, slots=True)
class DecisionEffect:
    """An accepted decision: the id of its event, its case, and the types of the events that it caused."""

    id: str
    case: str
    fact: Decision | BreachDeclared
    results: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        about_incident = isinstance(self.fact, BreachDeclared | IncidentDecision)
        name = "incident" if about_incident else "request"
        results = list(self.results)
        return {"decision": self.id, name: self.case, "status": "accepted", "results": results}


@dataclass(frozen=True, slots=True)
class BatchedEffect:
    """Effect of a decision of a batch: accepted, refused with a reason, or pending without an answer."""

    fact: Decision
    status: str
    reason: str | None = None
    id: str | None = None
    results: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        shown = {"decision": self.id, "request": self.fact.request_id, "status": self.status}
        return shown | {"reason": self.reason, "results": list(self.results)}


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, master_key: RootKey) -> AsyncIterator[StaffRegister]:
    """Open the register of accounts, as the operator may."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        vault = Vault(client, prefix=prefix, master_key=master_key)
        yield StaffRegister(client, prefix=prefix, keys=StaffKeys.of(master_key), vault=vault)


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """The holder of a new account; the holder is a program where no mailbox is named."""

    name: str
    display_name: str
    roles: Sequence[StaffRole]
    mailboxes: Sequence[str] = ()


async def add(register: StaffRegister, person: AccountHolder, password: str | None = None) -> Enrolment:
    """
    Make an account; its password is random by default.

    Raises:
        ConfigurationError: The name is taken, a mailbox is no mail address or belongs to another account, or
            the password is short.
    """
    if not all(MAILBOX.fullmatch(mailbox) for mailbox in person.mailboxes):
        raise ConfigurationError("--mailbox: write a mail address: dana.muster@shop.example")
    hashes = frozenset(map(register.mailbox, person.mailboxes))
    async for other in register.accounts():
        if other.mailboxes & hashes:
            raise ConfigurationError(f"--mailbox: account {other.name} has it: one person has one account")
    roles, name = frozenset(person.roles), person.display_name
    blank = StaffAccount(person.name, roles, b"", mailboxes=hashes, display_name=name)
    enrolment = _enrolled(register, blank, password)
    if not await register.add(enrolment.account):
        remedy = "`habeas staff reset` gives it new secrets"
        raise ConfigurationError(f"account {person.name} is there already; {remedy}")
    return enrolment


async def reset(register: StaffRegister, name: str, password: str | None = None) -> Enrolment:
    """Give an account new secrets, and enable it; raises as :func:`account_named`."""
    enrolment = _enrolled(register, await account_named(register, name), password)
    await register.replace(enrolment.account)
    return enrolment


async def disable(register: StaffRegister, name: str) -> None:
    """Disable an account and refuse all its decisions, also pending ones; raises as :func:`reset`."""
    await register.replace(replace(await account_named(register, name), disabled=True))


async def link(register: StaffRegister, name: str, subject: str) -> None:
    """
    Let the account *name* sign in at the console as *subject* of the provider; none if it is empty.

    Raises ConfigurationError if there is no such account, or another one has the subject.
    """
    account = await account_named(register, name)
    async for other in register.accounts():
        if subject and other.subject == subject and other.name != name:
            raise ConfigurationError(f"--subject: account {other.name} has it: one person has one account")
    await register.replace(replace(account, subject=subject))


async def add_program(register: StaffRegister, program: AccountHolder) -> str:
    """
    Make the account of a program, which signs with a key and has no second factor; return the key.

    Raises ConfigurationError if the name is taken.
    """
    key, roles, name = Ed25519PrivateKey.generate(), frozenset(program.roles), program.display_name
    account = StaffAccount(program.name, roles, public_bytes(key), display_name=name)
    if not await register.add(account):
        raise ConfigurationError(f"account {program.name} is there already; choose another name")
    return base64.b64encode(key.private_bytes_raw()).decode()


async def account_named(register: StaffRegister, name: str) -> StaffAccount:
    """Return the account *name*. Raises ConfigurationError if there is none."""
    account = await register.account(name)
    if account is None:
        raise ConfigurationError(f"there is no account {name}")
    return account


def _enrolled(register: StaffRegister, account: StaffAccount, password: str | None) -> Enrolment:
    if password is not None and len(password) < LEAST_PASSWORD:
        raise ConfigurationError(f"the password needs {LEAST_PASSWORD} characters or more")
    chosen = password or base64.b32encode(secrets.token_bytes(PASSWORD_BYTES)).decode().lower()
    key = private_key(chosen, register.salt(account.name))
    factor = secrets.token_bytes(SECOND_FACTOR_BYTES)
    codes = tuple(recovery_code(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))
    enrolled = replace(
        account,
        public_key=public_bytes(key),
        second_factor=factor,
        disabled=False,
        recovery=tuple(map(recovery_digest, codes)),
    )
    return Enrolment(enrolled, chosen, codes)


async def decide(
    signer: DecisionSigner,
    decision: D,
    text: bytes | None = None,
    package: bytes | None = None,
) -> DecisionEffect:
    """
    Sign *decision*, send it to intake, wait for its effect and return it.

    *text* is a salted text that goes with it; the decision names it by ``written_item(text)``. So is
    *package*, a ZIP, by ``packed_item(package)``.

    Raises:
        ConfigurationError: It was refused; the message has the reason.
        Unanswered: No service has answered in time.
    """
    async with _intake(signer.url) as intake:
        key, nonce = await _key(intake, signer), secrets.token_hex(16)
        sealed = signed(decision, key, at=datetime.now(UTC), nonce=nonce, code=signer.code)
        taken = await intake.submit(sealed, text, package=package)
        results = await _effect(intake, taken.id)
    return DecisionEffect(taken.id, taken.case, decision, tuple(results))


async def decide_batch(
    signer: DecisionSigner, decisions: Sequence[Decision], texts: Mapping[str, bytes] = MappingProxyType({})
) -> list[BatchedEffect]:
    """
    Sign *decisions* with one code, send them to intake, wait for their effects and return these, in order.

    Args:
        signer: The holder of the account.
        decisions: At most ``MOST_BATCHED``.
        texts: Case → salted text that goes with its decision.

    Raises ConfigurationError if intake does not answer.
    """
    async with _intake(signer.url) as intake:
        key, nonce = await _key(intake, signer), secrets.token_hex(16)
        sealed = signed_batch(decisions, key, at=datetime.now(UTC), nonce=nonce, code=signer.code)
        taken = await intake.submit_batch(sealed, [texts.get(one.request_id) for one in decisions])
        ids = [one.id for one in taken if isinstance(one, TakenDecision)]
        effects = await intake.effects(ids, EFFECT_WITHIN_S)
    return [_batched(*pair, effects) for pair in zip(decisions, taken, strict=True)]


async def exported_trail(signer: DecisionSigner, case: str) -> bytes:
    """
    Export the signed trail of *case* in a session of the account; the session ends with it.

    Raises ConfigurationError if the account may not, or there is no such request.
    """
    async with _intake(signer.url) as intake:
        key, bearer, now = await _key(intake, signer), secrets.token_urlsafe(32), datetime.now(UTC)
        token, until = session_token(bearer), now + SESSION_OF_EXPORT
        begun = StaffSignedIn(request_id=token[:SESSION_ID], by=signer.account, token=token, until=until)
        proven = signed(begun, key, at=now, nonce=secrets.token_hex(16), code=signer.code)
        await _effect(intake, (await intake.submit(proven)).id)
        try:
            answer = await intake.response("POST", f"/v1/staff/cases/{case}/trail", bearer)
        finally:
            await intake.call("DELETE", "/v1/staff/session", bearer)
        return bytes(answer.content)


async def result(url: str, id_: str) -> dict[str, Any]:
    """Return status and results of the decision *id_*. Raises ConfigurationError if there is none."""
    if not NUMBER.fullmatch(id_):
        raise ConfigurationError(
            f"{id_}: write the id of a decision, 32 characters, as its verb has printed it"
        )
    async with _intake(url) as intake:
        return await intake.call("GET", f"/v1/staff/decisions/{id_}")


@asynccontextmanager
async def _intake(url: str) -> AsyncIterator[StaffApi]:
    """Open the staff API of intake at *url*; its errors are ConfigurationErrors with sentences."""
    async with StaffApi.opened(url) as intake:
        try:
            yield intake
        except DecisionNotAccepted as refused:
            raise ConfigurationError(explained(str(refused))) from None
        except StaffApiProblem as problem:
            raise ConfigurationError(_sentence(problem)) from None
        except IntakeUnavailable as error:
            raise ConfigurationError(f"{error}; is HABEAS_URL right?") from None


async def _key(intake: StaffApi, signer: DecisionSigner) -> Ed25519PrivateKey:
    return private_key(signer.password, await intake.salt(signer.account))


async def _effect(intake: StaffApi, id_: str) -> Sequence[str]:
    recorded, shown = "the decision is recorded, and", f"`habeas decision {id_}` shows"
    try:
        return await intake.effect(id_, EFFECT_WITHIN_S)
    except EffectUnknown:
        waited = f"no service has answered it in {EFFECT_WITHIN_S:.0f} s"
        raise Unanswered(f"{recorded} {waited}; {shown} its result") from None
    except (StaffApiProblem, IntakeUnavailable) as error:  # a limit of calls, or a restart
        why = _sentence(error) if isinstance(error, StaffApiProblem) else str(error)
        raise Unanswered(f"{recorded} its result could not be read: {why}; {shown} it") from None


def _batched(
    decision: Decision, taken: TakenDecision | DecisionNotAccepted, effects: Mapping[str, DecisionState]
) -> BatchedEffect:
    if isinstance(taken, DecisionNotAccepted):
        return BatchedEffect(decision, "refused", str(taken))
    effect = effects[taken.id]
    return BatchedEffect(decision, effect.status, effect.reason, taken.id, effect.results)


def explained(reason: str) -> str:
    """Return the sentence for the reason of a refusal."""
    return f"refused: {REFUSALS.get(reason, reason)}{VERBS.get(reason, '')}"


def _sentence(problem: StaffApiProblem) -> str:
    """Return the answer of intake, as a part of a message."""
    detail = str(problem)
    if problem.status == HTTPStatus.NOT_FOUND and detail:
        return detail[0].lower() + detail[1:].rstrip(".")
    return f"{problem.status}: {detail}".strip()
