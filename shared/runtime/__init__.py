"""The runtime of a service: broker, journal, vault, scheduler, settings, logs."""

from pathlib import Path

IMPORT_ROOT = Path(__file__).parents[len(__name__.split("."))]
"""The folder that our packages are imported from: the repository's, or where the wheel is installed."""
