"""Reads the declarations of datasets, collections and fields from YAML; fits masks to declared lengths."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.fulfillment.datamap.model import (
    FROM_ERASURE,
    Collection,
    Direction,
    Erasure,
    Facts,
    MappedField,
    MarkRule,
    Masking,
    Ownership,
    Reference,
    RetentionPeriod,
    RetentionRule,
    ValueCheck,
    WithholdingReason,
    WithholdingRule,
)
from services.fulfillment.datamap.yaml_loader import KnownKeys, MapFindings, YamlNode
from shared.labels import is_language
from shared.law.library import policies
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

META = ("fides_meta", "fidesops_meta")
"""The key of Fides' declarations; the second is that of older files."""


def habeas_keys(keys: KnownKeys) -> KnownKeys | None:
    """Return the keys under ``meta: habeas:``; other keys under ``meta`` belong to other programs."""
    meta = keys.within("meta", of="`meta`")
    return None if meta is None else meta.within("habeas", of="`meta: habeas`")


def facts_of(keys: KnownKeys, inherited: Facts) -> Facts:
    """Return the facts under *keys*, by default those *inherited*."""
    texts = {key: keys.label(key) for key in ("purpose", "legal_basis", "source", "transfer", "storage")}
    return Facts(**texts, recipients=keys.labels("recipients")).with_defaults(inherited)


def categories_of(keys: KnownKeys, known: frozenset[str], notes: MapFindings) -> tuple[str, ...]:
    """Return the categories under *keys*; each must be one of *known*."""
    rows = keys.texts("data_categories")
    remedy = "use one of Fides' taxonomy or declare it under `data_category:`"
    for row in rows:
        if row.value not in known:
            notes.flaw(row.where, f"unknown category `{row.value}`", remedy)
    return tuple(str(row.value) for row in rows)


def _report_not_honoured(keys: KnownKeys, *names: str) -> None:
    for name in names:
        keys.not_honoured(name, instead=_NOT_HONOURED[name])


_TYPES = (
    "binary boolean date datetime decimal double float integer javascript long max_key min_key null object "
    "object_id regex string timestamp uuid"
)
TYPES = frozenset(_TYPES.split())
"""The types of BSON; each may be followed by ``[]``."""

