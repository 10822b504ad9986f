"""Declarations of breaches by upstream systems and the staff: sealed, and passed to the register."""

from collections.abc import Sequence

from services.intake.context import Intake, rejected
from shared.contract.affected_people import declaration_item
from shared.contract.breaches import BreachDeclared, BreachLodged
from shared.contract.envelope import derived_id
from shared.contract.events import Fact, SubmissionError
from shared.contract.suggestions import suggestions_for
from shared.errors import Destroyed

USED_BEFORE = SubmissionError(
    path="data.reference", message="names an incident that was purged; choose another"
)


async def lodge_breach(event: BreachDeclared, ctx: Intake) -> Sequence[Fact]:
    """
    Seal a declaration in the vault of its incident, and have it registered.

    A declaration has letters sent: only upstream systems and staff accounts make one. Its declarer counts if
    the proof was verified (shared.runtime.service); a declaration without one needs two approvals. Obvious
    mistakes are refused at once: they would mislead the assessment.
    """
    slips = [flaw.model_copy(update={"path": f"data.{flaw.path}"}) for flaw in suggestions_for(event)]
    if slips:
        return [rejected(ctx, *slips)]
    # An event's id is unique only together with its source.
    item = declaration_item(derived_id(f"{ctx.source} {ctx.event_id}", 0))
    declared = event.model_copy(update={"by": event.by if event.proof else None, "proof": None})
    await ctx.vault.create(ctx.case_id)
    try:
        await ctx.vault.seal(ctx.case_id, item, declared.model_dump_json(exclude_defaults=True).encode())
    except Destroyed:
        return [rejected(ctx, USED_BEFORE)]
    return [BreachLodged(request_id=ctx.case_id, declaration=item)]
