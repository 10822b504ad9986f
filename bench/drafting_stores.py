"""
Makes stores of varied shape from a seed, each with the map that a careful person would write for it.

A shape says in plain English what a store holds; style of names, kinds of ids and sizes come from the seed.
What a careful person follows: references that lead from a person's record to more of the same person's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from mimesis import Generic, Locale

from bench.drafting_words import STYLES, Naming, naming
from shared.runtime.mongo import Binary, Decimal128, Document, ObjectId

LOCALES = (Locale.EN, Locale.DE, Locale.ES, Locale.FR)
KINDS = (
    "dense",
    "dense",
    "dense",
    "dense_from_1000",
    "sparse",
    "object_id",
    "uuid",
    "uuid_text",
    "prefixed",
    "digits",
)
HABITS = ("{}_id", "{}_id", "{}", "{}_ref", "fk_{}", "{}_key")
PREFIXES = ("", "", "tbl_", "app_")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ref:
    """A field that holds the key of a document of *to*."""

    to: str
    by: str = "_id"
    followed: bool = True
    """Whether the map has it."""
    either: bool = False
    """Whether one careful person would follow it and another would not."""
    many: bool = False
    unique: bool = False
    missing: float = 0.0
    dangling: float = 0.0
    other_form: bool = False
    """Whether it is stored in another type than the key."""


@dataclass(frozen=True, slots=True)
class Own:
    """An attribute of the person whom the document is about."""

    attribute: str
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Of:
    """An attribute of the person whom the reference at *ref*, beside it or at the top, leads to."""

    ref: str
    attribute: str
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that is nobody's: see ``PLAIN``."""

    kind: str


@dataclass(frozen=True, slots=True)
class Several:
    """An array of objects."""

    fields: Mapping[str, Any]
    most: int = 3
    strangers: bool = False
    """Whether each element is about a person of its own."""


@dataclass(frozen=True, slots=True)
class Coll:
    """A collection of a shape."""

    fields: Mapping[str, Any]
    per: float = 1.0
    """How many documents, relative to the people of the store."""
    people: bool = False
    """Whether each document is about a person of its own."""
    also: str | None = None
    """The collection whose people these are again (the same, one by one)."""
    key: str | None = None
    """The kind of its ids; else chosen by the seed."""


Shape = Mapping[str, Coll]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a careful person's map says; paths are ``collection.path``."""

    identities: frozenset[str]
    references: frozenset[tuple[str, str]]
    either: frozenset[tuple[str, str]]
    """References about which careful people differ: neither missed nor false."""


@dataclass(frozen=True, slots=True)
class Made:
    """A generated store."""

    title: str
    collections: Mapping[str, Sequence[Document]]
    truth: Truth
    called: Mapping[str, str]
    """What the collections are called here, by what they are called in plain English."""


