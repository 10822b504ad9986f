"""
Who of the staff may see proofs, and whether somebody is the one they say.

Each has a secret of their own, in an authenticator app. Its code counts once, and one try each half-minute:
so a code that was overheard is worth nothing, and six digits cannot be guessed (RFC 6238 section 5.2).
"""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from shared.events import Code
from shared.mongo import Database, ReturnDocument, translated

STEP_S = 30
DIGITS = 6
LATE_STEPS = 1
"""By how many codes one may be late: typing takes its time."""
KEEP = timedelta(days=1)


def step_of(code: str, key: bytes, now: datetime) -> int | None:
    """Return for which half-minute *code* was made with *key*; none if not for this or the one before."""
    # SHA-1 is what authenticator apps know; what matters to HMAC holds for it still.
    made = TOTP(key, DIGITS, SHA1(), STEP_S)  # noqa: S303 - see above
    current = int(now.timestamp()) // STEP_S
    steps = range(current, current - LATE_STEPS - 1, -1)
    fitting = (step for step in steps if hmac.compare_digest(made.generate(step * STEP_S), code.encode()))
    return next(fitting, None)


class Reviewers:
    """Those of the staff who may see proofs."""

    def __init__(self, database: Database, keys: Mapping[str, bytes]) -> None:
        """Note in *database* what was tried; *keys* are the secrets by name."""
        self._tried = database["tries"]
        self._keys = keys

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the tries"):
            await self._tried.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def objection(self, name: str, code: str, attempt: str, now: datetime) -> Code | None:
        """
        Return why *name* is not let see proofs, or None; asking again for the same *attempt* changes nothing.

        Args:
            name: Who somebody says they are.
            code: What their authenticator shows.
            attempt: Tells one try from all others.
            now: The present moment.
        """
        if name not in self._keys:
            return "reviewer_unknown" if self._keys else "no_reviewers"
        if not await self._first(f"{name}/try/{int(now.timestamp()) // STEP_S}", attempt, now):
            return "tried_too_often"
        step = step_of(code, self._keys[name], now)
        if step is None:
            return "code_wrong"
        return None if await self._first(f"{name}/code/{step}", attempt, now) else "code_spent"

    async def _first(self, what: str, attempt: str, now: datetime) -> bool:
        """Note *what* for *attempt*; tell whether no other attempt was first."""
        with translated("note a try"):
            noted = await self._tried.find_one_and_update(
                {"_id": what},
                {"$setOnInsert": {"attempt": attempt, "at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bool(noted["attempt"] == attempt)
