"""
Keeps other sites and programs from sending our forms, without cookies and without puzzles.

No form acts with more than what is in it: there is no session that another site could ride on. What is left
is another site that has a person's browser send a form, and programs that fill in whatever they find.
See docs/adr/0017-forms-without-cookies.md.
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

LEAST = timedelta(seconds=1)
"""How long it takes a person at least from seeing a form to sending it, with all filled in by the browser."""
LIFETIME = timedelta(hours=24)
OWN = frozenset({"same-origin", "none"})
TRAP = "website"
"""A field that people do not see, and programs fill in."""

TRAPPED = _("Please leave this field empty. It is there to catch programs.")
TOO_FAST = _("This was sent faster than people write. Please send it once more.")
STALE = _("This page was open for a long time. Please check what you wrote, and send it once more.")
FROM_ELSEWHERE = "The form was sent by another site. Open the page here, and send it again."


@dataclass(frozen=True, slots=True)
class FormToken:
    """That a form was drawn by us, and when."""

    nonce: str
    at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Tell whether it was open for so long that somebody else may sit there now."""
        return now - self.at > LIFETIME


@dataclass(frozen=True, slots=True)
class CsrfGuard:
    """Knows our own forms by a seal."""

    key: bytes = field(repr=False)
    public_url: str

    def same_origin(self, request: Request) -> None:
        """
        Let through what this site's own pages, or no browser, have sent.

        Browsers say where a request comes from (``Sec-Fetch-Site``); older ones only the ``Origin``.

        Raises:
            HTTPException: Another site has a browser send this.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = {request.headers.get("host"), urlsplit(self.public_url).netloc}
        if site in OWN if site else origin is None or urlsplit(origin).netloc in ours:
            return
        raise HTTPException(403, FROM_ELSEWHERE)

    def seal(self, path: str, now: datetime) -> str:
        """Return what a form at *path* carries."""
        text = f"{int(now.timestamp())}.{secrets.token_hex(16)}"
        return f"{text}.{self._mac(path, text)}"

    def opened(self, path: str, sealed: str) -> FormToken | None:
        """Return what *sealed* says of a form at *path*; None where it is not ours."""
        text, _dot, mac = sealed.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(path, text).encode()):
            return None
        seconds, _dot, nonce = text.partition(".")
        return FormToken(nonce, datetime.fromtimestamp(int(seconds), UTC))

    def objection(self, path: str, given: Mapping[str, str], now: datetime) -> tuple[str, str] | None:
        """Return the field and the reason for which a form is not taken yet; sending it again is enough."""
        drawn = self.opened(path, given.get("seal", ""))
        if given.get(TRAP):
            return TRAP, TRAPPED
        if drawn is None or drawn.is_stale(now):
            return "", STALE
        return ("", TOO_FAST) if now - drawn.at < LEAST else None

    def reference(self, path: str, given: Mapping[str, str]) -> str:
        """
        Return what the request in a form is called: the same form with the same content is the same request.

        Whoever sends twice, because nothing seemed to happen, has asked once. Nobody can choose it.
        """
        content = "\x1f".join(f"{name}={given[name].strip()}" for name in sorted(given) if name != "step")
        return f"form-{hmac.new(self.key, f'{path} {content}'.encode(), sha256).hexdigest()[:40]}"

    def _mac(self, path: str, text: str) -> str:
        return hmac.new(self.key, f"{path} {text}".encode(), sha256).hexdigest()
