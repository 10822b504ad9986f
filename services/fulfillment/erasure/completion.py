"""
How an erasure goes, whoever runs it: carried out by its newest plan, looked at, planned anew, certified.

The service takes a round per event, so that one which dies is gone on with; the operator's verb takes them
one after the other. What a round is, and what is remembered before anybody is told, stands here once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Protocol

from services.fulfillment.certificate.document import issue
from services.fulfillment.certificate.issue import Issue, certificate
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Refused, Remains
from services.fulfillment.erasure.residue import Residue
from services.fulfillment.erasure.rounds import Round, settled
from services.fulfillment.erasure.steps import ErasurePlan
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Needle, needles
from services.fulfillment.state import MOST_ROUNDS, united


class ErasableRecords(Protocol):
    """The person's records, in the stores of the data map."""

    async def erase(self, plan: ErasurePlan) -> Refused:
        """Carry *plan* out; return what was refused."""

    async def verify(self, plan: ErasurePlan, data_map: DataMap, identities: Identities) -> Remains:
        """Look again."""

    async def look_through(
        self, plan: ErasurePlan, remains: Remains, data_map: DataMap, wanted: frozenset[Needle]
    ) -> Sequence[Residue]:
        """Return where texts still name the person."""

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> ErasurePlan:
        """Return a plan for what is left."""


class ErasureMemory(Protocol):
    """What outlives a case: the register of kept records, the erasure journal, the stop list."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """Remember an erasure by *decided*; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Completed:
    """An erasure that is done, as far as it can be today."""

    plan: ErasurePlan
    """With the truth in it about what was left."""
    residues: Sequence[Residue]
    """Where the person is still named."""
    certificate: bytes


async def take_round(plans: Sequence[ErasurePlan], data_map: DataMap, records: ErasableRecords) -> Round:
    """
    Erase by the newest of *plans*, and look again for all that any of them was to erase.

    Raises:
        StoreUnavailable: A store did not answer; the call may be repeated.
    """
    refused = await records.erase(plans[-1])
    return await look_again(plans, data_map, records, refused)


async def look_again(
    plans: Sequence[ErasurePlan], data_map: DataMap, records: ErasableRecords, refused: Refused | None = None
) -> Round:
    """Look for all that any of *plans* was to erase, and return it with what was *refused*."""
    # In a thread, as all that goes through every record: the broker waits for a sign of life meanwhile.
    whole = await asyncio.to_thread(united, plans)
    return Round(whole, refused or {}, await records.verify(whole, data_map, whole.identities))


async def planned_anew(
    done: Round, rounds: int, data_map: DataMap, records: ErasableRecords, today: date
) -> ErasurePlan | None:
    """Return a plan for what *done* has left; none where another round, after so many, would take no more."""
    if not done.promising or rounds >= MOST_ROUNDS:
        return None
    return await records.plan_again(done, data_map, today)


async def truth_of(done: Round) -> ErasurePlan:
    """Return the plan of *done* with the truth in it about what was left."""
    return await asyncio.to_thread(settled, done)


async def complete(  # noqa: PLR0913 - what an end is made of
    decided: ErasurePlan,
    done: Round,
    data_map: DataMap,
    records: ErasableRecords,
    memory: ErasureMemory,
    *,
    name: str | None,
    details: Issue,
    signer: CertificateSigner,
) -> Completed:
    """
    Remember the erasure, look for what still names the person, and certify it.

    Args:
        decided: The plan with the truth in it.
        done: The last round.
        data_map: The one that was erased by.
        records: Where the person is looked for.
        memory: Makes sure, before anybody is told, that nothing brings the person back unseen.
        name: The person's full name, where it is known.
        details: Of the certificate.
        signer: Signs it.
    """
    await memory.remember(decided, data_map)
    wanted = needles(decided.known_by, name)
    residues = await records.look_through(decided, done.remains, data_map, wanted)
    certified = await asyncio.to_thread(certificate, decided, done.remains, residues, data_map, details)
    return Completed(decided, residues, issue(certified, signer))


class Forgetful:
    """A memory of nothing, where no database is named for one."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """Remember nothing."""


async def carry_through(  # noqa: PLR0913 - what an erasure is made of
    decided: ErasurePlan,
    data_map: DataMap,
    records: ErasableRecords,
    memory: ErasureMemory,
    *,
    number: str,
    controller: str,
    signer: CertificateSigner,
    zone: tzinfo = UTC,
) -> Completed:
    """
    Take every round of an erasure at once: of one that stands behind no request. What is refused is left.

    Args:
        decided: The plan.
        data_map: The one it was made by.
        records: What is erased.
        memory: Knows the erasure by *number*.
        number: Of the certificate.
        controller: Who answers for it.
        signer: Signs the certificate.
        zone: Says what day it is.

    Raises:
        StoreUnavailable: A store does not answer; the same call may be made again.
    """
    begun_at, plans = datetime.now(UTC), [decided]
    # Before the first write, too: what dies in between is erased, and nobody would know of it.
    await memory.remember(decided, data_map)
    while True:
        done = await take_round(plans, data_map, records)
        today = datetime.now(zone).date()
        again = await planned_anew(done, len(plans), data_map, records, today)
        if again is None:
            break
        plans.append(again)
    truth = await truth_of(done)
    details = Issue(number, number, controller, begun_at, datetime.now(UTC))
    return await complete(truth, done, data_map, records, memory, name=None, details=details, signer=signer)
