"""Attacks in the windows before an erasure, and before a copy whose records name other mailboxes."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

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
from tests.windows import end_of_window, is_in_time, windows_of

WINDOW = timedelta(seconds=12)
"""Short, for the tests that wait for its end; on a slower machine another person is taken."""
Stop: TypeAlias = Callable[["Stage", Somebody], Awaitable[tuple[str, bool]]]
"""Returns the request of a person, and whether its stop within the window was taken."""


@dataclass
class Stage:
    pipeline: Pipeline
    shop: Controller
    agent: Agent
    people: Iterator[Somebody]
    """Those whom no test has taken yet."""


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
            people = iter(await pipeline.people())
            yield Stage(pipeline, Controller(pipeline.http, "shop"), agent, people)
            await pipeline.stop()


async def waits(pipeline: Pipeline, case: str) -> datetime:
    """Return when the erasure of *case* begins, once its page says so, or once it has begun."""

    async def scheduled() -> datetime | None:
        begins = await end_of_window(pipeline, case)
        shown = (await pipeline.page(case))["erasure_at"] is not None
        return begins if shown or (begins is not None and begins < now()) else None

    begins: datetime | None = await eventually(scheduled, WITHIN)
    assert begins is not None
    return begins


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


async def stopped_in_time(stage: Stage, stop: Stop) -> tuple[str, Somebody, dict[str, int]]:
    """Stop an erasure within its window; return the request, the person, and where their data was."""
    for person in stage.people:
        before = await stage.pipeline.mentions(person.email)
        assert before
        case, taken = await stop(stage, person)
        if await is_in_time(stage.pipeline, case):
            assert taken
            return case, person, before
    raise AssertionError("nobody was quick enough")


async def stopped_by_page(stage: Stage, person: Somebody) -> tuple[str, bool]:
    case = await stage.pipeline.verified("erasure", person)
    await waits(stage.pipeline, case)
    page = (await stage.pipeline.http.get(f"/requests/{case}", headers={"Accept": "text/html"})).text
    shown = "Your data will be erased" in page and "Stop the erasure" in page
    answer = await stage.pipeline.http.post(f"/requests/{case}/withdrawal")
    return case, shown and not answer.is_error


async def stopped_by_delete(stage: Stage, person: Somebody) -> tuple[str, bool]:
    case = await stage.pipeline.verified("erasure", person)
    await waits(stage.pipeline, case)
    return case, (await stage.pipeline.http.delete(f"/v1/requests/{case}")).is_success


async def stopped_by_event(stage: Stage, person: Somebody) -> tuple[str, bool]:
    asked = person.asks("erasure")
    await stage.pipeline.send(asked, source=SHOP)
    case = await stage.pipeline.id_of(asked, source=SHOP)
    code = await stage.pipeline.code_for(person, case)
    (await stage.pipeline.prove(case, code)).raise_for_status()
    await waits(stage.pipeline, case)
    withdrawal = {"reference": asked["reference"]}
    await stage.pipeline.send(withdrawal, source=SHOP, type_=WithdrawalSubmitted.TYPE)
    return case, True


async def stopped_by_controller(stage: Stage, person: Somebody) -> tuple[str, bool]:
    body, earlier = instruction("erasure", person), await cases_of(stage.pipeline, "opendsr/shop")
    (await stage.shop.post(body)).raise_for_status()

    async def lodged() -> str:
        return next(iter(await cases_of(stage.pipeline, "opendsr/shop") - earlier), "")

    case: str = await eventually(lodged, WITHIN)
    await waits(stage.pipeline, case)
    path = f"/opendsr/v3/requests/{body['subject_request_id']}"
    answer = await stage.pipeline.http.delete(path, headers=stage.shop.headers)
    return case, answer.status_code in {200, 202}


async def cases_of(pipeline: Pipeline, source: str) -> set[str]:
    """Return the cases that came in from *source*."""
    rows = await pipeline.rows("intake")
    return {str(row["case"]) for row in rows if f"'source': '{source}'" in str(row)}


async def stopped_by_agent(stage: Stage, person: Somebody) -> tuple[str, bool]:
    made = await stage.agent.exercise(stage.agent.signed(exercise="deletion", **claims(person)))
    case = str(made["request_id"])
    await waits(stage.pipeline, case)
    body = base64.b64encode(stage.agent.key.sign(b'{"reason": "changed their mind"}'))
    answer = await stage.pipeline.http.request(
        "DELETE", f"{REQUESTS}/{case}", content=body, headers=stage.agent.bearer
    )
    return case, answer.status_code == 200 and answer.json()["status"] == "revoked"


async def stopped_after_a_forged_end(stage: Stage, person: Somebody) -> tuple[str, bool]:
    pipeline, complaint = stage.pipeline, "the window of the erasure has not ended"
    case = await pipeline.verified("erasure", person)
    await waits(pipeline, case)
    earlier = pipeline.log.read_text().count(complaint)
    forged = ErasureDue(request_id=case, name="erasure_window")
    id_ = uuid.uuid4().hex
    body = encode(forged, id=id_, source="habeas/fulfillment", time=now())
    await pipeline.announce(Message(topology.EVENTS, ErasureDue.TYPE, body, id_))

    async def refused_or_too_late() -> bool:
        begun = await pipeline.rows("fulfillment", case=case, **{"event.type": ErasureDue.TYPE})
        return bool(begun) or pipeline.log.read_text().count(complaint) > earlier

    await comes_true(refused_or_too_late)
    return case, (await pipeline.http.delete(f"/v1/requests/{case}")).is_success


async def test_erasure_stopped_within_its_window_is_never_carried_out(stage: Stage) -> None:
    pipeline = stage.pipeline
    stops = (stopped_by_page, stopped_by_delete, stopped_by_event, stopped_by_controller, stopped_by_agent)
    stopped = await asyncio.gather(*(stopped_in_time(stage, stop) for stop in stops))

    person = next(stage.people)
    case = await pipeline.verified("erasure", person)
    at = await waits(pipeline, case)
    assert await pipeline.mentions(person.email) or now() > at, "erased before the window has ended"
    assert await answered(pipeline, case) >= at
    assert not await pipeline.mentions(person.email)
    assert len(announced(pipeline, person, case)) == 1
    assert (await pipeline.closed(case))["erasure_at"] is None

    for case, person, before in stopped:
        assert await pipeline.mentions(person.email) == before, person
        page = await pipeline.page(case)  # nobody writes to the person for a controller: it is not closed
        assert page["status"] in {"withdrawn", "closed"}
        assert (page["outcome"], page["erasure_at"]) == (None, None)


async def test_controller_skips_the_window_of_its_own_instruction_only(stage: Stage) -> None:
    pipeline = stage.pipeline
    own, other = next(stage.people), next(stage.people)
    waiting = await pipeline.verified("erasure", other)
    at = await waits(pipeline, waiting)
    at_once: dict[str, Any] = {"extensions": {httpx.URL(URL).host: {"skip_waiting_period": True}}}
    windows = await windows_of(pipeline, ErasureScheduled)
    for body in (instruction("erasure", own, **at_once), instruction("erasure", other, **at_once)):
        (await stage.shop.post(body)).raise_for_status()

    async def erased() -> bool:
        return not await pipeline.mentions(own.email)

    await comes_true(erased)
    assert await windows_of(pipeline, ErasureScheduled) == windows
    kept = (await pipeline.page(waiting))["erasure_at"]
    assert (kept is not None and datetime.fromisoformat(kept) == at) or now() > at


async def test_window_and_stop_survive_a_crash(stage: Stage) -> None:
    pipeline = stage.pipeline
    while True:  # until all of that happens within the windows
        one, two = next(stage.people), next(stage.people)
        kept, gone = await asyncio.gather(*(pipeline.verified("erasure", person) for person in (one, two)))
        _, until = await asyncio.gather(waits(pipeline, kept), waits(pipeline, gone))
        await pipeline.http.delete(f"/v1/requests/{kept}")
        stopped = await is_in_time(pipeline, kept)
        await pipeline.until_it_is("closed", kept)
        await pipeline.kill()
        killed_at = now()
        if stopped and killed_at < until:
            break
        await pipeline.start()
    assert await pipeline.mentions(two.email)
    await pipeline.start()
    assert await answered(pipeline, gone) >= killed_at
    assert not await pipeline.mentions(two.email)
    assert await pipeline.mentions(one.email)


async def test_forged_end_of_the_window_erases_nothing(stage: Stage) -> None:
    """Even fulfillment's own account on the broker cannot shorten the window."""
    case, person, before = await stopped_in_time(stage, stopped_after_a_forged_end)
    await stage.pipeline.closed(case)
    assert await stage.pipeline.mentions(person.email) == before


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
    while True:  # until the link is followed within the window
        attacker, honest, plain = (next(stage.people) for _ in range(3))
        victim = await owner_of_a_mailbox_named_by(pipeline, attacker, f"victim.{uuid.uuid4().hex}")
        await owner_of_a_mailbox_named_by(pipeline, honest, f"own.{uuid.uuid4().hex}")
        held, waiting, at_once = await asyncio.gather(
            *(pipeline.verified("access", person) for person in (attacker, honest, plain))
        )
        (await pipeline.http.post(await stop_link_for(pipeline, victim))).raise_for_status()
        if await is_in_time(pipeline, held):
            break
    await pipeline.closed(at_once)
    answered_at = await answered(pipeline, waiting)
    windows = await windows_of(pipeline, DisclosureScheduled)
    assert at_once not in windows, "where no other mailbox is named nothing waits"
    assert answered_at >= windows[waiting]
    ended = {"case": held, "event.type": DisclosureDue.TYPE}
    _: list[Document] = await eventually(lambda: pipeline.rows("fulfillment", **ended), WITHIN)
    page = await pipeline.until_it_is("verified", held)
    assert (page["stopped"], page["outcome"]) == ("not_me", None)
    journal = {case: str(await pipeline.rows("fulfillment", case=case)) for case in (held, waiting)}
    assert [RequestFulfilled.TYPE in journal[case] for case in (held, waiting)] == [False, True]
