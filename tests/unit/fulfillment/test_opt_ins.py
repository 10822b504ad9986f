"""Opt-ins to the sale of a minor's data: who gives them, how they are proven, and how long they count."""

from datetime import UTC, date, datetime

import pytest

from services.fulfillment.changes.opt_ins import (
    OptInGiver,
    OptInProof,
    SaleOptIn,
    last_day_of,
    opt_in_error,
    sale_decision,
)
from shared.law import age_on
from shared.law.library import policies
from shared.law.policies import MinorOptIn

LAW = policies().named("us-ca-ccpa@2026-01-01")
assert LAW.minor_opt_in is not None
RULE: MinorOptIn = LAW.minor_opt_in
TODAY = date(2026, 11, 29)
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
PARENTS = SaleOptIn(OptInGiver.PARENT, OptInProof.SIGNED_FORM, AT, date(2027, 3, 3))
OWN = SaleOptIn(OptInGiver.SELF, OptInProof.TWO_STEP, AT)
TWELVE, FOURTEEN, ADULT = date(2014, 3, 4), date(2012, 3, 4), date(1990, 3, 4)


@pytest.mark.parametrize(
    ("age", "giver", "proof", "counts"),
    [
        (12, OptInGiver.PARENT, OptInProof.SIGNED_FORM, True),
        (12, OptInGiver.PARENT, OptInProof.TWO_STEP, False),
        (12, OptInGiver.SELF, OptInProof.TWO_STEP, False),
        (13, OptInGiver.SELF, OptInProof.TWO_STEP, True),
        (13, OptInGiver.PARENT, OptInProof.SIGNED_FORM, False),
        (15, OptInGiver.SELF, OptInProof.SIGNED_FORM, False),
    ],
)
def test_parent_opts_in_below_13_and_the_minor_from_then_on(
    age: int, giver: OptInGiver, proof: OptInProof, *, counts: bool
) -> None:
    assert (opt_in_error(giver, proof, age, RULE) == "") is counts


def test_wrong_proof_is_answered_with_the_right_ones() -> None:
    message = opt_in_error(OptInGiver.PARENT, OptInProof.TWO_STEP, 12, RULE)
    assert message == (
        "the person's own has the proof two_step, a parent's one of "
        "signed_form, payment_card, telephone, video_call, in_person, identity_document"
    )


def test_opt_in_of_a_parent_ends_before_the_thirteenth_birthday() -> None:
    assert last_day_of(OptInGiver.PARENT, TWELVE, RULE) == date(2027, 3, 3)
    assert last_day_of(OptInGiver.PARENT, date(2016, 2, 29), RULE) == date(2029, 2, 27)
    assert last_day_of(OptInGiver.SELF, FOURTEEN, RULE) is None
    assert PARENTS.is_valid(date(2027, 3, 3))
    assert not PARENTS.is_valid(date(2027, 3, 4))


@pytest.mark.parametrize(
    ("opt_in", "listed", "born_on", "reason"),
    [
        pytest.param(None, False, FOURTEEN, "minor_without_opt_in", id="minor"),
        pytest.param(None, False, TWELVE, "minor_without_opt_in", id="child"),
        pytest.param(PARENTS, True, TWELVE, "", id="parent opted in"),
        pytest.param(OWN, True, FOURTEEN, "", id="minor opted in"),
        pytest.param(OWN, False, TWELVE, "minor_without_opt_in", id="child opted in alone"),
        pytest.param(PARENTS, False, FOURTEEN, "minor_without_opt_in", id="parent for a minor of 14"),
        pytest.param(None, True, ADULT, "opted_out", id="adult who opted out"),
        pytest.param(None, True, None, "opted_out", id="age is not known"),
        pytest.param(None, False, None, "", id="nothing is known"),
        pytest.param(None, False, ADULT, "", id="adult"),
    ],
)
def test_data_of_a_minor_is_not_sold_without_an_opt_in(
    opt_in: SaleOptIn | None, born_on: date | None, reason: str, *, listed: bool
) -> None:
    age = age_on(TODAY, born_on) if born_on else None
    decision = sale_decision(opt_in, RULE, TODAY, listed=listed, age=age)
    assert (decision.allowed, decision.reason) == (not reason, reason)
