"""
Infers the fields of a collection from a stream of documents, and the keys in them. Pure.

Keeps a bounded number of values per field, of bounded length, for any size and number of documents. Keys are
compared across their stored types: ``42`` here is ``"42"`` there, an ObjectId its hex digits.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from services.fulfillment.datamap.declarations import UUID_SUBTYPES, kind_of
from services.fulfillment.drafting.detection import Detected, categories_of
from services.fulfillment.drafting.forms import can_be_looked_up, is_shared_mailbox, names_country
from services.fulfillment.drafting.vocabulary import GIVEN_NAMES, plain
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

NUMBER, OBJECT_ID, UNIQUE, BINARY, TEXT = "number", "object_id", "uuid", "binary", "text"
UUID_BYTES = 16
LONGEST_TEXT = 80
LONGEST_BINARY = 64
LARGEST = 2**63
_NUMBER = re.compile(r"0|[1-9]\d{0,17}")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_TOKEN = re.compile(r"[^\s,;]+")
_COUNTER = re.compile(r"(.*?\D)(\d{1,15})")


class RecordKey(NamedTuple):
    """A value in comparable form."""

    family: str
    value: Any


def key_of(value: Any) -> RecordKey | None:
    """Return a key that all spellings of *value* share; ``None`` if it cannot name a record."""
    match value:
        case bool() | None:
            return None
        case int():
            return RecordKey(NUMBER, int(value))
        case float():
            return RecordKey(NUMBER, int(value)) if value.is_integer() and abs(value) < LARGEST else None
        case Decimal128():
            number = value.to_decimal()
            # 12.00 is an amount of money; numbers of records have no decimals.
            whole = number.is_finite() and number.as_tuple().exponent == 0 and abs(number) < LARGEST
            return RecordKey(NUMBER, int(number)) if whole else None
        case ObjectId():
            return RecordKey(OBJECT_ID, str(value))
        case Binary() if value.subtype in UUID_SUBTYPES and len(value) == UUID_BYTES:
            return RecordKey(UNIQUE, bytes(value).hex())
        case bytes():
            return RecordKey(BINARY, bytes(value)) if 0 < len(value) <= LONGEST_BINARY else None
        case str():
            return _text(value)
        case _:
            return None


def _text(value: str) -> RecordKey | None:
    if _NUMBER.fullmatch(value):
        return RecordKey(NUMBER, int(value))
    if _OBJECT_ID.fullmatch(value):
        return RecordKey(OBJECT_ID, value.lower())
    if _UUID.fullmatch(value):
        return RecordKey(UNIQUE, value.replace("-", "").lower())
    return RecordKey(TEXT, value) if len(value) <= LONGEST_TEXT and _TOKEN.fullmatch(value) else None


def spellings(key: RecordKey) -> Iterator[Any]:
    """Yield every value that a field may hold for *key*; MongoDB compares numbers of all types as one."""
    match key.family:
        case "number":
            yield from (Int64(key.value), str(key.value)) if abs(key.value) < LARGEST else (str(key.value),)
        case "object_id":
            yield from (ObjectId(key.value), key.value)
        case "uuid":
            raw = bytes.fromhex(key.value)
            text = str(UUID(bytes=raw))
            yield from (*(Binary(raw, kind) for kind in UUID_SUBTYPES), text, text.upper(), key.value)
        case _:
            yield key.value


def counted(key: RecordKey) -> tuple[str, int] | None:
    """Return *key* as a place in a series, which another series may share by accident: ``A-000017``."""
    if key.family == NUMBER:
        return "", key.value
    if key.family == TEXT and (match := _COUNTER.fullmatch(key.value)) is not None:
        return match[1], int(match[2])
    return None


MOST_VALUES = 200
"""Values kept of a field for detection."""
MOST_KEYS = 150
"""Different keys kept of a field for the search of references."""
MOST_SEEN = 5_000
"""Different keys counted of a field for the test of uniqueness."""
LONGEST = 400
"""Characters kept of a text."""
MOST_MEMBERS = 60
"""An object with more names than these over all documents has data as names."""
MOST_FIELDS = 1_000
SEVERAL, RARE = 12, 0.15
SOME_REPEATED = 0.02
MOST_ELEMENTS = 50
MOSTLY = 0.5
"""Least share of arrays that repeat a value, to call it their person's."""
DEEPEST = 12


