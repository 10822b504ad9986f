"""Review of a package before it is sent: listing, release, redactions and their counts."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import answer, answer_in_scope, review_package
from services.fulfillment.package.review import needs_review
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import (
    Assurance,
    Fact,
    Outcome,
    PackageReviewed,
    PackageReviewNeeded,
    RequestFulfilled,
    RequestStopped,
    RequestWithdrawn,
    ScopeAnswered,
    ScopeAsked,
)
from shared.contract.package_review import ListedRecord, is_listing
from shared.contract.staff import salted, written_item
from shared.errors import RefusedDecision
from shared.law import Regulation, Right
from shared.law.library import policies
from tests.unit.fulfillment.handler_fakes import CASE, Held, answer_of, stage, whole
from tests.unit.fulfillment.sample_records import unpacked

SECRET = "Kim Nachbarin"
MAP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    meta: {habeas: {purpose: To deliver., legal_basis: Art. 6(1)(b) GDPR, source: The person}}
    collections:
      - name: users
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: iban, data_categories: [user.financial.bank_account]}
          - {name: contacts, fields: [{name: name, data_categories: [user.name]}]}
          - {name: note, data_categories: [user.content]}
      - name: tickets
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: text, data_categories: [user.content]}
"""
    }
)
USERS, TICKETS = MAP.collections
MATCH = OwnershipMatch("email", None, ("ada@example.org",))
USER = {
    "_id": 1,
    "email": "ada@example.org",
    "iban": "DE02120300000000202051",
    "contacts": [{"name": SECRET}, {"name": "Lou Beispiel"}],
    "note": "said so",
}
TALKS = [
    {"_id": n, "email": "ada@example.org", "text": text} for n, text in enumerate((SECRET, "ask", "deaf"), 1)
]


def found(user: Mapping[str, Any] = USER, *tickets: Mapping[str, Any]) -> Findings:
    documents = [(USERS, user), *((TICKETS, one) for one in tickets or TALKS)]
    records = [FoundRecord(c, {"_id": d["_id"]}, dict(d), (MATCH,)) for c, d in documents]
    coverage = (
        Coverage("shop.users", SearchStatus.SEARCHED, 1),
        Coverage("shop.tickets", SearchStatus.SEARCHED, len(records) - 1),
    )
    return Findings(MAP.version, RecordTuple(records), coverage)


async def waiting(
    right: Right = Right.ACCESS, *, rules: frozenset[str] = frozenset({"*"}), two: bool = False, **asked: Any
) -> tuple[FulfillmentContext, PackageReviewNeeded]:
    """Return a request whose package waits for a review, and its listing."""
    event, ctx = await stage(MAP, found(), right, **asked)
    ctx = replace(ctx, house=replace(ctx.house, review=rules, two_deciders=two))
    [needed] = await answer(event, ctx)
    assert isinstance(needed, PackageReviewNeeded)
    return ctx.after(event, needed), needed


async def listed(ctx: FulfillmentContext, needed: PackageReviewNeeded) -> list[ListedRecord]:
    return [ListedRecord.model_validate_json(line) async for line in ctx.opened_lines(needed.listing)]


async def review_of(
    ctx: FulfillmentContext, needed: PackageReviewNeeded, *redactions: Mapping[str, Any], by: str = "dana"
) -> PackageReviewed:
    item = None
    if redactions:
        text = salted(json.dumps({"redactions": redactions}).encode(), b"s" * 16)
        item = written_item(text)
        await ctx.vault.seal(CASE, item, text)
    return PackageReviewed(request_id=CASE, by=by, listing=needed.listing, redactions=item)


def of(collection: str, record: int | None = None, field: str | None = None, **words: str) -> dict[str, Any]:
    return {
        "collection": collection,
        "record": record,
        "field": field,
        "reason": "third_party_rights",
        **words,
    }


