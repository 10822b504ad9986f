"""The disposition of each record in an erasure, and due dates, by law. Pure: day and record are arguments."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from services.fulfillment.datamap.model import (
    FROM_ERASURE,
    Collection,
    Erasure,
    MarkRule,
    RetentionPeriod,
    RetentionRule,
)
from services.fulfillment.datamap.paths import raw_at, values_at
from shared.labels import default_of
from shared.law import Calendar, Policy, ReasonCode, Regulation, Right, due
from shared.law.clock import months_later
from shared.law.library import policies

LEGAL_HOLD = "legal_hold"
RETENTION_DUTY = "retention_duty"
CONTRACT = "contract"
"""A running contract with the person needs the record."""
PUBLIC_INTEREST = "public_interest"
OUT_OF_SCOPE = "out_of_scope"
"""The person limited the request to other data."""
NOT_COVERED = "not_covered"
"""The record holds no data that an erasure covers."""
STILL_NEEDED = "still_needed"
"""The map keeps the record, and its legal basis is neither a duty nor a public task."""
STORE_RULES = "store_rules"
STORE_DUPLICATE = "store_duplicate"
STORE_TOO_LARGE = "store_too_large"
STORE_NOT_PERMITTED = "store_not_permitted"
STORE_REFUSED = "store_refused"
CHANGED_MEANWHILE = "changed_meanwhile"
MENTIONED_ELSEWHERE = "mentioned_elsewhere"
NOT_CHANGEABLE = "not_changeable"
SHARED_IDENTITY = "shared_identity"
UNCONFIRMED_IDENTITY = "unconfirmed_identity"
AVOIDABLE = frozenset({STORE_RULES, STORE_DUPLICATE})
"""Refusals that another mask may avoid."""
MONTHS = 12
WEEK_ENDS = Calendar("week-ends", lambda _year: {})


class LegalBasis(StrEnum):
    """The legal bases of Art. 6(1) GDPR; explicit consent of Art. 9(2)(a) is consent."""

    CONSENT = "a"
    CONTRACT = "b"
    OBLIGATION = "c"
    VITAL_INTERESTS = "d"
    PUBLIC_TASK = "e"
    LEGITIMATE_INTERESTS = "f"


ARTICLE = re.compile(r"(6\s*\(1\)|9\s*\(2\))\s*\(?([a-j])\)", re.IGNORECASE)
WORDS = {
    LegalBasis.CONSENT: re.compile(r"consent(?!ing)|einwillig|consentement|consentimiento", re.IGNORECASE),
    LegalBasis.CONTRACT: re.compile(r"contract|vertrag|contrat", re.IGNORECASE),
    LegalBasis.OBLIGATION: re.compile(
        r"legal obligation|rechtliche verpflichtung|obligation légale|obligación legal", re.IGNORECASE
    ),
    LegalBasis.LEGITIMATE_INTERESTS: re.compile(
        r"legitimate interest|berechtigte[sn]? interesse|intérêts? légitimes?|interés legítimo", re.IGNORECASE
    ),
}


def legal_bases(text: str | None) -> frozenset[LegalBasis]:
    """Return the bases that a map's ``legal_basis`` names; its articles count more than its words."""
    return _bases(default_of(text or ""))


@cache
def _bases(text: str) -> frozenset[LegalBasis]:
    if found := ARTICLE.findall(text):
        named = {letter.lower() for article, letter in found if article[0] == "6" or letter in "aA"}
        return frozenset(LegalBasis(letter) for letter in named.intersection(LegalBasis))
    return frozenset(basis for basis, words in WORDS.items() if words.search(text))


class ErasureGround(StrEnum):
    """The grounds of Art. 17(1) GDPR."""

    PURPOSE_ENDED = "purpose_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    COLLECTED_FROM_CHILD = "collected_from_child"
    UNLAWFUL_PROCESSING = "unlawful_processing"
    """Decided by the staff, like the next."""
    ERASURE_DUTY = "erasure_duty"


CLAIMABLE = frozenset({CONTRACT, STILL_NEEDED})
"""Reasons to retain data that do not prevail over unlawful processing, or a duty to erase."""


def erasure_ground(basis: str | None, law: Policy, *, child: bool, decided: str = "") -> ErasureGround | None:
    """
    Return the ground on which data with the legal *basis* of the map is erased; None if *law* names none.

    A ground that the staff has *decided* counts alone. Otherwise a request withdraws the consent that the
    data rests on, and objects to a use for interests. Data for a
    contract or a duty is erased only once these have ended: until then it is retained.

    Law:
        GDPR Art. 17(1), 21(1); under other laws a request is enough.
    """
    if not law.citation(ReasonCode(ErasureGround.PURPOSE_ENDED)):
        return None
    if decided:
        return ErasureGround(decided)
    bases = legal_bases(basis)
    if bases & {LegalBasis.PUBLIC_TASK, LegalBasis.LEGITIMATE_INTERESTS}:
        return ErasureGround.OBJECTION
    if LegalBasis.CONSENT in bases:
        return ErasureGround.COLLECTED_FROM_CHILD if child else ErasureGround.CONSENT_WITHDRAWN
    return ErasureGround.PURPOSE_ENDED


