"""
What else a person is known by, as their own records say: a telephone number, an earlier address. Pure.

Such a record may be wrong, or speak of somebody else. What is doubted once is never followed: it is better to
miss what only a doubtful number leads to, and to say so, than to show it to a stranger. It is doubted where
it alone leads to whoever has another name, or is known by something that the person is not.
"""

from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from services.fulfillment.datamap.graph import EMAIL, PHONE
from services.fulfillment.search.forms import text_of
from services.fulfillment.search.identities import Identities, plain
from services.fulfillment.search.naming import Part, likeness
from services.fulfillment.search.phones import (
    LEAST_NATIONAL_DIGITS,
    international,
    national,
    of_number,
    region_of,
)
from services.fulfillment.search.roles import roles
from shared.matching import Outcome

CONTACTS = frozenset({EMAIL, PHONE})
"""What a record need not be asked twice about: a number of a customer, or of a seller, may be another's."""
COUNTRY = "user.contact.address.country"
COUNTRY_LETTERS = 2
MOST_NAMES = 32
"""Names of the person that are remembered."""
MOST_JUDGED = 1_000
"""Names of others for which is remembered whether they are the person's."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One thing that a person is known by."""

    name: str
    """The name of the identity."""
    key: Hashable
    spelling: str = field(compare=False)
    home: str | None = None
    """Of a telephone number without its country code, the country: in any other it is somebody else's."""


@dataclass(slots=True)
class Doubts:
    """What a search has found to be doubtful; it then begins anew."""

    aliases: set[Alias] = field(default_factory=set)
    """Others are known by them as well."""
    fields: set[tuple[str, str]] = field(default_factory=set)
    """Collection and path where every record says something else."""
    names: set[str] = field(default_factory=set)
    """Of the identities concerned."""


class Known:
    """What one person is known by, and how one record tells of it after the other."""

    def __init__(self, identities: Identities, claimed: Identities, doubts: Doubts) -> None:
        """
        Begin with what is sure.

        Args:
            identities: Surely the person's.
            claimed: What the person says, and has not proven.
            doubts: What an earlier round has found; this one may add to it.
        """
        self.doubtful = False
        """Whether a doubt has come up: what has been found is then worth nothing."""
        self.followed: dict[Alias, None] = {}
        self._doubts = doubts
        self._home = next(filter(None, map(region_of, identities.get(PHONE, ()))), None)
        self._sure = _named_by(identities)
        self._claimed = _named_by(claimed)
        self._known = set(self._sure)
        self._fresh: dict[Alias, None] = {}
        self._said: dict[tuple[str, str], frozenset[Alias]] = {}
        self._unweighed: set[tuple[str, str]] = set()
        """Places where something was said since the person's aliases were last followed."""
        self._vouched: set[tuple[str, str]] = set()
        """Places that name them by what they are known by, and by something else besides."""
        self._told: set[Alias] = set()
        """What records say that were found by what is sure; it need not be followed to be the person's."""
        self._names: dict[str, None] = {}
        self._judged: dict[tuple[str, ...], Outcome | None] = {}
        for alias in self._sure:
            self._meet_at_home(alias)

    @property
    def waiting(self) -> bool:
        """Whether something was learned that was not followed yet."""
        self._weigh()
        return bool(self._fresh)

    def follow(self) -> list[Alias]:
        """Return what is to be followed next."""
        fresh, self._fresh = self._fresh, {}
        self.followed |= fresh
        return list(fresh)

    def spellings(self) -> dict[str, tuple[str, ...]]:
        """Return what was followed, by the name of the identity."""
        found: dict[str, tuple[str, ...]] = {}
        for alias in (alias for alias in self.followed if alias.home is None):
            found[alias.name] = (*found.get(alias.name, ()), alias.spelling)
        return found

    def remember(self, aliases: Identities) -> None:
        """Follow what an earlier search has learned."""
        self._meet(_named_by(aliases))

    def learn(self, part: Part, *, sure: bool) -> None:
        """
        Learn from a record that is the person's, or from an element.

        Only where something stands that they are known by: an order refers to them, and names whom a present
        goes to. *sure* says whether more than aliases has led to it; an element tells no more than a name.
        """
        region = _country(part) or self._home
        named = {path: _named(name, part, path, region) for path, name in part.naming.items()}
        known = [path for path, aliases in named.items() if aliases & self._known]
        if not known:
            return
        if sure and len(self._names) < MOST_NAMES:
            self._call(part.names(known))
        if part.unit is not None:
            return
        for path, name in part.naming.items():
            if any(roles(path) == roles(other) for other in known):
                self._told |= named[path] if sure else set()
                if path in known:
                    self._vouched.add((part.collection.key, path))
                believable = named[path] if name in CONTACTS else named[path] & self._claimed
                self._believe((part.collection.key, path), believable)

    def _call(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self._names]
        if new:
            self._names |= dict.fromkeys(new)
            self._judged.clear()

    def doubt(self, part: Part, aliases: AbstractSet[Alias], *, refers: bool) -> bool:
        """
        Tell whether *part*, to which *aliases* alone have led, is another person's; then doubt them.

        What comes from a country where the number is dialled otherwise is another person's without doubt.

        Args:
            part: A record, or an element of one.
            aliases: Not empty.
            refers: Whether it refers to what aliases have led to, and holds none itself: it is then told by
                what somebody is known by in it, and not by every name.
        """
        country = _country(part)
        abroad = country is not None and all(alias.home not in {None, country} for alias in aliases)
        if abroad and part.unit is None:
            return True
        wrong = abroad or self._is_anothers(part, aliases, country, refers=refers)
        if wrong:
            self.doubtful = True
            self._doubts.aliases |= aliases
            self._doubts.names |= {alias.name for alias in aliases}
        return wrong

    def _is_anothers(
        self, part: Part, aliases: AbstractSet[Alias], country: str | None, *, refers: bool
    ) -> bool:
        besides = set() if refers else {alias.name for alias in aliases}
        likely = self._likeness(part, [path for path, name in part.naming.items() if name in besides])
        if likely is Outcome.MATCH:
            return False
        if likely is Outcome.MISMATCH and not refers:
            return True
        # A number that the person has told may be written without its country code.
        lenient = all(alias.home is not None and self._is_sure_abroad(alias) for alias in aliases)
        region = country or self._home
        return any(
            self._is_another(name, aliases_of, strict=not lenient)
            for path, name in part.naming.items()
            if name not in besides and (aliases_of := _named(name, part, path, region))
        )

    def _likeness(self, part: Part, identities: Sequence[str]) -> Outcome | None:
        names = tuple(part.names(identities) or part.other_names(identities))
        if names not in self._judged:
            if len(self._judged) >= MOST_JUDGED:
                self._judged.clear()
            self._judged[names] = likeness(names, tuple(self._names))
        return self._judged[names]

    def _is_sure_abroad(self, alias: Alias) -> bool:
        return any(one.name == PHONE and _may_be_one(one.spelling, alias.spelling) for one in self._sure)

    def _is_another(self, name: str, named: AbstractSet[Alias], *, strict: bool) -> bool:
        """Tell whether *named*, of the identity *name*, is not the person's; *strict* if none is known."""
        known = {alias for alias in self._known | self._told if alias.name == name and alias.home is None}
        if not known:
            return strict
        return not _overlap(name, named, known)

    def _believe(self, where: tuple[str, str], aliases: AbstractSet[Alias]) -> None:
        """
        Believe that *aliases* are the person's, unless another record says something else in the same place.

        Whom a person has bought from differs from order to order; what they are known by does not.
        """
        news = frozenset(aliases - self._sure - self._doubts.aliases)
        if not news or where in self._doubts.fields:
            return
        if _agree(self._said.setdefault(where, news), news):
            self._unweighed.add(where)
        else:
            self.doubtful = True
            self._doubts.fields.add(where)
            self._doubts.names |= {alias.name for alias in news}

    def _weigh(self) -> None:
        """Follow what was said, place by place, but nothing beside what is known of the same kind."""
        for where in sorted(self._unweighed):
            news = self._said[where]
            for name in sorted({alias.name for alias in news}):
                known = {alias for alias in self._known if alias.name == name and alias.home is None}
                if not known or where in self._vouched or _overlap(name, news, known):
                    self._meet(news)
                else:
                    self._doubts.names.add(name)
        self._unweighed.clear()

    def _meet(self, aliases: Iterable[Alias]) -> None:
        for alias in aliases:
            if alias not in self._known and alias not in self._doubts.aliases:
                self._known.add(alias)
                self._fresh[alias] = None
                self._meet_at_home(alias)

    def _meet_at_home(self, alias: Alias) -> None:
        """
        Follow a telephone number as it is dialled at home, too: ``030 901820`` for ``+49 30 901820``.

        It may be a stranger's, in a store that holds numbers of another country. So it is doubted as all
        aliases are, and more is not learned from it: it is the same number.
        """
        if alias.name != PHONE or alias.home is not None:
            return
        home = self._home or region_of(alias.spelling)
        digits = None if home is None else national(alias.spelling, home)
        if home is not None and digits is not None:
            self._meet([Alias(PHONE, digits, digits, home)])


