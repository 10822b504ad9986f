"""Packages for Node that tests run, each installed once for all runs on a machine."""

import asyncio
import shutil
from hashlib import sha256
from pathlib import Path

from tests.conftest import missing
from tests.unit.pages import ROOT


async def node_modules(package: Path) -> Path:
    """Return the folder of the modules that the lock file of *package* names; skip where none can be had."""
    if shutil.which("npm") is None:
        missing("there is no npm; scripts/setup-tests installs it")
    lock = package / "package-lock.json"
    folder = ROOT / ".tools" / "npm" / sha256(lock.read_bytes()).hexdigest()[:16]
    found = folder / "node_modules"
    if not (found / ".package-lock.json").exists():  # npm writes it last
        folder.mkdir(parents=True, exist_ok=True)
        for part in (lock, package / "package.json"):
            shutil.copy(part, folder)
        child = await asyncio.create_subprocess_exec("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
        if await child.wait():
            missing("npm cannot install")
    return found
