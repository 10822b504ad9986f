"""Counts of purged requests, which remain in intake alone, for the figures of signed-in accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.intake.http import operations
from services.intake.http.staff_sessions import StaffSessions
from shared.contract.events import Code
from shared.contract.register import CountedRequest, RequestResult
from shared.law import Right


class PurgedRequests(Protocol):
    """Counts, as :class:`services.intake.cases.retention.Metrics` keeps them."""

    async def of(self, year: int) -> Mapping[CountedRequest, int]:
        """Return how many requests of each kind, received in *year*, were purged."""


class PurgedCount(BaseModel):
    """Purged requests that agree in all fields of figures, and their number."""

    law: str
    """A request counts under each law that protects the person."""
    right: Right
    result: RequestResult
    grounds: Sequence[Code]
    late: bool
    days: int | None
    requests: int


class PurgedCounts(BaseModel):
    """The purged requests that were received in a year."""

    counts: Sequence[PurgedCount]


def figure_routes(purged: PurgedRequests, sessions: StaffSessions) -> APIRouter:
    """Return the API for figures."""
    router = APIRouter(prefix="/v1/staff/figures", dependencies=[Depends(sessions.signed_in)])

    @router.get("", **operations.COUNT_PURGED)
    async def count(year: Annotated[int, Query(ge=2018, le=9000)]) -> PurgedCounts:
        """Return the counts of purged requests that were received in a year."""
        counts = (await purged.of(year)).items()
        return PurgedCounts(
            counts=[PurgedCount(**asdict(kind) | {"requests": number}) for kind, number in counts]
        )

    return router