@dataclass(slots=True)
class _Person:
    """Somebody fictional."""

    first: str
    last: str
    email: str
    phone: str
    local_phone: str
    born: datetime
    street: str
    city: str
    postal_code: str

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(slots=True)
class _Maker:
    shape: Shape
    rng: Random
    names: Naming
    generic: Generic
    people: int
    kinds: dict[str, str] = field(default_factory=dict)
    keys: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    persons: dict[str, list[_Person]] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    references: set[tuple[str, str]] = field(default_factory=set)
    either: set[tuple[str, str]] = field(default_factory=set)
    everybody: int = 0
    habit: str = "{}"
    """How its makers write fields that refer: ``{}`` stands for the name without ``_id``."""
    prefix: str = ""

    def make(self) -> dict[str, list[Document]]:
        for name, coll in self.shape.items():
            self.kinds[name] = coll.key or self.rng.choice(KINDS)
            size = max(8, round(self.people * coll.per))
            self.keys[name, "_id"] = keys(self.kinds[name], size, self.rng)
            if "number" in coll.fields:
                self.keys[name, "number"] = keys(
                    "prefixed" if self.rng.random() < 0.5 else "sparse", size, self.rng
                )
            if "username" in coll.fields:
                self.keys[name, "username"] = [f"{self.generic.person.username()}{n}" for n in range(size)]
            if coll.people and coll.also is None:
                self.persons[name] = [self.person() for _ in range(size)]
        for name, coll in self.shape.items():
            if coll.also:
                self.persons[name] = self.persons[coll.also]
        return {self.collection(name): list(self.documents(name, coll)) for name, coll in self.shape.items()}

    def collection(self, name: str) -> str:
        """Return how the collection is called here."""
        return self.prefix + self.names(name)

    def field(self, name: str, kind: Any) -> str:
        """Return how the field is called here; makers differ most in fields that refer."""
        if isinstance(kind, Ref) and name.endswith("_id"):
            return self.names(self.habit.format(name.removesuffix("_id")))
        return self.names(name)

    def person(self) -> _Person:
        who, self.everybody = self.generic.person, self.everybody + 1
        first, last = who.first_name(), who.last_name()
        digits = f"{self.rng.randrange(10**7, 10**8)}"
        domain = self.rng.choice(("example.org", "example.com", "mail.example.net"))
        local = f"{first}.{last}".lower().replace(" ", "").replace("'", "")
        return _Person(
            first, last, f"{local}{self.everybody}@{domain}", f"+49151{digits}", f"0151 {digits}",
            NOW - timedelta(days=self.rng.randrange(6600, 30000)), self.generic.address.address(),
            self.generic.address.city(), f"{self.rng.randrange(10**5):05d}",
        )  # fmt: skip

    def documents(self, name: str, coll: Coll) -> Iterator[Document]:
        ids = self.keys[name, "_id"]
        size = min(len(ids), len(self.persons[coll.also])) if coll.also else len(ids)
        for place in range(size):
            top: dict[str, _Person | None] = {}
            me = self.persons[name][place] if name in self.persons else None
            document = {"_id": ids[place]}
            where = _Where(name, self.collection(name), place, top, me)
            document |= self.object(coll.fields, where, "")
            yield document

    def object(self, fields: Mapping[str, Any], where: "_Where", path: str) -> Document:
        made = {}
        for name, kind in fields.items():
            named = self.field(name, kind)
            value = self.value(name, kind, where, f"{path}.{named}" if path else named)
            if value is not _ABSENT:
                made[named] = value
        return made

    def value(self, name: str, kind: Any, where: "_Where", path: str) -> Any:
        full = f"{where.named}.{path}"
        match kind:
            case Ref():
                return self.reference(name, kind, where, full)
            case Own():
                self.note(full, kind.identity)
                return self.attribute(where.me, kind.attribute)
            case Of():
                self.note(full, kind.identity)
                return self.attribute(where.reached.get(kind.ref), kind.attribute)
            case Several():
                return [
                    self.object(kind.fields, where.within(self.person() if kind.strangers else None), path)
                    for _ in range(self.rng.randint(0 if kind.most > 1 else 1, kind.most))
                ]
            case Plain():
                if kind.kind == "key":
                    return self.keys[where.collection, name][where.place]
                return PLAIN[kind.kind](self.rng, where.place, self.generic)
            case _:
                return self.object(kind, where, path)

    def note(self, full: str, identity: str | None) -> None:
        if identity:
            self.identities.add(full)

    def attribute(self, person: _Person | None, name: str) -> Any:
        if person is None:
            return None
        value = getattr(person, name)
        return value.title() if name == "email" and self.rng.random() < 0.05 else value

    def reference(self, name: str, ref: Ref, where: "_Where", full: str) -> Any:
        target = f"{self.collection(ref.to)}.{self.names(ref.by)}"
        if ref.followed and not ref.either:
            self.references.add((full, target))
        elif ref.either:
            self.either.add((full, target))
        pool = self.keys[ref.to, ref.by]
        if ref.many:
            return [self.form(ref, self.rng.choice(pool)) for _ in range(self.rng.randint(0, 4))]
        if self.rng.random() < ref.missing:
            return None if self.rng.random() < 0.5 else _ABSENT
        place = where.place % len(pool) if ref.unique else self.rng.randrange(len(pool))
        where.reached[name] = self.persons[ref.to][place] if ref.to in self.persons else None
        if self.rng.random() < ref.dangling:
            return self.form(ref, keys(self.kinds[ref.to], len(pool) * 2, self.rng)[-1])
        return self.form(ref, pool[place])

    def form(self, ref: Ref, key: Any) -> Any:
        if not ref.other_form:
            return key
        match key:
            case ObjectId():
                return str(key)
            case Binary():
                return str(UUID(bytes=bytes(key)))
            case int():
                return str(key)
            case str() if key.isdigit() and not key.startswith("0"):
                return int(key)
            case _:
                return key


@dataclass(frozen=True, slots=True)
class _Where:
    """The document, or the element, being made."""

    collection: str
    named: str
    place: int
    reached: dict[str, "_Person | None"]
    me: _Person | None

    def within(self, stranger: _Person | None) -> "_Where":
        return _Where(self.collection, self.named, self.place, dict(self.reached), stranger or self.me)


