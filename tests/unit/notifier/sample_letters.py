"""Letters to a fictional person, with the laws that apply."""

from datetime import date
from functools import lru_cache

from habeas.client import specimens
from habeas.client.specimens import (
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
from services.notifier.letters.composer import LetterRequest
from services.notifier.letters.letter_models import LetterFacts
from shared.contract.events import RequestReceived
from shared.law import Policy, Regulation, Right
from shared.law.library import policies

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
    "asked",
    "edition",
    "letter",
    "permit",
    "refusal",
]

MESSAGE_ID = "<5f0c.1@privacy.example.com>"


def asked(right: Right) -> RequestReceived:
    """Return a request for *right*."""
    return RequestReceived(
        request_id="a" * 32,
        right=right,
        regulation=Regulation.GDPR,
        policy="gdpr@2018-05-25",
        source="portal",
        received_at=WRITTEN_AT,
        received_on=date(2026, 3, 2),
        due_on=date(2026, 4, 2),
        internal_due_on=date(2026, 3, 30),
    )


@lru_cache
def edition(law: Regulation | str) -> Policy:
    """Return the edition in force when the letters were written; Virginia's law for those of the States."""
    if law == Regulation.US_STATE:
        return specimens.law_named("us-va")
    if law in set(Regulation):
        return policies().governing(Regulation(law), WRITTEN_AT.date())
    return specimens.law_named(law)


def letter(facts: LetterFacts, law: Regulation | str = Regulation.GDPR, locale: str = "en") -> LetterRequest:
    """Return *facts* in a letter under *law*; several are written ``gdpr+us-va``."""
    return specimens.letter(facts, tuple(map(edition, law.split("+"))), locale)
