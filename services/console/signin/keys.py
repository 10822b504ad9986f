"""Derivation of the keys of accounts: few at once, as each takes 64 MiB."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contract.staff import private_key
from shared.errors import TransientError

AT_ONCE: Final = 2
MOST_WAITING: Final = 8


class KeysBusy(TransientError):
    """Too many keys are being derived: the same password may be accepted shortly."""


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="keys")


@dataclass(slots=True)
class KeyDerivation:
    """
    Derives keys from passwords, of strangers as well: its memory must not grow with their number.

    A thread works on after its caller has gone, so that the threads are the limit and not the callers.
    """

    _pool: ThreadPoolExecutor = field(default_factory=_threads)
    _callers: int = 0

    async def key(self, password: str, salt: bytes) -> Ed25519PrivateKey:
        """Return the key that follows from *password*; raises KeysBusy if too many wait for theirs."""
        if self._callers >= AT_ONCE + MOST_WAITING:
            raise KeysBusy("too many passwords are being checked")
        self._callers += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, private_key, password, salt)
        finally:
            self._callers -= 1
