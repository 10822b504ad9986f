"""
Errors in a breach declaration, with the nearest known word as a suggestion. Pure.

Laws would judge a misspelt category or place as something else. A declaration refused by a channel is
read all the same where it lies sealed: it was declared before this check existed.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from babel import Locale

from shared.contract.events import Residence, SubmissionError
from shared.contract.events.breaches import BreachDeclared, BreachRole
from shared.law.places import SUBDIVISIONS, countries, folded
from shared.law.taxonomy import DEFAULT_CATEGORIES

ALIKE = 0.8
"""Likeness (difflib's ratio) from which an unknown word is taken for a misspelt known one."""
MEANT = {"UK": "GB", "EL": "GR"}
"""Codes that people, and the Union, write for a country."""
SPOKEN = {"CN": "zh", "CZ": "cs", "DK": "da", "GR": "el", "JP": "ja", "KR": "ko", "UA": "uk"}
"""Country codes that are no language code → the language that is meant."""
TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "UM", "VI", "AA", "AE", "AP"})
"""Parts of the United States that are no State, and mail to its forces: the strictest laws apply."""
ENGLISH = Locale("en")
FIRST_LAW = datetime(2018, 5, 25, tzinfo=UTC)
"""When the GDPR came to apply: an earlier breach is not declared here."""
MOMENTS = ("occurred_from", "occurred_to", "detected_at", "aware_at", "handled_at")
"""Moments that are past when a breach is declared."""
CLOCKS_DIFFER = timedelta(hours=1)
"""Tolerance for a publisher's clock that is ahead."""


def suggestions_for(
    declared: BreachDeclared, mapped: Collection[str] | None = None, *, now: datetime | None = None
) -> list[SubmissionError]:
    """
    Return the misspelt or contradictory statements of *declared*.

    Args:
        declared: The declaration.
        mapped: The categories that the data map adds to the taxonomy; None where no map is at hand. Then a
            category that is unknown may be the map's, unless it is nearly one that is known.
        now: When it is declared; None of an event: no breach is dropped because a clock goes wrong, and no
            clock of a law begins ahead of now.
    """
    affected = declared.affected
    listed = [(f"affected.list.{number}", one) for number, one in enumerate(affected.list)]
    return [
        *_long_ago(declared),
        *(_not_yet(declared, now) if now is not None else ()),
        *_without_end(declared),
        *_languages(declared),
        *_without_role(declared),
        *_categories("categories", declared.categories, mapped),
        *(flaw for at, one in listed for flaw in _categories(f"{at}.categories", one.categories, mapped)),
        *(flaw for at, one in listed if one.residence for flaw in _home(f"{at}.residence", one.residence)),
    ]


def nearest_word(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """Return which of *known* words is most like *word*, if any is *alike* (0 to 1)."""
    return next(iter(get_close_matches(word, list(known), 1, alike)), None)


def _long_ago(declared: BreachDeclared) -> Iterator[SubmissionError]:
    """Yield an error if it became known before the laws of today: by these no notice would be owed."""
    if declared.aware_at < FIRST_LAW:
        yield SubmissionError(path="aware_at", message=f"lies before {FIRST_LAW:%-d %B %Y}; look at the year")


def _not_yet(declared: BreachDeclared, now: datetime) -> Iterator[SubmissionError]:
    """Yield moments stated as past that lie ahead: letters and forms would repeat them."""
    for name in MOMENTS:
        moment = getattr(declared, name)
        if moment is not None and moment > now + CLOCKS_DIFFER:
            yield SubmissionError(path=name, message="lies in the future; look at the day and the year")


def _without_end(declared: BreachDeclared) -> Iterator[SubmissionError]:
    """Yield that more was promised for a time before anything was known."""
    if declared.next_update_at is not None and declared.next_update_at <= declared.aware_at:
        yield SubmissionError(
            path="next_update_at", message="must lie after aware_at: it is the time of the next update"
        )


def _languages(declared: BreachDeclared) -> Iterator[SubmissionError]:
    """Yield languages that no people speak: texts in them would reach no reader."""
    affected = declared.affected
    spoken = {
        "language": declared.language,
        **{f"translations.{number}": code for number, code in enumerate(declared.translations)},
        **{f"affected.list.{number}.locale": one.locale for number, one in enumerate(affected.list)},
        **{f"affected.controllers.{n}.locale": one.locale for n, one in enumerate(affected.controllers)},
    }
    for at, code in spoken.items():
        word = (code or "en").replace("_", "-").partition("-")[0]
        if word.lower() not in ENGLISH.languages:
            meant = SPOKEN.get(word.upper())
            nearest = f"; the nearest is {meant}" if meant else ""
            yield SubmissionError(path=at, message=f"is no code of a language (ISO 639){nearest}")


def _without_role(declared: BreachDeclared) -> Iterator[SubmissionError]:
    """
    Yield an error if customers are named that no notice would reach.

    Law:
        GDPR Art. 33(2): the processor notifies the controller.
    """
    if declared.affected.controllers and declared.role is not BreachRole.PROCESSOR:
        says = (
            "are notified by a processor: declare them with `role: processor`, as a phase of this reference"
        )
        yield SubmissionError(path="affected.controllers", message=says)


def _categories(at: str, words: Iterable[str], mapped: Collection[str] | None) -> Iterator[SubmissionError]:
    known = DEFAULT_CATEGORIES.union(mapped or ())
    for number, word in enumerate(words):
        if word not in known:
            meant = _slip_for(word, known)
            if meant is not None or mapped is not None:
                nearest = meant or nearest_word(word, known, 0) or "user"
                says = f"is no category of the taxonomy or of the data map; the nearest is {nearest}"
                yield SubmissionError(path=f"{at}.{number}", message=says)


def _slip_for(word: str, known: Collection[str]) -> str | None:
    """
    Return the category that *word* misspells: one name differs, and one beside it is like it.

    A map may add names anywhere, and a name below a known one is no misspelling of that.
    """
    steps = word.split(".")
    depth = max(d for d in range(len(steps)) if d == 0 or ".".join(steps[:d]) in known)
    start = "".join(f"{step}." for step in steps[:depth])
    beside = {one.removeprefix(start).partition(".")[0] for one in known if one.startswith(start)}
    meant = nearest_word(steps[depth], beside, ALIKE)
    if meant is None:
        return None
    whole = ".".join([f"{start}{meant}", *steps[depth + 1 :]])
    return whole if whole in known else f"{start}{meant}"


def _home(at: str, home: Residence) -> Iterator[SubmissionError]:
    known = countries(ENGLISH)
    if home.country not in known:
        says = "is no code of a country (ISO 3166)"
        meant = MEANT.get(home.country)
        yield SubmissionError(
            path=f"{at}.country", message=f"{says}; the nearest is {meant}" if meant else says
        )
    elif home.subdivision is not None and home.country in SUBDIVISIONS:
        yield from _part(f"{at}.subdivision", home.country, home.subdivision)


def _part(at: str, country: str, written: str) -> Iterator[SubmissionError]:
    parts = SUBDIVISIONS[country]
    codes = {code.removeprefix(f"{country}-") for code in parts}
    names = {folded(name): code.removeprefix(f"{country}-") for code, name in parts.items()}
    if written.upper() in codes | TERRITORIES or folded(written) in names:
        return
    near = nearest_word(folded(written), names) or nearest_word(written.upper(), sorted(codes), 0)
    meant = names.get(near or "", near)
    yield SubmissionError(path=at, message=f"is no part of {country} (ISO 3166-2); the nearest is {meant}")
