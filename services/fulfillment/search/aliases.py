"""
What else a person is known by, as their own records say: a telephone number, an earlier address. Pure.

Such a record may be wrong, or speak of somebody else. What is doubted once is never followed: it is better to
miss what only a doubtful number leads to, and to say so, than to show it to a stranger.
"""

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.forms import text_of
from services.fulfillment.search.identities import PHONE, Identities, plain
from services.fulfillment.search.paths import values_at

CONTACTS = frozenset({EMAIL, PHONE})
"""What a record need not be asked twice about: a number of a customer, or of a seller, may be another's."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One thing that a person is known by."""

    name: str
    """The name of the identity."""
    key: Hashable
    spelling: str = field(compare=False)


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
        self._sure = _named_by(identities)
        self._claimed = _named_by(claimed)
        self._known = set(self._sure)
        self._fresh: dict[Alias, None] = {}
        self._said: dict[tuple[str, str], frozenset[Alias]] = {}

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
        for alias in self.followed:
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
        named = {path: _named(name, own, path) for path, name in collection.naming.items()}
        recognised = any(aliases & self._known for aliases in named.values())
        sure = {alias.name for alias in self._sure}
        for path, name in collection.naming.items():
            if recognised or name not in sure:
                believable = named[path] if name in CONTACTS else named[path] & self._claimed
                self._believe((collection.key, path), believable)

    def doubt(self, collection: Collection, document: Any, aliases: AbstractSet[Alias]) -> bool:
        """Doubt *aliases* if the document to which they alone have led names another person; tell whether."""
        besides = {alias.name for alias in aliases}
        wrong = bool(aliases) and any(
            name not in besides and self._is_another(name, _named(name, document, path))
            for path, name in collection.naming.items()
        )
        if wrong:
            self.doubtful = True
            self._doubts.aliases |= aliases
            self._doubts.names |= besides
        return wrong

    def _is_another(self, name: str, named: AbstractSet[Alias]) -> bool:
        known = {alias for alias in self._known if alias.name == name}
        return bool(named and known) and not named & known

    def _believe(self, where: tuple[str, str], aliases: AbstractSet[Alias]) -> None:
        """
        Believe that *aliases* are the person's, unless another record says something else in the same place.

        Whom a person has bought from differs from order to order; what they are known by does not.
        """
        news = frozenset(aliases - self._sure - self._doubts.aliases)
        if not news or where in self._doubts.fields:
            return
        if self._said.setdefault(where, news) == news:
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


def _named(name: str, document: Any, path: str) -> frozenset[Alias]:
    """Return by what *document* names its person at *path*."""
    texts = (text_of(value) for value in values_at(document, path))
    return frozenset(Alias(name, plain(name, text), text) for text in texts if text)


def _named_by(identities: Identities) -> frozenset[Alias]:
    return frozenset(
        Alias(name, plain(name, text), text) for name, texts in identities.items() for text in texts
    )
