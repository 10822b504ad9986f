"""A soak fails where memory or latency grows, and not for noise, a warm-up or a single peak."""

import random
from collections.abc import Sequence

import pytest

from bench.flatness import LEAST_SAMPLES, FlatnessLimit, SampleSeries, table

LIMIT = FlatnessLimit(share=0.05, amount=8)
COUNT = 30


def series(samples: Sequence[float]) -> SampleSeries:
    return SampleSeries("intake", "MiB", samples, LIMIT)


def noisy(growth: float, seed: int = 7) -> list[float]:
    """Return samples around 100 that grow by *growth* in all, with noise."""
    dice = random.Random(seed)
    return [100 + growth * number / COUNT + dice.uniform(-3, 3) for number in range(COUNT)]


@pytest.mark.parametrize("growth", [20, 50, 400])
def test_rising_series_fails(growth: float) -> None:
    assert not series(noisy(growth)).flat


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(noisy(0), id="noise"),
        pytest.param(noisy(-60), id="falling"),
        pytest.param([10 * number for number in range(10)] + [100.0] * 20, id="warm-up"),
        pytest.param([*noisy(0)[:-1], 500.0], id="a peak at the end"),
    ],
)
def test_series_that_does_not_rise_passes(samples: list[float]) -> None:
    assert series(samples).flat


def test_growth_below_the_amount_passes_however_small_the_series() -> None:
    assert series([4 + number / COUNT for number in range(COUNT)]).flat


def test_too_few_samples_prove_nothing() -> None:
    assert not series([100.0] * LEAST_SAMPLES).flat


def test_table_names_what_grows() -> None:
    text = table([series(noisy(0)), series(noisy(100))])
    assert [line.split("|")[-2].strip() for line in text.splitlines()[2:]] == ["flat", "GROWS"]
