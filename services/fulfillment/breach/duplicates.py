"""
Who is in two phases gets one letter where both go out at the same moment: that of the phase found last.

Nobody knows yet when they go out, or whether one is taken back before. So what is sealed here says of each
chunk of the other phases who of it is told by this one, if this one goes with it.
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
class Repeating:
    """Finds who of other phases is told by the one of *scope* as well."""

    scope: BreachScope
    scopes: BreachScopes
    vault: VaultPort
    key: CaseKey

    async def seal(self) -> AsyncIterator[int]:
        """Seal it, chunk by chunk; yield how many people were looked at. It may be repeated."""
        for phase in await self.scopes.others_told(self.scope):
            number = 0
            while (chunk := await self._opened(phase, number)) is not None:
                found = await self._told_here(chunk)
                if found:
                    item = elsewhere_item(phase, number, self.scope.phase)
                    content = NotifiedElsewhere(numbers=found).model_dump_json().encode()
                    await self.vault.seal(self.scope.incident, item, content)
                yield len(chunk.people)
                number += 1

    async def _opened(self, phase: int, number: int) -> Chunk | None:
        """Return a chunk of another phase; none after the last, nor where its people are forgotten."""
        try:
            sealed = await self.vault.open(self.scope.incident, chunk_item(phase, number))
        except KeyError:
            return None
        return Chunk.model_validate_json(sealed)

    async def _told_here(self, chunk: Chunk) -> tuple[int, ...]:
        known = await self.scopes.those_told(self.scope, [person.key for person in chunk.people], self.key)
        return tuple(
            number
            for number, person in enumerate(chunk.people)
            if person.key in known and says_as_much(*known[person.key], chunk.laws, person)
        )


def says_as_much(group: NoticeGroup, somebody: AffectedPerson, laws: Laws, person: NoticeRecipient) -> bool:
    """
    Tell whether *somebody* of *group* is told all that *person*, who is the same, is told under *laws*.

    Where no letter reaches them, none stands for another; nor does one that goes to another mailbox, whose
    password may be among what was breached.
    """
    return (
        somebody.email is not None
        and (person.email is None or same(person.email, tagged=False) == same(somebody.email, tagged=False))
        and set(map(without_edition, laws)) <= set(map(without_edition, group.laws))
        and all(covered(category, somebody.categories) for category in person.categories)
        and set(person.services) <= set(somebody.services)
    )
