"""What aliases alone have led to, so that it can be doubted: one value, and a million that it leads to."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.search.aliases import Alias
from services.fulfillment.search.digests import Keys
from services.fulfillment.search.holdings import Questions, key
from services.fulfillment.search.ownership import Match


@dataclass(frozen=True, slots=True)
class Led:
    """Something in a record to which an alias alone has led."""

    match: Match
    alias: Alias
    refers: bool
    """Whether it only refers to a record that the alias has led to."""


def _keys() -> dict[Alias, Keys]:
    return defaultdict(Keys)


@dataclass(frozen=True, slots=True)
class Trail:
    """What was asked for because of aliases."""

    _entered: dict[Lookup, dict[Hashable, Alias]] = field(default_factory=lambda: defaultdict(dict))
    _led: dict[Lookup, dict[Alias, Keys]] = field(default_factory=lambda: defaultdict(_keys))
    """What records that were found so refer to."""

    def enter(self, lookup: Lookup, wanted: Hashable, alias: Alias) -> None:
        """Remember that *wanted* is asked for because it is *alias*."""
        self._entered[lookup][wanted] = alias

    def lead(self, lookup: Lookup, wanted: Hashable, alias: Alias) -> None:
        """Remember that *wanted* is asked for because a record refers to it that *alias* has led to."""
        self._led[lookup][alias].add(wanted)

    def split(self, questions: Questions, matches: Sequence[Match]) -> tuple[Sequence[Match], Sequence[Led]]:
        """Return which of *matches* in a record do not hang on aliases, and which do."""
        lookups = [each for each in questions.lookups if each in self._entered or each in self._led]
        if not lookups:
            return matches, ()
        sure: list[Match] = []
        led: list[Led] = []
        for match in matches:
            certain = []
            for value in match.values:
                single = replace(match, values=(value,))
                origins = list(self._origins(questions, single))
                if not origins or None in origins:
                    certain.append(value)
                else:
                    led += [Led(single, *origin) for origin in origins if origin is not None]
            if certain:
                sure.append(replace(match, values=tuple(certain)))
        return sure, led

    def _origins(self, questions: Questions, match: Match) -> Iterable[tuple[Alias, bool] | None]:
        """Yield for each look-up that finds *match* the alias behind it, and whether indirectly; or none."""
        paths = tuple(path for path, _ in match.conditions)
        values = tuple(values[0] for _, values in match.conditions)
        for lookup in questions.lookups:
            if lookup.paths == paths and key(lookup, values) in questions.asked[lookup]:
                yield self._origin(lookup, key(lookup, values))

    def _origin(self, lookup: Lookup, wanted: Hashable) -> tuple[Alias, bool] | None:
        alias = self._entered.get(lookup, {}).get(wanted)
        if alias is not None:
            return alias, False
        led = self._led.get(lookup, {})
        return next(((alias, True) for alias, keys in led.items() if wanted in keys), None)
