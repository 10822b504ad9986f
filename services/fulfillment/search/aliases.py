"""
Aliases: other identities of a person that their own records state, such as an earlier address. Pure.

A value in a record is a claim unless the data map states that it is verified: people write their own profile.
An alias is learned only where a verified value stands beside a verified identity of the person. An alias that
was doubted once is never followed: missing a record, and saying so, is better than showing it to a stranger.
An alias is doubted where it alone leads to a record with another identity or name.
"""

import re
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.fulfillment.datamap.graph import CONTACTS, PHONE
from services.fulfillment.datamap.model import MappedField
from services.fulfillment.search.forms import text_of
from services.fulfillment.search.identities import Identities, plain
from services.fulfillment.search.named_people import RecordPart, likeness, roles
from services.fulfillment.search.phones import (
    LEAST_NATIONAL_DIGITS,
    international,
    national,
    of_number,
    region_of,
)
from shared.matching import MatchOutcome

COUNTRY = "user.contact.address.country"
COUNTRY_LETTERS = 2
FACTS = ("user.demographic.date_of_birth", "user.government_id.national_identification_number")
"""Categories of which a person has one value: another value is another person's."""
MOST_CLAIMS = 100
"""Limit of unverified values in the person's records that are kept."""
MOST_NAMES = 32
"""Limit of names of the person that are kept."""
MOST_JUDGED = 1_000
"""Limit of other names for which the result of the comparison is kept."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An identity of the person other than the proven ones."""

    name: str
    key: Hashable
    spelling: str = field(compare=False)
    home: str | None = None
    """Of a telephone number without country code: its country; in any other it is another person's."""


@dataclass(slots=True)
class AliasDoubts:
    """Doubts that a search has found; the search then starts again."""

    aliases: set[Alias] = field(default_factory=set)
    """Aliases that other people have as well."""
    fields: set[tuple[str, str]] = field(default_factory=set)
    """Collection and path where every record has another value."""
    names: set[str] = field(default_factory=set)
    trusted: set[Alias] = field(default_factory=set)
    """Aliases that earlier rounds found verified: records that contradict them are other people's."""
    unconfirmed: set[str] = field(default_factory=set)
    """Identities of records that may be the person's and are not given."""


