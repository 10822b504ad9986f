"""Handlers for marks and corrections in case of failures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Self

import orjson
import pytest

from services.fulfillment.changes.change import MissingChange
from services.fulfillment.changes.handlers import change, lift_restriction
from services.fulfillment.changes.suppressions import SuppressionPurpose
from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.erasure.window import disclosure_timer
from services.fulfillment.handlers import answer, answer_proven_alias, approve_correction, disclose
from services.fulfillment.search.confirmed_aliases import values_of
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    AliasProven,
    Assurance,
    ChangePlanned,
    CorrectionApproved,
    DisclosureDue,
    DisclosureScheduled,
    IdentityVerified,
    LiftingReason,
    OfferedAliases,
    RecipientConcerned,
    RequestFulfilled,
    RequestReferred,
    RequestStopped,
    RequestSubmitted,
    RequestWithdrawn,
    RestrictionAnnounced,
    StopReason,
    SubjectConsentWithdrawn,
    SubjectOptedOut,
)
from shared.contract.ports import VaultPort
from shared.errors import PermanentError, RefusedDecision, StoreUnavailable, TooEarly
from shared.law import Regulation, Right
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import CASE, OneMap, around, stage

KIM = "kim@example.org"
MAP = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: users
        meta:
          habeas:
            restriction: { field: restricted, value: true }
            opt_out: { field: sold, value: false }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: restricted, data_categories: [system.operations] }
          - { name: sold, data_categories: [system.operations] }
"""
    }
)
[USERS] = MAP.collections
EDITABLE = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - name: second
            data_categories: [user.contact.email]
            fides_meta: { identity: email }
            meta: { habeas: { editable: true } }
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: { identity: phone_number }
            meta: { habeas: { editable: true } }
