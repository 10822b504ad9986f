"""
Decides which fields refer to which. Pure.

Common values prove little: every store has numbers that begin at one. So matches count by how much they
exceed chance, and a series of numbers is a reference only with a fitting name, or with copies of the same
person's data on both sides.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.fulfillment.datamap.model import Direction
from services.fulfillment.drafting.schema import NUMBER, TEXT, CollectionOutline, Property, RecordKey, counted
from services.fulfillment.drafting.vocabulary import PERSON_WORDS, words_of

_ID_WORDS = (
    "id ids _id oid uid uuid guid no nr num nbr number numero nummer code codigo key keys ref refs fk "
    "pk schluessel kennung clave pid identifier "
)
ID_WORDS = frozenset(_ID_WORDS.split())
_UPWARD_WORDS = (
    "parent reply replyto previous next root ancestor predecessor successor original duplicate "
    "supersedes merged vorgaenger nachfolger eltern padre anterior siguiente "
)
UPWARD_WORDS = frozenset(_UPWARD_WORDS.split())
"""Words for references to a record of the same kind."""
_QUANTITY_WORDS = (
    "count total quantity qty amount sum duration length size weight height width score rank position "
    "sort priority level sequence days hours minutes percent price cost anzahl menge betrag summe cantidad "
    "importe "
)
QUANTITY_WORDS = frozenset(_QUANTITY_WORDS.split())
"""Words by which a field counts records, and refers to none: ``user_count``."""
_GENERIC_WORDS = frozenset({"entity", "record", "row", "object", "table", "tbl", "header"})
"""Words of a collection's name, or of its key, that say nothing about it."""
MOST_SHARE = 0.7
"""A first word that as many collections share says nothing about one of them."""
ALIKE = 0.7
"""Two words with this similarity are taken for one."""
SHORTEST = 3
"""Fewest letters of a shortened word."""
_SILENT = re.compile(r"[a-z]{0,2}\d{1,4}|[a-z]")
_GLUED = re.compile(r"(.{3,}?)(?:id|nr|no|nummer|numero|kennung|number|uuid|key)s?$")


@dataclass(frozen=True, slots=True)
class NameHint:
    """The evidence of a field's name for its target."""

    score: float
    silent: bool = False
    """Whether the name means nothing at all, and so contradicts nothing."""


