"""One running installation for all promises that need no settings of their own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests import workers
from tests.conftest import given
from tests.integration.pipeline import Heard, Pipeline, running


@pytest.fixture(scope="session")
def parts_of_session(request: pytest.FixtureRequest) -> Stack | None:
    if given("AMQP_URL"):
        return None
    stack: Stack = request.getfixturevalue(
        "shared_parts" if workers.is_worker(request.config) else "own_parts"
    )
    return stack


@pytest_asyncio.fixture(scope="session")
async def pipeline(
    parts_of_session: Stack | None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    async with running(parts_of_session, tmp_path_factory.mktemp("promises")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="session")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard
