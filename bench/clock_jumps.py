"""
``python -m bench.clock_jumps``: the clock of one service at a time jumps, while requests arrive.

Each service in turn runs with libfaketime (`apt-get install faketime`), whose file says how far its clock is
off. Requests are under way at each jump and at the way back. It ends with 1 if a request is lost or ends
twice, if a message is parked, or if a last day is another than that of a request before all jumps.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import out
from bench.installation import MASTER_KEY, SERVICES, SOURCE, Ground, ground, services
from bench.load import Load, drive, people
from bench.low_load import RIGHTS
from bench.upstream import waiting
from services.intake.domain import request_id
from shared.contract.events import RequestReceived
from shared.contract.topology import LISTENS
from shared.runtime.key_rings import derived_key

NONE = "+0"
JUMPS = ("+1h", "-1h", "+1d")
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
REQUESTS, RATE = 20, 10
"""Requests of each right beside one jump, and a second."""
JUMP_AFTER_S = 0.7


@dataclass(frozen=True, slots=True)
class ClockJump:
    """What a jump of a service's clock led to."""

    service: str
    jump: str
    driven: int
    ended: int
    twice: int
    parked: int
    wrong_days: int
    """Requests with another last day than those before all jumps."""

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, repeated, parked or counted wrongly."""
        return self.ended == self.driven and not (self.twice or self.parked or self.wrong_days)

    def row(self) -> str:
        """Return a line of the table."""
        numbers = f"{self.ended} of {self.driven} | {self.twice} | {self.parked} | {self.wrong_days}"
        return f"| {self.service} | {self.jump} | {numbers} |"


async def measure(here: Ground, names: Sequence[str], jumps: Sequence[str]) -> list[ClockJump]:
    """Let the clock of each of *names* jump; return what that led to."""
    found: list[ClockJump] = []
    async with services(here):
        await _driven(here, "before", NONE, here.folder / "none")
    days = await _last_days(here, "before")
    for name in names:
        offset = here.folder / f"{name}.offset"
        _set_off(offset, NONE)
        others = tuple(one for one in SERVICES if one != name)
        async with services(here, others), services(here, (name,), _faked(offset)):
            for jump in jumps:
                found.append(await _jumped(here, name, jump, offset, days))
                out.print(found[-1].row(), markup=False)
    return found


def _set_off(offset: Path, jump: str) -> None:
    """Set the clock that looks at *offset* in one step: half a line would end the process."""
    new = offset.with_suffix(".new")
    new.write_text(f"{jump}\n", encoding="utf-8")
    new.replace(offset)


def _faked(offset: Path) -> dict[str, str]:
    """Return the environment of a process whose clock is as far off as *offset* says, at each look."""
    if not LIBRARY.is_file():
        raise SystemExit(f"bench: libfaketime is missing ({LIBRARY}): apt-get install faketime")
    faked = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(offset)}
    return faked | {"FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}


async def _jumped(
    here: Ground, name: str, jump: str, offset: Path, days: Mapping[str, set[str]]
) -> ClockJump:
    run = f"{name}{jump}".replace("+", "-plus-")
    ended, twice = await _driven(here, run, jump, offset)
    parked = sum((await waiting(here.stack.amqp_url, [f"{one}.parking" for one in LISTENS])).values())
    found = await _last_days(here, run)
    wrong = sum(len(found[right] - days[right]) for right in RIGHTS)
    return ClockJump(name, jump, REQUESTS * len(RIGHTS), ended, twice, parked, wrong)


async def _driven(here: Ground, run: str, jump: str, offset: Path) -> tuple[int, int]:
    """Drive each right while the clock jumps and comes back; return how many ended, and ended twice."""
    ended = twice = 0
    for right in RIGHTS:
        load = Load(right, f"{right}-{run}", REQUESTS, RATE)
        await people(here, load.run, load.count)
        driving = asyncio.create_task(drive(here, load, within_s=120))
        await asyncio.sleep(JUMP_AFTER_S)
        _set_off(offset, jump)
        outcome = await driving
        _set_off(offset, NONE)
        ended, twice = ended + outcome.ended, twice + outcome.twice
    return ended, twice


async def _last_days(here: Ground, run: str) -> dict[str, set[str]]:
    """Return right → last days of the requests of *run*."""
    key, days = derived_key(MASTER_KEY, "request ids"), dict[str, set[str]]()
    for right in RIGHTS:
        cases = [request_id(SOURCE, f"{right}-{run}-{number}", key=key) for number in range(REQUESTS)]
        wanted = {"case": {"$in": cases}, "facts.type": RequestReceived.TYPE}
        rows = here.client["habeas_intake"]["journal"].find(wanted)
        facts = [fact async for row in rows for fact in row["facts"] if fact["type"] == RequestReceived.TYPE]
        days[right] = {fact["data"]["due_on"] for fact in facts}
    return days


async def _main(names: Sequence[str], jumps: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            found = await measure(here, names, jumps)
    head = "| service | jump | ended | twice | parked | wrong last days |\n|---|---|---|---|---|---|"
    print("\n".join([head, *(one.row() for one in found)]))
    return 0 if all(one.passed for one in found) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.clock_jumps", description=__doc__)
    parser.add_argument("--services", nargs="+", choices=SERVICES, default=SERVICES)
    parser.add_argument("--jumps", nargs="+", default=JUMPS, help="as libfaketime writes them")
    given = parser.parse_args()
    raise SystemExit(asyncio.run(_main(given.services, given.jumps)))
