"""
Reads YAML with file and line of every value, and collects the errors.

YAML's own constructors would lose the lines, and silently keep the last of two equal keys.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from shared.labels import InvalidLabel, label_of

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser, if available, knows the lines as well, and is ten times as fast."""
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class MapError:
    """An error in a data map, with its place and remedy."""

    where: str
    """``file:line``."""
    what: str
    remedy: str
    remark: bool = False
    undecided: bool = False
    """Whether a remark is an open point of the review, which a strict check does not accept."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"

    @property
    def severity(self) -> str:
        """``wrong``, ``open`` or ``remark``."""
        return "open" if self.undecided else "remark" if self.remark else "wrong"

    @property
    def place(self) -> tuple[str, int]:
        """File and line, in reading order."""
        file, _, line = self.where.rpartition(":")
        return file, int(line) if line.isdigit() else 0


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value of a YAML file with its place."""

    value: "Mapping[str, YamlNode] | tuple[YamlNode, ...] | Scalar"
    where: str

    def plain(self) -> object:
        """Return the value without places, as an ordinary YAML reader would."""
        match self.value:
            case Mapping():
                return {key: node.plain() for key, node in self.value.items()}
            case tuple():
                return [node.plain() for node in self.value]
            case scalar:
                return scalar


@dataclass(slots=True)
class MapFindings:
    """Errors and remarks of a reader."""

    flaws: list[MapError] = field(default_factory=list)
    remarks: list[MapError] = field(default_factory=list)

    def flaw(self, where: str, what: str, remedy: str) -> None:
        """Note an error."""
        self.flaws.append(MapError(where, what, remedy))

    def remark(self, where: str, what: str, remedy: str) -> None:
        """Note a declaration that is accepted but not supported."""
        self.remarks.append(MapError(where, what, remedy, remark=True))


def parse(name: str, text: str, notes: MapFindings) -> YamlNode | None:
    """Return the only document of *text*; None after noting why there is none."""
    try:
        root = yaml.compose(text, Loader=LOADER)
        return None if root is None else _node(root, name, notes)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = 1 if mark is None else mark.line + 1
        notes.flaw(f"{name}:{line}", f"no valid YAML ({error.problem})", "correct the syntax")
    except yaml.YAMLError:
        notes.flaw(f"{name}:1", "no valid YAML", "store the file as UTF-8 text")
    return None


def _node(root: yaml.Node, name: str, notes: MapFindings) -> YamlNode:
    where = f"{name}:{root.start_mark.line + 1}"
    match root:
        case MappingNode():
            entries: dict[str, YamlNode] = {}
            for key, value in root.value:
                # The key's line, not the value's: it is easier to find.
                at, word = f"{name}:{key.start_mark.line + 1}", str(key.value)
                if word in entries:
                    notes.flaw(at, f"the key '{word}' stands here twice", "remove one")
                else:
                    entries[word] = YamlNode(_node(value, name, notes).value, at)
            return YamlNode(entries, where)
        case SequenceNode():
            return YamlNode(tuple(_node(item, name, notes) for item in root.value), where)
        case _:
            return YamlNode(_scalar(root, where, notes), where)


def _scalar(root: yaml.Node, where: str, notes: MapFindings) -> Scalar:
    if not isinstance(root, ScalarNode):
        return None
    try:
        value = SafeConstructor().construct_object(root)
    except (ConstructorError, ValueError):
        notes.flaw(where, "a value that cannot be read", "put it into quotes")
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else str(root.value)


