"""All sealed content of a case that the staff may read while the case is opened."""

import io
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from services.intake.cases.package_listings import (
    ListingPiece,
    PackageReviewContent,
    ReviewContent,
    listing_piece,
    redactions_in,
)
from services.intake.domain import IntakeCase
from shared.contract import events
from shared.contract.answer import (
    RAW_MAIL,
    SUBMISSION,
    Answer,
    FileFacts,
    LetterCopy,
    PackageFacts,
    facts_of,
    outline_of,
    scope_entries,
)
from shared.contract.case_openings import DrawnPages, page_of, pages_of, report_of
from shared.contract.events import Code, DataPoints, LetterKind, ProofKind, ProofRef, Remedy, RequestSubmitted
from shared.contract.ports import VaultPort
from shared.contract.staff import written_text
from shared.runtime.dataloader import side_by_side
from shared.runtime.journal import DatedFact

F = TypeVar("F", bound=events.Fact)
MAIL, ZIP = "message/rfc822", "application/zip"
DIRECTORY_BYTES = 4 << 20
"""Bytes at the end of a package in which the list of its files is looked for: about 30,000 files."""


class StatementContent(BaseModel):
    """The statement of an appeal or complaint."""

    remedy: Remedy
    received_on: date
    text: str


class StaffText(BaseModel):
    """A text of the staff to the person."""

    at: datetime
    text: str


class NoteContent(BaseModel):
    """A note of the staff."""

    at: datetime
    by: Code
    text: str


class HoldContent(BaseModel):
    """The staff's text on a legal hold."""

    at: datetime
    by: Code
    matter: Code
    text: str


class RemarkContent(BaseModel):
    """The reason of an account for its decision."""

    at: datetime
    by: Code
    type: Code
    """Of the decision."""
    text: str


class FileContent(BaseModel):
    """A file that the staff attached; the content is an item."""

    item: Code
    at: datetime
    by: Code
    media_type: str
    name: str = ""
    """As it was called where it came from; empty if unknown."""
    size: int | None = None
    """In bytes."""


class CertificateContent(BaseModel):
    """A certificate of erasure; the signed file is an item."""

    item: Code
    at: datetime


class MailContent(BaseModel):
    """A mail, as it arrived; the content is an item."""

    item: Code
    at: datetime
    reason: Code


class LetterContent(BaseModel):
    """A letter as it was sent, without codes and links that act for their holder."""

    item: Code
    at: datetime
    kind: LetterKind
    acknowledges: bool
    to: str
    subject: str
    text: str
    html: str


class DocumentContent(BaseModel):
    """A document that is to prove something."""

    proof: Code
    slot: Code | None
    media_type: str
    pending: bool
    """Whether its pages are still being drawn."""
    pages: Sequence[Code]
    """Items with pictures of its pages, JPEG."""
    more: int = 0
    """Further pages, which are not drawn."""
    reasons: Sequence[str] = ()
    """Why no page is drawn."""
    report: dict[str, Any] | None = None
    """The findings of the machine; none while it examines the document."""


class EvidenceContent(BaseModel):
    """The proofs that are not destroyed yet."""

    pending: bool
    """Whether the verifier has still to list them."""
    documents: Sequence[DocumentContent] = ()
    claims: Sequence[dict[Code, str]] = ()
    """Claimed data points: field of the data map → value."""


class PackageFile(BaseModel):
    """A file in the package."""

    name: str
    size: int
    """In bytes."""


class PackageContent(BaseModel):
    """The package that the person downloads."""

    item: Code
    """The ZIP, as the person gets it, while it is kept."""
    size: int
    sha256: str
    files: Sequence[PackageFile]


class AliasContent(BaseModel):
    """An identity that the person's records name; nothing has verified it when it was offered."""

    alias: str
    """Its reference, which a confirmation names."""
    identity: Code
    value: str
    proven: bool
    """Whether the person has proven it by a code since."""


