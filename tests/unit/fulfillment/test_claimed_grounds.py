"""Grounds of an erasure that the person claims: staff judge them where data would stay without them."""

from dataclasses import replace
from typing import Any, cast

import pytest

from services.fulfillment.context import FulfillmentContext, open_lines
from services.fulfillment.datamap.model import Erasure, Facts
from services.fulfillment.erasure.planner import grounds_of, plan_records
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.handlers import answer, decide_ground, draft_letter
from services.fulfillment.state import FulfillmentCase, FulfillmentStatus, evolve
from shared.contract.erasure_claims import ErasureClaim, erasure_claim
from shared.contract.events import (
    ErasureGroundDecided,
    ErasurePlanned,
    Fact,
    IdentityVerified,
    PreviewAsked,
    RequestReferred,
    RequestStopped,
    StopReason,
)
from shared.contract.previews import DECISION, PreviewVault, packed_facts
from shared.errors import RefusedDecision
from shared.law import Regulation, Right
from shared.vocabulary import ReferralReason
from tests.unit.fakes import law_of
from tests.unit.fulfillment.handler_fakes import CASE, RequestList, stage
from tests.unit.fulfillment.test_contracts import PEOPLE, found, planned
from tests.unit.fulfillment.test_disclosure import findings
from tests.unit.fulfillment.test_domain import TODAY

RUNNING = findings(found("rentals", status="running"), found("customers"), found("visits"), data_map=PEOPLE)
GDPR, CCPA = ("gdpr@2018-05-25",), ("us-ca-ccpa@2026-01-01",)
UNLAWFUL = ErasureGroundDecided(request_id=CASE, by="anna", ground=ErasureClaim.UNLAWFUL_PROCESSING)
NEITHER = UNLAWFUL.model_copy(update={"ground": None})


@pytest.mark.parametrize(
    ("words", "claim"),
    [
        ("You processed my data unlawfully.", "unlawful_processing"),
        ("Erase it under Art. 17(1)(d) GDPR, please.", "unlawful_processing"),
        ("Löschen Sie nach Art. 17 Abs. 1 lit. d DSGVO.", "unlawful_processing"),
        ("Meine Daten wurden unrechtmäßig verarbeitet.", "unlawful_processing"),
        ("Mes données ont fait l'objet d'un traitement illicite.", "unlawful_processing"),
        ("Mis datos fueron tratados de forma ilícita.", "unlawful_processing"),
        ("I miei dati sono stati trattati in modo illecito.", "unlawful_processing"),
        ("Mijn gegevens zijn onrechtmatig verwerkt.", "unlawful_processing"),
        ("Os meus dados foram tratados de forma ilícita.", "unlawful_processing"),
        ("你们违法处理我的个人信息。", "unlawful_processing"),
        ("You are legally obliged to erase this, Art. 17(1)(e).", "erasure_duty"),
        ("A court orders you to delete my data.", "erasure_duty"),
        ("Sie sind gesetzlich verpflichtet, die Daten zu löschen.", "erasure_duty"),
        ("Vous avez l'obligation légale d'effacer ces données.", "erasure_duty"),
        ("Tienen la obligación legal de suprimir mis datos.", "erasure_duty"),
        ("Avete l'obbligo di legge di cancellare i dati.", "erasure_duty"),
        ("U bent wettelijk verplicht mijn gegevens te wissen.", "erasure_duty"),
        ("Têm a obrigação legal de apagar os dados.", "erasure_duty"),
        ("法律规定你们必须删除。", "erasure_duty"),
        ("Please erase all of it under Art. 17(1) GDPR.", None),
        ("I moved and need nothing of you any more.", None),
        ("Your law firm wrote to me.", None),
    ],
)
def test_words_claim_a_ground_where_they_are_clear(words: str, claim: str | None) -> None:
    assert erasure_claim(words) == claim


async def asked(laws: tuple[str, ...] = GDPR, **details: Any) -> tuple[IdentityVerified, FulfillmentContext]:
    event, ctx = await stage(PEOPLE, RUNNING, Right.ERASURE, **details)
    return event.model_copy(update={"laws": laws}), ctx


def after(ctx: FulfillmentContext, *facts: Fact) -> FulfillmentContext:
    known = ctx.known
    for fact in facts:
        known = evolve(known, fact)
    return replace(ctx, known=known)


async def referred(**details: Any) -> FulfillmentContext:
    """Return the context of an erasure that waits for the judgement of its ground."""
    event, ctx = await asked(**({"ground": "unlawful_processing"} | details))
    [fact] = await answer(event, ctx)
    assert isinstance(fact, RequestReferred)
    assert fact.reason == ReferralReason.GROUND_CLAIMED
    return after(replace(ctx, known=FulfillmentCase()), event, fact)


async def plan_of(facts: Any, ctx: FulfillmentContext) -> tuple[ErasurePlanned, RecordPlan]:
    event = next(fact for fact in facts if isinstance(fact, ErasurePlanned))
    lines = [line async for line in open_lines(ctx.vault, CASE, event.plan)]
    return event, RecordPlan.of_lines(lines)


async def test_preview_of_a_ground_plans_the_erasure_and_registers_no_request() -> None:
    ctx = replace(await referred(), past=RequestList())
    place = PreviewVault(ctx.vault, "preview_0123456789abcdef")
    await place.seal(CASE, DECISION, packed_facts([UNLAWFUL]))
    asked = PreviewAsked(request_id=CASE, preview=place.preview, type=UNLAWFUL.TYPE)
    assert await draft_letter(asked, ctx)
    event, decided = await plan_of(await place.facts(CASE), replace(ctx, vault=place))
    assert decided.changes
    assert not await ctx.vault.holds(CASE, event.plan)
    assert cast(RequestList, ctx.past).noted == {}


