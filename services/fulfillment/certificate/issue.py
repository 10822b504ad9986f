"""
Creates the certificate of an erasure from its plan, its result and its verification.

Certificates of requests are sealed with their cases; the others are kept here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from importlib.metadata import version

from services.fulfillment.certificate.document import (
    Certificate,
    CertificateProof,
    Handled,
    LookedThrough,
    Retained,
    Searched,
    SecondLook,
)
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import OUT_OF_SCOPE, RETENTION_DUTY
from services.fulfillment.erasure.execution import Remains, Residue
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep, alike
from services.fulfillment.package.labels import cited, title
from services.fulfillment.recipients.directory import by_hand, recipients_of
from services.fulfillment.search.findings import SearchStatus
from shared.labels import default_of
from shared.law import Policy, ReasonCode
from shared.runtime.mongo import Database, insert_new, translated

PROGRAM = f"habeas {version('habeas')}"
"""Cached: it is read from a file."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Number, issuer, times and request of a certificate."""

    number: str
    request_id: str
    controller: str
    begun_at: datetime
    completed_at: datetime
    proof: CertificateProof | None = None
    """None if the erasure belongs to no request."""
    agreed: Collection[str] = ()
    """The recipients that are notified automatically."""
    grounds: Mapping[str, str] = field(default_factory=dict)
    """The grounds of Art. 17(1) GDPR by the keys of the erased collections."""
    laws: Sequence[Policy] = ()
    """The laws that protect the person: their provisions are cited."""


def certificate(
    plan: RecordPlan, remains: Remains, residues: Sequence[Residue], data_map: DataMap, issue: Issue
) -> Certificate:
    """Return the certificate of an erasure by *plan* with the verification *remains* and *residues*."""
    recipients = recipients_of(plan, data_map)
    searched = [part for part in remains.findings.coverage if part.status is SearchStatus.SEARCHED]
    return Certificate(
        number=issue.number,
        request_id=issue.request_id,
        map_version=plan.version,
        controller=issue.controller,
        begun_at=issue.begun_at,
        completed_at=issue.completed_at,
        handled=tuple(_handled(plan, data_map, issue)),
        second_look=SecondLook(issue.completed_at, len(searched), _remaining(plan, remains)),
        recipients=recipients,
        not_notified=by_hand(recipients, issue.agreed),
        proof=issue.proof,
        searched=tuple(_searched(remains, data_map)),
        looked_through=tuple(_looked_through(residues, data_map)),
        program=PROGRAM,
    )


def _remaining(plan: RecordPlan, remains: Remains) -> int:
    """Return how much the second search found, and the records whose data the map forbids to change."""
    unchangeable = sum(records for step, records in alike(plan.steps) if step.unchangeable)
    return len(remains.remainders) + unchangeable


def _handled(plan: RecordPlan, data_map: DataMap, issue: Issue) -> Iterator[Handled]:
    steps: defaultdict[str, list[tuple[RecordStep, int]]] = defaultdict(list)
    for step, records in alike(plan.steps):
        steps[step.key].append((step, records))
    for key, of_collection in steps.items():
        counts: Counter[Disposition] = Counter()
        for step, records in of_collection:
            counts[step.disposition] += records
        outside = [(step, records) for step, records in of_collection if step.reason == OUT_OF_SCOPE]
        # Unchanged are records without data that the erasure covers, or outside the scope of the request.
        unchanged = counts[Disposition.UNCHANGED] - sum(records for _, records in outside)
        yield Handled(
            *_place(key, data_map),
            label=title(data_map.by_key[key]),
            found=counts.total(),
            erased=counts[Disposition.ERASED],
            masked=counts[Disposition.MASKED],
            gone=counts[Disposition.GONE],
            retained=(
                *_reasons(of_collection, Disposition.RETAINED, issue.laws),
                *_reasons(outside, Disposition.UNCHANGED, issue.laws),
                *([Retained(unchanged, "not_personal")] if unchanged else []),
            ),
            left=tuple(_reasons(of_collection, Disposition.LEFT, issue.laws)),
            incomplete=sum(records for step, records in of_collection if step.incomplete),
            ground=issue.grounds.get(key, ""),
            parted=sum(records for step, records in of_collection if _is_parted(step)),
        )


