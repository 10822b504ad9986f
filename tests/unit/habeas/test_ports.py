"""Ports that processes of one machine draw for their parts."""

import subprocess
import sys

import pytest

from habeas.embedded.parts import ports
from shared.errors import ConfigurationError

DRAW = """
from habeas.embedded.parts import ports
ports.LOWEST, ports.HIGHEST = {port}, {port} + 1
ports.free_port()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="claims are names of Linux")
def test_port_that_another_process_has_drawn_and_not_used_yet_is_not_drawn() -> None:
    """Two installations that started within the same seconds drew one port, and one of them ended."""
    port = ports.free_port()
    other = subprocess.run(  # noqa: S603  every word is written here
        [sys.executable, "-c", DRAW.format(port=port)], capture_output=True, text=True, check=False
    )
    assert other.stderr.splitlines()[-1].startswith(
        f"{ConfigurationError.__module__}.ConfigurationError: no free"
    )


def test_process_keeps_some_claims_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "MOST_CLAIMS", len(ports._claims) + 1)
    before = len(ports._claims)
    for _ in range(5):
        ports.free_port()
    assert len(ports._claims) == before + 1
