"""Plans of a run follow from the seed, and ask by channels that offer their right."""

from contextlib import redirect_stderr
from datetime import date
from functools import cache
from io import StringIO

import pytest

from bench.public.__main__ import arguments
from bench.public.requests import OFFERED, AskingChannel, Conduct, PublicPerson, RequestPlan, made_up
from bench.public.stores import people_in
from habeas.embedded.company import generate
from shared.vocabulary import Right

REQUESTS = 160


@cache
def people() -> list[PublicPerson]:
    """Return the people of a company."""
    records = generate(3, 2 * REQUESTS, today=date(2026, 3, 2))
    return people_in({(base, name, str(one["_id"])): one for base, name, one in records})


def plans(seed: int) -> list[RequestPlan]:
    """Return plans by every channel."""
    return made_up(people(), REQUESTS, seed, tuple(AskingChannel))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_plans_follow_from_the_seed_and_ask_for_rights_that_their_channel_offers(seed: int) -> None:
    made = plans(seed)
    assert made == plans(seed) != plans(seed + 1)
    assert all(plan.right in OFFERED.get(plan.channel, Right) for plan in made)
    assert {plan.channel for plan in made} == {*AskingChannel}
    assert {plan.conduct for plan in made} == {*Conduct}


def test_half_of_the_people_ask_for_nothing() -> None:
    with pytest.raises(ValueError, match="160 requests need 320 people; there are 319"):
        made_up(people()[1:], REQUESTS, seed=1)


def test_channels_of_the_command_line_are_those_of_the_requests() -> None:
    given = arguments().parse_args(["--channels", "mail", "key"])
    assert {plan.channel for plan in made_up(people(), REQUESTS, 1, given.channels)} == {
        AskingChannel.MAIL,
        AskingChannel.KEY,
    }
    with pytest.raises(SystemExit), redirect_stderr(StringIO()):
        arguments().parse_args(["--channels", "telephone"])
