"""Refusals of files: the error inside this package, the check outside it."""

from enum import StrEnum
from typing import Final

from services.verifier.documents.results import Check, CheckResult

FILE: Final = "file"


class FileFlaw(StrEnum):
    """Faults of a file."""

    TYPE_NOT_ALLOWED = "file_type_not_allowed"
    TOO_LARGE = "file_too_large"
    POLYGLOT = "file_polyglot"
    """It is, or may be, two things at once."""
    BROKEN = "file_broken"
    """It begins as the declared kind and cannot be read as that."""
    ENCRYPTED = "file_encrypted"
    ACTIVE_CONTENT = "file_active_content"
    DECODE_LIMIT = "file_decode_limit"
    """To read it would take more memory, time, pixels or pages than any proof needs."""


class FileRefused(Exception):
    """A file is not taken; the message is the reason's code and holds nothing of the file."""

    def __init__(self, refusal: FileFlaw) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


def refused(refusal: FileFlaw) -> Check:
    """Return the check that says so."""
    return Check(name=FILE, result=CheckResult.FAIL, reasons=(refusal.value,))
