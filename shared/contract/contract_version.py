"""
The number of the contract: facts, noted facts and journal rows say with which one they were written.

It is raised once in each release that changes facts or records. A version never decides on content of a newer
contract that it does not know wholly; it waits for the upgrade (docs/adr/0045).
"""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import NewerContract

CONTRACT_NUMBER: Final = 1
"""Number of this version's contract; 0.1.0 wrote none."""
FIELD: Final = "contract"
"""The attribute of events, and the field of rows and notes, with the number."""

M = TypeVar("M", bound=BaseModel)


def is_newer(number: object) -> bool:
    """Return whether *number* is that of a newer contract."""
    return isinstance(number, int) and number > CONTRACT_NUMBER


def newer_contract(what: str, number: object) -> NewerContract:
    """Return the error that *what* cannot be handled by this version."""
    return NewerContract(
        f"{what} was written by a newer version (contract {number}, this version has {CONTRACT_NUMBER}); "
        "it waits for the upgrade"
    )


def read(kind: type[M], data: object, number: object) -> M:
    """
    Return the *kind* in *data*, which was written with the contract *number*.

    Raises:
        ValidationError: It does not read, or holds a value of a newer contract in an unknown field.
    """
    if is_newer(number):
        _must_be_known(kind, data)
    return kind.model_validate(data)


def _must_be_known(kind: type[BaseModel], data: object) -> None:
    """Raise ValidationError if an unknown field of *data* holds a value; an empty one says nothing."""
    try:
        kind.model_validate(data, extra="forbid")
    except ValidationError as error:
        if any(map(_says_something, error.errors(include_url=False))):
            raise


def _says_something(flaw: Any) -> bool:
    return flaw["type"] != "extra_forbidden" or bool(flaw["input"])
