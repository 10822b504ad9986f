"""Attacks in the windows before an erasure, and before a copy whose records name other mailboxes."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from shared.contract import topology
from shared.contract.envelope import encode
from shared.contract.events import (
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasureScheduled,
    RequestFulfilled,
    WithdrawalSubmitted,
)
from shared.runtime.broker import Message
from shared.runtime.mongo import Document
from tests.attacks.test_identity_claims import with_addresses
from tests.attacks.test_stop_link import LINK
from tests.integration.pipeline import PORTAL, SHOP, WITHIN, Pipeline, Somebody, comes_true, now, prepared
from tests.integration.test_drp import BUSINESS, REQUESTS, Agent, claims
from tests.integration.test_opendsr import IDENTITIES, SECRETS, URL, Controller, instruction
from tests.unit.controllers import certificate_of, pem_of, rsa_key
from tests.waiting import eventually

WINDOW = timedelta(seconds=12)


@dataclass
class Stage:
    pipeline: Pipeline
    shop: Controller
    agent: Agent


@pytest_asyncio.fixture(scope="module")
async def stage(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("window")
    async with httpx.AsyncClient() as unused:
        agent = Agent(unused, "AGENT_ONE")
        async with prepared(
            parts,
            folder,
            HABEAS_ERASURE_WINDOW=f"PT{WINDOW.seconds}S",
            HABEAS_OPENDSR_CONTROLLERS=json.dumps(
                [{"id": "shop", "key": "shop-key", "secret": SECRETS["shop"]}]
            ),
            HABEAS_OPENDSR_URL=URL,
            HABEAS_OPENDSR_KEY=pem_of(rsa_key()),
            HABEAS_OPENDSR_CERTIFICATE=certificate_of(rsa_key()),
            HABEAS_OPENDSR_IDENTITIES=json.dumps(IDENTITIES),
            HABEAS_DRP_BUSINESS=BUSINESS,
            HABEAS_DRP_AGENTS=json.dumps([agent.listed]),
            HABEAS_TRUSTED_SOURCES=json.dumps([PORTAL, "drp/AGENT_ONE"]),
        ) as pipeline:
            await pipeline.start()
            agent.http = pipeline.http
            (await agent.set_up()).raise_for_status()
            yield Stage(pipeline, Controller(pipeline.http, "shop"), agent)
            await pipeline.stop()


async def waits(pipeline: Pipeline, case: str) -> datetime:
    """Return when the erasure of *case* begins, once that is known."""

    async def scheduled() -> str:
        return str((await pipeline.page(case))["erasure_at"] or "")

    return datetime.fromisoformat(await eventually(scheduled, WITHIN))


async def cases_with(
    pipeline: Pipeline, fact: type[ErasureScheduled | DisclosureScheduled]
) -> dict[str, str]:
    """Return the cases with a window, and when the first of each ends."""
    rows = await pipeline.rows("fulfillment", **{"facts.type": fact.TYPE})
    facts = [(row["case"], one) for row in rows for one in row["facts"] if one["type"] == fact.TYPE]
    return {case: str(one["data"]["at"]) for case, one in reversed(facts)}


async def answered(pipeline: Pipeline, case: str) -> datetime:
    """Return when *case* was answered, once it is."""

    async def told() -> str:
        timeline = (await pipeline.page(case))["timeline"]
        return next((str(entry["at"]) for entry in timeline if entry["what"] == "answered"), "")

    return datetime.fromisoformat(await eventually(told, WINDOW + WITHIN))


def announced(pipeline: Pipeline, person: Somebody, case: str) -> list[str]:
    """Return the bodies of the letters to *person* that announce the erasure."""
    letters = pipeline.letters_to(person, case)
    return [letter.body() for letter in letters if "Stop the erasure" in letter.body()]


async def stopped_by_page(stage: Stage, person: Somebody) -> str:
    case = await stage.pipeline.verified("erasure", person)
    await waits(stage.pipeline, case)
    page = (await stage.pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    assert "Your data will be erased" in page
    assert "Stop the erasure" in page
    answer = await stage.pipeline.http.post(f"/requests/{case}/withdrawal")
    answer.raise_for_status()
    return case


async def stopped_by_delete(stage: Stage, person: Somebody) -> str:
    case = await stage.pipeline.verified("erasure", person)
    await waits(stage.pipeline, case)
    (await stage.pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    return case


async def stopped_by_event(stage: Stage, person: Somebody) -> str:
    asked = person.asks("erasure")
    await stage.pipeline.send(asked, source=SHOP)
    case = await stage.pipeline.id_of(asked, source=SHOP)
    code = await stage.pipeline.code_for(person, case)
    (await stage.pipeline.prove(case, code)).raise_for_status()
    await waits(stage.pipeline, case)
    withdrawal = {"reference": asked["reference"]}
    await stage.pipeline.send(withdrawal, source=SHOP, type_=WithdrawalSubmitted.TYPE)
    return case


async def stopped_by_controller(stage: Stage, person: Somebody) -> str:
    body = instruction("erasure", person)
    (await stage.shop.post(body)).raise_for_status()

    async def lodged() -> str:
        return await case_of(stage.pipeline, "opendsr/shop")

    case: str = await eventually(lodged, WITHIN)
    await waits(stage.pipeline, case)
    path = f"/opendsr/v3/requests/{body['subject_request_id']}"
    answer = await stage.pipeline.http.delete(path, headers=stage.shop.headers)
    assert answer.status_code in {200, 202}, answer.text
    return case


async def case_of(pipeline: Pipeline, source: str) -> str:
    """Return the case that came in from *source*."""
    rows = await pipeline.rows("intake")
    return next((str(row["case"]) for row in rows if f"'source': '{source}'" in str(row)), "")


async def stopped_by_agent(stage: Stage, person: Somebody) -> str:
    made = await stage.agent.exercise(stage.agent.signed(exercise="deletion", **claims(person)))
    case = str(made["request_id"])
    await waits(stage.pipeline, case)
    body = base64.b64encode(stage.agent.key.sign(b'{"reason": "changed their mind"}'))
    answer = await stage.pipeline.http.request(
        "DELETE", f"{REQUESTS}/{case}", content=body, headers=stage.agent.bearer
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "revoked"), answer.text
    return case


async def test_erasure_stopped_within_its_window_is_never_carried_out(stage: Stage) -> None:
    pipeline = stage.pipeline
    people = await pipeline.people()
    stops = (stopped_by_page, stopped_by_delete, stopped_by_event, stopped_by_controller, stopped_by_agent)
    stopped = dict(zip(stops, people[2:], strict=False))
    before = {person.email: await pipeline.mentions(person.email) for person in stopped.values()}
    assert all(before.values())
    cases = await asyncio.gather(*(stop(stage, person) for stop, person in stopped.items()))

    person = people[1]
    case = await pipeline.verified("erasure", person)
    at = await waits(pipeline, case)
    assert await pipeline.mentions(person.email) or now() > at, "erased before the window has ended"
    assert await answered(pipeline, case) >= at
    assert not await pipeline.mentions(person.email)
    assert len(announced(pipeline, person, case)) == 1
    assert (await pipeline.closed(case))["erasure_at"] is None

    for case, person in zip(cases, stopped.values(), strict=True):
        assert await pipeline.mentions(person.email) == before[person.email], person
        page = await pipeline.page(case)  # nobody writes to the person for a controller: it is not closed
        assert page["status"] in {"withdrawn", "closed"}
        assert (page["outcome"], page["erasure_at"]) == (None, None)


async def test_controller_skips_the_window_of_its_own_instruction_only(stage: Stage) -> None:
    pipeline = stage.pipeline
    own, other = (await pipeline.people())[8:10]
    waiting = await pipeline.verified("erasure", other)
    at = await waits(pipeline, waiting)
    at_once: dict[str, Any] = {"extensions": {httpx.URL(URL).host: {"skip_waiting_period": True}}}
    windows = await cases_with(pipeline, ErasureScheduled)
    for body in (instruction("erasure", own, **at_once), instruction("erasure", other, **at_once)):
        (await stage.shop.post(body)).raise_for_status()

    async def erased() -> bool:
        return not await pipeline.mentions(own.email)

    await comes_true(erased)
    assert await cases_with(pipeline, ErasureScheduled) == windows
    kept = (await pipeline.page(waiting))["erasure_at"]
    assert kept == at.isoformat().replace("+00:00", "Z") or now() > at


async def test_window_and_stop_survive_a_crash(stage: Stage) -> None:
    pipeline = stage.pipeline
    one, two = (await pipeline.people())[10:12]
    kept, gone = await asyncio.gather(*(pipeline.verified("erasure", person) for person in (one, two)))
    await asyncio.gather(waits(pipeline, kept), waits(pipeline, gone))
    (await pipeline.http.delete(f"/v1/requests/{kept}")).raise_for_status()
    await pipeline.until_it_is("closed", kept)
    await pipeline.kill()
    assert await pipeline.mentions(two.email)
    killed_at = now()
    await pipeline.start()
    assert await answered(pipeline, gone) >= killed_at
    assert not await pipeline.mentions(two.email)
    assert await pipeline.mentions(one.email)


async def test_forged_end_of_the_window_erases_nothing(stage: Stage) -> None:
    """Even fulfillment's own account on the broker cannot shorten the window."""
    pipeline = stage.pipeline
    person = (await pipeline.people())[13]
    case = await pipeline.verified("erasure", person)
    await waits(pipeline, case)
    forged = ErasureDue(request_id=case, name="erasure_window")
    id_ = uuid.uuid4().hex
    body = encode(forged, id=id_, source="habeas/fulfillment", time=now())
    await pipeline.announce(Message(topology.EVENTS, ErasureDue.TYPE, body, id_))

    async def refused() -> bool:
        return "the window of the erasure has not ended" in pipeline.log.read_text()

    await comes_true(refused)
    assert await pipeline.mentions(person.email)
    (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    await pipeline.closed(case)
    assert await pipeline.mentions(person.email)


async def owner_of_a_mailbox_named_by(pipeline: Pipeline, person: Somebody, name: str) -> Somebody:
    owner = Somebody(f"{name}@example.net", "")
    await with_addresses(pipeline, person, [owner.email])
    return owner


async def stop_link_for(pipeline: Pipeline, owner: Somebody) -> str:
    """Return the path of the link in the letter to *owner*, once it is there."""

    async def written() -> str:
        found = [LINK.search(letter.body()) for letter in pipeline.letters_to(owner)]
        return next((link[0] for link in found if link), "")

    link: str = await eventually(written, WITHIN)
    return link[link.index("/stop/") :]


async def test_owner_of_another_mailbox_stops_a_copy_before_it_is_made(stage: Stage) -> None:
    pipeline = stage.pipeline
    attacker, honest, plain = (await pipeline.people())[15:18]
    victim = await owner_of_a_mailbox_named_by(pipeline, attacker, "victim.of.a.copy")
    await owner_of_a_mailbox_named_by(pipeline, honest, "own.other.mailbox")
    held, waiting, at_once = await asyncio.gather(
        *(pipeline.verified("access", person) for person in (attacker, honest, plain))
    )
    link = await stop_link_for(pipeline, victim)
    await pipeline.until_it_is("verified", held)
    (await pipeline.http.post(link)).raise_for_status()
    await pipeline.closed(at_once)
    windows = await cases_with(pipeline, DisclosureScheduled)
    assert at_once not in windows, "where no other mailbox is named nothing waits"
    assert await answered(pipeline, waiting) >= datetime.fromisoformat(windows[waiting])
    ended = {"case": held, "event.type": DisclosureDue.TYPE}
    _: list[Document] = await eventually(lambda: pipeline.rows("fulfillment", **ended), WITHIN)
    page = await pipeline.page(held)
    assert (page["status"], page["stopped"], page["outcome"]) == ("verified", "not_me", None)
    journal = {case: str(await pipeline.rows("fulfillment", case=case)) for case in (held, waiting)}
    assert [RequestFulfilled.TYPE in journal[case] for case in (held, waiting)] == [False, True]
