"""The keyed chain finds every row of a case that was changed, removed, added or moved."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.runtime.audit_chain import MAC, START, ChainFault, Head, chained, faults_of, replaced
from shared.runtime.mongo import Document

KEY, CASE = b"k" * 32, "c" * 32


def rows(count: int = 3, *, key: bytes = KEY, case: str = CASE) -> list[dict[str, Any]]:
    """Return the rows of a case as a service stores them."""
    made: list[dict[str, Any]] = []
    for n in range(count):
        row: Document = {"_id": f"{case}:{n}", "case": case, "n": n, "cause": f"event-{n}", "facts": []}
        made.append({**chained(row, made[-1][MAC] if made else START, key)})
    return made


def faults(found: Sequence[dict[str, Any]], head: Head | None = None) -> list[tuple[int | None, ChainFault]]:
    return list(faults_of(CASE, found, KEY, head))


def head_of(found: Sequence[dict[str, Any]]) -> Head:
    return Head(found[-1]["n"], found[-1][MAC])


def test_untouched_rows_fit() -> None:
    made = rows()
    assert faults(made, head_of(made)) == []


def test_changed_content_does_not_fit() -> None:
    made = rows()
    made[1]["cause"] = "another"
    assert faults(made) == [(1, ChainFault.CHANGED)]


def test_removed_row_in_the_middle_is_missing() -> None:
    made = rows()
    assert (1, ChainFault.MISSING) in faults([made[0], made[2]])


def test_rows_removed_at_the_end_are_missing_where_heads_name_them() -> None:
    made = rows()
    assert faults(made[:1], head_of(made)) == [(1, ChainFault.MISSING), (2, ChainFault.MISSING)]
    assert faults([], head_of(made)) == [(None, ChainFault.MISSING)]


def test_tail_that_others_replaced_does_not_fit_an_earlier_head() -> None:
    honest = rows()
    third: Document = {"_id": f"{CASE}:2", "case": CASE, "n": 2, "cause": "another", "facts": []}
    regrown = [*honest[:2], {**chained(third, honest[1][MAC], KEY)}]
    assert faults(regrown) == []
    assert list(replaced(regrown, [Head(2, honest[2][MAC])])) == [(2, ChainFault.CHANGED)]
    assert list(replaced(honest, [Head(n, honest[n][MAC]) for n in range(3)])) == []


def test_row_with_the_place_of_another_does_not_fit() -> None:
    made = rows()
    first, second = made[1], made[2]
    swapped = [made[0], {**second, "_id": first["_id"], "n": 1}, {**first, "_id": second["_id"], "n": 2}]
    assert {n for n, _ in faults(swapped)} == {1, 2}


def test_row_after_another_past_does_not_fit() -> None:
    honest = rows()
    other: Document = {"_id": f"{CASE}:0", "case": CASE, "n": 0, "cause": "another", "facts": []}
    exchanged = [{**chained(other, START, KEY)}, *honest[1:]]
    assert (1, ChainFault.CHANGED) in faults(exchanged, head_of(honest))


@pytest.mark.parametrize("key", [pytest.param(b"o" * 32, id="another key"), pytest.param(b"", id="no key")])
def test_rows_under_another_key_do_not_fit(key: bytes) -> None:
    assert {n for n, _ in faults(rows(key=key))} == {0, 1, 2}


def test_rows_of_another_case_do_not_fit() -> None:
    foreign = [{**row, "case": CASE, "_id": f"{CASE}:{row['n']}"} for row in rows(case="d" * 32)]
    assert {n for n, _ in faults(foreign)} == {0, 1, 2}
