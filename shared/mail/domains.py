"""
A mail domain as name servers know it. Pure.

One rule: no letter is taken for another that makes it another owner's name. The codec of the standard library
takes ``ß`` for ``ss``, and a final sigma for any other (RFC 5894 § 7.2).
"""

import unicodedata

LONGEST_LABEL = 63
"""Octets between two dots (RFC 1035 § 2.3.4)."""
IDEOGRAPHIC_STOP = "\N{IDEOGRAPHIC FULL STOP}"
"""A dot as it is typed in Chinese and Japanese (RFC 3490 § 3.1)."""


def looked_up(domain: str) -> str:
    """Return *domain* in ASCII, in small letters of the usual width, without a dot at its end."""
    composed = unicodedata.normalize("NFKC", domain.lower()).lower()
    labels = composed.replace(IDEOGRAPHIC_STOP, ".").rstrip(".").split(".")
    return ".".join(
        one if one.isascii() else f"xn--{one.encode('punycode').decode('ascii')}" for one in labels
    )


def fits(domain: str) -> bool:
    """Return whether each part of *domain* in ASCII is as long as a name may be."""
    return all(0 < len(label) <= LONGEST_LABEL for label in domain.split("."))
