"""
The extent of long tests: a short one in the suite, the full one in ``make campaign``.

``HABEAS_TEST_CAMPAIGN=1`` chooses the full extent. Tests that have two extents are marked ``campaign``. The
short one still fails when the mechanism is removed; the full one looks for rare faults.
"""

import os
from typing import TypeVar

T = TypeVar("T")

CAMPAIGN = os.environ.get("HABEAS_TEST_CAMPAIGN") == "1"


def extent(short: T, full: T) -> T:
    """Return *short* in the suite and *full* in a campaign."""
    return full if CAMPAIGN else short
