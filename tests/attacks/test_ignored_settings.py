"""A setting that was configured takes effect, or nothing starts: an approval that is not asked for erases."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PASSWORD = "sesame-of-the-broker"
NEEDED = {
    "HABEAS_AMQP_URL": f"amqp://fulfillment:{PASSWORD}@127.0.0.1:1/",
    "HABEAS_MONGO_URL": f"mongodb://fulfillment:{PASSWORD}@127.0.0.1:1/",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
    "HABEAS_HTTP_PORT": "0",
    "HABEAS_DATAMAP": str(ROOT / "datamaps" / "example"),
    "HABEAS_MAIL_FROM": "Example Privacy <privacy@example.com>",
}


def started(**settings: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.fulfillment"],
        env={**NEEDED, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    try:
        line: dict[str, Any] = json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
    return line


@pytest.mark.parametrize("misspelt", ["HABEAS_ERASURE_APROVAL", "HABEAS_ERASURE_APPROVAL_FIL"])
def test_misspelt_approval_setting_stops_the_service_at_start(misspelt: str) -> None:
    process = started(**{misspelt: "always"})
    output, errors = process.communicate()
    assert process.returncode == 2
    assert (output, errors.count("\n")) == ("", 1)
    assert "did you mean HABEAS_ERASURE_APPROVAL?" in errors


def test_service_logs_its_effective_settings_without_secrets() -> None:
    line = first_line(started(HABEAS_ERASURE_APPROVAL="above:10", HABEAS_STORES='{"default": "mongodb://x"}'))
    assert line["event"] == "effective settings"
    assert line["settings"]["HABEAS_ERASURE_APPROVAL"] == "above:10"
    assert line["settings"]["HABEAS_STORES"] == "1 entries"
    assert PASSWORD not in json.dumps(line)
    assert NEEDED["HABEAS_MASTER_KEY"] not in json.dumps(line)
