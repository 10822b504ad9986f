"""
Checks of a mail's sender: its authentication by our mail server, and mails that open no case. Pure.

Others write parts of the field ``Authentication-Results``: the envelope's sender, domains, and comments. So
an ambiguous or truncated field authenticates no sender; for a failure the word alone suffices.

Mails that were not written by a person to us never open a case and get no reply. A machine does not answer a
machine (RFC 3834 section 2): two of them would never stop.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.intake.channels.email.parser import LONGEST_FIELD, ParsedMail

QUOTED = r'"(?:\\.|[^"\\])*"'
LONGEST = LONGEST_FIELD // 2
"""Characters that are read; a longer field is cut off, and half a domain may be another's."""
VALUE = rf'(?:{QUOTED}|[^\s";])+'
COMMENT = re.compile(r'\([^()"\\]*\)')
WHOLE = re.compile(rf'(?:{QUOTED}|[^"()])*')
"""An unambiguous field: closed quotes, no comments."""
STATEMENT = re.compile(rf'(?:{QUOTED}|[^;"])+')
RESULT = re.compile(rf"\s*([\w-]+)\s*(?:/\s*\d+\s*)?=\s*(\w+)((?:\s+[\w.-]+\s*=\s*{VALUE})*)\s*")
PROPERTY = re.compile(rf"([\w.-]+)\s*=\s*({VALUE})")
FAILED = re.compile(r"\bdmarc\s*=\s*fail\b", re.IGNORECASE)
ALIGNED_BY = {"spf": ("smtp.mailfrom",), "dkim": ("header.d", "header.i")}
"""Method → properties with the domain that it checked, the best first (RFC 8601 section 2.7)."""
WITHOUT_POLICY = frozenset({"none", "permerror", "bestguesspass"})
"""DMARC results for a domain without a usable policy; the last is Microsoft's word."""
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


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of one check."""

    method: str
    found: str
    properties: dict[str, str]

    def domain(self, name: str) -> str:
        """Return the domain in a property; empty if there is none."""
        return self.properties.get(name, "").rpartition("@")[2].strip('"').rstrip(".").lower()


def is_forged(mail: ParsedMail, trusted: str) -> bool:
    """Return whether our mail server (*trusted*, by name) reports that *mail* has a forged sender."""
    return bool(FAILED.search(_results_field(mail, trusted)))


def is_authenticated(mail: ParsedMail, trusted: str) -> bool:
    """
    Return whether our mail server (*trusted*, by name) authenticates the domain of the sender of *mail*.

    For a domain without a valid policy DMARC has no result: then SPF or DKIM must pass for the sender's
    domain or one above it. One below may have another owner, without the list of public suffixes.

    Law:
        RFC 7489 sections 3.1 and 6.6.2: authenticated is an identifier that passes and is aligned.
        RFC 8601 section 2.7: ``none`` is the absence of a policy or a signature.
    """
    results = _results(_results_field(mail, trusted))
    domain = mail.address.rpartition("@")[2].lower()
    by_policy = [result for result in results if result.method == "dmarc"]
    if any(result.found not in WITHOUT_POLICY for result in by_policy):
        return all(_passes_for(result, domain) for result in by_policy)
    return any(_is_aligned(result, domain) for result in results)


def _passes_for(result: _Result, domain: str) -> bool:
    """Return whether DMARC passed; if the server names the domain it checked, it must be the sender's."""
    return result.found == "pass" and result.domain("header.from") in {"", domain}


def _is_aligned(result: _Result, domain: str) -> bool:
    domains = map(result.domain, ALIGNED_BY.get(result.method, ()))
    checked = next(filter(None, domains), "")
    is_above = "." in checked and domain.endswith(f".{checked}")
    return result.found == "pass" and (checked == domain != "" or is_above)


def _results_field(mail: ParsedMail, trusted: str) -> str:
    """Return the topmost field, our server's own; anyone may have written the others (RFC 8601 section 5)."""
    server, _, results = mail.field("authentication-results").partition(";")
    named = next(iter(server.split()), "")
    return results if trusted and named.lower() == trusted.lower() else ""


def _results(said: str) -> list[_Result]:
    if len(said) > LONGEST:
        return []
    while (shorter := COMMENT.sub(" ", said)) != said:
        said = shorter
    if not WHOLE.fullmatch(said):
        return []
    found = filter(None, map(RESULT.fullmatch, STATEMENT.findall(said)))
    return [_Result(match[1].lower(), match[2].lower(), _properties(match[3])) for match in found]


def _properties(written: str) -> dict[str, str]:
    return {name.lower(): value for name, value in PROPERTY.findall(written)}


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