def _is_parted(step: RecordStep) -> bool:
    """Return whether the person's elements were taken out of a document that stays."""
    return step.disposition is Disposition.ERASED and not step.deleted


def _reasons(
    steps: Iterable[tuple[RecordStep, int]], disposition: Disposition, laws: Sequence[Policy]
) -> Sequence[Retained]:
    counts: Counter[tuple[str, str, date | None]] = Counter()
    for step, records in steps:
        if step.disposition is disposition:
            counts[step.reason or "", _cited(step, laws), step.until] += records
    return [Retained(records, reason, because, until) for (reason, because, until), records in counts.items()]


def _cited(step: RecordStep, laws: Sequence[Policy]) -> str:
    """Return the provision of *laws* to keep the records of *step*; of a duty, that of the company's law."""
    if step.reason == RETENTION_DUTY:
        return step.because or ""
    if step.reason not in set(ReasonCode):
        return ""
    provisions = dict.fromkeys(law.citation(ReasonCode(step.reason)) for law in laws)
    return "; ".join(filter(None, provisions))


def _searched(remains: Remains, data_map: DataMap) -> Iterator[Searched]:
    for part in remains.findings.coverage:
        read_again = remains.looked_at.get(part.key, 0)
        yield Searched(*_place(part.key, data_map), part.status.value, part.found, read_again)


def _looked_through(residues: Iterable[Residue], data_map: DataMap) -> Iterator[LookedThrough]:
    for residue in residues:
        yield LookedThrough(
            *_place(residue.key, data_map),
            label=title(data_map.by_key[residue.key]),
            documents=residue.documents,
            places=len(residue.mentions),
            records=residue.records,
            finished=residue.finished,
        )


def _place(key: str, data_map: DataMap) -> tuple[str, str, str]:
    collection = data_map.by_key[key]
    return collection.store, collection.dataset, collection.name


def localized_certificate(certificate: Certificate, data_map: DataMap) -> Certificate:
    """Return *certificate* with the texts of *data_map*: the map of its version, in another language."""
    collections = [data_map.by_key[f"{one.dataset}.{one.collection}"] for one in certificate.handled]
    names = {default_of(name): name for one in data_map.collections for name in one.facts.recipients}
    handled = (
        replace(
            item,
            label=title(collection),
            retained=tuple(replace(one, citation=cited(collection, one.citation)) for one in item.retained),
        )
        for item, collection in zip(certificate.handled, collections, strict=True)
    )
    looked_through = (
        replace(item, label=title(data_map.by_key[f"{item.dataset}.{item.collection}"]))
        for item in certificate.looked_through
    )
    return replace(
        certificate,
        handled=tuple(handled),
        looked_through=tuple(looked_through),
        recipients=tuple(names.get(name, name) for name in certificate.recipients),
        not_notified=tuple(names.get(name, name) for name in certificate.not_notified),
    )


class Certificates:
    """The collection ``certificates``: free of personal data, they outlive all cases."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._certificates = database["certificates"]

    async def prepare(self) -> None:
        """Create the index by the earlier erasure or approved purge."""
        with translated("index the certificates"):
            await self._certificates.create_index("of", sparse=True)

    async def numbers_of(self, purge: str) -> Sequence[str]:
        """Return the numbers of the certificates that the earlier erasure or approved *purge* led to."""
        with translated("list certificates"):
            found = self._certificates.find({"of": purge}, {"_id": 1}).sort("at", 1)
            return [document["_id"] async for document in found]

    async def keep(self, number: str, file: bytes, at: datetime, *, of: str | None = None) -> bytes:
        """
        Keep the signed *file*, issued *at*; *of* is the earlier erasure that left records, if any.

        Return the file that stands under *number*: the first one.
        """
        entry = {"_id": number, "of": of, "at": at, "file": file}
        there = await insert_new(self._certificates, [entry])
        return (await self.of(number) or file) if there else file

    async def of(self, number: str) -> bytes | None:
        """Return the signed file; None if there is no such certificate."""
        with translated("read a certificate"):
            found = await self._certificates.find_one({"_id": number})
        return None if found is None else bytes(found["file"])
