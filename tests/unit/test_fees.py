"""What may cost a person anything: only what every law that protects them lets, and never the first copy."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from shared.law import FeeGround, FeeReason, GivenCopies, Money, Policy, may_cost
from shared.law.library import policies

GDPR, CH = "gdpr@2018-05-25", "ch-fadp@2023-09-01"
CCPA, VIRGINIA, COLORADO = "us-ca-ccpa@2026-01-01", "us-va@2023-01-01", "us-co@2023-07-01"
BRAZIL, SINGAPORE = "br-lgpd@2020-09-18", "sg-pdpa@2021-02-01"


def money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def laws(*ids: str) -> list[Policy]:
    return [policies().named(id_) for id_ in ids]


@pytest.mark.parametrize("policy", list(policies()), ids=lambda policy: policy.id)
def test_the_first_copy_is_free_under_every_law(policy: Policy) -> None:
    assert not may_cost([policy], FeeReason.FURTHER_COPY, money("1"), GivenCopies())


@pytest.mark.parametrize(
    ("protecting", "before", "costs"),
    [
        pytest.param([GDPR], GivenCopies(1, 1), True, id="the same data again"),
        pytest.param([GDPR], GivenCopies(9, 0), False, id="other data: a request of its own"),
        pytest.param([CCPA], GivenCopies(1, 1), False, id="California: the second of a year"),
        pytest.param([CCPA], GivenCopies(2, 0), True, id="California: the third of a year"),
        pytest.param([VIRGINIA], GivenCopies(1, 1), False, id="Virginia: the second of a year"),
        pytest.param([VIRGINIA], GivenCopies(2, 0), True, id="Virginia: the third of a year"),
        pytest.param([COLORADO], GivenCopies(1, 0), True, id="Colorado: the second of a year"),
        pytest.param([SINGAPORE], GivenCopies(1, 0), True, id="Singapore: ours, the first is free"),
        pytest.param([CH], GivenCopies(9, 9), False, id="Switzerland: all"),
        pytest.param([BRAZIL], GivenCopies(9, 9), False, id="Brazil: all"),
        pytest.param([COLORADO, GDPR], GivenCopies(1, 0), False, id="the law that gives more counts"),
        pytest.param([CCPA, GDPR], GivenCopies(2, 1), True, id="both let it"),
        pytest.param([GDPR, CH], GivenCopies(9, 9), False, id="one forbids it"),
        pytest.param([], GivenCopies(9, 9), False, id="no law is known"),
    ],
)
def test_a_further_copy_costs_something_only_where_every_law_lets_it(
    protecting: list[str], before: GivenCopies, costs: bool
) -> None:
    assert may_cost(laws(*protecting), FeeReason.FURTHER_COPY, money("12.50"), before) is costs


@pytest.mark.parametrize(
    ("law", "reason", "fee", "may"),
    [
        pytest.param(GDPR, FeeReason.EXCESSIVE, money("50"), True, id="GDPR: excessive"),
        pytest.param(GDPR, FeeReason.MANIFESTLY_UNFOUNDED, money("50"), True, id="GDPR: unfounded"),
        pytest.param(GDPR, FeeReason.EFFORT, money("50"), False, id="GDPR: effort alone is no ground"),
        pytest.param(CH, FeeReason.EXCESSIVE, money("50", "CHF"), False, id="FADP: refused, not charged"),
        pytest.param(CH, FeeReason.EFFORT, money("300", "CHF"), True, id="FADP: effort, the most"),
        pytest.param(CH, FeeReason.EFFORT, money("300.01", "CHF"), False, id="FADP: above the most"),
        pytest.param(CH, FeeReason.EFFORT, money("20", "EUR"), False, id="FADP: not to be compared"),
    ],
)
def test_a_law_says_on_which_grounds_and_how_much(law: str, reason: FeeReason, fee: Money, may: bool) -> None:
    assert may_cost(laws(law), reason, fee, GivenCopies()) is may


def test_no_policy_can_take_a_fee_for_the_first_copy() -> None:
    said = {"reason": "further_copy", "provision": "None", "read": "ours"}
    with pytest.raises(ValidationError, match="free is needed"):
        FeeGround.model_validate(said)


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "12345678.00", "NaN"])
def test_an_amount_is_one_that_can_be_paid(amount: str) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": amount, "currency": "EUR"})
