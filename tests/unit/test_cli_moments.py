"""Moments and days that verbs take."""

from datetime import UTC, datetime

import pytest

from habeas.cli.options import moment_or_day
from shared.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T02:00+02:00", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_day_begins_in_utc_and_moment_has_its_offset(text: str, at: datetime) -> None:
    assert moment_or_day("--since", text) == at
    assert moment_or_day("--since", text).utcoffset() is not None


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00+01:00", "1969-12-31"])
def test_moment_before_all_facts_is_refused_with_the_limit(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--since: must not be before 1970$"):
        moment_or_day("--since", text)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-01T02:00", "2026-02-30"])
def test_text_that_is_neither_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"--since: .*2026-03-09T00:00\+01:00, or a day, like 2026-03-09"
    ):
        moment_or_day("--since", text)
