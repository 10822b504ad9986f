"""The background work for California's DROP survives all errors."""

import asyncio
import zipfile
from datetime import timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from services.intake.channels.drop import puller
from services.intake.channels.drop.puller import DropPuller


class Failing:
    """A ledger that fails with an unexpected error, and then cancels the caller."""

    calls = 0

    async def lease(self, _: object) -> None:
        self.calls += 1
        if self.calls > 1:
            raise asyncio.CancelledError
        raise zipfile.BadZipFile("anna@example.org")


async def test_nothing_but_cancelling_ends_it_and_no_words_are_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(puller, "LOOK_EVERY_S", 0)
    nothing = cast("Any", None)
    serving = DropPuller(nothing, cast("Any", Failing()), nothing, nothing, timedelta(days=7), None)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await serving.run_forever()
    assert [log["reason"] for log in logs] == ["BadZipFile"]
