"""
Memory of the worker: kept where it is used again, returned before processes are forked.

A reading takes and frees hundreds of megabytes, a few at a time. By default the allocator returns them to the
kernel each time and gets them back page by page, which is a tenth of the processor time of a document.
"""

import ctypes
import gc
from typing import Final

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
KEPT: Final = 1 << 30
"""Bytes: the address space is limited elsewhere."""


def keep_freed_memory() -> bool:
    """Let this process and all it forks use again what they free; return False for another allocator."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(library.mallopt(name, KEPT) == 1 for name in (TRIM_THRESHOLD, MMAP_THRESHOLD))


def prepare_to_fork() -> None:
    """Return free memory, and leave what is loaded to itself: each page that a child writes is copied."""
    gc.collect()
    gc.freeze()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
