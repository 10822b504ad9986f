"""No library that reads documents tells its maker about it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
READ = "import numpy as np\npage = np.full((200, 400, 3), 255, np.uint8)\npage[80:90, 40:360] = 0\n"
TEXT = READ + "from services.verifier.documents.text import read_lines; read_lines(page)"
ZONE = READ + (
    "from services.verifier.documents.mrz import reader\n"
    "reader.lines_by_paddle(page, reader.precise_engine())"
)


@pytest.mark.parametrize("code", [pytest.param(TEXT, id="text"), pytest.param(ZONE, id="zones")])
def test_reading_leaves_no_id_and_no_events_to_be_sent(code: str, tmp_path: Path) -> None:
    # Nothing else of our surroundings: under CI the library would be silent by itself.
    surroundings = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], env=surroundings, check=True, capture_output=True)  # noqa: S603  ours
    assert not [path.name for path in tmp_path.rglob("*") if path.is_file()]
