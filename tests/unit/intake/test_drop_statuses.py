"""The status of each request for California's DROP."""

import pytest

from services.intake.channels.drop.terms import DropStatus, combined_status, status_of
from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.events import Outcome, RequestFulfilled
from shared.law import Right

UNDECIDED = IntakeCase(status=CaseStatus.VERIFIED)
WITHDRAWN = IntakeCase(status=CaseStatus.WITHDRAWN)


def answered(outcome: Outcome, right: Right = Right.ERASURE) -> IntakeCase:
    fulfilled = RequestFulfilled(request_id="0" * 32, right=right, outcome=outcome, answer="a")
    return IntakeCase(status=CaseStatus.ANSWERED, fulfilled=fulfilled)


@pytest.mark.parametrize(
    ("case", "reported"),
    [
        pytest.param(answered(Outcome.GRANTED), DropStatus.DELETED, id="deleted"),
        pytest.param(
            answered(Outcome.PARTLY_GRANTED), DropStatus.DELETED, id="what is not exempt was deleted"
        ),
        pytest.param(answered(Outcome.REFUSED), DropStatus.EXEMPTED, id="all is kept"),
        pytest.param(
            answered(Outcome.NOTHING_HELD), DropStatus.DELETED, id="erased by another list's request"
        ),
        pytest.param(
            answered(Outcome.GRANTED, Right.OPT_OUT_OF_SALE), DropStatus.OPTED_OUT, id="several people"
        ),
        pytest.param(UNDECIDED, None, id="not decided"),
        pytest.param(IntakeCase(), None, id="not registered"),
        pytest.param(IntakeCase(status=CaseStatus.REFERRED), None, id="with the staff"),
        pytest.param(WITHDRAWN, DropStatus.NOT_FOUND, id="withdrawn"),
    ],
)
def test_statuses_of_a_case(case: IntakeCase, reported: DropStatus | None) -> None:
    assert status_of(case) is reported


@pytest.mark.parametrize(
    ("cases", "reported"),
    [
        pytest.param([answered(Outcome.GRANTED), UNDECIDED], None, id="one is not decided"),
        pytest.param(
            [answered(Outcome.REFUSED), answered(Outcome.GRANTED)], DropStatus.DELETED, id="one is deleted"
        ),
        pytest.param([WITHDRAWN, answered(Outcome.REFUSED)], DropStatus.EXEMPTED, id="one is kept"),
        pytest.param(
            [answered(Outcome.GRANTED), answered(Outcome.GRANTED, Right.OPT_OUT_OF_SALE)],
            DropStatus.OPTED_OUT,
            id="another was found later",
        ),
        pytest.param([], DropStatus.NOT_FOUND, id="nobody"),
    ],
)
def test_statuses_of_a_request_with_several_cases(
    cases: list[IntakeCase], reported: DropStatus | None
) -> None:
    assert combined_status(cases) is reported


def test_the_numbers_are_the_platform_s() -> None:
    assert {one.name: int(one) for one in DropStatus} == {
        "EXEMPTED": 2,
        "DELETED": 3,
        "OPTED_OUT": 4,
        "NOT_FOUND": 5,
    }
