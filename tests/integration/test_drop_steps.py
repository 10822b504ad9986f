"""
Fetching, looking up and answering California's lists, step by step, on a real database.

The services around are simple here: whatever is lodged is answered as the test says. A process may die at
every write; another goes on when its lease is over.
"""

import asyncio
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, cast

import pytest
import pytest_asyncio
from httpx import ASGITransport
from structlog.testing import capture_logs

from services.fulfillment.datamap.reader import parse
from services.fulfillment.drop import lookup
from services.fulfillment.drop.hash_lists import NEVER, HashLists
from services.fulfillment.drop.hash_lists import HashListBatch as Taken
from services.fulfillment.drop.lookup import HashLookupJob
from services.fulfillment.stores.mongodb import Stores
from services.intake.cases.service import RequestService
from services.intake.channels.drop import client
from services.intake.channels.drop.client import LATER, DropClient, DropRetryLater
from services.intake.channels.drop.ledger import DropLedger
from services.intake.channels.drop.lists import BatchLists
from services.intake.channels.drop.puller import ARCHIVE_ITEM, DropPuller
from services.intake.channels.drop.status_reports import EXEMPTED_AGAIN, MARGIN, WITHIN
from services.intake.channels.drop.terms import hours
from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.drop import SOURCE
from shared.contract.envelope import decode
from shared.contract.events import DropMatched, Outcome, RequestFulfilled, RequestSubmitted, Subject
from shared.errors import InvalidDataMap, StoreUnavailable
from shared.law import Right
from shared.runtime.broker import Message
from shared.runtime.mongo import Client, Database
from shared.runtime.vault import CHUNK_BYTES, Vault
from tests.drop_platform import KEY, California, hash_of
from tests.extent import extent
from tests.integration.crash_points import Killed, Life, Mortal
from tests.runtime_fakes import MemoryBroker, MemoryJournal, MemoryVault
from tests.waiting import WatchedPauses, eventually

NOON = datetime(2026, 11, 26, 20, tzinfo=UTC)
MAP = parse(
    {
        "desk.yml": """
dataset:
  - fides_key: desk
    meta: { habeas: { store: default, purpose: p, legal_basis: l, source: s } }
    collections:
      - name: people
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: email
            data_categories: [user.contact.email]
            fides_meta: { identity: email }
            meta: { habeas: { verified: always } }
          - { name: phone, data_categories: [user.contact.phone_number] }
          - { name: name, data_categories: [user.name] }
          - { name: born, data_categories: [user.demographic.date_of_birth] }
          - { name: zip, data_categories: [user.contact.address.postal_code] }
          - name: customer
            data_categories: [user.unique_id]
            fides_meta: { identity: customer_no }
            meta: { habeas: { verified: always } }
      - name: cards
        meta: { habeas: { erasure: delete } }
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - name: customer
            data_categories: [user.unique_id]
            fides_meta: { identity: customer_no }
            meta: { habeas: { verified: always } }
          - { name: holder, data_categories: [user.name] }
"""
    }
)
WRITES = frozenset(
    {
        "add", "advance", "amend", "amended", "announce", "begin", "decide", "discard", "end", "expect",
        "forget", "found_in", "keep", "lodge", "note", "publish", "received", "remove", "seal_stream",
        "sending", "set_aside", "settle", "take", "told", "unpacked", "upload", "uploaded", "withdraw",
    }
)  # fmt: skip
mortal = partial(Mortal, writes=WRITES)


def values_of(subject: Subject) -> list[str]:
    """Return the values by which *subject* is looked for."""
    return [*filter(None, (subject.email, subject.phone)), *subject.identifiers.values()]


