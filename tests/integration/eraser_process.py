"""
Erasure in a forked process for each number on standard input; prints how each process ended.

The process dies by SIGKILL at the boundary of that number; 0 lets it live. All modules are loaded before the
first fork and nothing is connected, so a fork starts like a new process, but faster.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass

from services.fulfillment.stores import batch_lookup, mongodb
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import connect
from tests.integration.crash_points import Life
from tests.integration.test_engine import World
from tests.integration.test_erasure_crashes import Durable


@dataclass
class Doomed(Life):
    """Ends the process itself."""

    def passes(self) -> None:
        """Count a boundary, and die at the last."""
        self.passed += 1
        if self.passed == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


async def erase(mongo_url: str, prefix: str, life: Life) -> None:
    """Go on with whatever was begun, as the first delivery and every later one have it."""
    client = connect(mongo_url, app_name="a process that dies")
    durable = Durable.real(World(client, prefix, Stores({"default": client}, database_prefix=prefix)))
    await durable.deliver()
    await durable.broker.drain(durable.process(life))
    client.close()


def main(mongo_url: str, prefix: str) -> None:
    """Make a copy for every number, and print its exit code and how many boundaries it passed."""
    mongodb.READING_WINDOW = batch_lookup.SCAN_WINDOW = 0.0
    for line in sys.stdin:
        life, (told, tells) = Doomed(int(line)), os.pipe()
        child = os.fork()
        if not child:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is logged is no answer
            asyncio.run(erase(mongo_url, prefix, life))
            os.write(tells, str(life.passed).encode())
            os._exit(0)
        os.close(tells)
        with os.fdopen(told) as passed:
            number = passed.read() or "0"
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), number, flush=True)  # noqa: T201  the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
