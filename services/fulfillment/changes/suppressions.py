"""
The suppression list, and the people who disagree with their data.

The list names people who must not be written to, with data that must not be sold, or who were erased. It
outlives the case, so it holds keyed hashes of identities and no clear data; it cannot be read without the
master key. A statement of disagreement itself stays sealed with its case; the hashes lead answers to it.
"""

import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from hashlib import sha256
from typing import Final

from services.fulfillment.changes.opt_ins import SaleOptIn
from services.fulfillment.search.bson_equality import folded
from services.fulfillment.search.identities import Identities
from shared.law import Right
from shared.runtime.bulk_insert import Insertions
from shared.runtime.mongo import Database, insert_new, translated

PHONE = "phone_number"
OPT_IN = "sale_opt_in"
"""Marks the entry of an opt-in to sale."""


class SuppressionPurpose(StrEnum):
    """The purposes that are stopped for a person."""

    MARKETING = "marketing"
    """GDPR Art. 21(3): no more direct marketing."""
    CONSENT = "consent"
    """GDPR Art. 7(3): no processing based on consent."""
    SALE = "sale"
    """Cal. Civ. Code § 1798.120: no selling, no sharing."""
    SENSITIVE = "sensitive"
    """Cal. Civ. Code § 1798.121: sensitive data for necessary purposes only."""
    ERASED = "erased"
    """GDPR Art. 17: the person was erased, and must not be imported again."""


def suppressed_purposes(right: Right) -> tuple[SuppressionPurpose, ...]:
    """
    Return the purposes that *right* stops for a person, besides the marks on their records.

    An objection to all processing includes direct marketing, and that part of it is not weighed.
    """
    purposes = {
        Right.OBJECTION: SuppressionPurpose.MARKETING,
        Right.CONSENT_WITHDRAWAL: SuppressionPurpose.CONSENT,
        Right.OPT_OUT_OF_SALE: SuppressionPurpose.SALE,
        Right.LIMIT_SENSITIVE_USE: SuppressionPurpose.SENSITIVE,
    }
    return (purposes[right],) if right in purposes else ()


class SuppressionList:
    """The suppression list of one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep the list in *database*; *key* makes the hashes."""
        self._suppressions = database["suppressions"]
        self._insertions = Insertions(self._suppressions)
        self._key = key

    async def add(
        self, identities: Identities, purpose: str, at: datetime, locked_until: date | None = None
    ) -> None:
        """
        Add the people with *identities* to the list, for *purpose* alone; an earlier entry keeps its date.

        *locked_until* is the last day on which they may not be asked to opt in again; a later one prevails.

        Raises:
            StoreUnavailable: The database did not answer; the call may be repeated.
        """
        entries = [
            {"_id": entry, "identity": name, "purpose": str(purpose), "at": at}
            for name, entry in self._entries(identities, purpose)
        ]
        await self._insertions.add(entries)
        if purpose == SuppressionPurpose.SALE:
            await self.withdraw_opt_in(identities, at)
        if locked_until is not None:
            last = datetime.combine(locked_until, time.min, UTC)
            with translated("lock an entry of the suppression list"):
                ids = {"$in": [entry["_id"] for entry in entries]}
                await self._suppressions.update_many({"_id": ids}, {"$max": {"locked_until": last}})

    async def opt_in(self, identities: Identities, opt_in: SaleOptIn) -> None:
        """Record that the person opts in to the sale of their data; a newer opt-in replaces an older one."""
        content = {"purpose": OPT_IN, "giver": opt_in.giver, "proof": opt_in.proof, "at": opt_in.at}
        until = opt_in.until and datetime.combine(opt_in.until, time.min, UTC)
        with translated("record an opt-in"):
            for name, entry in self._entries(identities, OPT_IN):
                changes = {"$set": {**content, "identity": name, "until": until, "withdrawn_at": None}}
                await self._suppressions.update_one({"_id": entry}, changes, upsert=True)

    async def withdraw_opt_in(self, identities: Identities, at: datetime) -> bool:
        """End the opt-ins that were given until *at*; return whether there was one."""
        entries = {"$in": [entry for _, entry in self._entries(identities, OPT_IN)]}
        open_ones = {"_id": entries, "at": {"$lte": at}, "withdrawn_at": None}
        with translated("withdraw an opt-in"):
            done = await self._suppressions.update_many(open_ones, {"$set": {"withdrawn_at": at}})
        return bool(done.modified_count)

    async def opt_in_of(self, identities: Identities) -> SaleOptIn | None:
        """Return the newest opt-in of the person that was not withdrawn."""
        entries = {"$in": [entry for _, entry in self._entries(identities, OPT_IN)]}
        with translated("read the suppression list"):
            found = self._suppressions.find({"_id": entries, "withdrawn_at": None})
            opt_ins = [SaleOptIn.of_document(document) async for document in found]
        return max(opt_ins, key=lambda one: one.at, default=None)

    async def opted_in(self, name: str, values: Sequence[str], today: date) -> frozenset[str]:
        """Return those of *values* of *name* with an opt-in to sale that is valid *today*."""
        entries = {value: entry for value in values for _, entry in self._entries({name: (value,)}, OPT_IN)}
        with translated("read the suppression list"):
            found = self._suppressions.find({"_id": {"$in": list(entries.values())}, "withdrawn_at": None})
            valid = {one["_id"] async for one in found if SaleOptIn.of_document(one).is_valid(today)}
        return frozenset(value for value, entry in entries.items() if entry in valid)

    async def locked_until(self, identities: Identities, purpose: str) -> date | None:
        """Return the last day on which the person may not be asked to opt in; None without one."""
        entries = [entry for _, entry in self._entries(identities, purpose)]
        with translated("read the suppression list"):
            found = self._suppressions.find({"_id": {"$in": entries}}, {"locked_until": 1})
            days = [document["locked_until"].date() async for document in found if "locked_until" in document]
        return max(days, default=None)

    async def holds(self, identities: Identities, purpose: str) -> bool:
        """Return whether any of *identities* is on the list for *purpose*; raises like :meth:`add`."""
        entries = [entry for _, entry in self._entries(identities, purpose)]
        with translated("read the suppression list"):
            return await self._suppressions.find_one({"_id": {"$in": entries}}) is not None

    async def stopped(self, name: str, values: Sequence[str], purpose: str) -> frozenset[str]:
        """Return those of *values* of *name* that are listed for *purpose*; raises like :meth:`add`."""
        entries = {value: entry for value in values for _, entry in self._entries({name: (value,)}, purpose)}
        with translated("read the suppression list"):
            found = self._suppressions.find({"_id": {"$in": list(entries.values())}}, {"_id": 1})
            stopped = {document["_id"] async for document in found}
        return frozenset(value for value, entry in entries.items() if entry in stopped)

    def _entries(self, identities: Identities, purpose: str) -> Iterator[tuple[str, str]]:
        return ((name, f"{purpose}:{value}") for name, value in hashed(identities, self._key))


