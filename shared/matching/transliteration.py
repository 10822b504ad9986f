"""
Transliteration of other alphabets to A to Z, as documents print them. Pure.

One spelling is not enough. The machine-readable zone has MUELLER, a bill has Muller, both for Müller; and one
Cyrillic letter is transliterated in different ways for different languages. Each word therefore has
several spellings, always in the same order, and two words are the same where one spelling is.

Source: ICAO Doc 9303-3 §6 A (Latin) and B (Cyrillic, with its exceptions by language); for Greek, which has
no table there, ELOT 743, as Greek and Cypriot passports use it; everything else by the ``anyascii`` package.
"""
# ruff: noqa: RUF001, RUF002 - tables of letters that look like Latin ones

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from anyascii import anyascii

from shared.matching.characters import folded, scripts, stripped

TRANSLITERABLE = frozenset({"LATIN", "CYRILLIC", "GREEK", "MODIFIER"})
"""Scripts with known spellings in Latin letters."""

_LATIN = str.maketrans(
    {
        "ä": "ae", "å": "aa", "æ": "ae", "ð": "d", "ø": "oe", "ö": "oe", "ő": "oe", "ü": "ue", "ű": "ue",
        "þ": "th", "đ": "d", "ħ": "h", "ı": "i", "ĳ": "ij", "ĸ": "q", "ł": "l", "ŀ": "l", "ŋ": "n", "œ": "oe",
        "ß": "ss", "ŧ": "t", "ə": "e", "ñ": "n",
    }
)  # fmt: skip
"""Table A where it differs from leaving the marks off."""

_RUSSIAN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i",
    "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y",
    "ь": "", "э": "e", "ю": "iu", "я": "ia", "і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "u", "ѓ": "g",
    "ђ": "d", "ѕ": "dz", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "ќ": "k", "џ": "dz", "ѫ": "u", "ѵ": "y",
    "ә": "e",
}  # fmt: skip
"""Table B without its exceptions."""
_SERBIAN = {"г": "g", "ж": "z", "х": "h", "ц": "c", "ч": "c", "ш": "s"}
_EXCEPTIONS: tuple[Mapping[str, str], ...] = (
    {},
    {"г": "h", "ё": "io"},  # Belarusian
    {"г": "h", "и": "y"},  # Ukrainian
    {"щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya", "й": "y", "х": "h"},  # Bulgarian
    _SERBIAN,
    {"ѓ": "gj", "ќ": "kj", "џ": "dj", "х": "h", "ц": "c"},  # Macedonian
)
_CYRILLIC = tuple(str.maketrans({**_RUSSIAN, **exception}) for exception in _EXCEPTIONS)
_INITIAL = MappingProxyType({"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"})
"""Ukrainian letters at the beginning of a word."""
_UKRAINIAN = 2

_GREEK_PAIRS = (
    ("μπ", "b"), ("ντ", "nt"), ("γγ", "ng"), ("γξ", "nx"), ("γχ", "nch"), ("ου", "ou"),
    ("αυ", "av"), ("ευ", "ev"), ("ηυ", "iv"),
)  # fmt: skip
GREEK = str.maketrans(
    {
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k",
        "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t",
        "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
    }
)  # fmt: skip
"""Letter by letter, as ELOT 743 has those that stand alone, and California's DROP has all."""
_VOICELESS = frozenset("θκξπστφχψς")
"""Letters before which αυ and ευ sound as af and ef."""


@lru_cache(maxsize=4096)
def spellings(word: str) -> tuple[str, ...]:
    """
    Return *word* in small letters a to z, in as many ways as there are systems; always the same number.

    A word in a script that no table leads from is returned as it is: two such words compare with each other.
    """
    small = folded(word)
    if not scripts(small) <= TRANSLITERABLE:
        return (small,) * SYSTEMS
    greek = _greek(small)
    return (
        *(_plain(_cyrillic(greek, system).translate(_LATIN)) for system in range(len(_CYRILLIC))),
        _plain(anyascii(small).lower()),
        _plain(stripped(greek)),
    )


SYSTEMS = len(_CYRILLIC) + 2


def _cyrillic(text: str, system: int) -> str:
    if system == _UKRAINIAN and text[:1] in _INITIAL:
        text = _INITIAL[text[0]] + text[1:]
    return text.translate(_CYRILLIC[system])


def _greek(text: str) -> str:
    """Return *text* with its Greek letters transliterated by ELOT 743."""
    if "GREEK" not in scripts(text):
        return text
    bare = stripped(text)
    for pair, latin in _GREEK_PAIRS:
        bare = _paired(bare, pair, latin)
    return bare.translate(GREEK)


def _paired(text: str, pair: str, latin: str) -> str:
    """Replace a *pair* of Greek letters: μπ is b at the beginning and mp elsewhere, αυ is af before a κ."""
    parts = text.split(pair)
    done = parts[0]
    for part in parts[1:]:
        if pair == "μπ":
            here = latin if not done else "mp"
        elif latin.endswith("v") and (not part or part[0] in _VOICELESS):
            here = f"{latin[0]}f"
        else:
            here = latin
        done += here + part
    return done


def _plain(text: str) -> str:
    """Return the letters and digits of *text*, without marks; other characters as anyascii spells them."""
    bare = stripped(text)
    return "".join(one for one in (bare if bare.isascii() else anyascii(bare).lower()) if one.isalnum())
