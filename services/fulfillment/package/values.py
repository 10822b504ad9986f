"""
Documents in readable form: a tree of plain texts for the templates.

Nothing here is markup; values that are too long or too deep for a page are cut with a note.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, TypeAlias

from services.fulfillment.datamap.model import Collection
from services.fulfillment.package.labels import spelt, stored_moment
from services.fulfillment.package.records import TEXTUAL, as_json, instant, is_nested, text_of
from services.fulfillment.package.withheld import WithheldNotice
from shared.pages.translation import Words
from shared.runtime.mongo import Decimal128, Document, ObjectId

DEEPEST = 5
LONG_TEXT = 160
"""Fewest characters of a text that is shown across the page."""
LONGEST_TEXT = 20_000
LETTERS = frozenset("eEnN")
"""Letters of numbers that are shown unchanged: with exponents, infinite, not a number."""
MOST_ITEMS = 50
MOST_COLUMNS = 6


class TextValue(NamedTuple):
    """A single value; a page has thousands of them."""

    text: str
    role: str = "plain"
    """``plain``, ``number``, ``moment``, ``code``, ``long``, ``none`` or ``notice``."""
    exact: str = ""
    """The exact value, for programs: the time in ISO 8601."""

    @property
    def kind(self) -> str:
        """The kind of node."""
        return "text"


@dataclass(frozen=True, slots=True)
class ValueGroup:
    """An object: names and values."""

    kind: ClassVar[str] = "group"
    role: ClassVar[str] = ""
    entries: tuple[tuple[str, "Node"], ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class ValueList:
    """An array."""

    kind: ClassVar[str] = "listing"
    role: ClassVar[str] = ""
    items: tuple["Node", ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class ValueRows:
    """An array of flat objects with the same fields."""

    kind: ClassVar[str] = "rows"
    role: ClassVar[str] = ""
    columns: tuple[str, ...]
    rows: tuple[tuple[TextValue, ...], ...]
    more: str = ""


Node: TypeAlias = TextValue | ValueGroup | ValueList | ValueRows


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Turns values into nodes, in one language."""

    words: Words
    collection: Collection

    def entries(self, document: Document) -> tuple[tuple[str, Node], ...]:
        """Return the names and values of *document*."""
        return tuple((self.name(key), self.node(value, 1, key)) for key, value in document.items())

    def name(self, key: str, above: str = "") -> str:
        """Return the label of the field *key* in the object at the path *above*."""
        field = self.collection.by_path.get(f"{above}.{key}" if above else key)
        if field is not None and field.label:
            return field.label
        return self.words.say("Record number") if key == "_id" else spelt(key)

    def node(self, value: Any, depth: int, path: str) -> Node:
        """Return the node for *value* at *path*, *depth* levels below its document."""
        if not is_nested(value) or not value:
            return self.text(value)
        if depth >= DEEPEST:
            return self._cut(as_json(value), "code")
        if isinstance(value, dict):
            shown = list(value.items())[:MOST_ITEMS]
            entries = tuple(
                (self.name(key, path), self.node(item, depth + 1, f"{path}.{key}")) for key, item in shown
            )
            return ValueGroup(entries, self._more(len(value)))
        return self._array(value, depth, path)

    def text(self, value: Any) -> TextValue:
        """Return the node for a single *value*; for an array or object, its JSON."""
        match value:
            case str() if value:
                return self._cut(str(value), "long" if is_long(value) else "plain")
            case int() if type(value) is int:  # an account number is no quantity: its digits stay ungrouped
                return TextValue(str(value), "number")
            case ObjectId() | bytes():
                return self._cut(text_of(value), "code")
            case datetime():
                at = instant(value)
                return TextValue(stored_moment(at, self.words), "moment", text_of(at))
            case bool():
                return TextValue(self.words.say("Yes") if value else self.words.say("No"))
            case int() | float() | Decimal128():
                return TextValue(self.number(value), "number")
            case WithheldNotice() if value.shown:
                return TextValue(value.shown, "notice")
            case WithheldNotice():
                return TextValue(self.words.say("%(what)s: held, not shown", what=value.label), "notice")
            case _ if value is None or (not value and (is_nested(value) or isinstance(value, str))):
                return TextValue(self.words.say("empty"), "none")
            case _:
                return self._cut(text_of(value), "code")

    def number(self, value: float | Decimal128) -> str:
        """Return *value* with the marks of the language."""
        exact = text_of(value)
        # An account number is no quantity: whole numbers keep their digits ungrouped.
        if isinstance(value, int) or not LETTERS.isdisjoint(exact):
            return exact
        return self.words.number(value.to_decimal() if isinstance(value, Decimal128) else value)

    def _array(self, value: Sequence[Any], depth: int, path: str) -> Node:
        shown, more = value[:MOST_ITEMS], self._more(len(value))
        keys = _common_columns(shown)
        if keys:
            rows = tuple(tuple(map(self.text, map(item.get, keys))) for item in shown)
            return ValueRows(tuple(self.name(key, path) for key in keys), rows, more)
        return ValueList(tuple(self.node(item, depth + 1, path) for item in shown), more)

    def _more(self, length: int) -> str:
        if length <= MOST_ITEMS:
            return ""
        return self.words.say("and %(count)s more in the file", count=self.words.number(length - MOST_ITEMS))

    def _cut(self, text: str, role: str) -> TextValue:
        if len(text) <= LONGEST_TEXT:
            return TextValue(text, role)
        rest = self.words.say("The rest of this text is in the file.")
        return TextValue(f"{text[:LONGEST_TEXT]} … [{rest}]", role)


def is_long(value: Any) -> bool:
    """Return whether *value* is a text that is shown across the page."""
    return isinstance(value, str) and (len(value) > LONG_TEXT or ("\n" in value and "\n" in value.strip()))


def _common_columns(items: Sequence[Any]) -> tuple[str, ...]:
    """Return the fields of *items* if they fit side by side, else nothing."""
    if len(items) < 2 or not all(isinstance(item, dict) for item in items):  # noqa: PLR2004 - a row is no table
        return ()
    keys = tuple(dict.fromkeys(key for item in items for key in item))
    fit = all(fits_in_a_row(value) for item in items for value in item.values())
    return keys if fit and len(keys) <= MOST_COLUMNS else ()


def fits_in_a_row(value: Any) -> bool:
    """Return whether *value* is short enough for a cell."""
    if isinstance(value, TEXTUAL):
        return len(value) <= LONG_TEXT // 2 and "\n" not in str(value)
    return not is_nested(value)
