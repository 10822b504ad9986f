#!/usr/bin/env python3
"""
Catch mail on port 1025 and show it on port 8025, by the part of Mailpit's HTTP API that tests use.

``/mailpit`` serves, ``/mailpit readyz`` is the health check.

    GET    /livez, /readyz
    GET    /api/v1/messages?start=0&limit=50   newest first
    GET    /api/v1/message/{ID}/raw            as received
    DELETE /api/v1/messages                    all of them
"""

import http.client
import json
import signal
import sys
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  reached from other containers, as the original is
SMTP_PORT = 1025
HTTP_PORT = 8025
SNIPPET_LENGTH = 250
LARGEST_MESSAGE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caught:
    """One message as the SMTP client sent it."""

    raw: bytes
    sender: str
    recipients: tuple[str, ...]
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:22])
    received: datetime = field(default_factory=lambda: datetime.now(UTC))

    def summary(self) -> dict[str, object]:
        """Return the message in the words of Mailpit's MessageSummary."""
        message = message_from_bytes(self.raw, policy=policy.default)
        text = message.get_body(("plain", "html"))
        named = addresses(message, "To") + addresses(message, "Cc")
        return {
            "ID": self.id,
            "MessageID": str(message["Message-ID"] or "").strip("<>"),
            "Read": False,
            "From": (addresses(message, "From") or [{"Name": "", "Address": self.sender}])[0],
            "To": addresses(message, "To"),
            "Cc": addresses(message, "Cc"),
            "Bcc": [
                {"Name": "", "Address": recipient}
                for recipient in self.recipients
                if recipient not in {one["Address"] for one in named}
            ],
            "ReplyTo": addresses(message, "Reply-To"),
            "Subject": str(message["Subject"] or ""),
            "Created": self.received.isoformat().replace("+00:00", "Z"),
            "Tags": [],
            "Size": len(self.raw),
            "Attachments": sum(1 for _ in message.iter_attachments()),
            "Snippet": " ".join(text.get_content().split())[:SNIPPET_LENGTH] if text else "",
        }


def addresses(message: EmailMessage, header: str) -> list[dict[str, str]]:
    """Return the mailboxes of one header."""
    pairs = getaddresses([str(value) for value in message.get_all(header, [])])
    return [{"Name": name, "Address": address} for name, address in pairs]


class Mailbox:
    """All messages, newest first; filled by the SMTP thread, read by the HTTP threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[Caught] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep what was sent (the name is aiosmtpd's)."""
        caught = Caught(envelope.original_content or b"", envelope.mail_from or "", tuple(envelope.rcpt_tos))
        with self._lock:
            self._messages.insert(0, caught)
        return f"250 2.0.0 Ok: queued as {caught.id}"

    def all(self) -> list[Caught]:
        """Return a copy, newest first."""
        with self._lock:
            return list(self._messages)

    def find(self, message_id: str) -> Caught | None:
        """Return the message of this id; Mailpit calls the newest one ``latest``."""
        messages = self.all()
        if message_id == "latest":
            return messages[0] if messages else None
        return next((one for one in messages if one.id == message_id), None)

    def clear(self) -> None:
        """Forget every message."""
        with self._lock:
            self._messages.clear()

    def listing(self, start: int, limit: int) -> dict[str, object]:
        """Return one page in the words of Mailpit's MessagesSummary."""
        messages = self.all()
        page = messages[start : start + limit]
        return {
            "total": len(messages),
            "unread": len(messages),
            "count": len(page),
            "messages_count": len(messages),
            "messages_unread": len(messages),
            "start": start,
            "tags": [],
            "messages": [one.summary() for one in page],
        }


class Api(BaseHTTPRequestHandler):
    """Answers for the mailbox its server carries."""

    protocol_version = "HTTP/1.1"
    server: "Web"

    def do_GET(self) -> None:
        """Answer a listing, one raw message, or the health check."""
        url = urlsplit(self.path)
        match url.path.strip("/").split("/"):
            case ["livez" | "readyz"]:
                self.reply(b"ok", "text/plain")
            case ["api", "v1", "messages"]:
                query = parse_qs(url.query)
                start, limit = (
                    int(query.get(key, [default])[0]) for key, default in (("start", 0), ("limit", 50))
                )
                self.reply(json.dumps(self.server.mailbox.listing(start, limit)).encode(), "application/json")
            case ["api", "v1", "message", message_id, "raw"] if found := self.server.mailbox.find(message_id):
                self.reply(found.raw, "text/plain; charset=utf-8")
            case _:
                self.send_error(404)

    def do_DELETE(self) -> None:
        """Forget every message."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if urlsplit(self.path).path != "/api/v1/messages":
            self.send_error(404)
            return
        self.server.mailbox.clear()
        self.reply(b"ok", "text/plain")

    def reply(self, body: bytes, media_type: str) -> None:
        """Send a whole answer."""
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Stay silent: what is caught here is nobody's business."""


class Web(ThreadingHTTPServer):
    """The HTTP side, for one mailbox."""

    daemon_threads = True

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        super().__init__((EVERY_ADDRESS, HTTP_PORT), Api)


def ready() -> int:
    """Return 0 when the HTTP side answers."""
    connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return int(connection.getresponse().status != http.HTTPStatus.OK)
    except OSError:
        return 1


def serve() -> int:
    """Catch mail until told to stop."""
    mailbox = Mailbox()
    smtp = Controller(mailbox, hostname=EVERY_ADDRESS, port=SMTP_PORT, data_size_limit=LARGEST_MESSAGE)
    smtp.start()
    web = Web(mailbox)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=web.shutdown).start())
    web.serve_forever()
    smtp.stop()
    return 0


if __name__ == "__main__":
    sys.exit(ready() if sys.argv[1:] == ["readyz"] else serve())