@dataclass(frozen=True, slots=True)
class Erase:
    """The record is deleted, or its personal data is replaced."""

    mode: Erasure


@dataclass(frozen=True, slots=True)
class Retain:
    """The record stays."""

    reason: str
    """A code of the closed vocabulary that letters explain."""
    because: str
    """The provision."""
    until: date | None
    """Last day of the duty; None if no day is known."""
    reduced: bool
    """Whether fields that the duty does not need are masked."""


RecordDecision: TypeAlias = Erase | Retain


def decide_disposition(
    collection: Collection,
    document: Mapping[str, Any],
    *,
    today: date,
    zone: tzinfo = UTC,
    needed: bool = False,
) -> RecordDecision:
    """
    Decide whether *document* is erased or kept; the days are those in *zone*.

    *needed* says that a running contract with the person needs it.

    A hold prevails over a period, because evidence must not change at all; a period prevails through its last
    day. If the first day of a period is unknown, the record is retained: a wrong erasure cannot be undone.

    Law:
        GDPR Art. 17(3)(b): no erasure where processing is needed for a legal obligation.
        GDPR Art. 17(3)(e): nor where it is needed to establish, exercise or defend legal claims.
        GDPR Art. 5(1)(c): of retained data, only the data that the duty needs.
        GDPR Art. 17(1)(a), 6(1)(b): nor where it is still necessary for a contract with the person.
        Cal. Civ. Code § 1798.105(d)(1), (8): a business need not delete what a contract with the consumer, or
        a legal obligation, demands.
    """
    if collection.legal_hold is not None and holds_mark(collection.legal_hold, document):
        # Letters and certificates cite the provision of the reader's law.
        return Retain(LEGAL_HOLD, "", until=None, reduced=False)
    rule, until = collection.retention, None
    if rule is not None:
        until = last_day(rule, document, today=today, zone=zone)
    if collection.erasure is Erasure.KEEP:
        because = (collection.facts.legal_basis or "") if rule is None else rule.because
        reason = RETENTION_DUTY if rule is not None else _reason_to_keep(collection)
        return Retain(reason, because, until=until, reduced=True)
    if rule is not None and (until is None or today <= until):
        return Retain(RETENTION_DUTY, rule.because, until=until, reduced=True)
    if needed:
        return Retain(CONTRACT, "", until=None, reduced=True)
    return Erase(collection.erasure)


def _reason_to_keep(collection: Collection) -> str:
    """Return why records are kept that the map never erases: not every such basis is a duty."""
    bases = legal_bases(collection.facts.legal_basis)
    if LegalBasis.PUBLIC_TASK in bases:
        return PUBLIC_INTEREST
    return STILL_NEEDED if bases and LegalBasis.OBLIGATION not in bases else RETENTION_DUTY


def last_day(
    retention: RetentionRule, document: Mapping[str, Any], *, today: date, zone: tzinfo = UTC
) -> date | None:
    """
    Return the last day of *retention* for *document*; None if the map's field holds no day.

    Law:
        § 147(4) AO: the period starts at the end of the calendar year in which the voucher was made.
        § 257(5) HGB: the same.
    """
    start = today if retention.start == FROM_ERASURE else _day(raw_at(document, retention.start), zone)
    if start is None:
        return None
    return after(start.replace(month=MONTHS, day=31) if retention.year_end else start, retention.keep)


def after(start: date, period: RetentionPeriod) -> date:
    """Return the same date *period* later, or the month's last day (Reg. 1182/71 Art. 3(2)(c))."""
    months = period.years * MONTHS + period.months
    try:
        return months_later(start, months) + timedelta(days=period.days)
    except (ValueError, OverflowError):
        return date.max


def laws_answered(ids: Iterable[str], regulation: Regulation, received_on: date) -> Sequence[Policy]:
    """Return the laws *ids*; for a controller's request, which names none, that of the *regulation*."""
    return [policies().named(id_) for id_ in ids] or [policies().governing(regulation, received_on)]


def answer_due_on(regulation: Regulation, right: Right, received_on: date) -> date:
    """Return about the due date of a request: public holidays do not change the order of look-ups."""
    rule = policies().governing(regulation, received_on).answer(right)
    return due(rule, datetime.combine(received_on, time.min, UTC), ZoneInfo("UTC"), WEEK_ENDS).due_on


def holds_mark(mark: MarkRule, document: Mapping[str, Any]) -> bool:
    """Return whether *document* has *mark*; in an array, one element is enough, as in a query."""
    return mark.value in [raw_at(document, mark.field), *values_at(document, mark.field)]


def _day(value: Any, zone: tzinfo) -> date | None:
    """Return the day of *value* in *zone*; a midnight in UTC, and a time without a zone, are bare dates."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    if at.tzinfo is None:
        return at.date()
    try:
        return at.date() if at.astimezone(UTC).time() == time.min else at.astimezone(zone).date()
    except OverflowError:  # in the first or last hours of the calendar
        return at.date()


def lacking_names(missing: Iterable[str]) -> str:
    """Return the sentence about *missing* collections, with its remedy."""
    return (
        f"the data map names {', '.join(sorted(missing))}, and the database has no such collection: "
        "correct the map, or create the collection where nothing is in it yet"
    )
