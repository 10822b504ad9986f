"""Mailboxes that no notice goes to. Pure."""

from collections.abc import Iterable

from services.notifier.letters import mime
from shared.contract.affected_people import NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
from shared.errors import MailRefused
from shared.law.breaches import BreachedKind, is_there

ADDRESS = "user.contact.email"
"""Data that opens a mailbox together with a password: its thief has it."""


class BreachedMailbox(MailRefused):
    """Others have the person's password and read the mailbox: the person must be notified by other means."""


def reached(person: NoticeRecipient, declared: BreachDeclared) -> bool:
    """Return whether a notice to *person* goes out: to a valid address without a breached password."""
    return bool(addresses(person, declared))


def addresses(person: NoticeRecipient, declared: BreachDeclared) -> list[str]:
    """Return the addresses that a notice to *person* may go to, the surest first; there may be none."""
    unsafe = breached(person, declared)
    return [one for one in _all(person) if one not in unsafe and _domain(one)]


def breached(person: NoticeRecipient, declared: BreachDeclared) -> list[str]:
    """Return the addresses of *person* that must not be written to: their passwords were breached."""
    if not _secret_is_out(person, declared):
        return []
    return [one for one in _all(person) if _is_at_one_of(declared.mail_domains, _domain(one))]


def _all(person: NoticeRecipient) -> list[str]:
    """Return all addresses of *person*; without a valid first address there is none."""
    return [person.email, *person.others] if person.email else []


def _domain(address: str) -> str:
    """Return the domain that mail to *address* goes to; nothing where it is no address."""
    try:
        return mime.addr_spec(address).rpartition("@")[2]
    except MailRefused:
        return ""


def must_be_safe(person: NoticeRecipient, declared: BreachDeclared) -> None:
    """
    Make sure that a notice to *person* is not read by others with their password.

    It goes to no mailbox of the domains with breached mailboxes, nor of those below them, where a
    secret of the person is part of the breach. If the person's breached data is unknown, it is taken for
    one.

    Law:
        Cal. Civ. Code § 1798.82(j)(5): not to the address with breached credentials.

    Raises:
        BreachedMailbox: It would be.
        MailRefused: The address is none.
    """
    if not declared.mail_domains or person.email is None:
        return
    domain = mime.addr_spec(person.email).rpartition("@")[2]  # as it is written to
    if _secret_is_out(person, declared) and _is_at_one_of(declared.mail_domains, domain):
        raise BreachedMailbox("the password of this mailbox was breached")


def _secret_is_out(person: NoticeRecipient, declared: BreachDeclared) -> bool:
    """Return whether the breached data of *person* may open their mailbox."""
    categories = person.categories or declared.categories
    return not categories or is_there(BreachedKind.CREDENTIALS, (*categories, ADDRESS))


def _is_at_one_of(domains: Iterable[str], domain: str) -> bool:
    return any(_lies_in(domain, one) for one in domains)


def _lies_in(domain: str, other: str) -> bool:
    """Return whether *domain* is *other*, or below it; a dot at the end says nothing (RFC 1034 § 3.1)."""
    here, there = domain.strip().lower().strip("."), other.strip(".")
    return here == there or here.endswith(f".{there}")
