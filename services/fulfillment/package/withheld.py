"""
Withheld values: notices take their place, in all files alike.

An answer states with particularity that such data is held, and never its value (11 CCR § 7024(d)).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.package.redaction import Redacted, RedactedKind
from shared.runtime.mongo import Document

NEVER = "never_disclosed"
THIRD_PARTY = "third_party_rights"


@dataclass(frozen=True, slots=True)
class WithheldNotice:
    """Takes the place of a withheld or redacted value."""

    label: str
    """The kind of data, in the person's language."""
    reason: str = NEVER
    """Reason code, as letters explain it."""


@dataclass(frozen=True, slots=True)
class WithheldCount:
    """The number of values of one kind in a collection that are not shown."""

    label: str
    count: int
    reason: str
    area: str
    """Label of the collection."""


@dataclass(frozen=True, slots=True)
class BlackedOut:
    """The number of blacked out values of other people in the texts of a collection."""

    kind: RedactedKind
    label: str
    count: int
    area: str
    """Label of the collection."""


class Withholding:
    """Puts notices into the documents of one collection."""

    def __init__(
        self, collection: Collection, label: Callable[[MappedField], str], redact: Callable[[str], str] | None
    ) -> None:
        """
        Create it; *label* names withheld data.

        Args:
            collection: The documents' collection.
            label: Returns the name of withheld data.
            redact: Blacks out other people in a text; without it, fields that may name them are withheld.
        """
        self._redact = redact
        self._notices = {
            field.path: WithheldNotice(label(field), THIRD_PARTY if field.disclose else NEVER)
            for field in collection.fields
            if not field.disclose or (field.redact and redact is None)
        }
        self._above = {above: self._notices[path] for path in self._notices for above in _prefixes(path)}
        texts = {
            field.path: WithheldNotice(label(field), THIRD_PARTY)
            for field in collection.fields
            if field.redact
        }
        self._texts = texts if redact is not None else {}
        self._above_texts = {above: texts[path] for path in self._texts for above in _prefixes(path)}

    @property
    def idle(self) -> bool:
        """Whether everything is shown unchanged."""
        return not self._notices and not self._texts

    def apply(self, document: Document) -> Document:
        """Return *document* with a notice for every withheld value; *document* itself is not changed."""
        if self.idle:
            return document
        return {key: self._shown(value, key, None) for key, value in document.items()}

    def _shown(self, value: Any, path: str, notice: WithheldNotice | None) -> Any:
        """Return the shown form of *value*; *notice* names it if it must be redacted."""
        if _is_empty(value):
            return value  # that no data is held may be stated
        if path in self._notices:
            return self._notices[path]
        notice = notice or self._texts.get(path)
        if isinstance(value, dict):
            if notice and any(self._redacted(key, notice) != key for key in value):
                return notice
            return {key: self._shown(item, f"{path}.{key}", notice) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(item, path, notice) for item in value]
        # If the map expects an object with secrets and finds a bare value, that may be the secret.
        if path in self._above:
            return self._above[path]
        notice = notice or self._above_texts.get(path)
        return self._redacted(value, notice) if notice else value

    def _redacted(self, value: Any, notice: WithheldNotice) -> Any:
        """Return *value* without other people; *notice* if it cannot be redacted."""
        if self._redact is None or isinstance(value, bytes):
            return notice
        if isinstance(value, str):
            return self._redact(value)
        return notice if isinstance(self._redact(str(value)), Redacted) else value


def traces(value: Any) -> Iterator[WithheldNotice | Redacted]:
    """Yield every notice in *value*, and every redacted text."""
    if isinstance(value, WithheldNotice | Redacted):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from traces(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from traces(item)


def _is_empty(value: Any) -> bool:
    return value is None or (not value and isinstance(value, str | bytes | list | tuple | dict))


def _prefixes(path: str) -> Iterator[str]:
    names = path.split(".")
    return (".".join(names[:length]) for length in range(1, len(names)))
