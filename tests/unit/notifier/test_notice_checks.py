"""Letters of a breach are checked before their approval, and samples of them are sealed."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from habeas.client.breach_specimens import HOUSE
from services.notifier.breach.campaign.batch.handlers import Writer, write_batch
from services.notifier.breach.campaign.checks import check_notices
from services.notifier.breach.campaign.states import CampaignState
from services.notifier.breach.notices.samples import SampleNotice
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, batch_item
from shared.contract.events.breaches import (
    AffectedGroup,
    BreachDeclared,
    BreachScoped,
    CampaignProgressed,
    ChunkDue,
    NoticesChecked,
)
from tests.runtime_fakes import MemoryVault
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import CALIFORNIA, GDPR, INCIDENT, declaration

NUMBER = ("user.name", "user.government_id.national_identification_number")


@dataclass(frozen=True, slots=True)
class Checks:
    """An incident with a vault in memory."""

    vault: MemoryVault

    def notice(self, declared: BreachDeclared) -> SampleNotice:
        return SampleNotice(declared, INCIDENT, HOUSE, NOW)


async def checked(scoped: BreachScoped, vault: MemoryVault, **changes: Any) -> NoticesChecked:
    declared = BreachDeclared.model_validate(declaration(**changes))
    await vault.create(INCIDENT)
    await vault.seal(INCIDENT, "declared_1", declared.model_dump_json().encode())
    [fact] = await check_notices(scoped, Checks(vault))
    assert isinstance(fact, NoticesChecked)
    return fact


async def test_each_kind_of_letter_is_checked_in_its_language() -> None:
    people = {"place": "DE", "people": 4, "unreachable": 1}
    groups = (
        AffectedGroup(laws=(GDPR,), language="en", **people),
        AffectedGroup(laws=(GDPR,), language="de", **people),
        AffectedGroup(laws=(CALIFORNIA,), place="US-CA", language="en", people=2),
        AffectedGroup(laws=(), place="JP", language="ja", people=9),
    )
    scoped = BreachScoped(
        request_id=INCIDENT, phase=1, groups=groups, categories=NUMBER, chunks=3, declaration="declared_1"
    )
    vault = MemoryVault()
    fact = await checked(scoped, vault)
    english, german, californian = fact.letters
    assert [one.people for one in fact.letters] == [3, 3, 2]
    assert any("not declared in 'de'" in lack.says for lack in german.lacks)
    assert not any("not declared in" in lack.says for lack in english.lacks)
    assert any("theft of identity" in lack.says for lack in californian.lacks)
    assert all(lack.provision for letter in fact.letters for lack in letter.lacks)
    html = (await vault.open(INCIDENT, german.item or "")).decode()
    assert "A copy of the customer table was taken." in html
    assert "customer table" not in fact.model_dump_json()


async def test_letters_to_customers_are_checked() -> None:
    vault = MemoryVault()
    await vault.create(INCIDENT)
    shop = NoticeRecipient(key="1" * 32, email="security@example.org", name="Example Shop Ltd")
    batch = NoticeBatch(to="controllers", laws=(GDPR,), language="en", people=(shop,))
    await vault.seal(INCIDENT, batch_item(1, 0), batch.model_dump_json().encode())
    scoped = BreachScoped(
        request_id=INCIDENT, phase=1, groups=(), customers=1, chunks=1, declaration="declared_1"
    )
    customer = {"id": "c1", "name": "Example Shop Ltd", "email": "security@example.org"}
    fact = await checked(scoped, vault, role="processor", affected={"controllers": [customer]})
    [letter] = fact.letters
    assert (letter.to, letter.people) == ("controllers", 1)
    assert any("next_update_at" in lack.says for lack in letter.lacks)
    assert "Example Shop" not in fact.model_dump_json()


@dataclass(frozen=True, slots=True)
class EndedBatches:
    """Ledgers of which *ended* batches are through, this one among them."""

    ended: int

    async def take(self, _key: str) -> None:
        return None

    async def through(self, _incident: str, _phase: int) -> int:
        return self.ended

    async def sums(self, _incident: str, _phase: int) -> dict[str, int]:
        return {"sent": 500 * self.ended, "doubtful": 0, "elsewhere": 0, "failed": 0}


class Running:
    """A campaign that is not paused."""

    async def of(self, _incident: str) -> CampaignState:
        return CampaignState.ON


@pytest.mark.parametrize(
    ("ended", "chunks", "reported"), [(5, 100, True), (6, 100, False), (1, 3, True), (2, 3, True)]
)
async def test_progress_is_reported_for_each_twentieth(ended: int, chunks: int, reported: bool) -> None:
    writer = cast("Writer", type("Some", (), {"ledgers": EndedBatches(ended), "standings": Running()}))
    due = ChunkDue(request_id=INCIDENT, phase=1, declaration="declared_1", chunk=0, chunks=chunks)
    facts = await write_batch(due, writer)
    assert [type(fact) for fact in facts] == [CampaignProgressed] * reported
    for fact in facts:
        assert isinstance(fact, CampaignProgressed)
        assert (fact.through, fact.sent) == (ended, 500 * ended)
