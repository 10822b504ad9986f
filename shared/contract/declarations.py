"""
Wordings of the declaration that a Californian requester signs: shown by intake, weighed by the verifier.

The wording has versions, which keep older signatures valid for their own text.
"""

from collections.abc import Mapping
from types import MappingProxyType

CURRENT = "2026-11"
TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "2026-11": (
            "I declare under penalty of perjury under the laws of the State of California that I am the "
            "person whose personal information this request is about, and that what I have said is true."
        ),
    }
)
"""Version → signed text (Cal. Code Civ. Proc. § 2015.5; 11 CCR § 7062(c))."""
