"""Loads the readers and serves; its three arguments are bytes of memory, seconds of CPU and of wall clock."""

import sys

from services.verifier.documents.worker.confinement import Bounds
from services.verifier.documents.worker.fork_server import Examine, serve
from services.verifier.documents.worker.frames import Request, WorkerTask


def load() -> Examine:
    """Return the function that reads or draws a file; imported once confined, for libraries are code, too."""
    from services.verifier.documents.worker.examination import examine, installed_readers, show, warm_up  # noqa: PLC0415 - see above

    readers = installed_readers()
    warm_up(readers)

    def answer(request: Request) -> bytes:
        if request.task is WorkerTask.SHOW:
            return show(request)
        return examine(request, readers).model_dump_json().encode()

    return answer


if __name__ == "__main__":
    memory_bytes, cpu_seconds, wall_seconds = (int(argument) for argument in sys.argv[1:])
    serve(load, Bounds(memory_bytes, cpu_seconds, wall_seconds))
