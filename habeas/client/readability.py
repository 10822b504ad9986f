"""
Readability of English text: Flesch reading ease and the Flesch-Kincaid grade.

Syllables are counted by their sound groups, which is right for about nine words in ten and wrong to both
sides for the rest; over a letter that evens out to a few tenths of a grade.

Law:
    GDPR Art. 12(1): concise, transparent, intelligible, in clear and plain language. 11 CCR § 7003(a).
"""

import re
from dataclasses import dataclass
from html import unescape

SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
WORD = re.compile(r"[A-Za-z]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][A-Za-z]+)?")
NO_WORDS = re.compile(r"https?://\S+|\S+@\S+|\([^)]*\d[^)]*\)|\S*\d\S*")
"""Addresses, numbers, and provisions in brackets, which have no syllables."""
SAID = re.compile(r"<(?:p(?! class)|li)\b[^>]*>(.*?)</(?:p|li)>", re.DOTALL)
MARKUP = re.compile(r"<[^>]*>")
GROUPS = re.compile(r"[aeiou]+(?:y(?![aeiou]))?|y(?![aeiou])")
APART = re.compile(r"(?<![tscg])i[aou]|(?<![qg])ua|ea$|ea(?=t[ei])")
"""Vowels side by side that are spoken one by one: various, usual, area, create."""
SILENT = re.compile(
    r"[^aeiou]e$|[^aeiousxzcgh]es$|[^aeioudt]ed$|(?<=[a-z])e(?=ly$|ment|less|ful)|(?<=som)e(?=[bt])"
)
SPOKEN = re.compile(r"[^aeiou]le$")
"""Ends on an e that is a syllable all the same: table."""


@dataclass(frozen=True, slots=True)
class Readability:
    """The measures of a text."""

    words: int
    sentences: int
    syllables: int

    @property
    def ease(self) -> float:
        """Flesch reading ease: 60 and more is plain English, 100 very easy."""
        return 206.835 - 1.015 * self.words / self.sentences - 84.6 * self.syllables / self.words

    @property
    def grade(self) -> float:
        """Flesch-Kincaid grade: years of school in the US that reading it takes."""
        return 0.39 * self.words / self.sentences + 11.8 * self.syllables / self.words - 15.59

    def __str__(self) -> str:
        """Return both scores in one line."""
        return f"reading ease {self.ease:.0f}, grade {self.grade:.1f} ({self.words} words)"


def measured(text: str) -> Readability:
    """Return the measures of *text*, in which each line ends a sentence."""
    lines = [NO_WORDS.sub(" ", line) for line in text.splitlines()]
    sentences = [WORD.findall(part) for line in lines for part in SENTENCE_END.split(line)]
    words = [word for sentence in sentences for word in sentence]
    return Readability(len(words), sum(map(bool, sentences)), sum(map(syllables, words)))


def of_letter(html: str) -> Readability:
    """Return the measures of the sentences and list items of a letter, without tables and addresses."""
    said = (MARKUP.sub("", one) for one in SAID.findall(html))
    return measured("\n".join(" ".join(unescape(one).split()) for one in said))


def syllables(word: str) -> int:
    """Return about how many syllables the English *word* has."""
    word = word.lower()
    groups = len(GROUPS.findall(word)) + len(APART.findall(word))
    silent = 0 if SPOKEN.search(word) else len(SILENT.findall(word))
    return max(1, groups - silent)
