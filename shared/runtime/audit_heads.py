"""
Signed heads of the chains of a journal, exported once a day.

A chain shows that a row in it was changed, not that its end, or a whole case, was cut off. The heads show it:
number and MAC of the newest row of every case that moved since the heads before. They are numbered, each
names the digest of the one before, and all are signed (Ed25519). Copies belong where writers of
the database cannot write: files of ``habeas audit heads``, and the digest in the log.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from shared.runtime.audit_chain import MAC, ChainFault, ChainFinding, Head
from shared.runtime.audit_keys import heads_key
from shared.runtime.key_rings import RootKey
from shared.runtime.log import logger
from shared.runtime.mongo import Database, Document, insert_new, translated
from shared.runtime.worker import work_forever

COLLECTION: Final = "audit_heads"
FORMAT: Final = "habeas-audit-heads/1"
MOST_CASES: Final = 100_000
"""Cases in one document, which may have 16 MB."""
LOOK_EVERY_S: Final = 600.0
SETTLED: Final = timedelta(hours=1)
"""How long after midnight the heads of a day are exported."""
OVERLAP: Final = timedelta(days=1)
"""Rows as old as this may become durable only now: an outage holds them up."""
LATE: Final = timedelta(days=3)
"""Rows that are newer than the newest heads by more than this show that heads are missing."""
PLACE: Final = "audit_heads"
"""Names heads in a finding."""


@dataclass(frozen=True, slots=True)
class SignedHeads:
    """The heads of one day, or a part of them."""

    content: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, as the next ones and the log name it."""
        return sha256(self.content).hexdigest()

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the content as fields."""
        fields: Mapping[str, Any] = json.loads(self.content)
        return fields

    @property
    def number(self) -> int:
        """Place in the order of all heads of the service, from 1 on."""
        return int(self.fields["number"])

    @property
    def day(self) -> date:
        """The last day that is covered."""
        return date.fromisoformat(self.fields["day"])

    @property
    def heads(self) -> Mapping[str, Head]:
        """Case → its newest row."""
        return {case: Head(n, bytes.fromhex(mac)) for case, (n, mac) in self.fields["heads"].items()}


class HeadExport:
    """Exports the heads of one journal."""

    def __init__(
        self,
        database: Database,
        service: str,
        master_key: RootKey,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Export the heads of the journal in *database*."""
        self._rows = database["journal"]
        self._heads = database["audit_heads"]
        self._service = service
        self._key = heads_key(master_key, service)
        self._clock = clock

    async def run(self) -> None:
        """Export the heads that are due, for as long as the service runs; an outage only delays it."""
        await work_forever(
            self.work, service=self._service, delayed="heads are exported later", every_s=LOOK_EVERY_S
        )

    async def work(self) -> None:
        """
        Export the heads of the days that are over, unless they are.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        newest = await self._newest()
        day = (self._clock() - SETTLED).date() - timedelta(days=1)
        if newest is not None and newest.fields["last"] and newest.day >= day:
            return
        since = await self._day_done()
        number, previous = (newest.number, newest.digest) if newest else (0, "")
        async for heads, last in _paged(self._moved(since, day)):
            number += 1
            signed = self._signed(number, day, previous, heads, last=last)
            document = {"_id": number, "content": signed.content, "signature": signed.signature}
            if await insert_new(self._heads, [document]):
                return  # another replica is at it
            previous = signed.digest
            logger().info("audit heads", service=self._service, number=number, digest=previous)

    async def _newest(self) -> SignedHeads | None:
        with translated("read the audit heads"):
            found = await self._heads.find().sort("_id", -1).to_list(1)
        return signed_heads(found[0]) if found else None

    async def _day_done(self) -> date | None:
        """Return the last day with all heads exported."""
        with translated("read the audit heads"):
            async for document in self._heads.find().sort("_id", -1):
                heads = signed_heads(document)
                if heads.fields["last"]:
                    return heads.day
        return None

    async def _moved(self, since: date | None, day: date) -> AsyncIterator[tuple[str, int, str]]:
        """Yield case, number and MAC of the newest row of each case that moved after the day *since*."""
        until = _midnight(day + timedelta(days=1))
        when: Document = {"$lt": until}
        if since is not None:
            when["$gte"] = _midnight(since + timedelta(days=1)) - OVERLAP
        newest = {"$top": {"sortBy": {"n": -1}, "output": ["$n", f"${MAC}"]}}
        stages: list[Document] = [
            {"$match": {"at": when}},
            {"$group": {"_id": "$case", "newest": newest}},
        ]
        with translated("look for heads"):
            async for found in self._rows.aggregate(stages, allowDiskUse=True):
                n, mac = found["newest"]
                yield found["_id"], n, bytes(mac or b"").hex()

    def _signed(
        self, number: int, day: date, previous: str, heads: Mapping[str, Sequence[Any]], *, last: bool
    ) -> SignedHeads:
        content = {
            "format": FORMAT,
            "service": self._service,
            "number": number,
            "day": day.isoformat(),
            "previous": previous,
            "last": last,
            "heads": heads,
        }
        raw = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        return SignedHeads(raw, self._key.sign(raw))


async def _paged(
    moved: AsyncIterator[tuple[str, int, str]],
) -> AsyncIterator[tuple[dict[str, Sequence[Any]], bool]]:
    """Yield heads, some at a time, each time with whether they are the last."""
    page: dict[str, Sequence[Any]] = {}
    async for case, n, mac in moved:
        if len(page) == MOST_CASES:
            yield page, False
            page = {}
        page[case] = n, mac
    yield page, True


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def signed_heads(document: Mapping[str, Any]) -> SignedHeads:
    """Return the heads that are stored as *document*; empty ones, which no key signs, where it is none."""
    content, signature = document.get("content"), document.get("signature")
    if not (isinstance(content, bytes) and isinstance(signature, bytes)):
        return SignedHeads(b"", b"")
    return SignedHeads(content, signature)


def faults_of_heads(
    heads: Sequence[SignedHeads],
    kept: Sequence[SignedHeads],
    master_key: RootKey,
    service: str,
    first: int = 1,
) -> tuple[list[SignedHeads], list[ChainFinding]]:
    """
    Return the genuine heads of *service* in their order, and the faults of all others.

    Args:
        heads: Those in the database.
        kept: Copies that were kept elsewhere.
        master_key: Derives the key that signs.
        service: The service that wrote the heads.
        first: Number of the first of *heads* that there must be.
    """
    ours = {one.number: one for one in heads if _is_genuine(one, master_key, service)}
    copies = {one.number: one for one in kept if _is_genuine(one, master_key, service)}
    findings = list(_breaks(ours, copies, service, first))
    if len(ours) < len(heads) or len(copies) < len(kept):
        findings.append(ChainFinding(service, PLACE, None, ChainFault.ADDED))
    return [(copies | ours)[number] for number in sorted(copies | ours)], findings


def _is_genuine(heads: SignedHeads, master_key: RootKey, service: str) -> bool:
    try:
        heads_key(master_key, service).public_key().verify(heads.signature, heads.content)
    except InvalidSignature:
        return False
    return bool(heads.fields["format"] == FORMAT and heads.fields["service"] == service)


def _breaks(
    ours: Mapping[int, SignedHeads], copies: Mapping[int, SignedHeads], service: str, first: int
) -> Iterator[ChainFinding]:
    for number in range(first, max([*ours, *copies], default=0) + 1):
        if number not in ours:
            yield ChainFinding(service, PLACE, number, ChainFault.MISSING)
        elif not (_equals_copy(number, ours, copies) and _follows(number, ours)):
            yield ChainFinding(service, PLACE, number, ChainFault.CHANGED)


def _equals_copy(number: int, ours: Mapping[int, SignedHeads], copies: Mapping[int, SignedHeads]) -> bool:
    return number not in copies or copies[number].digest == ours[number].digest


def _follows(number: int, ours: Mapping[int, SignedHeads]) -> bool:
    return number - 1 not in ours or ours[number].fields["previous"] == ours[number - 1].digest
