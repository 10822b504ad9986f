"""Loads the readers and serves; its three arguments are bytes of memory, seconds of CPU and of wall clock."""

import sys

from services.verifier.documents.worker.confinement import Bounds
from services.verifier.documents.worker.forking import Examine, serve
from services.verifier.documents.worker.frames import Request


def load() -> Examine:
    """
    Return what reads a file, with all its models loaded.

    Imported here, after the process is confined: libraries are code, too.
    """
    from services.verifier.documents.worker.examination import examine  # noqa: PLC0415 - see above
    from services.verifier.documents.worker.readers import installed_readers, warm_up  # noqa: PLC0415 - same

    readers = installed_readers()
    warm_up(readers)

    def examine_as_json(request: Request) -> bytes:
        return examine(request, readers).model_dump_json().encode()

    return examine_as_json


if __name__ == "__main__":
    memory_bytes, cpu_seconds, wall_seconds = (int(argument) for argument in sys.argv[1:])
    serve(load, Bounds(memory_bytes, cpu_seconds, wall_seconds))
