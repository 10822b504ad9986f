"""
Mails that never open a case and get no reply: those not written by a person to us. Pure.

A machine does not answer a machine (RFC 3834 section 2): two of them would never stop.
"""

import re
from collections.abc import Collection
from enum import StrEnum

from services.intake.channels.email.authentication import is_forged
from services.intake.channels.email.parser import ParsedMail

MOST_HOPS = 60
"""A mail with that many hops is in a loop (RFC 5321 section 6.3: 100 are safe)."""
BULK = frozenset({"bulk", "junk"})
LIST_FIELDS = ("list-id", "list-post", "mailing-list", "x-mailing-list")
AUTOMATIC_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-failed-recipients")
SERVERS = re.compile(r"(?:mailer-daemon|postmaster|bounces?)(?:[+.-].*)?@", re.IGNORECASE)
NO_REPLY = re.compile(
    r"(?:.*[._-])?(?:no|do-?not|nicht|ne-?pas)[._-]?(?:reply|respond|antworten|repondre)\b.*@", re.IGNORECASE
)
SUPPRESSED = re.compile(r"\b(?:all|autoreply)\b", re.IGNORECASE)
AWAY = re.compile(
    r"^\W*(?:(?:auto(?:matic(?:ally)?|mated)?[ -]?(?:reply|response|antwort)|automatische (?:antwort|reactie)"
    r"|out of (?:the )?office|ooo\b|abwesenheit|abwesend|r[ée]ponse automatique|absence du bureau"
    r"|respuesta autom[áa]tica|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)"
    r"|resposta autom[áa]tica|fora do escrit[óo]rio|ausente do|afwezig|niet op kantoor"
    r"|自动(?:回复|答复)|自動回覆|外出))",
    re.IGNORECASE,
)
RETURNED = re.compile(
    r"^\W*(?:undeliver(?:able|ed)|delivery (?:status notification|has failed|failure)|mail delivery"
    r"|returned mail|failure notice|unzustellbar|non remis|no se puede entregar)",
    re.IGNORECASE,
)


class MailExclusion(StrEnum):
    """The reason why a mail opens no case."""

    LOOP = "loop"
    """It is our own, or is in a loop."""
    BOUNCE = "bounce"
    """It is a report of a mail server."""
    AUTOMATIC = "automatic"
    """It is an automatic reply or an absence notice."""
    MAILING_LIST = "mailing_list"
    BULK = "bulk"
    """It went to many recipients."""
    NO_REPLY = "no_reply"
    """Its sender accepts no reply."""
    SPAM = "spam"
    """Our mail server reports it."""
    FORGED = "forged"
    """Our mail server reports a false sender."""


def is_dropped(mail: ParsedMail, *, ours: bool) -> bool:
    """Return whether a refused mail is dropped: a report, or our own mail; others are set aside."""
    return ours or mail.content_type == "multipart/report"


def refusal_of(
    mail: ParsedMail, envelope_sender: str | None, *, ours: Collection[str], trusted: str
) -> MailExclusion | None:
    """
    Return why *mail* opens no case; None if it may.

    The sender of the envelope is empty for a report, and None if unknown.
    """
    reasons = {
        MailExclusion.LOOP: _is_loop(mail, ours),
        MailExclusion.BOUNCE: _is_bounce(mail, envelope_sender),
        MailExclusion.AUTOMATIC: _is_automatic(mail),
        MailExclusion.MAILING_LIST: any(mail.field(name) for name in LIST_FIELDS)
        or _precedence(mail) == "list",
        MailExclusion.SPAM: mail.field("x-spam-flag").lower() == "yes",
        MailExclusion.FORGED: is_forged(mail, trusted),
        MailExclusion.BULK: bool(mail.field("list-unsubscribe")) or _precedence(mail) in BULK,
        MailExclusion.NO_REPLY: bool(NO_REPLY.match(mail.address)),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _is_loop(mail: ParsedMail, ours: Collection[str]) -> bool:
    untagged = re.sub(r"\+[^@]*@", "@", mail.address.lower())
    looped = {value.lower() for value in mail.fields.get("x-loop", ())}
    return bool(
        untagged in ours
        or looped & set(ours)
        or mail.field("x-habeas-request")
        or len(mail.fields.get("received", ())) > MOST_HOPS
    )


def _is_bounce(mail: ParsedMail, envelope_sender: str | None) -> bool:
    empty = envelope_sender == "" or mail.field("return-path") == "<>"
    reports = mail.content_type == "multipart/report" or bool(RETURNED.match(mail.subject))
    return empty or reports or bool(SERVERS.match(mail.address))


def _is_automatic(mail: ParsedMail) -> bool:
    submitted = mail.field("auto-submitted").partition(";")[0].strip().lower()
    return bool(
        submitted not in {"", "no"}
        or _precedence(mail) == "auto_reply"
        or any(mail.field(name) for name in AUTOMATIC_FIELDS)
        or SUPPRESSED.search(mail.field("x-auto-response-suppress"))
        or AWAY.match(mail.subject)
    )


def _precedence(mail: ParsedMail) -> str:
    return mail.field("precedence").lower()
