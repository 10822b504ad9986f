"""A notice as a message without its addressee. Pure."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from markupsafe import escape

from services.notifier.breach.notices.body import EncodedBody
from services.notifier.breach.notices.layout import NoticeShape, skeletons
from services.notifier.letters import mime
from services.notifier.letters.composer import LetterOutline
from services.notifier.letters.letter_models import Sender
from services.notifier.smtp.smtp_data import END, stuffed
from shared.pages.translation import Words


@dataclass(frozen=True, slots=True)
class MessageForm:
    """A message in pieces, between which recipient and id are filled in."""

    head: bytes
    rest: bytes
    text: EncodedBody
    between: bytes
    html: EncodedBody
    end: bytes

    def on_the_wire(self) -> "MessageForm":
        """Return the form of the same message as it goes over the wire: only a few lines are filled in."""
        return MessageForm(
            head=stuffed(self.head),
            rest=stuffed(self.rest),
            text=self.text.on_the_wire(),
            between=stuffed(self.between),
            html=self.html.on_the_wire(),
            end=stuffed(self.end) + END,
        )

    def filled(self, to: str, name: str, message_id: str) -> bytes:
        """
        Return the message.

        Args:
            to: Value of the header, encoded.
            name: How the person is greeted.
            message_id: ``<…@domain>``.
        """
        return b"".join(
            (
                self.head,
                f"To: {to}\r\nMessage-ID: {message_id}\r\n".encode(),
                self.rest,
                self.text.filled(name),
                self.between,
                self.html.filled(name, _escaped),
                self.end,
            )
        )


def bodies(shape: NoticeShape, outline: LetterOutline) -> mime.Alternatives:
    """Return the words of *shape* in both forms."""
    text, html = skeletons(shape)
    escaped = [str(escape(value)) for value in outline.values]
    return mime.Alternatives(text=text.fill(outline.values), html=html.fill(escaped))


def form_of(body: mime.Alternatives, headers: dict[str, str]) -> MessageForm:
    """Return *body* with *headers* as a message for anybody."""
    boundary = f"=_{sha256((body.text + headers['Subject']).encode()).hexdigest()[:24]}"
    rest = [f"{name}: {value}" for name, value in headers.items() if name != "From"]
    rest += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
    return MessageForm(
        head=f"From: {headers['From']}\r\n".encode(),
        rest="\r\n".join(rest).encode() + mime.part_head(boundary, "plain"),
        text=EncodedBody.of(body.text),
        between=b"\r\n" + mime.part_head(boundary, "html"),
        html=EncodedBody.of(body.html),
        end=f"\r\n--{boundary}--\r\n".encode(),
    )


def headers_of(
    subject: str, incident: str, sender: Sender, words: Words, written_at: datetime
) -> dict[str, str]:
    """
    Return the headers of a notice: those of every letter, and the incident.

    Answers go where answers go: they are not of a request, and one that asks for something becomes one.
    """
    return {
        "From": mime.mailbox(mime.MimeMailbox(sender.name, sender.address)),
        **({"Reply-To": mime.addr_spec(sender.reply_to)} if sender.reply_to else {}),
        "Subject": mime.unstructured(subject),
        "Date": mime.date_header(written_at),
        "Content-Language": words.language,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Habeas-Incident": mime.unstructured(incident),
    }


def _escaped(name: str) -> str:
    return str(escape(name))
