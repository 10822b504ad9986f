"""The records of the notices to one address are sealed for the account that asks."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notifier.breach.campaign.proofs import prove_notice
from services.notifier.smtp.return_path import NoticePaths
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, batch_item, proof_item
from shared.contract.events.breaches import NoticeProofAsked, NoticesProven
from shared.contract.staff import salted, written_item
from shared.errors import RefusedDecision
from tests.runtime_fakes import MemoryVault
from tests.unit.fakes import NOW
from tests.unit.incident_register_fakes import GDPR, INCIDENT

TEXT = salted(b"p1@example.com", bytes(16))
ASKED = NoticeProofAsked(request_id=INCIDENT, by="ada", address=written_item(TEXT))


class Proofs:
    """A campaign with one batch of three people, two of them written to."""

    paths = NoticePaths("bounces@example.com", b"key" * 11)

    def __init__(self, *, begun: bool = True) -> None:
        self.vault, self.is_begun = MemoryVault(), begun

    @property
    def ledgers(self) -> Any:
        return self

    @property
    def standings(self) -> Any:
        return self

    async def begun(self, _incident: str) -> bool:
        return self.is_begun

    async def of(self, _incident: str) -> AsyncIterator[dict[str, Any]]:
        common = {"incident": INCIDENT, "phase": 1, "chunk": 0, "people": 3, "doubt": [], "laws": [GDPR]}
        written = {"at": NOW, "letters": [[0, "250 OK"], [1, "250 2.0.0 queued"]]}
        yield {**common, "domain": "example.com", "written": [written], "failures": []}


async def proofs(*, begun: bool = True, text: bytes = TEXT) -> Any:
    ctx = Proofs(begun=begun)
    people = tuple(NoticeRecipient(key=f"{n:032x}", email=f"p{n}@example.com") for n in range(3))
    batch = NoticeBatch(laws=(GDPR,), language="en", people=people)
    await ctx.vault.create(INCIDENT)
    await ctx.vault.seal(INCIDENT, batch_item(1, 0), batch.model_dump_json().encode())
    await ctx.vault.seal(INCIDENT, ASKED.address, text)
    return ctx


async def test_answer_and_time_of_the_letter_to_an_address_are_sealed_without_it() -> None:
    ctx = await proofs()
    [fact] = await prove_notice(ASKED, ctx)
    assert isinstance(fact, NoticesProven)
    assert (fact.notices, fact.item) == (1, proof_item(ASKED.address))
    sealed = await ctx.vault.open(INCIDENT, fact.item)
    [record] = json.loads(sealed)
    assert (record["phase"], record["said"], record["accepted_at"]) == (
        1,
        "250 2.0.0 queued",
        NOW.isoformat(),
    )
    assert b"p1@" not in sealed
    await ctx.vault.discard(INCIDENT, [ASKED.address])
    assert await prove_notice(ASKED, ctx) == [fact], "delivered again"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"begun": False}, "not_released"), ({"text": b"another"}, "text_differs")],
)
async def test_question_about_no_notices_or_another_address_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedDecision, match=reason):
        await prove_notice(ASKED, await proofs(**changes))
