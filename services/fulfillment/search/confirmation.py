"""
Decides whether a record that holds a looked-up value is the person's (docs/adr/0021). Pure.

A record is surely the person's where a verified identity of theirs stands in it, or where such a record
refers to it. With an unverified identity it is the person's unless a verified value in it is another
person's. A record that aliases alone led to must contradict nothing at all.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.aliases import Alias, KnownIdentities
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.named_people import RecordPart
from services.fulfillment.search.ownership import OwnershipMatch, Position, disclosed, owned
from services.fulfillment.search.provenance import AliasLead, LookupReason, ReferenceReach
from shared.runtime.mongo import Document


@dataclass(frozen=True, slots=True)
class ConfirmedRecord:
    """The matches that make a record the person's."""

    sure: tuple[OwnershipMatch, ...] = ()
    """Matches of a verified identity of the person, or of a reference from such a record."""
    plain: tuple[OwnershipMatch, ...] = ()
    """All matches that no alias has led to, the sure ones included."""
    led: tuple[AliasLead, ...] = ()
    """Matches that aliases alone have led to."""
    rejected: tuple[OwnershipMatch, ...] = ()
    doubted: frozenset[Alias] = frozenset()
    """Aliases that are verified in a record of another person."""

    @property
    def accepted(self) -> tuple[OwnershipMatch, ...]:
        """All matches that make the record the person's."""
        return (*self.plain, *(led.match for led in self.led)) if self.led else self.plain

    @property
    def claimed(self) -> bool:
        """Whether no alias that has led to the record is verified in it."""
        return all(led.claimed for led in self.led)


def may_contradict(collection: Collection, reach: ReferenceReach) -> bool:
    """Return whether a record of *collection*, reached by *reach*, may be another person's."""
    if reach is ReferenceReach.SURE:
        return False
    return bool(collection.identifying if reach is ReferenceReach.OUTWARD else collection.verifiable)


def judge(
    collection: Collection, document: Document, ways: Iterable[LookupReason], known: KnownIdentities
) -> ConfirmedRecord:
    """Return which of *ways* make *document* the person's, by the *known* identities."""
    return _Judge(collection, document, known).judged(list(ways))


def rejected_identities(collection: Collection, matches: Iterable[OwnershipMatch]) -> frozenset[str]:
    """Return the identities in the fields of *matches*."""
    fields = [collection.by_path.get(match.path) for match in matches]
    return frozenset(field.identity for field in fields if field is not None and field.identity)


class _Judge:
    def __init__(self, collection: Collection, document: Document, known: KnownIdentities) -> None:
        self._collection = collection
        self._document = document
        self._known = known
        self._whole: RecordPart | None = None

    def judged(self, ways: Sequence[LookupReason]) -> ConfirmedRecord:
        sure: list[OwnershipMatch] = []
        plain: list[OwnershipMatch] = []
        rejected: list[OwnershipMatch] = []
        for way in ways:
            if way.led:
                continue
            is_sure = self._is_sure(way)
            if is_sure:
                sure.append(way.match)
            (rejected if not is_sure and self._is_anothers(way) else plain).append(way.match)
        led = [each for way in ways for each in way.led]
        accepted, refused, doubted = self._led(led, plain) if led else ([], [], frozenset[Alias]())
        return ConfirmedRecord(tuple(sure), tuple(plain), tuple(accepted), (*rejected, *refused), doubted)

    def _is_sure(self, way: LookupReason) -> bool:
        if (way.proven and self._is_verified(way.match)) or way.reach is ReferenceReach.SURE:
            return True
        if way.reach is not ReferenceReach.SURE_OUTWARD:
            return False
        # Verified identities around the match may contradict the proven ones.
        parts = self._parts(way.match) if self._collection.verifiable else ()
        return not any(self._known.contradicts_proven(part, way.match.path) for part in parts)

    def _is_verified(self, match: OwnershipMatch) -> bool:
        """Return whether the map states that the value of *match* is verified, in all its places."""
        field = self._collection.by_path.get(match.path)
        if field is None or not field.verifiable:
            return False
        parts = self._parts(match)
        return bool(parts) and all(
            any(key_of(value) in match.keys for value in part.verified(match.path)) for part in parts
        )

    def _is_anothers(self, way: LookupReason) -> bool:
        """Return whether a record that may be the person's is another's."""
        if self._known.only_verified or way.reach is ReferenceReach.SURE_OUTWARD:
            return True
        outward = way.reach is ReferenceReach.OUTWARD and not way.proven
        contradicts: Callable[[RecordPart, str], bool] = (
            self._known.contradicts_reference if outward else self._known.contradicts_claim
        )
        if not (self._collection.identifying if outward else self._collection.verifiable):
            return False
        return any(contradicts(part, way.match.path) for part in self._parts(way.match))

    def _parts(self, match: OwnershipMatch) -> Sequence[RecordPart]:
        """Return the record, or the elements of it, in which *match* is."""
        if match.unit is None:
            return [self._record([match])]
        elements = match.elements(self._document)
        return [RecordPart(self._collection, match.unit, element.value) for element in elements]

    def _record(self, matches: Sequence[OwnershipMatch]) -> RecordPart:
        if self._whole is None:
            own = disclosed(self._collection, self._document, matches)
            self._whole = RecordPart(self._collection, None, own)
        return self._whole

    def _led(
        self, led: Sequence[AliasLead], plain: Sequence[OwnershipMatch]
    ) -> tuple[list[AliasLead], list[OwnershipMatch], frozenset[Alias]]:
        """Return the matches that aliases led to, the rejected ones, and the aliases to doubt."""
        theirs = {element.position for match in plain for element in match.elements(self._document)}
        accepted, refused, doubted = list[AliasLead](), list[OwnershipMatch](), set[Alias]()
        for each in led:
            aliases, path = frozenset({each.alias}), each.match.path
            wrong = [
                part
                for part in self._led_to(each, plain, theirs)
                if self._known.contradicts_alias(part, aliases, path, refers=each.refers)
            ]
            claimed = each.claimed if each.refers else not self._is_verified(each.match)
            if not wrong:
                accepted.append(replace(each, claimed=claimed))
            elif claimed or any(self._known.is_abroad(part, aliases) for part in wrong):
                refused.append(each.match)
            else:
                doubted.add(each.alias)
        return accepted, refused, frozenset(doubted)

    def _led_to(
        self, led: AliasLead, plain: Sequence[OwnershipMatch], theirs: AbstractSet[Position]
    ) -> Sequence[RecordPart]:
        """Return the record, or the elements of it, to which an alias alone has led."""
        if led.match.unit is None:
            return [] if owned(plain) else [self._record([led.match])]
        elements = led.match.elements(self._document)
        return [
            RecordPart(self._collection, led.match.unit, element.value)
            for element in elements
            if element.position not in theirs
        ]
