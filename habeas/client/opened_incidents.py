"""The sealed content of an incident, which the console opens on record for its account."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from habeas.client.console_api import ConsoleClient
from habeas.client.decisions import UNANSWERED, DecisionSigner, decide
from habeas.client.requests import fact
from shared.contract.affected_people import proof_item
from shared.contract.events.breaches import BreachDeclared, NoticeProofAsked
from shared.contract.staff import written_item
from shared.errors import ConfigurationError, Unanswered

WRITTEN_WITHIN_S = 60.0
"""How long documents and lists are waited for."""
PAUSE_S = 0.2
NOT_WRITTEN = "the opening is recorded, and its documents are not written yet: try again"
NOT_OUT = "no notices were released; `habeas breach list` lists all"


@dataclass(frozen=True, slots=True)
class IncidentOpening:
    """The opening of an incident at the console, by the account of its session."""

    console: ConsoleClient
    incident: str
    code: Callable[[], str]
    """Returns the one-time code."""

    async def written(self) -> dict[str, Any]:
        """Open the incident; return it once its documents and waiting letters are written."""
        before = (await self._known())["opened"]["written_at"]
        await self._open()
        return await self._once(lambda opened: opened["written_at"] != before)

    async def unreached(self) -> tuple[bytes, int]:
        """
        Open the incident; return the list of people not reached, and their number.

        Raises ConfigurationError if no notices were released.
        """
        known = await self._known()
        if not any(
            one["stated"]["status"] in {"released", "notified"} for one in known["incident"]["phases"]
        ):
            raise ConfigurationError(f"incident {self.incident}: {NOT_OUT}")
        before = known["opened"]["unreached"]
        await self._open()
        known = await self._once(lambda opened: opened["unreached"] != before)
        listed = known["opened"]["unreached"]
        return await self.item(listed["list"]), listed["people"]

    async def declaration(self, phase: int) -> BreachDeclared:
        """Return the declaration of a *phase*; the incident is open."""
        return BreachDeclared.model_validate_json(await self.item(f"declaration_{phase}"))

    async def item(self, name: str) -> bytes:
        """Return an item of the content; the incident is open."""
        path = f"/incidents/{self.incident}/content/{quote(name, safe='')}"
        return (await self.console.answer("GET", path)).content

    async def _open(self) -> None:
        form = {"code": self.code(), "fields": {}}
        made = await self.console.call("POST", f"/incidents/{self.incident}/decisions/open", json=form)
        if made["pending"]:
            raise Unanswered(UNANSWERED % made["decision"])

    async def _known(self) -> dict[str, Any]:
        return await self.console.get(f"/incidents/{self.incident}")

    async def _once(self, ready: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Return the incident once its content is *ready*; raises Unanswered if it is not in time."""
        until = time.monotonic() + WRITTEN_WITHIN_S
        while time.monotonic() < until:
            known = await self._known()
            if ready(known["opened"]):
                return known
            await asyncio.sleep(PAUSE_S)
        raise Unanswered(NOT_WRITTEN)


async def notices_to(signer: DecisionSigner, incident: str, address: bytes) -> list[dict[str, Any]]:
    """
    Ask for the records of the notices to an *address*, which stands after its salt; return them.

    Raises as :func:`habeas.client.decisions.decide`.
    """
    item = written_item(address)
    asked = fact(NoticeProofAsked, request_id=incident, by=signer.account, address=item)
    await decide(signer, asked, address)
    async with ConsoleClient.opened(signer.login.console, signer.login.token) as console:
        found = await console.answer("GET", f"/incidents/{incident}/content/{proof_item(item)}")
    return list(found.json())
