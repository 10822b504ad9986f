"""Switches off the telemetry of libraries."""

import os
from typing import Final

ONNXRUNTIME_SWITCH: Final = "ORT_DISABLE_TELEMETRY"
"""From version 1.29 on its builds for Linux send events, and keep them and an id in the home folder."""


def send_nothing() -> None:
    """Switch telemetry off in this process; must come before an engine is made."""
    os.environ[ONNXRUNTIME_SWITCH] = "1"
