"""Collects the sources of ``habeas_client``: this folder, and the modules of ``shared`` that it needs."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "habeas_client"
SOURCE = "shared.client"
NAMES = {SOURCE: PACKAGE, "shared": f"{PACKAGE}._shared"}


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the package to a wheel or a source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  the interface
        """Collect the sources, unless this is a source distribution with them."""
        if (Path(self.root) / PACKAGE).is_dir():
            return
        self.temporary = TemporaryDirectory()
        folder, repository = Path(self.temporary.name) / PACKAGE, Path(self.root).parents[1]
        collect(repository, folder)
        build_data["force_include"][str(folder)] = PACKAGE
        if self.target_name == "sdist":
            build_data["force_include"][str(repository / "LICENSE")] = "LICENSE"


def collect(repository: Path, folder: Path) -> None:
    """Write the package into *folder*."""
    sys.path.insert(0, str(repository / "scripts"))
    from wheel_sources import needed, new_name, renamed  # noqa: PLC0415  in the repository alone

    for module, source in needed(repository, SOURCE).items():
        path = folder.joinpath(*new_name(module, NAMES).split(".")[1:])
        path = path / "__init__.py" if source.name == "__init__.py" else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renamed(source.read_text(encoding="utf-8"), NAMES), encoding="utf-8")
    for package in filter(Path.is_dir, folder.rglob("*")):
        (package / "__init__.py").touch()
    (folder / "py.typed").touch()