class KnownIdentities:
    """All identities of one person, extended record by record."""

    def __init__(
        self,
        identities: Identities,
        claimed: Identities,
        doubts: AliasDoubts,
        verified: Identities,
        *,
        only_verified: bool = False,
    ) -> None:
        """
        Start with the proven identities.

        Args:
            identities: Proven to be the person's.
            claimed: Stated by the person and not proven.
            doubts: Found by an earlier round; this round may add to them.
            verified: Found verified by an earlier search; compared with, and not followed.
            only_verified: Whether a record counts only where *identities* are verified in it.
        """
        self.only_verified = only_verified
        self.doubtful = False
        """Whether a new doubt came up: the findings so far are then invalid."""
        self.followed: dict[Alias, None] = {}
        self._doubts = doubts
        self._home = next(filter(None, map(region_of, identities.get(PHONE, ()))), None)
        self._sure = _named_by(identities)
        self._claimed = _named_by(claimed)
        self._known = set(self._sure)
        self._trusted = {*self._sure, *_named_by(verified), *doubts.trusted}
        self._pending: set[tuple[str, frozenset[Alias]]] = set()
        """Verified values of records that may be the person's, of kinds without a known value."""
        self._taken = False
        self._claims: set[Alias] = set()
        """Values in the person's records that are not verified."""
        self._fresh: dict[Alias, None] = {}
        self._said: dict[tuple[str, str], frozenset[Alias]] = {}
        self._unweighed: set[tuple[str, str]] = set()
        """Places with a new value since the person's aliases were last followed."""
        self._vouched: set[tuple[str, str]] = set()
        """Places that hold a known identity of the person and another value besides."""
        self._described = Description(), Description()
        """By whether a verified identity of the person stands in the record."""
        self._judged: dict[tuple[str, ...], MatchOutcome | None] = {}
        for alias in self._sure:
            self._meet_at_home(alias)

    @property
    def waiting(self) -> bool:
        """Whether an alias was learned that was not followed yet."""
        self._weigh()
        return bool(self._fresh)

    def follow(self) -> list[Alias]:
        """Return the aliases to follow next."""
        fresh, self._fresh = self._fresh, {}
        self.followed |= fresh
        return list(fresh)

    def spellings(self) -> dict[str, tuple[str, ...]]:
        """Return the followed spellings, by the name of the identity."""
        return _by_name(alias for alias in self.followed if alias.home is None)

    def verified(self) -> dict[str, tuple[str, ...]]:
        """Return the proven or verified spellings, followed or not, by the name of the identity."""
        return _by_name(sorted(self._trusted, key=_spelling))

    def shared(self) -> tuple[str, ...]:
        """Return the names of identities in the person's records that other people have too."""
        return tuple(sorted(self._doubts.names))

    def unconfirmed(self) -> tuple[str, ...]:
        """Return the names of identities that the person's records state and that are not verified."""
        return tuple(sorted(self.claims().keys() | self._doubts.unconfirmed))

    def claims(self) -> dict[str, tuple[str, ...]]:
        """Return the values in the person's records that are not verified, by the name of the identity."""
        theirs = self._known | self._trusted
        claimed = (alias for alias in self._claims if not _overlap(alias.name, {alias}, theirs))
        return _by_name(sorted(claimed, key=_spelling))

    def remember(self, aliases: Identities) -> None:
        """Follow the aliases that an earlier search has learned."""
        named = _named_by(aliases)
        self._trusted |= named
        self._meet(named)

    def mark_outdated(self) -> None:
        """Note that a record was taken that newer verified values show to be another person's."""
        self._taken = True

    def is_outdated(self) -> bool:
        """Return whether verified values contradict a record taken before; the search then starts again."""
        # Such a record was found because the person's identity stands in it, and is another person's.
        news = self._trusted - self._doubts.trusted - self._sure
        contradicted = self._taken or any(self._is_another(name, named) for name, named in self._pending)
        if not news or not contradicted:
            return False
        self._doubts.trusted |= news
        return True

    # --- learn from records -----------------------------------------------------------------------------

    def learn(self, part: RecordPart, *, sure: bool) -> None:
        """Learn from a record of the person, or from an element."""
        # Only where a known identity of theirs stands in it: an order refers to them, and names the
        # recipient of a present. *sure* says whether more than aliases has led to it; an element states no
        # more than a name. A value is believed if it is verified and stands beside a verified identity of
        # the person.
        region = _country(part) or self._home
        named = {path: _named(name, part.values(path), region) for path, name in part.naming.items()}
        known = [path for path, aliases in named.items() if aliases & self._known]
        checked = {
            path: _named(name, part.verified(path), region) for path, name in part.verified_naming.items()
        }
        vouching = [path for path, aliases in checked.items() if aliases & self._known]
        if sure and (known or vouching):
            self._describe(part, vouching or known, verified=bool(vouching))
        if part.unit is None:
            self._note_claims(part, known or vouching, region)
            for path in vouching:
                self._vouched.add((part.collection.key, path))
            for path, name in part.verified_naming.items():
                if any(roles(path) == roles(other) for other in vouching):
                    self._trusted |= checked[path] if sure else set()
                    believable = checked[path] if name in CONTACTS else checked[path] & self._claimed
                    self._believe((part.collection.key, path), believable)

    def _describe(self, part: RecordPart, known: Sequence[str], *, verified: bool) -> None:
        described = self._described[0 if verified else 1]
        if described.add_names(part.names(known)):
            self._judged.clear()
        described.add_facts(part, known)

    def _note_claims(self, part: RecordPart, known: Sequence[str], region: str | None) -> None:
        """Note the unverified values in *part* beside the person's known identities."""
        if len(self._claims) >= MOST_CLAIMS or not known or len(part.identifying) == 1:
            return  # the known one
        played = {roles(path) for path in known}
        for field_ in part.identifying:
            if field_.identity is not None and roles(field_.path) in played:
                self._claims |= _named(field_.identity, part.values(field_.path), region)

    def vouched(self, kind: str, value: Any, *, verified: bool) -> Alias | bool:
        """
        Return whether a reference by *value*, which people state themselves, may be followed.

        Returns:
            True for a proven value, the alias for one known otherwise, False for a mere claim.
        """
        named = _named(kind, (value,), self._home)
        if not named.isdisjoint(self._sure):
            return True
        for alias in named - self._doubts.aliases:
            if verified or alias in self._known:
                return alias
        self._claims |= named if len(self._claims) < MOST_CLAIMS else set()
        return False

    # --- decide on records ------------------------------------------------------------------------------

    def contradicts_claim(self, part: RecordPart, path: str) -> bool:
        """Return whether *part*, with an unverified identity of the person at *path*, is another's."""
        # It is if a verified identity in it is not the person's; where none of that kind is known yet, it
        # counts as soon as one is.
        for name, named in self._verified_in(part, path).items():
            if self._is_another(name, named):
                return True
            if not self._of_kind(name) and len(self._pending) < MOST_JUDGED:
                self._pending.add((name, frozenset(named)))
        return False

    def contradicts_proven(self, part: RecordPart, path: str) -> bool:
        """Return whether *part*, to which a record of the person refers, is verified to be another's."""
        # It is if an identity in it is verified that is not the person's, of a kind of which one is proven.
        proven = {alias.name for alias in self._sure}
        verified = self._verified_in(part, path).items()
        return any(name in proven and self._is_another(name, named) for name, named in verified)

    def contradicts_reference(self, part: RecordPart, path: str) -> bool:
        """Return whether *part*, to which a record refers that may be the person's, is another's."""
        played = {frozenset[str](), roles(path)}
        fields = [field_ for field_ in part.identifying if roles(field_.path) in played]
        named = _identities_in(part, fields, _country(part) or self._home)
        return (
            any(self._is_another(name, aliases) for name, aliases in named.items())
            or self._differs(part)
            or self._likeness(part, [f.path for f in part.identifying]) is MatchOutcome.MISMATCH
        )

    def contradicts_alias(
        self, part: RecordPart, aliases: AbstractSet[Alias], path: str, *, refers: bool
    ) -> bool:
        """
        Return whether *part*, to which *aliases* alone have led, is another person's.

        Every identity in it must be proven or verified to be the person's; a matching name changes nothing.

        Args:
            part: A record, or an element of one.
            aliases: Not empty.
            path: Where they stand, or what refers to a record in which they do.
            refers: Whether it refers to a record that aliases led to, and holds none itself: it is then
                compared by the identities in it, and not by every name.
        """
        if self.is_abroad(part, aliases):
            return True
        region = _country(part) or self._home
        besides: set[str | None] = set() if refers else {alias.name for alias in aliases}
        # The requester may write a number without its country code.
        sure = [one.spelling for one in self._sure if one.name == PHONE]
        lenient = all(
            alias.home is not None and any(_may_be_one(one, alias.spelling) for one in sure)
            for alias in aliases
        )
        named = _identities_in(part, [f for f in part.identifying if f.identity not in besides], region)
        checked = self._verified_in(part, path).items()
        besides_paths = [where for where, name in part.naming.items() if name in besides]
        return (
            any(self._is_another(name, several, strict=not lenient) for name, several in named.items())
            or any(self._is_another(name, several) for name, several in checked)
            or self._differs(part)
            or (not refers and self._likeness(part, besides_paths) is MatchOutcome.MISMATCH)
        )

    def is_abroad(self, part: RecordPart, aliases: AbstractSet[Alias]) -> bool:
        """Return whether *part* comes from a country where the numbers *aliases* are dialled otherwise."""
        country = _country(part)
        return country is not None and all(alias.home not in {None, country} for alias in aliases)

    def doubt(self, aliases: AbstractSet[Alias]) -> None:
        """Doubt *aliases*, which have led to another person."""
        self.doubtful = True
        self._doubts.aliases |= aliases
        self._doubts.names |= {alias.name for alias in aliases}

    def leave_out(self, names: Iterable[str]) -> None:
        """Note that records with the identities *names* are not given, since they may be another person's."""
        self._doubts.unconfirmed.update(names)

    def _verified_in(self, part: RecordPart, path: str) -> dict[str, set[Alias]]:
        """Return the verified identities in *part* of the person in the same role as the one at *path*."""
        found: dict[str, set[Alias]] = {}
        region = _country(part) or self._home
        for field_ in part.identifying:
            if field_.verifiable and field_.identity and roles(field_.path) == roles(path):
                named = _named(field_.identity, part.verified(field_.path), region)
                if named:
                    found.setdefault(field_.identity, set()).update(named)
        return found

    def _likeness(self, part: RecordPart, identities: Sequence[str]) -> MatchOutcome | None:
        names = tuple(part.names(identities) or part.other_names(identities))
        if names not in self._judged:
            if len(self._judged) >= MOST_JUDGED:
                self._judged.clear()
            own = self._described[0].names or self._described[1].names
            self._judged[names] = likeness(names, tuple(own))
        return self._judged[names]

    def _differs(self, part: RecordPart) -> bool:
        """Return whether *part* states another date of birth or national number than the person's records."""
        verified, others = self._described
        return (verified if verified.facts else others).differs(part)

    def _of_kind(self, name: str) -> set[Alias]:
        trusted = self._trusted | self._known
        return {alias for alias in trusted if alias.name == name and alias.home is None}

    def _is_another(self, name: str, named: AbstractSet[Alias], *, strict: bool = False) -> bool:
        """Return whether *named*, of the identity *name*, is not the person's; *strict* if none is known."""
        if not named:
            return False
        known = self._of_kind(name)
        return not _overlap(name, named, known) if known else strict

    def _believe(self, where: tuple[str, str], aliases: AbstractSet[Alias]) -> None:
        """Believe that *aliases* are the person's, unless another record has another value there."""
        # The shop a person buys from differs from order to order; the person's identities do not.
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
        """Follow the stated values, place by place, except beside a known value of the same kind."""
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
        """Follow a telephone number as it is dialled at home, too: ``030 901820`` for ``+49 30 901820``."""
        # It may be a stranger's, in a store with numbers of another country. So it is doubted like every
        # alias, and nothing more is learned from it: it is the same number.
        if alias.name != PHONE or alias.home is not None:
            return
        home = self._home or region_of(alias.spelling)
        digits = None if home is None else national(alias.spelling, home)
        if home is not None and digits is not None:
            self._meet([Alias(PHONE, digits, digits, home)])


