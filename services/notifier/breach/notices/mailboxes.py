"""Mailboxes that no notice goes to. Pure."""

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
    """
    Return the addresses of *person* that must not be written to: their passwords were breached.

    These are all mailboxes of the domains with breached mailboxes, and of those below them, where a secret of
    the person is part of the breach. If the person's breached data is unknown, it is taken for one.

    Law:
        Cal. Civ. Code § 1798.82(j)(5): not to the address with breached credentials.
    """
    categories = person.categories or declared.categories
    if categories and not is_there(BreachedKind.CREDENTIALS, (*categories, ADDRESS)):
        return []
    return [one for one in _all(person) if any(_lies_in(_domain(one), at) for at in declared.mail_domains)]


def must_be_safe(person: NoticeRecipient, declared: BreachDeclared) -> None:
    """
    Make sure that a notice to *person* is not read by others with their password.

    Raises:
        BreachedMailbox: It would be.
    """
    if declared.mail_domains and person.email in breached(person, declared):
        raise BreachedMailbox("the password of this mailbox was breached")


def _all(person: NoticeRecipient) -> list[str]:
    """Return all addresses of *person*; without a valid first address there is none."""
    return [person.email, *person.others] if person.email else []


def _domain(address: str) -> str:
    """Return the domain that mail to *address* goes to; nothing where it is no address."""
    try:
        return mime.addr_spec(address).rpartition("@")[2]
    except MailRefused:
        return ""


def _lies_in(domain: str, other: str) -> bool:
    """Return whether *domain* is *other*, or below it; a dot at the end says nothing (RFC 1034 § 3.1)."""
    here, there = domain.strip().lower().strip("."), other.strip(".")
    return here == there or here.endswith(f".{there}")
