"""Results of a code entered by a person. Pure."""

from http import HTTPStatus

from services.intake.channels.fides.errors import FidesCallRefused
from services.intake.channels.fides.statuses import ObservedRequest
from services.intake.domain import CaseStatus
from shared.contract.codes import CodeVerdict
from shared.contract.events import ProofRefused

EARLY = frozenset({CaseStatus.UNKNOWN, CaseStatus.RECEIVED})


def is_judged(seen: ObservedRequest, before: ObservedRequest) -> bool:
    """Return whether a result follows a code offered after *before*."""
    return not seen.case.awaits_proof or len(seen.answers) > len(before.answers)


def must_be_right(before: ObservedRequest, after: ObservedRequest) -> None:
    """
    Check that the result of a code is that it was right.

    Raises:
        Refused: It was wrong (403), or there is none to compare it with (400).
    """
    if after.case.refused_for:
        raise FidesCallRefused(HTTPStatus.FORBIDDEN, "Too many incorrect identification codes.")
    for fact in after.answers[len(before.answers) :]:
        if isinstance(fact, ProofRefused):
            if fact.reason == CodeVerdict.WRONG:
                raise FidesCallRefused(HTTPStatus.FORBIDDEN, "Incorrect identification code.")
            raise FidesCallRefused(
                HTTPStatus.BAD_REQUEST, f"The identification code is of no use any more: {fact.reason}."
            )
