"""
The verification of requests for the privacy staff, and the proofs to review.

Each look at a proof, with account and reason, is in the verifier's
journal before the first byte is opened. The file itself is
never shown, only pictures of it, drawn by a confined process.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from habeas.client import staff
from services.verifier.assurance.levels import provision_of
from services.verifier.assurance.reviews import ReviewQueue
from services.verifier.documents.examiner.handlers import document_of, pages_drawn
from services.verifier.documents.sandbox import DocumentWorker, FilePreview, PagePixels
from services.verifier.domain import RECORDS, Verification, VerificationStatus, evolve
from shared import extras
from shared.contract.events import (
    DecisionRefused,
    Fact,
    ProofExamined,
    ProofKind,
    ProofReceived,
    ProofRef,
    RequestReceived,
)
from shared.errors import ConfigurationError
from shared.law.library import policies
from shared.runtime.journal import Journal, JournalRow, events_of
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import Client, connect
from shared.runtime.vault import Vault

SEEN_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class IdentityStatus:
    """The state of a request's verification."""

    case: str
    known: Verification
    facts: Sequence[Fact]

    @property
    def waits_for_staff(self) -> bool:
        """Whether a proof needs a review."""
        return self.known.status is VerificationStatus.OPEN and bool(self.known.reviewed_for)

    @property
    def proofs(self) -> Iterator[ProofRef]:
        """The documents received and not destroyed."""
        for fact in self.facts:
            if isinstance(fact, RequestReceived | ProofReceived):
                documents = [proof for proof in fact.proofs if proof.kind is ProofKind.DOCUMENT]
                yield from (proof for proof in documents if proof.ref in self.known.evidence)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values: required proof with reasons, evidence, proofs to review."""
        needed, request = self.known.requirement, self.known.request
        laws = [policies().named(id_) for id_ in request.laws] if request else []
        examined = [
            {"slot": fact.proof.slot, "verdict": fact.verdict.value, "reasons": list(fact.reasons)}
            for fact in self.facts
            if isinstance(fact, ProofExamined)
        ]
        return {
            "request": self.case,
            "status": self.known.status.value,
            "level": needed.level.value if needed else None,
            "because": {ground: provision_of(ground, laws) for ground in needed.grounds} if needed else {},
            "ways": [sorted(way.evidence) for way in needed.ways] if needed else [],
            "gained": sorted(self.known.held),
            "lapses_at": self.known.lapses_at.isoformat() if self.known.lapses_at else None,
            "review": list(self.known.reviewed_for),
            "first_decider": self.known.first_decision and self.known.first_decision.by,
            "examined": examined,
        }


@dataclass(frozen=True, slots=True)
class EvidenceLook:
    """The result of a look at proofs."""

    written: Sequence[Path]
    withheld: Mapping[str, Sequence[str]]
    """Proof → reason for not showing it, or not all of it."""


@asynccontextmanager
async def opened(mongo_url: str, prefix: str) -> AsyncIterator["IdentityReader"]:
    """Open the verifier's journal."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        yield IdentityReader(client, prefix)