@pytest.mark.parametrize(
    "details",
    [
        pytest.param({"ground": "erasure_duty"}, id="field"),
        pytest.param({"ground": None, "statement": "It was processed unlawfully."}, id="words"),
    ],
)
async def test_claimed_ground_is_for_the_staff_where_data_would_stay(details: dict[str, Any]) -> None:
    assert (await referred(**details)).known.status is FulfillmentStatus.REFERRED


async def test_claim_that_changes_nothing_waits_for_no_staff() -> None:
    ended = findings(found("rentals", status="ended"), found("visits"), data_map=PEOPLE)
    event, ctx = await stage(PEOPLE, ended, Right.ERASURE, ground="unlawful_processing")
    facts = await answer(event.model_copy(update={"laws": GDPR}), ctx)
    assert any(isinstance(fact, ErasurePlanned) for fact in facts)


async def test_law_without_the_ground_refers_nothing() -> None:
    event, ctx = await asked(CCPA, ground="unlawful_processing")
    assert not any(isinstance(fact, RequestReferred) for fact in await answer(event, ctx))


async def test_accepted_ground_erases_what_a_contract_needs_and_is_recorded() -> None:
    ctx = await referred()
    event, plan = await plan_of(await decide_ground(UNLAWFUL, ctx), ctx)
    assert event.grounds == {"unlawful_processing": 3}
    assert (event.contract, plan.ground, plan.reasons()) == (False, "unlawful_processing", {})
    assert plan.counts() == {"erased": 3}, "deleted as without a contract, not masked"
    after(ctx, UNLAWFUL, event)  # the erasure may begin


async def test_declined_ground_leaves_what_the_contract_needs() -> None:
    ctx = await referred()
    event, plan = await plan_of(await decide_ground(NEITHER, ctx), ctx)
    assert event.contract
    assert "unlawful_processing" not in event.grounds
    assert plan.reasons() == {"contract": 2}


async def test_ground_decided_before_the_proof_counts_after_it() -> None:
    event, ctx = await asked()
    assert await decide_ground(UNLAWFUL, ctx) == []
    planned_event, _ = await plan_of(await answer(event, after(ctx, UNLAWFUL)), ctx)
    assert planned_event.grounds == {"unlawful_processing": 3}


async def test_two_accounts_must_agree_where_two_decide() -> None:
    ctx = await referred()
    ctx = replace(ctx, house=replace(ctx.house, two_deciders=True))
    assert await decide_ground(UNLAWFUL, ctx) == []
    ctx = after(ctx, UNLAWFUL)
    with pytest.raises(RefusedDecision, match="decider_decided_before"):
        await decide_ground(UNLAWFUL, ctx)
    assert await decide_ground(UNLAWFUL.model_copy(update={"by": "bert"}), ctx)


async def test_decision_that_its_account_replaced_counts_for_no_ground() -> None:
    ctx = await referred()
    ctx = after(replace(ctx, house=replace(ctx.house, two_deciders=True)), UNLAWFUL)
    ctx = after(ctx, NEITHER)
    assert NEITHER.by == UNLAWFUL.by
    by_bert = UNLAWFUL.model_copy(update={"by": "bert"})
    assert await decide_ground(by_bert, ctx) == [], "anna no longer agrees: one account would decide alone"
    assert await decide_ground(UNLAWFUL, after(ctx, by_bert)), "until she agrees again"


async def test_ground_of_another_state_is_refused() -> None:
    ctx = await referred()
    stopped = after(ctx, RequestStopped(request_id=CASE, reason=StopReason.NOT_ME))
    with pytest.raises(RefusedDecision, match="request_stopped"):
        await decide_ground(UNLAWFUL, stopped)
    done = after(ctx, UNLAWFUL, *(await decide_ground(UNLAWFUL, ctx)))
    with pytest.raises(RefusedDecision, match="not_possible"):
        await decide_ground(UNLAWFUL.model_copy(update={"by": "bert"}), done)
    copy = await stage(PEOPLE, RUNNING, Right.ACCESS)
    with pytest.raises(RefusedDecision, match="no_erasure"):
        await decide_ground(UNLAWFUL, copy[1])


async def test_ground_that_no_law_of_the_person_has_is_refused() -> None:
    event, ctx = await asked(CCPA)
    with pytest.raises(RefusedDecision, match="ground_unlawful"):
        await decide_ground(UNLAWFUL, after(replace(ctx, known=FulfillmentCase()), event))


def test_decided_ground_counts_for_every_record() -> None:
    decided = replace(planned(found("visits"), found("customers")), ground="erasure_duty")
    counts = grounds_of(decided, PEOPLE, law_of(Regulation.GDPR)[0], child=False)
    assert {ground for _, ground in counts} == {"erasure_duty"}


def test_plan_of_an_earlier_version_has_no_decided_ground() -> None:
    first, *_ = planned(found("visits")).lines()
    assert RecordPlan.of_line(first).ground == ""


@pytest.mark.parametrize(("ground", "reasons"), [("", {"still_needed": 1}), ("unlawful_processing", {})])
def test_purpose_of_the_company_keeps_nothing_against_a_decided_ground(
    ground: str, reasons: dict[str, int]
) -> None:
    record = found("visits")
    kept = replace(record.collection, erasure=Erasure.KEEP, facts=Facts(legal_basis="Art. 6(1)(f) GDPR"))
    decided = plan_records([replace(record, collection=kept)], PEOPLE, TODAY, ground=ground)
    assert decided.reasons() == reasons
