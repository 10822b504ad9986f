"""
What else a person is known by, as their own records say: a telephone number, an earlier address. Pure.

Such a record may be wrong, or speak of somebody else. What is doubted once is never followed: it is better to
miss what only a doubtful number leads to, and to say so, than to show it to a stranger.
"""

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from services.fulfillment.datamap.categories import covered
from services.fulfillment.datamap.graph import EMAIL, PHONE
from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.forms import text_of
from services.fulfillment.search.identities import Identities, plain
from services.fulfillment.search.paths import values_at
from services.fulfillment.search.phones import LEAST_NATIONAL_DIGITS, international, national, region_of

CONTACTS = frozenset({EMAIL, PHONE})
"""What a record need not be asked twice about: a number of a customer, or of a seller, may be another's."""
COUNTRY = "user.contact.address.country"
COUNTRY_LETTERS = 2


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
        for alias in self._sure:
            self._meet_at_home(alias)

    @property
    def waiting(self) -> bool:
        """Whether something was learned that was not followed yet."""
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

    def learn(self, collection: Collection, own: Any) -> None:
        """
        Learn from a record that is the person's.

        A record that names them otherwise than they are known, and is theirs only because it refers to
        them, may name somebody else: whom a present goes to.
        """
        region = _country(collection, own) or self._home
        named = {path: _named(name, own, path, region) for path, name in collection.naming.items()}
        recognised = any(aliases & self._known for aliases in named.values())
        sure = {alias.name for alias in self._sure}
        for path, name in collection.naming.items():
            if recognised or name not in sure:
                believable = named[path] if name in CONTACTS else named[path] & self._claimed
                self._believe((collection.key, path), believable)

    def doubt(self, collection: Collection, document: Any, aliases: AbstractSet[Alias]) -> bool:
        """
        Tell whether *document*, to which *aliases* alone have led, names another person; then doubt them.

        What comes from a country where the number is dialled otherwise is another person's without doubt.
        """
        besides = {alias.name for alias in aliases}
        if not aliases:
            return False
        country = _country(collection, document)
        if country is not None and all(alias.home not in {None, country} for alias in aliases):
            return True
        wrong = any(
            name not in besides
            and self._is_another(name, _named(name, document, path, country or self._home))
            for path, name in collection.naming.items()
        )
        if wrong:
            self.doubtful = True
            self._doubts.aliases |= aliases
            self._doubts.names |= besides
        return wrong

    def _is_another(self, name: str, named: AbstractSet[Alias]) -> bool:
        known = {alias for alias in self._known if alias.name == name and alias.home is None}
        if not named or not known or named & known:
            return False
        return name != PHONE or not any(_may_be_one(a.spelling, b.spelling) for a in named for b in known)

    def _believe(self, where: tuple[str, str], aliases: AbstractSet[Alias]) -> None:
        """
        Believe that *aliases* are the person's, unless another record says something else in the same place.

        Whom a person has bought from differs from order to order; what they are known by does not.
        """
        news = frozenset(aliases - self._sure - self._doubts.aliases)
        if not news or where in self._doubts.fields:
            return
        if _agree(self._said.setdefault(where, news), news):
            self._meet(news)
        else:
            self.doubtful = True
            self._doubts.fields.add(where)
            self._doubts.names |= {alias.name for alias in news}

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


def _named(name: str, document: Any, path: str, region: str | None) -> frozenset[Alias]:
    """Return by what *document* names its person at *path*; it comes from *region*."""
    texts = (text_of(value) for value in values_at(document, path))
    whole = (_whole(name, text.strip(), region) for text in texts if text)
    return frozenset(Alias(name, plain(name, text), text) for text in whole)


def _whole(name: str, text: str, region: str | None) -> str:
    """Return *text* with a country code, if it is a telephone number and that is known."""
    return (international(text, region) if name == PHONE else None) or text


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


def _country(collection: Collection, document: Any) -> str | None:
    """Return the country that *document* says its person lives in, if it says so by two letters."""
    paths = (f.path for f in collection.leaves if any(covered(c, (COUNTRY,)) for c in f.categories))
    found = {value for path in paths for value in values_at(document, path) if isinstance(value, str)}
    codes = {value.strip().upper() for value in found}
    return codes.pop() if len(codes) == 1 and len(next(iter(codes))) == COUNTRY_LETTERS else None


def _named_by(identities: Identities) -> frozenset[Alias]:
    return frozenset(
        Alias(name, plain(name, text), text) for name, texts in identities.items() for text in texts
    )