class Description:
    """Names and facts about the person in the records, besides identities."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.names: dict[str, None] = {}
        self.facts: dict[str, set[str]] = {}
        """Category → comparable values, of which a person has one."""

    def add_names(self, names: Iterable[str]) -> bool:
        """Add *names* while there is room; return whether one is new."""
        new = [name for name in names if name not in self.names] if len(self.names) < MOST_NAMES else []
        self.names |= dict.fromkeys(new)
        return bool(new)

    def add_facts(self, part: RecordPart, known: Sequence[str]) -> None:
        """Add the facts in *part* about the person with the identities at *known*."""
        played = {roles(path) for path in known}
        for category in FACTS:
            said = _facts(part, category, played)
            if said and len(self.facts.get(category, ())) < MOST_NAMES:
                self.facts.setdefault(category, set()).update(said)

    def differs(self, part: RecordPart) -> bool:
        """Return whether *part* states another fact of its person."""
        return any(
            known.isdisjoint(said)
            for category, known in self.facts.items()
            if (said := _facts(part, category, {frozenset()}))
        )


def _facts(part: RecordPart, category: str, played: AbstractSet[frozenset[str]]) -> set[str]:
    values = [v for f in part.about(category) if roles(f.path) in played for v in part.values(f.path)]
    return {text for value in values if (text := _comparable(value))}


def _comparable(value: Any) -> str:
    """Return a day, or a number, without differences of notation."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    text = (text_of(value) or "").strip()
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        return re.sub(r"[\W_]+", "", text).casefold()


