"""The engine of fulfillment for operators, with the service's calls."""

import asyncio
import json
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from habeas.client.erasures import ErasureRecords
from habeas.client.private_files import open_private
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.datamap.graph import EMAIL, graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.erasure.completion import Completed, NoMemory, run_all_rounds
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, alike, steps_in
from services.fulfillment.holds.check import NO_HOLDS, HoldCheck
from services.fulfillment.search.engine import RecordEngine as Records
from services.fulfillment.search.findings import Findings, SearchAnswer
from services.fulfillment.search.identities import Identities, identities_of
from services.fulfillment.search.named_people import shared_identities
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.existence import NoSeenCollections
from services.fulfillment.stores.mongodb import Stores
from shared.contract.events import Subject
from shared.errors import ConfigurationError, InvalidDataMap
from shared.runtime.mongo import json_util


@dataclass(frozen=True, slots=True)
class OperatorEngine:
    """A data map and its stores."""

    data_map: DataMap
    stores: Stores
    zone: tzinfo = UTC
    """The company's."""

    async def gather(self, identities: Identities) -> Findings:
        """
        Return every record of the person.

        Raises:
            ConfigurationError: The map knows none of *identities*.
            InvalidDataMap: The map names a collection that is not there.
            StoreUnavailable: A store does not answer.
        """
        findings = await gather(self.data_map, self.stores, identities, register=NoSeenCollections())
        if findings.missing:
            missing = ", ".join(findings.missing)
            what = f"the data map names {missing}, and the database has no such collection"
            remedy = "correct the name, or set `skip_processing`"
            raise InvalidDataMap(f"{what}: {remedy}")
        if findings.answer is SearchAnswer.NOTHING_DECLARED:
            raise ConfigurationError(f"no search is possible: {self.not_known(identities)}")
        return findings

    def unknown(self, identities: Identities) -> Sequence[str]:
        """Return the names among *identities* that the map does not know."""
        known = graph_of(self.data_map).entries
        return [name for name in identities if name not in known]

    def not_known(self, names: Iterable[str]) -> str:
        """Return a message with the unknown *names* and the known ones."""
        known = ", ".join(sorted(graph_of(self.data_map).entries)) or "none"
        return f"the data map knows no identity {', '.join(names)}; it knows {known}"

    async def plan(self, findings: Findings) -> RecordPlan:
        """Return today's erasure plan for *findings*."""
        today = datetime.now(self.zone).date()
        return await asyncio.to_thread(plan, findings, self.data_map, today, zone=self.zone)

    async def erase(
        self,
        decided: RecordPlan,
        identities: Identities,
        controller: str,
        signer: CertificateSigner,
        memory: ErasureRecords | None = None,
    ) -> Completed:
        """
        Execute a plan, search again and certify it; *memory* records it, and keeps the certificate.

        The certificate names records that a store refused to change. Raises StoreUnavailable if a store does
        not answer; the same call may be made again.
        """
        number, today = secrets.token_hex(16), datetime.now(self.zone).date()
        found_by = {name: tuple(spellings) for name, spellings in identities.items()}
        completed = await run_all_rounds(
            replace(decided, identities=found_by),
            self.data_map,
            Records(self.stores, zone=self.zone, register=NoSeenCollections()),
            NoMemory() if memory is None else memory.of(number, self.data_map),
            number=number,
            controller=controller,
            signer=signer,
            zone=self.zone,
            holds=HoldCheck(NO_HOLDS if memory is None else memory.holds, number, today),
        )
        if memory is not None:
            await memory.certificates.keep(number, completed.certificate, datetime.now(UTC))
        return completed


@asynccontextmanager
async def opened(datamap: Path, urls: Mapping[str, str], zone: tzinfo = UTC) -> AsyncIterator[OperatorEngine]:
    """Open the engine on the map in *datamap* and the stores at *urls*; *zone* is the company's."""
    async with connected(urls) as stores:
        yield OperatorEngine(load(datamap), stores, zone)


@asynccontextmanager
async def connected(urls: Mapping[str, str]) -> AsyncIterator[Stores]:
    """Open the stores at *urls*."""
    with closing(Stores.connect(urls)) as stores:
        yield stores


def identities(pairs: Sequence[str]) -> Identities:
    """Read ``name=value`` pairs. Raises ConfigurationError if one is none, or no address or number."""
    named = [pair.partition("=") for pair in pairs]
    if not named or not all(equals and value for _, equals, value in named):
        raise ConfigurationError("an identity is given as name=value: email=ada@example.org")
    found: dict[str, tuple[str, ...]] = {}
    for name, _, value in named:
        fields: dict[str, Any] = {"email": {"email": value}, "phone_number": {"phone": value}}
        try:
            subject = Subject(**fields.get(name, {"identifiers": {name: value}}))
        except ValidationError as error:
            flaw = error.errors(include_url=False, include_input=False)[0]
            address = name == EMAIL and flaw["type"] == "string_pattern_mismatch"
            message = "no e-mail address such as ada@example.org" if address else flaw["msg"]
            raise ConfigurationError(f"identity {flaw['loc'][0]}: {message}") from None
        for known, spellings in identities_of(subject).items():
            found[known] = tuple(dict.fromkeys((*found.get(known, ()), *spellings)))
    return found