@dataclass
class Requests:
    """The request service, and the results of all that is lodged."""

    lodged: dict[str, RequestSubmitted] = field(default_factory=dict)
    outcomes: dict[str, Outcome | None] = field(default_factory=dict)
    """By what their records are searched by; granted where nothing is said, undecided for None."""
    withdrawn: set[str] = field(default_factory=set)

    def id_of(self, source: str, reference: str) -> str:
        return sha256(f"{source} {reference}".encode()).hexdigest()[:32]

    async def lodge(self, request: RequestSubmitted, source: str) -> str:
        case = self.id_of(source, request.reference)
        assert source == SOURCE
        assert self.lodged.setdefault(case, request).subject == request.subject
        return case

    async def withdraw(self, case: str) -> None:
        self.withdrawn.add(case)

    def case(self, case: str) -> IntakeCase:
        request = self.lodged[case]
        outcome = self.outcomes.get(values_of(request.subject)[0], Outcome.GRANTED)
        if case in self.withdrawn:
            return IntakeCase(status=CaseStatus.WITHDRAWN)
        if outcome is None:
            return IntakeCase(status=CaseStatus.VERIFIED)
        answer = RequestFulfilled(request_id=case, right=request.right, outcome=outcome, answer="a")
        return IntakeCase(status=CaseStatus.ANSWERED, fulfilled=answer)

    @property
    def asked(self) -> set[tuple[Right, str]]:
        return {(one.right, value) for one in self.lodged.values() for value in values_of(one.subject)}


class Answering(BatchLists):
    """The lists, where whatever is lodged is answered as it is said."""

    requests: Requests
    told: dict[str, DropMatched]

    async def found(self, batch: str) -> DropMatched | None:
        return self.told.get(batch)

    async def cases(self, ids: set[str]) -> Mapping[str, IntakeCase]:
        return {id_: self.requests.case(id_) for id_ in ids}


@dataclass
class World:
    """What outlives a process."""

    client: Client
    prefix: str
    california: California
    now: datetime = NOON
    requests: Requests = field(default_factory=Requests)
    vault: MemoryVault = field(default_factory=MemoryVault)
    told: dict[str, DropMatched] = field(default_factory=dict)
    announced: list[Taken] = field(default_factory=list)

    @property
    def databases(self) -> tuple[Database, Database]:
        """Of intake and of fulfillment."""
        return self.client[f"{self.prefix}_intake"], self.client[f"{self.prefix}_fulfillment"]

    @property
    def people(self) -> Any:
        return self.client[f"{self.prefix}desk"]["people"]

    @property
    def cards(self) -> Any:
        return self.client[f"{self.prefix}desk"]["cards"]

    @property
    def lies_sealed(self) -> bool:
        """Whether an archive does, whole."""
        return any(ARCHIVE_ITEM in items for items in self.vault.items.values())

    @property
    def ledger(self) -> DropLedger:
        return DropLedger(self.databases[0])

    @property
    def listed(self) -> HashLists:
        return HashLists(self.databases[1], b"k" * 32)

    async def publish(self, messages: list[Message]) -> None:
        for message in messages:
            event = decode(
                message.body,
                exchange=message.exchange,
                content_type=message.content_type,
                headers=message.headers,
            ).event
            if isinstance(event, DropMatched):
                self.told.setdefault(event.request_id, event)

    def clock(self) -> datetime:
        return self.now

    def puller(self, life: Life) -> DropPuller:
        listing = Answering(self.vault, MemoryJournal(), MemoryBroker(), self.clock)
        object.__setattr__(listing, "requests", self.requests)
        object.__setattr__(listing, "told", self.told)
        object.__setattr__(listing, "announce", self._announce)
        platform = DropClient("http://drop.example.com", KEY, transport=ASGITransport(self.california.app))
        return DropPuller(
            cast("DropClient", mortal(platform, life)),
            cast("DropLedger", mortal(self.ledger, life)),
            cast("BatchLists", mortal(listing, life)),
            cast("RequestService", mortal(self.requests, life)),
            timedelta(days=7),
            hours("01:00/03:00"),
            self.clock,
        )

    async def _announce(self, batch: str, items: tuple[str, ...]) -> None:
        await self.vault.create(batch)
        await self.listed.take(Taken(batch, items))

    def matching(self, life: Life) -> HashLookupJob:
        stores = Stores({"default": self.client}, database_prefix=self.prefix)
        publishing = mortal(self, life)
        return HashLookupJob(
            cast("HashLists", mortal(self.listed, life)),
            stores,
            mortal(self.vault, life),
            lambda: MAP,
            publishing.publish,
            self.clock,
        )

    async def live(self, life: Life | None = None) -> None:
        """Let a process do all that there is to do."""
        puller, matching = self.puller(life or Life()), self.matching(life or Life())
        idle = 0
        while idle < 2:
            done = await puller.run_step()
            done = await matching.work() is not None or done
            idle = 0 if done else idle + 1
            self.now += timedelta(seconds=0 if done else 5)

    async def pull(self) -> None:
        """Have the lists fetched, and let all be done."""
        await self.ledger.note(pull_at=self.now)
        await self.live()


