"""What the notifier alone needs to be told."""

from email.utils import parseaddr

from pydantic import Field, SecretStr, field_validator

from services.notifier.facts import Authority, Sender
from services.notifier.handlers import House
from shared.settings import Settings, Zone


class NotifierSettings(Settings):
    """Settings of the notifier."""

    smtp_url: SecretStr
    """Mail server, `smtp://user:password@host:port`, `smtps://…`, or `smtp://…?starttls=true`."""

    mail_from: str
    """Who letters come from: `Example Privacy <privacy@example.com>`."""

    mail_reply_to: str = ""
    """Where answers go, when not to the address that letters come from."""

    mail_connections: int = Field(default=16, ge=1, le=100)
    """Connections to the mail server that are kept open."""

    zone: Zone
    """Time zone of the dates in letters, `Europe/Berlin`."""

    controller_address: tuple[str, ...] = ()
    """Postal address of the controller: JSON list of lines."""

    data_protection_officer: str = ""
    """How the data protection officer is reached."""

    privacy_policy_url: str = ""
    """Where the privacy policy is."""

    opt_out_url: str = ""
    """Where consumers stop the sale and sharing of their data; empty where nothing is sold or shared."""

    authority_name: str
    """Supervisory authority of the place of establishment: letters name it (GDPR Art. 12(4))."""

    authority_url: str = ""
    """Where complaints to it are made."""

    @field_validator("mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        name, address = parseaddr(value)
        if not name or "@" not in address:
            raise ValueError("must be a name and an address: Example Privacy <privacy@example.com>")
        return value

    def house(self) -> House:
        """Return who writes, and from where."""
        name, address = parseaddr(self.mail_from)
        sender = Sender(
            name=name,
            address=address,
            reply_to=self.mail_reply_to,
            postal_address=self.controller_address,
            data_protection_officer=self.data_protection_officer,
            privacy_policy_url=self.privacy_policy_url,
            complaint_url=self.authority_url,
            opt_out_url=self.opt_out_url,
            zone=self.zone,
        )
        authority = Authority(self.authority_name, self.authority_url)
        return House(sender, authority, self.public_url.rstrip("/"))
