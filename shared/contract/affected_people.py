"""
People affected by a breach, sealed in batches between the search and the letters.

A batch holds people to be notified under the same laws and in one language, so that a letter is
laid out once for all of them. A person is in one batch of a phase at most; of a later phase only if more
was found of them since.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contract.ports import VaultPort

PROOF = "notice_proof_"
"""Begin of the name of the records of notices to an address."""
MOST_IN_BATCH = 500
"""People in a batch at most."""


class NoticeRecipient(BaseModel):
    """A person or customer to be notified."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    key: str
    """32 hexadecimal digits: a keyed hash that identifies this person within the incident."""
    email: str | None = None
    name: str = ""
    place: str | None = None
    """Where they live; None if unknown."""
    categories: tuple[str, ...] = ()
    """The person's data that was breached."""
    postal: tuple[str, ...] = ()
    """Lines of their address, where the records hold one: for people without mail."""
    services: tuple[str, ...] = ()
    """Of a customer: the breached services in use."""
    others: tuple[str, ...] = ()
    """Further addresses of the same person, used if the first fails."""


class NoticeBatch(BaseModel):
    """People to be notified under the same laws, in one language."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    to: Literal["people", "controllers"] = "people"
    laws: tuple[str, ...]
    """Ids of editions in ``policies/breaches``: the first is the one that the letter is written by."""
    language: str
    people: tuple[NoticeRecipient, ...]


class NotifiedElsewhere(BaseModel):
    """People of a batch notified by the letter of another phase, which says the same and more."""

    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    numbers: tuple[int, ...]
    """Their places in the batch, counted from 0."""


async def notified_elsewhere(
    vault: VaultPort, incident: str, phase: int, number: int, along: Iterable[int]
) -> frozenset[int]:
    """
    Return the people of a batch that get the letter of another phase instead.

    Args:
        vault: The vault that holds the batches.
        incident: The incident of the batch.
        phase: Of the batch.
        number: Of the batch in its phase.
        along: The phases with notices at the same moment: of all others each has its own letter.

    Law:
        GDPR Art. 33(4): later findings are notified later, and no person is notified twice of the same.
    """
    found: set[int] = set()
    for other in along:
        with suppress(KeyError):  # missing where the other phase notifies none of them
            sealed = await vault.open(incident, elsewhere_item(phase, number, other))
            found.update(NotifiedElsewhere.model_validate_json(sealed).numbers)
    return frozenset(found)


def elsewhere_item(phase: int, number: int, by: int) -> str:
    """Return the name of the item that lists the people of a batch notified by the phase *by*."""
    return f"{batch_item(phase, number)}_by_{by}"


def batch_item(phase: int, number: int) -> str:
    """Return the name of a batch in the vault of its incident."""
    return f"{batches_of(phase)}{number:06}"


def batches_of(phase: int) -> str:
    """Return the common prefix of the names of a phase's batches."""
    return f"breach_chunk_{phase}_"


UNREACHED = "unreached_"
"""The beginning of the names of lists of people not reached."""


def unreached_item(list_: str, part: int) -> str:
    """Return the name of a *part* of a list of people not reached, numbered from 0."""
    return f"{list_}_{part}"


def proof_item(address: str) -> str:
    """Return the name of the records of notices to an *address*, by the name of its sealed text."""
    return f"{PROOF}{address.rpartition('_')[2]}"


def declaration_item(event_id: str) -> str:
    """Return the name of a declaration in the vault of its incident, by the event that brought it."""
    return f"breach_declared_{event_id[:32]}"
