import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from services.verifier.documents.worker.memory import keep_freed_memory
if "keep" in sys.argv:
    assert keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones((64, 1 << 20), np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Return how often a process gets a page from the kernel that takes and frees 64 MiB twenty times."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", FAULTS, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt(3) of the GNU C library")
def test_freed_memory_is_used_again_without_the_kernel() -> None:
    assert faults("keep") * 5 < faults()
