"""Wheels of the repository, and environments of Python in which they are installed."""

import asyncio
import os
import shutil
import sys
import sysconfig
from asyncio.subprocess import STDOUT
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile

from tests.unit.pages import ROOT

UV = shutil.which("uv") or str(ROOT / ".tools" / "venv" / "bin" / "uv")

LONGEST = timedelta(minutes=3)
"""No program takes longer on a busy machine; less than the time of a test, so that its words are shown."""


async def run(*words: str, cwd: Path = ROOT, **settings: str) -> tuple[int, str]:
    """
    Run a program and return its code and all it said.

    Raises:
        AssertionError: It still ran after :data:`LONGEST`, and was killed; the message has what it said.
    """
    with TemporaryFile() as said:
        child = await asyncio.create_subprocess_exec(
            *words, cwd=cwd, env={**os.environ, **settings}, stdout=said, stderr=STDOUT
        )
        try:
            await asyncio.wait_for(child.wait(), LONGEST.total_seconds())
        except TimeoutError:
            said.seek(0)
            raise AssertionError(
                f"{words} still ran after {LONGEST} and said: {said.read().decode()}"
            ) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        said.seek(0)
        return child.returncode or 0, said.read().decode()


async def sends(*words: str, cwd: Path = ROOT, **settings: str) -> str:
    """Run a program that must succeed; return what it said."""
    code, said = await run(*words, cwd=cwd, **settings)
    assert code == 0, said
    return said


async def wheel_of(project: Path, folder: Path) -> Path:
    """Build the wheel of *project* in *folder*."""
    words = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    await sends(*words, cwd=project)
    return only(folder, "*.whl")


async def installed(wheel: Path, folder: Path, *, dependencies: bool) -> Path:
    """
    Install *wheel* in a new environment in *folder*; return its Python.

    Without *dependencies* it sees those of this environment, and not this repository.
    """
    await sends(UV, "venv", "--quiet", "--python", sys.executable, "--allow-existing", str(folder))
    options = [] if dependencies else ["--no-deps", "--compile-bytecode"]
    await sends(UV, "pip", "install", "--quiet", "--python", str(folder), *options, str(wheel))
    if not dependencies:
        pth = only(folder, "lib/*/site-packages") / "dependencies.pth"
        pth.write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin" / "python"


def only(folder: Path, pattern: str) -> Path:
    """Return the one path in *folder* with *pattern*."""
    [found] = folder.glob(pattern)
    return found
