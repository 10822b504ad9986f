"""
Review of a package before it is sent: its records as the person would get them, and what the staff withholds.

A listing lies in the vault as lines: one record of the package each, as JSON.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.contract.events import Code
from shared.vocabulary import WithholdingGround

LISTING = "listing"
"""First part of the name under which a listing lies in the vault."""
MOST_REDACTIONS = 1_000
_FIELDS = ',"fields":'


class ListedRecord(BaseModel):
    """A record of a package as the person would get it: withheld values are notices with their reason."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", hide_input_in_errors=True)

    collection: str
    """Its key in the data map."""
    label: str
    """Its name in the person's language."""
    record: int
    """Number of the record in the collection, from 1."""
    notices: tuple[tuple[str | int, ...], ...] = ()
    """Places of the notices in *fields*, as names and indices: data can look like a notice."""
    fields: dict[str, Any]
    """Values by name, as extended JSON."""


class Redaction(BaseModel):
    """Withholds a collection, one of its records, or a field of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    collection: str = Field(min_length=1, max_length=400)
    record: int | None = Field(default=None, ge=1)
    """Its number in the listing; None: all records."""
    field: str | None = Field(default=None, min_length=1, max_length=400)
    """Path of the field, with dots; elements of an array have the path of the array. None: all fields."""
    reason: WithholdingGround

    @model_validator(mode="after")
    def _is_of_a_record(self) -> Self:
        if self.field is not None and self.record is None:
            raise ValueError("a field is withheld from one record: name its number")
        return self


class RedactionList(BaseModel):
    """The redactions of a package, as the staff signs them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    redactions: tuple[Redaction, ...] = Field(min_length=1, max_length=MOST_REDACTIONS)


def is_listing(item: Code) -> bool:
    """Return whether *item* of the vault is a listing."""
    return item.startswith(f"{LISTING}_")


def line_of(head: str, fields: str) -> str:
    """Return the line of a record: its JSON without fields, and its *fields* as JSON."""
    return f"{head[:-1]}{_FIELDS}{fields}}}"


def fields_of(line: str) -> str:
    """Return the fields of the record of *line*, as the JSON that it holds."""
    return line[line.index(_FIELDS) + len(_FIELDS) : -1]


def at_path(value: Any, path: str) -> bool:
    """Return whether *value*, a record as JSON, holds anything at *path*."""
    if isinstance(value, list):
        return any(at_path(item, path) for item in value)
    if not isinstance(value, Mapping):
        return False
    rests = ((item, path[len(name) :]) for name, item in value.items() if f"{path}.".startswith(f"{name}."))
    return any(_holds(item, rest) for item, rest in rests)


def _holds(item: Any, rest: str) -> bool:
    return at_path(item, rest[1:]) if rest else item not in (None, "", [], {})
