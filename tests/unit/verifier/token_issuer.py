"""An issuer of valid and invalid ID tokens on this machine, with its keys over HTTP."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "habeas-client"
TLS = ssl.create_default_context()
"""Made once: it reads all certificates of this machine."""


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Issuer:
    """A log-in that a test runs."""

    url: str = ""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"one": _new_key()})
    asked: list[str] = field(default_factory=list)
    down: bool = False
    person: str = ""
    """The mailbox of the person who signs in on the page."""

    def rotate(self, name: str) -> None:
        """Replace all keys by a new one called *name*."""
        self.keys = {name: _new_key()}

    def token(
        self, case: str, now: datetime, *, kid: str | None = None, alg: str = "RS256", **changes: Any
    ) -> str:
        """Return a token as this issuer makes it, with *changes*; a claim that becomes None is left out."""
        moment = int(now.timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "K-7741-Q",
            "nonce": case,
            "iat": moment,
            "exp": moment + 300,
            "auth_time": moment,
            "email": "ottilie.quastenflosser@example.org",
            "email_verified": True,
            **changes,
        }
        left = {name: value for name, value in claims.items() if value is not None}
        name = kid or next(iter(self.keys))
        return jwt.encode(left, self.keys[name], algorithm=alg, headers={"kid": name})

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return what stands at *path*."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            strange = {"kty": "OKP2", "kid": "strange", "use": "sig"}
            return {"keys": [strange, *(_public(name, key) for name, key in self.keys.items())]}
        return None

    def page(self, path: str) -> bytes:
        """Return the sign-in page at *path*: its button sends a token, as form_post does."""
        asked = dict(parse_qsl(urlsplit(path).query))
        assert (asked["response_type"], asked["response_mode"]) == ("id_token", "form_post")
        assert (asked["prompt"], asked["max_age"], asked["client_id"]) == ("login", "600", CLIENT)
        fields = {"id_token": self.token(asked["nonce"], datetime.now(UTC), email=self.person)}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in (fields | {"state": asked["state"]}).items()
        )
        where = escape(asked["redirect_uri"])
        return f'<form method="post" action="{where}">{inputs}<button>Continue</button></form>'.encode()


def _public(name: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": name, "use": "sig"}


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer on a free port."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/authorize?"):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(issuer.page(self.path))
                return
            found = None if issuer.down else issuer.answer(self.path)
            self.send_response(503 if issuer.down else 404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
