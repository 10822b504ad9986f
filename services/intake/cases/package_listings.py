"""The package that waits for a review: its reviews, and its listing in pieces that a page can show."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from pydantic import BaseModel, ValidationError

from shared.contract.events import Code, Right
from shared.contract.package_review import ListedRecord, Redaction, RedactionList
from shared.contract.ports import VaultPort
from shared.contract.staff import written_text

PIECE_BYTES = 16 * 1024
"""Bytes of the listing in a piece; a longer record is a piece of its own."""


class ReviewContent(BaseModel):
    """A review of the package by one account, where another one has to agree."""

    at: datetime
    by: Code
    item: Code | None
    """Name of the list of redactions, which a decision that agrees signs."""
    redactions: Sequence[Redaction]


class PackageReviewContent(BaseModel):
    """The package that waits for a review."""

    listing: Code
    right: Right
    records: int
    renewed: bool
    """Whether records have changed since an earlier listing."""
    reviews: Sequence[ReviewContent]


class ListingPiece(BaseModel):
    """Some records of a listing."""

    records: Sequence[ListedRecord]
    next: int | None
    """Where the next piece begins; none after the last one."""


async def listing_piece(vault: VaultPort, case: str, listing: str, start: int) -> ListingPiece:
    """
    Return the records of a *listing* from byte *start* on.

    Raises:
        KeyError: The listing is gone, or no record begins there.
    """
    lines: list[bytes] = []
    size, after = 0, None
    async for line in _lines(_opened(vault, case, listing, start)):
        if lines and size + len(line) > PIECE_BYTES:
            after = start + size
            break
        lines.append(line)
        size += len(line) + 1
    try:
        records = [ListedRecord.model_validate_json(line) for line in lines]
    except ValidationError:
        raise KeyError(start) from None
    return ListingPiece(records=records, next=after)


async def redactions_in(vault: VaultPort, case: str, item: str | None) -> Sequence[Redaction]:
    """Return the redactions that are sealed as *item*; none if there is none, or it is not what is signed."""
    if item is None:
        return ()
    try:
        text = written_text(item, await vault.open(case, item))
        return () if text is None else RedactionList.model_validate_json(text).redactions
    except (KeyError, ValidationError):
        return ()


async def _opened(vault: VaultPort, case: str, listing: str, start: int) -> AsyncIterator[bytes]:
    try:
        whole = await vault.open(case, listing)
    except KeyError:  # it is stored in chunks
        async for content in vault.open_stream(case, listing, start=start):
            yield content
    else:
        yield whole[start:]


async def _lines(contents: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = b""
    async for content in contents:
        *whole, held = (held + content).split(b"\n")
        for line in whole:
            yield line
