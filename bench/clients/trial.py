"""An installation with the settings of ``examples/protocols/trial.py``, for clients of other projects."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from habeas.client.accounts import administrator_file
from habeas.embedded.installation import CREDENTIALS
from shared.runtime.mongo import connect

ROOT = Path(__file__).parents[2]
HABEAS = Path(sys.executable).with_name("habeas")
GUARDIANS_PROCESSOR = "opendsr.mparticle.com"
"""The only domain whose signatures Guardian's controller takes."""
POLICIES = {
    "my_primary_policy": "access",
    "my_separate_policy": "erasure",
    "default_consent_policy": "opt_out_of_sale",
}
"""Policies of Fides' collection."""
SCOPES = ("create", "read", "review")
STARTED_WITHIN_S = 120
PEOPLE = 60


@dataclass(frozen=True, slots=True)
class Trial:
    """A running installation."""

    url: str
    keys: Mapping[str, Any]
    """Secrets of the clients."""
    people: Sequence[str]
    """Mail addresses of customers; each client takes its own."""


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """Run an installation in *folder* that serves all clients."""
    kept = folder / "trial"
    program = str(ROOT / "examples" / "protocols" / "trial.py")
    _run(sys.executable, program, kept.name, GUARDIANS_PROCESSOR, at=folder)
    keys = json.loads((kept / "keys.json").read_text(encoding="utf-8"))
    with _up(folder):
        made = _run(str(HABEAS), "staff", "add-program", "fides.trial", *_roles(), "--json", at=folder)
    client = {"secret": keys["fides"], "scopes": [f"privacy-request:{scope}" for scope in SCOPES]}
    client |= {"account": "fides.trial", "key": json.loads(made)["key"]}
    settings = {
        "HABEAS_FIDES_CLIENTS": {"trial": client},
        "HABEAS_FIDES_POLICIES": POLICIES,
        "HABEAS_OPENDSR_IDENTITIES": {"controller_customer_id": "email"},
    }
    with (kept / ".env").open("a", encoding="utf-8") as lines:
        lines.writelines(f"{name}='{json.dumps(value)}'\n" for name, value in settings.items())
    with _up(folder) as printed:
        url = administrator_file(folder / ".state" / CREDENTIALS).read_text(encoding="utf-8").strip()
        people = asyncio.run(_people(url))
        yield Trial(printed["API"].removesuffix("/docs"), keys, people)


def _roles() -> tuple[str, ...]:
    return ("--role", "agent", "--role", "approver")


@contextmanager
def _up(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run an installation; yield the lines that it prints."""
    log = folder / "up.log"
    with log.open("w", encoding="utf-8") as output:
        started = subprocess.Popen(  # noqa: S603 - our own program
            [HABEAS, "up", "--env-file", "trial/.env"], cwd=folder, stdout=output, stderr=output
        )
    try:
        yield _printed(log, started)
    finally:
        started.terminate()
        started.wait()


def _printed(log: Path, started: "subprocess.Popen[bytes]") -> Mapping[str, str]:
    last = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < last and started.poll() is None:
        lines = [line.split(maxsplit=1) for line in log.read_text(encoding="utf-8").splitlines()]
        if ["stop", "with Ctrl-C"] in lines:
            return {line[0]: line[1] for line in lines if len(line) == 2}
        time.sleep(0.2)
    raise RuntimeError(log.read_text(encoding="utf-8"))


async def _people(mongo_url: str) -> list[str]:
    client = connect(mongo_url, app_name="habeas-bench")
    try:
        found = client["billing"]["customers"].find({"email": {"$type": "string"}}).limit(PEOPLE)
        return [customer["email"].lower() async for customer in found]
    finally:
        client.close()


def _run(*command: str, at: Path) -> str:
    return subprocess.run(command, cwd=at, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - the same
