"""What a newer version wrote waits for the upgrade; what is broken is parked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.console.read_model.histories import entries_of
from shared.contract.contract_version import CONTRACT_NUMBER, FIELD
from shared.contract.envelope import STRUCTURED, Envelope, Unreadable, decode, encode
from shared.contract.events import Event, Fact, IdentityClaimed, RequestPurged, RequestWithdrawn
from shared.errors import NewerContract, PermanentError
from shared.runtime import retry_policy
from shared.runtime.accounts import Publishers
from shared.runtime.audit_chain import START, chained, faults_of
from shared.runtime.broker import Message
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import Journal, JournalRow, document_of
from shared.runtime.mongo import Document, from_bson
from tests.runtime_fakes import MemoryJournal
from tests.unit.shared.test_service import CASE, NOW, OTHER, World, case, verified
from tests.unit.test_corpus import StoredRows

NEWER = CONTRACT_NUMBER + 1
WAITS = "was written by a newer version"


FACT = verified()


def published(fact: Fact = FACT, contract: int = NEWER, type_: str = "", **more: Any) -> bytes:
    """Return *fact* as a version with *contract* publishes it, with *more* fields."""
    body = orjson.loads(encode(fact, id=f"event-{fact.request_id}", source="habeas/test", time=NOW))
    named = {"type": type_} if type_ else {}
    return orjson.dumps(body | named | {FIELD: contract, "data": body["data"] | more})


def decoded(body: bytes) -> Envelope[Event]:
    return decode(body, exchange=Fact.EXCHANGE, content_type=STRUCTURED, headers={})


async def delivered(world: World, body: bytes) -> None:
    type_ = str(orjson.loads(body)["type"])
    await world.broker.publish([Message(Fact.EXCHANGE, type_, body, "event-1")])
    await world.drain()


UNKNOWN = [
    pytest.param({"type_": "habeas.identity.verified.v2"}, id="unknown type"),
    pytest.param({"right": "oblivion"}, id="unknown value"),
    pytest.param({"delayed_until": "2026-04-01"}, id="unknown field with a value"),
]


@pytest.mark.parametrize("changes", UNKNOWN)
def test_fact_of_newer_contract_with_unknown_content_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(NewerContract, match=WAITS):
        decoded(published(**changes))


@pytest.mark.parametrize("changes", UNKNOWN[:2])
def test_unknown_content_of_the_own_contract_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        decoded(published(contract=CONTRACT_NUMBER, **changes))


@pytest.mark.parametrize("empty", [None, False, "", []])
def test_unknown_field_without_a_value_does_not_keep_a_newer_fact_from_being_read(empty: object) -> None:
    envelope = decoded(published(delayed_until=empty))
    assert (envelope.event, envelope.contract) == (verified(), NEWER)


def test_unknown_field_of_the_own_contract_is_ignored() -> None:
    assert decoded(published(contract=CONTRACT_NUMBER, delayed_until="2026-04-01")).event == verified()


def test_submission_cannot_claim_a_newer_contract() -> None:
    body = {"specversion": "1.0", "type": "shop.unknown.v9", FIELD: NEWER, "source": "shop", "id": "1"}
    with pytest.raises(Unreadable):
        decode(orjson.dumps(body), exchange="habeas.requests", content_type=STRUCTURED, headers={})


async def test_event_of_newer_version_is_retried_and_parked_after_the_longest_time() -> None:
    world = World()
    await delivered(world, published(right="oblivion"))
    assert not world.broker.parked("fulfillment")
    for _ in range(3):
        await world.broker.advance(timedelta(minutes=10))
        await world.drain()
    assert len(world.broker.waiting()) == 1
    world.now += timedelta(hours=25)
    await world.broker.advance(timedelta(minutes=10))
    await world.drain()
    assert WAITS in world.headers()[retry_policy.REASON]


@pytest.mark.parametrize(("account", "parked"), [("intake", 1), ("verifier", 0), ("fulfillment", 1)])
async def test_newer_fact_of_a_publisher_that_does_not_own_its_type_is_parked_at_once(
    account: str, parked: int
) -> None:
    world = World()
    world.runtime.publishers = Publishers("habeas-fulfillment", "fulfillment")
    forged = Message(Fact.EXCHANGE, FACT.TYPE, published(right="oblivion"), "event-1")
    await world.broker.publish([replace(forged, user_id=f"habeas-{account}")])
    await world.drain()
    assert len(world.broker.parked("fulfillment")) == parked
    assert len(world.broker.waiting()) == 1 - parked


async def test_newer_fact_of_an_unknown_type_waits_whoever_owns_it() -> None:
    world = World()
    world.runtime.publishers = Publishers("habeas-fulfillment", "fulfillment")
    newer = Message(Fact.EXCHANGE, FACT.TYPE, published(type_="habeas.identity.verified.v2"), "event-1")
    await world.broker.publish([replace(newer, user_id="habeas-verifier")])
    await world.drain()
    assert len(world.broker.waiting()) == 1


async def test_event_of_the_own_version_that_does_not_read_is_parked_at_once() -> None:
    world = World()
    await delivered(world, published(contract=CONTRACT_NUMBER, right="oblivion"))
    assert len(world.broker.parked("fulfillment")) == 1


async def test_any_failure_to_handle_a_newer_fact_is_retried() -> None:
    world = World()
    world.desk.errors[CASE] = [PermanentError("cannot follow"), PermanentError("cannot follow")]
    await delivered(world, published())
    assert not world.broker.parked("fulfillment")
    await world.broker.advance(timedelta(seconds=1))
    await world.drain()
    assert len(world.broker.waiting()) == 1
    await world.broker.advance(timedelta(seconds=5))
    await world.drain()
    assert len(world.plans()) == 1


async def test_event_without_a_handler_waits_for_the_version_that_has_one() -> None:
    world = World()
    await delivered(world, published(RequestPurged(request_id=CASE), contract=CONTRACT_NUMBER))
    assert not world.broker.parked("fulfillment")
    assert len(world.broker.waiting()) == 1


@dataclass
class MixedJournal(MemoryJournal):
    """A journal in which a newer version has written a row of one case that only it can read."""

    async def histories(self, cases: set[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        if OTHER in cases:
            raise NewerContract(WAITS)
        return await super().histories(cases, partial=partial)


async def test_case_with_a_newer_row_waits_and_others_of_its_batch_are_handled() -> None:
    world = World(journal=MixedJournal())
    await world.tell(verified(CASE), verified(OTHER), verified(case(1)))
    await world.drain()
    assert len(world.plans()) == 2
    assert not world.broker.parked("fulfillment")
    assert [message.message_id for message in world.broker.waiting()] == [f"event-{OTHER}"]


async def test_case_that_only_a_newer_version_can_follow_waits() -> None:
    world = World()
    row = JournalRow(CASE, 0, "0", RequestWithdrawn(request_id=CASE), (), NOW, contract=NEWER)
    await world.journal.append([row])
    world.desk.errors[CASE] = [PermanentError("cannot follow")]
    await world.tell(verified())
    await world.drain()
    assert not world.broker.parked("fulfillment")
    assert len(world.broker.waiting()) == 1


async def test_newer_row_of_one_case_does_not_fail_reads_of_others() -> None:
    async def load(keys: Any) -> Mapping[str, int]:
        if "newer" in keys:
            raise NewerContract(WAITS)
        return dict.fromkeys(keys, 1)

    loader = DataLoader(load)
    found = await asyncio.gather(loader("newer"), loader("other"), return_exceptions=True)
    assert isinstance(found[0], NewerContract)
    assert found[1] == 1


def stored(contract: int, *, right: str) -> Document:
    """Return a row of a verified case with another fact, as a version with *contract* stores it."""
    row = JournalRow(CASE, 0, "1", verified(), (RequestWithdrawn(request_id=CASE),), NOW)
    document = document_of(row)
    document["event"]["data"]["right"] = right
    return document | {FIELD: contract}


def journal_of(*documents: Document, notes: bool = False) -> Journal:
    collections = {"journal": StoredRows(list(documents)), "notes": None}
    return Journal(collections, notes=notes)  # type: ignore[arg-type]  # only read


async def test_newer_row_that_does_not_read_is_told_from_a_broken_one() -> None:
    with pytest.raises(NewerContract, match=f"row {CASE}:0 of the journal {WAITS}"):
        await journal_of(stored(NEWER, right="oblivion")).histories({CASE})
    with pytest.raises(PermanentError, match=f"row {CASE}:0 of the journal does not read"):
        await journal_of(stored(CONTRACT_NUMBER, right="oblivion")).histories({CASE})


async def test_newer_row_that_reads_wholly_keeps_its_number() -> None:
    [row] = (await journal_of(stored(NEWER, right="erasure")).histories({CASE}))[CASE]
    assert (row.event, row.contract) == (verified(), NEWER)


async def test_partial_history_has_the_known_facts_of_a_newer_row() -> None:
    [row] = (await journal_of(stored(NEWER, right="oblivion")).histories({CASE}, partial=True))[CASE]
    assert list(row.events()) == [RequestWithdrawn(request_id=CASE)]


async def test_note_of_newer_version_is_read_in_part_or_not_at_all() -> None:
    known = {**document_of(JournalRow(CASE, 0, "1", verified(), (), NOW))["event"], "at": NOW}
    unknown = {"type": "habeas.request.hastened.v1", "data": {}, "at": NOW, FIELD: NEWER}
    journal = journal_of({"_id": CASE, "known": known, "unknown": unknown}, notes=True)
    with pytest.raises(NewerContract):
        await journal.histories({CASE})
    rows = (await journal.histories({CASE}, partial=True))[CASE]
    assert [fact for row in rows for fact in row.events()] == [verified()]


def test_console_leaves_out_facts_that_a_newer_console_noted() -> None:
    known = {"type": IdentityClaimed.TYPE, "data": {"proofs": []}, "at": NOW}
    unknown = known | {"data": {"proofs": 7}}
    facts = {"1": known, "2": unknown, "3": known | {"type": "habeas.request.hastened.v1"}}
    assert [entry.id for entry in entries_of({"_id": CASE, "facts": facts})] == ["1"]


@pytest.mark.parametrize(("change", "faults"), [({}, []), ({"added": 1}, [(0, "changed")])])
def test_chain_covers_fields_of_rows_that_this_version_does_not_know(
    change: dict[str, int], faults: list[object]
) -> None:
    key = bytes(32)
    [row] = from_bson(bytes(chained(stored(NEWER, right="oblivion") | {"later": 1}, START, key).raw))
    following = document_of(JournalRow(CASE, 1, "2", None, (), NOW))
    [second] = from_bson(bytes(chained(following, row["mac"], key).raw))
    assert list(faults_of(CASE, [{**row, **change}, second], key)) == faults
