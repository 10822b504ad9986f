"""Patterns for many words at once, with one branch for each common beginning. Pure."""

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

LONGEST_PATTERN = 20_000
"""Characters of words in one pattern; MongoDB takes patterns of 32 KiB."""
_Tree: TypeAlias = dict[str, Any]


def branches(words: Iterable[str], *, between: str = "") -> str:
    """
    Return a pattern that matches any of *words*; words that begin alike share a branch.

    Args:
        words: The words; a blank matches any white space.
        between: What may stand between two characters.
    """
    tree: _Tree = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return f"(?:{_written(tree, between)})"


def _written(tree: _Tree, between: str, *, inside: bool = False) -> str:
    """Return the pattern of *tree*; *inside* says whether something stands before it."""
    text = ""
    while len(tree) == 1 and "" not in tree:
        [(character, tree)] = tree.items()
        text += (between if inside else "") + _character(character)
        inside = True
    ways = [_written({c: below}, between, inside=inside) for c, below in tree.items() if c]
    if not ways:
        return text
    return f"{text}(?:{'|'.join(ways)}){'?' if '' in tree else ''}"


def _character(character: str) -> str:
    return r"\s+" if character == " " else re.escape(character)
