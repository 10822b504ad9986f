import asyncio
import sys
from contextlib import suppress

import pytest

from services.verifier.documents.examiner.bootstrap import ModelLoading, ReaderLoadingError
from services.verifier.documents.sandbox import DocumentWorker
from tests.integration.pipeline import comes_true


async def passes(loading: ModelLoading) -> bool:
    with suppress(ReaderLoadingError):
        await loading.check()
        return True
    return False


async def test_the_service_is_not_ready_until_the_models_are_loaded() -> None:
    async with DocumentWorker() as sandbox:
        loading = ModelLoading(sandbox, needed=True)
        with pytest.raises(ReaderLoadingError):
            await loading.check()
        running = asyncio.create_task(loading.run())
        await comes_true(lambda: passes(loading))
        assert sandbox.granted
        running.cancel()


async def test_the_service_is_ready_without_a_reader_that_cannot_start() -> None:
    async with DocumentWorker(command=(sys.executable, "-c", "")) as sandbox:
        loading = ModelLoading(sandbox, needed=True)
        running = asyncio.create_task(loading.run())
        await comes_true(lambda: passes(loading))
        assert not sandbox.granted
        running.cancel()


async def test_models_that_are_not_asked_for_are_not_waited_for() -> None:
    async with DocumentWorker() as sandbox:
        assert await passes(ModelLoading(sandbox, needed=False))
