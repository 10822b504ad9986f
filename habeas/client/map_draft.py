"""Drafts of data maps from live stores, for operators."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.fulfillment.datamap.reader import parse
from services.fulfillment.drafting.survey import SAMPLE, Report, SampleReader, StoreSurvey, survey
from services.fulfillment.drafting.writer import NOT_STATED, summary, unreached
from services.fulfillment.drafting.writer import write as written
from shared.errors import ConfigurationError
from shared.runtime.mongo import connect

__all__ = ["files", "save", "summary", "survey_stores", "unreached"]


async def survey_stores(
    urls: Mapping[str, str], databases: Sequence[str], report: Report, *, sample: int = SAMPLE, own: str = ""
) -> StoreSurvey:
    """
    Survey the *databases* of the stores at *urls*; without names all but the system's and our own.

    *sample* is the number of documents in each collection; *own* is the prefix of our own databases.

    Raises:
        ConfigurationError: There is no collection to look at.
        StoreUnavailable: A store did not answer.
    """
    clients = {name: connect(url, app_name="habeas-drafting") for name, url in urls.items()}
    prefix = f"{own}_" if own else ""
    readers = [SampleReader(name, client, sample, prefix) for name, client in clients.items()]
    try:
        found = await survey(readers, databases, report)
    finally:
        for client in clients.values():
            client.close()
    if not found.outlines:
        raise ConfigurationError(
            "the stores hold no collection to draft a map of: correct the URL or the names"
        )
    return found


def files(found: StoreSurvey, verified: Mapping[str, str] = NOT_STATED) -> dict[str, str]:
    """Return the files of the draft, *verified* as in `write`; each was read back like by the services."""
    drafted = written(found, verified)
    parse(drafted)
    return drafted


def save(drafted: Mapping[str, str], folder: Path) -> None:
    """Write the files of a draft into *folder*. Raises ConfigurationError if one exists already."""
    there = [name for name in drafted if (folder / name).exists()]
    if there:
        raise ConfigurationError(f"{folder}: {there[0]} is there already; name another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in drafted.items():
        (folder / name).write_text(text, encoding="utf-8")
