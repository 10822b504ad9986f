"""Turns the declarations of one dataset, read from YAML, into the model."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from services.fulfillment.datamap.categories import DEFAULT_CATEGORIES, NEVER_DISCLOSED, covered
from services.fulfillment.datamap.loading import Findings, Keys, Node
from services.fulfillment.datamap.model import (
    Collection,
    Direction,
    Erasure,
    Facts,
    Field,
    Hold,
    Mark,
    Masking,
    Period,
    Reference,
    Retention,
)

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

STRATEGIES = frozenset(
    {"null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac", "delete", "preserve"}
)
"""How a field can lose its value (``preserve``: it does not)."""

_PERIOD = re.compile(r"^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$")


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a dataset or a collection says for all that stands in it."""

    facts: Facts
    categories: tuple[str, ...]


def extra_categories(rows: Iterable[Node], notes: Findings) -> frozenset[str]:
    """Return the categories a map may use: the default ones and those it adds itself."""
    extra = set()
    for row in rows:
        keys = Keys(row, notes, of="a data category")
        extra.add(keys.required("fides_key"))
        keys.ignored("name", "description", "parent_key", "organization_fides_key", "tags", "is_default")
        keys.ignored("active", "version_added", "version_deprecated", "replaced_by")
        keys.done()
    return DEFAULT_CATEGORIES | extra


def read_dataset(node: Node, known: frozenset[str], notes: Findings) -> Iterator[Collection]:
    """Yield the collections of the dataset at *node*; *known* are the categories it may use."""
    keys = Keys(node, notes, of="a dataset")
    name = keys.required("fides_key")
    categories = _categories(keys, known, notes)
    keys.ignored("name", "description", "organization_fides_key", "tags", "fidesctl_meta")
    keys.not_honoured("data_qualifier", "joint_controller", "retention", "third_country_transfers")
    after = _dataset_meta(keys, notes)
    habeas = _habeas(keys, notes)
    store, facts = "default", Facts()
    if habeas is not None:
        store = habeas.text("store") or "default"
        facts = _facts(habeas, facts)
        habeas.done()
    rows = keys.rows("collections")
    keys.done()
    for row in rows:
        collection = _Reader(known, notes).collection(row, Inherited(facts, categories))
        yield replace(collection, store=store, dataset=name, after=(*after, *collection.after))


def _dataset_meta(keys: Keys, notes: Findings) -> tuple[str, ...]:
    meta = keys.within("fides_meta", of="the `fides_meta` of a dataset")
    if meta is None:
        return ()
    after = tuple(str(row.value) for row in meta.texts("after"))
    meta.ignored("resource_id")
    meta.not_honoured("namespace")
    meta.done()
    del notes
    return after


def _habeas(keys: Keys, notes: Findings) -> Keys | None:
    """Return the keys under ``meta: habeas:``; whatever else stands under ``meta`` belongs to others."""
    meta = keys.within("meta", of="`meta`")
    del notes
    return None if meta is None else meta.within("habeas", of="`meta: habeas`")


def _facts(keys: Keys, inherited: Facts) -> Facts:
    recipients = tuple(str(row.value) for row in keys.texts("recipients"))
    return Facts(
        purpose=keys.text("purpose") or inherited.purpose,
        legal_basis=keys.text("legal_basis") or inherited.legal_basis,
        source=keys.text("source") or inherited.source,
        recipients=recipients or inherited.recipients,
        transfer=keys.text("transfer") or inherited.transfer,
    )


def _categories(keys: Keys, known: frozenset[str], notes: Findings) -> tuple[str, ...]:
    rows = keys.texts("data_categories")
    for row in rows:
        if row.value not in known:
            notes.flaw(
                row.where,
                f"unknown category `{row.value}`",
                "use one of Fides' taxonomy or declare it under `data_category:`",
            )
    return tuple(str(row.value) for row in rows)


