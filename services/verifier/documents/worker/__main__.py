"""Loads the readers and serves; its three arguments are bytes of memory, seconds of CPU and of wall clock."""

import sys

from services.verifier.documents.worker.confinement import Bounds
from services.verifier.documents.worker.fork_server import Examine, serve
from services.verifier.documents.worker.frames import Request, Task


def load() -> Examine:
    """
    Return the function that reads or draws a file, with all models loaded.

    Imported here, after the process is confined: libraries are code, too.
    """
    from services.verifier.documents.worker.examination import (  # noqa: PLC0415 - see above
        examine,
        installed_readers,
        show,
        warm_up,
    )

    readers = installed_readers()
    warm_up(readers)

    def answer(request: Request) -> bytes:
        match request.task:
            case Task.READ:
                return examine(request, readers).model_dump_json().encode()
            case Task.SHOW:
                return show(request)

    return answer


if __name__ == "__main__":
    memory_bytes, cpu_seconds, wall_seconds = (int(argument) for argument in sys.argv[1:])
    serve(load, Bounds(memory_bytes, cpu_seconds, wall_seconds))
