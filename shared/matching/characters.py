"""
Text as characters: equal spellings, and confusable ones. Pure.

Source: Unicode Standard Annex 15 (normalisation) and Technical Standard 39 (mixed scripts, confusables).
"""

import unicodedata
from functools import lru_cache

MOST_CHARACTERS = 300
"""Longer text is cut: no name and no address needs more, and comparing takes time that grows with it."""
_TRANSPARENT = frozenset({"COMMON", "INHERITED"})
_PLAIN_LATIN = (range(0x41, 0x250), range(0x1E00, 0x1F00))
"""Latin letters of written languages. Beyond them are phonetic signs, which look like plain letters."""
_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})
"""Scripts that one word mixes."""
_STYLED = ("<font>", "<circle>", "<square>", "<super>", "<sub>")
"""Decompositions of letters that are drawn in a style: mathematical, circled, raised."""
_MOST_MARKS = 2
"""Marks that the letters of written languages bear, one above the other."""


def listed(words: str) -> frozenset[str]:
    """Return the words of a table that is written in lines."""
    return frozenset(words.split())


def normal(text: str) -> str:
    """Return *text* in compatibility form, without invisible characters and double blanks."""
    seen = "".join(one for one in text[:MOST_CHARACTERS] if not _invisible(one))
    return " ".join(unicodedata.normalize("NFKC", seen).split())


def folded(text: str) -> str:
    """Return *text* as :func:`normal`, all in small letters."""
    return unicodedata.normalize("NFKC", normal(text).casefold())


def stripped(text: str) -> str:
    """Return *text* without the marks on its letters."""
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))


def disguised(text: str) -> bool:
    """
    Return whether *text* has characters not typed on purpose: invisible, reversing, or confusable ones.

    Letters of two scripts in one word count, too: a Latin name with one Cyrillic letter reads well.
    """
    cut = text[:MOST_CHARACTERS]
    return (
        any(_invisible(one) or _styled(one) for one in cut)
        or _overloaded(cut)
        or any(_mixed(word) for word in normal(cut).split())
    )


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of a letter by its Unicode name: ``LATIN``; ``COMMON`` for other characters."""
    if unicodedata.combining(character) or not character.isalpha():
        return "COMMON"
    first = unicodedata.name(character, "UNKNOWN").split()[0]
    return first.removesuffix("-")


def scripts(text: str) -> frozenset[str]:
    """Return the scripts of the letters of *text*."""
    return frozenset(map(script_of, normal(text))) - _TRANSPARENT


def _invisible(character: str) -> bool:
    if character in "\n\r\t\u00ad":  # line ends and blanks are text; a soft hyphen comes from typesetting
        return character == "\u00ad"
    return unicodedata.category(character) in {"Cf", "Cc", "Co", "Cn", "Cs"} or character in "\u115f\u3164"


def _styled(character: str) -> bool:
    if script_of(character) == "LATIN" and not any(ord(character) in plain for plain in _PLAIN_LATIN):
        return not 0xFF00 <= ord(character) < 0xFF60 and not 0xFB00 <= ord(character) < 0xFB07  # noqa: PLR2004 - full-width forms, ligatures
    if character in "ªº":  # ordinals of Spanish, Portuguese and Italian
        return False
    return unicodedata.decomposition(character).startswith(_STYLED) and character.isalpha()


def _overloaded(text: str) -> bool:
    run = 0
    for one in unicodedata.normalize("NFD", text):
        run = run + 1 if unicodedata.combining(one) else 0
        if run > _MOST_MARKS:
            return True
    return False


def _mixed(word: str) -> bool:
    found = scripts(word)
    return len(found) > 1 and not found <= _JAPANESE
