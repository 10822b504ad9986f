"""
Evidence that a run of capitalised words is a name.

Each kind of evidence is a function that returns the first word of the name in a run, or None. German
capitalises every noun; so a capital letter alone is no evidence.
"""

import re
from collections.abc import Callable, Sequence

from services.fulfillment.package.redaction.runs import (
    MOST_PARTICLES,
    TITLE_GAP,
    TextContext,
    WordRun,
    is_common,
    is_given,
    is_person,
)
from services.fulfillment.package.redaction.vocabulary import (
    AMBIGUOUS_NAMES,
    BRANDS,
    CALLS,
    CLOSINGS,
    CONJUNCTIONS,
    INSTITUTIONS,
    LABELS,
    LINKS,
    NAMESAKES,
    PAIRS,
    PARTICLES,
    PLACES,
    POSSESSIVES,
    SALUTATIONS,
    SPEECH,
    SURNAMES,
    TITLES,
    WRITERS,
)

PAIR = 2
"""Number of capitalised words in a row that are a name with less evidence than a single one."""
NARROW = re.compile(r"[ \t\u00a0]*")
SPACE = re.compile(r"[ \t\u00a0]+")
COLON = re.compile(r"[ \t]*:\s*")
SALUTATION_GAP = re.compile(r",?[ \t\u00a0]+")
CLOSING_GAP = re.compile(r"[.,!:]?\s*")
APPOSITION = re.compile(
    r"[ \t\u00a0]*[,:(\u2013-][ \t\u00a0(]+|[ \t\u00a0]*\(|[ \t\u00a0]+[\u2013-][ \t\u00a0]+"
)
PAIR_GAP = re.compile(r"[ \t\u00a0]+|\.[ \t\u00a0]*|:[ \t\u00a0]*")
BESIDE = re.compile(r"[ \t\u00a0]*[,(]?[ \t\u00a0]*")
DISPLAYED = re.compile(r"[\"']?[ \t\u00a0]*<(?:mailto:)?")
REACHED = re.compile(
    r"[\s,:;(\[\"'\u2013-]*(?:(?:tel|telefon|phone|mobile|mobil|handy|fax|e-?mail|mail|at|on|via|per|unter|auf|au|al|en)"
    r"\b[.:]*[\s(<]*){0,2}",
    re.IGNORECASE,
)
"""Between a name and the person's number or address."""
INITIAL_GAP = re.compile(r"\.[ \t\u00a0]*")

Evidence = Callable[[WordRun, TextContext], int | None]
"""Returns the index of the first word of a name in a run; None without evidence."""


def _titled(run: WordRun, _: TextContext) -> int | None:
    """``Mrs Miller``, ``Dr. Miller``."""
    back = next((back for back in range(MOST_PARTICLES) if run.word(-1 - back) not in PARTICLES), 0)
    title, gap = run.word(-1 - back), run.gap(-back)
    unit = title == "ms" and run.gap(-1 - back).rstrip()[-1:].isdigit()  # ``5 ms``
    brand = (title, run.word(0)) in BRANDS
    return 0 if title in TITLES and TITLE_GAP.fullmatch(gap) and not unit and not brand else None


def _addressed(run: WordRun, _: TextContext) -> int | None:
    """``Dear Ann``, ``Kind regards, Ann``, ``Contact: Ann``."""
    before, gap = run.word(-1), run.gap(0)
    openings = ((SALUTATIONS, SALUTATION_GAP), (CLOSINGS, CLOSING_GAP), (LABELS, COLON))
    return 0 if any(before in words and form.fullmatch(gap) for words, form in openings) else None


def _displayed(run: WordRun, context: TextContext) -> int | None:
    """``Ann Miller <ann@example.org>``."""
    link = context.next_to(run)
    return 0 if link is not None and DISPLAYED.fullmatch(link) else None


def _related(run: WordRun, _: TextContext) -> int | None:
    """``her husband Paul``, ``the deputy is Ann``, ``spoke with Ann``."""
    back = 1 if run.word(-1) in LINKS and SPACE.fullmatch(run.gap(0)) else 0
    before, gap = run.word(-1 - back), run.gap(-back)
    if (run.word(-2), run.word(-1)) in PAIRS and PAIR_GAP.fullmatch(run.gap(0)):
        return 0
    if not is_person(before):
        return None
    if SPACE.fullmatch(gap) or COLON.fullmatch(gap):
        return 0
    return 0 if _is_pair(run) and APPOSITION.fullmatch(gap) else None


def _explained(run: WordRun, _: TextContext) -> int | None:
    """``Paul Miller, her husband``, ``Paul Miller (husband)``."""
    ahead = run.last - run.first
    gap, possessive = run.gap(ahead), run.word(ahead) in POSSESSIVES
    if not APPOSITION.fullmatch(gap) or not (possessive or "(" in gap):
        return None
    return 0 if _is_pair(run) and is_person(run.word(ahead + possessive)) else None