@pytest_asyncio.fixture
async def world(mongo_client: Client, database_prefix: str) -> AsyncIterator[World]:
    made = World(mongo_client, database_prefix, California(lists=("Email", "Phone", "NDZ")))
    made.california.clock = made.clock
    await made.ledger.prepare()
    await made.listed.prepare()
    await made.people.insert_many(
        [
            {"_id": 1, "email": "Anna@example.org", "phone": "(415) 555-0100", "name": "Anna Quast"},
            {"_id": 2, "email": "ben@example.org", "phone": "+1 415 555 0100", "name": "Ben Lohse"},
            {"_id": 3, "email": "cleo@example.org", "name": "Cleo Wien"},
            {"_id": 4, "email": "CLEO@example.org", "name": "Wien, Cleo"},
        ]
    )
    yield made


def ask(world: World) -> dict[str, int]:
    """Have people ask the state; return what it must be told in the end."""
    california = world.california
    return {
        california.ask("Email", hash_of("anna@example.org")): 3,
        california.ask("Email", hash_of("cleo@example.org")): 2,
        california.ask("Email", hash_of("nobody@example.org")): 5,
        california.ask("Phone", hash_of("4155550100")): 4,
    }


KILLED_AT_EVERY = extent(2, 1)
"""Boundaries tried after the lists are sealed: those after a write, so that each state is tried."""
BEFORE_THEY_LIE_SEALED = 3
"""Boundaries between the platform's answer and the end of the sealing: around the intent, and before it."""
ASKED = {
    (Right.ERASURE, "Anna@example.org"),
    (Right.ERASURE, "cleo@example.org"),
    (Right.OPT_OUT_OF_SALE, "Anna@example.org"),
    (Right.OPT_OUT_OF_SALE, "ben@example.org"),
}


async def test_each_request_gets_its_result(world: World) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    await world.live()
    assert world.california.told == expected
    assert {(right, value.replace("CLEO", "cleo")) for right, value in world.requests.asked} == ASKED
    assert all(not held for held in world.vault.items.values()), "the lists are gone from the vault"


async def test_request_of_the_state_names_no_person_and_a_californian_residence(world: World) -> None:
    ask(world)
    await world.live()
    for request in world.requests.lodged.values():
        assert request.subject.name is None
        assert len(values_of(request.subject)) == 1
        assert request.residence is not None
        assert (request.residence.country, request.residence.subdivision) == ("US", "CA")


async def test_no_hash_of_the_state_lies_in_a_database(world: World) -> None:
    ask(world)
    await world.live()
    digest = sha256(b"anna@example.org").digest()
    for database in world.databases:
        for name in await database.list_collection_names():
            async for document in database[name].find():
                assert "anna@example.org" not in str(document).lower()
                assert digest not in document.values()
                assert hash_of("anna@example.org") not in str(document)


async def test_what_was_found_before_is_not_asked_for_again(world: World) -> None:
    ask(world)
    world.requests.outcomes = dict.fromkeys(["Anna@example.org", "cleo@example.org"], Outcome.REFUSED)
    await world.live()
    lodged = set(world.requests.lodged)
    await world.pull()
    assert set(world.requests.lodged) == lodged
    assert not world.california.amended


