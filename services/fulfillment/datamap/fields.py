"""Reads the declarations of fields from YAML into the model; fits masks to the fields' declared lengths."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from services.fulfillment.datamap.categories import NEVER_DISCLOSED, covered
from services.fulfillment.datamap.model import Direction, Facts, MappedField, Masking, Reference, ValueCheck
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

STRATEGIES = frozenset(
    {
        "null_rewrite",
        "string_rewrite",
        "random_string_rewrite",
        "hash",
        "hmac",
        "truncate",
        "year",
        "email",
        "phone",
        "delete",
        "preserve",
    }
)
"""Strategies (``preserve``: no mask); beyond Fides': truncate, year, email, phone."""
DIGITS = {"hash": 64, "hmac": 64}
"""Characters of a mask with a variable length."""
_RANDOM = 30


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


def read_masking(meta: KnownKeys, length: int | None, notes: MapFindings) -> Masking | None:
    """
    Return the mask in ``masking_strategy_override``.

    Args:
        meta: The keys around it.
        length: The most characters of the field, if the map declares it.
        notes: Collects unsupported declarations.
    """
    keys = meta.within("masking_strategy_override", of="`masking_strategy_override`")
    if keys is None:
        return None
    node = keys.take("configuration")
    plain = None if node is None else node.plain()
    strategy = _strategy(keys, notes)
    keys.done()
    if strategy is None:
        return None
    masking = Masking(strategy, plain if isinstance(plain, dict) else {})
    return masking if length is None else _fitted(masking, length, keys.where, notes)


def _strategy(keys: KnownKeys, notes: MapFindings) -> str | None:
    if keys.peek("strategy") != "aes_encrypt":
        return keys.choice("strategy", STRATEGIES)
    what = "`aes_encrypt` could be undone, which is no erasure"
    notes.remark(keys.where, what, "the field becomes null instead")
    keys.ignored("strategy")
    return "null_rewrite"


def _fitted(masking: Masking, length: int, where: str, notes: MapFindings) -> Masking:
    """Return *masking* with texts of at most *length* characters, suffix included."""
    room = length - len(_suffix(masking))
    match masking.strategy:
        case "random_string_rewrite" if room > 0:
            wanted = masking.configuration.get("length")
            longest = min(wanted if isinstance(wanted, int) else _RANDOM, room)
            return Masking(masking.strategy, {**masking.configuration, "length": longest})
        case "string_rewrite" if room > 0:
            text = str(masking.configuration.get("rewrite_value", "MASKED"))[:room]
            return Masking(masking.strategy, {**masking.configuration, "rewrite_value": text})
        case strategy if room < DIGITS.get(strategy, 0) or room <= 0:
            what = f"a mask by `{strategy}` is longer than the `length: {length}` of the field"
            notes.remark(where, what, "use `random_string_rewrite`, which is cut to it")
    return masking


def _suffix(masking: Masking) -> str:
    preservation = masking.configuration.get("format_preservation")
    suffix = preservation.get("suffix") if isinstance(preservation, Mapping) else None
    return str(suffix or "")
