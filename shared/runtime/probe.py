"""
The health check of a container: ``python -m shared.runtime.probe``.

Asks the service beside it for ``/readyz``, prints one line and ends 0 when it is ready, else 1. It starts
every few seconds for as long as a service lives, so it imports nothing but the standard library.
"""

import http.client
import os
import sys
from collections.abc import Mapping

TIMEOUT_SECONDS = 3.0


def ready(port: int) -> tuple[bool, str]:
    """Return whether the service on *port* of this machine is ready, and a line that says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return False, f"not ready: port {port}: {type(error).__name__}"
    finally:
        connection.close()
    if status == http.HTTPStatus.OK:
        return True, f"ready: port {port}"
    return False, f"not ready: port {port}: status {status}"


def port_of(settings: Mapping[str, str]) -> int:
    """Return the port of the health checks; intake in a container always has one of its own."""
    return int(settings.get("HABEAS_OPS_PORT") or settings.get("HABEAS_HTTP_PORT") or 8080)


def main() -> int:
    """Return the exit code of the health check."""
    is_ready, line = ready(port_of(os.environ))
    sys.stdout.write(f"{line}\n")
    return 0 if is_ready else 1


if __name__ == "__main__":
    sys.exit(main())