@dataclass(slots=True)
class _SampledField:
    """The values seen at one path."""

    path: str
    types: Counter[str] = field(default_factory=Counter)
    array: bool = False
    most: int = 0
    values: list[Any] = field(default_factory=list)
    keys: dict[RecordKey, None] = field(default_factory=dict)
    families: Counter[str] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)
    repeated: int = 0
    present: int = 0
    members: dict[str, "_SampledField"] = field(default_factory=dict)
    opaque: bool = False

    def add(self, value: Any, depth: int) -> None:
        """Add *value*; the elements of an array count one by one."""
        if isinstance(value, list):
            self.array = True
            self.most = max(self.most, len(value))
            for item in value[:MOST_ELEMENTS]:
                self.add(item, depth + 1)
            return
        if value is None:
            return
        self.types["string" if isinstance(value, str) else kind_of(value)] += 1
        if not isinstance(value, Mapping):
            self._keep(value)
        elif "coordinates" in value and "type" in value:
            # A point of GeoJSON: its members mean nothing alone.
            self.opaque = True
            self._keep(dict(value))
        elif not self.opaque:
            self.enter(value, depth)

    def enter(self, value: Mapping[str, Any], depth: int) -> None:
        """Add the members of *value*."""
        self.opaque = depth > DEEPEST
        for name, member in value.items():
            inside = None if self.opaque else self._member(name)
            if inside is not None:
                inside.present += 1
                inside.add(member, depth + 1)
        if self.opaque:
            self.members.clear()

    def _member(self, name: str) -> "_SampledField | None":
        """Return the field *name* inside; None if the name is data, which makes the object one field."""
        if name in self.members:
            return self.members[name]
        if not self.path and len(self.members) < MOST_FIELDS and not _unnameable(name):
            return self.members.setdefault(name, _SampledField(name))
        if self.path and len(self.members) < MOST_MEMBERS and not _is_data(name):
            return self.members.setdefault(name, _SampledField(f"{self.path}.{name}"))
        self.opaque = bool(self.path)
        return None

    def varies(self) -> bool:
        """Return whether the names inside are data: many, and each in few of the objects."""
        whole = self.types["object"]
        present = sum(member.present for member in self.members.values())
        return len(self.members) >= SEVERAL and present < RARE * whole * len(self.members)

    def _keep(self, value: Any) -> None:
        short = value[:LONGEST] if isinstance(value, str | bytes) and not isinstance(value, Binary) else value
        if len(self.values) < MOST_VALUES:
            self.values.append(short)
        key = key_of(value)
        self.families["" if key is None else key.family] += 1
        if key is None:
            return
        if len(self.keys) < MOST_KEYS:
            self.keys[key] = None
        if len(self.seen) < MOST_SEEN:
            mark = hash(key)
            self.repeated += mark in self.seen
            self.seen.add(mark)


def _unnameable(name: str) -> bool:
    """Return whether a data map cannot name such a field."""
    return not name or "." in name or name.startswith("$")


def _is_data(name: str) -> bool:
    """Return whether the name of a member is itself a value: an address, a number, a person's name."""
    key = key_of(name)
    telling = key is None or key.family != TEXT or plain(name) in GIVEN_NAMES
    return telling or _unnameable(name) or re.fullmatch(r"[A-Za-z_][\w-]{0,60}", name) is None


@dataclass(frozen=True, slots=True)
class Property:
    """A field of a collection, without its values except its keys."""

    path: str
    type: str | None
    """As a data map declares it, without ``[]``; None if only null was seen, or several types."""
    array: bool
    container: bool
    detected: tuple[Detected, ...]
    unit: str | None
    """The innermost array around or at it."""
    most: int
    """The most elements in one array of it."""
    count: int
    """Number of values seen that are not null."""
    keys: tuple[RecordKey, ...] = field(default=(), repr=False)
    family: str | None = None
    """The kind of most of its values, as keys."""
    unique: bool = False
    """Whether hardly a key was seen twice: few stores are free of mistakes."""
    dialled: float = 0.0
    """The share of values that are telephone numbers with their country."""
    shared: float = 0.0
    """The share of e-mail addresses that are an office's."""

    @property
    def category(self) -> Detected | None:
        """The likeliest category."""
        return self.detected[0] if self.detected else None

    def seems(self, category: str | tuple[str, ...], least: float = 0.0) -> bool:
        """Return whether its likeliest category is *category*, or one below, with *least* confidence."""
        top = self.category
        return top is not None and top.category.startswith(category) and top.confidence >= least


