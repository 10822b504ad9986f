"""Staff accounts, for the operator."""

import base64
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contract.events import StaffRole
from shared.contract.events.breaches import ADDRESS
from shared.contract.staff import (
    LEAST_PASSWORD,
    RECOVERY_BYTES,
    RECOVERY_CODES,
    StaffAccount,
    private_key,
    public_bytes,
    recovery_code,
    recovery_digest,
)
from shared.errors import ConfigurationError
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import connect
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault

SECOND_FACTOR_BYTES = 20
"""RFC 4226 section 4, R6."""
PASSWORD_BYTES = 15
MAILBOX = re.compile(ADDRESS)


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
