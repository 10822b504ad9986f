"""
``python -m bench.public_schemas``: precision and recall of drafts for schemas of public projects.

``bench/schemas`` describes them in our own words: names of fields, fictional values, and the map that a
careful person would write, stated before the first run. A field is ``VALUE [= CATEGORY] [!]``: ``!`` is an
identity, ``= either`` and ``!either`` count neither way. VALUE is one of

``key KIND``               a key of its collection
``person ATTRIBUTE``       of the person that the document is about
``via FIELD ATTRIBUTE``    of the person that the reference FIELD leads to
``ref TARGET [own N]``     the key of a document; ``own``: each of another one, from the Nth on
``ref TARGET of FIELD``    the key of the document of the person that the reference FIELD leads to
``ref TARGET text``        the same, stored as text
``ref- TARGET``            a reference that a map does not follow; ``ref~``: careful people differ
``KIND``                   a value of no one in particular
"""

import argparse
import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml
from mimesis import Generic

from bench.drafting import Score, database, drafted_of, fill
from bench.drafting_stores import LOCALES, NOW, PLAIN, iban, keys
from bench.figures import Figure, out
from services.fulfillment.datamap.model import PERSONAL
from services.fulfillment.drafting.survey import SampleReader, StoreSurvey, survey
from services.fulfillment.drafting.writer import LEAST_CONFIDENCE
from shared.law.taxonomy import covered
from shared.runtime.mongo import Client, Document, ObjectId

FOLDER = Path(__file__).parent / "schemas"

_ATTRIBUTES = {
    "first": "user.name.first",
    "last": "user.name.last",
    "name": "user.name",
    "email": "user.contact.email",
    "phone": "user.contact.phone_number",
    "spaced_phone": "user.contact.phone_number",
    "local_phone": "user.contact.phone_number",
    "born": "user.demographic.date_of_birth",
    "street": "user.contact.address.street",
    "city": "user.contact.address.city",
    "postal_code": "user.contact.address.postal_code",
    "username": "user.account.username",
}
"""Categories of a person's attributes, unless a field states its own."""
_SPEC = re.compile(r"(?P<value>.+?)(?: = (?P<category>\S+))?(?P<identity> !(?:either)?)?")
_HEX, _WORDS = "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def _text(rng: Random, letters: str, length: int) -> str:
    return "".join(rng.choice(letters) for _ in range(length))


_VALUES: Mapping[str, Callable[[Random, int, Generic], Any]] = {
    **PLAIN,
    "agent": lambda *_: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "argon": lambda rng, *_: f"{_text(rng, _HEX, 64)}:{_text(rng, _WORDS, 16)}:3_32_2_67108864",
    "band": lambda rng, *_: f"The {rng.choice(('Quiet', 'Blue', 'Late'))} {rng.choice(('Foxes', 'Trains'))}",
    "bytes": lambda rng, *_: rng.randbytes(30),
    "card": lambda rng, *_: _card(rng),
    "courtesy": lambda rng, *_: rng.choice(("Ms.", "Mr.", "Dr.", "Mrs.")),
    "degrees": lambda rng, *_: round(rng.uniform(40, 60), 5),
    "digits_text": lambda rng, *_: str(rng.randrange(10**17, 10**18)),
    "django": lambda rng, *_: f"pbkdf2_sha256$600000${_text(rng, _WORDS, 12)}${_text(rng, _WORDS, 43)}=",
    "expiry": lambda rng, *_: f"{rng.randint(2020, 2030)}/{rng.randint(1, 12):02d}",
    "file": lambda rng, *_: f"{_text(rng, _HEX, 16)}.{rng.choice(('png', 'jpg', 'pdf'))}",
    "four_digits": lambda rng, *_: f"{rng.randrange(10**4):04d}",
    "gender": lambda rng, *_: rng.choice(("M", "F")),
    "iban": lambda rng, *_: iban(rng.randrange(10**18)),
    "job": lambda rng, *_: rng.choice(("Sales Manager", "Owner", "Accountant", "Buyer", "Assistant")),
    "language": lambda rng, *_: rng.choice(("en", "de", "fr", "es")),
    "nothing": lambda *_: None,
    "one_of_three": lambda rng, *_: rng.randint(1, 3),
    "order_number": lambda rng, *_: f"{rng.randrange(10**6):09d}",
    "pem": lambda rng, *_: f"-----BEGIN KEY-----\n{_text(rng, _WORDS, 64)}\n-----END KEY-----",
    "phpass": lambda rng, *_: f"$P$B{_text(rng, _WORDS, 30)}",
    "place_json": lambda *_: '{"country": "Germany", "timezone": "Europe/Berlin"}',
    "sha1": lambda rng, *_: _text(rng, _HEX, 40),
    "slug": lambda rng, *_: f"{rng.choice(('blue', 'long'))}-road-{rng.randint(1, 999)}",
    "state": lambda rng, *_: rng.choice(("Bavaria", "Ohio", "Kent", "Navarra", "Texas")),
    "tax": lambda rng, *_: f"DE{rng.randrange(10**9):09d}",
    "token": lambda rng, *_: _text(rng, _WORDS, 32),
    "url": lambda rng, *_: f"https://www.example.org/{_text(rng, _HEX, 8)}",
    "uuid": lambda rng, *_: "-".join(_text(rng, _HEX, length) for length in (8, 4, 4, 4, 12)),
    "word": lambda _rng, place, generic: f"{generic.text.word()}{place}",
    "zone": lambda rng, *_: rng.choice(("Europe/Berlin", "America/Chicago", "Asia/Tokyo")),
}  # fmt: skip
_KEYS: Mapping[str, Callable[[Random, int], Any]] = {
    "hex24": lambda rng, _: str(ObjectId(rng.randbytes(12))),
    "letters": lambda rng, place: f"{_text(rng, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 4)}{chr(65 + place % 26)}",
    "mrn": lambda rng, place: f"{rng.randrange(10**5):05d}{place:03d}-{rng.randint(0, 9)}",
    "random17": lambda rng, _: _text(rng, _WORDS, 17),
    "stripe": lambda rng, _: f"cus_{_text(rng, _WORDS, 14)}",
}


