"""Decisions of the staff that end a request which no service can answer."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.handlers import draft_letter, end_referral
from services.fulfillment.state import NOT_BEGUN, FulfillmentCase, FulfillmentStatus
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Assurance,
    IdentityVerified,
    Outcome,
    PreviewAsked,
    PreviewDrafted,
    ReferralDecided,
    RefusalGround,
    RequestFulfilled,
    RequestReferred,
)
from shared.contract.previews import DECISION, PreviewVault, packed_facts
from shared.contract.staff import packed_item, salted, written_item
from shared.errors import RefusedDecision
from shared.law import Regulation, Right
from shared.vocabulary import ReferralReason
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import CASE, OneMap, around
from tests.unit.fulfillment.test_disclosure import MAP

TEXT, PACKAGE = salted(b"We corrected the paper file.", b"s" * 16), b"PK\x03\x04 files"
REFERRED = RequestReferred(request_id=CASE, right=Right.ACCESS, reason=ReferralReason.NOTHING_DECLARED)
VERIFIED = IdentityVerified(
    request_id=CASE,
    right=Right.ACCESS,
    regulation=Regulation.GDPR,
    received_on=date(2026, 11, 25),
    assurance=Assurance.MAILBOX,
    reasons=("mailbox",),
    laws=("gdpr@2018-05-25",),
)
WAITING = FulfillmentCase(FulfillmentStatus.REFERRED, verified=VERIFIED, referred=REFERRED)
BY_HAND = {"explanation": written_item(TEXT), "package": packed_item(PACKAGE)}
EXCESSIVE = {"grounds": (RefusalGround.EXCESSIVE,)}


async def waiting(known: FulfillmentCase = WAITING) -> FulfillmentContext:
    ctx = around(vault=MemoryVault(), known=known)
    await ctx.vault.create(CASE)
    await ctx.vault.seal(CASE, written_item(TEXT), TEXT)

    async def pieces() -> Any:
        yield PACKAGE

    await ctx.vault.seal_stream(CASE, packed_item(PACKAGE), pieces())
    return ctx


def decided(outcome: Outcome, **words: Any) -> ReferralDecided:
    return ReferralDecided(request_id=CASE, by="anna", outcome=outcome, **words)


@pytest.mark.parametrize(
    ("outcome", "words", "expires"),
    [
        (Outcome.GRANTED, BY_HAND, True),
        (Outcome.GRANTED, {"explanation": BY_HAND["explanation"]}, False),
        (Outcome.PARTLY_GRANTED, BY_HAND | EXCESSIVE, True),
        (Outcome.REFUSED, EXCESSIVE, False),
        (Outcome.REFUSED, EXCESSIVE | {"explanation": BY_HAND["explanation"]}, False),
        (Outcome.NOTHING_HELD, {}, False),
    ],
)
async def test_each_lawful_decision_fulfils_the_request(
    outcome: Outcome, words: dict[str, Any], *, expires: bool
) -> None:
    ctx = await waiting()
    [fulfilled] = await end_referral(decided(outcome, **words), ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert (fulfilled.right, fulfilled.outcome) == (Right.ACCESS, outcome)
    assert (fulfilled.explanation, fulfilled.package) == (words.get("explanation"), words.get("package"))
    assert list(fulfilled.reasons) == list(words.get("grounds", ()))
    lifetime = ctx.house.package_lifetime
    assert fulfilled.package_expires_at == (ctx.now + lifetime if expires else None)
    assert fulfilled.certificate is None


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        pytest.param(Outcome.REFUSED, {}, id="a refusal without a ground"),
        pytest.param(Outcome.REFUSED, EXCESSIVE | {"package": BY_HAND["package"]}, id="a refusal with files"),
        pytest.param(Outcome.GRANTED, {"package": BY_HAND["package"]}, id="files without a text"),
        pytest.param(Outcome.GRANTED, BY_HAND | EXCESSIVE, id="granted as a whole, and a ground"),
        pytest.param(Outcome.PARTLY_GRANTED, EXCESSIVE, id="granted in part without a text"),
        pytest.param(Outcome.NOTHING_HELD, EXCESSIVE, id="nothing held, and a ground"),
        pytest.param(Outcome.NOTHING_HELD, BY_HAND, id="nothing held, and files"),
    ],
)
async def test_incomplete_decision_is_refused(outcome: Outcome, words: dict[str, Any]) -> None:
    with pytest.raises(RefusedDecision, match="incomplete"):
        await end_referral(decided(outcome, **words), await waiting())


@pytest.mark.parametrize("status", sorted(set(FulfillmentStatus) - {FulfillmentStatus.REFERRED, *NOT_BEGUN}))
async def test_request_that_is_answered_or_under_way_is_not_ended(status: FulfillmentStatus) -> None:
    ctx = await waiting(replace(WAITING, status=status))
    with pytest.raises(RefusedDecision, match=r"not_referred|under_way|fee_waits"):
        await end_referral(decided(Outcome.NOTHING_HELD), ctx)


@pytest.mark.parametrize("status", sorted(NOT_BEGUN))
async def test_request_whose_answer_has_not_begun_is_refused_on_a_ground(status: FulfillmentStatus) -> None:
    ctx = await waiting(FulfillmentCase(status, verified=VERIFIED))
    event = decided(Outcome.REFUSED, **EXCESSIVE)
    [fulfilled] = await end_referral(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert (fulfilled.right, fulfilled.outcome) == (Right.ACCESS, Outcome.REFUSED)
    assert ctx.after(event, fulfilled).known.status is FulfillmentStatus.FULFILLED


async def test_request_without_a_proven_identity_is_left_to_the_verifier() -> None:
    ctx = await waiting(FulfillmentCase())
    assert await end_referral(decided(Outcome.REFUSED, unproven=True, **EXCESSIVE), ctx) == []
    with pytest.raises(RefusedDecision, match="not_proven"):
        await end_referral(decided(Outcome.REFUSED, **EXCESSIVE), ctx)


async def test_later_round_of_an_erasure_and_an_ended_service_are_under_way() -> None:
    later = FulfillmentCase(FulfillmentStatus.AWAITING_WINDOW, verified=VERIFIED, rounds=2)
    consent = VERIFIED.model_copy(update={"right": Right.CONSENT_WITHDRAWAL})
    ended = FulfillmentCase(FulfillmentStatus.DISCLOSURE_SCHEDULED, verified=consent)
    for known in (later, ended):
        with pytest.raises(RefusedDecision, match="under_way"):
            await end_referral(decided(Outcome.REFUSED, **EXCESSIVE), await waiting(known))


async def test_second_decision_for_the_same_request_is_refused() -> None:
    first, ctx = decided(Outcome.NOTHING_HELD), await waiting()
    facts = await end_referral(first, ctx)
    with pytest.raises(RefusedDecision, match="not_referred"):
        await end_referral(decided(Outcome.REFUSED, **EXCESSIVE), ctx.after(first, *facts))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Outcome.GRANTED, BY_HAND), (Outcome.REFUSED, EXCESSIVE), (Outcome.NOTHING_HELD, {})],
)
async def test_of_two_deciders_the_second_gives_the_answer_of_the_first(
    outcome: Outcome, words: dict[str, Any]
) -> None:
    ctx = await waiting()
    ctx = replace(ctx, house=replace(ctx.house, two_deciders=True))
    first = decided(outcome, **words)
    assert await end_referral(first, ctx) == []
    ctx = ctx.after(first)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await end_referral(first, ctx)
    other = Outcome.NOTHING_HELD if words else Outcome.REFUSED
    differs = decided(other, **{} if words else EXCESSIVE).model_copy(update={"by": "bruno"})
    assert await end_referral(differs, ctx) == [], "another answer is another proposal"
    [fulfilled] = await end_referral(first.model_copy(update={"by": "bruno"}), ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert (fulfilled.outcome, fulfilled.package) == (outcome, words.get("package"))


async def test_answer_that_its_account_replaced_is_not_given() -> None:
    ctx = await waiting()
    ctx = replace(ctx, house=replace(ctx.house, two_deciders=True))
    first, better = decided(Outcome.NOTHING_HELD), decided(Outcome.REFUSED, **EXCESSIVE)
    ctx = ctx.after(first, better)
    assert await end_referral(first.model_copy(update={"by": "bruno"}), ctx) == []
    assert len(await end_referral(better.model_copy(update={"by": "bruno"}), ctx)) == 1


async def test_stopped_request_is_not_ended() -> None:
    ctx = await waiting(replace(WAITING, stopped=True))
    with pytest.raises(RefusedDecision, match="request_stopped"):
        await end_referral(decided(Outcome.NOTHING_HELD), ctx)


@pytest.mark.parametrize(
    "ground",
    [
        pytest.param(RefusalGround.PROFESSIONAL_SECRECY, id="of no law of the request"),
        pytest.param(RefusalGround.GROUNDS_PREVAIL, id="of another right"),
    ],
)
async def test_ground_that_no_law_of_the_request_has_for_its_right_is_refused(ground: RefusalGround) -> None:
    grounds = (RefusalGround.EXCESSIVE, ground)
    with pytest.raises(RefusedDecision, match="ground_unlawful"):
        await end_referral(decided(Outcome.REFUSED, grounds=grounds), await waiting())


@pytest.mark.parametrize("missing", BY_HAND)
async def test_text_or_package_that_was_not_signed_is_refused(missing: str) -> None:
    ctx = await waiting()
    other = {"explanation": written_item(b"another"), "package": packed_item(b"another")}
    with pytest.raises(RefusedDecision, match="text_differs"):
        await end_referral(decided(Outcome.GRANTED, **BY_HAND | {missing: other[missing]}), ctx)


@pytest.mark.parametrize("replaced", BY_HAND)
async def test_replaced_text_or_package_is_refused(replaced: str) -> None:
    ctx = await waiting()
    item = BY_HAND[replaced]
    await ctx.vault.discard(CASE, [item])

    async def pieces() -> Any:
        yield b"PK\x03\x04 other files"

    if replaced == "package":
        await ctx.vault.seal_stream(CASE, item, pieces())
    else:
        await ctx.vault.seal(CASE, item, salted(b"Another text.", b"s" * 16))
    with pytest.raises(RefusedDecision, match="text_differs"):
        await end_referral(decided(Outcome.GRANTED, **BY_HAND), ctx)


@pytest.mark.parametrize("two", [False, True])
async def test_previewed_decision_drafts_the_answer_and_changes_nothing_of_the_case(*, two: bool) -> None:
    ctx = await waiting(replace(WAITING, verified=VERIFIED.model_copy(update={"right": Right.RECTIFICATION})))
    ctx = replace(ctx, house=replace(ctx.house, two_deciders=two), maps=OneMap(MAP))
    details = {"statement": "The date is wrong."}
    submitted = {"reference": "r", "right": "rectification", "subject": {"email": "ada@example.org"}}
    await ctx.vault.seal(CASE, SUBMISSION, json.dumps(submitted | {"details": details}).encode())
    place, refused = (
        PreviewVault(ctx.vault, "preview_0123456789abcdef"),
        decided(Outcome.REFUSED, **EXCESSIVE),
    )
    await place.seal(CASE, DECISION, packed_facts([refused]))
    asked = PreviewAsked(request_id=CASE, preview=place.preview, type=refused.TYPE)
    # Here neither statements nor timers can be kept: each call would fail.
    assert await draft_letter(asked, ctx) == [PreviewDrafted(request_id=CASE, preview=place.preview)]
    [fulfilled] = await place.facts(CASE) or []
    assert isinstance(fulfilled, RequestFulfilled)
    assert (fulfilled.outcome, fulfilled.statement_kept) == (Outcome.REFUSED, True)
    assert not await ctx.vault.holds(CASE, fulfilled.answer)
    assert await place.holds(CASE, fulfilled.answer)
    assert ctx.after(asked).known == ctx.known