_ABSENT = object()


def keys(kind: str, size: int, rng: Random) -> list[Any]:
    """Return *size* distinct keys."""
    match kind:
        case "dense":
            return list(range(1, size + 1))
        case "dense_from_1000":
            return list(range(1000, 1000 + size))
        case "sparse":
            return rng.sample(range(10**6, 10**8), size)
        case "object_id":
            return [ObjectId(rng.randbytes(12)) for _ in range(size)]
        case "uuid":
            return [Binary.from_uuid(UUID(bytes=rng.randbytes(16), version=4)) for _ in range(size)]
        case "uuid_text":
            return [str(UUID(bytes=rng.randbytes(16), version=4)) for _ in range(size)]
        case "prefixed":
            letter = rng.choice("ABCDKPUX")
            return [f"{letter}-{number:06d}" for number in range(1, size + 1)]
        case _:
            return [str(number) for number in rng.sample(range(10**5, 10**7), size)]


PLAIN: Mapping[str, Callable[[Random, int, Generic], Any]] = {
    "counter": lambda _rng, place, _: place + 1,
    "quantity": lambda rng, *_: rng.randint(1, 10),
    "score": lambda rng, *_: rng.randint(1, 100),
    "size": lambda rng, *_: rng.randint(1, 5000),
    "cents": lambda rng, *_: rng.randint(99, 99_999),
    "price": lambda rng, *_: Decimal128(f"{rng.randint(1, 999)}.{rng.randint(0, 99):02d}"),
    "ratio": lambda rng, *_: round(rng.uniform(0, 1), 3),
    "year": lambda rng, *_: rng.randint(1999, 2026),
    "moment": lambda rng, *_: NOW - timedelta(seconds=rng.randrange(10**8)),
    "flag": lambda rng, *_: rng.random() < 0.5,
    "status": lambda rng, *_: rng.choice(("new", "open", "paid", "closed")),
    "country": lambda rng, *_: rng.choice(("DE", "ES", "FR", "GB", "US")),
    "office_mail": lambda rng, *_: rng.choice(("support@shop.example", "noreply@shop.example")),
    "office_mails": lambda rng, place, _: f"{rng.choice(('info', 'contact', 'support'))}@firm{place}.example",
    "like_phone": lambda rng, *_: f"0{rng.randint(10**9, 10**10 - 1)}",
    "like_mobile": lambda rng, *_: f"49{rng.randint(15 * 10**8, 16 * 10**8)}",
    "sku": lambda rng, *_: f"SKU-{rng.choice('ABCDE')}{rng.randint(100, 999)}",
    "version": lambda rng, *_: f"{rng.randint(1, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}",
    "thing": lambda rng, *_: (
        f"{rng.choice(('Steel', 'Oak', 'Quiet'))} {rng.choice(('Chair', 'Lamp', 'Kettle'))}"
    ),
    "firm": lambda _rng, _place, generic: generic.finance.company(),
    "title": lambda _rng, _place, generic: generic.text.word().title(),
    "prose": lambda _rng, _place, generic: " ".join(generic.text.words(quantity=14)),
    "hash": lambda rng, *_: rng.randbytes(20).hex(),
    "bcrypt": lambda rng, *_: "$2b$12$" + rng.randbytes(27).hex()[:53],
    "iban": lambda rng, *_: iban(rng.randrange(10**18)),
    "ip": lambda rng, *_: f"198.51.100.{rng.randint(1, 254)}",
    "celsius": lambda rng, *_: round(rng.uniform(-20, 40), 2),
}
"""Values that are nobody's, many of them made to mislead."""


def iban(number: int) -> str:
    """Return a German account number with right check digits; DE is 1314."""
    account = f"{number:018d}"
    return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"


def make(title: str, shape: Shape, seed: int, *, style: str | None = None) -> Made:
    """Return a store of *shape*: the same one for the same *seed*."""
    rng = Random(f"{title}-{seed}")
    chosen = style or STYLES[seed % len(STYLES)]
    generic = Generic(locale=rng.choice(LOCALES), seed=rng.randrange(10**6))
    maker = _Maker(
        shape, rng, naming(chosen, rng), generic, rng.choice((60, 150, 400)),
        habit=rng.choice(HABITS), prefix=rng.choice(PREFIXES),
    )  # fmt: skip
    collections = maker.make()
    truth = Truth(frozenset(maker.identities), frozenset(maker.references), frozenset(maker.either))
    called = {name: maker.collection(name) for name in shape}
    return Made(f"{title}, {chosen}, seed {seed}", collections, truth, called)