_NOT_HONOURED = {
    "data_qualifier": "the categories alone decide what is shown and erased",
    "joint_controller": "name it in `meta: habeas: recipients`",
    "retention": "say it as `storage` or `retention` under `meta: habeas:`",
    "third_country_transfers": "declare it in `meta: habeas: transfer`",
    "redact": "names of collections and fields are shown as they are",
    "namespace": "the `fides_key` of a dataset is the name of its database",
    "partitioning": "a collection is searched as a whole",
    "custom_request_field": "declare it as an `identity`: a request's identifiers go by it",
    "type": "say it as `data_type`",
}
"""Keys of Fides' format without an effect here, and the alternatives."""
_WORDS = ("data_type", "identity", "masking_strategy_override", "primary_key", "read_only", "references")
"""Keys that belong under ``fides_meta``, and are sometimes found beside it."""
YEAR_END = "end_of_year"
"""The word for a period that starts at the end of the calendar year."""
UUID_SUBTYPES = (3, 4)
_LARGEST_INTEGER = 31
"""Bits of a number beyond which it is a ``long``."""
_BY_NAME = {
    "Code": "javascript",
    "DatetimeMS": "datetime",
    "MaxKey": "max_key",
    "MinKey": "min_key",
    "Regex": "regex",
    "Timestamp": "timestamp",
}
_KINDS: tuple[tuple[type, str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    (Int64, "long"),
    (float, "double"),
    (str, "string"),
    (datetime, "datetime"),
    (ObjectId, "object_id"),
    (Decimal128, "decimal"),
    (bytes, "binary"),
    (list, "array"),
)
"""Types of Python and their names; the first that fits counts."""
_NESTED = re.compile(r"(\[\]){2,}$")
"""An array of arrays, which MongoDB searches as one."""

_STRATEGIES = (
    "null_rewrite string_rewrite random_string_rewrite hash hmac truncate year email phone delete preserve"
)
STRATEGIES = frozenset(_STRATEGIES.split())
"""Strategies (``preserve``: no mask); beyond Fides': truncate, year, email, phone."""
DIGITS = {"hash": 64, "hmac": 64}
"""Characters of a mask with a variable length."""
_RANDOM = 30


@dataclass(frozen=True, slots=True)
class DeclarationReader:
    """Reads collections and fields."""

    known: frozenset[str]
    notes: MapFindings

    def collection(self, node: YamlNode, facts: Facts, inherited: tuple[str, ...]) -> Collection:
        """Return the collection at *node*, which inherits the *facts* and categories of its dataset."""
        keys = KnownKeys(node, self.notes, of="a collection")
        name = keys.required("name")
        categories = categories_of(keys, self.known, self.notes) or inherited
        collection = Collection("", "", name, node.where, keys.label("description"), facts=facts)
        collection = self._habeas_collection(keys, self._fides_collection(keys, collection))
        fields = tuple(self.fields(keys.rows("fields"), "", categories))
        _report_not_honoured(keys, "data_qualifier")
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
        _report_not_honoured(meta, "partitioning", "redact")
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
            legal_hold=self._mark(habeas, "legal_hold"),
            locked=self._mark(habeas, "locked"),
            restriction=self._mark(habeas, "restriction"),
            opt_out=self._mark(habeas, "opt_out"),
            serves=_serves(habeas),
            consent=self._mark(habeas, "consent"),
            active=self._mark(habeas, "active", empty=True),
        )
        habeas.done()
        return collection

    def _retention(self, habeas: KnownKeys) -> RetentionRule | None:
        keys = habeas.within("retention", of="`retention`")
        if keys is None:
            return None
        text = keys.required("keep")
        match = _PERIOD.match(text)
        if text and match is None:
            self.notes.flaw(keys.where, f"`keep: {text}` is no period", "write one like P10Y, P6M or P90D")
        years, months, weeks, days = (int(number or 0) for number in match.groups()) if match else (0,) * 4
        period = RetentionPeriod(years, months, 7 * weeks + days)
        start, year_end = keys.required("from"), keys.choice("starts", {YEAR_END}) is not None
        if year_end and start == FROM_ERASURE:
            self.notes.flaw(keys.where, f"`starts: {YEAR_END}` has no field", "name one in `from`")
        retention = RetentionRule(period, start, keys.required("because", labelled=True), year_end)
        keys.done()
        return retention

    def _mark(self, habeas: KnownKeys, key: str, *, empty: bool = False) -> MarkRule | None:
        """Return the mark under *key*; its value may be left out if an *empty* field can be meant."""
        keys = habeas.within(key, of=f"`{key}`")
        if keys is None:
            return None
        value = keys.take("value")
        if value is None and not empty:
            self.notes.flaw(keys.where, f"`{key}` has no `value`", "add the value the field then has")
        mark = MarkRule(keys.required("field"), None if value is None else value.plain())
        if key == "consent":
            keys.ignored("service")
        keys.done()
        return mark

    def fields(
        self, rows: Iterable[YamlNode], prefix: str, categories: tuple[str, ...]
    ) -> Iterator[MappedField]:
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
            yield from self.fields(below, f"{field.path}.", field.categories or categories)

    def _field(self, keys: KnownKeys, field: MappedField, inherited: tuple[str, ...]) -> MappedField:
        categories = categories_of(keys, self.known, self.notes)
        field = replace(field, description=keys.label("description"))
        about = "the `fides_meta` of a field"
        meta = keys.within(*META, of=about) or KnownKeys(YamlNode({}, field.where), self.notes, of=about)
        meta.adopt(keys, _WORDS)
        # Fides' own examples place categories here, where Fides ignores them silently.
        categories = categories or categories_of(meta, self.known, self.notes)
        field = self._fides_field(meta, field)
        if not field.primary_key:
            categories = categories or inherited
        field = self._habeas_field(keys, replace(field, categories=categories))
        _report_not_honoured(keys, "data_qualifier", "retention")
        keys.done()
        return field

    def _fides_field(self, meta: KnownKeys, field: MappedField) -> MappedField:
        kind = _NESTED.sub("[]", meta.text("data_type") or "") or None
        if kind is not None and kind.removesuffix("[]") not in TYPES:
            remedy = f"use one of {', '.join(sorted(TYPES))}"
            self.notes.flaw(field.where, f"unknown data type `{kind}`", remedy)
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
        _report_not_honoured(meta, "custom_request_field", "redact", "type")
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
        opened, withheld = self._disclosure(habeas)
        field = replace(
            field,
            opened=opened,
            withheld=withheld,
            redact=habeas.choice("third_parties", {"redact"}) is not None,
            editable=habeas.flag("editable"),
            plus_tags=habeas.flag("plus_tags"),
            verified=self._check(habeas),
            ownership=_ownership(habeas),
            controller=habeas.flag("controller"),
            label=habeas.label("label"),
            facts=facts_of(habeas, Facts()),
        )
        habeas.done()
        return field

    def _disclosure(self, habeas: KnownKeys) -> tuple[bool, WithholdingRule | None]:
        """Return whether values may be shown whatever their kind, and the rule that withholds them."""
        if isinstance(habeas.peek("disclose"), Mapping):
            return False, self._withholding(habeas.within("disclose", of="`disclose`"))
        word = habeas.choice("disclose", {"never", "always"})
        if word != "never":
            return word == "always", None
        remedy = "write `disclose: { never: security, because: … }`; until then staff can release the value"
        self.notes.remark(habeas.where, "`disclose: never` names no reason and no provision", remedy)
        return False, WithholdingRule()

    def _withholding(self, keys: KnownKeys | None) -> WithholdingRule | None:
        if keys is None:
            return None
        reason = keys.choice("never", WithholdingReason)
        if reason is None:
            self.notes.flaw(keys.where, "`disclose` has no reason", "add `never: security` or another reason")
        rule = WithholdingRule(WithholdingReason(reason or WithholdingReason.SECURITY), *self._grounds(keys))
        keys.done()
        return rule

    def _grounds(self, keys: KnownKeys) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return the provision for every law, or the laws with the provision of each."""
        stated = keys.peek("because")
        if not isinstance(stated, Mapping) or (stated and all(map(is_language, stated))):
            return keys.required("because", labelled=True), ()
        below, known = keys.within("because", of="`because`"), policies().laws
        if below is None:
            return "", ()
        for law in set(stated) - set(known):
            self.notes.flaw(below.where, f"unknown law `{law}`", f"use one of {', '.join(known)}")
        laws = tuple((law, below.required(law, labelled=True)) for law in map(str, stated))
        return "", laws

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


def _ownership(habeas: KnownKeys) -> Ownership | None:
    word = habeas.choice("ownership", Ownership)
    return None if word is None else Ownership(word)


def _serves(habeas: KnownKeys) -> bool:
    """Return whether a service depends on the consent of a collection."""
    consent = habeas.peek("consent")
    return isinstance(consent, Mapping) and consent.get("service") is True


def kind_of(value: Any) -> str:
    """Return the type of a single stored *value* in the words of a map, or ``array``."""
    if isinstance(value, Binary) and value.subtype in UUID_SUBTYPES:
        return "uuid"
    if isinstance(value, int) and not isinstance(value, bool | Int64):
        return "integer" if value.bit_length() <= _LARGEST_INTEGER else "long"
    named = _BY_NAME.get(type(value).__name__)
    return named or next((name for kind, name in _KINDS if isinstance(value, kind)), "object")


def read_masking(meta: KnownKeys, length: int | None, notes: MapFindings) -> Masking | None:
    """Return the mask in ``masking_strategy_override`` of *meta*, cut to *length* characters if given."""
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


_PERIOD = re.compile(r"^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$")


def own_categories(rows: Iterable[YamlNode], notes: MapFindings) -> dict[str, str]:
    """Return the categories that a map declares, with their names for people; empty for one without."""
    own = {}
    for row in rows:
        keys = KnownKeys(row, notes, of="a data category")
        own[keys.required("fides_key")] = keys.label("name") or ""
        keys.ignored("description", "parent_key", "organization_fides_key", "tags", "is_default")
        keys.ignored("active", "version_added", "version_deprecated", "replaced_by")
        keys.done()
    return own


def read_dataset(node: YamlNode, known: frozenset[str], notes: MapFindings) -> Iterator[Collection]:
    """Yield the collections of the dataset at *node*; *known* are the allowed categories."""
    keys = KnownKeys(node, notes, of="a dataset")
    name = keys.required("fides_key")
    categories = categories_of(keys, known, notes)
    keys.ignored("name", "description", "organization_fides_key", "tags", "fidesctl_meta")
    _report_not_honoured(keys, "data_qualifier", "joint_controller", "retention", "third_country_transfers")
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
        collection = DeclarationReader(known, notes).collection(row, facts, categories)
        yield replace(collection, store=store, dataset=name, after=(*after, *collection.after))


def _dataset_meta(keys: KnownKeys) -> tuple[str, ...]:
    meta = keys.within(*META, of="the `fides_meta` of a dataset")
    if meta is None:
        return ()
    after = tuple(str(row.value) for row in meta.texts("after"))
    meta.ignored("resource_id")
    _report_not_honoured(meta, "namespace", "redact")
    meta.done()
    return after
