"""Bulk insert: documents that many handlers add at the same moment take one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.runtime.dataloader import DataLoader
from shared.runtime.mongo import Collection, Document, insert_new


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """The documents that one handler adds; no two are the same."""

    documents: Sequence[Document]


class Insertions:
    """The insertions into one collection."""

    def __init__(self, collection: Collection) -> None:
        """Insert into *collection*."""
        self._collection = collection
        self._insert: DataLoader[_Page, None] = DataLoader(self._insert_all)

    async def add(self, documents: Sequence[Document]) -> None:
        """
        Insert those of *documents* with a new ``_id``; return when they are durable.

        Raises:
            StoreUnavailable: The server did not answer; the call may be repeated.
        """
        if documents:
            await self._insert(_Page(documents))

    async def _insert_all(self, pages: Sequence[_Page]) -> Mapping[_Page, None]:
        await insert_new(self._collection, [document for page in pages for document in page.documents])
        return dict.fromkeys(pages)
