"""Saved views of the list of requests: a name and filters, for one account."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from shared.runtime.mongo import Database, Document, translated

MOST_VIEWS = 30
"""Views of an account."""
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class SavedView:
    """A name and the filters that it stands for."""

    id: str
    name: str
    query: str
    """Part of an address: names and values of filters, without texts that staff entered."""
    default: bool = False
    """Whether the list opens with it."""


class SavedViews:
    """The saved views of all accounts."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._views = database["views"]

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the views"):
            await self._views.create_index([("account", 1), ("name", 1)])

    async def of(self, account: str) -> Sequence[SavedView]:
        """Return the views of *account* by name."""
        with translated("read the views"):
            found = await self._views.find({"account": account}).sort("name", 1).to_list(MOST_VIEWS)
        return [SavedView(one["_id"], one["name"], one["query"], one["default"]) for one in found]

    async def save(self, account: str, name: str, query: str, *, default: bool = False) -> bool:
        """Save a view in place of one of the same *name*; return False if *account* has too many."""
        own, id_ = await self.of(account), _id(account, name)
        if len(own) >= MOST_VIEWS and id_ not in {one.id for one in own}:
            return False
        view: Document = {"account": account, "name": name, "query": query, "default": default}
        with translated("save a view"):
            if default:
                await self._views.update_many({"account": account}, {"$set": {"default": False}})
            await self._views.update_one({"_id": id_}, {"$set": view}, upsert=True)
        return True

    async def delete(self, account: str, id_: str) -> None:
        """Delete the view *id_* of *account*."""
        with translated("delete a view"):
            await self._views.delete_one({"_id": id_, "account": account})


def _id(account: str, name: str) -> str:
    return sha256(f"{account}\n{name}".encode()).hexdigest()[:32]
