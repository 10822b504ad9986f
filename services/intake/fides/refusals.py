"""Why a call is not answered. Pure."""

from http import HTTPStatus


class Refused(Exception):
    """A call is not answered; what it says is for the caller, and names nobody."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class NotTaken(Exception):
    """One of several requests is not taken; what it says is for the caller, and names nobody."""


def not_found(kind: str = "privacy request") -> Refused:
    """Return the refusal of a call about something that is not there."""
    return Refused(HTTPStatus.NOT_FOUND, f"No {kind} found with this id.")
