"""Refusals of calls. Pure."""

from http import HTTPStatus


class FidesCallRefused(Exception):
    """A call is refused; the text is for the caller, and holds no personal data."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class RequestNotTaken(Exception):
    """One of several requests is refused; the text is for the caller, and holds no personal data."""


def not_found(kind: str = "privacy request") -> FidesCallRefused:
    """Return the refusal of a call about an unknown thing."""
    return FidesCallRefused(HTTPStatus.NOT_FOUND, f"No {kind} found with this id.")
