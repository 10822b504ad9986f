"""The official parser of AsyncAPI reads the document of events without an error or a warning."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.conftest import missing
from tests.unit.pages import ROOT

PARSER = ROOT / "tests" / "data" / "asyncapi_parser"
WARNING = 1
"""Severities from here on are hints."""


async def test_official_parser_finds_no_fault() -> None:
    found = await _findings(ROOT / "docs" / "asyncapi.yaml")
    assert found["valid"]
    assert [one for one in found["found"] if one["severity"] <= WARNING] == []


async def _findings(document: Path) -> Any:
    child = await asyncio.create_subprocess_exec(
        "node", "validate.mjs", str(document), cwd=await _installed(), stdout=PIPE
    )
    said, _ = await child.communicate()
    return json.loads(said)


async def _installed() -> Path:
    """Return the folder with the parser of the lock file, which is installed once."""
    if shutil.which("npm") is None:
        missing("there is no npm; scripts/setup-tests installs it")
    wanted = sha256((PARSER / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = ROOT / ".tools" / f"asyncapi-parser-{wanted}"
    shutil.copytree(PARSER, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        child = await asyncio.create_subprocess_exec(
            "npm", "ci", "--no-audit", "--no-fund", "--silent", cwd=folder
        )
        if await child.wait():
            missing("npm cannot install the parser")
    return folder
