"""
Authentication of a mail's sender by our mail server's ``Authentication-Results``. Pure.

Others write parts of that field: the envelope's sender, domains, and comments. So an ambiguous or truncated
field authenticates no sender; for a failure the word alone suffices.
"""

import re
from dataclasses import dataclass

from services.intake.channels.email.parser import LONGEST_FIELD, ParsedMail

QUOTED = r'"(?:\\.|[^"\\])*"'
LONGEST = LONGEST_FIELD // 2
"""Characters that are read; a longer field is cut off, and half a domain may be another's."""
VALUE = rf'(?:{QUOTED}|[^\s";])+'
COMMENT = re.compile(r'\([^()"\\]*\)')
WHOLE = re.compile(rf'(?:{QUOTED}|[^"()])*')
"""An unambiguous field: closed quotes, no comments."""
STATEMENT = re.compile(rf'(?:{QUOTED}|[^;"])+')
RESULT = re.compile(rf"\s*([\w-]+)\s*(?:/\s*\d+\s*)?=\s*(\w+)((?:\s+[\w.-]+\s*=\s*{VALUE})*)\s*")
PROPERTY = re.compile(rf"([\w.-]+)\s*=\s*({VALUE})")
FAILED = re.compile(r"\bdmarc\s*=\s*fail\b", re.IGNORECASE)
ALIGNED_BY = {"spf": ("smtp.mailfrom",), "dkim": ("header.d", "header.i")}
"""Method → properties with the domain that it checked, the best first (RFC 8601 section 2.7)."""
WITHOUT_POLICY = frozenset({"none", "permerror", "bestguesspass"})
"""DMARC results for a domain without a usable policy; the last is Microsoft's word."""


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of one check."""

    method: str
    found: str
    properties: dict[str, str]

    def domain(self, name: str) -> str:
        """Return the domain in a property; empty if there is none."""
        return self.properties.get(name, "").rpartition("@")[2].strip('"').rstrip(".").lower()


def is_forged(mail: ParsedMail, trusted: str) -> bool:
    """Return whether our mail server (*trusted*, by name) reports that *mail* has a forged sender."""
    return bool(FAILED.search(_results_field(mail, trusted)))


def is_authenticated(mail: ParsedMail, trusted: str) -> bool:
    """
    Return whether our mail server (*trusted*, by name) authenticates the domain of the sender of *mail*.

    For a domain without a valid policy DMARC has no result: then SPF or DKIM must pass for the sender's
    domain or one above it. One below may have another owner, without the list of public suffixes.

    Law:
        RFC 7489 sections 3.1 and 6.6.2: authenticated is an identifier that passes and is aligned.
        RFC 8601 section 2.7: ``none`` is the absence of a policy or a signature.
    """
    results = _results(_results_field(mail, trusted))
    domain = mail.address.rpartition("@")[2].lower()
    by_policy = [result for result in results if result.method == "dmarc"]
    if any(result.found not in WITHOUT_POLICY for result in by_policy):
        return all(_passes_for(result, domain) for result in by_policy)
    return any(_is_aligned(result, domain) for result in results)


def _passes_for(result: _Result, domain: str) -> bool:
    """Return whether DMARC passed; if the server names the domain it checked, it must be the sender's."""
    return result.found == "pass" and result.domain("header.from") in {"", domain}


def _is_aligned(result: _Result, domain: str) -> bool:
    domains = map(result.domain, ALIGNED_BY.get(result.method, ()))
    checked = next(filter(None, domains), "")
    is_above = "." in checked and domain.endswith(f".{checked}")
    return result.found == "pass" and (checked == domain != "" or is_above)


def _results_field(mail: ParsedMail, trusted: str) -> str:
    """Return the topmost field, our server's own; anyone may have written the others (RFC 8601 section 5)."""
    server, _, results = mail.field("authentication-results").partition(";")
    named = next(iter(server.split()), "")
    return results if trusted and named.lower() == trusted.lower() else ""


def _results(said: str) -> list[_Result]:
    if len(said) > LONGEST:
        return []
    while (shorter := COMMENT.sub(" ", said)) != said:
        said = shorter
    if not WHOLE.fullmatch(said):
        return []
    found = filter(None, map(RESULT.fullmatch, STATEMENT.findall(said)))
    return [_Result(match[1].lower(), match[2].lower(), _properties(match[3])) for match in found]


def _properties(written: str) -> dict[str, str]:
    return {name.lower(): value for name, value in PROPERTY.findall(written)}
