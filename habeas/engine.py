"""The engine of fulfillment for operators: the same calls that the service makes."""

import json
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from habeas.erasures import Memory
from services.fulfillment.cases import MOST_ROUNDS, united
from services.fulfillment.certificate import issue
from services.fulfillment.certifying import Issue, certificate
from services.fulfillment.datamap.reading import DataMap, load
from services.fulfillment.erasure.execution import Plan, execute, plan, verify
from services.fulfillment.erasure.residue import look_through
from services.fulfillment.erasure.rounds import Round, plan_again, settled
from services.fulfillment.erasure.steps import Step
from services.fulfillment.search.identities import Identities, identities_of
from services.fulfillment.search.mentions import needles
from services.fulfillment.search.stores import Stores
from services.fulfillment.search.walk import Findings, gather
from services.fulfillment.signing import Signer
from shared.errors import ConfigurationError, InvalidDataMap
from shared.events import Subject
from shared.mongo import json_util


@dataclass(frozen=True, slots=True)
class Engine:
    """A data map and the stores it speaks of."""

    data_map: DataMap
    stores: Stores

    async def gather(self, identities: Identities) -> Findings:
        """
        Return every record of the person.

        Raises:
            InvalidDataMap: The map names a collection that is not there.
            StoreUnavailable: A store does not answer.
        """
        findings = await gather(self.data_map, self.stores, identities)
        if findings.missing:
            missing = ", ".join(findings.missing)
            raise InvalidDataMap(f"the data map names {missing}, and the database has no such collection")
        return findings

    def plan(self, findings: Findings) -> Plan:
        """Return what an erasure would do to what was found, today."""
        return plan(findings, self.data_map, datetime.now(UTC).date())

    async def erase(
        self,
        decided: Plan,
        identities: Identities,
        *,
        controller: str,
        signer: Signer,
        memory: Memory | None = None,
    ) -> bytes:
        """
        Carry a plan out, look again, and return the signed certificate; *memory* remembers it.

        What a store refuses is left and named in it.

        Raises:
            StoreUnavailable: A store does not answer; the same call may be made again.
        """
        begun_at, plans, number = datetime.now(UTC), [decided], secrets.token_hex(16)
        if memory is not None:
            # Before the first write, too: what dies in between is erased, and nobody would know of it.
            await memory.remember(decided, identities, self.data_map, number)
        while (done := await self._round(plans, identities)).promising and len(plans) < MOST_ROUNDS:
            today = datetime.now(UTC).date()
            plans.append(await plan_again(done, self.data_map, self.stores, today))
        if memory is not None:
            await memory.remember(settled(done), identities, self.data_map, number)
        whole = settled(done)
        residues = await look_through(
            whole, done.remains, self.data_map, self.stores, needles(identities, None)
        )
        details = Issue(number, number, controller, begun_at, datetime.now(UTC))
        return issue(certificate(whole, done.remains, residues, self.data_map, details), signer)

    async def _round(self, plans: Sequence[Plan], identities: Identities) -> Round:
        refused = await execute(plans[-1], self.stores)
        whole = united(plans)
        return Round(whole, refused, await verify(whole, self.data_map, self.stores, identities))


@asynccontextmanager
async def opened(datamap: Path, urls: Mapping[str, str]) -> AsyncIterator[Engine]:
    """Open the engine on the map in the folder *datamap* and the stores at *urls*."""
    async with connected(urls) as stores:
        yield Engine(load(datamap), stores)


@asynccontextmanager
async def connected(urls: Mapping[str, str]) -> AsyncIterator[Stores]:
    """Open the stores at *urls*."""
    stores = Stores.connect(urls)
    try:
        yield stores
    finally:
        stores.close()


def store_urls(text: str) -> dict[str, str]:
    """
    Read ``HABEAS_STORES``.

    Raises:
        ConfigurationError: It is no JSON object of names and URLs.
    """
    try:
        urls = json.loads(text)
    except json.JSONDecodeError:
        urls = None
    if not isinstance(urls, dict) or not all(isinstance(url, str) for url in urls.values()):
        raise ConfigurationError('the stores are given as JSON: {"default": "mongodb://…"}')
    return urls


def identities(pairs: Sequence[str]) -> Identities:
    """
    Read ``name=value`` pairs.

    Raises:
        ConfigurationError: One is none, or no address or number.
    """
    named = [pair.partition("=") for pair in pairs]
    wrong = [name for name, equals, value in named if not equals or not value]
    if wrong or not named:
        raise ConfigurationError("an identity is given as name=value: email=ada@example.org")
    values = {name: value for name, _, value in named}
    email, phone = values.pop("email", None), values.pop("phone_number", None)
    try:
        return identities_of(Subject(email=email, phone=phone, identifiers=values))
    except ValidationError as error:
        flaw = error.errors(include_url=False, include_input=False)[0]
        raise ConfigurationError(f"identity {flaw['loc'][0]}: {flaw['msg']}") from None


def write(findings: Findings, folder: Path) -> None:
    """Write what was found into *folder*: a file of extended JSON per collection."""
    folder.mkdir(parents=True, exist_ok=True)
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for item in findings.found:
        found[item.collection.key].append(item.disclosed)
    for key, documents in found.items():
        text = json_util.dumps(documents, json_options=json_util.CANONICAL_JSON_OPTIONS, indent=1)
        (folder / f"{key}.json").write_text(text, encoding="utf-8")


def summary_of_findings(findings: Findings) -> dict[str, Any]:
    """Return what was found as plain values: per collection how far it was searched, and the ids."""
    ids: defaultdict[str, list[Any]] = defaultdict(list)
    for item in findings.found:
        ids[item.collection.key].append(plain(item.id))
    return {
        "answer": findings.answer.value,
        "map_version": findings.version,
        "collections": {
            part.key: {"status": part.status.value, "found": part.found, "ids": ids[part.key]}
            for part in findings.coverage
        },
    }


def summary_of_plan(decided: Plan) -> dict[str, Any]:
    """Return what a plan would do as plain values."""
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for step in decided.steps:
        steps[step.key].append(step)
    return {
        "collections": {key: dict(Counter(s.disposition.value for s in some)) for key, some in steps.items()},
        "changes": {key: _changes(some) for key, some in steps.items()},
        "totals": decided.counts(),
        "reasons": decided.reasons(),
        "undeclared_fields": decided.undeclared,
        "steps": [
            {
                "collection": step.key,
                "id": plain(step.id),
                "disposition": step.disposition.value,
                "reason": step.because or step.reason,
                "until": step.until and step.until.isoformat(),
            }
            for step in decided.steps
        ],
    }


def _changes(steps: Sequence[Step]) -> dict[str, Any]:
    """Return what would be changed in one collection: fields masked, arrays left, and what stays."""
    return {
        "found": len(steps),
        "masked_fields": sorted({mask.path for step in steps for mask in step.masks}),
        "left_arrays": sorted({pull.match.unit or "" for step in steps for pull in step.pulls}),
        "unchangeable_fields": sorted({path for step in steps for path in step.left}),
        "kept_because": sorted({step.because or step.reason or "" for step in steps if step.reason}),
    }


def plain(value: Mapping[str, Any]) -> Any:
    """Return a primary key as plain JSON; the value alone where it is the ``_id``."""
    relaxed = json.loads(json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS))
    return relaxed["_id"] if set(relaxed) == {"_id"} else relaxed
