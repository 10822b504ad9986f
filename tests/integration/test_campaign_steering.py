"""The staff sees how far notices are, stops them, lists whom they miss; no other letter waits for them."""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP

from bench.breach_fixture import Breach, address, seal, seal_batches
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.stack import Stack
from services.notifier.breach.campaign.ledgers import Ledgers
from services.notifier.breach.campaign.states import Standings
from services.notifier.breach.campaign.unreached import people_not_reached
from shared.contract.affected_people import NoticeBatch, NoticeRecipient, proof_item
from shared.contract.events import Decision
from shared.contract.events.breaches import (
    CampaignAborted,
    CampaignPaused,
    CampaignResumed,
    NoticeProofAsked,
)
from shared.contract.staff import TEXT_SALT_BYTES, salted, written_item
from tests.integration.campaign_fixture import Campaigner, campaigning
from tests.integration.case_events import Writer
from tests.integration.mail_server import Gate, MailHost, running, say
from tests.integration.pipeline import Pipeline, comes_true
from tests.integration.test_campaign_turns import CampaignLists
from tests.integration.test_smtp_bounces import REPORT
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)


async def decide(campaigner: Campaigner, decision: Decision) -> None:
    """Publish a decision as intake does, which is not running here."""
    await campaigner.tell(await campaigner.pipeline.accounts.signed(decision))


async def counts(pipeline: Pipeline, breach: Breach) -> Mapping[str, int]:
    """Return the letters of a breach, from its ledgers."""
    database = pipeline.client[f"{pipeline.prefix}_campaigns"]
    return await Ledgers(database, by="test").sums(breach.incident, 1)


async def not_reached(campaigner: Campaigner, breach: Breach) -> list[Mapping[str, str]]:
    """Return the rows of the list of people not reached."""
    database = campaigner.pipeline.client[f"{campaigner.pipeline.prefix}_campaigns"]
    ctx = CampaignLists(Ledgers(database, by="test"), Standings(database), campaigner.vault)
    return [one.row() async for one in people_not_reached(breach.incident, ctx)]


async def asked(campaigner: Campaigner, breach: Breach, email: str) -> list[dict[str, Any]]:
    """Ask for the records of the notices to an address, and return them once they are sealed."""
    text = salted(email.encode(), os.urandom(TEXT_SALT_BYTES))
    item, vault, incident = written_item(text), campaigner.vault, breach.incident
    await vault.seal(incident, item, text)
    await decide(campaigner, NoticeProofAsked(request_id=incident, by="dana.muster", address=item))
    await comes_true(lambda: vault.holds(incident, proof_item(item)), WITHIN)
    heard = await eventually(lambda: campaigner.heard.of(incident, "breach.notices_proven"), WITHIN)
    assert email not in json.dumps(heard)
    return list(json.loads(await vault.open(incident, proof_item(item))))


async def stands(campaigner: Campaigner, standing: str) -> None:
    database = campaigner.pipeline.client[f"{campaigner.pipeline.prefix}_campaigns"]

    async def noted() -> bool:
        return await database["campaigns"].find_one({"standing": standing}) is not None

    await comes_true(noted, WITHIN)


async def looked(campaigner: Campaigner) -> None:
    """
    Wait until all batches under way have looked at the state: they show a sign of life as often.

    A state is known for as long as two looks take.
    """
    ledgers = campaigner.pipeline.client[f"{campaigner.pipeline.prefix}_campaigns"]["ledgers"]

    async def signs() -> dict[Any, datetime]:
        return {one["_id"]: one["at"] async for one in ledgers.find({"writing.0": {"$exists": True}})}

    for _ in range(4):
        before = await signs()
        assert before

        async def later(before: dict[Any, datetime] = before) -> bool:
            return all(at > before[batch] for batch, at in (await signs()).items())

        await comes_true(later, WITHIN)


async def test_a_paused_campaign_stops_behind_no_queue_and_goes_on_where_it_was(
    parts: Stack | None, tmp_path: Path
) -> None:
    people, size, connections = 400, 10, 4
    gate = Gate()
    async with (
        running(MailHost({"DATA": gate})) as host,
        campaigning(parts, tmp_path, host.url, HABEAS_NOTICE_CONNECTIONS=f"{connections}") as campaigner,
    ):
        pipeline = campaigner.pipeline
        breach = await seal(campaigner.vault, people, size=size)
        await pipeline.start("notifier")
        await campaigner.release(breach)
        await eventually(lambda: host.busy == connections, WITHIN)
        await decide(campaigner, CampaignPaused(request_id=breach.incident, by="dana.muster"))
        await stands(campaigner, "paused")
        await looked(campaigner)
        gate.open.set()
        await eventually(lambda: host.busy == 0 and len(host.taken) == connections, WITHIN)

        async def noted() -> bool:
            return (await counts(pipeline, breach))["sent"] == connections

        await comes_true(noted, WITHIN)
        assert len(host.taken) == connections
        await decide(campaigner, CampaignResumed(request_id=breach.incident, by="dana.muster"))
        told = await campaigner.notified(breach)
        await pipeline.stop()
    assert (told["sent"], told["doubtful"], told["failed"]) == (people, 0, 0)
    recipients = [to for _, to, _ in host.taken]
    assert len(set(recipients)) == len(recipients) == people


