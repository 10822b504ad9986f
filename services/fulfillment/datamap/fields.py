"""Reads the declarations of fields from YAML into the model."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from services.fulfillment.datamap.categories import NEVER_DISCLOSED, covered
from services.fulfillment.datamap.mask_reader import read_masking
from services.fulfillment.datamap.model import Direction, Facts, MappedField, Reference, ValueCheck
from services.fulfillment.datamap.words import (
    AS_NAMED,
    AS_RETENTION,
    BY_CATEGORIES,
    META,
    categories_of,
    facts_of,
    habeas_keys,
)
from services.fulfillment.datamap.yaml_loader import KnownKeys, MapFindings, Node

TYPES = frozenset(
    {
        "binary",
        "boolean",
        "date",
        "datetime",
        "decimal",
        "double",
        "float",
        "integer",
        "javascript",
        "long",
        "max_key",
        "min_key",
        "null",
        "object",
        "object_id",
        "regex",
        "string",
        "timestamp",
        "uuid",
    }
)
"""The types of BSON; each may be followed by ``[]``."""

_WORDS = ("data_type", "identity", "masking_strategy_override", "primary_key", "read_only", "references")
"""Keys that belong under ``fides_meta``, and are sometimes found beside it."""
_NESTED = re.compile(r"(\[\]){2,}$")
"""An array of arrays, which MongoDB searches as one."""


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Reads fields, and their sub-fields."""

    known: frozenset[str]
    """The allowed categories."""
    notes: MapFindings
    """Collects the errors."""

    def read(self, rows: Iterable[Node], prefix: str, categories: tuple[str, ...]) -> Iterator[MappedField]:
        """Yield the fields at *rows* below *prefix*, which inherit *categories*."""
        for row in rows:
            keys = KnownKeys(row, self.notes, of="a field")
            name = keys.required("name")
            if "." in name or name.startswith("$"):
                self.notes.flaw(row.where, f"`{name}` is no name of a field", "nest it under `fields:`")
            below = keys.rows("fields")
            field = MappedField(path=prefix + name, where=row.where, container=bool(below))
            field = self._field(keys, field, categories)
            yield field
            yield from self.read(below, f"{field.path}.", field.categories or categories)

    def _field(self, keys: KnownKeys, field: MappedField, inherited: tuple[str, ...]) -> MappedField:
        categories = categories_of(keys, self.known, self.notes)
        field = replace(field, description=keys.text("description"))
        about = "the `fides_meta` of a field"
        meta = keys.within(*META, of=about) or KnownKeys(Node({}, field.where), self.notes, of=about)
        meta.adopt(keys, _WORDS)
        # Fides' own examples place categories here, where Fides ignores them silently.
        categories = categories or categories_of(meta, self.known, self.notes)
        field = self._fides_field(meta, field)
        if not field.primary_key:
            categories = categories or inherited
        withheld = not field.container and any(covered(c, NEVER_DISCLOSED) for c in categories)
        field = replace(field, categories=categories, disclose=not withheld)
        field = self._habeas_field(keys, field)
        keys.not_honoured("data_qualifier", instead=BY_CATEGORIES)
        keys.not_honoured("retention", instead=AS_RETENTION)
        keys.done()
        return field

    def _fides_field(self, meta: KnownKeys, field: MappedField) -> MappedField:
        kind = _NESTED.sub("[]", meta.text("data_type") or "") or None
        if kind is not None and kind.removesuffix("[]") not in TYPES:
            self.notes.flaw(
                field.where, f"unknown data type `{kind}`", f"use one of {', '.join(sorted(TYPES))}"
            )
        if field.container and (kind or "object").removesuffix("[]") != "object":
            self.notes.flaw(field.where, f"a `{kind}` has no fields", "declare it as `object` or `object[]`")
        length = meta.number("length")
        field = replace(
            field,
            type=kind,
            length=length,
            identity=meta.text("identity"),
            references=tuple(self._references(meta)),
            primary_key=meta.flag("primary_key"),
            read_only=meta.flag("read_only"),
            return_all_elements=meta.flag("return_all_elements"),
            masking=read_masking(meta, length, self.notes),
        )
        meta.not_honoured(
            "custom_request_field", instead="declare it as an `identity`: a request's identifiers go by it"
        )
        meta.not_honoured("redact", instead=AS_NAMED)
        meta.not_honoured("type", instead="say it as `data_type`")
        meta.done()
        return field

    def _references(self, meta: KnownKeys) -> Iterator[Reference]:
        for row in meta.rows("references"):
            keys = KnownKeys(row, self.notes, of="a reference")
            dataset, (collection, _, path) = keys.required("dataset"), keys.required("field").partition(".")
            direction = keys.choice("direction", {"from", "to"}) or "both"
            keys.done()
            yield Reference(f"{dataset}.{collection}", path, Direction(direction), row.where)

    def _habeas_field(self, keys: KnownKeys, field: MappedField) -> MappedField:
        habeas = habeas_keys(keys)
        if habeas is None:
            return field
        disclose = habeas.choice("disclose", {"never", "always"})
        field = replace(
            field,
            disclose=field.disclose if disclose is None else disclose == "always",
            redact=habeas.choice("third_parties", {"redact"}) is not None,
            editable=habeas.flag("editable"),
            plus_tags=habeas.flag("plus_tags"),
            verified=self._check(habeas),
            controller=habeas.flag("controller"),
            facts=facts_of(habeas, Facts()),
        )
        habeas.done()
        return field

    def _check(self, habeas: KnownKeys) -> ValueCheck | None:
        """Return how values are verified: ``always``, ``never``, or the field that states it for each."""
        if not isinstance(habeas.peek("verified"), Mapping):
            word = habeas.choice("verified", {"always", "never"})
            return None if word is None else ValueCheck(never=word == "never")
        keys = habeas.within("verified", of="`verified`")
        if keys is None:
            return None
        field = keys.required("field")
        keys.done()
        return ValueCheck(field) if field else None
