"""
Checks the variables that docker-compose.yml gives its services.

Run it with ``python -m shared.runtime.environment_check``.

Compose passes a service only the variables that it names: a misspelt one in ``.env`` would be ignored. The
one-shot service ``settings`` gets the whole file instead, and no other service starts before it has ended.
"""

import os
import sys

from shared.runtime.variables import without_effect

IMAGE = {
    "HABEAS_DATAMAP": "/etc/habeas/datamap",
    "HABEAS_HTTP_HOST": "0.0.0.0",  # noqa: S104  the address inside a container
    "HABEAS_HTTP_PORT": "8080",
    "HABEAS_OPS_PORT": "8081",
}
"""Variables that the image sets, and to which value."""


def main() -> int:
    """Return 0, or 2 after one line that names every variable of the environment without effect."""
    given = [name for name, value in os.environ.items() if value not in ("", IMAGE.get(name))]
    flaws = without_effect(given)
    if flaws:
        sys.stderr.write(f"habeas: ConfigurationError: {'; '.join(flaws)} (.env.example lists all)\n")
    return 2 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
