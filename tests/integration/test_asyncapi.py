"""The official parser of AsyncAPI reads the document of events without an error or a warning."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from tests.npm import node_modules
from tests.unit.pages import ROOT

PARSER = ROOT / "tests" / "data" / "asyncapi_parser"
WARNING = 1
"""Severities from here on are hints."""


async def test_official_parser_finds_no_fault(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(await node_modules(PARSER))
    shutil.copy(PARSER / "validate.mjs", tmp_path)
    found = await _findings(tmp_path, ROOT / "docs" / "asyncapi.yaml")
    assert found["valid"]
    assert [one for one in found["found"] if one["severity"] <= WARNING] == []


async def _findings(folder: Path, document: Path) -> Any:
    child = await asyncio.create_subprocess_exec(
        "node", "validate.mjs", str(document), cwd=folder, stdout=PIPE
    )
    said, _ = await child.communicate()
    return json.loads(said)