def _identities_in(
    part: RecordPart, fields: Iterable[MappedField], region: str | None
) -> dict[str, set[Alias]]:
    """Return the identities at *fields* of *part*, by their names."""
    named: dict[str, set[Alias]] = {}
    for field_ in fields:
        name = field_.identity or ""
        named.setdefault(name, set()).update(_named(name, part.values(field_.path), region))
    return named


def _named(name: str, values: Iterable[Any], region: str | None) -> frozenset[Alias]:
    """Return the aliases that *values* of the identity *name* are; they come from *region*."""
    texts = (_whole(name, value, region) for value in values)
    return frozenset(Alias(name, plain(name, text), text) for text in texts if text)


def _whole(name: str, value: Any, region: str | None) -> str:
    """Return *value* as text, with a country code if it is a telephone number and that is known."""
    text = (text_of(value) or "").strip()
    if name != PHONE:
        return text
    dialled = international(text, region) if isinstance(value, str) else of_number(text, region)
    return dialled or text


def _overlap(name: str, some: AbstractSet[Alias], others: AbstractSet[Alias]) -> bool:
    """Return whether two people with the identities *some* and *others* may be one."""
    if not some.isdisjoint(others):
        return True
    return name == PHONE and any(_may_be_one(a.spelling, b.spelling) for a in some for b in others)


def _agree(some: AbstractSet[Alias], others: AbstractSet[Alias]) -> bool:
    """Return whether two records state the same; one of them may leave out a country code."""
    return some == others or all(
        one.name == PHONE and any(_may_be_one(one.spelling, other.spelling) for other in others)
        for one in some
    )


def _may_be_one(some: str, other: str) -> bool:
    """Return whether of two telephone numbers one may be the other without its country code."""
    one, two = sorted((plain(PHONE, some), plain(PHONE, other)), key=len)
    return len(one) >= LEAST_NATIONAL_DIGITS and two.endswith(one)


def _country(part: RecordPart) -> str | None:
    """Return the country that *part* says its person lives in, if it says so by two letters."""
    fields = part.about(COUNTRY)
    found = {value for f in fields for value in part.values(f.path) if isinstance(value, str)}
    codes = {value.strip().upper() for value in found}
    return codes.pop() if len(codes) == 1 and len(next(iter(codes))) == COUNTRY_LETTERS else None


def _spelling(alias: Alias) -> str:
    return alias.spelling


def _by_name(aliases: Iterable[Alias]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for alias in aliases:
        found[alias.name] = (*found.get(alias.name, ()), alias.spelling)
    return found


def _named_by(identities: Identities) -> frozenset[Alias]:
    return frozenset(
        Alias(name, plain(name, text), text) for name, texts in identities.items() for text in texts
    )