"""
    }
)
[PEOPLE] = EDITABLE.collections
ADA = "ada@example.org"
HELD = FoundRecord(
    PEOPLE,
    {"_id": 1},
    {"_id": 1, "email": ADA, "phone": "+353209100142"},
    (OwnershipMatch("email", None, (ADA,)),),
)
FOUND = FoundRecord(USERS, {"_id": 1}, {"_id": 1, "email": KIM}, (OwnershipMatch("email", None, (KIM,)),))
ANNOUNCED = RestrictionAnnounced(request_id=CASE, reason=LiftingReason.PERSON_ASKS)


@dataclass
class Stubborn:
    """A store that can be away, and that may take no change."""

    away: bool = False
    takes: bool = True
    findings: Findings | None = None
    marked: list[str] = field(default_factory=list)

    def due_on(self, _day: date) -> Self:
        return self

    async def gather(self, data_map: DataMap, _identities: Identities, *_claimed: Any) -> Findings:
        if self.away:
            raise StoreUnavailable("away")
        return self.findings or Findings(
            data_map.version, RecordTuple((FOUND,)), (Coverage(USERS.key, SearchStatus.SEARCHED, 1),)
        )

    async def change(self, plan: RecordPlan) -> Sequence[MissingChange]:
        self.marked += [step.key for step in plan.steps]
        refused = [MissingChange(step, part, "not_taken") for step in plan.steps for part in step.sets]
        return [] if self.takes else refused


@dataclass
class Noted:
    """A suppression list to look at."""

    entries: list[tuple[Identities, str]] = field(default_factory=list)
    locks: list[date | None] = field(default_factory=list)

    async def add(
        self, identities: Identities, purpose: str, at: datetime, locked_until: date | None = None
    ) -> None:
        del at
        self.entries.append((identities, purpose))
        self.locks.append(locked_until)


async def context(right: Right, store: Stubborn) -> tuple[IdentityVerified, FulfillmentContext, Noted]:
    vault, noted = MemoryVault(), Noted()
    await vault.create(CASE)
    submitted = {"reference": "r", "right": right, "subject": {"email": KIM}}
    content = RequestSubmitted.model_validate(submitted).model_dump_json()
    await vault.seal(CASE, SUBMISSION, content.encode())
    event = IdentityVerified(
        request_id=CASE,
        right=right,
        regulation=Regulation.GDPR,
        received_on=date(2026, 11, 25),
        assurance=Assurance.NONE_NEEDED,
        reasons=("none_needed",),
    )
    return event, around(vault=vault, records=store, maps=OneMap(MAP), suppressions=noted), noted


async def planned(right: Right, store: Stubborn) -> tuple[ChangePlanned, FulfillmentContext]:
    event, ctx, _ = await context(right, store)
    [fact] = await answer(event, ctx)
    assert isinstance(fact, ChangePlanned)
    return fact, replace(ctx, known=evolve(FulfillmentCase(), fact))


async def test_requester_who_needs_no_proof_is_on_the_suppression_list_despite_an_outage() -> None:
    event, ctx, noted = await context(Right.OPT_OUT_OF_SALE, Stubborn(away=True))
    with pytest.raises(StoreUnavailable):
        await answer(event, ctx)
    assert noted.entries == [({"email": (KIM,)}, SuppressionPurpose.SALE)]


async def test_failed_mark_is_not_disclosed_to_a_requester_without_proof() -> None:
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, Stubborn(takes=False))
    with pytest.raises(PermanentError, match="not every record could be marked"):
        await change(event, ctx)


async def test_restriction_without_any_mark_is_referred_to_the_staff() -> None:
    event, ctx = await planned(Right.RESTRICTION, Stubborn(takes=False))
    [referred] = await change(event, ctx)
    assert isinstance(referred, RequestReferred)
    assert referred.reason == "not_taken"


async def test_failed_removal_of_a_restriction_is_not_reported_as_lifted() -> None:
    _, ctx = await planned(Right.RESTRICTION, Stubborn(takes=False))
    with pytest.raises(PermanentError, match="1 records are still marked"):
        await lift_restriction(ANNOUNCED, ctx)


def correcting(ctx: FulfillmentContext, event: IdentityVerified, *approved: str) -> FulfillmentContext:
    """Return *ctx* of a request with a correction of an identity, approved by some accounts."""
    referred = RequestReferred(
        request_id=CASE, right=Right.RECTIFICATION, reason="identity_change_needs_proof"
    )
    approvals = [CorrectionApproved(request_id=CASE, by=by) for by in approved]
    return ctx.after(event, referred, *approvals)


async def rectified(*, two: bool = False) -> tuple[IdentityVerified, FulfillmentContext]:
    event, ctx = await stage(
        EDITABLE,
        Findings(EDITABLE.version, RecordTuple((HELD,)), (Coverage(PEOPLE.key, SearchStatus.SEARCHED, 1),)),
        Right.RECTIFICATION,
        corrections=[{"field": "people.phone", "value": "+353209100143"}],
    )
    event = event.model_copy(update={"deciders": ("dana",)})
    return event, replace(ctx, house=replace(ctx.house, two_deciders=two))


APPROVED = CorrectionApproved(request_id=CASE, by="robin")


async def test_correction_of_an_identity_is_planned_only_after_its_approval() -> None:
    event, ctx = await rectified()
    [referred] = await answer(event, ctx)
    assert isinstance(referred, RequestReferred)
    assert referred.reason == "identity_change_needs_proof"
    [planned] = await approve_correction(APPROVED, ctx.after(event, referred))
    assert isinstance(planned, ChangePlanned)
    after = ctx.after(event, referred, APPROVED, planned)
    assert after.known.status is FulfillmentStatus.EXECUTING
    with pytest.raises(RefusedDecision, match="no_correction_waits"):
        await approve_correction(APPROVED, after)


@pytest.mark.parametrize("by", ["dana", "robin"])
async def test_correction_is_not_approved_by_an_earlier_decider(by: str) -> None:
    event, ctx = await rectified(two=True)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await approve_correction(APPROVED.model_copy(update={"by": by}), correcting(ctx, event, "robin"))


async def test_of_two_deciders_both_must_approve_a_correction() -> None:
    event, ctx = await rectified(two=True)
    assert await approve_correction(APPROVED, correcting(ctx, event)) == []
    second = APPROVED.model_copy(update={"by": "kim"})
    [planned] = await approve_correction(second, correcting(ctx, event, "robin"))
    assert isinstance(planned, ChangePlanned)


NEW = "kim.new@example.net"


async def readdressed(**values: str) -> tuple[IdentityVerified, FulfillmentContext, RequestReferred]:
    """Return a request to correct fields of a person, and the reason why it waits."""
    findings = Findings(
        EDITABLE.version, RecordTuple((HELD,)), (Coverage(PEOPLE.key, SearchStatus.SEARCHED, 1),)
    )
    corrections = [{"field": f"people.{field}", "value": value} for field, value in values.items()]
    event, ctx = await stage(EDITABLE, findings, Right.RECTIFICATION, corrections=corrections)
    [referred] = await answer(event, ctx)
    assert isinstance(referred, RequestReferred)
    return event, ctx, referred


async def test_new_mailbox_of_a_correction_is_entered_once_it_is_proven() -> None:
    event, ctx, referred = await readdressed(second=NEW)
    assert referred.aliases is not None
    assert values_of(await ctx.vault.open(CASE, referred.aliases.ref)) == [("email", NEW)]
    assert NEW not in referred.model_dump_json()
    proven = AliasProven(request_id=CASE, aliases=referred.aliases.ref, number=1)
    ctx = ctx.after(event, referred)
    [planned] = await answer_proven_alias(proven, ctx)
    assert isinstance(planned, ChangePlanned)
    after = ctx.after(proven, planned)
    with pytest.raises(TooEarly):
        await answer_proven_alias(proven, after)


async def test_correction_of_more_than_one_mailbox_offers_no_proof() -> None:
    for values in ({"phone": "+353209100143"}, {"second": NEW, "phone": "+353209100143"}):
        _, _, referred = await readdressed(**values)
        assert referred.aliases is None


async def test_proof_of_one_mailbox_enters_no_other() -> None:
    event, ctx, referred = await readdressed(second=NEW)
    other = await ctx.sealed("aliases", orjson.dumps([["email", "other@example.net"]]))
    foreign = referred.model_copy(update={"aliases": OfferedAliases(ref=other, identities=("email",))})
    proven = AliasProven(request_id=CASE, aliases=other, number=1)
    [again] = await answer_proven_alias(proven, ctx.after(event, foreign))
    assert isinstance(again, RequestReferred)


async def test_mailbox_proven_after_a_withdrawal_is_not_entered() -> None:
    event, ctx, referred = await readdressed(second=NEW)
    assert referred.aliases is not None
    proven = AliasProven(request_id=CASE, aliases=referred.aliases.ref, number=1)
    assert (
        await answer_proven_alias(proven, ctx.after(event, referred, RequestWithdrawn(request_id=CASE))) == []
    )


async def test_stopped_correction_is_not_approved() -> None:
    event, ctx = await rectified()
    stopped = correcting(ctx, event).after(RequestStopped(request_id=CASE, reason=StopReason.NOT_ME))
    with pytest.raises(RefusedDecision, match="request_stopped"):
        await approve_correction(APPROVED, stopped)


async def test_request_that_was_referred_for_another_reason_has_no_correction_to_approve() -> None:
    event, ctx = await rectified()
    unsure = RequestReferred(request_id=CASE, right=Right.RECTIFICATION, reason="unsure")
    with pytest.raises(RefusedDecision, match="no_correction_waits"):
        await approve_correction(APPROVED, ctx.after(event, unsure))


async def test_nothing_is_lifted_for_a_case_that_has_planned_nothing() -> None:
    _, ctx, _ = await context(Right.RESTRICTION, Stubborn())
    with pytest.raises(PermanentError, match="restricts nothing"):
        await lift_restriction(ANNOUNCED, ctx)


SERVICE = parse(
    {
        "shop.yml": """