class KnownKeys:
    """Takes the known keys of a mapping one by one; remaining ones are errors."""

    def __init__(self, node: YamlNode, notes: MapFindings, *, of: str) -> None:
        """Read *node*, described as *of* in messages."""
        self.where = node.where
        self._of = of
        self._notes = notes
        self._left: dict[str, YamlNode] = {}
        if isinstance(node.value, Mapping):
            self._left = dict(node.value)
        elif node.value is not None:
            notes.flaw(node.where, f"{of} must be a mapping", "write `key: value` pairs")

    def take(self, key: str) -> YamlNode | None:
        """Return the value of *key*; an empty one counts as absent."""
        node = self._left.pop(key, None)
        return None if node is None or node.value is None else node

    def _checked(self, key: str, fits: Callable[[object], bool], kind: str, remedy: str) -> object:
        """Return the value of *key*; None after noting that it is not of the *kind* that *fits*."""
        node = self.take(key)
        if node is not None and not fits(node.value):
            self._notes.flaw(node.where, f"`{key}` must be {kind}", remedy)
            return None
        return None if node is None else node.value

    def text(self, key: str) -> str | None:
        """Return the text under *key*."""
        # YAML reads a bare no, off or yes as a truth value.
        remedy = "write it on one line, in quotes if need be"
        value = self._checked(key, lambda v: not isinstance(v, Mapping | tuple | bool), "text", remedy)
        return None if value is None else str(value).strip()

    def label(self, key: str) -> str | None:
        """Return the text for people under *key*: plain, or by language."""
        node = self._left.get(key)
        if node is None or not isinstance(node.value, Mapping):
            return self.text(key)
        del self._left[key]
        return self._label(key, node)

    def labels(self, key: str) -> tuple[str, ...]:
        """Return the list of texts for people under *key*, each plain or by language."""
        rows = ((row, isinstance(row.value, Mapping)) for row in self.rows(key))
        found = [self._label(key, row) if mapped else self._word(key, row) for row, mapped in rows]
        return tuple(filter(None, found))

    def _label(self, key: str, node: YamlNode) -> str | None:
        texts = node.value if isinstance(node.value, Mapping) else {}
        plain = {language: one.value for language, one in texts.items() if isinstance(one.value, str)}
        try:
            if len(plain) == len(texts):
                return label_of(plain)
            problem = "has a language without text"
        except InvalidLabel as error:
            problem = str(error)
        remedy = "write one text a language, as in `{ en: Invoices, de: Rechnungen }`"
        self._notes.flaw(node.where, f"`{key}` {problem}", remedy)
        return None

    def peek(self, key: str) -> object:
        """Return the plain value under *key* without taking it."""
        node = self._left.get(key)
        return None if node is None else node.plain()

    def required(self, key: str, *, labelled: bool = False) -> str:
        """Return the required text under *key*; *labelled* is one for people."""
        text = self.label(key) if labelled else self.text(key)
        if not text:
            self._notes.flaw(self.where, f"{self._of} has no `{key}`", f"add `{key}`")
        return text or ""

    def choice(self, key: str, allowed: Iterable[str]) -> str | None:
        """Return the word under *key*, one of *allowed*."""
        node, words = self._left.get(key), sorted(allowed)
        word = self.text(key)
        if word is not None and word not in words:
            where = self.where if node is None else node.where
            self._notes.flaw(where, f"`{key}: {word}` means nothing", f"use one of {', '.join(words)}")
            return None
        return word

    def flag(self, key: str) -> bool:
        """Return whether *key* is true."""
        return (
            self._checked(key, lambda v: isinstance(v, bool), "true or false", "use one of the two") is True
        )

    def rows(self, key: str) -> tuple[YamlNode, ...]:
        """Return the list under *key*."""
        rows = self._checked(key, lambda v: isinstance(v, tuple), "a list", "begin each item with `- `")
        return rows if isinstance(rows, tuple) else ()

    def texts(self, key: str) -> tuple[YamlNode, ...]:
        """Return the list of texts under *key*, each with its place."""
        return tuple(row for row in self.rows(key) if self._word(key, row) is not None)

    def _word(self, key: str, row: YamlNode) -> str | None:
        if isinstance(row.value, str):
            return row.value
        self._notes.flaw(row.where, f"`{key}` must be a list of words", "put the word into quotes")
        return None

    def number(self, key: str) -> int | None:
        """Return the whole number above zero under *key*."""

        def fits(value: object) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and value > 0

        number = self._checked(key, fits, "a number above zero", "write it in digits")
        return number if isinstance(number, int) else None

    def within(self, *keys: str, of: str) -> "KnownKeys | None":
        """Return the keys of the mapping under the first of *keys* that exists, and drop the others."""
        nodes = [node for key in keys if (node := self.take(key)) is not None]
        return KnownKeys(nodes[0], self._notes, of=of) if nodes else None

    def not_honoured(self, key: str, *, instead: str) -> None:
        """Accept *key* of Fides' format, which has no effect here, and note the alternative *instead*."""
        node = self.take(key)
        if node is not None and node.value not in ((), {}, False):
            self._notes.remark(node.where, f"`{key}` is not honoured", instead)

    def adopt(self, other: "KnownKeys", keys: Iterable[str]) -> None:
        """Take misplaced *keys* from *other*: their meaning is clear."""
        for key in keys:
            node = other.take(key)
            if node is not None:
                self._left.setdefault(key, node)
                what = f"`{key}` stands outside {self._of}, where Fides loses it"
                self._notes.remark(node.where, what, "it is honoured; move it there")

    def ignored(self, *keys: str) -> None:
        """Accept *keys* that only describe."""
        for key in keys:
            self._left.pop(key, None)

    def done(self) -> None:
        """Note every remaining key."""
        for key, node in self._left.items():
            self._notes.flaw(node.where, f"unknown key `{key}` in {self._of}", "correct or remove it")
