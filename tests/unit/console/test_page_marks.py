"""Marks of pages of a list come from addresses: they have the form of ours, or are refused."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from services.console.read_model import cases, openings
from services.console.read_model.marks import _place_of, mark_of

AT = datetime(2026, 3, 9, 8, tzinfo=UTC)
FOREIGN: tuple[list[Any], ...] = (
    *([{"$ne": ""}, "ab"], [["a"], "ab"], [None, "ab"], [1, "ab"], ["a", {"$ne": ""}], [{"$ne": ""}], []),
    list("abcd"),
)
OBJECT, TEXT = "eyJhIjoxfQ==", "ImFiIg=="
NO_MARK = r"not a mark|Invalid isoformat"


@pytest.mark.parametrize(("name", "step", "value"), [("sort_due", 1, "2026-04-02"), ("received_at", -1, AT)])
def test_mark_of_a_page_is_read(name: str, step: int, value: Any) -> None:
    found = cases._after(name, step, mark_of(value, "ab"))
    sign = "$gt" if step > 0 else "$lt"
    assert found == {"$or": [{name: {sign: value}}, {name: value, "_id": {"$gt": "ab"}}]}


@pytest.mark.parametrize("mark", ["x", "ö", OBJECT, TEXT, *(mark_of(*one) for one in FOREIGN)])
def test_mark_that_is_none_is_refused(mark: str) -> None:
    by_due, newest = (partial(cases._after, name, step) for name, step in (("sort_due", 1), ("at", -1)))
    for after in (by_due, newest, openings._after, _place_of):
        with pytest.raises(ValueError, match=NO_MARK):
            after(mark)
