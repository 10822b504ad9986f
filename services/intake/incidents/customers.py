"""Which of the customers that were declared somebody is who is written to. Pure."""

from collections.abc import Iterator

from shared.affected import Chunk, Reached
from shared.incidents import AffectedController, BreachDeclared


def customers_in(chunk: Chunk, declared: BreachDeclared) -> Iterator[str]:
    """Yield the ids of the customers that are written to in *chunk*, of those that were *declared*."""
    for reached in chunk.people:
        at = [one for one in declared.affected.controllers if one.email == reached.email]
        yield from (one.id for one in _called_so(at, reached))


def _called_so(at: list[AffectedController], reached: Reached) -> list[AffectedController]:
    """
    Return which of those *at* one address is meant; all, where their names tell nobody apart.

    A name that was too long for an envelope is the beginning of theirs.
    """
    exactly = [one for one in at if one.name == reached.name]
    begun = [one for one in at if reached.name and one.name.startswith(reached.name)]
    return exactly or begun or at