def hashed(identities: Identities, key: bytes) -> Iterator[tuple[str, str]]:
    """Yield each value of each identity as a keyed hash, with its name, the same for all spellings."""
    for name, spellings in identities.items():
        for value in _values(name, spellings):
            content = f"{len(name)} {name} {value}"
            yield name, hmac.new(key, content.encode(), sha256).hexdigest()


def _values(name: str, spellings: Sequence[str]) -> Sequence[str]:
    """
    Return the different values among *spellings*.

    A telephone number has spellings with and without country code: two are one value if the digits of one end
    with those of the other.
    """
    plain = list(dict.fromkeys(_plain(name, spelling) for spelling in spellings))
    if name != PHONE:
        return plain
    whole = [number for number in plain if number.startswith("+")]
    ends = tuple(number.lstrip("+0") for number in plain if not number.startswith("+"))
    covered = {end for end in ends if any(number.endswith(end) for number in whole)}
    return [number for number in plain if number in whole or number.lstrip("+0") not in covered]


def _plain(name: str, value: str) -> str:
    """Return *value* without differences of writing."""
    if name == PHONE:
        digits = re.sub(r"[^\d+]", "", value)
        return "+" + digits[2:] if digits.startswith("00") else digits
    return folded(value.strip())


DISAGREEMENTS_KEY: Final = "disagreements"
"""Purpose of the key of the hashes."""


class Disagreements:
    """The statements of one installation."""

    def __init__(self, database: Database, key: bytes) -> None:
        """Keep them in *database*; *key* makes the hashes."""
        self._disagreements = database["disagreements"]
        self._key = key

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the disagreements"):
            await self._disagreements.create_index("person")

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """
        Remember that *case* holds a statement of the person with *identities*. It may be repeated.

        Law:
            GDPR Art. 16: data is completed by a supplementary statement as well.
            11 CCR § 7023(f): if a correction is denied, the consumer's statement is kept with the data.
        """
        person = [value for _, value in hashed(identities, self._key)]
        await insert_new(self._disagreements, [{"_id": case, "person": person, "at": at}])

    async def of(self, identities: Identities) -> tuple[str, ...]:
        """Return the cases with statements of the person, oldest first."""
        person = [value for _, value in hashed(identities, self._key)]
        with translated("look for disagreements"):
            found = self._disagreements.find({"person": {"$in": person}}, {"_id": 1}).sort("at")
            return tuple([document["_id"] async for document in found])
