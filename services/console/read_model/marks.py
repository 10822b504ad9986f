"""Marks of pages, the place in a list where the next page begins, and pages of lists with a ``place``."""

import base64
import binascii
from typing import Any, Final, TypeAlias

import orjson

from shared.runtime.mongo import Collection, Document

PAGE: Final = 50
IndexKeys: TypeAlias = list[tuple[str, int]]


def mark_of(*values: Any) -> str:
    """Return the mark of the page after an entry with these *values*."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


def values_of(mark: str) -> list[Any]:
    """Return the values of a *mark*; raises ValueError if it is none."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(mark))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, list):
        raise ValueError("not a mark of a page")  # noqa: TRY004 - a text of the address, not a type
    return found


async def page_by_place(
    collection: Collection, query: Document, index: IndexKeys, mark: str
) -> tuple[list[Document], str | None]:
    """
    Return the documents of *query* that begin after *mark*, from the last ``place`` on, and the next mark.

    Raises ValueError if *mark* is none.
    """
    if mark:
        query = {"$and": [query, {"place": {"$lt": _place_of(mark)}}]}
    found = await collection.find(query, hint=index).sort("place", -1).limit(PAGE + 1).to_list(PAGE + 1)
    return found[:PAGE], mark_of(found[PAGE - 1]["place"]) if len(found) > PAGE else None


def _place_of(mark: str) -> str:
    match values_of(mark):
        case [str(place)]:
            return place
        case _:
            raise ValueError("not a mark of a page")
