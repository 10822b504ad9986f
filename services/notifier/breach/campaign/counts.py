"""Counts of a ledger, by the database: they count people, and not reports about them."""

from typing import Any

from shared.runtime.mongo import Document


def _people(pages: str) -> Document:
    """Return the expression for the numbers of the people that *pages* of a ledger name."""
    numbers = {"$map": {"input": "$$this", "as": "letter", "in": {"$first": "$$letter"}}}
    joined = {"$setUnion": ["$$value", numbers]}
    return {"$reduce": {"input": f"${pages}.letters", "initialValue": [], "in": joined}}


_REPORTS: Document = {"$objectToArray": {"$ifNull": ["$returned", {}]}}
_FAILURES: Document = {"$filter": {"input": _REPORTS, "as": "one", "cond": {"$isArray": "$$one.v.failed"}}}
_BOUNCED: Document = {"$map": {"input": _FAILURES, "as": "one", "in": {"$toInt": "$$one.k"}}}


def _but_for_bounces(count: Any, otherwise: Document) -> Document:
    """Return *count*, kept while letters go, where none has come back: it is to be had for less."""
    return {"$cond": [{"$eq": [_BOUNCED, []]}, count, {"$size": otherwise}]}


_REACHED: Document = {"$setDifference": [_people("written"), _BOUNCED]}

COUNTS: Document = {
    "sent": _but_for_bounces("$sent", _REACHED),
    "doubtful": {"$size": "$doubt"},
    "elsewhere": {"$size": {"$ifNull": ["$elsewhere", []]}},
    "failed": _but_for_bounces("$failed", {"$setUnion": [_people("failures"), _BOUNCED]}),
}
"""A letter may come back before it is on record as taken, or after it was refused at another attempt."""

MISSED: Document = {"$setDifference": [{"$range": [0, "$people"]}, _REACHED]}
"""The numbers of the people that no letter of this phase has reached; that of another may have."""