class _Reader:
    """Reads collections and fields."""

    def __init__(self, known: frozenset[str], notes: Findings) -> None:
        self._known = known
        self._notes = notes

    def collection(self, node: Node, inherited: Inherited) -> Collection:
        keys = Keys(node, self._notes, of="a collection")
        collection = Collection(
            store="", dataset="", name=keys.required("name"), where=node.where, facts=inherited.facts
        )
        categories = _categories(keys, self._known, self._notes) or inherited.categories
        collection = replace(collection, description=keys.text("description"))
        collection = self._fides_collection(keys, collection)
        collection = self._habeas_collection(keys, collection)
        fields = tuple(self._fields(keys.rows("fields"), "", categories))
        keys.not_honoured("data_qualifier")
        keys.done()
        return replace(collection, fields=fields)

    def _fides_collection(self, keys: Keys, collection: Collection) -> Collection:
        meta = keys.within("fides_meta", of="the `fides_meta` of a collection")
        if meta is None:
            return collection
        override = meta.within("masking_strategy_override", of="`masking_strategy_override`")
        erasure = Erasure.MASK
        if override is not None:
            if override.choice("strategy", {"delete"}) is not None:
                erasure = Erasure.DELETE
            override.ignored("configuration")
            override.done()
        collection = replace(
            collection,
            erasure=erasure,
            skipped=meta.flag("skip_processing"),
            after=tuple(str(row.value) for row in meta.texts("after")),
            erase_after=tuple(str(row.value) for row in meta.texts("erase_after")),
        )
        meta.not_honoured("partitioning")
        meta.done()
        return collection

    def _habeas_collection(self, keys: Keys, collection: Collection) -> Collection:
        habeas = _habeas(keys, self._notes)
        if habeas is None:
            return collection
        erasure = habeas.choice("erasure", Erasure)
        collection = replace(
            collection,
            facts=_facts(habeas, collection.facts),
            erasure=collection.erasure if erasure is None else Erasure(erasure),
            retention=self._retention(habeas),
            legal_hold=None if (hold := self._pair(habeas, "legal_hold")) is None else Hold(*hold),
            restriction=None if (mark := self._pair(habeas, "restriction")) is None else Mark(*mark),
            opt_out=None if (mark := self._pair(habeas, "opt_out")) is None else Mark(*mark),
            consent=None if (mark := self._pair(habeas, "consent")) is None else Mark(*mark),
        )
        habeas.done()
        return collection

    def _retention(self, habeas: Keys) -> Retention | None:
        keys = habeas.within("retention", of="`retention`")
        if keys is None:
            return None
        length = keys.required("keep")
        retention = Retention(self._period(length, keys), keys.required("from"), keys.required("because"))
        keys.done()
        return retention

    def _period(self, text: str, keys: Keys) -> Period:
        match = _PERIOD.match(text)
        if text and match is None:
            self._notes.flaw(keys.where, f"`keep: {text}` is no period", "write one like P10Y, P6M or P90D")
        if match is None:
            return Period()
        years, months, weeks, days = (int(number or 0) for number in match.groups())
        return Period(years, months, 7 * weeks + days)

    def _pair(self, habeas: Keys, key: str) -> tuple[str, object] | None:
        keys = habeas.within(key, of=f"`{key}`")
        if keys is None:
            return None
        value = keys.take("value")
        if value is None:
            self._notes.flaw(keys.where, f"`{key}` has no `value`", "add the value the field then has")
        pair = keys.required("field"), None if value is None else value.plain()
        keys.done()
        return pair

    def _fields(self, rows: Iterable[Node], prefix: str, categories: tuple[str, ...]) -> Iterator[Field]:
        for row in rows:
            keys = Keys(row, self._notes, of="a field")
            name = keys.required("name")
            if "." in name or name.startswith("$"):
                self._notes.flaw(row.where, f"`{name}` is no name of a field", "nest it under `fields:`")
            below = keys.rows("fields")
            field = Field(path=prefix + name, where=row.where, container=bool(below))
            field = self._field(keys, field, categories)
            yield field
            yield from self._fields(below, f"{field.path}.", field.categories or categories)

    def _field(self, keys: Keys, field: Field, inherited: tuple[str, ...]) -> Field:
        categories = _categories(keys, self._known, self._notes)
        field = replace(field, description=keys.text("description"))
        meta = keys.within("fides_meta", of="the `fides_meta` of a field")
        if meta is not None:
            # Fides' own examples place categories here, where Fides drops them unseen.
            categories = categories or _categories(meta, self._known, self._notes)
            field = self._fides_field(meta, field)
        if not field.primary_key:
            categories = categories or inherited
        withheld = not field.container and any(covered(c, NEVER_DISCLOSED) for c in categories)
        field = replace(field, categories=categories, disclose=not withheld)
        field = self._habeas_field(keys, field)
        keys.not_honoured("data_qualifier", "retention")
        keys.done()
        return field

    def _fides_field(self, meta: Keys, field: Field) -> Field:
        kind = meta.text("data_type")
        if kind is not None and kind.removesuffix("[]") not in TYPES:
            self._notes.flaw(
                field.where, f"unknown data type `{kind}`", f"use one of {', '.join(sorted(TYPES))}"
            )
        if field.container and (kind or "object").removesuffix("[]") != "object":
            self._notes.flaw(field.where, f"a `{kind}` has no fields", "declare it as `object` or `object[]`")
        field = replace(
            field,
            type=kind,
            identity=meta.text("identity"),
            references=tuple(self._references(meta)),
            primary_key=meta.flag("primary_key"),
            read_only=meta.flag("read_only"),
            return_all_elements=meta.flag("return_all_elements"),
            masking=self._masking(meta),
        )
        meta.ignored("length", "custom_request_field")
        meta.done()
        return field

    def _references(self, meta: Keys) -> Iterator[Reference]:
        for row in meta.rows("references"):
            keys = Keys(row, self._notes, of="a reference")
            dataset, (collection, _, path) = keys.required("dataset"), keys.required("field").partition(".")
            direction = keys.choice("direction", {"from", "to"}) or "both"
            keys.done()
            yield Reference(f"{dataset}.{collection}", path, Direction(direction), row.where)

    def _masking(self, meta: Keys) -> Masking | None:
        keys = meta.within("masking_strategy_override", of="`masking_strategy_override`")
        if keys is None:
            return None
        node = keys.take("configuration")
        plain = None if node is None else node.plain()
        if keys.peek("strategy") == "aes_encrypt":
            what = "`aes_encrypt` could be undone, which is no erasure"
            self._notes.remark(keys.where, what, "the field becomes null instead")
            keys.ignored("strategy")
            strategy: str | None = "null_rewrite"
        else:
            strategy = keys.choice("strategy", STRATEGIES)
        keys.done()
        return None if strategy is None else Masking(strategy, plain if isinstance(plain, dict) else {})

    def _habeas_field(self, keys: Keys, field: Field) -> Field:
        habeas = _habeas(keys, self._notes)
        if habeas is None:
            return field
        disclose = habeas.choice("disclose", {"never", "always"})
        field = replace(
            field,
            disclose=field.disclose if disclose is None else disclose == "always",
            redact=habeas.choice("third_parties", {"redact"}) is not None,
            editable=habeas.flag("editable"),
        )
        habeas.done()
        return field