@dataclass(frozen=True, slots=True)
class CollectionOutline:
    """The fields of a collection."""

    store: str
    database: str
    name: str
    total: int
    sampled: int
    properties: tuple[Property, ...]
    unique: frozenset[str] = frozenset()
    repeated: frozenset[tuple[str, str]] = frozenset()
    """Arrays of texts, each with a field beside it whose value most of them repeat."""

    @property
    def key(self) -> str:
        """``database.collection``."""
        return f"{self.database}.{self.name}"

    @property
    def by_path(self) -> Mapping[str, Property]:
        """The fields by their paths."""
        return {one.path: one for one in self.properties}


class Inference:
    """Infers the fields of a collection from its documents."""

    def __init__(self) -> None:
        self._root = _SampledField("")
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._repeats: Counter[tuple[str, str]] = Counter()
        self.documents = 0

    def add(self, document: Mapping[str, Any]) -> None:
        """Read *document*."""
        self.documents += 1
        self._root.enter(document, 0)
        texts = {name: text.casefold() for name, text in document.items() if isinstance(text, str)}
        for array, items in document.items():
            if isinstance(items, list) and items:
                held = {item.casefold() for item in items[:MOST_ELEMENTS] if isinstance(item, str)}
                self._pairs.update((array, name) for name in texts)
                self._repeats.update((array, name) for name, text in texts.items() if text in held)

    def repeated(self) -> frozenset[tuple[str, str]]:
        """Return the arrays with the fields beside them whose value most of them repeat."""
        return frozenset(pair for pair, count in self._repeats.items() if count >= MOSTLY * self._pairs[pair])

    def properties(self) -> tuple[Property, ...]:
        """Return every field seen, an object before its members."""
        return tuple(_properties(self._root, None))


def _properties(parent: _SampledField, unit: str | None) -> Iterator[Property]:
    for seen in parent.members.values():
        if seen.varies():
            seen.members.clear()
        inner = seen.path if seen.array else unit
        yield _property(seen, inner)
        yield from _properties(seen, inner)


def _findable(value: Any) -> bool:
    """Return whether a request's number finds *value*: the country is known, in any notation."""
    return can_be_looked_up(value) or names_country(value)


def _type(seen: _SampledField) -> str | None:
    """Return the type to declare; of an array the most frequent, because an array must be declared as one."""
    kinds = set(seen.types)
    if seen.members:
        return "object"
    if kinds == {"integer", "long"}:
        return "long"
    if len(kinds) > 1 and not seen.array:
        return None
    # An array that was always empty has no known type.
    return seen.types.most_common(1)[0][0] if kinds else ("string" if seen.array else None)


def _property(seen: _SampledField, unit: str | None) -> Property:
    count = sum(seen.types.values())
    family, most = seen.families.most_common(1)[0] if seen.families else ("", 0)
    texts = [value for value in seen.values if isinstance(value, str)]
    detected = () if seen.members else categories_of(seen.path, seen.values)
    phone = any(one.category == "user.contact.phone_number" for one in detected)
    return Property(
        path=seen.path,
        type=_type(seen),
        array=seen.array,
        container=bool(seen.members),
        detected=detected,
        unit=unit,
        most=seen.most,
        count=count,
        keys=tuple(seen.keys),
        family=family if family and most >= 0.7 * count else None,
        unique=bool(seen.keys) and seen.repeated <= SOME_REPEATED * len(seen.seen),
        dialled=sum(map(_findable, seen.values)) / len(seen.values) if phone else 0.0,
        shared=sum(map(is_shared_mailbox, texts)) / len(texts) if texts else 0.0,
    )
