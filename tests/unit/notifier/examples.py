"""Letters to a fictional person, and under which laws."""

from functools import lru_cache

from habeas import specimens
from habeas.specimens import (
    AUTHORITY,
    DONE,
    DUE,
    KEPT,
    LETTERS,
    PACKAGE,
    RECEIVED,
    REFERENCE,
    SENDER,
    WANTED,
    WRITTEN_AT,
    access,
    permit,
    refusal,
)
from services.notifier.facts import Facts
from services.notifier.letters import Letter
from shared.law import Policy, Regulation
from shared.policies import policies

__all__ = [
    "AUTHORITY",
    "DONE",
    "DUE",
    "KEPT",
    "LETTERS",
    "MESSAGE_ID",
    "PACKAGE",
    "RECEIVED",
    "REFERENCE",
    "SENDER",
    "WANTED",
    "WRITTEN_AT",
    "access",
    "edition",
    "letter",
    "permit",
    "refusal",
]

MESSAGE_ID = "<5f0c.1@privacy.example.com>"


@lru_cache
def edition(law: Regulation | str) -> Policy:
    """Return the edition in force when the letters were written; Virginia's law for those of the States."""
    if law == Regulation.US_STATE:
        return specimens.law_named("us-va")
    if law in set(Regulation):
        return policies().governing(Regulation(law), WRITTEN_AT.date())
    return specimens.law_named(law)


def letter(facts: Facts, law: Regulation | str = Regulation.GDPR, locale: str = "en") -> Letter:
    """Return *facts* in a letter under *law*; several are written ``gdpr+us-va``."""
    return specimens.letter(facts, tuple(map(edition, law.split("+"))), locale)