def asked_scope(ctx: FulfillmentContext) -> ScopeAsked:
    today = ctx.today()
    return ScopeAsked(request_id=CASE, asked_at=ctx.now, until=ctx.now, answer_by=today, due_on=today)


async def files(ctx: FulfillmentContext, fulfilled: Fact) -> dict[str, bytes]:
    assert isinstance(fulfilled, RequestFulfilled)
    return unpacked(await whole(ctx.vault.open_stream(CASE, fulfilled.package or "")))


async def test_package_waits_and_its_listing_shows_what_the_person_would_get() -> None:
    ctx, needed = await waiting()
    assert ctx.known.status is FulfillmentStatus.AWAITING_REVIEW
    assert is_listing(needed.listing)
    assert (needed.right, needed.records, needed.renewed) == (Right.ACCESS, 4, False)
    records = await listed(ctx, needed)
    assert [(one.collection, one.record) for one in records] == [
        ("shop.users", 1), ("shop.tickets", 1), ("shop.tickets", 2), ("shop.tickets", 3),
    ]  # fmt: skip
    assert records[0].fields["contacts"] == [{"name": SECRET}, {"name": "Lou Beispiel"}]
    assert records[0].fields["iban"]["reason"] == "masked_value"
    assert records[0].notices == (("iban",),)
    assert [one.notices for one in records[1:]] == [()] * 3
    assert ctx.copies.cases == set(), "no copy was given yet"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rules", "right", "law", "expected"),
    [
        ((), Right.ACCESS, "gdpr", False),
        (("*",), Right.PORTABILITY, "gdpr", True),
        (("access",), Right.ACCESS, "us-ca-ccpa", True),
        (("access",), Right.PORTABILITY, "gdpr", False),
        (("us-ca-ccpa:access",), Right.ACCESS, "us-ca-ccpa", True),
        (("us-ca-ccpa:access",), Right.ACCESS, "gdpr", False),
    ],
)
def test_rules_name_the_packages_that_need_a_review(
    rules: tuple[str, ...], right: Right, law: str, *, expected: bool
) -> None:
    edition = next(one for one in policies() if one.law == law)
    assert needs_review(rules, right, [edition]) is expected


@pytest.mark.parametrize("rule", ["acess", "erasure", "gdpr", "us-xx:access", "gdpr:erasure"])
def test_unknown_right_or_law_in_the_setting_is_refused(rule: str) -> None:
    with pytest.raises(ValidationError, match="unknown"):
        FulfillmentSettings(review=frozenset({rule}), datamap=".", mail_from="a@example.com")