def _card(rng: Random) -> str:
    """Return a number with the check digit of a card (ISO 7812), of a range for tests."""
    digits = f"400000{rng.randrange(10**9):09d}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


@dataclass(frozen=True, slots=True)
class DraftTruth:
    """The map that a careful person would write; paths are ``collection.path``."""

    identities: set[str] = field(default_factory=set)
    references: set[frozenset[str]] = field(default_factory=set)
    categories: dict[str, str] = field(default_factory=dict)
    debatable: set[object] = field(default_factory=set)
    """Identities, references and paths of categories that count neither way."""


@dataclass(frozen=True, slots=True)
class DraftScores:
    """Scores of the draft of a schema."""

    identities: Score
    references: Score
    categories: Score

    def __add__(self, other: "DraftScores") -> "DraftScores":
        return DraftScores(
            self.identities + other.identities,
            self.references + other.references,
            self.categories + other.categories,
        )


Owner = Mapping[str, Any] | None
"""The attributes of the person that a document belongs to."""


class PublicSchema:
    """Documents of a described schema, the same at each run, and the expected map."""

    def __init__(self, name: str) -> None:
        """Read ``bench/schemas/NAME.yml`` and make its documents."""
        self.truth = DraftTruth()
        self.documents: dict[str, list[Document]] = {}
        self._rng = Random(name)
        self._generic = Generic(locale=self._rng.choice(LOCALES), seed=self._rng.randrange(10**6))
        self._people: dict[str, list[Owner]] = {}
        self._owners: dict[str, list[Owner]] = {}
        self._described = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
        self._keys = dict(self._all_keys())
        waiting = list(self._described)
        while waiting:  # referred collections first, so that the owners of their documents are known
            ready = [one for one in waiting if not (self._targets(one) & set(waiting)) - {one}] or waiting[:1]
            for one in ready:
                self._make(one)
            waiting = [one for one in waiting if one not in ready]
        for collection, described in self._described.items():
            self._expect(collection, described["fields"], "")

    def _all_keys(self) -> Iterator[tuple[str, Sequence[Any]]]:
        for collection, described in self._described.items():
            for name, spec in described["fields"].items():
                if isinstance(spec, str) and spec.startswith("key "):
                    kind, count = spec.split()[1], described["count"]
                    own = _KEYS.get(kind)
                    made = [own(self._rng, n) for n in range(count)] if own else keys(kind, count, self._rng)
                    yield f"{collection}.{name}", made

    def _targets(self, collection: str) -> set[str]:
        specs = re.findall(r"ref (\S+?)\.", str(self._described[collection]["fields"]))
        return set(specs)

    def _make(self, collection: str) -> None:
        described = self._described[collection]
        group, count = described.get("people"), described["count"]
        people = self._people.setdefault(group, []) if group else []
        people += [self._person(len(people) + n) for n in range(count - len(people)) if group]
        owners = [people[place] if group else None for place in range(count)]
        self._owners[collection] = owners
        self.documents[collection] = [
            self._object(described["fields"], _Place(collection, place, {"": owners[place]}))
            for place in range(count)
        ]

    def _person(self, number: int) -> Owner:
        who, address = self._generic.person, self._generic.address
        first, last = who.first_name(), who.last_name()
        local = re.sub(r"\W", "", f"{first}{last}").lower()
        digits = f"{self._rng.randrange(10**7, 10**8)}"
        return {
            "first": first,
            "last": last,
            "name": f"{first} {last}",
            "email": f"{local}{number}@{self._rng.choice(('example.org', 'example.com'))}",
            "phone": f"+49151{digits}",
            "spaced_phone": f"+49 151 {digits[:4]} {digits[4:]}",
            "local_phone": f"0151 {digits}",
            "born": NOW - timedelta(days=self._rng.randrange(6600, 30000)),
            "street": address.address(),
            "city": address.city(),
            "postal_code": f"{self._rng.randrange(10**5):05d}",
            "username": f"{local[:6]}{number}",
        }

    def _object(self, fields: Mapping[str, Any], where: "_Place") -> Document:
        made = {}
        # References first: the attributes of the person that one leads to may stand before it.
        for name, spec in sorted(fields.items(), key=lambda item: _turn(str(item[1]))):
            made[name] = self._value(name, spec, where)
        return {name: made[name] for name in fields if made[name] is not None}

    def _value(self, name: str, spec: Any, where: "_Place") -> Any:
        if isinstance(spec, list):
            most = 1 if "person" in str(spec) else 2  # no person has the same address twice
            return [self._value(name, spec[0], where.inside()) for _ in range(self._rng.randint(1, most))]
        if isinstance(spec, Mapping):
            inner = where.inside()
            made = self._object(spec, inner)
            where.reached.update({f"{name}.{path}": owner for path, owner in inner.reached.items() if path})
            return made
        match _parts(spec)["value"].split():
            case ["key", _]:
                return self._keys[f"{where.collection}.{name}"][where.place]
            case ["person", attribute]:
                return (where.reached[""] or self._person(0) or {})[attribute]
            case ["via", path, attribute]:
                return (where.reached.get(path) or {}).get(attribute)
            case ["ref" | "ref-" | "ref~" as kind, target, *which]:
                return self._reference(name, kind, target, which, where)
            case [kind]:
                return self._plain(kind, where.place)
            case _:
                raise ValueError(f"{where.collection}.{name}: {spec}")

    def _reference(self, name: str, kind: str, target: str, which: Sequence[str], where: "_Place") -> Any:
        collection, _, path = target.partition(".")
        choices = self._keys.get(target)
        if choices is None:  # the target is itself a reference: a shared key
            choices = [document[path] for document in self.documents[collection]]
        owners = self._owners.get(collection, [None] * len(choices))
        at = self._chosen(which, owners, where) % len(choices)
        where.reached[name] = owners[at]
        key = str(choices[at]) if "text" in which else choices[at]
        if kind == "ref" and where.top and self._owners[where.collection][where.place] is None:
            self._owners[where.collection][where.place] = owners[at]
        return key

    def _chosen(self, which: Sequence[str], owners: Sequence[Owner], where: "_Place") -> int:
        """Return the number of the document that a reference leads to."""
        match [word for word in which if word != "text"]:
            case ["own", first]:
                return where.place + int(first)
            case ["of", field]:
                return next(at for at, owner in enumerate(owners) if owner is where.reached[field])
            case _:
                return self._rng.randrange(len(owners))

    def _plain(self, kind: str, place: int) -> Any:
        if kind in _ATTRIBUTES:
            return (self._person(place) or {})[kind]
        return _VALUES[kind](self._rng, place, self._generic)

    def _expect(self, collection: str, fields: Mapping[str, Any], above: str) -> None:
        for name, spec in fields.items():
            single = spec[0] if isinstance(spec, list) else spec
            if isinstance(single, Mapping):
                self._expect(collection, single, f"{above}{name}.")
            else:
                self._expect_field(f"{collection}.{above}{name}", _parts(single))

    def _expect_field(self, path: str, parts: Mapping[str, str | None]) -> None:
        words = (parts["value"] or "").split()
        if parts["identity"] == " !":
            self.truth.identities.add(path)
        elif parts["identity"]:
            self.truth.debatable.add(path)
        if words[0] == "ref":
            self.truth.references.add(frozenset({path, words[1]}))
        elif words[0] == "ref~":
            self.truth.debatable.add(frozenset({path, words[1]}))
        own = _ATTRIBUTES.get(words[-1]) if words[0] in {"person", "via"} else None
        category = parts["category"] or own
        if category == "either":
            self.truth.debatable.add(("category", path))
        elif category:
            self.truth.categories[path] = category