def _given(run: WordRun, context: TextContext) -> int | None:
    """``Carla``, ``Carla Miller``: by the given name, unless it is the person's own second one."""
    for at, word in enumerate(run.words):
        second = at > 0 and len(run.word(at - 1)) > 1 and context.own.has(run.word(at - 1))
        if (is_given(word) or _is_rather_given(run, at)) and not (second or context.own.may_be(word)):
            return at - 1 if at and (len(run.word(at - 1)) == 1 or run.gap(at) == "-") else at
    return None


def _is_rather_given(run: WordRun, at: int) -> bool:
    """Return whether an ambiguous word is a given name: in ``with Rose Miller``."""
    if run.word(at) not in AMBIGUOUS_NAMES or run.first + at + 1 == run.last:
        return False
    return bool(at) or not (run.begins_sentence or _is_after_capital(run))


def _surnamed(run: WordRun, context: TextContext) -> int | None:
    """``Xanthe Miller``: by the surname."""
    named = (word in SURNAMES and not context.own.may_be(word) for word in run.words[1:])
    return None if _is_beside_common(run) else next((at for at, surname in enumerate(named) if surname), None)


def _joined(run: WordRun, _: TextContext) -> int | None:
    """``Carla and Xanthe``: by the name before."""
    between = SPACE.fullmatch(run.gap(0)) and run.word(-1) in CONJUNCTIONS and SPACE.fullmatch(run.gap(-1))
    if not between or _is_beside_common(run):
        return None
    return 0 if is_given(run.word(-2)) or (run.word(-2) in SURNAMES and is_given(run.word(-3))) else None


def _reached(run: WordRun, context: TextContext) -> int | None:
    """``Ann Miller, 030 23125 001``; ``call Ann on 030 23125 001``."""
    link = context.next_to(run)
    if link is None or not REACHED.fullmatch(link):
        return 0 if context.follows(run) and _is_pair(run) else None
    if run.word(-1) in PLACES:
        return None
    single = "\n" not in link and run.word(-1) in CALLS
    return 0 if (_is_pair(run) and not _is_beside_common(run)) or single else None


def _written(run: WordRun, _: TextContext) -> int | None:
    """``by Ann Miller``; ``Ann Miller wrote``."""
    if not _is_pair(run) or _is_beside_common(run):
        return None
    before = run.word(-1) in WRITERS and PAIR_GAP.fullmatch(run.gap(0))
    ahead = run.last - run.first
    after = run.word(ahead) in SPEECH and SPACE.fullmatch(run.gap(ahead))
    spoken = run.word(-1) in SPEECH and SPACE.fullmatch(run.gap(0))
    return 0 if before or after or spoken else None


def _initialled(run: WordRun, _: TextContext) -> int | None:
    """``A. Miller``, but not ``Plan A. Miller``."""
    if not _is_pair(run) or len(run.word(0)) > 1 or not INITIAL_GAP.fullmatch(run.gap(1)):
        return None
    before = run.tokens[run.first - 1] if run.first else None
    return None if before and (before.capital or len(before.plain) == 1) else 0


SURE: Sequence[Evidence] = (_titled, _displayed)
LIKELY: Sequence[Evidence] = (
    _addressed, _related, _explained, _given, _surnamed, _joined, _reached, _written, _initialled,
)  # fmt: skip
"""Evidence that does not count for places and companies named after a person."""


def _is_pair(run: WordRun) -> bool:
    return run.last - run.first >= PAIR


def _is_after_capital(run: WordRun) -> bool:
    """Return whether *run* continues the word before it: ``iPhone Pro Max``."""
    return run.first > 0 and run.tokens[run.first - 1].capital and SPACE.fullmatch(run.gap(0)) is not None


def _is_beside_common(run: WordRun) -> bool:
    """Return whether *run* belongs to the noun after it: ``Amazon Prime Support``."""
    ahead = run.last - run.first
    word = run.word(ahead)
    capital = run.last < len(run.tokens) and run.tokens[run.last].capital
    return capital and is_common(word) and SPACE.fullmatch(run.gap(ahead)) is not None


def is_namesake(run: WordRun) -> bool:
    """Return whether *run* is a street, a place, a company or a brand named after a person."""
    ahead = run.last - run.first
    after = run.word(ahead) in INSTITUTIONS or run.word(ahead).endswith(("strasse", "platz", "allee"))
    if after and re.fullmatch(r"[ \t\u00a0-]+|[ ]?&[ ]?", run.gap(ahead)):
        return True
    if run.word(-1) in NAMESAKES and NARROW.fullmatch(run.gap(0).replace(".", "").replace("-", "")):
        return True
    return (_is_pair(run) and run.word(0) in NAMESAKES) or (run.word(0), run.word(1)) in BRANDS