def ndz(first: str, last: str, born: str, zip_code: str) -> str:
    return hash_of("".join(map(hash_of, (first, last, born, zip_code))))


QUAST = {"name": "Anna Quast", "born": "1985-07-14", "zip": "02139"}
FAMILY = "family@example.org"


@pytest.mark.parametrize(
    ("annas", "others", "asked"),
    [
        pytest.param({"email": FAMILY}, [], (Right.ERASURE, FAMILY), id="alone"),
        pytest.param(
            {"email": FAMILY},
            [{"name": "Ben Quast", "email": "Family@example.org"}],
            (Right.OPT_OUT_OF_SALE, FAMILY),
            id="a mailbox of several",
        ),
        pytest.param(
            {"email": FAMILY},
            [{"email": FAMILY, "phone": "+1 415 555 0123"}, {"email": FAMILY, "born": "1950-01-01"}],
            (Right.OPT_OUT_OF_SALE, FAMILY),
            id="a mailbox of somebody without a name",
        ),
        pytest.param(
            {"email": FAMILY, "customer": "7"},
            [{"name": "Ben Quast", "email": FAMILY, "customer": "8"}],
            (Right.ERASURE, "7"),
            id="a number of one's own",
        ),
        pytest.param(
            {"email": FAMILY, "customer": "7"},
            [{"holder": "Ben Quast", "customer": "7"}],
            (Right.OPT_OUT_OF_SALE, FAMILY),
            id="a number of several, where nothing is hashed",
        ),
    ],
)
async def test_drop_erases_by_an_unshared_number_and_opts_out_by_a_shared_one(
    world: World, annas: dict[str, str], others: list[dict[str, str]], asked: tuple[Right, str]
) -> None:
    world.california.ask("NDZ", ndz("anna", "quast", "19850714", "2139"))
    await world.people.insert_one({"_id": 20, **QUAST, **annas})
    for number, other in enumerate(others):
        where = world.cards if "holder" in other else world.people
        await where.insert_one({"_id": 21 + number, **other})
    await world.live()
    assert world.requests.asked == {asked}


async def test_only_what_is_new_leads_on_beside_what_was_kept(world: World) -> None:
    world.california.ask("Phone", hash_of("4155550111"))
    kim = {"name": "Kim Wolke", "phone": "+1 415 555 0111"}
    await world.people.insert_one({"_id": 9, "email": "kim@example.org", **kim})
    world.requests.outcomes["kim@example.org"] = Outcome.REFUSED
    await world.live()
    await world.people.insert_one({"_id": 10, "email": "KIM@example.org", **kim})
    await world.pull()
    assert len(world.requests.lodged) == 2
    assert world.requests.asked == {
        (Right.ERASURE, "kim@example.org"),
        (Right.ERASURE, "KIM@example.org"),
    }
    await world.people.insert_one({"_id": 11, "email": "wolke@example.org", **kim})
    await world.pull()
    assert (Right.ERASURE, "wolke@example.org") not in world.requests.asked
    assert (Right.OPT_OUT_OF_SALE, "wolke@example.org") in world.requests.asked


async def test_data_acquired_later_is_found_and_its_status_amended(world: World) -> None:
    expected = ask(world)
    await world.live()
    await world.people.insert_one({"_id": 9, "email": "nobody@example.org"})
    await world.pull()
    [(id_, status)] = world.california.amended.items()
    assert (expected[id_], status) == (5, 3)


async def test_status_of_exempt_data_is_reported_again_once_it_is_deleted(world: World) -> None:
    id_ = world.california.ask("Email", hash_of("anna@example.org"))
    world.requests.outcomes["Anna@example.org"] = Outcome.REFUSED
    await world.live()
    assert world.california.status == {id_: 2}
    world.requests.outcomes["Anna@example.org"] = Outcome.GRANTED
    world.now += EXEMPTED_AGAIN
    await world.live()
    assert world.california.amended == {id_: 3}


