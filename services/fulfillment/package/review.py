"""
Review of a package by the privacy staff before it is sent.

The records lie in the vault as a listing (:mod:`shared.contract.package_review`). A decision releases them as
listed, or without what its redactions withhold. If the records have changed since, nothing is released: the
staff gets a new listing.
"""

from collections.abc import Iterable, Iterator, Sequence

import orjson
from pydantic import ValidationError

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.domain import laws_answered
from services.fulfillment.package.records import as_json, notices_in
from services.fulfillment.package.staff_redactions import ListingReader, PackageRedactions
from services.fulfillment.package.survey import PackageSurvey
from shared.contract.events import IdentityVerified, PackageReviewed, PackageReviewNeeded
from shared.contract.package_review import LISTING, Redaction, RedactionList, line_of
from shared.contract.staff import written_text
from shared.errors import RefusedDecision
from shared.law import Policy, ReasonCode, Right
from shared.runtime.dataloader import in_thread

ALL = "*"
REVIEWED = frozenset({Right.ACCESS, Right.PORTABILITY})
"""Rights whose packages can need a review; others disclose no records."""


def needs_review(rules: Iterable[str], right: Right, laws: Iterable[Policy]) -> bool:
    """Return whether *rules* demand a review of packages for *right* under one of *laws*."""
    names = {ALL, right.value, *(f"{law.law}:{right}" for law in laws)}
    return not names.isdisjoint(rules)


async def review(
    package: PackageSurvey, right: Right, event: IdentityVerified, ctx: FulfillmentContext, *, small: bool
) -> PackageRedactions | PackageReviewNeeded:
    """Return what the staff withholds from *package*; if it is not reviewed as it is now, its new listing."""
    laws = laws_answered(event.laws, event.regulation, event.received_on)
    if not needs_review(ctx.house.review, right, laws):
        return PackageRedactions()
    decided = ctx.known.released_review(two=ctx.house.two_deciders)
    if decided is not None:
        listed = await _listed(decided, await redactions_of(decided, ctx), ctx)
        if listed is not None and await in_thread(_fingerprint, package, small=small) == listed.fingerprint:
            return listed.redactions
    return await _needed(package, right, ctx)


async def check(event: PackageReviewed, ctx: FulfillmentContext) -> None:
    """
    Compare the redactions of *event* with the listing.

    Raises:
        RefusedDecision: They are not the signed ones, have no ground in the law of the answer, or withhold
          something that is not listed.
    """
    redactions = await redactions_of(event, ctx)
    verified = ctx.known.verified
    if verified is not None:
        law, *_ = laws_answered(verified.laws, verified.regulation, verified.received_on)
        if not all(law.citation(ReasonCode(one.reason)) for one in redactions):
            raise RefusedDecision("ground_unlawful")
    listed = await _listed(event, redactions, ctx)
    if listed is not None:
        _ = listed.redactions


async def redactions_of(event: PackageReviewed, ctx: FulfillmentContext) -> Sequence[Redaction]:
    """Return the redactions of a review; raises RefusedDecision if they are not those that it signs."""
    if event.redactions is None:
        return ()
    try:
        text = written_text(event.redactions, await ctx.vault.open(ctx.case_id, event.redactions))
    except KeyError:
        text = None
    if text is None:
        raise RefusedDecision("text_differs")
    try:
        return RedactionList.model_validate_json(text).redactions
    except ValidationError:
        raise RefusedDecision("redactions_malformed") from None


async def _listed(
    event: PackageReviewed, redactions: Sequence[Redaction], ctx: FulfillmentContext
) -> ListingReader | None:
    """Return the reviewed listing, read whole; None if it is gone."""
    reader = ListingReader(redactions)
    try:
        async for line in ctx.opened_lines(event.listing):
            reader.add(line)
    except KeyError:
        return None
    return reader


def _fingerprint(package: PackageSurvey) -> int:
    reader = ListingReader()
    for line in _lines(package):
        reader.add(line)
    return reader.fingerprint


async def _needed(package: PackageSurvey, right: Right, ctx: FulfillmentContext) -> PackageReviewNeeded:
    """Seal the listing of *package*, in place of the one before."""
    before = ctx.known.review
    listing = await ctx.sealed_lines(LISTING, _lines(package))
    if before is not None:
        await ctx.vault.discard(ctx.case_id, [before.listing])
    return PackageReviewNeeded(
        request_id=ctx.case_id,
        right=right,
        listing=listing,
        records=package.records,
        renewed=before is not None,
    )


def _lines(package: PackageSurvey) -> Iterator[str]:
    for area in package.areas:
        named = {"collection": area.collection.key, "label": area.label}
        for number, document in enumerate(area.documents(), 1):
            places = list(notices_in(document))
            head = named | {"record": number} | ({"notices": places} if places else {})
            yield line_of(orjson.dumps(head).decode(), as_json(document))
