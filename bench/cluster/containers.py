"""The containers of a running cluster, as their engine and their kernel see them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BROKERS = ("broker", "broker-2", "broker-3")
DATABASES = ("database", "database-2", "database-3")
REPLICATED = ("intake", "verifier", "fulfillment", "notifier", "console")
SINGLE = ("upkeep", "gateway")
MAIL = "mail"
SERVICES = tuple(f"{name}-{number}" for name in REPLICATED for number in (1, 2))
"""The replicas of the services; all other containers are the only one of their service."""


class CommandFailed(Exception):
    """A program ended with another code than 0."""


async def output_of(*words: str) -> str:
    """
    Return what a program prints.

    Raises:
        CommandFailed: It ended with another code than 0.
    """
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    if process.returncode:
        raise CommandFailed(f"{' '.join(words[:4])} …: {error.decode()[-300:].strip()}")
    return out.decode()


@dataclass(frozen=True, slots=True)
class Containers:
    """The containers of one project; a container is named without the project, ``intake-2`` or ``broker``."""

    project: str

    def full_name(self, name: str) -> str:
        """Return the name by which the engine knows the container *name*."""
        return f"{self.project}-{name if name in SERVICES else f'{name}-1'}"

    async def engine(self, verb: str, name: str, *words: str) -> str:
        """Return what ``docker`` *verb* prints about the container *name*. Raises CommandFailed."""
        return await output_of("docker", verb, *words, self.full_name(name))

    async def run(self, name: str, *command: str, user: str = "0:0") -> str:
        """Return what *command* prints in the container *name*. Raises CommandFailed."""
        return await output_of("docker", "exec", "--user", user, self.full_name(name), *command)

    async def in_network_of(self, name: str, *command: str) -> str:
        """Return what *command* of this machine prints in the network of the container *name*."""
        pid = str((await self.state(name))["State"]["Pid"])
        return await output_of("nsenter", "--net", "--target", pid, *command)

    async def state(self, name: str) -> Mapping[str, Any]:
        """Return what the engine knows of the container *name*."""
        found: Sequence[Mapping[str, Any]] = json.loads(await self.engine("inspect", name))
        return found[0]

    async def addresses(self, name: str) -> list[str]:
        """Return the addresses of the container *name* in all its networks."""
        networks = (await self.state(name))["NetworkSettings"]["Networks"].values()
        return [one["IPAddress"] for one in networks if one["IPAddress"]]

    async def unhealthy(self) -> list[str]:
        """Return the containers that stay, and do not run or are not healthy."""
        names = (*SERVICES, *SINGLE, *BROKERS, *DATABASES, MAIL)
        states = await asyncio.gather(*(self.state(name) for name in names))
        return [name for name, state in zip(names, states, strict=True) if not _is_healthy(state["State"])]


def _is_healthy(state: Mapping[str, Any]) -> bool:
    return bool(state["Running"] and not state["Paused"] and state["Health"]["Status"] == "healthy")
