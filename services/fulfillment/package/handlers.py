"""
Disclosure: a copy of the records, their portable part, or the kinds of data; and the fees for answers.

The person is informed of amount and reason of a fee, and nothing is done before they agree. The answer does
not wait for the payment: invoices and payments are outside this service.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.context import FoundRequest, FulfillmentContext
from services.fulfillment.domain import SHARED_IDENTITY, UNCONFIRMED_IDENTITY, laws_answered
from services.fulfillment.package import answers
from services.fulfillment.package.builder import PackageWriter, build, build_overview
from services.fulfillment.package.copies import content_of
from services.fulfillment.package.labels import locale_of, map_in
from services.fulfillment.package.people import people
from services.fulfillment.package.portability import in_scope, portable
from services.fulfillment.package.review import check, review
from services.fulfillment.package.survey import Contents, Disclosed, PackageSection
from services.fulfillment.package.withheld import DisclosureRules
from services.fulfillment.search.confirmed_aliases import offered
from services.fulfillment.search.findings import Findings, SearchStatus
from services.fulfillment.search.scope import scope_of
from services.fulfillment.state import FulfillmentStatus, answerable, outcome_of_disclosure
from shared.contract.answer import Answer, PackageFacts, facts_of
from shared.contract.events import (
    Assurance,
    Code,
    DisclosureScheduled,
    Fact,
    FeeDecided,
    FeeQuoted,
    IdentityVerified,
    Outcome,
    PackageReviewed,
    PackageReviewNeeded,
    Requester,
    RequestFulfilled,
    TransferOrdered,
)
from shared.errors import RefusedDecision, Sealed
from shared.law import LEAST_WAIT, FeeReason, GivenCopies, Money, Right, end_of_wait, may_cost
from shared.law.library import policies
from shared.runtime.dataloader import in_thread
from shared.runtime.log import logger

PACKAGE = "package"
FURTHER_COPY = "further_copy"
BLACKED_OUT = "others_blacked_out"
BEYOND_A_MAILBOX = frozenset({Assurance.ACCOUNT, Assurance.VOUCHED, Assurance.REASONABLY_HIGH})
"""Proof that a thief of the mailbox does not have with it."""
REVIEWABLE = frozenset({FulfillmentStatus.AWAITING_REVIEW, FulfillmentStatus.FULFILLED})
"""Statuses in which a package can wait for a review; in the second, one that adds to an answer."""


async def disclose_package(
    wanted: FoundRequest, ctx: FulfillmentContext, window: DisclosureScheduled | None = None
) -> Sequence[Fact]:
    """
    Disclose the records under the right, or as much as the proof is enough for; quote a fee if due.

    If there is a *window*, the package is stored only at its end, and the window is returned.
    """
    right = answerable(wanted.event)
    if right is Right.KNOW_CATEGORIES:
        return [await _disclose_categories(wanted, ctx)]
    contents = await _contents(wanted, ctx)
    if right is Right.PORTABILITY and not _is_whole(wanted.event):
        kept, left = portable(contents.sections)
        held = {part.key for part in wanted.findings.coverage if part.found}
        left = [item for item in left if item.collection.key in held]
        contents = replace(contents, sections=kept, left_out=left)
    package, answer = await _built(contents, wanted, ctx)
    if not answer.disclosed:  # it is no copy, and no package is stored
        return [await _refusal(answer, wanted, ctx)]
    content = None
    if right is Right.ACCESS and ctx.house.further_copy_fee is not None:
        content = await in_thread(content_of, wanted.findings, small=wanted.findings.is_small)
        if contents.rules.released:  # it is no further copy of the one with masked values
            content = hashlib.sha256(content).digest()
        given = await ctx.copies.given(ctx.case_id, wanted.identities, ctx.now, content)
        if (quoted := fee_for_copy(wanted.event, given, ctx.house.further_copy_fee, ctx)) is not None:
            return [quoted]
    if window is not None:
        return [window]
    reviewed = await _reviewed(package, answer, right, wanted, ctx)
    if isinstance(reviewed, PackageReviewNeeded):
        return [reviewed]
    return [await _sent(*reviewed, content, wanted, ctx)]


async def _sent(
    package: PackageWriter,
    answer: Answer,
    content: bytes | None,
    wanted: FoundRequest,
    ctx: FulfillmentContext,
) -> Fact:
    """Store a package, and return the answer, or the command to send the package on."""
    if not answer.disclosed:
        return await _refusal(answer, wanted, ctx)
    name = await _sealed(package, ctx, small=wanted.findings.is_small)
    copies = await ctx.copies.count(ctx.case_id, wanted.identities, ctx.now, content)
    answer = answer.model_copy(update={"copies": copies})
    fulfilled = await _fulfilled(name, answer, wanted, ctx)
    portable = answerable(wanted.event) is Right.PORTABILITY
    transferred = portable and wanted.submitted.details.transfer_to is not None
    return _ordered(fulfilled) if transferred else fulfilled


async def _reviewed(
    package: PackageWriter, answer: Answer, right: Right, wanted: FoundRequest, ctx: FulfillmentContext
) -> tuple[PackageWriter, Answer] | PackageReviewNeeded:
    """Return *package* and *answer* without what the staff withholds, or what it must review first."""
    small = wanted.findings.is_small
    redactions = await review(package.summary, right, wanted.event, ctx, small=small)
    if isinstance(redactions, PackageReviewNeeded):
        return redactions
    if not redactions.any:
        return package, answer
    return await _built(replace(package.summary.contents, redactions=redactions), wanted, ctx)


async def must_be_reviewable(event: PackageReviewed, ctx: FulfillmentContext) -> None:
    """Raise RefusedDecision unless the package waits that *event* reviews, and its redactions fit."""
    known = ctx.known
    if known.review is None or known.status not in REVIEWABLE:
        raise RefusedDecision("no_review_waits")
    if known.stopped:
        raise RefusedDecision("request_stopped")
    if known.awaits_scope:
        raise RefusedDecision("scope_asked")
    if event.listing != known.review.listing:
        raise RefusedDecision("listing_replaced")
    if any((one.by, one.content) == (event.by, event.content) for one in known.reviews):
        raise RefusedDecision("decider_decided_before")
    await check(event, ctx)


def _is_whole(event: IdentityVerified) -> bool:
    laws = laws_answered(event.laws, event.regulation, event.received_on)
    return any(law.whole_portability for law in laws)


async def store_copy(
    wanted: FoundRequest, ctx: FulfillmentContext
) -> tuple[str, Answer] | PackageReviewNeeded:
    """
    Store a copy of all records; return its name and content, or what the staff must review first.

    Raises:
        Sealed: It was not stored as it was written.
    """
    built = await _built(await _contents(wanted, ctx), wanted, ctx)
    reviewed = await _reviewed(*built, Right.ACCESS, wanted, ctx)
    if isinstance(reviewed, PackageReviewNeeded):
        return reviewed
    package, answer = reviewed
    name = await _sealed(package, ctx, small=wanted.findings.is_small)
    copies = await ctx.copies.count(ctx.case_id, wanted.identities, ctx.now)
    return name, answer.model_copy(update={"copies": copies})


async def _disclose_categories(wanted: FoundRequest, ctx: FulfillmentContext) -> RequestFulfilled:
    """
    Return the kinds of data held, without values.

    Law:
        Cal. Civ. Code § 1798.110(a)(1)-(4), 11 CCR § 7024(i)-(k); § 7024(a): with too little proof for
        the specific pieces is answered like a request for the categories.
    """
    counts = {part.key: part.found for part in wanted.findings.coverage if part.found}
    contents = await _contents(wanted, ctx)
    sections = [PackageSection(s.collection, ()) for s in contents.sections if s.collection.key in counts]
    package = build_overview(replace(contents, sections=sections), counts, signer=ctx.house.signer)
    name = await _sealed(package, ctx, small=True)
    fallback = wanted.event.right is not Right.KNOW_CATEGORIES
    answer = answers.overview(package.summary, wanted.findings, fallback=fallback)
    return await _fulfilled(name, answer, wanted, ctx)


async def _built(
    contents: Contents, wanted: FoundRequest, ctx: FulfillmentContext
) -> tuple[PackageWriter, Answer]:
    """Return a package and its answer, without storing it."""
    package = await in_thread(_packed, contents, wanted, ctx.house.signer, small=wanted.findings.is_small)
    data_map = map_in(await ctx.maps.of(wanted.findings.version), locale_of(wanted.submitted))
    answer = answers.disclosure(package.summary, wanted.findings, data_map)
    return package, answer.model_copy(update={"scope": answers.scope_labels(wanted.submitted, data_map)})


def _packed(contents: Contents, wanted: FoundRequest, signer: CertificateSigner) -> PackageWriter:
    rules = contents.rules
    everyone = people(
        wanted.findings, wanted.submitted, wanted.identities, lambda field: rules.notice(field) is None
    )
    return build(replace(contents, people=everyone), signer=signer)


async def _sealed(package: PackageWriter, ctx: FulfillmentContext, *, small: bool) -> str:
    """Seal *package*, read it back, and return its name; raises :class:`Sealed` if it differs."""
    name = f"{PACKAGE}_{secrets.token_hex(8)}"
    written, read = hashlib.sha256(), hashlib.sha256()
    like = package.template if small else b""
    size = await ctx.vault.seal_stream(ctx.case_id, name, _pieces(package, written, small=small), like=like)
    async for piece in ctx.vault.open_stream(ctx.case_id, name):
        read.update(piece)
    if written.digest() != read.digest():
        raise Sealed(f"the package of {ctx.case_id} was not stored as it was written")
    facts = PackageFacts(size=size, sha256=written.hexdigest())
    await ctx.vault.seal(ctx.case_id, facts_of(name), facts.model_dump_json().encode())
    return name


async def _pieces(package: PackageWriter, digest: "hashlib._Hash", *, small: bool) -> AsyncIterator[bytes]:
    """Yield the package; unless it is *small*, a single piece may hold thousands of records."""
    pieces = iter(package)
    while piece := await in_thread(next, pieces, b"", small=small):
        digest.update(piece)
        yield piece


async def _contents(wanted: FoundRequest, ctx: FulfillmentContext) -> Contents:
    findings, submitted, event = wanted.findings, wanted.submitted, wanted.event
    data_map = map_in(await ctx.maps.of(findings.version), locale_of(submitted))
    searched = [part.key for part in findings.coverage if part.status is SearchStatus.SEARCHED]
    sections = [PackageSection(data_map.by_key[key], Disclosed(findings, key)) for key in searched]
    person = event.right is Right.ACCESS and event.requester is not Requester.CONTROLLER
    return Contents(
        earlier=await ctx.past.before(ctx.case_id, wanted.identities, submitted.subject.name)
        if person
        else (),
        request_id=ctx.case_id,
        map_version=findings.version,
        made_at=ctx.now,
        controller=ctx.house.controller,
        sections=in_scope(sections, scope_of(submitted.details.scope, data_map)),
        contact=ctx.house.contact,
        person=submitted.subject.name or "",
        locale=locale_of(submitted),
        zone=ctx.house.zone,
        rules=disclosure_rules(
            event,
            wanted=submitted.details.full_values,
            by_staff=ctx.known.values_released(two=ctx.house.two_deciders),
        ),
        law=event.regulation,
        received_on=event.received_on,
        authority=ctx.house.authority,
        automated_decisions=ctx.house.automated_decisions,
        logo=ctx.house.logo,
    )


def disclosure_rules(
    event: IdentityVerified, *, wanted: bool = False, by_staff: bool = False
) -> DisclosureRules:
    """
    Return the rules for the values of an answer: those of the law that it is given under (ADR 0032).

    Masked values are released *by_staff*, or if they are *wanted* and more than the mailbox was proven. On
    the mailbox alone special categories are not disclosed. A customer that the company processes the data for
    has verified the person itself: nothing is masked.

    Law:
        GDPR Art. 12(6), 32: the proof follows the harm that the values do in the wrong hands.
    """
    more_proven = event.assurance in BEYOND_A_MAILBOX
    law, *_ = laws_answered(event.laws, event.regulation, event.received_on)
    released = (wanted and more_proven) or by_staff or event.requester is Requester.CONTROLLER
    return DisclosureRules(law, released=released, by_staff=by_staff, mailbox_alone=not more_proven)


async def _refusal(answer: Answer, wanted: FoundRequest, ctx: FulfillmentContext) -> RequestFulfilled:
    """Return the answer if the right covers no data of the person."""
    return RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=wanted.event.right,
        outcome=Outcome.REFUSED,
        reasons=dict(Counter(item.reason for item in answer.withheld)),
        answer=await ctx.sealed_answer(answer),
        withheld=answers.withheld_values(answer),
        absent=wanted.findings.absent,
        deciders=ctx.known.reviewers(two=ctx.house.two_deciders),
    )


async def _fulfilled(
    name: str, answer: Answer, wanted: FoundRequest, ctx: FulfillmentContext
) -> RequestFulfilled:
    disclosed = sum(group.records for group in answer.disclosed)
    return RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=wanted.event.right,
        outcome=outcome_of_disclosure(answer),
        dispositions={"disclosed": disclosed} if disclosed else {},
        reasons=_reasons(answer, wanted.findings),
        answer=await ctx.sealed_answer(answer),
        package=name,
        package_expires_at=ctx.now + ctx.house.package_lifetime,
        aliases=await offered(wanted.findings.claims, ctx),
        withheld=answers.withheld_values(answer),
        absent=wanted.findings.absent,
        deciders=ctx.known.reviewers(two=ctx.house.two_deciders),
    )


def _reasons(answer: Answer, findings: Findings) -> dict[str, int]:
    """Return the counted facts about an answer for the staff."""
    reasons = Counter(item.reason for item in answer.withheld)
    reasons[SHARED_IDENTITY] = len(findings.shared)
    reasons[UNCONFIRMED_IDENTITY] = len(findings.unconfirmed)
    reasons[BLACKED_OUT] = sum(item.count for item in answer.blacked_out)
    reasons[FURTHER_COPY] = max(answer.copies - 1, 0)
    return dict(+reasons)


def _ordered(fulfilled: RequestFulfilled) -> TransferOrdered:
    """Return the command to send the package on; its result is reported with the answer."""
    return TransferOrdered(
        request_id=fulfilled.request_id,
        outcome=fulfilled.outcome,
        dispositions=fulfilled.dispositions,
        reasons=fulfilled.reasons,
        answer=fulfilled.answer,
        package=fulfilled.package or "",
        aliases=fulfilled.aliases,
        withheld=fulfilled.withheld,
        absent=fulfilled.absent,
    )


TO_DECIDE = timedelta(days=10)
"""Time to agree (DPO Art. 19(3)); other laws state none, so it is the same for all."""


def fee_for_copy(
    event: IdentityVerified, before: GivenCopies, fee: Money, ctx: FulfillmentContext
) -> FeeQuoted | None:
    """
    Return the *fee* for a copy after those of *before*; None if it is free, or already agreed to.

    It is free where the laws leave no time to agree: the answer is due.

    Law:
        GDPR Art. 12(5), 15(3): the first copy is free; for others a reasonable fee may be charged.
        EDPB Guidelines 01/2022 paras. 27-29: only of the same data; about other data it is a new request.
    """
    if ctx.known.quoted is not None or not _may_cost(event, FeeReason.FURTHER_COPY, fee, before):
        return None
    if event.wait_until is not None and ctx.now + LEAST_WAIT > event.wait_until:
        return None
    return _quoted(event, fee, FeeReason.FURTHER_COPY, None, ctx)


def fee_by_staff(event: IdentityVerified, ctx: FulfillmentContext) -> FeeQuoted | None:
    """
    Return the fee that the staff decided; None if there is none, or one was quoted already.

    A fee that one of the person's laws forbids is not quoted: the answer is free then.

    Law:
        GDPR Art. 12(5), Cal. Civ. Code § 1798.145(h)(3): for a request that is manifestly unfounded or
        excessive, which the controller has to show.
    """
    decided = ctx.known.decided
    if decided is None or ctx.known.quoted is not None:
        return None
    if not _may_cost(event, decided.reason, decided.fee, GivenCopies()):
        reason = f"a law forbids {decided.fee} for {decided.reason}"
        logger().warning("fee not possible", request_id=ctx.case_id, reason=reason)
        return None
    return _quoted(event, decided.fee, decided.reason, decided.by, ctx)


async def decide_fee(event: FeeDecided, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Quote the fee that the staff decided, now if the identity is verified, else at the verification.

    Raises:
        RefusedDecision: A fee is quoted already, the request is answered or being executed, or a law of the
          person forbids the fee.
    """
    open_ones = {FulfillmentStatus.UNDECIDED, FulfillmentStatus.REFERRED}
    if ctx.known.quoted is not None or ctx.known.status not in open_ones:
        raise RefusedDecision("fee_too_late")
    if ctx.known.verified is None:
        return []
    quoted = fee_by_staff(ctx.known.verified, ctx.after(event))
    if quoted is None:
        raise RefusedDecision("fee_unlawful")
    return [quoted]


def _may_cost(event: IdentityVerified, reason: FeeReason, fee: Money, before: GivenCopies) -> bool:
    return may_cost([policies().named(id_) for id_ in event.laws], reason, fee, before)


def _quoted(
    event: IdentityVerified, fee: Money, reason: FeeReason, by: Code | None, ctx: FulfillmentContext
) -> FeeQuoted:
    """Quote *fee*; where the law leaves time to wait, but less than the usual, until then alone."""
    last_wait = event.wait_until if event.wait_until and ctx.now < event.wait_until else None
    ends_at = end_of_wait(ctx.now, TO_DECIDE, last_wait).astimezone(ctx.house.zone)
    answer_by = min(ctx.today() + TO_DECIDE, (ends_at - timedelta(microseconds=1)).date())
    return FeeQuoted(request_id=ctx.case_id, fee=fee, reason=reason, by=by, answer_by=answer_by)
