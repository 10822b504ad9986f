"""
One letter per person with two phases that go out at the same moment: that of the phase found last.

It is not known yet when they go out, or whether one is withdrawn before. So this seals for each chunk of the
other phases the people that this phase notifies as well, in case it goes with it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.obligations import Laws, NoticeGroup, without_edition
from services.fulfillment.breach.scope_store import BreachScope, BreachScopes
from services.fulfillment.datamap.categories import covered
from services.fulfillment.search.mailboxes import same
from shared.contract.affected_people import (
    Chunk,
    NoticeRecipient,
    NotifiedElsewhere,
    chunk_item,
    elsewhere_item,
)
from shared.contract.ports import VaultPort
from shared.runtime.vault import CaseKey


@dataclass(frozen=True, slots=True)
class PhaseDuplicates:
    """Finds people of other phases that *scope* notifies as well."""

    scope: BreachScope
    scopes: BreachScopes
    vault: VaultPort
    key: CaseKey

    async def seal(self) -> AsyncIterator[int]:
        """Seal it, chunk by chunk; yield the numbers of people compared. It may be repeated."""
        for phase in await self.scopes.other_reported_phases(self.scope):
            number = 0
            while (chunk := await self._opened(phase, number)) is not None:
                found = await self._notified_here(chunk)
                if found:
                    item = elsewhere_item(phase, number, self.scope.phase)
                    content = NotifiedElsewhere(numbers=found).model_dump_json().encode()
                    await self.vault.seal(self.scope.incident, item, content)
                yield len(chunk.people)
                number += 1

    async def _opened(self, phase: int, number: int) -> Chunk | None:
        """Return a chunk of another phase; None after the last, or if its people are forgotten."""
        try:
            sealed = await self.vault.open(self.scope.incident, chunk_item(phase, number))
        except KeyError:
            return None
        return Chunk.model_validate_json(sealed)

    async def _notified_here(self, chunk: Chunk) -> tuple[int, ...]:
        known = await self.scopes.notified_people(
            self.scope, [person.key for person in chunk.people], self.key
        )
        return tuple(
            number
            for number, person in enumerate(chunk.people)
            if person.key in known and covers_notice(*known[person.key], chunk.laws, person)
        )


def covers_notice(group: NoticeGroup, affected: AffectedPerson, laws: Laws, person: NoticeRecipient) -> bool:
    """
    Return whether the notice to *affected* of *group* contains all of the notice to *person* under *laws*.

    If no letter reaches them, none replaces another; nor does a letter to another mailbox, which may be part
    of the breach itself.
    """
    return (
        affected.email is not None
        and (person.email is None or same(person.email, tagged=False) == same(affected.email, tagged=False))
        and set(map(without_edition, laws)) <= set(map(without_edition, group.laws))
        and all(covered(category, affected.categories) for category in person.categories)
        and set(person.services) <= set(affected.services)
    )