async def test_withdrawn_request_is_not_searched_any_more(world: World) -> None:
    id_ = world.california.ask("Email", hash_of("later@example.org"))
    await world.live()
    world.california.take_back(id_, "Email")
    await world.people.insert_one({"_id": 9, "email": "later@example.org"})
    await world.pull()
    assert not world.requests.lodged
    assert world.california.status == {id_: 5}


async def test_an_open_request_is_taken_back_with_the_state_s(world: World) -> None:
    world.requests.outcomes["later@example.org"] = None
    id_ = world.california.ask("Email", hash_of("later@example.org"))
    await world.live()  # nobody is found
    await world.people.insert_one({"_id": 9, "email": "later@example.org"})
    await world.pull()
    assert world.requests.lodged
    world.california.take_back(id_, "Email")
    await world.pull()
    assert world.requests.withdrawn == set(world.requests.lodged)


async def test_nothing_is_answered_before_all_is_decided_or_the_last_day_is_near(world: World) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    world.requests.outcomes["Anna@example.org"] = None
    await world.live()
    assert not world.california.told
    world.now += WITHIN - MARGIN
    with capture_logs() as logs:
        await world.live()
    assert {"requests of DROP are undecided", "lists of DROP are due"} <= {log["event"] for log in logs}
    undecided = {id_ for id_, status in expected.items() if status in {3, 4}}
    assert set(world.california.told) == set(expected) - undecided
    assert await world.ledger.open() is not None, "of one list nothing is decided yet"
    world.requests.outcomes["Anna@example.org"] = Outcome.GRANTED
    world.now += LATER
    await world.live()
    assert {id_: world.california.status[id_] for id_ in undecided} == {
        id_: expected[id_] for id_ in undecided
    }
    assert not world.california.amended, "what was never told is no correction"
    assert world.california.told == expected
    assert await world.ledger.open() is None


async def test_a_refusal_is_no_proof_that_the_statuses_have_arrived(world: World) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    await world.puller(Life()).run_step()
    given, world.california.given = world.california.given, {}
    with capture_logs() as logs:
        await world.live()
        world.now += LATER
        await world.live()
    assert any(log["event"] == "DROP refused a call" and log["code"] == 409 for log in logs)
    assert await world.ledger.open() is not None
    assert any(world.vault.items.values()), "the lists are kept"
    world.california.given = given
    world.now += LATER
    await world.live()
    assert world.california.told == expected


async def test_lists_outlive_a_vault_that_is_away_for_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    whole, failures = MemoryVault.seal_stream, [StoreUnavailable("away")] * 2

    async def sealed(vault: MemoryVault, case: str, item: str, content: AsyncIterator[bytes]) -> Any:
        if failures:
            assert await anext(content), "it is lost with the vault"
            raise failures.pop()
        return await whole(vault, case, item, content)

    monkeypatch.setattr(MemoryVault, "seal_stream", sealed)
    await world.live()
    assert world.california.told == expected
    assert world.california.calls.count("GET /data/download") == 1


async def test_lists_that_lie_sealed_outlive_who_has_not_noted_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED

    async def dies(*_: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DropLedger, "received", dies)
        with pytest.raises(Killed):
            await world.live()
    world.now += timedelta(minutes=2)
    await world.live()
    assert world.california.told == expected
    assert world.california.calls.count("GET /data/download") == 1


async def test_lists_that_have_not_arrived_whole_are_forgotten_and_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED

    async def broken(*_: object) -> AsyncIterator[bytes]:
        yield b"PK" * CHUNK_BYTES
        assert await chunks.count_documents({}) > 0, "what has arrived lies sealed"
        raise DropRetryLater("it has broken off", timedelta(seconds=1))

    world.vault = cast("MemoryVault", Vault(world.client, prefix=world.prefix, master_key=b"m" * 32))
    chunks = world.client[f"{world.prefix}_vault"]["chunks"]
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(client, "_pieces", broken)
        await world.live()
    assert [log["code"] for log in logs if log["event"] == "DROP refused a call"] == [409]
    assert await chunks.count_documents({}) == 0
    assert await world.ledger.open() is None
    world.california.hand_out_again()
    world.now += LATER
    await world.live()
    assert world.california.told == expected


