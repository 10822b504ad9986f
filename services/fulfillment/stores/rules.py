"""The rules of a store for the documents of a collection, apart from the data map."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one collection."""

    validator: Mapping[str, Any] = field(default_factory=dict)
    """Query that every document matches; a schema stands under ``$jsonSchema``."""
    unique: frozenset[str] = frozenset()
    """Paths that some unique index takes its values from."""

    @property
    def more_than_schema(self) -> bool:
        """Whether the rules have conditions beside a schema."""
        return bool(self.validator.keys() - {"$jsonSchema"})

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The schema, where the rules have one."""
        return self.validator.get("$jsonSchema")
