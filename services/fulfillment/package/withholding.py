"""
What is held but not shown: notices take the place of values, everywhere alike.

An answer says with particularity that such data is held, and never what it is (11 CCR § 7024(d)).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.model import Collection, Field
from shared.mongo import Document

NEVER = "never_disclosed"
THIRD_PARTY = "third_party_rights"


@dataclass(frozen=True, slots=True)
class Notice:
    """Stands where a value is withheld; whoever redacts for another reason puts it there too."""

    label: str
    """What kind of data it is, in the person's language."""
    reason: str = NEVER
    """Reason code, as letters explain it."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """How often a kind of data is held in a collection and not shown."""

    label: str
    count: int
    reason: str
    area: str
    """Label of the collection."""


class Withholding:
    """Puts notices into the documents of one collection."""

    def __init__(self, collection: Collection, label: Callable[[Field], str]) -> None:
        """Use *label* to name what is withheld."""
        # Text that may name other people is withheld as a whole, as long as nobody can black out the names.
        self._notices = {
            field.path: Notice(label(field), NEVER if not field.disclose else THIRD_PARTY)
            for field in collection.fields
            if field.redact or not field.disclose
        }
        self._above = {above: self._notices[path] for path in self._notices for above in _prefixes(path)}

    def apply(self, document: Document) -> Document:
        """Return *document* with a notice for every value to be withheld; *document* stays as it is."""
        if not self._notices:
            return document
        return {key: self._shown(value, key) for key, value in document.items()}

    def _shown(self, value: Any, path: str) -> Any:
        if _is_empty(value):
            return value  # nothing is held, and that may be said
        if path in self._notices:
            return self._notices[path]
        if isinstance(value, dict):
            return {key: self._shown(item, f"{path}.{key}") for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(item, path) for item in value]
        # Where the map expects an object with secrets inside and finds a bare value, that may be the secret.
        return self._above.get(path, value)


def notices(value: Any) -> Iterator[Notice]:
    """Yield every notice in *value*."""
    if isinstance(value, Notice):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from notices(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from notices(item)


def _is_empty(value: Any) -> bool:
    return value is None or (not value and isinstance(value, str | bytes | list | tuple | dict))


def _prefixes(path: str) -> Iterator[str]:
    names = path.split(".")
    return (".".join(names[:length]) for length in range(1, len(names)))
