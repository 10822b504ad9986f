"""
The visible text of HTML mails. Pure; it raises no errors.

Tags are cut out one by one, in linear time: the library's own parser scans to the end for every unclosed tag.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

LARGEST = 400_000
"""Characters that are read."""
LONGEST_ATTRIBUTES = 1_000
"""Characters of attributes that are read."""
TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-z][a-z0-9:-]{0,20})(?P<rest>[^<>]{0,8000})>", re.IGNORECASE)
NO_TAG = re.compile(r"<[!?][^<>]{0,8000}>")
ATTRIBUTE = re.compile(
    r"\b(?P<name>class|id|style)\s{0,5}=\s{0,5}(?:\"(?P<a>[^\"]{0,300})\"|'(?P<b>[^']{0,300})'|(?P<c>[^\s\"'>]{1,300}))",
    re.IGNORECASE,
)
RAW = frozenset({"script", "style"})
"""Elements without tags inside."""
UNSEEN = frozenset({"head", "title", "template", "object", "noscript", "svg"})
EARLIER = frozenset({"blockquote"})
"""Elements with earlier mails."""
EARLIER_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "gmail_signature")
EARLIER_IDS = ("divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "replysplit")
"""Ids of elements that an earlier mail follows, without being enclosed."""
BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr", "td"})
VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr", "source"})


@dataclass(slots=True)
class _VisibleTextParser:
    """Collects the visible text, up to a mark of an earlier mail that does not enclose it."""

    text: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """Open elements, from the first invisible one."""
    open: Counter[str] = field(default_factory=Counter)
    """Number of open elements by name."""
    over: bool = False

    def take(self, piece: str | re.Match[str]) -> None:
        """Process a piece: text, or a tag."""
        if isinstance(piece, str):
            if not self.unseen:
                self.text.append(piece)
            return
        name = piece["name"].lower()
        if name in BREAKS:
            self.text.append("\n")
        if piece["end"]:
            self._close(name)
        elif name not in VOID:
            self._open(name, _attributes(piece["rest"][:LONGEST_ATTRIBUTES]))

    def _open(self, name: str, said: dict[str, str]) -> None:
        self.over = any(mark in said.get("id", "") for mark in EARLIER_IDS)
        if self.unseen or _is_unseen(name, said):
            self.unseen.append(name)
            self.open[name] += 1

    def _close(self, name: str) -> None:
        """Close an element, with the unclosed ones in it."""
        while self.open[name]:
            closed = self.unseen.pop()
            self.open[closed] -= 1
            if closed == name:
                return


def text_of(html: str) -> str:
    """Return the visible text of *html*, without marked earlier mails and signatures."""
    reader = _VisibleTextParser()
    for piece in _pieces(html[:LARGEST]):
        reader.take(piece)
        if reader.over:
            break
    lines = (" ".join(line.split()) for line in unescape("".join(reader.text)).split("\n"))
    return "\n".join(line for line in lines if line)


def _pieces(html: str) -> Iterator[str | re.Match[str]]:
    """Yield text and tags, without comments and raw elements, even unclosed ones."""
    place, lower = 0, html.lower()
    while (start := html.find("<", place)) >= 0:
        yield html[place:start]
        tag = TAG.match(html, start)
        if html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            place = len(html) if end < 0 else end + 3
        elif tag and tag["name"].lower() in RAW and not tag["end"]:
            end = lower.find(f"</{tag['name'].lower()}", tag.end())
            place = len(html) if end < 0 else end
        elif tag:
            yield tag
            place = tag.end()
        else:
            other = NO_TAG.match(html, start)
            if other is None:
                yield "<"
            place = other.end() if other else start + 1
    yield html[place:]


def _attributes(text: str) -> dict[str, str]:
    found = ATTRIBUTE.finditer(text)
    return {one["name"].lower(): (one["a"] or one["b"] or one["c"] or "").lower() for one in found}


def _is_unseen(name: str, said: dict[str, str]) -> bool:
    marked = any(mark in said.get("class", "") for mark in EARLIER_CLASSES)
    hidden = "display:none" in said.get("style", "").replace(" ", "")
    return name in UNSEEN | EARLIER or marked or hidden
