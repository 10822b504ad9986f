"""Reads the declarations of datasets and collections from YAML into the model."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from services.fulfillment.datamap.fields import FieldReader
from services.fulfillment.datamap.model import (
    Collection,
    Erasure,
    Facts,
    Hold,
    MarkRule,
    RetentionPeriod,
    RetentionRule,
)
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
from shared.law.taxonomy import DEFAULT_CATEGORIES

_PERIOD = re.compile(r"^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$")


@dataclass(frozen=True, slots=True)
class Inherited:
    """The declarations of a dataset or a collection that apply to everything in it."""

    facts: Facts
    categories: tuple[str, ...]


def extra_categories(rows: Iterable[Node], notes: MapFindings) -> frozenset[str]:
    """Return the categories of a map: the default ones and its own."""
    extra = set()
    for row in rows:
        keys = KnownKeys(row, notes, of="a data category")
        extra.add(keys.required("fides_key"))
        keys.ignored("name", "description", "parent_key", "organization_fides_key", "tags", "is_default")
        keys.ignored("active", "version_added", "version_deprecated", "replaced_by")
        keys.done()
    return DEFAULT_CATEGORIES | extra


def read_dataset(node: Node, known: frozenset[str], notes: MapFindings) -> Iterator[Collection]:
    """Yield the collections of the dataset at *node*; *known* are the allowed categories."""
    keys = KnownKeys(node, notes, of="a dataset")
    name = keys.required("fides_key")
    categories = categories_of(keys, known, notes)
    keys.ignored("name", "description", "organization_fides_key", "tags", "fidesctl_meta")
    keys.not_honoured("data_qualifier", instead=BY_CATEGORIES)
    keys.not_honoured("joint_controller", instead="name it in `meta: habeas: recipients`")
    keys.not_honoured("retention", instead=AS_RETENTION)
    keys.not_honoured("third_country_transfers", instead="declare it in `meta: habeas: transfer`")
    after = _dataset_meta(keys)
    habeas = habeas_keys(keys)
    store, facts = "default", Facts()
    if habeas is not None:
        store = habeas.text("store") or "default"
        facts = facts_of(habeas, facts)
        habeas.done()
    rows = keys.rows("collections")
    keys.done()
    for row in rows:
        collection = _CollectionReader(known, notes).collection(row, Inherited(facts, categories))
        yield replace(collection, store=store, dataset=name, after=(*after, *collection.after))


def _dataset_meta(keys: KnownKeys) -> tuple[str, ...]:
    meta = keys.within(*META, of="the `fides_meta` of a dataset")
    if meta is None:
        return ()
    after = tuple(str(row.value) for row in meta.texts("after"))
    meta.ignored("resource_id")
    meta.not_honoured("namespace", instead="the `fides_key` of a dataset is the name of its database")
    meta.not_honoured("redact", instead=AS_NAMED)
    meta.done()
    return after


class _CollectionReader:
    """Reads collections."""

    def __init__(self, known: frozenset[str], notes: MapFindings) -> None:
        self._known = known
        self._notes = notes

    def collection(self, node: Node, inherited: Inherited) -> Collection:
        keys = KnownKeys(node, self._notes, of="a collection")
        collection = Collection(
            store="", dataset="", name=keys.required("name"), where=node.where, facts=inherited.facts
        )
        categories = categories_of(keys, self._known, self._notes) or inherited.categories
        collection = replace(collection, description=keys.text("description"))
        collection = self._fides_collection(keys, collection)
        collection = self._habeas_collection(keys, collection)
        fields = tuple(FieldReader(self._known, self._notes).read(keys.rows("fields"), "", categories))
        keys.not_honoured("data_qualifier", instead=BY_CATEGORIES)
        keys.done()
        return replace(collection, fields=fields)

    def _fides_collection(self, keys: KnownKeys, collection: Collection) -> Collection:
        meta = keys.within(*META, of="the `fides_meta` of a collection")
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
        meta.not_honoured("partitioning", instead="a collection is searched as a whole")
        meta.not_honoured("redact", instead=AS_NAMED)
        meta.done()
        return collection

    def _habeas_collection(self, keys: KnownKeys, collection: Collection) -> Collection:
        habeas = habeas_keys(keys)
        if habeas is None:
            return collection
        erasure = habeas.choice("erasure", Erasure)
        collection = replace(
            collection,
            facts=facts_of(habeas, collection.facts),
            erasure=collection.erasure if erasure is None else Erasure(erasure),
            retention=self._retention(habeas),
            legal_hold=None if (hold := self._pair(habeas, "legal_hold")) is None else Hold(*hold),
            restriction=None if (mark := self._pair(habeas, "restriction")) is None else MarkRule(*mark),
            opt_out=None if (mark := self._pair(habeas, "opt_out")) is None else MarkRule(*mark),
            consent=None if (mark := self._pair(habeas, "consent")) is None else MarkRule(*mark),
        )
        habeas.done()
        return collection

    def _retention(self, habeas: KnownKeys) -> RetentionRule | None:
        keys = habeas.within("retention", of="`retention`")
        if keys is None:
            return None
        length = keys.required("keep")
        retention = RetentionRule(self._period(length, keys), keys.required("from"), keys.required("because"))
        keys.done()
        return retention

    def _period(self, text: str, keys: KnownKeys) -> RetentionPeriod:
        match = _PERIOD.match(text)
        if text and match is None:
            self._notes.flaw(keys.where, f"`keep: {text}` is no period", "write one like P10Y, P6M or P90D")
        if match is None:
            return RetentionPeriod()
        years, months, weeks, days = (int(number or 0) for number in match.groups())
        return RetentionPeriod(years, months, 7 * weeks + days)

    def _pair(self, habeas: KnownKeys, key: str) -> tuple[str, object] | None:
        keys = habeas.within(key, of=f"`{key}`")
        if keys is None:
            return None
        value = keys.take("value")
        if value is None:
            self._notes.flaw(keys.where, f"`{key}` has no `value`", "add the value the field then has")
        pair = keys.required("field"), None if value is None else value.plain()
        keys.done()
        return pair
