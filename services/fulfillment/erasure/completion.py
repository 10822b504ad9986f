"""
The course of an erasure: execute the newest plan, verify, plan again, certify.

The service does one round per event, so that an interrupted one can go on; the command line does all rounds
in one call. Both use this definition of a round, and of the registers written before anyone is notified.
"""

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
from services.fulfillment.erasure.steps import SMALL, ErasurePlan
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mentions import Needle, needles
from services.fulfillment.state import MOST_ROUNDS, united
from shared.runtime.dataloader import in_thread


class ErasableRecords(Protocol):
    """The person's records in the stores of the data map."""

    async def erase(self, plan: ErasurePlan) -> Refused:
        """Execute *plan*; return the refused records."""

    async def verify(self, plan: ErasurePlan, data_map: DataMap, identities: Identities) -> Remains:
        """Search again for the planned records."""

    async def search_texts(
        self, plan: ErasurePlan, remains: Remains, data_map: DataMap, wanted: frozenset[Needle]
    ) -> Sequence[Residue]:
        """Return the texts that still name the person."""

    async def plan_again(self, done: Round, data_map: DataMap, today: date) -> ErasurePlan:
        """Return a plan for the remaining records."""


class ErasureMemory(Protocol):
    """The registers that outlive a case: retained records, erasure journal, suppression list."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """Register an erasure by *decided*; it may be repeated."""


@dataclass(frozen=True, slots=True)
class Completed:
    """An erasure that is complete for today."""

    plan: ErasurePlan
    """With the final disposition of each record."""
    residues: Sequence[Residue]
    """Texts that still name the person."""
    certificate: bytes


async def take_round(plans: Sequence[ErasurePlan], data_map: DataMap, records: ErasableRecords) -> Round:
    """
    Erase by the newest of *plans*, and search again for the records of all of them.

    Raises:
        StoreUnavailable: A store did not answer; the call may be repeated.
    """
    refused = await records.erase(plans[-1])
    return await verify_plans(plans, data_map, records, refused)


async def verify_plans(
    plans: Sequence[ErasurePlan], data_map: DataMap, records: ErasableRecords, refused: Refused | None = None
) -> Round:
    """Search again for the records of all *plans*, and return the result with the *refused* ones."""
    whole = await in_thread(united, plans, small=all(plan.is_small for plan in plans))
    return Round(whole, refused or {}, await records.verify(whole, data_map, whole.identities))


async def plan_next_round(
    done: Round, rounds: int, data_map: DataMap, records: ErasableRecords, today: date
) -> ErasurePlan | None:
    """Return a plan for the records that *done* has left; None where a further round would take no more."""
    if not done.promising or rounds >= MOST_ROUNDS:
        return None
    return await records.plan_again(done, data_map, today)


async def final_plan(done: Round) -> ErasurePlan:
    """Return the plan of *done* with the final disposition of each record."""
    return await in_thread(settled, done, small=done.plan.is_small)


async def complete(  # noqa: PLR0913 - the parts of a completed erasure
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
    Register the erasure, search for texts that still name the person, and issue the certificate.

    Args:
        decided: The plan with the final dispositions.
        done: The last round.
        data_map: The data map of the plan.
        records: The stores.
        memory: Registers the erasure before anyone is notified, so that a restored backup is erased again.
        name: The person's full name, where it is known.
        details: Of the certificate.
        signer: Signs the certificate.
    """
    await memory.remember(decided, data_map)
    wanted = needles(decided.known_by, name)
    residues = await records.search_texts(decided, done.remains, data_map, wanted)
    small = decided.is_small and len(residues) <= SMALL
    certified = await in_thread(certificate, decided, done.remains, residues, data_map, details, small=small)
    return Completed(decided, residues, issue(certified, signer))


class NoMemory:
    """Registers that keep nothing, where no database is configured."""

    async def remember(self, decided: ErasurePlan, data_map: DataMap) -> None:
        """Register nothing."""


async def run_all_rounds(  # noqa: PLR0913 - the parts of an erasure
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
    Run all rounds of an erasure that belongs to no request. Refused records are left.

    Args:
        decided: The plan.
        data_map: The data map of the plan.
        records: The stores.
        memory: Registers the erasure under *number*.
        number: Of the certificate.
        controller: The controller named on the certificate.
        signer: Signs the certificate.
        zone: Time zone of the certificate's date.

    Raises:
        StoreUnavailable: A store does not answer; the call may be repeated.
    """
    begun_at, plans = datetime.now(UTC), [decided]
    # Before the first write, too: an erasure that is interrupted must be registered.
    await memory.remember(decided, data_map)
    while True:
        done = await take_round(plans, data_map, records)
        today = datetime.now(zone).date()
        again = await plan_next_round(done, len(plans), data_map, records, today)
        if again is None:
            break
        plans.append(again)
    truth = await final_plan(done)
    details = Issue(number, number, controller, begun_at, datetime.now(UTC))
    return await complete(truth, done, data_map, records, memory, name=None, details=details, signer=signer)
