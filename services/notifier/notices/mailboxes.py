"""Mailboxes that no notice goes to. Pure."""

from services.notifier import mime
from shared.affected import Reached
from shared.errors import MailRefused
from shared.incidents import BreachDeclared
from shared.law.breaches import Kind, is_there

ADDRESS = "user.contact.email"
"""What opens a mailbox together with a password: whoever has the mail has it."""


class BreachedMailbox(MailRefused):
    """Whoever has the person's password reads what is sent there: they must be told by other means."""


def reached(person: Reached, declared: BreachDeclared) -> bool:
    """Tell whether a notice to *person* goes out: to an address that is one, and not to who has read it."""
    try:
        must_be_safe(person, declared)
        mime.addr_spec(person.email or "")
    except MailRefused:
        return False
    return True


def must_be_safe(person: Reached, declared: BreachDeclared) -> None:
    """
    Make sure that a notice to *person* is not read by whoever has their password.

    It goes to no mailbox of the domains whose mailboxes were breached, nor of those below them, where a
    secret of the person is part of what was breached. Where nobody knows what of theirs is, it is taken for
    one.

    Law:
        Cal. Civ. Code § 1798.82(j)(5): not to the address whose credentials were breached.

    Raises:
        BreachedMailbox: It would be.
        MailRefused: The address is none.
    """
    if not declared.mail_domains or person.email is None:
        return
    domain = mime.addr_spec(person.email).rpartition("@")[2]  # as it is written to
    categories = person.categories or declared.categories
    secret = not categories or is_there(Kind.CREDENTIALS, (*categories, ADDRESS))
    if secret and any(_lies_in(domain, breached) for breached in declared.mail_domains):
        raise BreachedMailbox("the password of this mailbox was breached")


def _lies_in(domain: str, other: str) -> bool:
    """Tell whether *domain* is *other*, or below it; a dot at the end says nothing (RFC 1034 § 3.1)."""
    here, there = domain.strip().lower().strip("."), other.strip(".")
    return here == there or here.endswith(f".{there}")
