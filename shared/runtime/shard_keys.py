"""
The shard key of each collection that grows with requests, for a sharded cluster; the others stay unsharded.

A case's documents name it in their shard key, so that a query of the hot path reads one shard for each case.
A unique index must begin with the shard key: these collections have none but that of ``_id``. Where the key
is not ``_id`` itself, it follows from it, so documents with one ``_id`` are on one shard, and a second one is
refused there (docs/adr/0047).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.contract import topology


class ShardKind(StrEnum):
    """How documents are distributed by the value of the shard key."""

    HASHED = "hashed"
    RANGED = "ranged"
    """For values that are read by their beginning."""


@dataclass(frozen=True, slots=True)
class ShardKey:
    """The field by which a collection is distributed."""

    field: str
    kind: ShardKind
    others: tuple[frozenset[str], ...] = ()
    """Fields of queries that ask every shard: those of loops, of purges, and of the staff."""

    @property
    def specification(self) -> dict[str, Any]:
        """The key as ``sh.shardCollection`` takes it."""
        return {self.field: "hashed" if self.kind is ShardKind.HASHED else 1}


def _other(*fields: str) -> frozenset[str]:
    return frozenset(fields)


_BY_ID: Final = ShardKey("_id", ShardKind.HASHED)
_JOURNAL: Final = ShardKey(
    "case",
    ShardKind.HASHED,
    (
        _other("unpublished", "at"),
        _other("at"),
        _other("n", "at"),
        _other("announced"),
        _other("facts.type", "publisher.source"),
        _other("facts.type"),
        _other("event.type"),
    ),
)
_NAMED: Final = ShardKey("_id", ShardKind.RANGED)

SHARD_KEYS: Final[Mapping[tuple[str, str], ShardKey]] = {
    ("keys", "keys"): _BY_ID,
    ("vault", "items"): _NAMED,
    ("vault", "chunks"): _NAMED,
    **{(service, "journal"): _JOURNAL for service in topology.LISTENS},
    **{(service, "notes"): _BY_ID for service in ("intake", "notifier", "codes")},
    **{
        (service, "publications"): ShardKey("_id", ShardKind.HASHED, (_other("case"), _other("at")))
        for service in topology.LISTENS
    },
    **{
        (service, "timers"): ShardKey("_id", ShardKind.RANGED, (_other("published", "at"),))
        for service in ("intake", "verifier", "fulfillment")
    },
    ("intake", "firsts"): _BY_ID,
    ("intake", "requesters"): ShardKey("_id", ShardKind.HASHED, (_other("mailboxes"),)),
    ("intake", "purge_dates"): ShardKey("_id", ShardKind.HASHED, (_other("look_at"),)),
    ("fulfillment", "requests"): ShardKey("person", ShardKind.HASHED, (_other("case"),)),
    ("fulfillment", "copies"): ShardKey("person", ShardKind.HASHED, (_other("at"),)),
    ("fulfillment", "erasures"): ShardKey("_id", ShardKind.HASHED, (_other("erasure"), _other("at"))),
    ("fulfillment", "kept"): ShardKey(
        "_id", ShardKind.HASHED, (_other("erasure"), _other("until"), _other("until", "erasure"))
    ),
    ("fulfillment", "suppressions"): _BY_ID,
    ("notifier", "claims"): _BY_ID,
    ("notifier", "mailbox_letters"): _BY_ID,
    ("campaigns", "ledgers"): ShardKey("_id", ShardKind.HASHED, (_other("incident", "phase"),)),
    ("console", "histories"): _BY_ID,
    ("console", "cases"): ShardKey("_id", ShardKind.HASHED, (_other("figure"), _other("kind"))),
}
"""Database, without the prefix of the installation, and collection → shard key."""
_HEAD: Final = """\
// Shards the databases of a new installation: docs/how-to/shard.md. Written by shared/runtime/shard_keys.py.
const prefix = process.env.HABEAS_DATABASE_PREFIX || "habeas"
const zstd = { storageEngine: { wiredTiger: { configString: "block_compressor=zstd" } } }
function shard(database, name, key, splits) {
  db.getSiblingDB(`${prefix}_${database}`).createCollection(name, { ...zstd, indexOptionDefaults: zstd })
  sh.shardCollection(`${prefix}_${database}.${name}`, key)
  for (const at of splits) sh.splitAt(`${prefix}_${database}.${name}`, { _id: at })
}"""
SPLITS: Final = "123456789abcdef"
"""Where a collection that is ranged is split at once: ids of cases begin with any of sixteen digits."""


def script() -> str:
    """Return the program for mongosh that shards the databases of an installation."""
    lines = [_HEAD]
    for (database, name), key in SHARD_KEYS.items():
        splits = SPLITS if key.kind is ShardKind.RANGED else ""
        lines.append(f'shard("{database}", "{name}", {json.dumps(key.specification)}, "{splits}")')
    return "\n".join(lines) + "\n"
