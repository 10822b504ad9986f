"""The list of people not reached is sealed in parts for the account that opened the incident."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from services.notifier.breach.campaign import unreached
from services.notifier.breach.campaign.ledgers import Ledgers
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.campaign.unreached import list_unreached
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, batch_item, unreached_item
from shared.contract.events.breaches import BreachDeclared, BreachOpened, UnreachedListed
from tests.runtime_fakes import MemoryVault
from tests.unit.fakes import NOW, proof_of
from tests.unit.incident_register_fakes import GDPR, INCIDENT, declaration

PROOF = proof_of("ada")
OPENED = BreachOpened.model_validate(
    {"request_id": INCIDENT, "by": "ada", "reason": "breach_room", "proof": PROOF}
)


@dataclass(frozen=True, slots=True)
class Lists:
    """A campaign with one batch of three people, one of them written to."""

    vault: MemoryVault
    state: CampaignState | None = CampaignState.ON

    @property
    def ledgers(self) -> Ledgers:
        return cast("Ledgers", self)

    @property
    def standings(self) -> Standings:
        return cast("Standings", self)

    async def begun(self, _incident: str) -> bool:
        return self.state is not None

    async def of(self, _incident: str) -> CampaignState | None:
        return self.state


class Book:
    """The ledger of the batch."""

    async def of(self, _incident: str) -> AsyncIterator[dict[str, Any]]:
        common = {"incident": INCIDENT, "phase": 1, "chunk": 0, "people": 3, "doubt": [], "laws": [GDPR]}
        common |= {"language": "en", "to": "people", "declaration": "declared_1"}
        refused = {"at": NOW, "letters": [[1, "mailbox_unknown", "550 5.1.1"], [2, "no_address", ""]]}
        written = {"at": NOW, "letters": [[0, "250 OK"]]}
        yield {**common, "written": [written], "failures": [refused]}


async def lists(state: CampaignState | None = CampaignState.ON) -> Any:
    vault = MemoryVault()
    await vault.create(INCIDENT)
    people = [NoticeRecipient(key=f"{n:032x}", email=f"p{n}@example.com", name=f"=P{n}") for n in range(3)]
    batch = NoticeBatch(laws=(GDPR,), language="en", people=tuple(people))
    declared = BreachDeclared.model_validate(declaration())
    await vault.seal(INCIDENT, batch_item(1, 0), batch.model_dump_json().encode())
    await vault.seal(INCIDENT, "declared_1", declared.model_dump_json().encode())
    known = Lists(vault, state)
    return type("Context", (), {"vault": vault, "ledgers": Book(), "standings": known})


async def test_people_not_reached_are_listed_with_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreached, "ROWS_IN_PART", 1)
    ctx = await lists()
    [fact] = await list_unreached(OPENED, ctx)
    assert isinstance(fact, UnreachedListed)
    assert (fact.people, fact.parts) == (2, 3)
    assert "example.com" not in fact.model_dump_json()
    sealed = [await ctx.vault.open(INCIDENT, unreached_item(fact.list, part)) for part in range(fact.parts)]
    rows = list(csv.DictReader(io.StringIO(b"".join(sealed).decode("utf-8-sig"))))
    assert [(row["email"], row["reason"]) for row in rows] == [
        ("p1@example.com", "mailbox_unknown"),
        ("p2@example.com", "no_address"),
    ]
    assert rows[0]["name"] == "'=P1"


async def test_nothing_is_listed_before_notices_are_out() -> None:
    assert await list_unreached(OPENED, await lists(None)) == []
