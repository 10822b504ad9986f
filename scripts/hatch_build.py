"""Lays out the wheel of ``habeas`` as one package, with ``services``, ``shared`` and the data below it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from wheel_sources import renamed

PACKAGE = "habeas"
CODE = {"services": f"{PACKAGE}.services", "shared": f"{PACKAGE}.shared"}
DATA = ("datamaps", "policies")
LEFT_OUT = ("shared/client/hatch_build.py", "shared/client/pyproject.toml", "shared/client/README.md")
"""Files of another package: shared/client."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the package to a wheel; an editable installation has the folders of the repository."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the package beside the repository, with imports under their new names."""
        if version == "editable":
            return
        self.temporary = TemporaryDirectory()
        folder, root = Path(self.temporary.name) / PACKAGE, Path(self.root)
        for source in sources(root):
            name = source.relative_to(root)
            path = folder / (name.relative_to(PACKAGE) if name.is_relative_to(PACKAGE) else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            path.write_bytes(renamed(content.decode(), CODE).encode() if path.suffix == ".py" else content)
        build_data["force_include"][str(folder)] = PACKAGE


def sources(root: Path) -> Iterator[Path]:
    """Yield the files of the package."""
    for folder in (PACKAGE, *CODE, *DATA):
        for path in sorted((root / folder).rglob("*")):
            left_out = "__pycache__" in path.parts or path.relative_to(root).as_posix() in LEFT_OUT
            if path.is_file() and not left_out:
                yield path
