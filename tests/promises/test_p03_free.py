"""P3: requests are free of charge."""

import pytest

from tests.integration.pipeline import Heard, Pipeline
from tests.promises.people import People


@pytest.mark.parametrize("right", ["access", "portability", "restriction"])
async def test_request_is_free_also_the_second_time(
    pipeline: Pipeline, people: People, heard: Heard, right: str
) -> None:
    person = people[0]
    for _ in range(2):
        case = await pipeline.answered(right, person)
        assert (await pipeline.page(case))["fee"] is None
        assert not heard.of(case, "fee.quoted")
        assert not pipeline.letter(person, case, "it would cost")
