"""Notices that are released reach everybody once, and the ledger says when and what the server said."""

from pathlib import Path

from bench.breach_fixture import address, seal
from habeas.embedded.stack import Stack
from tests.integration.campaign_fixture import campaigning, sink

PEOPLE, SIZE = 230, 50


async def test_everybody_is_written_to_once_and_the_ledger_proves_it(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with sink(tmp_path) as taken, campaigning(parts, tmp_path, taken.url) as campaigner:
        breach = await seal(campaigner.vault, PEOPLE, size=SIZE)
        await campaigner.pipeline.start("notifier")
        await campaigner.release(breach)
        told = await campaigner.notified(breach)
        await campaigner.pipeline.stop()
        ledgers = await campaigner.ledgers(breach)
    letters = taken.letters()
    assert {name: told[name] for name in ("sent", "doubtful", "failed")} == {
        "sent": PEOPLE,
        "doubtful": 0,
        "failed": 0,
    }
    assert set(letters) == {address(number) for number in range(PEOPLE)}
    assert len({ids[0] for ids in letters.values()}) == PEOPLE
    assert all(len(ids) == 1 for ids in letters.values())
    assert [ledger["sent"] for ledger in ledgers] == [50, 50, 50, 50, 30]
    assert all(ledger["through"] and not ledger["writing"] for ledger in ledgers)
    said = {said for ledger in ledgers for page in ledger["written"] for _, said in page["letters"]}
    assert said == {"250"}