@dataclass(frozen=True, slots=True)
class IdentityReader:
    """Reader of the verifier's journal and proofs."""

    client: Client
    prefix: str

    async def standing(self, case: str) -> IdentityStatus:
        """
        Return the state of the verification of *case*.

        Raises:
            ConfigurationError: The verifier knows no such request.
            StoreUnavailable: The database did not answer.
        """
        rows = (await self._journal().histories({case})).get(case, [])
        if not rows:
            raise ConfigurationError(f"the verifier knows no request {case}")
        return _standing(case, rows)

    async def waiting(self) -> list[IdentityStatus]:
        """Return the requests with a proof to review."""
        cases = await ReviewQueue(self.client[f"{self.prefix}_verifier"]).cases()
        histories = await self._journal().histories(cases)
        standings = (_standing(case, rows) for case, rows in histories.items())
        return [standing for standing in standings if standing.waits_for_staff]

    async def show(
        self, standing: IdentityStatus, entry: str, master_key: RootKey, folder: Path
    ) -> EvidenceLook:
        """
        Write pictures of a request's proofs, and the readings, into *folder*, once the look is on record.

        The files are readable by their owner only. *entry* is the id of the event of the staff account.

        Raises:
            ConfigurationError: The verifier refused it, or did not put it on record: it is not running. Or
                the renderer of documents is not installed here.
            Destroyed: The case has no key any more.
        """
        encode = _encoder()
        await self._admitted(standing.case, entry)
        vault = Vault(self.client, prefix=self.prefix, master_key=master_key)
        drawn = await _drawn(vault, standing)
        files = {
            f"{name}-{number}.jpg": encode(page)
            for name, shown in drawn.items()
            for number, page in enumerate(shown.pages, 1)
        }
        examined = (fact.report for fact in standing.facts if isinstance(fact, ProofExamined))
        for report in (report for report in examined if report and report in standing.known.evidence):
            read = orjson.loads(await vault.open(standing.case, report))
            files[f"report-{report[-8:]}.json"] = orjson.dumps(read, option=orjson.OPT_INDENT_2)
        not_shown = {name: _not_shown(shown) for name, shown in drawn.items()}
        return EvidenceLook(_written(files, folder), {name: why for name, why in not_shown.items() if why})

    async def _admitted(self, case: str, entry: str) -> None:
        """Wait until the verifier has answered *entry*; an earlier look does not count."""
        deadline = time.monotonic() + SEEN_WITHIN_S
        while time.monotonic() < deadline:
            rows = (await self._journal().histories({case})).get(case, [])
            answers = [fact for row in rows if row.cause == entry for fact in row.facts]
            for answer in answers:
                if isinstance(answer, DecisionRefused):
                    raise ConfigurationError(staff.explained(answer.reason))
            if answers:
                return
            await asyncio.sleep(0.1)
        raise ConfigurationError("the verifier has not recorded the look: is it running?")

    def _journal(self) -> Journal:
        return Journal(self.client[f"{self.prefix}_verifier"], RECORDS)


def _standing(case: str, rows: Sequence[JournalRow]) -> IdentityStatus:
    facts = tuple(events_of(rows))
    return IdentityStatus(case, reduce(evolve, facts, Verification()), facts)


async def _drawn(vault: Vault, standing: IdentityStatus) -> dict[str, FilePreview]:
    """Return pictures of each proof."""
    drawn = {}
    async with DocumentWorker() as examiner:
        for proof in standing.proofs:
            content, media_type = await document_of(proof, standing.case, vault)
            drawn[f"{proof.slot}-{proof.ref[-8:]}"] = await examiner.show(content, media_type)
    return drawn


def _encoder() -> Callable[[PagePixels], bytes]:
    """Return the JPEG encoder of a page. It gets pixels, so it decodes no file."""
    try:
        from services.verifier.documents.files.jpeg import encode  # noqa: PLC0415 - the extra `documents`
    except ImportError as error:
        raise ConfigurationError(extras.missing("documents") or str(error)) from None
    return lambda page: encode(page.pixels, (page.width, page.height))


def _not_shown(shown: FilePreview) -> Sequence[str]:
    """Return the reason for not showing a file, or not all of it; empty if shown."""
    drawn = pages_drawn(shown)
    return (f"{drawn.more} more pages",) if drawn.more else drawn.reasons


def _written(files: Mapping[str, bytes], folder: Path) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def table_of(standings: Sequence[IdentityStatus]) -> Table:
    """Return the waiting requests as a table."""
    table = Table("request", "needs", "has", "look at")
    for standing in standings:
        row = standing.plain()
        table.add_row(row["request"], row["level"], ", ".join(row["gained"]), ", ".join(row["review"]))
    return table
