"""
Make keys for the clients of all protocols, and the settings by which Habeas knows them.

Usage: trial.py FOLDER [DOMAIN]. DOMAIN is that of the signatures of OpenDSR.
"""

import base64
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

T = TypeVar("T")
AGENT, BUSINESS, SHOP = "TRIAL_AGENT", "TRIAL_BUSINESS", "lamps.myshopify.com"
DOMAIN, ISSUER, APP = "opendsr.trial.example", "https://login.trial.example/", "com.example.lamps"
ADDRESS = "privacy@trial.example"
PORTS = ("keys", "drop", "inbox")


def make(folder: Path, domain: str = DOMAIN) -> None:
    """Write the keys of the clients, and ``.env`` for ``habeas up``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    agent = Ed25519PrivateKey.generate()
    processor, issuer = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    (folder / "opendsr.key").write_bytes(_pem(processor))
    (folder / "opendsr.pem").write_bytes(_certificate(processor, domain))
    (folder / "issuer.key").write_bytes(_pem(issuer))
    names = ("controller", "shopify", "meta", "fides", "mailer", "drop")
    known: dict[str, Any] = {name: secrets.token_urlsafe(24) for name in names}
    known |= {"agent": base64.b64encode(agent.private_bytes_raw()).decode(), "ports": _free_ports()}
    (folder / "keys.json").write_text(json.dumps(known, indent=1), encoding="utf-8")
    listed = base64.b64encode(agent.public_key().public_bytes_raw()).decode()
    settings = _settings(folder.absolute(), known, listed, domain)
    lines = (
        f"{name}='{value if isinstance(value, str) else json.dumps(value)}'\n"
        for name, value in settings.items()
    )
    (folder / ".env").touch(mode=0o600)
    (folder / ".env").chmod(0o600)
    (folder / ".env").write_text("".join(lines), encoding="utf-8")


def _settings(folder: Path, known: dict[str, Any], agent: str, domain: str) -> dict[str, Any]:
    ports = known["ports"]
    keys = f"http://127.0.0.1:{ports['keys']}/keys"
    scopes = ["privacy-request:create", "privacy-request:read"]
    sources = [f"drp/{AGENT}", f"shopify/{SHOP}", "meta", "apple", "risc", "fides/trial", "mailer.trial"]
    return {
        "HABEAS_LOCAL_CALLBACKS": "true",
        "HABEAS_TRUSTED_SOURCES": sources,
        "HABEAS_CONFIRMING_SOURCES": sources,
        "HABEAS_API_KEYS": {"mailer.trial": known["mailer"]},
        "HABEAS_DRP_BUSINESS": BUSINESS,
        "HABEAS_DRP_AGENTS": [
            {"id": AGENT, "name": "Trial Agent", "verify_key": agent, "business_contact": "agent@example.org"}
        ],
        "HABEAS_OPENDSR_CONTROLLERS": [{"id": "trial", "key": "trial", "secret": known["controller"]}],
        "HABEAS_OPENDSR_URL": f"https://{domain}/opendsr",
        "HABEAS_OPENDSR_KEY_FILE": str(folder / "opendsr.key"),
        "HABEAS_OPENDSR_CERTIFICATE_FILE": str(folder / "opendsr.pem"),
        "HABEAS_SHOPIFY_SECRETS": [known["shopify"]],
        "HABEAS_META_SECRETS": [known["meta"]],
        "HABEAS_APPLE_CLIENTS": [APP],
        "HABEAS_APPLE_KEYS": keys,
        "HABEAS_RISC_ISSUER": ISSUER,
        "HABEAS_RISC_AUDIENCES": [APP],
        "HABEAS_RISC_KEYS": keys,
        "HABEAS_FIDES_SERVED": "true",
        "HABEAS_FIDES_CLIENTS": {"trial": {"secret": known["fides"], "scopes": scopes}},
        "HABEAS_DROP_KEY": known["drop"],
        "HABEAS_DROP_URL": f"http://127.0.0.1:{ports['drop']}",
        "HABEAS_DROP_CLOSED": "",
        "HABEAS_INBOX_ADDRESS": ADDRESS,
        "HABEAS_INBOX_PORT": str(ports["inbox"]),
    }


def keys(folder: str) -> dict[str, Any]:
    """Return the keys of the clients."""
    found: dict[str, Any] = json.loads(Path(folder, "keys.json").read_text(encoding="utf-8"))
    return found


def until(found: Callable[[], T | None], *, seconds: float = 120) -> T:
    """Return the result of *found* once there is one."""
    last = time.monotonic() + seconds
    while (result := found()) is None:
        if time.monotonic() > last:
            sys.exit("no answer: does `habeas up --env-file` run with the .env of this folder?")
        time.sleep(0.3)
    return result


def serve(answer: Callable[[BaseHTTPRequestHandler, bytes], tuple[int, str, bytes]], port: int = 0) -> int:
    """Serve on this machine until the program ends; *answer* returns status, type and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if kind == "application/zip":
                self.send_header(
                    "Content-Disposition", f'filename="{datetime.now(UTC):%Y%m%d}_4821_DROP.zip"'
                )
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the same

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _free_ports() -> dict[str, int]:
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in PORTS}
    found = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return found


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certificate(key: rsa.RSAPrivateKey, domain: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


if __name__ == "__main__":
    make(Path(sys.argv[1]), *sys.argv[2:])
    print(f"now run: habeas up --env-file {sys.argv[1]}/.env")
