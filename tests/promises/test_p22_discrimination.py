"""P22: a person who uses a right is not treated worse."""

from typing import Any

from tests.integration.pipeline import DATABASES, Pipeline
from tests.promises.people import People


async def contents(pipeline: Pipeline) -> dict[str, list[Any]]:
    """Return all documents of the company."""
    found = {}
    for database in DATABASES:
        for name in await pipeline.client[f"{pipeline.prefix}{database}"].list_collection_names():
            found[f"{database}.{name}"] = await pipeline.business(database, name).find().to_list(None)
    return found


async def test_company_data_does_not_show_that_a_person_asked(pipeline: Pipeline, people: People) -> None:
    person = people[0]
    before = await contents(pipeline)
    await pipeline.answered("access", person)
    after = await contents(pipeline)
    assert {name for name in before if before[name] != after[name]} == set()
