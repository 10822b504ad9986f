"""
Key rings of accounts: the keys of their compartments and purposes, derived from the master key.

No process but `habeas keys` sees the master key. A key ring holds the keys of one account; the table below
says which. Items of a case are sealed in compartments: an account gets the keys of those that its work needs.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError
from shared.runtime.accounts import KEYLESS, PROCESSES

KEY_BYTES = 32
FILE = "keys"
"""Name of the file in the folder of an account."""

COMPARTMENTS = ("case", "proofs", "codes", "packages", "plans", "breach")
"""Parts of a case with a key each, in the order in which they are wrapped."""
_BEGINNINGS = (
    ("package_code_", "codes"),
    ("code_", "codes"),
    ("alias_", "codes"),
    ("proof_", "proofs"),
    ("report_", "proofs"),
    ("claim_of_documents", "proofs"),
    ("package", "packages"),
    ("erasure_plan", "plans"),
    ("change_plan", "plans"),
    ("act_", "plans"),
    ("aliases", "plans"),
    ("breach_", "breach"),
)
"""First part of an item's name → its compartment; the first that fits counts."""
READERS: Mapping[str, tuple[str, ...]] = {
    "intake": COMPARTMENTS,
    "verifier": ("case", "proofs", "codes"),
    "fulfillment": ("case", "proofs", "packages", "plans", "breach"),
    "notifier": ("case", "codes", "breach"),
    COMMAND: COMPARTMENTS,
}
"""Account → the compartments that it opens. Intake makes the keys of all."""
OWNER = "intake"
"""The account that makes the keys of cases."""

_STAFF = ("staff second factors", "staff mailboxes", "staff salts")
_OWN: Mapping[str, tuple[str, ...]] = {
    "intake": (
        "addresses of cases",
        "forms",
        "groups of requests",
        "package codes",
        "repeated requests",
        "request ids",
        "stop links",
        "tokens of agents",
        "tokens of clients",
        "unsubscribe links",
    ),
    "verifier": ("documents presented", "mailboxes", "verification codes"),
    "fulfillment": (
        "copies",
        "disagreements",
        "erasure journal",
        "hashes of DROP",
        "kept records",
        "package and certificate signatures",
        "people of breaches",
        "pseudonyms",
        "suppressions",
    ),
    "notifier": (
        "addresses of cases",
        "breach notices",
        "letters of mailboxes",
        "mail domains",
        "returned letters",
        "stop links",
    ),
    COMMAND: (
        "breach notices",
        "disagreements",
        "erasure journal",
        "hashes of DROP",
        "kept records",
        "package and certificate signatures",
        "request ids",
        "suppressions",
        "unsubscribe links",
    ),
}
"""Account → purposes of the keys that its services and verbs use, besides those that follow from a rule."""


def compartment_of(item: str) -> str:
    """Return the compartment of the item of a case that is called *item*."""
    return next((found for begin, found in _BEGINNINGS if item.startswith(begin)), "case")


def wrapping_purpose(account: str) -> str:
    """Return the purpose of the key that wraps the keys of cases for *account*."""
    return f"case keys of {account}"


def wraps(purpose: str) -> bool:
    """Return whether the key for *purpose* wraps keys of cases: a rotation replaces it."""
    return purpose.startswith(wrapping_purpose(""))


def purposes_of(account: str) -> tuple[str, ...]:
    """Return the purposes of all keys that *account* gets."""
    others = (services for process, services in PROCESSES.items() if process not in KEYLESS)
    audited = PROCESSES.get(account) or tuple(one for services in others for one in services)
    chains = [f"audit {part} of {service}" for service in audited for part in ("chain", "heads")]
    wrapped = READERS if account == OWNER else (account,)
    return (*_OWN[account], *_STAFF, *chains, *map(wrapping_purpose, wrapped))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one account, by purpose: the current one, and after it those that still open something."""

    account: str
    keys: Mapping[str, Sequence[bytes]] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """
        Read a key ring as :meth:`written` writes it.

        Raises:
            ValueError: It is none.
        """
        try:
            read: dict[str, Any] = json.loads(text)
            keys = {purpose: tuple(map(base64.b64decode, some)) for purpose, some in read["keys"].items()}
            return cls(str(read["account"]), keys)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ValueError("is no key ring; `habeas keys issue` makes one") from None

    def written(self) -> str:
        """Return the key ring as JSON."""
        keys = {
            purpose: [base64.b64encode(one).decode() for one in some] for purpose, some in self.keys.items()
        }
        return json.dumps({"account": self.account, "keys": keys})

    def all_of(self, purpose: str) -> Sequence[bytes]:
        """
        Return the keys for *purpose*, the current one first.

        Raises:
            ConfigurationError: The account has none.
        """
        if not self.keys.get(purpose):
            raise ConfigurationError(f"the account {self.account} has no key for {purpose}")
        return self.keys[purpose]


class RingFile:
    """The file of a key ring, which a rotation replaces while the process runs."""

    def __init__(self, path: Path) -> None:
        """Look at *path* from now on."""
        self._path = path
        self._seen = self._version()

    def changed(self) -> KeyRing | None:
        """Return the key ring if it was replaced since the last look."""
        version = self._version()
        if version == self._seen:
            return None
        self._seen = version
        return KeyRing.parse(self._path.read_text(encoding="utf-8"))

    def _version(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns


RootKey: TypeAlias = bytes | KeyRing
"""The source of keys: a key ring, or the master key where one process serves for all accounts."""


def derived_key(root: RootKey, purpose: str) -> bytes:
    """
    Return the key for *purpose* alone, from a key ring or derived from the master key (HKDF, RFC 5869).

    Raises:
        ConfigurationError: The key ring has none.
    """
    if isinstance(root, KeyRing):
        return root.all_of(purpose)[0]
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(root)


def wrapping_keys(root: RootKey) -> dict[str, Sequence[bytes]]:
    """Return account → keys that wrap the keys of cases for it, as far as *root* has them."""
    if isinstance(root, KeyRing):
        known = {account: wrapping_purpose(account) for account in READERS}
        return {account: root.keys[purpose] for account, purpose in known.items() if purpose in root.keys}
    return {account: (derived_key(root, wrapping_purpose(account)),) for account in READERS}


def reader(root: RootKey) -> str:
    """Return the account with the compartments that *root* opens."""
    return root.account if isinstance(root, KeyRing) else OWNER