def write(findings: Findings, folder: Path) -> None:
    """Write *findings* into *folder*, for its owner alone: a file of extended JSON per collection."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for item in findings.found:
        found[item.collection.key].append(item.disclosed)
    for key, documents in found.items():
        text = json_util.dumps(documents, json_options=json_util.CANONICAL_JSON_OPTIONS, indent=1)
        with open(folder / f"{key}.json", "w", encoding="utf-8", opener=open_private) as file:
            file.write(text)


def doubts_about(findings: Findings) -> Iterator[str]:
    """Yield messages about lacking collections, and identities that differently named people share."""
    for key in findings.absent:
        yield f"{key} does not exist: it counts as empty"
    for shared in shared_identities(findings.found):
        where = ", ".join(shared.collections)
        what = f"records of {shared.people} differently named people share the identity {shared.identity}"
        yield f"{what}: {where}; check whose they are before you use them"


def summary_of_findings(findings: Findings) -> dict[str, Any]:
    """Return *findings* as plain values: per collection the extent of the search, and the ids."""
    ids: defaultdict[str, list[Any]] = defaultdict(list)
    for item in findings.found:
        ids[item.collection.key].append(plain(item.id))
    collections = {
        part.key: {"status": part.status.value, "found": part.found, "ids": ids[part.key]}
        for part in findings.coverage
    }
    answer = {"answer": findings.answer.value, "map_version": findings.version}
    shared = [asdict(one) for one in shared_identities(findings.found)]
    return {**answer, "collections": collections, "shared_identities": shared}


def summary_of_plan(decided: RecordPlan) -> dict[str, Any]:
    """Return a plan as plain values, with every record."""
    steps = [
        {
            "collection": step.key,
            "id": plain(step.id),
            "disposition": step.disposition.value,
            "reason": step.because or step.reason,
            "until": step.until and step.until.isoformat(),
        }
        for step in decided.steps
    ]
    return counts_of_plan(decided) | {"steps": steps}


def counts_of_plan(decided: RecordPlan) -> dict[str, Any]:
    """Return a plan as plain values, by collection."""
    steps: defaultdict[str, list[tuple[RecordStep, int]]] = defaultdict(list)
    dispositions: dict[str, dict[str, int]] = {}
    for step, records in alike(decided.steps):
        steps[step.key].append((step, records))
        counts = dispositions.setdefault(step.key, {})
        counts[step.disposition.value] = counts.get(step.disposition.value, 0) + records
    return {
        "collections": dispositions,
        "changes": {key: _changes(some) for key, some in steps.items()},
        "totals": decided.counts(),
        "reasons": decided.reasons(),
        "undeclared_fields": decided.undeclared,
    }


def ids_in(decided: RecordPlan, key: str) -> Iterator[Any]:
    """Yield the primary keys of the records of one collection, as plain JSON."""
    return (plain(step.id) for step in steps_in(decided.steps, key))


def _changes(steps: Sequence[tuple[RecordStep, int]]) -> dict[str, Any]:
    """Return the changes in one collection: masked fields, elements removed, and retained fields."""
    kinds = [step for step, _ in steps]
    days = sorted({step.until for step in kinds if step.until is not None})
    return {
        "found": sum(records for _, records in steps),
        "masked_fields": sorted({mask.path for step in kinds for mask in step.masks}),
        "left_arrays": sorted({pull.match.unit or "" for step in kinds for pull in step.pulls}),
        "unchangeable_fields": sorted({path for step in kinds for path in step.left}),
        "kept_because": sorted({step.because or step.reason or "" for step in kinds if step.reason}),
        "kept_until": [day.isoformat() for day in dict.fromkeys((days[0], days[-1]))] if days else [],
    }


def left_of(completed: Completed) -> Sequence[str]:
    """Return the records left by an erasure as text: count, collection and reason."""
    left: Counter[tuple[str, str]] = Counter()
    for step, records in alike(completed.plan.steps):
        if step.disposition is Disposition.LEFT or step.incomplete:
            left[step.key, step.reason or NOT_CHANGEABLE] += records
    return [f"{records} in {key} ({reason.replace('_', ' ')})" for (key, reason), records in left.items()]


def plain(value: Mapping[str, Any]) -> Any:
    """Return a primary key as plain JSON; the value alone where it is the ``_id``."""
    relaxed = json.loads(json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS))
    return relaxed["_id"] if set(relaxed) == {"_id"} else relaxed
