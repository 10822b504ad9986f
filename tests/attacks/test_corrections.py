"""Attacks by a request to correct data: it needs less proof than a copy, and must not disclose records."""

import pytest

from services.fulfillment.changes.planner import plan_corrections
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import answer_proven_alias, confirm_alias, end_referral
from services.fulfillment.package import answers
from services.fulfillment.search.findings import Findings, FoundRecord, RecordTuple
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.answer import CorrectedValue
from shared.contract.events import (
    AliasConfirmed,
    AliasProven,
    Correction,
    Outcome,
    ReferralDecided,
    RefusalGround,
)
from shared.errors import RefusedDecision
from tests.unit.fulfillment.handler_fakes import CASE
from tests.unit.fulfillment.test_change_handlers import NEW, readdressed
from tests.unit.fulfillment.test_changes import KIM, TODAY


def map_with(category: str) -> DataMap:
    return parse(
        {
            "desk.yml": f"""
dataset:
  - fides_key: desk
    collections:
      - name: people
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
          - {{ name: value, data_categories: [{category}], meta: {{ habeas: {{ editable: true }} }} }}
"""
        }
    )


def corrected(category: str) -> CorrectedValue:
    """Return the part of the answer about a corrected value of *category*."""
    data_map = map_with(category)
    [people] = data_map.collections
    match = OwnershipMatch("email", None, (KIM,))
    held = FoundRecord(people, {"_id": 1}, {"_id": 1, "email": KIM, "value": "held"}, (match,))
    wanted = [Correction(field="value", value="guessed")]
    change = plan_corrections(Findings(data_map.version, RecordTuple((held,)), ()), data_map, wanted, TODAY)
    [value] = answers.change(change, data_map, statement_kept=False, agreed=()).corrected
    return value


@pytest.mark.parametrize(
    "category",
    ["user.health_and_medical", "user.demographic.religious_belief", "user.location.precise"],
)
def test_correction_on_the_proof_of_a_mailbox_discloses_no_special_category(category: str) -> None:
    """A copy on that proof leaves such values out; the letter about a correction must not name one."""
    value = corrected(category)
    assert (value.before, value.after) == ("", "")


def test_letter_about_a_correction_names_ordinary_values() -> None:
    value = corrected("user.contact.address.city")
    assert (value.before, value.after) == ("held", "guessed")


async def test_refused_correction_of_a_mailbox_discloses_no_record_once_the_mailbox_is_proven() -> None:
    event, ctx, referred = await readdressed(second=NEW)
    assert referred.aliases is not None
    ctx = ctx.after(event, referred)
    grounds = (RefusalGround.ACCURACY_VERIFIED,)
    decided = ReferralDecided(request_id=CASE, by="robin", outcome=Outcome.REFUSED, grounds=grounds)
    ctx = ctx.after(decided, *await end_referral(decided, ctx))
    proven = AliasProven(request_id=CASE, aliases=referred.aliases.ref, number=1)
    assert await answer_proven_alias(proven, ctx) == []
    confirmed = AliasConfirmed(request_id=CASE, by="kim", aliases=referred.aliases.ref, number=1)
    with pytest.raises(RefusedDecision, match="alias_unknown"):
        await confirm_alias(confirmed, ctx)
