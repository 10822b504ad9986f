"""Why something cannot be done about a request, as it stands. Pure."""

from enum import StrEnum

from shared.contract.codes import CodeVerdict
from shared.errors import PermanentError


class CaseError(StrEnum):
    """What stands in the way of doing something about a request."""

    PROOF_DECIDED = "proof_decided"
    TOO_LATE_TO_WITHDRAW = "too_late_to_withdraw"
    NO_FEE = "no_fee"
    APPEAL_OPEN = "appeal_open"
    NO_CERTIFICATE = "no_certificate"
    TOO_MANY_CODES = "too_many_codes"
    NO_PACKAGE = "no_package"
    PACKAGE_GONE = "package_gone"
    STOPPED = "stopped"


class NotPossibleNow(PermanentError):
    """The request is in a state in which this cannot be done."""

    def __init__(self, message: str, obstacle: CaseError | None = None) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class ReferenceReused(PermanentError):
    """A system names two different requests alike."""

    def __init__(self) -> None:
        super().__init__("this reference names another request of this system; choose another reference")


class TooManyAttempts(PermanentError):
    """The same thing was tried too often."""


class SourceLimitReached(PermanentError):
    """A system sends more requests than it may in this hour."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("this system has sent as many requests as it may in this hour; send it again later")
        self.wait_s = wait_s


class CodeRefused(PermanentError):
    """The code does not open the package."""

    def __init__(self, verdict: CodeVerdict) -> None:
        super().__init__(f"the code does not open the package: {verdict}")
        self.verdict = verdict
