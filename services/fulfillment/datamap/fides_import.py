"""Imports a dataset file of Fides: writes it as a data map, and reports unsupported keys line by line."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from services.fulfillment.datamap.consistency import check_consistency, resolved
from services.fulfillment.datamap.declarations import YEAR_END, read_dataset
from services.fulfillment.datamap.model import (
    Collection,
    Direction,
    Facts,
    MappedField,
    Masking,
    Reference,
    RetentionPeriod,
    WithholdingRule,
)
from services.fulfillment.datamap.ownership_proposals import proposed, unstated
from services.fulfillment.datamap.reader import files_of, in_order
from services.fulfillment.datamap.yaml_loader import MapError, MapFindings, YamlNode
from shared.errors import InvalidDataMap
from shared.labels import Label
from shared.law.taxonomy import DEFAULT_CATEGORIES

_WORD = re.compile(r"[A-Za-z_][\w.-]*")
_PROSE = re.compile(r"[A-Za-z_§][^:#\n\"'{}\[\],&*!|>%@`]*[^:#\s\"'{}\[\],&*!|>%@`]")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"})
_FACTS = {
    "purpose": "why the data is held (Art. 15(1)(a) GDPR)",
    "legal_basis": "legal basis: consent, contract, legal obligation, … (Art. 6(1) GDPR)",
    "source": "where it comes from (Art. 15(1)(g) GDPR)",
    "recipients": "recipients (Art. 15(1)(c) GDPR)",
    "transfer": "countries outside the European Union, and the safeguards there (Art. 15(2) GDPR)",
    "storage": "how long it is kept, or the rule for it (Art. 15(1)(d) GDPR)",
}
_HEAD = """\
# A data map, made of a dataset file of Fides by `habeas map import`.
#
# Declarations beyond Fides' format stand under `meta: habeas:`. Lines such as `# purpose:` are for you
# to complete: answers must state these facts. `erasure` states whether an erasure deletes a
# document, masks the personal data in it or keeps it; `habeas map check` compares the map with the databases.
"""


def written(
    collections: Iterable[Collection], categories: Mapping[str, str], remarks: Sequence[MapError]
) -> str:
    """
    Return a data map of *collections*; reading it returns equal ones.

    Args:
        collections: In their order; those of one dataset together.
        categories: Categories that the map adds to the taxonomy, with their names; empty for one without.
        remarks: Unsupported declarations of the original file.
    """
    return "\n".join(_lines(collections, categories, remarks)) + "\n"


def _lines(
    collections: Iterable[Collection], categories: Mapping[str, str], remarks: Sequence[MapError]
) -> Iterator[str]:
    yield _HEAD.rstrip()
    if remarks:
        yield "#"
        yield "# Not honoured, or to be looked at, by the lines of the original:"
        yield from (f"#   {remark}" for remark in remarks)
    if categories:
        yield "data_category:"
        for category, name in categories.items():
            yield f"  - {_flow({'fides_key': word(category)} | ({'name': word(name)} if name else {}))}"
    datasets: dict[tuple[str, str], list[Collection]] = defaultdict(list)
    for collection in collections:
        datasets[collection.store, collection.dataset].append(collection)
    yield "dataset:"
    for (store, dataset), some in datasets.items():
        yield f"  - fides_key: {word(dataset)} # the name of the database"
        yield "    meta:"
        yield "      habeas:"
        yield f"        store: {word(store)} # which of HABEAS_STORES holds it"
        alike = len({collection.facts for collection in some}) == 1
        if alike:
            yield from (f"        {line}" for line in _facts(some[0].facts))
        yield "    collections:"
        for collection in some:
            yield from _collection(replace(collection, facts=Facts()) if alike else collection)


def word(text: str) -> str:
    """Return *text* as a YAML value that is read as the same text, in all its languages."""
    if isinstance(text, Label) and text.by_language:
        return _flow({language: word(said) for language, said in text.by_language.items()})
    plain = _WORD.fullmatch(text) or _PROSE.fullmatch(text)
    return text if plain and text.lower() not in _RESERVED else json.dumps(text, ensure_ascii=False)


def _flow(pairs: Mapping[str, Any]) -> str:
    return f"{{ {', '.join(f'{key}: {value}' for key, value in pairs.items())} }}"


# --- collections --------------------------------------------------------------------------------------


def _collection(collection: Collection) -> Iterator[str]:
    yield f"      # {'-' * max(4, 96 - len(collection.name))} {collection.name}"
    yield f"      - name: {word(collection.name)}"
    if collection.description:
        yield f"        description: {word(collection.description)}"
    yield from _order(collection)
    yield "        meta:"
    yield "          habeas:"
    yield from (f"            {line}" for line in _habeas(collection))
    yield "        fields:"
    for field in collection.fields:
        pad = " " * (10 + 4 * field.path.count("."))
        yield f"{pad}- name: {word(field.path.rpartition('.')[2])}"
        yield from (f"{pad}  {line}" for line in _field(collection, field))


def _order(collection: Collection) -> Iterator[str]:
    pairs: dict[str, str] = {}
    if collection.skipped:
        pairs["skip_processing"] = "true"
    for key in ("after", "erase_after"):
        if names := getattr(collection, key):
            pairs[key] = f"[{', '.join(map(word, names))}]"
    if pairs:
        yield f"        fides_meta: {_flow(pairs)}"


def _habeas(collection: Collection) -> Iterator[str]:
    if collection.facts != Facts():
        yield from _facts(collection.facts)
    yield f"erasure: {collection.erasure.value}"
    if (kept := collection.retention) is not None:
        pairs = {"keep": _period(kept.keep), "from": word(kept.start), "because": word(kept.because)}
        pairs |= {"starts": YEAR_END} if kept.year_end else {}
        yield f"retention: {_flow(pairs)}"
    for key in ("legal_hold", "locked", "restriction", "opt_out", "consent", "active"):
        if (mark := getattr(collection, key)) is not None:
            value = json.dumps(mark.value, ensure_ascii=False)
            yield f"{key}: {_flow({'field': word(mark.field), 'value': value})}"


def _facts(facts: Facts) -> Iterator[str]:
    known = _known(facts)
    for key, meaning in _FACTS.items():
        yield f"{key}: {known[key]}" if key in known else f"# {key}: {meaning}"


def _known(facts: Facts) -> dict[str, str]:
    texts = {key: word(value) for key in _FACTS if isinstance(value := getattr(facts, key), str)}
    lists = {"recipients": f"[{', '.join(map(word, facts.recipients))}]"} if facts.recipients else {}
    return texts | lists


def _period(period: RetentionPeriod) -> str:
    parts = ((period.years, "Y"), (period.months, "M"), (period.days, "D"))
    return "P" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0D")


# --- fields -------------------------------------------------------------------------------------------


def _field(collection: Collection, field: MappedField) -> Iterator[str]:
    if field.description:
        yield f"description: {word(field.description)}"
    yield from _comments(collection, field)
    if field.categories and not field.container:
        yield f"data_categories: [{', '.join(field.categories)}]"
    if pairs := _fides(field):
        yield f"fides_meta: {_flow(pairs)}"
    if pairs := _ours(field):
        yield f"meta: {{ habeas: {_flow(pairs)} }}"
    if field.container:
        yield "fields:"


def _comments(collection: Collection, field: MappedField) -> Iterator[str]:
    if field.identity:
        yield f"# A request with {_a(field.identity)} is looked up here."
        if field.verified is None:
            yield "# State how its value is verified (`verified`); until then, it is a claim."
    if field in unstated(collection):
        yield f"# Proposed: {proposed(collection)}; unstated, a match owns its element."
    if field.sensitive and field.withheld is None:
        yield "# Shown masked until it is released; never under a law that forbids it (11 CCR § 7024(d))."


def _a(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} `{name}`"


def _fides(field: MappedField) -> dict[str, str]:
    kind = json.dumps(field.type) if field.type and field.array else field.type
    flags = ("primary_key", "read_only", "return_all_elements")
    pairs = {
        "data_type": kind,
        "length": str(field.length) if field.length else None,
        **{flag: "true" for flag in flags if getattr(field, flag)},
        "identity": word(field.identity) if field.identity else None,
        "references": f"[{', '.join(map(_reference, field.references))}]" if field.references else None,
        "masking_strategy_override": _masking(field.masking) if field.masking else None,
    }
    return {key: value for key, value in pairs.items() if value}


def _reference(reference: Reference) -> str:
    dataset, _, collection = reference.key.partition(".")
    pairs = {"dataset": word(dataset), "field": word(f"{collection}.{reference.path}")}
    if reference.direction is not Direction.BOTH:
        pairs["direction"] = reference.direction.value
    return _flow(pairs)


def _masking(masking: Masking) -> str:
    pairs = {"strategy": masking.strategy}
    if masking.configuration:
        pairs["configuration"] = json.dumps(masking.configuration, ensure_ascii=False)
    return _flow(pairs)


def _ours(field: MappedField) -> dict[str, str]:
    pairs: dict[str, str | None] = dict(_known(field.facts))
    pairs["label"] = word(field.label) if field.label else None
    pairs["disclose"] = "always" if field.opened else _withheld(field.withheld)
    pairs["third_parties"] = "redact" if field.redact else None
    pairs["ownership"] = field.ownership
    pairs |= {flag: "true" for flag in ("editable", "plus_tags") if getattr(field, flag)}
    if (check := field.verified) is not None:
        stated = "never" if check.never else "always"
        pairs["verified"] = _flow({"field": word(check.field)}) if check.field is not None else stated
    pairs["controller"] = "true" if field.controller else None
    return {key: value for key, value in pairs.items() if value}


def _withheld(rule: WithholdingRule | None) -> str | None:
    if rule is None or not rule.grounded:
        return None if rule is None else "never"
    provisions = {law: word(provision) for law, provision in rule.laws}
    return _flow({"never": rule.reason, "because": _flow(provisions) if provisions else word(rule.because)})


@dataclass(frozen=True, slots=True)
class Imported:
    """A data map imported from a file of Fides."""

    text: str
    remarks: tuple[MapError, ...]
    """Unsupported keys, and declarations to check, in the order of the file."""


def imported(sources: Mapping[str, str], beside: Sequence[Collection] = ()) -> Imported:
    """
    Return the data map in the Fides files *sources* (name → text); it loads together with *beside*.

    Categories of an own taxonomy are declared. Declarations that no map can have are left out and reported:
    references into other files, and identities and references of objects.

    Raises:
        InvalidDataMap: It is no dataset file; the message lists every error with file, line and remedy.
    """
    notes = MapFindings()
    datasets, names = files_of(sources, notes)
    known = DEFAULT_CATEGORIES | names.keys()
    used = {str(node.value): node for dataset in datasets for node in _categories(dataset)}
    own = {category: node for category, node in used.items() if category not in DEFAULT_CATEGORIES}
    read = [c for node in datasets for c in read_dataset(node, known | used.keys(), notes)]
    for category, node in own.items():
        if category not in known:
            notes.remark(node.where, f"`{category}` is no category of Fides' taxonomy", "it is declared now")
    collections = _repaired(read, beside, notes)
    if not collections and not notes.flaws:
        notes.flaw(
            f"{min(sources, default='?')}:1",
            "no collection is declared",
            "give a file with a `dataset:` list",
        )
    check = MapFindings()
    check_consistency(resolved([*collections, *beside]), check)
    if flaws := [*notes.flaws, *check.flaws]:
        raise InvalidDataMap("\n".join(map(str, in_order(flaws))))
    remarks = in_order(notes.remarks)
    return Imported(written(collections, {key: names.get(key, "") for key in sorted(own)}, remarks), remarks)


def _repaired(
    read: Sequence[Collection], beside: Sequence[Collection], notes: MapFindings
) -> Sequence[Collection]:
    """Return the collections *read* without the declarations that no map can have."""
    exact = resolved([*read, *beside])
    fields = [
        tuple(replace(f, references=e.references) for f, e in zip(one.fields, to.fields, strict=True))
        for one, to in zip(read, exact, strict=False)
    ]
    named = {one.key for one in exact}, {one.dataset for one in exact}
    return [
        _without_lost(_without_objects(replace(one, fields=some), notes), *named, notes)
        for one, some in zip(read, fields, strict=True)
    ]


def _without_objects(collection: Collection, notes: MapFindings) -> Collection:
    """Return *collection* with the identities of objects at a field inside them; else without them."""
    objects = [field for field in collection.fields if _is_object(field)]
    changed = {f.path: replace(f, identity=None, references=()) for f in objects}
    for field in objects:
        for reference in field.references:
            what = f"`{field.path}` is an object, and no reference of a map starts there"
            notes.remark(reference.where, what, "it is left out; declare it for a field inside")
        if field.identity is None:
            continue
        inside = _holder(collection, field)
        what = f"`{field.path}` is an object, and its identity `{field.identity}` is no value"
        if inside is None:
            notes.remark(field.where, what, "it is left out; declare it for the field inside that holds it")
        else:
            notes.remark(field.where, what, f"it is that of `{inside.path}` now; check this")
            changed[inside.path] = replace(inside, identity=field.identity)
    return replace(collection, fields=tuple(changed.get(f.path, f) for f in collection.fields))


def _is_object(field: MappedField) -> bool:
    return field.container or (field.type or "").removesuffix("[]") == "object"


def _holder(collection: Collection, around: MappedField) -> MappedField | None:
    """Return the only field in the object *around* that may hold its identity."""
    name = (around.identity or "").rpartition(".")[2]
    fields = [f for f in collection.leaves if f.path.startswith(f"{around.path}.")]
    fields = [field for field in fields if not (field.identity or _is_object(field))]
    for alike in (
        [f for f in fields if f.path.rpartition(".")[2] == name],
        [f for f in fields if any(category.rpartition(".")[2] == name for category in f.categories)],
    ):
        if len(alike) == 1:
            return alike[0]
    return None


def _without_lost(
    collection: Collection, keys: AbstractSet[str], datasets: AbstractSet[str], notes: MapFindings
) -> Collection:
    """Return *collection* without references to, and orders after, collections other than *keys*."""
    fields = []
    for field in collection.fields:
        for reference in field.references:
            if reference.key not in keys:
                what = f"`{field.path}` refers to `{reference.key}`, which is not in this file"
                notes.remark(reference.where, what, "it is left out; import both files at once")
        kept = tuple(one for one in field.references if one.key in keys)
        fields.append(replace(field, references=kept))
    for name in (*collection.after, *collection.erase_after):
        if name not in keys | datasets:
            what = f"`{collection.key}` comes after `{name}`, which is not in this file"
            notes.remark(collection.where, what, "the order is left out; import both files at once")
    return replace(
        collection,
        fields=tuple(fields),
        after=tuple(name for name in collection.after if name in keys | datasets),
        erase_after=tuple(name for name in collection.erase_after if name in keys),
    )


def _categories(node: YamlNode) -> Iterator[YamlNode]:
    if isinstance(node.value, Mapping):
        for key, below in node.value.items():
            if key == "data_categories" and isinstance(below.value, tuple):
                yield from below.value
            else:
                yield from _categories(below)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from _categories(item)
