"""What became of a code that a person typed in. Pure."""

from http import HTTPStatus

from services.intake.domain import Status
from services.intake.fides.refusals import Refused
from services.intake.fides.statuses import Seen
from shared.codes import Verdict
from shared.events import ProofRefused

EARLY = frozenset({Status.UNKNOWN, Status.RECEIVED})


def is_judged(seen: Seen, before: Seen) -> bool:
    """Tell whether anything has followed a code that was offered after *before*."""
    return not seen.case.awaits_proof or len(seen.answers) > len(before.answers)


def must_be_right(before: Seen, after: Seen) -> None:
    """
    Check that what followed a code says that it was the right one.

    Raises:
        Refused: It was wrong (403), or there is none to compare it with any more (400).
    """
    if after.case.refused_for:
        raise Refused(HTTPStatus.FORBIDDEN, "Too many incorrect identification codes.")
    for fact in after.answers[len(before.answers) :]:
        if isinstance(fact, ProofRefused):
            if fact.reason == Verdict.WRONG:
                raise Refused(HTTPStatus.FORBIDDEN, "Incorrect identification code.")
            raise Refused(
                HTTPStatus.BAD_REQUEST, f"The identification code is of no use any more: {fact.reason}."
            )
