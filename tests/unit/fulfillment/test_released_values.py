"""Masked values: released by the staff, or wanted by a person who has proven more than the mailbox."""

from dataclasses import replace
from typing import Any, cast

import pytest

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import answer, draft_letter, release_values
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import (
    Assurance,
    Outcome,
    PreviewAsked,
    RequestFulfilled,
    RequestStopped,
    ValuesReleased,
)
from shared.contract.previews import DECISION, PreviewVault, packed_facts
from shared.errors import RefusedDecision
from shared.law import GivenCopies, Money, Regulation, Right
from tests.unit.fulfillment.handler_fakes import CASE, Counter, stage, whole
from tests.unit.fulfillment.sample_records import unpacked
from tests.unit.fulfillment.test_confirmed_aliases import Asked

IBAN = b"DE02120300000000202051"
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
          - {name: note, data_categories: [user.content], meta: {habeas: {third_parties: redact}}}
"""
    }
)
USER = {"_id": 1, "email": "ada@example.org", "iban": IBAN.decode()}
MATCH = OwnershipMatch("email", None, ("ada@example.org",))
HELD = Findings(
    MAP.version,
    RecordTuple([FoundRecord(MAP.collections[0], {"_id": 1}, USER, (MATCH,))]),
    (Coverage("shop.users", SearchStatus.SEARCHED, 1),),
)
PLAIN = replace(
    HELD,
    found=RecordTuple([FoundRecord(MAP.collections[0], {"_id": 1}, USER | {"iban": None}, (MATCH,))]),
)


async def shown(ctx: FulfillmentContext, fulfilled: object) -> bool:
    """Return whether the package of *fulfilled* has the account number in full."""
    assert isinstance(fulfilled, RequestFulfilled)
    files = unpacked(await whole(ctx.vault.open_stream(CASE, fulfilled.package or "")))
    return any(IBAN in content for content in files.values())


async def answered(
    findings: Findings = HELD, *, two: bool = False, **asked: Any
) -> tuple[FulfillmentContext, RequestFulfilled]:
    event, ctx = await stage(MAP, findings, **asked)
    house = replace(ctx.house, two_deciders=two)
    ctx = replace(ctx, records=cast(Any, Asked(findings)), house=house)
    [fulfilled] = await answer(event, ctx)
    assert isinstance(fulfilled, RequestFulfilled)
    return ctx.after(event, fulfilled), fulfilled


def release(by: str = "dana") -> ValuesReleased:
    return ValuesReleased(request_id=CASE, by=by, reason="called_back")


async def test_staff_releases_masked_values_in_a_new_package() -> None:
    ctx, masked = await answered()
    assert not await shown(ctx, masked)
    [again] = await release_values(release(), ctx)
    assert await shown(ctx, again)
    assert isinstance(again, RequestFulfilled)
    assert (masked.outcome, again.outcome) == (Outcome.PARTLY_GRANTED, Outcome.GRANTED)
    assert again.withheld == ()


async def test_preview_of_a_release_counts_no_copy_and_leaves_the_case_as_it_is() -> None:
    ctx, _ = await answered(two=True)
    counter, items = Counter(), dict(cast(Any, ctx.vault).items[CASE])
    place = PreviewVault(ctx.vault, "preview_0123456789abcdef")
    await place.seal(CASE, DECISION, packed_facts([release()]))
    asked = PreviewAsked(request_id=CASE, preview=place.preview, type=ValuesReleased.TYPE)
    assert await draft_letter(asked, replace(ctx, copies=counter))
    [again] = await place.facts(CASE) or []
    assert await shown(replace(ctx, vault=place), again)
    assert counter.cases == set()
    kept = cast(Any, ctx.vault).items[CASE]
    assert {name: one for name, one in kept.items() if not name.startswith(place.preview)} == items


async def test_where_two_accounts_decide_the_first_releases_nothing() -> None:
    ctx, _ = await answered(two=True)
    assert await release_values(release("dana"), ctx) == []
    ctx = ctx.after(release("dana"))
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await release_values(release("dana"), ctx)
    [again] = await release_values(release("robin"), ctx)
    assert await shown(ctx, again)


async def test_account_that_decided_the_identity_releases_no_values() -> None:
    ctx, _ = await answered()
    verified = ctx.known.verified
    assert verified is not None
    known = replace(ctx.known, verified=verified.model_copy(update={"deciders": ("dana",)}))
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await release_values(release("dana"), replace(ctx, known=known))
    [again] = await release_values(release("robin"), replace(ctx, known=known))
    assert await shown(ctx, again)


async def test_staff_releases_nothing_that_the_law_of_the_answer_forbids() -> None:
    ctx, _ = await answered(regulation=Regulation.CCPA, assurance=Assurance.REASONABLY_HIGH)
    with pytest.raises(RefusedDecision, match="nothing_masked"):
        await release_values(release(), ctx)


async def test_release_without_masked_values_or_of_a_stopped_request_is_refused() -> None:
    ctx, _ = await answered(PLAIN)
    with pytest.raises(RefusedDecision, match="nothing_masked"):
        await release_values(release(), ctx)
    ctx, _ = await answered()
    stopped = ctx.after(RequestStopped(request_id=CASE, reason="not_me"))
    with pytest.raises(RefusedDecision, match="request_stopped"):
        await release_values(release(), stopped)


@pytest.mark.parametrize(
    ("assurance", "whole_values"),
    [
        pytest.param(Assurance.MAILBOX, False, id="mailbox"),
        pytest.param(Assurance.REASONABLE, False, id="reasonable"),
        pytest.param(Assurance.ACCOUNT, True, id="account"),
        pytest.param(Assurance.VOUCHED, True, id="log-in elsewhere"),
        pytest.param(Assurance.REASONABLY_HIGH, True, id="reasonably high"),
    ],
)
async def test_wanted_values_are_whole_only_for_more_proof_than_a_mailbox(
    assurance: Assurance, *, whole_values: bool
) -> None:
    ctx, fulfilled = await answered(assurance=assurance, full_values=True)
    assert await shown(ctx, fulfilled) is whole_values
    ctx, fulfilled = await answered(assurance=assurance)
    assert not await shown(ctx, fulfilled)


async def test_first_whole_copy_after_a_masked_one_is_no_further_copy() -> None:
    fingerprints: list[bytes] = []

    class Fingerprints(Counter):
        async def given(self, case: str, identities: Any, at: Any, content: bytes) -> GivenCopies:
            del case, identities, at
            fingerprints.append(content)
            return GivenCopies()

    for wanted in (False, True):
        event, ctx = await stage(MAP, HELD, assurance=Assurance.ACCOUNT, full_values=wanted)
        fee = Money.model_validate({"amount": "5", "currency": "EUR"})
        house = replace(ctx.house, further_copy_fee=fee)
        await answer(event, replace(ctx, house=house, copies=Fingerprints()))
    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize("wanted", [False, True])
async def test_copy_before_an_erasure_masks_values_unless_they_are_wanted(*, wanted: bool) -> None:
    event, ctx = await stage(
        MAP, HELD, Right.ERASURE, assurance=Assurance.ACCOUNT, with_copy=True, full_values=wanted
    )
    [planned, *_] = await answer(event, ctx)
    package = getattr(planned, "package", "")
    files = unpacked(await whole(ctx.vault.open_stream(CASE, package)))
    assert any(IBAN in content for content in files.values()) is wanted


async def test_own_account_number_stays_in_a_text_where_the_answer_shows_it() -> None:
    others = "GB82 WEST 1234 5698 7654 32"
    noted = USER | {"note": f"Changed from DE02 1203 0000 0000 2020 51 to {others}."}
    found = FoundRecord(MAP.collections[0], {"_id": 1}, noted, (MATCH,))
    findings = replace(HELD, found=RecordTuple([found]))
    for whole_values in (True, False):
        ctx, fulfilled = await answered(findings, assurance=Assurance.ACCOUNT, full_values=whole_values)
        files = unpacked(await whole(ctx.vault.open_stream(CASE, fulfilled.package or "")))
        text = files["data/default.users.json"].decode()
        assert ("DE02 1203" in text) is whole_values
        assert others not in text
