"""``python -m habeas`` is the same as ``habeas``."""

import sys

OLDEST = (3, 11)
"""Version of Python that pyproject.toml requires; a checkout may be run by any."""
if sys.version_info < OLDEST:
    sys.exit(f"habeas: Python 3.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")

from habeas.cli import main  # noqa: E402  an older Python cannot import it

if __name__ == "__main__":
    main()
