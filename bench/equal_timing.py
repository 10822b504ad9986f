"""
Does the time of an answer tell whether a person is known? ``python -m bench.equal_timing [--people N]``.

The answer itself is the same by construction. Here strangers ask in the name of people of whom nothing, one
record or many are held: they are asked for proof, and claim details that are wrong. Both are timed through
all services; who asks next is left to chance.
"""

import argparse
import asyncio
import math
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from uuid import uuid4

from rich.table import Table

from bench.figures import out
from bench.installation import MASTER_KEY, Ground, ground, services
from bench.proofs import Desk, desk
from habeas.client.requests import cloud_event
from services.intake.domain import request_id
from shared.contract.events import Fact, IdentityChallenged, ProofRefused, ProofSubmitted, RequestSubmitted
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Message
from shared.runtime.key_rings import derived_key

HELD = {"unknown": 0, "one record": 1, "500 records": 500}
"""What is held of a person → how many records."""
PEOPLE = 200
"""Of each kind."""
WARMING_UP = 20
PACE_S = 0.25
"""Between two who ask, on average: little enough is asked for nobody to wait for others."""
WITHIN_S = 120.0
SOURCE = "stranger"
REQUEST_KEY = derived_key(MASTER_KEY, "request ids")


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds until an answer, one for each person."""

    challenged: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asking:
    """Strangers who ask side by side, and hear what becomes of it."""

    desk: Desk
    expected: dict[tuple[type[Fact], str], asyncio.Future[float]] = field(default_factory=dict)
    """Fact and case → when it was heard."""

    async def listen(self) -> None:
        """Note when facts are heard, for ever."""
        while True:
            fact = await self.desk.heard.get()
            heard = self.expected.pop((type(fact), fact.request_id), None)
            if heard is not None:
                heard.set_result(time.perf_counter())

    async def answered(self, type_: str, data: Mapping[str, object], kind: type[Fact], case: str) -> float:
        """Submit *data*; return after how many milliseconds a fact of *kind* is heard."""
        heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.expected[kind, case] = heard
        body = cloud_event(data, type_=type_, source=SOURCE)
        began = time.perf_counter()
        await self.desk.bus.publish([Message(REQUESTS, type_, body, uuid4().hex)])
        async with asyncio.timeout(WITHIN_S):
            return (await heard - began) * 1000


async def measure(people: int) -> Mapping[str, Times]:
    """Return the times of each kind of person."""
    times = {kind: Times() for kind in HELD}
    turns = [(kind, number) for kind in HELD for number in range(people)]
    random.shuffle(turns)
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here, services(here), desk(here) as hearing:
            await _fill(here, people)
            asking = Asking(hearing)
            listening = asyncio.create_task(asking.listen())
            async with asyncio.TaskGroup() as group:
                for number in range(WARMING_UP):
                    group.create_task(_ask(asking, f"nobody{number}@example.org", Times()))
            async with asyncio.TaskGroup() as group:
                for kind, number in turns:
                    group.create_task(_ask(asking, _address(kind, number), times[kind]))
                    await asyncio.sleep(random.expovariate(1 / PACE_S))
            listening.cancel()
    return times


async def _fill(here: Ground, people: int) -> None:
    users = here.client["shop"]["users"]
    await users.create_index("email", name="email_caseless", collation={"locale": "en", "strength": 2})
    addresses = (
        _address(kind, number)
        for kind, records in HELD.items()
        for number in range(people)
        for _ in range(records)
    )
    documents = [{"_id": n, "email": email, "name": "Ada Example"} for n, email in enumerate(addresses)]
    await users.insert_many(documents)


def _address(kind: str, number: int) -> str:
    return f"{kind.replace(' ', '')}{number}@example.org"


async def _ask(asking: Asking, email: str, times: Times) -> None:
    """Ask in the name of *email*, claim what is wrong, and note how long either answer takes."""
    reference = uuid4().hex
    case = request_id(SOURCE, reference, key=REQUEST_KEY)
    subject = {"name": "Ida Example", "email": email}
    request = {"reference": reference, "right": "access", "subject": subject, "residence": {"country": "DE"}}
    claim = {"reference": reference, "proofs": [{"kind": "data_points", "points": {"name": "Ida Example"}}]}
    challenged = await asking.answered(RequestSubmitted.TYPE, request, IdentityChallenged, case)
    refused = await asking.answered(ProofSubmitted.TYPE, claim, ProofRefused, case)
    times.challenged.append(challenged)
    times.refused.append(refused)


def mann_whitney(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """
    Return how likely one of *ones* is larger than one of *others* (0.5: no telling), and the test's p-value.

    Mann and Whitney 1947, with the normal approximation and mean ranks for ties.
    """
    ranked = sorted(chain(ones, others))
    places: dict[float, list[int]] = {}
    for place, value in enumerate(ranked, start=1):
        places.setdefault(value, []).append(place)
    n, m = len(ones), len(others)
    u = sum(statistics.fmean(places[value]) for value in ones) - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return u / (n * m), math.erfc(abs(z) / math.sqrt(2))


def report(times: Mapping[str, Times]) -> None:
    """Print the times, those of people of whom something is held beside those of the unknown."""
    table = Table("answer", "held", "median ms", "p95 ms", "likelier later than unknown", "p")
    for answer in ("challenged", "refused"):
        unknown = getattr(times["unknown"], answer)
        for kind in HELD:
            measured = getattr(times[kind], answer)
            later, p = mann_whitney(measured, unknown)
            cut = statistics.quantiles(measured, n=20)[-1]
            table.add_row(
                answer, kind, f"{statistics.median(measured):.1f}", f"{cut:.1f}", f"{later:.3f}", f"{p:.2g}"
            )
    out.print(table)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--people", type=int, default=PEOPLE, help="how many of each kind")
    report(asyncio.run(measure(arguments.parse_args().people)))
