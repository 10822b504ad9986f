"""
Comparison of people's names. Pure.

The usual score for names, the token-set ratio, is 100 where one name is a part of the other, and 98 for two
long names that differ by one letter: it lets sisters and spouses through. So it decides on likeness alone.
A match needs more: no word on one side is missing on the other while a word there is missing here, and among
the words that are the same letter by letter, in one of the spellings, are the surname and a given name.

- Which word is the surname is known from a document, from a comma, or from the last word being the same in
  both. Where it is not known, all words must be there. So ``Anna Maria`` is perhaps ``Anna Maria Kowalska``,
  ``Maria Garcia`` is perhaps ``Maria Garcia Lopez``, ``Thomas Martin`` perhaps ``Martin Thomas Müller``, and
  a person looks at each.
- A word on each side that is nothing like the other makes two people: brothers share the rest.
- A name with one letter different (Kowalska and Kowalski) is for a person to look at, at any score.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product

from rapidfuzz.fuzz import ratio, token_set_ratio

from shared.matching.characters import disguised, scripts
from shared.matching.name_words import PersonName, Word, names_meant
from shared.matching.outcome import MATCH, MISMATCH, Doubt, Match, doubted, partial
from shared.matching.transliteration import SYSTEMS, TRANSLITERABLE

LEAST_PREFIX = 3
"""Letters of a name that was cut; fewer begin too many names."""
LEAST_ALONE = 2
"""Characters of a whole name in a script that writes without blanks."""
LEAST_WORDS = 2


class Pairing:
    """The words of two names: each paired with at most one of the other's, or with several in a row."""

    def __init__(self, one: PersonName, other: PersonName) -> None:
        self.names = (one, other)
        self.left = (list(one.words), list(other.words))
        """Words not paired yet, on each side."""
        self.same: list[tuple[Word, Word]] = []
        """Words that are the same letter by letter."""
        self.doubts: list[Doubt] = []
        self._pair_equal()
        self._pair_joined()
        self._pair_by(_initial_of, Doubt.INCOMPLETE)
        if one.truncated or other.truncated:
            self._pair_by(begins, Doubt.TRUNCATION)
        self._pair_by(_called, Doubt.NICKNAME)

    @property
    def conflicts(self) -> bool:
        """Whether both names have something left that the other lacks."""
        return all(any(word.whole or word.initial for word in left) for left in self.left)

    @property
    def particles(self) -> bool:
        """Whether both have small words left over, such as ``van den`` here and ``van der`` there."""
        return all(self.left)

    @property
    def complete(self) -> bool:
        """Whether every word on both sides is the same letter by letter."""
        return not any(self.left) and not self.doubts

    @property
    def suffices(self) -> bool:
        """Whether a surname and a given name are among the equal words."""
        same = [(a, b) for a, b in self.same if a.whole and b.whole]
        split = [name.is_split for name in self.names]
        if all(split):
            return self._surnames_same(same) and any(a.surname is b.surname is False for a, b in same)
        if any(split):
            return self._agrees_with_plain(same, 0 if split[0] else 1)
        return self._plain_agree(same)

    def _surnames_same(self, same: Sequence[tuple[Word, Word]]) -> bool:
        both = [pair for pair in same if pair[0].surname and pair[1].surname]
        return all(self._all_in(name, [pair[side] for pair in both]) for side, name in enumerate(self.names))

    def _agrees_with_plain(self, same: Sequence[tuple[Word, Word]], side: int) -> bool:
        """Return whether one side's surname, and a given name, are in the other's plain text."""
        ours = [pair[side] for pair in same]
        if not self._all_in(self.names[side], ours) or all(word.surname for word in ours):
            return False
        last = self.names[1 - side].words[-1]
        return not self._over(1 - side) or any(pair[side].surname for pair in same if pair[1 - side] is last)

    def _plain_agree(self, same: Sequence[tuple[Word, Word]]) -> bool:
        """Return whether two plain names agree: in all words, or in the last and another."""
        fewest = min(len({pair[side] for pair in same}) for side in (0, 1))
        if fewest < LEAST_WORDS:
            return self.complete and all(_unspaced(word) for pair in same for word in pair) and bool(same)
        lasts = tuple(name.words[-1] for name in self.names)
        return not (self._over(0) or self._over(1)) or lasts in same

    def _over(self, side: int) -> list[Word]:
        """Return the words of a side that are the same as none: left over, or paired with a doubt."""
        taken = {pair[side] for pair in self.same}
        return [word for word in self.names[side].words if word not in taken]

    @staticmethod
    def _all_in(name: PersonName, words: Sequence[Word]) -> bool:
        surnames = [word for word in name.words if word.surname]
        needed = [word for word in surnames if word.whole] or surnames
        return all(word in words for word in needed)

    def _pair_equal(self) -> None:
        """Pair equal words; surnames with surnames and given names with given names first."""
        for by_role in (True, False):
            for word in tuple(self.left[0]):
                fitting = (
                    other
                    for other in self.left[1]
                    if word.forms & other.forms and (not by_role or word.surname is other.surname)
                )
                if (other := next(fitting, None)) is not None:
                    self._take([word], [other])

    def _pair_joined(self) -> None:
        """Pair words that are equal but for blanks: Mac Donald and MacDonald."""
        for side in (0, 1):
            for word in tuple(self.left[side]):
                run = next((run for run in _runs(self.left[1 - side]) if word.forms & _joined(run)), None)
                if run is not None:
                    self._take(*(([word], run) if side == 0 else (run, [word])))

    def _take(self, ours: Sequence[Word], theirs: Sequence[Word]) -> None:
        self.same += [(a, b) for a in ours for b in theirs]
        for left, taken in zip(self.left, (ours, theirs), strict=True):
            left[:] = [word for word in left if word not in taken]

    def _pair_by(self, fits: Callable[[Word, Word], bool], doubt: Doubt) -> None:
        for word in tuple(self.left[0]):
            other = next((other for other in self.left[1] if fits(word, other)), None)
            if other is not None:
                self.left[0].remove(word)
                self.left[1].remove(other)
                self.doubts.append(doubt)


