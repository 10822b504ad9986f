"""Stores every data map that was used: a case keeps the map it started with."""

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from shared.errors import InvalidDataMap
from shared.runtime.mongo import Collection, Database, insert_new, translated


class DataMapVersions:
    """The data maps, by version."""

    def __init__(self, database: Database, current: DataMap) -> None:
        """Keep maps in *database*; *current* is the one for new cases."""
        self._maps = database["datamaps"]
        self.current = current
        self._known = {current.version: current}

    async def prepare(self) -> None:
        """Keep the current map."""
        sources = [[name, text] for name, text in self.current.sources.items()]
        await insert_new(self._maps, [{"_id": self.current.version, "sources": sources}])

    async def of(self, version: str) -> DataMap:
        """
        Return the map of *version*.

        Raises:
            InvalidDataMap: This version was never used here.
        """
        if version not in self._known:
            found = await stored_map(self._maps, version)
            if found is None:
                raise InvalidDataMap(f"no data map of version {version[:12]} was ever used here")
            self._known[version] = found
        return self._known[version]


async def stored_map(maps: Collection, version: str) -> DataMap | None:
    """Return the map of *version* in the collection *maps*; None if it was never used here."""
    with translated("read a data map"):
        document = await maps.find_one({"_id": version})
    return None if document is None else parse(dict(document["sources"]))
