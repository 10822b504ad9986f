"""A release is built twice: the bytes are the same, and each dependency is listed with its license."""

import asyncio
import hashlib
import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest_asyncio

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "tests", "bench", "docs", "__pycache__", "dist")
PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
    }
    | {"PSF-2.0", "Zlib"}
)
"""Licenses whose code may be distributed with ours; those of the GNU family are not among them."""
JUDGED = {"BSD-3-Clause, Apache-2.0, dependency licenses": "pypdfium2: PDFium and what is linked into it"}
"""Texts in place of an expression, which were read."""
OTHER_PLATFORMS = frozenset({"colorama"})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folders(tmp_path_factory: Any) -> tuple[Path, Path]:
    """Two folders with a release of the same files, the second built from a copy elsewhere."""
    first, second, copy = (tmp_path_factory.mktemp(name) for name in ("first", "second", "copy"))
    await asyncio.to_thread(shutil.copytree, ROOT, copy, ignore=LEFT_OUT, dirs_exist_ok=True)
    for name in (".venv", ".tools"):
        (copy / name).symlink_to(ROOT / name)
    await asyncio.gather(release(ROOT, first), release(copy, second))
    return first, second


async def release(root: Path, folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SOURCE_DATE_EPOCH": "1700000000"}
    child = await asyncio.create_subprocess_exec(root / "scripts/release", folder, env=environment)
    assert await child.wait() == 0


async def test_work_tree_with_uncommitted_changes_is_not_signed(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts/release", tmp_path / "scripts")
    for words in (["git", "init", "-q", tmp_path], [script, "dist", "--sign", "cosign.key"]):
        child = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
        _, said = await child.communicate()
    assert (child.returncode, said.count(b"\n")) == (2, 1)
    assert not (tmp_path / "dist").exists()


def test_two_builds_of_a_release_have_the_same_bytes(folders: tuple[Path, Path]) -> None:
    first, second = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert len(first) == 4
    assert first == second


def test_checksums_are_those_of_the_files(folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    stated = {name: digest for digest, name in (line.split() for line in lines)}
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "SHA256SUMS"}
    assert stated == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_every_dependency_is_listed_with_its_hashes(folders: tuple[Path, Path]) -> None:
    listed = {one["name"]: one for one in bill(folders[0])["components"]}
    locked = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    assert {one["name"] for one in locked["habeas"]["dependencies"]} <= listed.keys()
    assert all(one["version"] == locked[name]["version"] for name, one in listed.items())
    assert all(any(place.get("hashes") for place in one["externalReferences"]) for one in listed.values())


def test_no_dependency_has_a_license_that_binds_our_code(folders: tuple[Path, Path]) -> None:
    names = {one["name"]: one["licenses"][0]["license"]["name"] for one in bill(folders[0])["components"]}
    others = {
        package: name
        for package, name in names.items()
        if not _identifiers(name) <= PERMISSIVE and name not in JUDGED and package not in OTHER_PLATFORMS
    }
    assert others == {}


def bill(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "habeas.cdx.json").read_text(encoding="utf-8"))
    return found


def _identifiers(expression: str) -> set[str]:
    return {word.strip("()") for word in expression.split()} - {"AND", "OR", "WITH"}