class CaseContent(BaseModel):
    """All sealed content of a case that the staff may read."""

    until: datetime
    """When the opening ends."""
    submission: dict[str, Any] | None
    scope_answered: Sequence[str]
    """The data that the person limited the request to, when asked."""
    statements: Sequence[StatementContent]
    texts: Sequence[StaffText]
    notes: Sequence[NoteContent]
    holds: Sequence[HoldContent]
    remarks: Sequence[RemarkContent]
    files: Sequence[FileContent]
    mails: Sequence[MailContent]
    letters: Sequence[LetterContent]
    evidence: EvidenceContent
    plan: dict[str, Any] | None
    """Groups of records that the newest erasure plan with an approval would erase, mask and retain."""
    answer: dict[str, Any] | None
    """Groups of records, by what was done with them."""
    aliases: Sequence[AliasContent]
    """Those that the newest answer or plan offers for a confirmation."""
    certificates: Sequence[CertificateContent]
    package: PackageContent | None
    review: PackageReviewContent | None = None
    """The package that waits for a review."""


@dataclass(frozen=True, slots=True)
class ContentReader:
    """Reads the content of one case."""

    case_id: str
    case: IntakeCase
    facts: Sequence[DatedFact]
    vault: VaultPort
    now: datetime

    async def everything(self, until: datetime) -> CaseContent:
        """Return all content but the bytes of items; the account may read it *until* a time."""
        return CaseContent(
            until=until,
            submission=await self._submission(),
            scope_answered=await self._scope(),
            statements=await _found([self._statement(one) for one in self.case.appeals]),
            texts=await _found([self._text(at, item) for at, item in self._explanations()]),
            notes=await _found([self._note(at, fact) for at, fact in self._of(events.CaseNoted)]),
            holds=await _found([self._hold(at, fact) for at, fact in self._of(events.HoldPlaced)]),
            remarks=await _found([self._remark(at, fact) for at, fact in self.facts]),
            files=await _found([self._file(at, fact) for at, fact in self._of(events.FileAttached)]),
            mails=list(self._mails()),
            letters=await _found([self._letter(at, sent) for at, sent in self._of(events.NoticeSent)]),
            evidence=await self._evidence(),
            plan=await self._outline(),
            answer=await self._answer(),
            aliases=await self._aliases(),
            certificates=list(self._certificates()),
            package=await self._package(),
            review=await self._review(),
        )

    def download(self, item: str) -> tuple[str, AsyncIterator[bytes]] | None:
        """Return type and bytes of the mail, attached file or package *item*; None if it is none of them."""
        types = {mail.item: MAIL for mail in self._mails()}
        types |= {file.item: file.media_type for _, file in self._of(events.FileAttached)}
        if self.case.fulfilled and self.case.fulfilled.package:
            types[self.case.fulfilled.package] = ZIP
        return (types[item], self.vault.open_stream(self.case_id, item)) if item in types else None

    async def certificate(self, item: str) -> bytes | None:
        """Return the signed certificate *item*; None if there is no such certificate."""
        known = any(item == one.item for one in self._certificates())
        return await self._opened(item) if known else None

    async def listed(self, start: int) -> ListingPiece | None:
        """Return records of the package that waits for a review, from byte *start* of its listing on."""
        waits = self.case.review
        if waits is None:
            return None
        try:
            return await listing_piece(self.vault, self.case_id, waits.listing, start)
        except KeyError:
            return None

    async def page(self, item: str) -> bytes | None:
        """Return the picture *item* of a page; None if it is none of a shown document, or is not drawn."""
        for proof in self._shown(ProofKind.DOCUMENT):
            drawn = await self._drawn(proof)
            if drawn and item in _pages(proof, drawn):
                return await self._opened(item)
        return None

    async def letter(self, item: str) -> LetterCopy | None:
        """Return the letter *item*; None if there is no such letter."""
        known = any(sent.kept == item for _, sent in self._of(events.NoticeSent))
        content = await self._opened(item) if known else None
        return None if content is None else LetterCopy.read(content)

    async def _submission(self) -> dict[str, Any] | None:
        content = await self._opened(SUBMISSION)
        if content is None:
            return None
        return RequestSubmitted.model_validate_json(content).model_dump(mode="json", exclude_defaults=True)

    async def _scope(self) -> Sequence[str]:
        answered = self.case.scope_answered
        content = await self._opened(answered.scope) if answered and answered.scope else None
        return () if content is None else scope_entries(content.decode())

    async def _statement(self, appeal: events.AppealReceived) -> StatementContent | None:
        content = await self._opened(appeal.statement)
        if content is None:
            return None
        text = content.decode()
        return StatementContent(remedy=appeal.remedy, received_on=appeal.received_on, text=text)

    async def _text(self, at: datetime, item: Code) -> StaffText | None:
        content = await self._opened(item)
        text = None if content is None else written_text(item, content)
        return None if text is None else StaffText(at=at, text=text)

    async def _note(self, at: datetime, noted: events.CaseNoted) -> NoteContent | None:
        content = await self._opened(noted.note)
        return None if content is None else NoteContent(at=at, by=noted.by, text=content.decode())

    async def _hold(self, at: datetime, placed: events.HoldPlaced) -> HoldContent | None:
        found = await self._text(at, placed.explanation) if placed.explanation else None
        if found is None:
            return None
        return HoldContent(at=at, by=placed.by, matter=placed.matter, text=found.text)

    async def _remark(self, at: datetime, fact: events.Fact) -> RemarkContent | None:
        if not isinstance(fact, events.ReasonedDecision) or fact.remark is None:
            return None
        if (found := await self._text(at, fact.remark)) is None:
            return None
        return RemarkContent(at=at, by=fact.by, type=fact.TYPE, text=found.text)

    async def _file(self, at: datetime, file: events.FileAttached) -> FileContent:
        content = await self._opened(facts_of(file.item))
        facts = FileFacts() if content is None else FileFacts.model_validate_json(content)
        known = facts.model_dump()
        return FileContent(item=file.item, at=at, by=file.by, media_type=file.media_type, **known)

    async def _letter(self, at: datetime, sent: events.NoticeSent) -> LetterContent | None:
        content = await self._opened(sent.kept) if sent.kept else None
        if content is None:
            return None
        copy = LetterCopy.read(content)
        return LetterContent(
            item=sent.kept or "", at=at, kind=sent.letter, acknowledges=sent.acknowledges, **copy.model_dump()
        )

    async def _evidence(self) -> EvidenceContent:
        if self.case.received is None:
            return EvidenceContent(pending=False)
        shown = self.case.evidence_shown
        if shown is None or shown.until is None or shown.until <= self.now:
            return EvidenceContent(pending=True)
        return EvidenceContent(
            pending=False,
            documents=await _found([self._document(one) for one in self._shown(ProofKind.DOCUMENT)]),
            claims=await _found([self._claim(one) for one in self._shown(ProofKind.DATA_POINTS)]),
        )

    async def _document(self, proof: ProofRef) -> DocumentContent | None:
        drawn, report = await self._drawn(proof), await self._opened(report_of(proof.ref))
        if drawn is None and not self.case.awaits_proof:
            return None  # destroyed at the decision
        return DocumentContent(
            proof=proof.ref,
            slot=proof.slot,
            media_type=proof.media_type,
            pending=drawn is None,
            pages=_pages(proof, drawn) if drawn else (),
            more=drawn.more if drawn else 0,
            reasons=drawn.reasons if drawn else (),
            report=None if report is None else orjson.loads(report),
        )

    async def _claim(self, proof: ProofRef) -> dict[Code, str] | None:
        content = await self._opened(proof.ref)
        return None if content is None else dict(DataPoints.model_validate_json(content).points)

    async def _drawn(self, proof: ProofRef) -> DrawnPages | None:
        content = await self._opened(pages_of(proof.ref))
        return None if content is None else DrawnPages.model_validate_json(content)

    async def _outline(self) -> dict[str, Any] | None:
        plans = [planned.plan for _, planned in self._of(events.ErasurePlanned) if planned.approval]
        return await self._groups(outline_of(plans[-1])) if plans else None

    async def _answer(self) -> dict[str, Any] | None:
        answered = self.case.fulfilled or self.case.referred
        return await self._groups(answered.answer) if answered and answered.answer else None

    async def _groups(self, answer: Code) -> dict[str, Any] | None:
        content = await self._opened(answer)
        if content is None:
            return None
        return Answer.model_validate_json(content).model_dump(mode="json", exclude_defaults=True)

    async def _aliases(self) -> Sequence[AliasContent]:
        offer = self.case.offer
        content = await self._opened(offer.ref) if offer else None
        if offer is None or content is None:
            return ()
        proven = {number for ref, number in self.case.aliases_proven if ref == offer.ref}
        return [
            AliasContent(alias=f"{offer.ref}:{number}", identity=name, value=value, proven=number in proven)
            for number, (name, value) in enumerate(orjson.loads(content), 1)
        ]

    async def _package(self) -> PackageContent | None:
        item = self.case.fulfilled.package if self.case.fulfilled else None
        content = await self._opened(facts_of(item)) if item else None
        if item is None or content is None:
            return None
        facts = PackageFacts.model_validate_json(content)
        files = await self._packed(item, facts.size)
        return PackageContent(item=item, size=facts.size, sha256=facts.sha256, files=files)

    async def _review(self) -> PackageReviewContent | None:
        waits = self.case.review
        if waits is None:
            return None
        made = [one for one in self._of(events.PackageReviewed) if one[1].listing == waits.listing]
        reviews = [await self._reviewed(at, one) for at, one in made]
        known = waits.model_dump(include={"listing", "right", "records", "renewed"})
        return PackageReviewContent(**known, reviews=reviews)

    async def _reviewed(self, at: datetime, review: events.PackageReviewed) -> ReviewContent:
        redactions = await redactions_in(self.vault, self.case_id, review.redactions)
        return ReviewContent(at=at, by=review.by, item=review.redactions, redactions=redactions)

    async def _packed(self, package: str, size: int) -> list[PackageFile]:
        """Return the files in *package*, read from the list at its end."""
        tail = bytearray()
        with suppress(KeyError):
            start = max(0, size - DIRECTORY_BYTES)
            async for piece in self.vault.open_stream(self.case_id, package, start=start):
                tail += piece
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(tail)) as archive:
            return [PackageFile(name=one.filename, size=one.file_size) for one in archive.infolist()]
        return []

    async def _opened(self, item: str) -> bytes | None:
        """Return the content of *item*; None if there is none (any more)."""
        try:
            return await self.vault.open(self.case_id, item)
        except KeyError:
            return None

    def _shown(self, kind: ProofKind) -> Iterator[ProofRef]:
        """Yield the proofs of *kind* that the verifier shows now."""
        shown = self.case.evidence_shown
        if shown is not None and shown.until is not None and self.now < shown.until:
            yield from (proof for proof in shown.proofs if proof.kind is kind)

    def _explanations(self) -> Iterator[tuple[datetime, Code]]:
        for at, fact in self.facts:
            answers = events.RequestFulfilled | events.AppealAnswered | events.IdentityRefused
            if isinstance(fact, answers) and fact.explanation:
                yield at, fact.explanation

    def _of(self, kind: type[F]) -> Iterator[tuple[datetime, F]]:
        """Yield the facts of *kind*, with their time."""
        return ((at, fact) for at, fact in self.facts if isinstance(fact, kind))

    def _mails(self) -> Iterator[MailContent]:
        for at, fact in self.facts:
            match fact:
                case events.InquiryLodged():
                    yield MailContent(item=RAW_MAIL, at=at, reason="asked_back")
                case events.MessageLodged():
                    yield MailContent(item=fact.message, at=at, reason=fact.reason)
                case _:
                    pass

    def _certificates(self) -> Iterator[CertificateContent]:
        answers = self._of(events.RequestFulfilled)
        issued = {answered.certificate: at for at, answered in answers if answered.certificate}
        yield from (CertificateContent(item=item, at=at) for item, at in issued.items())


def _pages(proof: ProofRef, drawn: DrawnPages) -> list[Code]:
    return [page_of(proof.ref, number) for number in range(1, drawn.pages + 1)]


async def _found(works: Sequence[Any]) -> list[Any]:
    """Return the results of *works* that are there."""
    return [one for one in await side_by_side(works) if one is not None] if works else []
