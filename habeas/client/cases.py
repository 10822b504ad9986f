"""Reader of a case's sealed content, and of people's statements about uncorrected data, for operators."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace

from habeas.client.console_api import ConsoleClient
from habeas.client.engine import identities
from services.fulfillment.changes.suppressions import DISAGREEMENTS_KEY, Disagreements
from services.fulfillment.context import open_lines
from services.fulfillment.erasure.steps import RecordPlan, Steps, run_of_line
from services.fulfillment.search.confirmed_aliases import values_of
from services.fulfillment.state import united
from shared.contract.answer import SUBMISSION
from shared.contract.correlation import Correlation
from shared.contract.events import ErasurePlanned, Fact, RequestFulfilled, RequestSubmitted
from shared.contract.references import IdRange, references_in
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal, events_of
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import connect
from shared.runtime.vault import Vault

INCIDENT = "incident"
"""Kind of the cases of the console that are no request."""
ID_LENGTH = 32
ID_PART = re.compile(r"[0-9a-f]{4,32}")
"""An id, or enough of its beginning to look it up."""


@dataclass(frozen=True, slots=True)
class CaseReader:
    """A case of fulfillment, and the vault of its sealed parts."""

    id: str
    facts: Sequence[Fact]
    vault: Vault

    async def certificate(self) -> bytes:
        """
        Return the newest certificate, as it was signed.

        Raises ConfigurationError if there is none; Destroyed if the case has no key any more.
        """
        self._require_facts()
        issued = [fact.certificate for fact in self.facts if isinstance(fact, RequestFulfilled)]
        names = [name for name in issued if name is not None]
        if not names:
            raise ConfigurationError(f"request {self.id} has no certificate of erasure")
        return await self.vault.open(self.id, names[-1])

    async def plan(self) -> RecordPlan:
        """Return its erasure plan; raises as :meth:`certificate`."""
        self._require_facts()
        names = dict.fromkeys(fact.plan for fact in self.facts if isinstance(fact, ErasurePlanned))
        if not names:
            raise ConfigurationError(f"request {self.id} has no plan of an erasure")
        return united([await self._plan(name) for name in names])

    async def aliases(self) -> list[tuple[str, str, str]]:
        """
        Return reference, identity and value of each unverified alias that the newest answer offers.

        Raises ConfigurationError if there is none; Destroyed as :meth:`certificate`.
        """
        self._require_facts()
        facts = [fact for fact in self.facts if isinstance(fact, RequestFulfilled | ErasurePlanned)]
        offers = [fact.aliases for fact in facts if fact.aliases is not None]
        if not offers:
            raise ConfigurationError(f"the records of request {self.id} name no unverified alias")
        ref = offers[-1].ref
        values = values_of(await self.vault.open(self.id, ref))
        return [(f"{ref}:{n}", name, value) for n, (name, value) in enumerate(values, 1)]

    def _require_facts(self) -> None:
        """Raise ConfigurationError if fulfillment has no fact of the case."""
        if not self.facts:
            remedy = f"`habeas status {self.id}` shows its state"
            raise ConfigurationError(f"no answer to request {self.id} has begun: {remedy}")

    async def _plan(self, name: str) -> RecordPlan:
        lines = open_lines(self.vault, self.id, name)
        decided = RecordPlan.of_line(await anext(lines))
        return replace(decided, steps=Steps([run_of_line(line) async for line in lines]))


async def facts_of(case: CaseReader) -> Sequence[Fact]:
    """Return the facts of *case*; none if fulfillment does not know it."""
    return case.facts


@asynccontextmanager
async def opened(
    mongo_url: str, prefix: str, master_key: RootKey, request_id: str
) -> AsyncIterator[CaseReader]:
    """Open the case *request_id*. Raises StoreUnavailable if the database does not answer."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        rows = await Journal(client[f"{prefix}_fulfillment"]).histories({request_id})
        facts = tuple(events_of(rows.get(request_id, ())))
        yield CaseReader(request_id, facts, Vault(client, prefix=prefix, master_key=master_key))


async def correlation(mongo_url: str, prefix: str, request_id: str) -> Correlation | None:
    """Return the publisher's names of a request. Raises StoreUnavailable if the database is away."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        return (await Journal(client[f"{prefix}_intake"]).correlations([request_id])).get(request_id)


async def matching(mongo_url: str, database: str, text: str) -> list[str]:
    """
    Return the ids in the journal of *database* that begin with *text*, or have it as short reference.

    Raises:
        ConfigurationError: It is neither, or mistyped.
        StoreUnavailable: The database does not answer.
    """
    ranges = (
        [IdRange(text.ljust(ID_LENGTH, "0"), text.ljust(ID_LENGTH, "f"))] if ID_PART.fullmatch(text) else []
    )
    ranges = ranges or list(references_in(text))
    if not ranges:
        raise ConfigurationError(
            f"{text!r} is no id and no reference of the form HB-BW65-Y32Z-1H1, or mistyped"
        )
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        journal = Journal(client[database])
        return [case for ids in ranges for case in await journal.cases_between(*ids)]


async def known(console: ConsoleClient, text: str, *, incidents: bool = False) -> list[str]:
    """Return the ids of cases at *console* that begin with *text*, or have it as short reference."""
    ranges = list(references_in(text))
    return [
        case["id"]
        for case in await console.all("/cases", "cases", text=text)
        if (case["kind"] == INCIDENT) is incidents
        and (case["id"].startswith(text) or any(first <= case["id"] <= last for first, last in ranges))
    ]


async def statements(
    mongo_url: str, prefix: str, master_key: RootKey, pairs: Sequence[str]
) -> list[dict[str, str]]:
    """
    Return the statements of the person with the identities *pairs*, oldest first, with their requests.

    Raises ConfigurationError if one of *pairs* is not like ``email=kim@example.org``.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        known = Disagreements(client[f"{prefix}_fulfillment"], derived_key(master_key, DISAGREEMENTS_KEY))
        vault = Vault(client, prefix=prefix, master_key=master_key)
        found: list[dict[str, str]] = []
        for case in await known.of(identities(pairs)):
            if await vault.holds(case, SUBMISSION):  # else the case was destroyed, and the statement with it
                submitted = RequestSubmitted.model_validate_json(await vault.open(case, SUBMISSION))
                found.append({"request": case, "statement": submitted.details.statement or ""})
        return found
