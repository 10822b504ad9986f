"""
The SMTP or LMTP port for incoming mail.

The sending server keeps a mail until it gets ``250``, and retries otherwise. So each mail is sealed and
announced first, and nothing is stored here.
"""

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Said

from services.intake.channels.email.parser import single
from services.intake.channels.email.service import EmailService, MailDeferred, MailEnvelope
from shared.errors import ErrorNet, TransientError, reason_of
from shared.runtime.log import logger

TAKEN = "250 2.0.0 taken in"
NOT_HERE = "550 5.1.1 no such address"
LATER = "451 4.3.0 try again later"
TOO_OFTEN = "451 4.7.1 too much from this sender, try again later"


class SmtpPort:
    """The SMTP handler. Names and signatures of the methods are aiosmtpd's."""

    def __init__(self, service: EmailService) -> None:
        """Pass mails to *service*."""
        self._service = service

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Said, address: str, options: list[str]
    ) -> str:
        """Accept mail for our address, with or without a tag, and for no other."""
        del server, session, options
        name, _, domain = address.lower().rpartition("@")
        if f"{name.partition('+')[0]}@{domain}" != self._service.threads.address.lower():
            return NOT_HERE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Said) -> str:  # noqa: N802
        """Process a mail; answer once the result is durable."""
        del session
        answer = await self._taken(envelope)
        # Over LMTP there is an answer for each recipient (RFC 2033 section 4.2).
        return "\r\n".join([answer] * len(envelope.rcpt_tos)) if isinstance(server, LMTP) else answer

    async def _taken(self, said: Said) -> str:
        content = said.content if isinstance(said.content, bytes) else b""
        envelope = MailEnvelope(tuple(said.rcpt_tos), single(said.mail_from or ""))
        with ErrorNet() as net:
            await self._service.take(content, envelope)
        match net.error:
            case None:
                return TAKEN
            case MailDeferred():
                return TOO_OFTEN
            case TransientError() as error:
                logger().warning("mail deferred", service="intake", reason=str(error))
            case error:
                logger().error("mail not processed", service="intake", reason=reason_of(error))
        return LATER  # the sending server keeps the mail
