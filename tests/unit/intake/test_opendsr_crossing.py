"""Equal instructions that cross, step by step, and processes that die between any two steps."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from inspect import iscoroutinefunction
from types import coroutine
from typing import Any

import pytest
from hypothesis import example as case
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.channels.opendsr.instructions import CALL
from services.intake.channels.opendsr.messages import EXISTS, OpenDsrCallRefused, Version
from services.intake.domain import RequestLodged
from shared.contract.events import RequestReceived
from shared.errors import UnknownRequest
from shared.runtime.journal import JournalRow
from shared.runtime.service import messages_of
from tests.extent import extent
from tests.unit.controllers import ID, LISTED, desk_of, example
from tests.unit.fakes import Office

SHOP = LISTED["shop"]
OTHER = "a7551968-d5d6-44b2-9831-815ac9017799"
THIRD = "b7551968-d5d6-44b2-9831-815ac9017799"
TAKEN, REPEATED, EQUAL, DIED = "taken", "repeated", "equal", "died"
SCHEDULES = st.lists(st.integers(0, 1), max_size=60)
STEPS = st.integers(0, 25)


@coroutine
def _turn() -> Generator[None]:
    yield


@dataclass
class Stepped:
    """An object with calls that wait for their turn."""

    it: Any

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.it, name)
        if not iscoroutinefunction(found):
            return found

        async def later(*arguments: Any, **named: Any) -> Any:
            await _turn()
            return await found(*arguments, **named)

        return later


@dataclass
class SteppedOutbox:
    """An outbox that stops before each step: storage, publication, removal of the mark."""

    office: Office

    async def append(self, row: JournalRow) -> bool:
        journal = self.office.journals["intake"]
        await _turn()
        if await journal.append_unpublished([row]):
            return False
        await _turn()
        await self.office.broker.publish(list(messages_of(row, "intake")))
        await _turn()
        await journal.mark_published([row.key])
        return True


@dataclass
class Counter:
    """A processor that two calls reach at once."""

    office: Office

    def post(self, **changes: Any) -> Coroutine[Any, Any, str]:
        """Return a call that stops before each step."""
        desk = desk_of(self.office)
        ports = replace(self.office.ports, vault=Stepped(self.office.vault))
        requests = replace(desk.files.requests, vault=ports.vault, context=ports.context)
        object.__setattr__(requests, "outbox", SteppedOutbox(self.office))
        object.__setattr__(requests, "_history", self._history)
        files = replace(desk.files, requests=requests, duplicates=Stepped(self.office.duplicates))
        return _answer(replace(desk, files=files).submit, json.dumps(example(**changes)).encode())

    async def _history(self, case_id: str) -> list[JournalRow]:
        await _turn()
        return (await self.office.journals["intake"].histories({case_id})).get(case_id, [])

    def alone(self, **changes: Any) -> str:
        """Return what a call is answered that nothing crosses."""
        return crossed([self.post(**changes)])[0]

    def lodged(self) -> set[str]:
        return {fact.request_id for fact in self.office.facts(RequestLodged)}

    def case_of(self, name: str = ID) -> str:
        return self.office.requests.id_of(SHOP.source, name)


async def _answer(submit: Callable[..., Coroutine[Any, Any, object]], body: bytes) -> str:
    try:
        await submit(SHOP, Version.TWO, body)
    except OpenDsrCallRefused as refused:
        said = refused.status, refused.flaws[0].message == EXISTS
        return {(HTTPStatus.CONFLICT, False): EQUAL, (HTTPStatus.BAD_REQUEST, True): REPEATED}[said]
    return TAKEN


def crossed(
    calls: Sequence[Coroutine[Any, Any, str]], schedule: Sequence[int] = (), *, dies_at: int | None = None
) -> list[str]:
    """Run *calls* in the order of *schedule*, then to their ends; the first dies before step *dies_at*."""
    return asyncio.run(_crossed(calls, schedule, dies_at))


async def _crossed(
    calls: Sequence[Coroutine[Any, Any, str]], schedule: Sequence[int], dies_at: int | None
) -> list[str]:
    answers: dict[int, str] = {}
    steps = 0
    for turn in [*schedule, *(number for number in range(len(calls)) for _ in range(200))]:
        if turn in answers:
            continue
        if turn == 0 and steps == dies_at:
            calls[0].close()
            answers[0] = DIED
            continue
        steps += turn == 0
        try:
            awaited = calls[turn].send(None)
            if isinstance(awaited, asyncio.Future):
                await asyncio.wait([awaited])
        except StopIteration as ended:
            answers[turn] = ended.value
    return [answers[number] for number in range(len(calls))]


def counter() -> Counter:
    return Counter(Office())


@pytest.mark.slow
@pytest.mark.campaign
@settings(max_examples=extent(60, 1_000), deadline=None)
@given(SCHEDULES)
def test_of_two_that_are_the_same_one_is_taken_and_the_other_is_a_repetition(schedule: list[int]) -> None:
    here = counter()
    answers = crossed([here.post(), here.post()], schedule)
    assert sorted(answers) == [REPEATED, TAKEN]
    assert here.lodged() == {here.case_of()}
    assert set(here.office.vault.items[here.case_of()]) == {CALL, "submission"}


@pytest.mark.slow
@pytest.mark.campaign
@settings(max_examples=extent(60, 1_000), deadline=None)
@given(SCHEDULES)
def test_of_two_that_are_equal_one_is_taken_and_the_other_is_in_its_way(schedule: list[int]) -> None:
    here = counter()
    answers = crossed([here.post(), here.post(subject_request_id=OTHER)], schedule)
    assert sorted(answers) == [EQUAL, TAKEN]
    assert here.lodged() == {here.case_of((ID, OTHER)[answers.index(TAKEN)])}


@pytest.mark.slow
@pytest.mark.campaign
@settings(max_examples=extent(60, 1_000), deadline=None)
@given(SCHEDULES)
def test_of_two_of_one_id_that_ask_for_different_things_the_other_stays_free(schedule: list[int]) -> None:
    here = counter()
    kinds = ("erasure", "access")
    answers = crossed([here.post(subject_request_type=kind) for kind in kinds], schedule)
    assert sorted(answers) == [REPEATED, TAKEN]
    taken, free = kinds[answers.index(TAKEN)], kinds[answers.index(REPEATED)]
    assert here.alone(subject_request_id=OTHER, subject_request_type=free) == TAKEN
    assert here.alone(subject_request_id=THIRD, subject_request_type=taken) == EQUAL


@pytest.mark.slow
@pytest.mark.campaign
@settings(max_examples=extent(150, 2_000), deadline=None)
@given(SCHEDULES, STEPS, st.sampled_from([ID, OTHER]))
def test_after_any_crash_one_instruction_is_done_and_none_waits(
    schedule: list[int], step: int, other: str
) -> None:
    here = counter()
    died, answer = crossed([here.post(), here.post(subject_request_id=other)], schedule, dies_at=step)
    again = here.alone()
    assert len(here.lodged()) == 1
    [lodged] = here.lodged()
    assert (answer == TAKEN) <= (lodged == here.case_of(other))
    assert (answer == REPEATED) <= (lodged == here.case_of())
    assert (answer == EQUAL) <= (lodged == here.case_of())
    assert (again == TAKEN) <= (died == DIED and answer != TAKEN)
    assert again != EQUAL or lodged == here.case_of(OTHER)


@pytest.mark.slow
@pytest.mark.parametrize("step", range(26))
def test_an_equal_instruction_completes_or_replaces_a_crashed_one(
    step: int,
) -> None:
    here = counter()
    crossed([here.post()], dies_at=step)
    answer = here.alone(subject_request_id=OTHER)
    assert here.lodged() == {here.case_of(ID if answer == EQUAL else OTHER)}
    asyncio.run(_outbox_of(here.office))
    assert len(here.office.facts(RequestReceived)) == 1


async def _outbox_of(office: Office) -> None:
    """Publish the rows that a crash left."""
    with suppress(TimeoutError):
        await asyncio.wait_for(office.requests.outbox.run(), 0.02)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(SCHEDULES)
@case([0] * 60)
def test_an_instruction_refused_beside_an_equal_one_may_come_again(schedule: list[int]) -> None:
    here = counter()
    crossed([here.post(), here.post(subject_request_id=OTHER)], schedule)
    [lodged] = here.lodged()
    name = OTHER if lodged == here.case_of() else ID
    with pytest.raises(UnknownRequest):
        asyncio.run(desk_of(here.office).status(SHOP, name, Version.TWO))
    assert here.office.vault.items[here.case_of(name)] == {}
    asyncio.run(here.office.requests.withdraw(lodged))
    asyncio.run(here.office.work())
    assert here.alone(subject_request_id=name) == TAKEN
