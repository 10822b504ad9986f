"""
Protection of forms against other sites and programs, without cookies and puzzles.

Forms depend on their content alone, without a session that another site could abuse. Two threats remain:
another site that has a browser send a form, and programs that fill in every field. See
docs/adr/0017-forms-without-cookies.md.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from shared.pages.translation import mark as _
from shared.runtime.client_limits import Allowance, network_of

LEAST = timedelta(seconds=1)
"""Shortest time for a person to send a form, even one filled in by the browser."""
LIFETIME = timedelta(hours=24)
LEAST_FORMS = 200
"""Least number of forms that one network may send within an hour: people behind one address share it."""
FORMS_PER_REQUEST = 10
"""Forms for each request that a network may make: people reload, correct and enter codes."""
OWN = frozenset({"same-origin", "none"})
TRAP = "website"
"""A field that is hidden from people, but not from programs."""

TRAPPED = _("Please leave this field empty. It detects automated submissions.")
TOO_FAST = _("The form was sent faster than a person can type. Please send it again.")
STALE = _("This page was open for a long time. Please check your entries and send the form again.")
TOO_MANY_FORMS = "Too many forms were sent from this address; try again in an hour."
FROM_ELSEWHERE = "The form was sent by another site. Open the page here, and send it again."


@dataclass(frozen=True, slots=True)
class CsrfGuard:
    """Seals our own forms, and checks the seals."""

    key: bytes = field(repr=False)
    public_url: str
    forms: Allowance = field(default_factory=lambda: Allowance(LEAST_FORMS))

    @classmethod
    def of(cls, key: bytes, public_url: str, requests_per_hour: int) -> "CsrfGuard":
        """Return the guard of a site with a limit of *requests_per_hour* per network."""
        return cls(key, public_url, Allowance(max(LEAST_FORMS, FORMS_PER_REQUEST * requests_per_hour)))

    def admit(self, request: Request) -> None:
        """
        Admit a form from this site's own pages, or from no browser; count it before its body is read.

        FastAPI reads the body first if a handler declares form fields; handlers of forms read it themselves.
        """
        self.same_origin(request)
        self.count(request)

    def count(self, request: Request) -> None:
        """Count a form; answer 429 to a network that sends too many."""
        if not self.forms.take(network_of(request.client.host if request.client else "")):
            raise HTTPException(429, TOO_MANY_FORMS, {"Retry-After": "3600"})

    def same_origin(self, request: Request) -> None:
        """
        Accept requests from this site's own pages, or without a browser; answer 403 to others.

        Browsers state the origin of a request (``Sec-Fetch-Site``); older ones only the ``Origin``.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = {request.headers.get("host"), urlsplit(self.public_url).netloc}
        if site in OWN if site else origin is None or _netloc(origin) in ours - {"", None}:
            return
        raise HTTPException(403, FROM_ELSEWHERE)

    def seal(self, path: str, now: datetime) -> str:
        """Return the seal of a form at *path*."""
        text = f"{int(now.timestamp())}.{secrets.token_hex(16)}"
        return f"{text}.{self._mac(path, text)}"

    def sealed_at(self, path: str, sealed: str, now: datetime) -> datetime | None:
        """Return when a form at *path* was sealed; None if that was not here, or too long ago."""
        text, _dot, mac = sealed.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(path, text).encode()):
            return None
        at = datetime.fromtimestamp(int(text.partition(".")[0]), UTC)
        return None if now - at > LIFETIME else at

    def objection(self, path: str, given: Mapping[str, str], now: datetime) -> tuple[str, str] | None:
        """Return the field and the reason for which a form must be sent again; None if it is accepted."""
        if given.get(TRAP):
            return TRAP, TRAPPED
        sealed_at = self.sealed_at(path, given.get("seal", ""), now)
        if sealed_at is None:
            return "", STALE
        # A form from the future was sealed by a replica whose clock is ahead: it says nothing of the sender.
        return ("", TOO_FAST) if timedelta() <= now - sealed_at < LEAST else None

    def reference(self, path: str, given: Mapping[str, str]) -> str:
        """Return the reference of a form's request, which cannot be chosen; a double click is one request."""
        content = "\x1f".join(f"{name}={given[name].strip()}" for name in sorted(given) if name != "step")
        return f"form-{hmac.new(self.key, f'{path} {content}'.encode(), sha256).hexdigest()[:40]}"

    def _mac(self, path: str, text: str) -> str:
        return hmac.new(self.key, f"{path} {text}".encode(), sha256).hexdigest()


def _netloc(origin: str) -> str:
    """Return host and port of *origin*; empty if it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