dataset:
  - fides_key: shop
    collections:
      - name: letters
        meta:
          habeas:
            legal_basis: Art. 6(1)(a) GDPR
            recipients: [Mailer]
            consent: { field: wanted, value: false }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: wanted }
      - name: helpers
        meta:
          habeas:
            legal_basis: Art. 6(1)(a) GDPR
            recipients: [Operator]
            consent: { field: wanted, value: false, service: true }
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: wanted }
"""
    }
)


def consents(store: Stubborn, noted: Noted, vault: VaultPort) -> FulfillmentContext:
    """Return the context of a withdrawal by a person with both consents."""
    match = (OwnershipMatch("email", None, (KIM,)),)
    held = [
        FoundRecord(c, {"_id": 1}, {"_id": 1, "email": KIM, "wanted": True}, match)
        for c in SERVICE.collections
    ]
    coverage = tuple(Coverage(c.key, SearchStatus.SEARCHED, 1) for c in SERVICE.collections)
    store.findings = Findings(SERVICE.version, RecordTuple(held), coverage)
    ctx = around(vault=vault, records=store, maps=OneMap(SERVICE), suppressions=noted)
    return replace(ctx, house=replace(ctx.house, erasure_window=timedelta(days=1)))


async def test_consent_of_a_service_is_withdrawn_after_a_day_and_all_else_at_once() -> None:
    store = Stubborn()
    event, ctx, noted = await context(Right.CONSENT_WITHDRAWAL, store)
    ctx = consents(store, noted, ctx.vault)
    [planned] = await answer(event, ctx)
    assert isinstance(planned, ChangePlanned)
    ctx = ctx.after(event, planned)
    scheduled, withdrawn, *concerned = await change(planned, ctx)
    assert isinstance(scheduled, DisclosureScheduled)
    assert (scheduled.consent, scheduled.at) == (True, ctx.now + timedelta(days=1))
    assert isinstance(withdrawn, SubjectConsentWithdrawn)
    assert [fact.recipient for fact in concerned if isinstance(fact, RecipientConcerned)] == ["Mailer"]
    assert {purpose for _, purpose in noted.entries} == {SuppressionPurpose.MARKETING}
    assert store.marked == ["shop.letters"]

    due = DisclosureDue(request_id=CASE, name=disclosure_timer(scheduled))
    with pytest.raises(TooEarly):
        await disclose(due, ctx.after(scheduled))
    later = replace(ctx.after(scheduled), now=scheduled.at)
    [again] = await disclose(due, later)
    assert isinstance(again, ChangePlanned)
    fulfilled, *_ = await change(again, later.after(due, again))
    assert isinstance(fulfilled, RequestFulfilled)
    assert {purpose for _, purpose in noted.entries} == {
        SuppressionPurpose.MARKETING,
        SuppressionPurpose.CONSENT,
    }
    assert store.marked[1:] == ["shop.letters", "shop.helpers"]
    assert await disclose(due, later.after(RequestWithdrawn(request_id=CASE))) == []


async def test_without_a_window_consents_are_withdrawn_at_once() -> None:
    store = Stubborn()
    event, ctx, noted = await context(Right.CONSENT_WITHDRAWAL, store)
    ctx = consents(store, noted, ctx.vault)
    ctx = replace(ctx, house=replace(ctx.house, erasure_window=timedelta()))
    [planned] = await answer(event, ctx)
    assert isinstance(planned, ChangePlanned)
    fulfilled, *_ = await change(planned, ctx.after(event, planned))
    assert isinstance(fulfilled, RequestFulfilled)
    assert store.marked == ["shop.letters", "shop.helpers"]


@pytest.mark.parametrize(
    ("law", "right", "locked"),
    [
        ("us-ca-ccpa@2026-01-01", Right.OPT_OUT_OF_SALE, date(2027, 11, 25)),
        ("us-ca-ccpa@2026-01-01", Right.LIMIT_SENSITIVE_USE, date(2027, 11, 25)),
        ("us-ca-ccpa@2026-01-01", Right.CONSENT_WITHDRAWAL, None),
        ("gdpr@2018-05-25", Right.OPT_OUT_OF_SALE, None),
    ],
)
async def test_opt_out_locks_the_question_for_twelve_months(
    law: str, right: Right, locked: date | None
) -> None:
    event, ctx, noted = await context(right, Stubborn())
    event = event.model_copy(update={"laws": (law,)})
    *_, plan = await answer(event, ctx)
    assert isinstance(plan, ChangePlanned)
    facts = await change(plan, ctx.after(event, plan))
    assert set(noted.locks) == {locked}
    again = [fact.ask_again_from for fact in facts if isinstance(fact, SubjectOptedOut)]
    if right is not Right.CONSENT_WITHDRAWAL:
        assert again == [locked and locked + timedelta(days=1)]
