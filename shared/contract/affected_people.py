"""
Who is affected by a breach, as it lies sealed between who finds them and who writes to them.

A chunk holds people to whom the same is owed, under the same laws and in one language, so that a letter is
laid out once for all of them. A person is in one chunk of a phase at most; of a later phase only where more
was found of them since.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contract.ports import VaultPort

CHUNK = 500
"""People in a chunk at most."""


class NoticeRecipient(BaseModel):
    """Somebody who is to be told."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    key: str
    """32 hexadecimal digits: a keyed hash that tells this person from all others of the incident."""
    email: str | None = None
    name: str = ""
    place: str | None = None
    """Where they live; None where nobody knows."""
    categories: tuple[str, ...] = ()
    """What of theirs was breached."""
    postal: tuple[str, ...] = ()
    """Lines of their address, where the records hold one: for who cannot be reached by mail."""
    services: tuple[str, ...] = ()
    """Of a customer: what it uses that was breached."""
    others: tuple[str, ...] = ()
    """Further addresses of the same person, for who is not reached at the first."""


class Chunk(BaseModel):
    """People to whom the same is owed."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    to: Literal["people", "controllers"] = "people"
    laws: tuple[str, ...]
    """Ids of editions in ``policies/breaches``: the first is the one that the letter is written by."""
    language: str
    people: tuple[NoticeRecipient, ...]


class NotifiedElsewhere(BaseModel):
    """Who of a chunk is told the same, and more, by the letter of another phase."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    numbers: tuple[int, ...]
    """Their places in the chunk, counted from 0."""


async def notified_elsewhere(
    vault: VaultPort, incident: str, phase: int, number: int, along: Iterable[int]
) -> frozenset[int]:
    """
    Return who of a chunk gets the letter of another phase instead.

    Args:
        vault: Where it lies sealed.
        incident: What it is about.
        phase: Of the chunk.
        number: Of the chunk in its phase.
        along: The phases whose notices go out at the same moment: of all others each has its own letter.

    Law:
        GDPR Art. 33(4): what is known later is told later, and nobody is told the same twice.
    """
    found: set[int] = set()
    for other in along:
        with suppress(KeyError):  # where it tells nobody of them, there is nothing
            sealed = await vault.open(incident, elsewhere_item(phase, number, other))
            found.update(NotifiedElsewhere.model_validate_json(sealed).numbers)
    return frozenset(found)


def elsewhere_item(phase: int, number: int, by: int) -> str:
    """Return the name under which it lies who of a chunk is told by the letter of the phase *by*."""
    return f"{chunk_item(phase, number)}_by_{by}"


def chunk_item(phase: int, number: int) -> str:
    """Return the name of a chunk in the vault of its incident."""
    return f"{chunks_of(phase)}{number:06}"


def chunks_of(phase: int) -> str:
    """Return what the names of all chunks of a phase begin with."""
    return f"breach_chunk_{phase}_"


def declaration_item(event_id: str) -> str:
    """Return the name of a declaration in the vault of its incident, by the event that brought it."""
    return f"breach_declared_{event_id[:32]}"
