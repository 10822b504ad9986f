"""
Who asks: what the verifier knows of it, for the privacy staff, and the proofs that wait for their eyes.

Nobody sees a proof without leaving a trace: that it is looked at, by whom and why, stands in the verifier's
journal before the first byte is opened.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from habeas import requests
from services.verifier.assurance import GROUNDS
from services.verifier.domain import RECORDS, Status, Verification, evolve
from shared.errors import ConfigurationError
from shared.events import (
    EvidenceShown,
    Fact,
    IdentityReviewNeeded,
    ProofExamined,
    ProofKind,
    ProofReceived,
    ProofRef,
    RequestReceived,
)
from shared.journal import Journal, story_of
from shared.mongo import Client, connect, translated
from shared.vault import Vault

SEEN_WITHIN_S = 15.0
ENDINGS = {
    "application/pdf": "pdf",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the verification of a request stands."""

    case: str
    known: Verification
    facts: Sequence[Fact]

    @property
    def waits_for_staff(self) -> bool:
        """Whether somebody must look at a proof."""
        return self.known.status is Status.OPEN and bool(self.known.reviewed_for)

    @property
    def proofs(self) -> Iterator[ProofRef]:
        """The documents that were sent, as far as they are not destroyed."""
        for fact in self.facts:
            if isinstance(fact, RequestReceived | ProofReceived):
                documents = [proof for proof in fact.proofs if proof.kind is ProofKind.DOCUMENT]
                yield from (proof for proof in documents if proof.ref in self.known.evidence)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values: what is needed and why, what was gained, what a person must look at."""
        needed = self.known.requirement
        examined = [fact for fact in self.facts if isinstance(fact, ProofExamined)]
        return {
            "request": self.case,
            "status": self.known.status.value,
            "level": needed.level.value if needed else None,
            "because": {ground: GROUNDS[ground] for ground in needed.grounds} if needed else {},
            "ways": [sorted(way.evidence) for way in needed.ways] if needed else [],
            "gained": sorted(self.known.held),
            "lapses_at": self.known.lapses_at.isoformat() if self.known.lapses_at else None,
            "review": list(self.known.reviewed_for),
            "first_decider": self.known.first_decision and self.known.first_decision.by,
            "examined": [
                {"slot": fact.proof.slot, "verdict": fact.verdict.value, "reasons": list(fact.reasons)}
                for fact in examined
            ],
        }


@asynccontextmanager
async def opened(mongo_url: str, prefix: str) -> AsyncIterator["Desk"]:
    """Open the verifier's journal."""
    client = connect(mongo_url, app_name="habeas command")
    try:
        yield Desk(client, prefix)
    finally:
        client.close()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the staff looks."""

    client: Client
    prefix: str

    async def standing(self, case: str) -> Standing:
        """
        Return where the verification of *case* stands.

        Raises:
            ConfigurationError: The verifier knows no such request.
            StoreUnavailable: The database did not answer.
        """
        rows = (await self._journal().histories({case})).get(case, [])
        if not rows:
            raise ConfigurationError(f"the verifier knows no request {case}")
        facts, known = tuple(story_of(rows)), Verification()
        for fact in facts:
            known = evolve(known, fact)
        return Standing(case, known, facts)

    async def waiting(self) -> list[Standing]:
        """Return the requests in which somebody must look at a proof."""
        with translated("read the verifier's journal"):
            cases = await self._rows().distinct("case", {"facts.type": IdentityReviewNeeded.TYPE})
        standings = [await self.standing(case) for case in cases]
        return [standing for standing in standings if standing.waits_for_staff]

    async def show(
        self, standing: Standing, shown: EvidenceShown, amqp_url: str, master_key: bytes, folder: Path
    ) -> list[Path]:
        """
        Write the proofs of a request and what was read from them into *folder*, once that is on record.

        Args:
            standing: Of the request.
            shown: Who looks, and why.
            amqp_url: Of the broker.
            master_key: Opens the vault.
            folder: Only its owner may read what is written there.

        Raises:
            ConfigurationError: The verifier did not put it on record: it is not running.
            Destroyed: The case has no key any more.
        """
        await self._on_record(shown.request_id, await requests.announce(amqp_url, shown))
        vault = Vault(self.client, prefix=self.prefix, master_key=master_key)
        files = {}
        for proof in standing.proofs:
            content = b"".join([piece async for piece in vault.open_stream(standing.case, proof.ref)])
            files[f"{proof.slot}-{proof.ref[-8:]}.{ENDINGS.get(proof.media_type, 'bin')}"] = content
        for report in _reports(standing):
            read = orjson.loads(await vault.open(standing.case, report))
            files[f"report-{report[-8:]}.json"] = orjson.dumps(read, option=orjson.OPT_INDENT_2)
        return _written(files, folder)

    async def _on_record(self, case: str, entry: str) -> None:
        """Wait until *entry* stands in the verifier's journal: an earlier look is no leave for this one."""
        deadline = time.monotonic() + SEEN_WITHIN_S
        wanted = {"case": case, "cause": entry}
        while time.monotonic() < deadline:
            with translated("read the verifier's journal"):
                if await self._rows().find_one(wanted) is not None:
                    return
            await asyncio.sleep(0.1)
        raise ConfigurationError("the verifier has not put it on record that you look: is it running?")

    def _journal(self) -> Journal:
        return Journal(self.client[f"{self.prefix}_verifier"], RECORDS)

    def _rows(self) -> Any:
        return self.client[f"{self.prefix}_verifier"]["journal"]


def _reports(standing: Standing) -> list[str]:
    examined = [fact for fact in standing.facts if isinstance(fact, ProofExamined)]
    return [fact.report for fact in examined if fact.report in standing.known.evidence and fact.report]


def _written(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for name, content in files.items():
        paths.append(folder / name)
        paths[-1].touch(mode=0o600)
        paths[-1].write_bytes(content)
    return paths


def table_of(standings: Sequence[Standing]) -> Table:
    """Return the requests that wait, as a person reads them."""
    table = Table("request", "needs", "has", "look at")
    for standing in standings:
        row = standing.plain()
        table.add_row(row["request"], row["level"], ", ".join(row["gained"]), ", ".join(row["review"]))
    return table
