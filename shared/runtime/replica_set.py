"""
Makes MongoDB servers a replica set.

``python -m shared.runtime.replica_set ROOT_URL_FILE CLIENT_URL_FILE``: both files hold a MongoDB URL. The
first is the administrator's and reaches the first member directly; the second is one that clients use: it
names the members and the replica set. Members that are missing in a replica set are added; else it stays as
it is. It may run at every start; `habeas topology` makes the users.
"""

import asyncio
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from shared.errors import ConfigurationError, HabeasError, StoreUnavailable
from shared.runtime.mongo import Client, Document, connect, translated

APP = "habeas setup"
ELECTION_WAIT_S = 30.0
ADDITION_WAIT_S = 600.0
"""Time in which a new member has copied what the others have."""


@dataclass(frozen=True, slots=True)
class Access:
    """The fields of the clients' URL."""

    members: tuple[str, ...]
    """Host and port under which every client reaches each server."""
    replica_set: str

    @classmethod
    def read(cls, url: str) -> Self:
        """
        Return the fields of *url*.

        Raises:
            ConfigurationError: It does not name members and a replica set.
        """
        parts = urlsplit(url)
        members = tuple(parts.netloc.rpartition("@")[2].split(","))
        names = parse_qs(parts.query).get("replicaSet", [])
        if not (all(members) and names):
            raise ConfigurationError("the URL of clients must be mongodb://…@host:port/?replicaSet=name")
        return cls(members, names[0])

    def url_for(self, root_url: str) -> str:
        """Return the URL by which the administrator of *root_url* reaches the primary, whichever it is."""
        user, _, _ = urlsplit(root_url).netloc.rpartition("@")
        at = f"{user}@" if user else ""
        query = f"authSource=admin&replicaSet={self.replica_set}"
        return f"mongodb://{at}{','.join(self.members)}/?{query}"


async def run(root_url: str, user_url: str) -> None:
    """
    Prepare the servers for clients that use *user_url*, as the administrator of *root_url*.

    Raises:
        StoreUnavailable: One did not answer, or they elected no primary in time.
        PermanentError: One refused.
    """
    access = Access.read(user_url)
    with closing(connect(root_url, app_name=APP)) as root:
        if "setName" not in await _hello(root):
            with translated("initiate the replica set"):
                await root.admin.command("replSetInitiate", configuration_of(access))
        await _elected(root)
    if len(access.members) > 1:
        with closing(connect(access.url_for(root_url), app_name=APP)) as primary:
            await _complete(primary, access)


def configuration_of(access: Access) -> Document:
    """Return the configuration of a new replica set."""
    members = [{"_id": number, "host": host} for number, host in enumerate(access.members)]
    return {"_id": access.replica_set, "members": members}


def with_missing(configuration: Document, access: Access) -> Document | None:
    """Return *configuration* with one more member of *access*; None if it has all."""
    there = configuration["members"]
    missing = [host for host in access.members if host not in {one["host"] for one in there}]
    if not missing:
        return None
    added = {"_id": max(one["_id"] for one in there) + 1, "host": missing[0]}
    return {**configuration, "version": configuration["version"] + 1, "members": [*there, added]}


async def _complete(primary: Client, access: Access) -> None:
    """Add the members that are missing, one after the other: a replica set takes no more at once."""
    while changed := with_missing(await _configuration(primary), access):
        with translated("add a member to the replica set"):
            await primary.admin.command("replSetReconfig", changed)
        await _copied(primary, changed["members"][-1]["host"])


async def _configuration(primary: Client) -> Document:
    with translated("read the configuration of the replica set"):
        answer: Document = await primary.admin.command("replSetGetConfig")
    found: Document = answer["config"]
    return found


async def _copied(primary: Client, host: str) -> None:
    deadline = time.monotonic() + ADDITION_WAIT_S
    while await _state_of(primary, host) != "SECONDARY":
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"{host} did not copy the others within {ADDITION_WAIT_S:.0f} s")
        await asyncio.sleep(0.2)


async def _state_of(primary: Client, host: str) -> str:
    with translated("read the state of the replica set"):
        answer = await primary.admin.command("replSetGetStatus")
    return str(next(one["stateStr"] for one in answer["members"] if one["name"] == host))


async def _hello(root: Client) -> Document:
    with translated("say hello"):
        answer: Document = await root.admin.command("hello")
        return answer


async def _elected(root: Client) -> None:
    """Wait until a member is the primary, this one or another."""
    deadline = time.monotonic() + ELECTION_WAIT_S
    while "primary" not in await _hello(root):
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"no primary was elected within {ELECTION_WAIT_S:.0f} s")
        await asyncio.sleep(0.1)


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
