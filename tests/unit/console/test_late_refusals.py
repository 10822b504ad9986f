"""The sentence about a decision that a service refuses after the page has stopped waiting."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from services.console.decisions.case_decisions import NOT_TAKEN, UNANSWERED, message
from shared.runtime.staff_api import DecisionNotAccepted, EffectUnknown

DECISION = "ab" * 16


@dataclass
class RefusingParts:
    """Parts of a console whose intake fails with *error*."""

    error: Exception

    @property
    def intake(self) -> "RefusingParts":
        return self

    async def effect(self, *_: Any, **__: Any) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(DecisionNotAccepted("not_possible"), NOT_TAKEN), (EffectUnknown("pending"), UNANSWERED)],
)
async def test_decision_without_an_entry_is_explained(error: Exception, sentence: str) -> None:
    assert await message(cast(Any, RefusingParts(error)), DECISION, cast(Any, None), []) == sentence
