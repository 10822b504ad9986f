"""An embedded database is filled with a source once: a restart of `habeas up` brings nobody back."""

from pathlib import Path

import pytest
from rich.console import Console

from habeas.embedded.fill_record import FILE, fill_again, fill_once
from habeas.embedded.installation import EXAMPLE_MAP
from habeas.embedded.parts.database import Database
from habeas.embedded.uptime import EXAMPLE_COMPANY, StoreContents, fill_stores, load_once
from shared.errors import ConfigurationError

SOURCE = "the records of a shop"


class RecordSource:
    """A source of records that counts how often they are stored; the first *cut_off* fillings fail."""

    def __init__(self, *, cut_off: int = 0, there: bool = False) -> None:
        self.fillings = 0
        self._cut_off = cut_off
        self._there = there

    async def fill(self) -> int:
        self.fillings += 1
        if self.fillings <= self._cut_off:
            raise InterruptedError
        return 7

    async def is_there(self) -> bool:
        return self._there

    async def fill_once(self, folder: Path) -> bool:
        return await fill_once(folder, SOURCE, self.fill, self.is_there)


async def test_second_start_stores_nothing(tmp_path: Path) -> None:
    source = RecordSource()
    assert [await source.fill_once(tmp_path / "new"), await source.fill_once(tmp_path / "new")] == [
        True,
        False,
    ]
    assert source.fillings == 1


async def test_filling_that_was_cut_off_is_done_again_though_records_are_there(tmp_path: Path) -> None:
    source = RecordSource(cut_off=1)
    with pytest.raises(InterruptedError):
        await source.fill_once(tmp_path)
    source._there = True
    assert await source.fill_once(tmp_path)
    assert not await source.fill_once(tmp_path)


async def test_store_of_a_release_without_record_is_left_as_it_is(tmp_path: Path) -> None:
    source = RecordSource(there=True)
    assert not await source.fill_once(tmp_path)
    source._there = False
    assert not await source.fill_once(tmp_path), "all records were erased since"
    assert source.fillings == 0


async def test_demonstration_stores_again_and_a_later_start_does_not(tmp_path: Path) -> None:
    source = RecordSource()
    assert [await fill_again(tmp_path, SOURCE, source.fill) for _ in range(2)] == [7, 7]
    assert not await source.fill_once(tmp_path)


async def test_demonstration_that_was_cut_off_brings_nobody_back_at_the_next_start(tmp_path: Path) -> None:
    source = RecordSource()
    await source.fill_once(tmp_path)
    with pytest.raises(InterruptedError):
        await fill_again(tmp_path, SOURCE, RecordSource(cut_off=1).fill)
    assert not await source.fill_once(tmp_path)


async def test_damaged_record_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[")
    with pytest.raises(ConfigurationError, match="--state"):
        await RecordSource().fill_once(tmp_path)


async def test_up_stores_the_example_company_and_own_data_at_the_first_start_alone(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    for source in (EXAMPLE_COMPANY, str(exports)):
        await fill_once(tmp_path, source, RecordSource().fill, RecordSource().is_there)
    nowhere = Database(tmp_path, port=1, password="sesame")
    out, environment = Console(record=True, width=500), {"HABEAS_DATAMAP": str(EXAMPLE_MAP)}
    await fill_stores(nowhere, environment, StoreContents(), out)
    await load_once(nowhere, str(exports), out)
    assert f"{exports} was stored by an earlier start" in out.export_text()