@dataclass(frozen=True, slots=True)
class _Place:
    """The document, or the object in it, being made."""

    collection: str
    place: int
    reached: dict[str, Owner]
    """The owners of referred documents by the path of the reference; the own person under an empty path."""
    top: bool = True

    def inside(self) -> "_Place":
        return _Place(self.collection, self.place, dict(self.reached), top=self.top)


def _turn(spec: str) -> int:
    """Return when a value is made: after those that it depends on."""
    return 2 if not spec.startswith(("ref", "{")) else " of " in spec


def _parts(spec: str) -> Mapping[str, str]:
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ValueError(f"no field: {spec}")
    return match.groupdict()


def scored_draft(found: StoreSurvey, truth: DraftTruth) -> tuple[DraftScores, Sequence[str]]:
    """Return the scores of a survey of one database, and each mistake in words."""
    ends = {key: key.partition(".")[2] for key in (outline.key for outline in found.outlines)}
    identities, references = drafted_of(found)
    drafted = {_local(path) for path in identities} - truth.debatable
    pairs = {frozenset(map(_local, pair)) for pair in references} - truth.debatable
    categories = {
        f"{ends[outline.key]}.{one.path}": one.category.category
        for outline in found.outlines
        for one in outline.properties
        if one.category is not None
        and one.category.confidence >= LEAST_CONFIDENCE
        and covered(one.category.category, PERSONAL)
    }
    right = {path: one for path, one in categories.items() if _alike(one, truth.categories.get(path))}
    wrong = {path for path in categories if path not in right and ("category", path) not in truth.debatable}
    scores = DraftScores(
        Score.of(drafted, truth.identities),
        Score.of(pairs, truth.references),
        Score(len(truth.categories), len(right), len(wrong)),
    )
    return scores, [
        *_mistakes("identity", drafted, truth.identities),
        *_mistakes("reference", map(_pair, pairs), map(_pair, truth.references)),
        *(
            f"missed category: {path} = {truth.categories[path]}"
            for path in truth.categories.keys() - right.keys()
        ),
        *(f"false category: {path} = {categories[path]}" for path in wrong),
    ]


