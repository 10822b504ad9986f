"""Finds data that the map does not know: undeclared fields and collections. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import Collection, Erasure, MapError
from services.fulfillment.drafting.detection import categories_of
from services.fulfillment.map_check.observations import Observed

MOST_NAMED = 10
"""Undeclared fields of a collection that are named one by one, besides those that seem personal."""
SURE = 0.5
"""Least confidence in a category for an error."""
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]{0,60}")

_Values: TypeAlias = dict[str, list[Any]]
"""Path → values."""


def paths_of(value: Any, above: str = "") -> Iterator[str]:
    """Yield the path of every value below *value*; elements of an array share one."""
    yield from (path for path, _ in _single(value, above))


def _single(value: Any, above: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _single(item, above)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _single(member, _below(above, name))
    elif value is not None:
        yield above, value


def _below(above: str, name: str) -> str:
    """Return a path; a name that is data itself, like an e-mail address as key, becomes a star."""
    name = name if _PLAIN.fullmatch(name) else "*"
    return f"{above}.{name}" if above else name


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The personal data that something seems to hold."""

    about: str
    """In words; empty if it seems to hold none."""
    sure: bool
    """Whether it is more likely than not."""


@dataclass(slots=True)
class _UndeclaredPath:
    """A path that the map does not declare."""

    documents: int = 0
    values: _Values = field(default_factory=lambda: defaultdict(list))

    def note(self, path: str, members: Iterable[Any]) -> None:
        """Note the values of one document."""
        self.documents += 1
        for member in members:
            for leaf, value in _single(member, path):
                self.values[leaf].append(value)


def undeclared_fields(observed: Observed) -> Iterator[MapError]:
    """Yield the undeclared fields in documents; errors if they seem to be personal."""
    collection, whole = observed.collection, len(observed.documents)
    strays = _strays(observed)
    suspicions = {path: suspected(strays[path].values) for path in sorted(strays)}
    plain = [path for path, suspicion in suspicions.items() if not suspicion.about]
    for path, suspicion in suspicions.items():
        if path not in plain[MOST_NAMED:]:
            held = f"{strays[path].documents} of {whole} documents of `{collection.key}` hold `{path}`"
            what = f"{held}, which is not declared{suspicion.about}"
            yield MapError(collection.where, what, _remedy(collection), remark=not suspicion.sure)
    if len(plain) > MOST_NAMED:
        what = f"and {len(plain) - MOST_NAMED} more undeclared fields in `{collection.key}`"
        remedy = "declare the object that holds them as one field if they vary"
        yield MapError(collection.where, what, remedy, remark=True)


def _strays(observed: Observed) -> dict[str, _UndeclaredPath]:
    strays: dict[str, _UndeclaredPath] = defaultdict(_UndeclaredPath)
    for document in observed.documents:
        members: dict[str, list[Any]] = defaultdict(list)
        for path, member in _unknown(observed.collection, document, ""):
            members[path].append(member)
        for path, some in members.items():
            strays[path].note(path, some)
    return strays


def _remedy(collection: Collection) -> str:
    if collection.erasure is Erasure.DELETE:
        return "declare it: it is shown as it is, and this was not reviewed"
    return "declare it: an erasure by masking leaves it as it is"


def suspected(values: Mapping[str, Sequence[Any]]) -> Suspicion:
    """Return the personal data that *values*, by their paths, seem to be."""
    likeliest = {path: found[0] for path, some in values.items() if (found := categories_of(path, some))}
    sure = any(one.confidence >= SURE for one in likeliest.values())
    named = [f"`{one.category}` in `{path}`" for path, one in sorted(likeliest.items())[:MOST_NAMED]]
    if len(values) == len(likeliest) == 1:
        named = [f"`{one.category}`" for one in likeliest.values()]
    about = f": it {'seems to' if sure else 'may'} hold {', '.join(named)}" if named else ""
    return Suspicion(about, sure)


def _unknown(collection: Collection, value: Any, above: str) -> Iterator[tuple[str, Any]]:
    """Yield path and value of undeclared fields; of an undeclared object the outermost."""
    if isinstance(value, list):
        for item in value:
            yield from _unknown(collection, item, above)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            declared = collection.by_path.get(f"{above}.{name}" if above else name)
            if declared is not None and declared.container:
                yield from _unknown(collection, member, declared.path)
            elif declared is None and (above or name != "_id"):
                yield _below(above, name), member


def undeclared_collections(beside: Collection, samples: Mapping[str, Sequence[Any]]) -> Iterator[MapError]:
    """Yield the collections of a database that the map does not name; *beside* is one that it does."""
    for name, documents in samples.items():
        values: _Values = defaultdict(list)
        for document in documents:
            for path, value in _single(document, ""):
                values[path].append(value)
        suspicion = suspected(values)
        has = f"the database `{beside.dataset}` has a collection `{name}`"
        what = f"{has}, which is not declared{suspicion.about}"
        remedy = "declare it; with `skip_processing: true` if it holds no people"
        if documents:
            yield MapError(beside.where, what, remedy, remark=not suspicion.sure)
