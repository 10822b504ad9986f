"""Whether a query names the shards that it needs, by the shard key of its collection."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.runtime.shard_keys import ShardKey, ShardKind


def targets(key: ShardKey, query: Mapping[str, Any]) -> bool:
    """Return whether *query* names the shards that it needs."""
    return any(_is_bounded(part.get(key.field), key.kind) for part in _conjunctions(query))


def _conjunctions(query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield *query* and the parts that all must hold; an alternative counts if each branch is bounded."""
    yield query
    for part in query.get("$and", ()):
        yield from _conjunctions(part)
    if branches := query.get("$or"):
        fields = {name for branch in branches for name in branch}
        for name in fields:
            if all(name in branch for branch in branches):
                yield {name: {"$in": [branch[name] for branch in branches]}}


def _is_bounded(condition: Any, kind: ShardKind) -> bool:
    """Return whether *condition* names values of the key, or for a ranged key their beginning."""
    match condition:
        case None:
            return False
        case {"$in": list(values)} | {"$eq": values}:
            several = values if isinstance(values, list) else [values]
            return all(not isinstance(one, Mapping) or _is_bounded(one, kind) for one in several)
        case {"$gte": _, "$lt": _}:
            return kind is ShardKind.RANGED
        case re.Pattern() | Mapping():
            return False
        case _:
            return True
