"""Why a call is not answered. Pure."""

from http import HTTPStatus


class FidesCallRefused(Exception):
    """A call is not answered; what it says is for the caller, and names nobody."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class RequestNotTaken(Exception):
    """One of several requests is not taken; what it says is for the caller, and names nobody."""


def not_found(kind: str = "privacy request") -> FidesCallRefused:
    """Return the refusal of a call about something that is not there."""
    return FidesCallRefused(HTTPStatus.NOT_FOUND, f"No {kind} found with this id.")
