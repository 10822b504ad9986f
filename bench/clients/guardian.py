"""Guardian's controller for OpenDSR 3.0: runs ``guardian.ts``, which calls its functions."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.clients.checks import Check
from bench.clients.trial import Trial

SOURCES = Path("handlers/mparticle-api")
DRIVER = Path(__file__).with_suffix(".ts")


def run(checkout: Path, here: Trial, people: Sequence[str]) -> Iterator[Check]:
    """Yield the checks that the driver prints, a line each."""
    command = (
        str(checkout / "node_modules" / ".bin" / "tsx"),
        "--tsconfig",
        str(checkout / SOURCES / "tsconfig.json"),
        str(DRIVER),
        str(checkout / SOURCES / "src"),
        f"{here.url}/opendsr",
        here.keys["controller"],
        *people,
    )
    printed = subprocess.run(  # noqa: S603 - the named checkout
        command, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    for line in printed.splitlines():
        if line.startswith("CHECK "):
            yield Check(**json.loads(line.removeprefix("CHECK ")))