async def test_package_is_released_as_it_was_listed() -> None:
    ctx, needed = await waiting()
    [fulfilled] = await review_package(await review_of(ctx, needed), ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.deciders == ("dana",)
    assert SECRET.encode() in (await files(ctx, fulfilled))["data/default.tickets.json"]
    after = ctx.after(await review_of(ctx, needed), fulfilled)
    assert (after.known.review, after.known.reviews) == (None, ())


async def test_release_that_is_repeated_after_a_crash_gives_the_same_answer() -> None:
    ctx, needed = await waiting()
    event = await review_of(ctx, needed, of("shop.tickets", 1))
    [first], [second] = [await review_package(event, ctx) for _ in range(2)]
    names = {"answer", "package"}
    assert first.model_dump(exclude=names) == second.model_dump(exclude=names)
    assert (await files(ctx, first))["manifest.json"] == (await files(ctx, second))["manifest.json"]


async def test_redacted_values_are_in_no_file_and_counted_with_their_provision() -> None:
    ctx, needed = await waiting()
    redactions = (of("shop.users", 1, "contacts.name"), of("shop.tickets", 1))
    [fulfilled] = await review_package(await review_of(ctx, needed, *redactions), ctx)
    content = await files(ctx, fulfilled)
    assert [name for name, data in content.items() if SECRET.encode() in data or b"Beispiel" in data] == []
    assert json.loads(content["data/default.users.json"])[0]["note"] == "said so"
    assert [one["text"] for one in json.loads(content["data/default.tickets.json"])] == ["ask", "deaf"]
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.outcome is Outcome.PARTLY_GRANTED
    assert fulfilled.dispositions == {"disclosed": 3}
    withheld = {
        (one.category, one.values) for one in fulfilled.withheld if one.provision == "GDPR Art. 15(4)"
    }
    assert withheld == {("user.name", 2), ("user.contact.email", 1), ("user.content", 1)}
    groups = (await answer_of(ctx, fulfilled.answer)).withheld
    assert {one.values for one in groups if one.reason == "third_party_rights"} == {1, 2}
    assert b"Art. 15(4)" in content["index.html"]


async def test_withheld_collection_is_reported_as_held_and_not_as_empty() -> None:
    ctx, needed = await waiting()
    [fulfilled] = await review_package(await review_of(ctx, needed, of("shop.tickets")), ctx)
    content = await files(ctx, fulfilled)
    assert not [name for name in content if "tickets" in name]
    about = json.loads(content["about.json"])
    assert about["searched_without_result"] == []
    assert {(one["what"], one["values"]) for one in about["withheld"] if one["area"] == "Tickets"} == {
        ("Email", 3), ("Text", 3),
    }  # fmt: skip


async def test_package_without_any_record_left_is_a_refusal_with_its_reason() -> None:
    ctx, needed = await waiting()
    both = (of("shop.users"), of("shop.tickets"))
    [refused] = await review_package(await review_of(ctx, needed, *both), ctx)
    assert isinstance(refused, RequestFulfilled)
    assert (refused.outcome, refused.package) == (Outcome.REFUSED, None)
    assert "third_party_rights" in refused.reasons


async def test_records_changed_since_the_listing_are_listed_anew_and_not_sent() -> None:
    ctx, needed = await waiting()
    event = await review_of(ctx, needed)
    changed = replace(ctx, records=cast(Any, Held(found({**USER, "note": "new"}))))
    [again] = await review_package(event, changed)
    assert isinstance(again, PackageReviewNeeded)
    assert again.renewed
    assert again.listing != needed.listing
    assert not await ctx.vault.holds(CASE, needed.listing)
    ctx = changed.after(event, again)
    assert ctx.known.reviews == ()
    with pytest.raises(RefusedDecision, match="listing_replaced"):
        await review_package(event, ctx)
    [fulfilled] = await review_package(await review_of(ctx, again), ctx)
    assert isinstance(fulfilled, RequestFulfilled)


async def test_records_found_in_another_order_are_the_listed_ones() -> None:
    ctx, needed = await waiting()
    turned = replace(ctx, records=cast(Any, Held(found(USER, *reversed(TALKS)))))
    [fulfilled] = await review_package(await review_of(ctx, needed, of("shop.tickets", 1)), turned)
    tickets = json.loads((await files(ctx, fulfilled))["data/default.tickets.json"])
    assert SECRET not in {one["text"] for one in tickets}
    assert len(tickets) == 2


@pytest.mark.parametrize(
    ("redaction", "reason"),
    [
        pytest.param(of("shop.users", 2), "redaction_unknown", id="record"),
        pytest.param(of("shop.orders"), "redaction_unknown", id="collection"),
        pytest.param(of("shop.users", 1, "phone"), "redaction_unknown", id="field"),
        pytest.param(of("shop.users", 1, "contacts.mail"), "redaction_unknown", id="inner field"),
        pytest.param(of("shop.users", reason="professional_secrecy"), "ground_unlawful", id="ground"),
        pytest.param(of("shop.users", reason="excessive"), "redactions_malformed", id="reason"),
        pytest.param(of("shop.users", None, "note"), "redactions_malformed", id="field of no record"),
    ],
)
async def test_redaction_that_withholds_nothing_or_has_no_ground_is_refused(
    redaction: Mapping[str, Any], reason: str
) -> None:
    ctx, needed = await waiting(two=True)  # the first decision is refused, before there is a second
    with pytest.raises(RefusedDecision, match=reason):
        await review_package(await review_of(ctx, needed, redaction), ctx)


async def test_redactions_that_are_not_the_signed_ones_are_refused() -> None:
    ctx, needed = await waiting()
    event = await review_of(ctx, needed, of("shop.users"))
    assert event.redactions is not None
    await ctx.vault.discard(CASE, [event.redactions])
    await ctx.vault.seal(CASE, event.redactions, b"s" * 16 + b"{}")
    with pytest.raises(RefusedDecision, match="text_differs"):
        await review_package(event, ctx)
    missing = event.model_copy(update={"redactions": "written_" + "0" * 64})
    with pytest.raises(RefusedDecision, match="text_differs"):
        await review_package(missing, ctx)


async def test_review_of_a_request_that_is_stopped_withdrawn_or_waits_for_none_is_refused() -> None:
    ctx, needed = await waiting()
    event = await review_of(ctx, needed)
    for fact, reason in (
        (RequestStopped(request_id=CASE, reason="not_me"), "request_stopped"),
        (RequestWithdrawn(request_id=CASE), "no_review_waits"),
        (asked_scope(ctx), "scope_asked"),
    ):
        with pytest.raises(RefusedDecision, match=reason):
            await review_package(event, ctx.after(fact))
    [fulfilled] = await review_package(event, ctx)
    with pytest.raises(RefusedDecision, match="no_review_waits"):
        await review_package(event, ctx.after(event, fulfilled))


async def test_where_two_accounts_decide_both_release_the_same_package() -> None:
    ctx, needed = await waiting(two=True)
    first = await review_of(ctx, needed, of("shop.tickets", 1), by="dana")
    assert await review_package(first, ctx) == []
    ctx = ctx.after(first)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await review_package(first, ctx)
    other = await review_of(ctx, needed, by="robin")
    assert await review_package(other, ctx) == [], "the other account releases something else"
    second = first.model_copy(update={"by": "robin"})
    [fulfilled] = await review_package(second, ctx.after(other))
    assert isinstance(fulfilled, RequestFulfilled)
    assert fulfilled.deciders == ("dana", "robin")


async def test_answered_scope_lists_a_waiting_package_anew() -> None:
    ctx, needed = await waiting()
    [again] = await answer_in_scope(ScopeAnswered(request_id=CASE), ctx.after(asked_scope(ctx)))
    assert isinstance(again, PackageReviewNeeded)
    assert again.listing != needed.listing


async def test_copy_that_goes_with_an_erasure_is_reviewed_before_the_plan() -> None:
    ctx, needed = await waiting(Right.ERASURE, rules=frozenset({"access"}), with_copy=True)
    assert needed.right is Right.ACCESS
    event = await review_of(ctx, needed, of("shop.tickets", 1))
    planned, *_ = await review_package(event, ctx)
    after = ctx.after(event, planned)
    assert after.known.status is FulfillmentStatus.EXECUTING
    content = unpacked(await whole(ctx.vault.open_stream(CASE, planned.package)))  # type: ignore[attr-defined]
    assert not [name for name, data in content.items() if SECRET.encode() in data and "tickets" in name]


async def test_answer_with_kinds_of_data_alone_needs_no_review() -> None:
    event, ctx = await stage(
        MAP, found(), Right.ACCESS, regulation=Regulation.CCPA, assurance=Assurance.REASONABLE
    )
    ctx = replace(ctx, house=replace(ctx.house, review=frozenset({"*"})))
    [fulfilled] = await answer(event.model_copy(update={"laws": ("us-ca-ccpa@2026-01-01",)}), ctx)
    assert isinstance(fulfilled, RequestFulfilled)
