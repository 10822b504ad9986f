"""Why something cannot be done about a request, as it stands. Pure."""

from enum import StrEnum


class Obstacle(StrEnum):
    """What stands in the way of doing something about a request."""

    PROOF_DECIDED = "proof_decided"
    TOO_LATE_TO_WITHDRAW = "too_late_to_withdraw"
    NO_FEE = "no_fee"
    APPEAL_OPEN = "appeal_open"
    NO_CERTIFICATE = "no_certificate"
    TOO_MANY_CODES = "too_many_codes"
    NO_PACKAGE = "no_package"
    PACKAGE_GONE = "package_gone"
