"""The staff's accounts, as the console may read them: names, roles and public keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.runtime.accounts import STAFF
from shared.runtime.mongo import Client, translated
from shared.vocabulary import StaffRole

READABLE = {"display_name": 1, "roles": 1, "public_key": 1, "disabled": 1, "second_factor": 1}
"""Fields that are read; the second factor is sealed, and only its presence counts."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """An account of a person."""

    name: str
    display_name: str
    roles: frozenset[StaffRole]
    public_key: bytes
    disabled: bool = False

    @property
    def title(self) -> str:
        """The name that pages show."""
        return self.display_name or self.name

    def has(self, *roles: StaffRole) -> bool:
        """Return whether the account has one of *roles*."""
        return not self.roles.isdisjoint(roles)


class AccountReader:
    """Reads the accounts of an installation."""

    def __init__(self, client: Client, prefix: str) -> None:
        """Read them in the databases of *prefix*."""
        self._accounts = client[f"{prefix}_{STAFF}"]["accounts"]

    async def member(self, name: str) -> StaffMember | None:
        """Return the enabled account *name* of a person; None if there is none."""
        with translated("read a staff account"):
            document = await self._accounts.find_one({"_id": name}, READABLE)
        member = None if document is None else _member(document)
        return None if member is None or member.disabled else member

    async def member_of(self, subject: str) -> StaffMember | None:
        """Return the enabled account that signs in as *subject* of the provider; None if there is none."""
        with translated("read a staff account"):
            found = await self._accounts.find({"subject": subject, "disabled": False}, READABLE).to_list(2)
        return _member(found[0]) if subject and len(found) == 1 else None

    async def members(self) -> Sequence[StaffMember]:
        """Return the enabled accounts of people by name."""
        with translated("read the staff accounts"):
            found = [one async for one in self._accounts.find({"disabled": False}, READABLE).sort("_id")]
        return [member for one in found if (member := _member(one)) is not None]


def _member(document: Mapping[str, Any]) -> StaffMember | None:
    """Return the account in *document*; None for that of a program, which has no second factor."""
    if not document.get("second_factor"):
        return None
    roles = frozenset(map(StaffRole, document["roles"]))
    name, key = document["_id"], bytes(document["public_key"])
    return StaffMember(name, document["display_name"], roles, key, disabled=document["disabled"])
