"""Settings of the notifier alone."""

from collections.abc import Callable
from dataclasses import replace
from email.utils import parseaddr
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.notifier.context import SenderSettings, sender_settings_of
from services.notifier.letters.mime import addr_spec
from services.notifier.smtp import dkim
from services.notifier.smtp.letter_limits import OTHERS
from services.notifier.smtp.return_path import NoticePaths, ReturnPaths
from shared.contract.stop_links import PURPOSE as STOP_LINKS
from shared.errors import MailRefused
from shared.mail.reply_address import LONGEST_NAME
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.settings import InboxSettings

FEWEST = 3


class NotifierSettings(InboxSettings):
    """Settings of the notifier."""

    account: ClassVar[str] = "notifier"

    smtp_url: SecretStr
    """Mail server, `smtp://user:password@host:port`, `smtps://…`, or `smtp://…?starttls=true`."""

    mail_from: str
    """Who letters come from: `Example Privacy <privacy@example.com>`."""

    mail_reply_to: str = ""
    """Where answers go, when not to the address that letters come from."""

    mail_connections: int = Field(default=16, ge=2, le=100)
    """Connections to the mail server that are kept open; a quarter, one at the least, for codes alone."""

    notice_connections: int = Field(default=16, ge=1, le=200)
    """Connections to the mail server for breach notices alone; no other letter waits for one of them."""

    mail_limits: dict[str, int] = Field(default_factory=dict)
    """
    Letters a minute that a mail domain is sent: JSON, domain → number, `*` for each other domain. A quarter
    is for codes, a quarter for breach notices.
    """

    letters_per_day: int = Field(default=20, ge=3)
    """
    Letters per mailbox and day about requests without a proof, needed or not, and as many notices that other
    people's records name it. Further letters are not sent; the requests are carried out.
    """

    mail_bounces: str = ""
    """Where letters come back to, `bounces@example.com`; each letter has an address made from it."""

    bounce_port: int = Field(default=0, ge=0, le=65535)
    """Port that takes returned letters by SMTP, on `HABEAS_HTTP_HOST`; 0: none."""

    dkim_selector: str = ""
    """Where the name server has the public key of `HABEAS_DKIM_KEY`; empty: letters are not signed."""

    dkim_key: SecretStr | None = Field(default=None, validate_default=True)
    """Private key that letters are signed with (DKIM): PEM, RSA of 2048 bits or more, or Ed25519."""

    @field_validator("mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        name, address = parseaddr(value)
        if not name or not _is_address(address):
            raise ValueError("must be a name and an address: Example Privacy <privacy@example.com>")
        return value

    @field_validator("mail_reply_to")
    @classmethod
    def _takes_answers(cls, value: str) -> str:
        if value and not _is_address(value):
            raise ValueError("must be an address, and nothing else")
        return value

    @field_validator("mail_limits")
    @classmethod
    def _leave_something_for_codes(cls, limits: dict[str, int]) -> dict[str, int]:
        if any(letters < FEWEST for letters in limits.values()):
            raise ValueError(
                f"every limit must be {FEWEST} or more: parts of it are kept for codes and for breach notices"
            )
        return {_domain(name): letters for name, letters in limits.items()}

    @field_validator("mail_bounces")
    @classmethod
    def _has_room_for_a_letter(cls, value: str) -> str:
        name = value.rpartition("@")[0]
        if value and (not name or "+" in name or len(name) > LONGEST_NAME):
            raise ValueError(
                f"must be an address with {LONGEST_NAME} characters or fewer before the @, and no +"
            )
        return value

    @field_validator("bounce_port")
    @classmethod
    def _has_return_address(cls, port: int, info: ValidationInfo) -> int:
        if port and not info.data.get("mail_bounces"):
            raise ValueError("needs HABEAS_MAIL_BOUNCES")
        return port

    @field_validator("dkim_key")
    @classmethod
    def _can_sign(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        selector = info.data.get("dkim_selector", "")
        if bool(key) is not bool(selector):
            raise ValueError("needs HABEAS_DKIM_SELECTOR, and that needs a key")
        if key:
            dkim.signer("", selector, key.get_secret_value().encode())
        return key

    def return_path(self) -> Callable[[str], str]:
        """Return the function from a letter to its return address."""
        if not self.mail_bounces:
            return lambda _letter: parseaddr(self.mail_from)[1]
        return self.return_paths().of

    def return_paths(self) -> ReturnPaths:
        """Return the addresses that letters come back to."""
        return ReturnPaths(self.mail_bounces, derived_key(self.root_key, "returned letters"))

    def notice_paths(self) -> NoticePaths:
        """Return the addresses that breach notices come back to, if anything does, and their message ids."""
        return notice_paths(self.mail_bounces, self.root_key)

    def sign(self) -> Callable[[bytes], bytes] | None:
        """Return the signer of letters, if there is a key."""
        if self.dkim_key is None:
            return None
        domain = addr_spec(parseaddr(self.mail_from)[1]).rpartition("@")[2]
        return dkim.signer(domain, self.dkim_selector, self.dkim_key.get_secret_value().encode()).sign

    def house(self) -> SenderSettings:
        """Return the sender settings."""
        house = sender_settings_of(
            self.company,
            self.mail_from,
            reply_to=self.mail_reply_to,
            public_url=self.public_url.rstrip("/"),
            reply_addresses=self.threads(),
        )
        return replace(house, stop_key=derived_key(self.root_key, STOP_LINKS))


def notice_paths(bounces: str, master_key: RootKey) -> NoticePaths:
    """Return the addresses that breach notices come back to, made from *bounces*, and their message ids."""
    return NoticePaths(bounces, derived_key(master_key, "breach notices"))


def _is_address(value: str) -> bool:
    try:
        addr_spec(value)
    except MailRefused:
        return False
    return True


def _domain(name: str) -> str:
    """Return *name* as it is looked up for the address of a letter."""
    try:
        return name if name == OTHERS else addr_spec(f"any@{name}").rpartition("@")[2].lower()
    except MailRefused:
        raise ValueError("not every name is a mail domain") from None