async def test_an_aborted_campaign_says_who_has_no_letter(parts: Stack | None, tmp_path: Path) -> None:
    people, connections = 60, 2
    gate = Gate()
    async with (
        running(MailHost({"DATA": gate})) as host,
        campaigning(parts, tmp_path, host.url, HABEAS_NOTICE_CONNECTIONS=f"{connections}") as campaigner,
    ):
        pipeline = campaigner.pipeline
        breach = await seal(campaigner.vault, people, size=10)
        await pipeline.start("notifier")
        await campaigner.release(breach)
        await eventually(lambda: host.busy == connections, WITHIN)
        await decide(campaigner, CampaignAborted(request_id=breach.incident, by="dana.muster"))
        await stands(campaigner, "aborted")
        await looked(campaigner)
        gate.open.set()
        told = await campaigner.notified(breach)
        rows = await not_reached(campaigner, breach)
        await pipeline.stop()
    assert told["aborted"]
    assert told["sent"] == len(host.taken) == connections
    missed = {address(number) for number in range(people)} - {to for _, to, _ in host.taken}
    assert {row["email"] for row in rows} == missed
    assert {row["reason"] for row in rows} == {"aborted"}


async def test_a_notice_that_comes_back_is_on_the_list_for_letters_by_post(
    parts: Stack | None, tmp_path: Path
) -> None:
    port = free_port()
    people = (
        NoticeRecipient(key="0" * 32, email="ada@example.org", name="Ada Example"),
        NoticeRecipient(
            key="1" * 32, email="bruno@example.org", name="=1+1", postal=("Weg 1", "10115 Berlin")
        ),
        NoticeRecipient(key="2" * 32, name="Carla Muster", postal=("Weg 2",)),
    )
    batch = NoticeBatch(laws=("gdpr@2018-05-25",), language="en", people=people)
    async with (
        running(MailHost({"DATA": say("250 2.0.0 queued as 4F2A1B")})) as host,
        campaigning(
            parts, tmp_path, host.url, HABEAS_MAIL_BOUNCES="bounces@example.com", HABEAS_BOUNCE_PORT=f"{port}"
        ) as campaigner,
    ):
        pipeline = campaigner.pipeline
        breach = await seal_batches(campaigner.vault, iter([batch]))
        await pipeline.start("notifier")
        await campaigner.release(breach)
        await campaigner.notified(breach)
        [path] = [sender for sender, to, _ in host.taken if to == "bruno@example.org"]
        async with aiosmtplib.SMTP(hostname=HOST, port=port) as client:
            report = REPORT.format(recipient="bruno@example.org", action="failed", status="5.1.1")
            for _ in range(2):
                await client.sendmail("", path, report)

        async def noted() -> bool:
            known = await counts(pipeline, breach)
            return (known["sent"], known["failed"]) == (1, 2)

        await comes_true(noted, WITHIN)
        recounts = await eventually(lambda: campaigner.heard.of(breach.incident, "breach.recounted"), WITHIN)
        rows = await not_reached(campaigner, breach)
        proofs = {
            name: await asked(campaigner, breach, f"{name}@example.org")
            for name in ("ada", "Bruno", "nobody")
        }
        await pipeline.stop()
    counted = {(one["data"]["sent"], one["data"]["failed"]) for one in recounts}  # at most one a report
    assert counted == {(1, 2)}, "the register hears of it, too"
    assert [(row["reason"], row["name"], row["postal"]) for row in rows] == [
        ("bounced", "'=1+1", "Weg 1\n10115 Berlin"),
        ("no_address", "Carla Muster", "Weg 2"),
    ]
    [ada], [bruno] = proofs["ada"], proofs["Bruno"]
    assert ada["said"] == "250 2.0.0 4F2A1B"
    assert ada["accepted_at"]
    assert not ada["doubtful"]
    [letter] = [message for _, to, message in host.taken if to == "ada@example.org"]
    assert f"Message-ID: {ada['message_id']}".encode() in letter
    assert bruno["returned"] == {"failed": "5.1.1"}
    assert proofs["nobody"] == []


async def test_a_code_overtakes_a_campaign(parts: Stack | None, tmp_path: Path) -> None:
    """Its letters hold all connections of notices until the code is there."""
    people, connections, person = 60, 4, "ada@example.net"
    gate = Gate()

    async def held(server: SMTP) -> str:
        assert server.envelope is not None
        return "250 2.0.0 Taken" if server.envelope.rcpt_tos == [person] else await gate(server)

    async with (
        running(MailHost({"DATA": held})) as host,
        campaigning(parts, tmp_path, host.url, HABEAS_NOTICE_CONNECTIONS=f"{connections}") as campaigner,
    ):
        pipeline = campaigner.pipeline
        breach = await seal(campaigner.vault, people, size=10)
        await pipeline.start("notifier")
        writer = Writer(pipeline)
        await campaigner.release(breach)
        await eventually(lambda: host.busy == connections, WITHIN)
        [case] = await writer.register(person)
        await writer.challenge(case, "402815")
        await eventually(lambda: len(host.taken) == 2, WITHIN)
        assert [to for _, to, _ in host.taken] == [person] * 2, "the campaign is still under way"
        gate.open.set()
        told = await campaigner.notified(breach)
        await pipeline.stop()
    assert (told["sent"], told["doubtful"], told["failed"]) == (people, 0, 0)
