"""Sealed plans, and their outlines by collection for the person who approves an erasure."""

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.planner import grounds_of
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.package import answers
from shared.contract.answer import outline_of
from shared.contract.events import ErasurePlanned
from shared.law import Policy

PLAN = "erasure_plan"


async def sealed_plan(decided: RecordPlan, ctx: FulfillmentContext) -> str:
    """Seal a plan, and return its name."""
    return await ctx.sealed_lines(PLAN, decided.lines())


async def outlined(
    planned: ErasurePlanned, decided: RecordPlan, data_map: DataMap, law: Policy, ctx: FulfillmentContext
) -> ErasurePlanned:
    """Return *planned*, the fact of the plan *decided*; its outline is sealed if it needs an approval."""
    if not planned.approval:
        return planned
    child = (await ctx.submission()).child
    grounds = {key: ground.value for key, ground in grounds_of(decided, data_map, law, child=child)}
    outline = answers.planned_erasure(decided, data_map, agreed=ctx.house.recipients, grounds=grounds)
    await ctx.vault.seal(ctx.case_id, outline_of(planned.plan), outline.model_dump_json().encode())
    return planned