@lru_cache(maxsize=16)
def essential_names(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return *names* without a first word that most share, as ``shop_``, and without generic words."""
    firsts = Counter(words_of(name)[:1] for name in names)
    first, count = firsts.most_common(1)[0] if firsts else ((), 0)
    shared = count >= max(SHORTEST, MOST_SHARE * len(names))
    essential = {}
    for name in names:
        words = words_of(name)
        kept = words[1:] if shared and words[:1] == first else words
        essential[name] = "_".join(word for word in kept if word not in _GENERIC_WORDS) or name
    return essential


def leads_by_name(  # noqa: PLR0913 - the context of a name is part of its meaning
    source: str,
    target: str,
    field: str,
    *,
    people: bool,
    same: bool = False,
    within: str = "",
    others: Sequence[str] = (),
) -> NameHint:
    """
    Return how far the name *source* points at *field* of the collection *target*, both paths dotted.

    Args:
        source: A dotted path.
        target: The name of a collection.
        field: A dotted path in it.
        people: Whether each of its documents is about one person.
        same: Whether it is the collection of the field itself.
        within: The name of the collection of *source*.
        others: Every collection's name: a name that points at another one points away from this.
    """
    words = words_of(source.rpartition(".")[2])
    if not words or all(_SILENT.fullmatch(word) for word in words):
        return NameHint(0.0, silent=True)
    if not QUANTITY_WORDS.isdisjoint(words):
        return NameHint(0.0)
    stem, marked = stem_of(words)
    if not stem:
        stem, marked = stem_of(words_of(source.rpartition(".")[0].rpartition(".")[2]))[0], bool(marked)
    if set(stem) & UPWARD_WORDS:
        return NameHint(0.9 if same else _contains(target, within))
    match = similarity(stem, words_of(target))
    target_words = words_of(field.rpartition(".")[2])
    if match == 0 and words == target_words and not ID_WORDS.issuperset(words):
        # Two fields called room may both count rooms; two called customer_no name the same customer.
        match = 0.8 if marked else 0.5
    if match:
        return NameHint(0.95 * match if marked else 0.8 * match)
    if max((similarity(stem, words_of(other)) for other in others), default=0.0) >= ALIKE:
        return NameHint(0.0)
    if people and stem and set(stem) & PERSON_WORDS:
        return NameHint(0.65)
    return NameHint(0.5 if people and marked and stem else 0.0)


def _contains(target: str, within: str) -> float:
    """Return how far records of *within* are parts of one of *target*: ``order_address`` of ``orders``."""
    whole, part = words_of(target), words_of(within)
    begins = len(part) >= len(whole) > 0 and all(map(_alike, whole, part))
    return 0.75 if begins else 0.2


def stem_of(words: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return *words* without those that only mean "key", and whether there were any."""
    kept = tuple(word for word in words if word not in ID_WORDS)
    if len(kept) < len(words):
        return kept, True
    if kept and (glued := _GLUED.fullmatch(kept[-1])) is not None:
        return (*kept[:-1], glued[1]), True
    return kept, False


_LAST_WORD = {1: 0.9, 2: 0.8}
"""Weight of a collection's last word, by the number of its words; more than two weigh less."""


def similarity(stem: Sequence[str], collection: Sequence[str]) -> float:
    """Return how far *stem* is the singular, or a shortening, of *collection*."""
    if not stem or not collection:
        return 0.0
    begins = len(stem) < len(collection) and [*stem] == [*collection[: len(stem)]]
    whole = HALF if begins else _alike("".join(stem), "".join(collection))
    last = _alike(stem[-1], collection[-1])
    return max(whole, last * _LAST_WORD.get(len(collection), 0.7))


def _alike(one: str, many: str) -> float:
    if one in _singulars(many) or many in _singulars(one):
        return 1.0
    short, long = sorted((one, many), key=len)
    shared = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if shared > SHORTEST and shared >= len(long) - SHORTEST:
        return 0.95
    if len(one) > len(many):
        return 0.0  # a name shortens that of the collection, not the other way round
    if shared == len(short) >= SHORTEST:
        return 0.85
    if len(short) >= SHORTEST and short[0] == long[0]:
        letters = iter(long)
        return 0.75 if all(letter in letters for letter in short.rstrip("s")) else 0.0
    return 0.0


def _singulars(word: str) -> set[str]:
    endings = {"ies": "y", **dict.fromkeys(("es", "s", "en", "n", "e", "er"), "")}
    forms = {
        word.removesuffix(ending) + instead
        for ending, instead in endings.items()
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST
    }
    person = {"person"} if word in {"people", "persons", "personas", "personen"} else set()
    return {word, *forms, *person}


ACCEPTED = 0.5
DENSE = 0.7
"""A series as full as this contains any number of its range: a match means nothing."""
SHORT_TEXT = 3
FEW = 3
MANY = 20
"""Fewest values for which their range means something."""
REPEATED, LOW = 20, 0.1
"""A number that is repeated as often, and stays in the lowest tenth of the series, is a quantity."""
GAIN = 0.1
"""Matches must exceed chance by this factor."""
SLACK = 8
"""Number of gaps between sampled numbers by which their series may extend at either end."""
WHOLE, FULL, CONTAINED, HALF = 0.98, 0.9, 0.6, 0.5
PLAUSIBLE = 0.15
LINKING = (
    "user.unique_id",
    "user.government_id",
    "user.account",
    "user.device.device_id",
    "user.authorization",
)
"""Categories of values that can be references; e-mail addresses and names are identities instead."""
SURE = 0.6


@dataclass(frozen=True, slots=True)
class End:
    """A field of a collection."""

    outline: CollectionOutline
    field: Property

    @property
    def name(self) -> str:
        """``database.collection.path``."""
        return f"{self.outline.key}.{self.field.path}"

    @property
    def root(self) -> bool:
        """Whether it stands outside any array."""
        return self.field.unit is None


@dataclass(frozen=True, slots=True)
class Overlap:
    """The result of a look-up of the source's keys in the whole target."""

    tested: int
    matched: int
    target_unique: bool = True


@dataclass(frozen=True, slots=True)
class ReferenceLink:
    """A reference: the values of *source* are those of *target*."""

    source: End
    target: End
    confidence: float
    why: str
    contained: float
    agreement: float | None = None
    """The share of joined records that name the same person on both sides; None without names."""
    owners: float | None = None
    """The share of joined records that refer to the same person; None if not both sides refer to one."""
    crowd: float | None = None
    """The share of the target's records that records of several people refer to; None if unknown."""
    direction: Direction | None = None
    """The direction of the values; None: not followed."""
    because: str = ""
    """Why it is not followed."""
    named: float = 0.0
    """How far the name of the source points at the target."""
    keyed: bool = False
    """Whether the target is the key of its collection, by its name."""


def candidates(outlines: Sequence[CollectionOutline]) -> Iterator[tuple[End, End]]:
    """Yield source and target of every possible reference, by the kind of their keys."""
    ends = [
        End(outline, one)
        for outline in outlines
        for one in outline.properties
        if not one.container and one.family is not None and _impersonal(one)
    ]
    names = [outline.name for outline in outlines]
    own = {end.name for end in ends if is_own_key(end, names)}
    targets: defaultdict[str | None, list[End]] = defaultdict(list)
    for end in ends:
        if _nameable(end):
            targets[end.field.family].append(end)
    for source in ends:
        if source.field.type not in {"double", "decimal", "datetime", "boolean"} and source.field.count > 0:
            for target in targets[source.field.family]:
                if _possible(source, target, own):
                    yield source, target


def is_own_key(end: End, names: Iterable[str]) -> bool:
    """Return whether *end* is the key of its collection, by its name: ``order_id`` of orders."""
    one = end.field
    if one.path == "_id" or "." in one.path or not (one.unique or one.path in end.outline.unique):
        return one.path == "_id"
    stem, marked = stem_of(words_of(one.path))
    if not marked or _GENERIC_WORDS.issuperset(stem):
        return marked
    bare = essential_names(tuple(names))
    collection = words_of(bare.get(end.outline.name, end.outline.name))
    own = similarity(stem, collection)
    return own >= ALIKE and own >= max(similarity(stem, words_of(name)) for name in bare.values())


def _impersonal(one: Property) -> bool:
    top = one.category
    if top is None or top.confidence < SURE or top.category.startswith(LINKING):
        return True
    # An account's number is a key where the store keeps accounts; a person's bank account is not.
    return top.category == "user.financial.bank_account" and not re.search("(?i)iban|bic|swift|blz", one.path)


def _nameable(end: End) -> bool:
    """Return whether *end* can be a target: each value stands for one record."""
    one = end.field
    if one.path == "_id" or one.path in end.outline.unique:
        return True
    whole = one.type not in {"double", "decimal", "datetime"}
    return one.unique and whole and one.count >= FEW and not (one.array and one.unit == one.path)


def _possible(source: End, target: End, own: Collection[str]) -> bool:
    if source.outline is target.outline:
        return source.field.path != target.field.path and target.field.path == "_id"
    # A shared primary key is one; a primary key that is only referred to is not.
    return source.name not in own or (target.name in own and _shared(source, target))


def _shared(source: End, target: End) -> bool:
    """Return whether two primary keys may be one; for two series the name decides."""
    if not any(map(counted, source.field.keys)):
        return True
    return similarity(words_of(source.outline.name)[:-1], words_of(target.outline.name)[-1:]) >= ALIKE


def _called(end: End) -> str:
    """Return the name of the field; for a primary key, the name of its collection with ``id``."""
    stem = words_of(end.outline.name)[:-1]
    return "_".join((*stem, "id")) if end.field.path == "_id" and stem else end.field.path


def scored(
    source: End, target: End, overlap: Overlap, people: frozenset[str], names: Sequence[str]
) -> ReferenceLink:
    """
    Return the reference from *source* to *target* with its confidence.

    Args:
        source: The referring field.
        target: The field with the same values.
        overlap: Their common values.
        people: Keys of the collections with documents about one person each.
        names: Names of all collections.
    """
    contained = overlap.matched / overlap.tested if overlap.tested else 0.0
    bare = essential_names(tuple(names))
    named = leads_by_name(
        _called(source),
        bare.get(target.outline.name, target.outline.name),
        target.field.path,
        people=target.outline.key in people,
        same=source.outline is target.outline,
        within=bare.get(source.outline.name, source.outline.name),
        others=[*bare.values()],
    )
    chance = by_chance(source, target)
    if not overlap.target_unique or not overlap.matched or contained < GAIN:
        return ReferenceLink(source, target, 0.0, "no values in common", contained)
    if chance >= DENSE:
        sure, why = _dense(source, target, contained, overlap.tested, named)
    else:
        sure, why = _sparse(contained, chance, overlap, named.score)
    if named.score and sure >= PLAUSIBLE:
        why += "; its name"
    keyed = is_own_key(target, names)
    sure = round(min(sure, 0.99), 2)
    return ReferenceLink(source, target, sure, why, contained, named=named.score, keyed=keyed)


def _sparse(contained: float, chance: float, overlap: Overlap, named: float) -> tuple[float, str]:
    """Score keys that are hardly found by accident: by the matches, and a little by the name."""
    beyond = max(0.0, (contained - chance) / (1 - chance))
    value = (0.6 + 0.35 * beyond) * (1 - 0.6**overlap.matched) if beyond > GAIN else 0.0
    if chance and beyond < CONTAINED:
        value *= HALF
    sure = 1 - (1 - value) * (1 - HALF * named * min(1.0, 2 * beyond))
    return sure, f"{contained:.0%} of {overlap.tested} values are there"


def by_chance(source: End, target: End) -> float:
    """Return the probability that a value of the source's kind and range is in the target by accident."""
    family = source.field.family
    if family not in {NUMBER, TEXT}:
        return 0.0
    ours, theirs = series(source.field.keys), series(target.field.keys)
    if not ours or not theirs:
        return _word_by_word(source.field.keys)
    prefix = max(ours, key=lambda one: len(ours[one]))
    if len(ours[prefix]) < HALF * len(source.field.keys):
        return _word_by_word(source.field.keys)  # random letters that end with a digit are no series
    if prefix not in theirs:
        return 0.0
    low, high = min(ours[prefix]), max(ours[prefix])
    numbers = theirs[prefix]
    total = max(target.outline.total, len(target.field.keys)) * len(numbers) / len(target.field.keys)
    gaps = SLACK * (max(numbers) - min(numbers) + 1) / len(numbers)
    if high < min(numbers) - gaps or low > max(numbers) + gaps:
        return 0.0
    around = total * sum(low <= number <= high for number in numbers) / len(numbers) / (high - low + 1)
    overall = total / (max(numbers) - min(numbers) + 1)
    # Of few numbers in a short range the sample says little; then the whole series counts.
    return min(1.0, max(around, overall))


def _word_by_word(keys: Sequence[RecordKey]) -> float:
    """Return the probability that a text is elsewhere because it is common: ``DE``, ``open``, ``Lamp``."""
    texts = [str(key.value) for key in keys]
    if sum(len(text) <= SHORT_TEXT for text in texts) * 2 > len(texts):
        return 0.6
    return 0.3 if sum(text.isalpha() for text in texts) * 2 > len(texts) else 0.0


def series(keys: Iterable[RecordKey]) -> Mapping[str, list[int]]:
    """Return the numbers of *keys*, by their prefix."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for key in keys:
        if (place := counted(key)) is not None:
            found[place[0]].append(place[1])
    return found


def _dense(source: End, target: End, contained: float, tested: int, named: NameHint) -> tuple[float, str]:
    """Score a series that would contain any number: by the name, and by how far the source fills it."""
    fills = _fills(source, target)
    why = f"{contained:.0%} of {tested} values are there, as any number would be"
    if named.silent:
        whole = contained >= WHOLE and tested >= MANY and fills >= FULL
        own_series = source.field.unique and source.field.count >= source.outline.sampled * 0.9
        return (ACCEPTED if whole and not own_series else 0.2), why
    few = tested < MANY and source.field.count < REPEATED * tested
    near = 0.95 if few or fills >= HALF else 0.6 if tested >= MANY or fills >= LOW else HALF
    # If several series fit, one as long as ours is likelier.
    return named.score * near * min(1.0, contained + 0.1) * (0.95 + 0.05 * fills), why


def _fills(source: End, target: End) -> float:
    """Return how far up the target's series the source reaches: a quantity stays near its beginning."""
    ours, theirs = series(source.field.keys), series(target.field.keys)
    if not ours or not theirs:
        return 0.0
    prefix = max(ours, key=lambda one: len(ours[one]))
    low = min(theirs.get(prefix, [0]))
    width = max(theirs.get(prefix, [0])) - low + 1
    return min(1.0, (max(ours[prefix]) - low + 1) / width) if width > 0 else 0.0


def chosen(links: Iterable[ReferenceLink]) -> tuple[ReferenceLink, ...]:
    """Return the likeliest target of each field, if likely enough; and each pair one way only."""
    best: dict[str, ReferenceLink] = {}
    for link in links:
        if link.confidence >= ACCEPTED:
            before = best.get(link.source.name)
            if before is None or _rank(link) > _rank(before):
                best[link.source.name] = link
    return tuple(link for link in best.values() if not _has_better(link, best))


def _rank(link: ReferenceLink) -> tuple[float, float, bool, bool]:
    target = link.target
    bonus = 0.1 * (link.agreement is not None and link.agreement >= SURE)
    primary = link.keyed
    unique = target.field.path in target.outline.unique
    near = link.source.outline.database == target.outline.database
    describes = any(one.seems("user.name", SURE) for one in target.outline.properties if one.unit is None)
    evidence = bonus + 0.2 * link.named + 0.03 * primary + 0.02 * near + 0.02 * describes
    return (
        round(link.confidence + evidence, 2),
        link.contained,
        primary,
        unique,
    )


def _has_better(link: ReferenceLink, best: Mapping[str, ReferenceLink]) -> bool:
    back = best.get(link.target.name)
    if back is None or back.target.name != link.source.name:
        return False
    return (_rank(back), back.source.name) > (_rank(link), link.source.name)
