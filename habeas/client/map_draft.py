"""Drafts a data map of live stores for operators."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.fulfillment.datamap.reader import parse
from services.fulfillment.drafting.samples import SAMPLE, SampleReader
from services.fulfillment.drafting.survey import StoreSurvey, Told, survey
from services.fulfillment.drafting.writer import summary
from services.fulfillment.drafting.writer import write as written
from shared.errors import ConfigurationError
from shared.runtime.mongo import connect

__all__ = ["files", "save", "summary", "surveyed"]


async def surveyed(
    urls: Mapping[str, str], databases: Sequence[str], told: Told, *, sample: int = SAMPLE, own: str = ""
) -> StoreSurvey:
    """
    Look at what the stores at *urls* hold.

    Args:
        urls: By the names of the stores.
        databases: Which to look at; where none is named, all but those of the database system and our own.
        told: Is told how far the survey is.
        sample: Documents to look at in each collection.
        own: What the names of our own databases begin with.

    Raises:
        ConfigurationError: There is no collection to look at.
        StoreUnavailable: A store did not answer.
    """
    readers = [
        SampleReader(name, connect(url, app_name="habeas-drafting"), sample, f"{own}_" if own else "")
        for name, url in urls.items()
    ]
    try:
        found = await survey(readers, databases, told)
    finally:
        for reader in readers:
            reader.client.close()
    if not found.outlines:
        raise ConfigurationError("the stores hold no collection to draft a map of; name one with --database")
    return found


def files(found: StoreSurvey) -> dict[str, str]:
    """Return the files of the draft; each has been read back as the services would read it."""
    drafted = written(found)
    parse(drafted)
    return drafted


def save(drafted: Mapping[str, str], folder: Path) -> None:
    """
    Write the files of a draft into *folder*.

    Raises:
        ConfigurationError: One is there already: somebody may have worked on it.
    """
    there = [name for name in drafted if (folder / name).exists()]
    if there:
        raise ConfigurationError(f"{folder}: {there[0]} is there already; name another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in drafted.items():
        (folder / name).write_text(text, encoding="utf-8")
