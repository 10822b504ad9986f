"""What the staff is told of a campaign is so: who has a letter, and who may have one."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.client.private_files import write_private
from services.notifier.breach.campaign.batch.handlers import NotAllTaken, write_batch
from services.notifier.breach.campaign.states import CampaignState
from services.notifier.breach.campaign.unreached import Unreached
from shared.contract.affected_people import NoticeRecipient
from shared.contract.events.breaches import BreachNotified
from shared.runtime.mongo import Client
from shared.runtime.vault import Vault
from tests.integration.mail_server import MailHost, hang_up, running
from tests.integration.test_campaign_turns import PASSWORD, Choosy, Desk, breached, named

LEDGER = {"language": "en", "laws": ["gdpr@2018-05-25"], "to": "people", "phase": 1}


@pytest_asyncio.fixture
async def office(mongo_client: Client, database_prefix: str) -> Desk:
    vault = Vault(mongo_client, prefix=database_prefix, master_key=os.urandom(32))
    await vault.prepare()
    return Desk(mongo_client[f"{database_prefix}_campaigns"], vault)


async def test_the_proof_is_found_by_any_spelling_of_the_address(office: Desk) -> None:
    due = await office.released("ada@example.org ", "eve@bücher.example", "no address")
    async with running(MailHost()) as host, office.writer(host) as writer:
        await write_batch(due, writer)
    for spelling in (
        "ADA@example.org",
        " ada@example.org",
        "eve@BÜCHER.example",
        "eve@xn--bcher-kva.example",
    ):
        assert len(await office.notices_to(spelling)) == 1, "it was sent"


async def test_who_may_have_a_letter_when_all_is_stopped_is_not_said_to_have_none(office: Desk) -> None:
    due = await office.released(*named("ada"))
    async with running(MailHost({"DATA": hang_up})) as host, office.writer(host) as writer:
        with pytest.raises(NotAllTaken):
            await write_batch(due, writer)
        await writer.standings.set(due.request_id, CampaignState.ABORTED, datetime.now(UTC))
        [told] = await write_batch(due, writer)
    assert isinstance(told, BreachNotified)
    assert (told.sent, told.doubtful) == (0, 1)
    [missed] = await office.unreached()
    assert missed.reason == "doubtful"
    assert "may have taken it" in missed.said
    [proof] = await office.notices_to("ada@example.org")
    assert proof.doubtful
    assert "may have taken it" in proof.said


async def test_person_is_listed_as_unreached_until_the_letter_is_accepted(office: Desk) -> None:
    due = await office.released(*named("grey", "ada"))
    host = Choosy(answers={"grey": ["451 4.7.1 later"] * 3})
    async with running(host), office.writer(host) as writer:
        with pytest.raises(NotAllTaken):
            await write_batch(due, writer)
        [missed] = await office.unreached()
        assert (missed.person.email, missed.reason) == ("grey@example.org", "waiting")
        await write_batch(due, writer)
    assert await office.unreached() == []


async def test_the_list_says_which_mailboxes_nobody_may_write_to(office: Desk) -> None:
    """Cal. Civ. Code § 1798.82(j)(5)."""
    others = {1: ("bruno@home.example", "bruno@mail.example")}
    office.categories = PASSWORD
    due = await office.released("ada@mail.example", "bruno@example.org", others=others)
    await breached(office, "mail.example")
    host = Choosy(answers={"bruno": ["550 5.1.1 no such mailbox"] * 2})
    async with running(host), office.writer(host) as writer:
        await write_batch(due, writer)
    rows = [one.row() for one in await office.unreached()]
    assert [(row["reason"], row["email"], row["others"], row["breached"]) for row in rows] == [
        ("mailbox_breached", "ada@mail.example", "", "ada@mail.example"),
        ("mailbox_unknown", "bruno@example.org", "bruno@home.example", "bruno@mail.example"),
    ]


def test_list_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "unreached.csv"
    file.touch(mode=0o644)
    write_private(file, b"name")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0o600, b"name")


def test_list_calculates_nothing() -> None:
    names = ("=1+1", " =1+1", "\uff1d1+1", "@SUM(1)", "Ada", "Kim;=1+1", "\n=1+1")
    rows = [
        Unreached(NoticeRecipient(key="0" * 32, name=name), "no_address", "", LEDGER).row() for name in names
    ]
    written = [*(f"'{name}" for name in names[:4]), "Ada", "Kim;'=1+1", "'\n'=1+1"]
    assert [row["name"] for row in rows] == written