async def test_an_archive_that_cannot_be_unpacked_is_kept_until_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED

    def spoilt(*_: object) -> None:
        raise zlib.error

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(zipfile.ZipExtFile, "read", spoilt)
        await world.live()
    assert any(log["event"] == "DROP refused a call" for log in logs)
    assert any(world.vault.items.values())
    world.now += LATER
    await world.live()
    assert world.california.told == expected


async def test_damaged_list_is_set_aside_and_the_rest_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    read = zipfile.ZipExtFile.read

    def unless_phone(file: zipfile.ZipExtFile, size: int = -1) -> bytes:
        if "Phone" in file.name:
            raise zipfile.BadZipFile
        return read(file, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", unless_phone)
    await world.live()
    assert world.california.told == {id_: status for id_, status in expected.items() if status != 4}
    assert await world.ledger.open() is None
    state = await world.ledger.state()
    assert state is not None
    assert [(one.file, one.count) for one in state.set_aside] == [("20261126_4821_Phone.csv", 0)]


async def test_closed_hours_have_no_calls(world: World) -> None:
    ask(world)
    world.now = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    await world.live()
    assert not world.california.calls
    world.now = datetime(2026, 11, 26, 11, tzinfo=UTC)
    await world.live()
    assert world.california.told


async def test_the_platform_is_left_alone_while_it_puts_lists_together(world: World) -> None:
    ask(world)
    world.california.preparing = 2
    await world.live()
    for _ in range(3):
        world.now += timedelta(seconds=60)
        await world.live()
    assert world.california.calls.count("GET /data/download") == 3
    assert world.california.told


async def test_a_download_that_was_lost_is_loud(world: World) -> None:
    ask(world)
    world.california.given = {"20261120_4821_Email": {"A" * 12: "lost"}}
    with capture_logs() as logs:
        await world.live()
    assert any(log["event"] == "DROP refused a call" and log["code"] == 409 for log in logs)
    assert world.california.calls == ["GET /data/download"], "and nobody hammers the platform"
    world.california.given = {}
    world.now += LATER
    await world.live()
    assert world.california.told


async def test_a_file_that_is_not_taken_is_loud_and_sent_again(world: World) -> None:
    expected = ask(world)
    world.california.answers = []
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    known = world.california.waiting["Phone"].copy()
    world.california.given = {}
    await world.puller(Life()).run_step()
    world.california.given["20261126_4821_Phone"] = {}  # as if it did not know the ids
    with capture_logs() as logs:
        await world.live()
    assert any(log["log_level"] == "error" for log in logs)
    world.california.given["20261126_4821_Phone"] = known
    world.now += LATER
    await world.live()
    assert world.california.told == expected
    assert world.california.calls.count("POST /data/upload") == 2


async def test_unreadable_row_and_unknown_list_are_set_aside_and_the_rest_is_answered(world: World) -> None:
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    world.california.lists = ("Email", "Phone", "NDZ", "Fax")
    world.california.waiting["Email"] |= {"short": "no hash", "Id0000000012": "no hash either"}
    unknown = world.california.ask("Fax", hash_of("4155550199"))
    world.california.waiting["Phone"]["short"] = "no hash"
    with capture_logs() as logs:
        await world.live()
    assert world.california.told == expected
    assert await world.ledger.open() is None, "the batch is closed"
    assert not any(world.vault.items.values())
    assert unknown not in world.california.told, "nothing is reported of a list that was not searched"

    state = await world.ledger.state()
    assert state is not None
    file = "20261126_4821_"
    assert [(one.file, one.count, one.rows) for one in state.set_aside] == [
        (f"{file}Fax.csv", 0, ()),
        (f"{file}Email.csv", 2, ("5", "6 Id0000000012")),
        (f"{file}Phone.csv", 1, ("3",)),
    ]
    reported = [log for log in logs if log["event"] == "a list of DROP is set aside"]
    assert len(reported) == 3
    assert "no hash" not in str((reported, state))


async def test_next_lists_are_answered_after_some_were_set_aside(world: World) -> None:
    ask(world)
    world.california.waiting["Email"]["short"] = "no hash"
    await world.live()
    batches = {one.batch for one in getattr(await world.ledger.state(), "set_aside", ())}
    assert [await world.ledger.answered_by_hand(one) for one in (*batches, *batches)] == [True, False]
    assert getattr(await world.ledger.state(), "set_aside", None) == ()

    world.california.given = {}  # the staff has answered the row in the portal
    later = world.california.ask("Email", hash_of("ben@example.org"))
    await world.pull()
    assert world.california.told[later] == 3


async def test_two_replicas_do_not_both_speak_to_the_platform(world: World) -> None:
    ask(world)
    held = world.ledger
    assert await held.lease(world.now) is not None
    assert not await world.puller(Life()).run_step()
    assert not world.california.calls


async def test_a_collection_that_is_not_there_leaves_everything_unanswered(world: World) -> None:
    ask(world)
    await world.people.drop()
    with pytest.raises(InvalidDataMap):
        await world.live()
    assert not world.california.told
    assert (await world.ledger.open()) is not None


async def test_lists_without_requests_need_no_answer(world: World) -> None:
    id_ = world.california.ask("Email", hash_of("nobody@example.org"))
    await world.live()
    world.california.take_back(id_, "Email")
    await world.pull()
    assert world.california.calls.count("POST /data/upload") == 1
    assert await world.ledger.open() is None


@pytest.mark.campaign
async def test_crash_leaves_nothing_undone_and_does_nothing_twice(world: World) -> None:
    whole = Life()
    expected = ask(world)
    world.requests.outcomes["cleo@example.org"] = Outcome.REFUSED
    await world.live(whole)
    assert world.california.told == expected
    assert whole.passed > 40
    lodged = len(world.requests.lodged)
    lost = []
    sealed = BEFORE_THEY_LIE_SEALED + 1
    for last in (*range(1, sealed), *range(sealed, whole.passed + 1, KILLED_AT_EVERY)):
        again = World(world.client, f"{world.prefix}{last}x", California(lists=("Email", "Phone", "NDZ")))
        again.prefix, again.california.clock = world.prefix, again.clock
        for database in world.databases:
            for name in await database.list_collection_names():
                await database[name].delete_many({})
        again.requests.outcomes = world.requests.outcomes
        expected = ask(again)
        with suppress(Killed):
            await again.live(Life(last))
        again.now += timedelta(minutes=6)  # the leases of the dead
        if again.california.given and not again.lies_sealed:
            lost.append(last)
            again.california.hand_out_again()
        await again.live()
        assert again.california.told == expected, last
        assert len(again.requests.lodged) == lodged, last
        assert (await again.ledger.open()) is None, last
        assert again.california.calls.count("POST /data/upload") <= 2, last
    assert len(lost) == BEFORE_THEY_LIE_SEALED


async def test_enqueued_batch_is_looked_up_before_the_regular_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "LOOK_EVERY_S", 3_600.0)
    job = replace(world.matching(Life()), listed=world.listed)
    pauses = job.listed.enqueued = WatchedPauses()
    running = asyncio.create_task(job.run())
    await pauses.begun(running)
    await job.listed.take(Taken("batch", ()))

    async def begun() -> bool:
        taken = {"_id": "batch", "at": {"$gt": NEVER}}
        return await world.databases[1]["drop_batches"].find_one(taken) is not None

    _: bool = await eventually(begun)
    running.cancel()
