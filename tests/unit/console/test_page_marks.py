"""Marks of pages of a list come from addresses: they have the form of ours, or are refused."""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.console.read_model.cases import _after, _mark

AT = datetime(2026, 3, 9, 8, tzinfo=UTC)


def mark_of(content: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode()


@pytest.mark.parametrize(("name", "step", "value"), [("sort_due", 1, "2026-04-02"), ("received_at", -1, AT)])
def test_mark_of_a_page_is_read(name: str, step: int, value: Any) -> None:
    found = _after(name, step, _mark({name: value, "_id": "ab"}, name))
    sign = "$gt" if step > 0 else "$lt"
    assert found == {"$or": [{name: {sign: value}}, {name: value, "_id": {"$gt": "ab"}}]}


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(
    "mark",
    [
        "x",
        "ö",
        *map(
            mark_of, ([{"$ne": ""}, "ab"], [["a"], "ab"], [None, "ab"], [1, "ab"], ["a", {"$ne": ""}], "ab")
        ),
        *map(mark_of, ({"a": 1, "b": 2}, [], ["a"], ["a", "b", "c"])),
    ],
)
def test_mark_that_is_none_is_refused(step: int, mark: str) -> None:
    with pytest.raises(ValueError, match="not a mark"):
        _after("sort_due", step, mark)
