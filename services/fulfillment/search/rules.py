"""What a store demands of the documents of a collection, beside what the data map says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one collection."""

    validator: Mapping[str, Any] = field(default_factory=dict)
    """Query that every document fulfils; a schema stands under ``$jsonSchema``."""
    unique: frozenset[str] = frozenset()
    """Paths that some unique index takes its values from."""

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The schema, where the rules have one."""
        return self.validator.get("$jsonSchema")
