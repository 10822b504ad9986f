"""Errors of operations on a request in its present state. Pure."""

from enum import StrEnum

from shared.contract.codes import CodeVerdict
from shared.contract.events import NO_PERSON
from shared.errors import PermanentError


class CaseError(StrEnum):
    """An operation on a request that is not possible."""

    PROOF_DECIDED = "proof_decided"
    TOO_LATE_TO_WITHDRAW = "too_late_to_withdraw"
    NO_FEE = "no_fee"
    SCOPE_NOT_ASKED = "scope_not_asked"
    APPEAL_OPEN = "appeal_open"
    NO_CERTIFICATE = "no_certificate"
    TOO_MANY_CODES = "too_many_codes"
    NO_PACKAGE = "no_package"
    PACKAGE_GONE = "package_gone"
    STOPPED = "stopped"


class NotPossibleNow(PermanentError):
    """The request is in a state that does not allow this."""

    def __init__(self, message: str, obstacle: CaseError | None = None) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class ReferenceReused(PermanentError):
    """A source gave one reference to two different requests."""

    def __init__(self) -> None:
        super().__init__("this reference names another request of this system; choose another reference")


class NoPerson(PermanentError):
    """A request identifies no person."""

    def __init__(self) -> None:
        super().__init__(f"the subject {NO_PERSON}")


class TooManyAttempts(PermanentError):
    """The same operation was tried too often."""


class SourceLimitReached(PermanentError):
    """A source sends more requests than its hourly limit."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("this system has sent as many requests as it may in this hour; send it again later")
        self.wait_s = wait_s


class CodeRefused(PermanentError):
    """The code does not open the package."""

    def __init__(self, verdict: CodeVerdict) -> None:
        super().__init__(f"the code does not open the package: {verdict}")
        self.verdict = verdict
