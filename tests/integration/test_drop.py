"""California's lists on the real pipeline: fetched, looked up in the company's stores, erased, answered."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.drop_platform import KEY, California, hash_of
from tests.integration.pipeline import Pipeline, Somebody, command, running
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)
NEVER = datetime(2018, 5, 25, tzinfo=UTC)


@dataclass
class Broker:
    """A data broker and the state."""

    pipeline: Pipeline
    state: California

    async def answered(self, *ids: str) -> dict[str, int]:
        """Return the statuses of *ids* once the state has been told of each."""

        def told() -> dict[str, int]:
            statuses = {id_: self.state.status.get(id_) for id_ in ids}
            assert None not in statuses.values(), f"{len(self.state.calls)} calls"
            return {id_: status for id_, status in statuses.items() if status is not None}

        return await eventually(told, WITHIN)

    async def pull(self) -> None:
        """Have the lists fetched now."""
        code, _, errors = await command(self.pipeline, "drop", "pull")
        assert (code, errors) == (0, "")

    async def end_leases(self) -> None:
        """End the leases of killed processes: of the platform a minute later, of a search five minutes."""
        state = self.pipeline.client[f"{self.pipeline.prefix}_intake"]["drop_state"]
        ended = await state.update_one({}, {"$set": {"held_until": NEVER}})
        assert ended.matched_count == 1
        searches = self.pipeline.client[f"{self.pipeline.prefix}_fulfillment"]["drop_batches"]
        await searches.update_many({"done": False}, {"$set": {"at": NEVER}})

    async def crash(self) -> None:
        """Kill the services, and start them again."""
        await self.pipeline.kill()
        await self.end_leases()
        await self.pipeline.start()

    async def has_received(self, since: datetime) -> bool:
        """Return whether lists that were fetched *since* then are in the vault."""
        batches = self.pipeline.client[f"{self.pipeline.prefix}_intake"]["drop_batches"]
        fetched = {"fetched_at": {"$gte": since}, "step": {"$ne": "arriving"}}
        return await batches.count_documents(fetched) > 0

    async def contact(self, person: Somebody) -> dict[str, Any]:
        found = await self.pipeline.business("portal", "contacts").find_one({"email": person.email})
        return dict(found)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    state = California()
    folder = tmp_path_factory.mktemp("drop")
    settings: dict[str, Any] = {"HABEAS_DROP_KEY": KEY, "HABEAS_DROP_CLOSED": ""}
    async with state.open() as url, running(parts, folder, **settings, HABEAS_DROP_URL=url) as pipeline:
        yield Broker(pipeline, state)


def ndz(contact: dict[str, Any]) -> str:
    """Return what the state makes of a contact of the example, whose names are plain."""
    parts = [
        contact["name"]["first"].lower(),
        contact["name"]["last"].lower(),
        f"{contact['date_of_birth']:%Y%m%d}",
        contact["address"]["postal_code"].lower().lstrip("0")[:5],
    ]
    return hash_of("".join(map(hash_of, parts)))


async def plain_people(broker: Broker) -> list[Somebody]:
    """Return people whose contacts have all, in letters that need no rules."""
    found = []
    for person in await broker.pipeline.people():
        contact = await broker.contact(person)
        names = contact["name"]["first"] + contact["name"]["last"]
        if names.isascii() and names.isalpha() and contact.get("phones") and contact.get("date_of_birth"):
            found.append(person)
    return found


async def test_person_listed_by_the_state_is_erased_and_the_state_is_notified(broker: Broker) -> None:
    pipeline, state = broker.pipeline, broker.state
    by_mail, by_ndz, by_phone, one, other, *_ = await plain_people(broker)
    contacts = pipeline.business("portal", "contacts")
    await pipeline.business("ops", "servers").update_many({}, {"$set": {"status": "ended"}})
    shared = "+1 415 555 0199"
    await contacts.update_many({"email": {"$in": [one.email, other.email]}}, {"$set": {"phones": [shared]}})
    held = {
        "requester": {"name": "Hilde Halt", "email": "hilde@example.net"},
        "on_hold": True,
        "messages": [],
    }
    await pipeline.business("portal", "tickets").insert_one(held)
    phone = (await broker.contact(by_phone))["phones"][0]
    asked = {
        state.ask("Email", hash_of(by_mail.email.lower())): 3,
        state.ask("NDZ", ndz(await broker.contact(by_ndz))): 3,
        state.ask("Phone", hash_of("".join(filter(str.isdigit, phone))[-10:])): 3,
        state.ask("Phone", hash_of("4155550199")): 4,
        state.ask("Email", hash_of("hilde@example.net")): 2,
        state.ask("Email", hash_of("nobody@example.net")): 5,
        state.ask("MAID", hash_of("384000008cf011bdb23e10b96e40000d")): 5,
    }
    state.preparing = 1
    async with pipeline.listening() as heard:
        await broker.pull()
        assert await broker.answered(*asked) == asked
        spoken = str(heard.events)
    for person in (by_mail, by_ndz, by_phone):
        assert await contacts.count_documents({"email": person.email}) == 0
    for person in (one, other):
        assert await contacts.count_documents({"email": person.email}) == 1
        assert await on_suppression_list(pipeline, person)
    hashes = [hash_of(by_mail.email.lower()), hash_of("4155550199")]
    for secret in (by_mail.email, by_ndz.email, phone, *hashes, *asked):
        assert secret not in spoken
        assert secret not in pipeline.log.read_text(encoding="utf-8")
    assert not pipeline.letters_to(by_mail)


async def on_suppression_list(pipeline: Pipeline, person: Somebody) -> bool:
    """Tell whether nobody may sell the data of *person*."""
    file = pipeline.folder / "import.txt"
    file.write_text(person.email, encoding="utf-8")
    code, output, errors = await command(pipeline, "suppressions", "filter", str(file), "--purpose", "sale")
    assert (code, errors) == (0, "")
    return person.email not in output


async def test_data_acquired_later_is_found_and_its_status_amended(broker: Broker) -> None:
    pipeline, state = broker.pipeline, broker.state
    later, withdrawn = "later@example.net", "withdrawn@example.net"
    first, second = state.ask("Email", hash_of(later)), state.ask("Email", hash_of(withdrawn))
    await broker.pull()
    assert await broker.answered(first, second) == {first: 5, second: 5}
    state.take_back(second, "Email")
    newsletter = pipeline.business("portal", "newsletter")
    await newsletter.insert_many(
        [{"email": later, "subscribed": True}, {"email": withdrawn, "subscribed": True}]
    )
    await broker.pull()

    def amended() -> bool:
        return first in state.amended

    await eventually(amended, WITHIN)
    assert state.amended == {first: 3}
    assert await newsletter.count_documents({"email": later}) == 0
    assert await newsletter.count_documents({"email": withdrawn}) == 1


async def test_crash_between_steps_leaves_nothing_undone_and_nothing_twice(broker: Broker) -> None:
    pipeline, state = broker.pipeline, broker.state
    people = (await plain_people(broker))[-4:]
    asked = {state.ask("Email", hash_of(person.email.lower())): 3 for person in people}
    uploads, began = state.calls.count("POST /data/upload"), datetime.now(UTC)
    await broker.pull()
    # Not earlier: the state hands lists out once, and a crash during the download loses them.
    come: bool = await eventually(lambda: broker.has_received(began), WITHIN, at_once=True)
    assert come
    await broker.crash()
    await eventually(lambda: state.calls.count("POST /data/upload") > uploads, WITHIN, at_once=True)
    await broker.crash()
    assert await broker.answered(*asked) == asked
    rows = await pipeline.rows("intake")
    lodged = [row for row in rows if "drop" in str(row)]
    assert lodged
    assert await pipeline.handled_twice() == []
    assert not any((await pipeline.parked()).values())


async def test_the_command_says_how_things_stand(broker: Broker) -> None:
    code, output, _ = await command(broker.pipeline, "drop", "status")
    assert code == 0
    assert "days left" in output
    assert "deleted" in output


async def test_staff_sees_unreadable_rows_until_it_has_answered_them(broker: Broker) -> None:
    asked = broker.state.ask("Email", hash_of("nobody@example.org"))
    broker.state.waiting["Email"]["short"] = "no hash"
    await broker.pull()
    assert await broker.answered(asked) == {asked: 5}
    code, output, _ = await command(broker.pipeline, "drop", "status")
    assert code == 1
    assert "1 unreadable row, in line 3" in " ".join(output.split())

    _, output, _ = await command(broker.pipeline, "drop", "status", "--json")
    (aside,) = json.loads(output)["set_aside"]
    assert (await command(broker.pipeline, "drop", "handled", aside["batch"]))[0] == 0
    assert (await command(broker.pipeline, "drop", "handled", aside["batch"]))[0] != 0
    assert (await command(broker.pipeline, "drop", "status"))[0] == 0