def _named(name: str, part: Part, path: str, region: str | None) -> frozenset[Alias]:
    """Return by what *part* names its person at *path*; it comes from *region*."""
    texts = (_whole(name, value, region) for value in part.values(path))
    return frozenset(Alias(name, plain(name, text), text) for text in texts if text)


def _whole(name: str, value: Any, region: str | None) -> str:
    """Return *value* as text, with a country code if it is a telephone number and that is known."""
    text = (text_of(value) or "").strip()
    if name != PHONE:
        return text
    dialled = international(text, region) if isinstance(value, str) else of_number(text, region)
    return dialled or text


def _overlap(name: str, some: AbstractSet[Alias], others: AbstractSet[Alias]) -> bool:
    """Tell whether two people who are known by *some* and by *others* may be one."""
    if not some.isdisjoint(others):
        return True
    return name == PHONE and any(_may_be_one(a.spelling, b.spelling) for a in some for b in others)


def _agree(some: AbstractSet[Alias], others: AbstractSet[Alias]) -> bool:
    """Tell whether two records say the same, be it that one of them leaves out a country code."""
    return some == others or all(
        one.name == PHONE and any(_may_be_one(one.spelling, other.spelling) for other in others)
        for one in some
    )


def _may_be_one(some: str, other: str) -> bool:
    """Tell whether of two telephone numbers one may be the other without its country code."""
    one, two = sorted((plain(PHONE, some), plain(PHONE, other)), key=len)
    return len(one) >= LEAST_NATIONAL_DIGITS and two.endswith(one)


def _country(part: Part) -> str | None:
    """Return the country that *part* says its person lives in, if it says so by two letters."""
    fields = part.about(COUNTRY)
    found = {value for f in fields for value in part.values(f.path) if isinstance(value, str)}
    codes = {value.strip().upper() for value in found}
    return codes.pop() if len(codes) == 1 and len(next(iter(codes))) == COUNTRY_LETTERS else None


def _named_by(identities: Identities) -> frozenset[Alias]:
    return frozenset(
        Alias(name, plain(name, text), text) for name, texts in identities.items() for text in texts
    )
