"""What California's DROP is told of each request."""

import pytest

from services.intake.domain import Case, Status
from services.intake.drop.statuses import Told, told_of, told_of_all
from shared.events import Outcome, RequestFulfilled
from shared.law import Right

UNDECIDED = Case(status=Status.VERIFIED)
WITHDRAWN = Case(status=Status.WITHDRAWN)


def answered(outcome: Outcome, right: Right = Right.ERASURE) -> Case:
    fulfilled = RequestFulfilled(request_id="0" * 32, right=right, outcome=outcome, answer="a")
    return Case(status=Status.ANSWERED, fulfilled=fulfilled)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        pytest.param(answered(Outcome.GRANTED), Told.DELETED, id="deleted"),
        pytest.param(answered(Outcome.PARTLY_GRANTED), Told.DELETED, id="what is not exempt was deleted"),
        pytest.param(answered(Outcome.REFUSED), Told.EXEMPTED, id="all is kept"),
        pytest.param(answered(Outcome.NOTHING_HELD), Told.DELETED, id="erased by another list's request"),
        pytest.param(answered(Outcome.GRANTED, Right.OPT_OUT_OF_SALE), Told.OPTED_OUT, id="several people"),
        pytest.param(UNDECIDED, None, id="not decided"),
        pytest.param(Case(), None, id="not registered"),
        pytest.param(Case(status=Status.REFERRED), None, id="with the staff"),
        pytest.param(WITHDRAWN, Told.NOT_FOUND, id="withdrawn"),
    ],
)
def test_what_became_of_a_case(case: Case, told: Told | None) -> None:
    assert told_of(case) is told


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        pytest.param([answered(Outcome.GRANTED), UNDECIDED], None, id="one is not decided"),
        pytest.param(
            [answered(Outcome.REFUSED), answered(Outcome.GRANTED)], Told.DELETED, id="one is deleted"
        ),
        pytest.param([WITHDRAWN, answered(Outcome.REFUSED)], Told.EXEMPTED, id="one is kept"),
        pytest.param(
            [answered(Outcome.GRANTED), answered(Outcome.GRANTED, Right.OPT_OUT_OF_SALE)],
            Told.OPTED_OUT,
            id="another was found later",
        ),
        pytest.param([], Told.NOT_FOUND, id="nobody"),
    ],
)
def test_what_became_of_a_request_that_means_several_cases(cases: list[Case], told: Told | None) -> None:
    assert told_of_all(cases) is told


def test_the_numbers_are_the_platform_s() -> None:
    assert {one.name: int(one) for one in Told} == {
        "EXEMPTED": 2,
        "DELETED": 3,
        "OPTED_OUT": 4,
        "NOT_FOUND": 5,
    }
