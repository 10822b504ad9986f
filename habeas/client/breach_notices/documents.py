"""Documents for authorities, one for each duty, and announcements to the public and to users of a service."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from habeas.client.opened_incidents import IncidentOpening
from habeas.client.private_files import write_files


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document for an authority, or a text to publish."""

    name: str
    to_publish: bool
    missing: tuple[str, ...] = ()
    """Labels of the statements that are not known yet."""


async def write_all(opening: IncidentOpening, folder: Path) -> list[WrittenDocument]:
    """
    Open an incident, write its documents and announcements into *folder*, and return them.

    Raises ConfigurationError if there is no such incident, or they cannot be written there.
    """
    opened = (await opening.written())["opened"]
    files = {one["name"]: await opening.item(one["item"]) for one in opened["files"]}
    pages = {f"{one['name']}.html": await opening.item(one["item"]) for one in opened["filings"]}
    write_files(files | pages, folder)
    return [_document(one["name"], files.get(f"{one['name']}.json")) for one in opened["filings"]]


def _document(name: str, content: bytes | None) -> WrittenDocument:
    """Return the document with *content* as JSON; a text has none."""
    if content is None:
        return WrittenDocument(name, to_publish=True)
    fields: list[dict[str, Any]] = json.loads(content)["fields"]
    return WrittenDocument(
        name, to_publish=False, missing=tuple(one["label"] for one in fields if one["missing"])
    )
