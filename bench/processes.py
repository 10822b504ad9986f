"""What processes cost: CPU time and memory, as the kernel counts them."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that *pids* and their children have used, those that have ended as well."""
    return sum(_ticks(pid) for root in pids for pid in _family(root)) / TICKS


def resident_mib(pids: Iterable[int]) -> float:
    """Return the memory that *pids* and their children hold."""
    pages = sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for root in pids for pid in _family(root)
    )
    return pages * PAGE_BYTES / 2**20


def _family(root: int) -> list[int]:
    family = [root]
    for pid in family:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        if children.exists():
            family += map(int, children.read_text().split())
    return family


def _ticks(pid: int) -> int:
    """Return what *pid* and who of its children has ended have used: nothing if it has ended this moment."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))