def _local(path: object) -> str:
    """Return *path* without the name of the database."""
    return str(path).partition(".")[2]


def _pair(pair: Iterable[str]) -> str:
    return " = ".join(sorted(pair))


def _mistakes(what: str, drafted: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    drafts, truths = set(drafted), set(known)
    yield from (f"missed {what}: {one}" for one in truths - drafts)
    yield from (f"false {what}: {one}" for one in drafts - truths)


def _alike(drafted: str, known: str | None) -> bool:
    """Return whether two categories are one, or one is a kind of the other."""
    return known is not None and (covered(drafted, (known,)) or covered(known, (drafted,)))


async def draft_scores(client: Client, name: str, prefix: str = "") -> tuple[DraftScores, Sequence[str]]:
    """Draft a map of the schema *name* in a database of its own, and return the scores and mistakes."""
    schema, place = PublicSchema(name), f"{prefix}{name}"
    await fill(client, place, schema.documents)
    try:
        found = await survey([SampleReader("default", client)], [place], lambda _: None)
    finally:
        await client.drop_database(place)
    return scored_draft(found, schema.truth)


def names() -> Sequence[str]:
    """Return the names of all schemas."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def _row(name: str, scores: DraftScores) -> str:
    cells = (f"{one.found} of {one.known} | {one.false} of {one.found + one.false}" for one in _three(scores))
    return f"| {name} | {' | '.join(cells)} |"


def _three(scores: DraftScores) -> Sequence[Score]:
    return scores.identities, scores.references, scores.categories


async def measure(only: Sequence[str] = (), *, verbose: bool = False) -> list[Figure]:
    """Measure the schemas named, or all; print a table, and return precision and recall over all."""
    total = DraftScores(Score(), Score(), Score())
    out.print("| schema | identities found | false | references found | false | categories found | false |")
    out.print("|---|---|---|---|---|---|---|")
    async with database() as client:
        for name in only or names():
            scores, mistakes = await draft_scores(client, name)
            total += scores
            out.print(_row(name, scores))
            for mistake in sorted(mistakes) if verbose else ():
                out.print(f"    {mistake}")
    out.print(_row("all", total))
    return [
        Figure(f"drafting, public schemas: {measured} of {what}", round(value, 1), "%")
        for what, score in zip(("identities", "references", "categories"), _three(total), strict=True)
        for measured, value in (("recall", score.recall), ("precision", 100 - score.false_share))
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.public_schemas", description=__doc__)
    parser.add_argument("schemas", nargs="*", help="names of schemas; all by default")
    parser.add_argument("--verbose", action="store_true", help="print each mistake")
    given = parser.parse_args()
    for one in asyncio.run(measure(given.schemas, verbose=given.verbose)):
        out.print(f"{one.figure}: {one.value} {one.unit}")
