"""
Makes a MongoDB server a replica set of one.

``python -m shared.runtime.replica_set ROOT_URL_FILE CLIENT_URL_FILE``: both files hold a MongoDB URL. The
first is
the administrator's and reaches the server directly; the second is one that clients use: it names the member
and the replica set. A replica set that is there stays as it is. It may run at every start; `habeas topology`
makes the users.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from shared.errors import ConfigurationError, HabeasError, StoreUnavailable
from shared.runtime.mongo import Client, Document, connect, translated

ELECTION_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Access:
    """The fields of the clients' URL."""

    member: str
    """Host and port under which every client reaches the server."""
    replica_set: str

    @classmethod
    def read(cls, url: str) -> Self:
        """
        Return the fields of *url*.

        Raises:
            ConfigurationError: It does not name one member and a replica set.
        """
        parts = urlsplit(url)
        member = parts.netloc.rpartition("@")[2]
        names = parse_qs(parts.query).get("replicaSet", [])
        if not (member and "," not in member and names):
            raise ConfigurationError("the URL of clients must be mongodb://…@host:port/?replicaSet=name")
        return cls(member, names[0])


async def prepare(root: Client, access: Access) -> None:
    """
    Prepare the server at *root* for *access*.

    Raises:
        StoreUnavailable: It did not answer, or elected no primary in time.
        PermanentError: It refused.
    """
    if "setName" not in await _hello(root):
        with translated("initiate the replica set"):
            await root.admin.command("replSetInitiate", _configuration(access))
    await _elected(root)


def _configuration(access: Access) -> Document:
    return {"_id": access.replica_set, "members": [{"_id": 0, "host": access.member}]}


async def _hello(root: Client) -> Document:
    with translated("say hello"):
        answer: Document = await root.admin.command("hello")
        return answer


async def _elected(root: Client) -> None:
    deadline = time.monotonic() + ELECTION_WAIT_S
    while not (await _hello(root))["isWritablePrimary"]:
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"no primary was elected within {ELECTION_WAIT_S:.0f} s")
        await asyncio.sleep(0.1)


async def run(root_url: str, user_url: str) -> None:
    """Prepare the server at *root_url* for clients that use *user_url*."""
    access = Access.read(user_url)
    root = connect(root_url, app_name="habeas setup")
    try:
        await prepare(root, access)
    finally:
        root.close()


def main() -> int:
    """Return the exit code; one line states the error."""
    try:
        root_url, user_url = (Path(name).read_text(encoding="utf-8").strip() for name in sys.argv[1:3])
        asyncio.run(run(root_url, user_url))
    except (HabeasError, OSError, ValueError) as error:
        sys.stderr.write(f"habeas: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