def begins(one: Word, other: Word) -> bool:
    """Return whether one of two words is the beginning of the other."""
    return any(
        a.startswith(b) or b.startswith(a)
        for a in one.forms
        for b in other.forms
        if min(len(a), len(b)) >= LEAST_PREFIX
    )


def _initial_of(one: Word, other: Word) -> bool:
    if not (one.initial or other.initial):
        return False
    return bool({form[:1] for form in one.forms} & {form[:1] for form in other.forms})


def _called(one: Word, other: Word) -> bool:
    return any(names_meant(a) & names_meant(b) for a in one.forms for b in other.forms)


def _unspaced(word: Word) -> bool:
    return not any(form.isascii() for form in word.forms) and len(word.text) >= LEAST_ALONE


def _runs(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield every two or more words in a row."""
    for start, end in combinations(range(len(words) + 1), 2):
        if end - start >= LEAST_WORDS:
            yield list(words[start:end])


def _joined(words: Sequence[Word]) -> frozenset[str]:
    return frozenset("".join(word.spelled[system] for word in words) for system in range(SYSTEMS))


ALIKE = 80
"""Token-set ratio from which two names are alike: sisters, spouses and misspellings come to 80 to 92."""
NOTHING_LIKE = 50
"""Ratio below which two words are different names."""


def match_names(one: str | PersonName, other: str | PersonName) -> Match:
    """
    Return whether *one* and *other* are the same person's name. The two may change places.

    Case, accents, the order of the words, titles and punctuation make no difference. Middle names may be
    missing on one side, or stand as initials. A nickname is a doubt, and so is a name in a script that cannot
    be compared with the other's.
    """
    first, second = sorted((PersonName.of(one), PersonName.of(other)), key=_weight)
    if not first.words:
        return partial(Doubt.INCOMPLETE)
    doubts = [Doubt.DISGUISE] if disguised(first.text) or disguised(second.text) else []
    if not _comparable(first, second):
        return partial(*doubts, Doubt.SCRIPT)
    if first.generation != second.generation:
        if first.generation and second.generation:
            return MISMATCH
        doubts.append(Doubt.GENERATION)
    return doubted(_compared(Pairing(first, second)), doubts)


def match_parts(one: str, other: str) -> Match:
    """Return whether two parts of a name, such as surnames stored alone, are the same in all words."""
    first, second = sorted((PersonName(one), PersonName(other)), key=_weight)
    if not first.words or not _comparable(first, second):
        return partial(Doubt.SCRIPT) if first.words else partial(Doubt.INCOMPLETE)
    doubts = [Doubt.DISGUISE] if disguised(one) or disguised(other) else []
    return doubted(MATCH if Pairing(first, second).complete else MISMATCH, doubts)


def _weight(name: PersonName) -> tuple[int, str, str, bool]:
    return (len(name.words), name.surname, name.given_names, name.truncated)


def _comparable(one: PersonName, other: PersonName) -> bool:
    """Return whether tables lead from both names to the same letters."""
    return scripts(one.text) - TRANSLITERABLE == scripts(other.text) - TRANSLITERABLE


def _compared(pairing: Pairing) -> Match:
    if pairing.conflicts:
        return _likeness(pairing)
    if pairing.particles:
        return partial(Doubt.SPELLING)
    if pairing.suffices:
        return MATCH
    if pairing.complete and all(name.is_split for name in pairing.names):
        return partial(Doubt.ROLE)
    return partial(*(pairing.doubts or [Doubt.INCOMPLETE]))


def _likeness(pairing: Pairing) -> Match:
    """Return the likeness of two names with differing words: alike, or different people's."""
    few, many = sorted(pairing.left, key=len)
    if any(max(_ratio(word, other) for other in many) < NOTHING_LIKE for word in few if word.whole):
        return MISMATCH
    score = max(_score(pairing, system) for system in range(SYSTEMS))
    cut = any(begins(word, other) for word, other in product(few, many))
    return partial(Doubt.TRUNCATION if cut else Doubt.SPELLING) if score >= ALIKE else MISMATCH


def _ratio(one: Word, other: Word) -> float:
    return max(ratio(a, b) for a, b in product(one.forms or {""}, other.forms or {""}))


def _score(pairing: Pairing, system: int) -> float:
    one, other = (" ".join(word.spelled[system] for word in name.words) for name in pairing.names)
    return token_set_ratio(one, other)
