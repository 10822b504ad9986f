"""The mailbox in a text that should be an address, and when two mailboxes are the same. Pure."""

import re
from collections.abc import Hashable, Iterator
from email.utils import getaddresses

from services.fulfillment.search.bson_equality import untagged
from shared.contract.events.breaches import ADDRESS
from shared.mail.domains import fits, looked_up

MOST_CHARACTERS, MOST_COMMENTS = 998, 8
"""Limit of a text in which mailboxes are looked for; a line of a message has no more (RFC 5322 § 2.1.1)."""
LEAST_LABELS = 2
SEPARATORS = ",; \t\r\n\N{NO-BREAK SPACE}"
BETWEEN = re.compile(r"\s*[,;\r\n][,;\s]*")
UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Characters that get copied from web pages and files, and are in no address (RFC 5892)."""
LINK = re.compile(r"^mailto:", re.IGNORECASE)
_ADDRESS = re.compile(ADDRESS)


def address_in(text: str) -> str | None:
    """
    Return the first address in *text* that mail can reach; None for placeholders such as ``n/a@n/a``.

    The text may be a mailbox with a name, or a list of mailboxes. A domain in letters beyond ASCII is written
    in the form of name servers, so that no system on the way has to choose one.
    """
    return next(addresses_in(text), None)


def addresses_in(text: str) -> Iterator[str]:
    """Yield all addresses in *text* that :func:`address_in` would take."""
    plain = UNSEEN.sub("", text).strip(SEPARATORS)
    yield from filter(None, map(_reachable, _mailboxes(LINK.sub("", plain))))


def same(address: str, *, tagged: bool) -> Hashable:
    """
    Return a key that all notations of the mailbox *address* share; *tagged*, whether a tag does not count.

    Case is ignored in ASCII alone: mail servers treat other letters differently.
    """
    local, _, domain = (untagged(address) if tagged else address).strip().rpartition("@")
    return f"{local.encode().lower().decode()}@{looked_up(domain)}"


def _mailboxes(text: str) -> Iterator[str]:
    if _ADDRESS.match(text):
        yield text
    elif len(text) <= MOST_CHARACTERS and text.count("(") <= MOST_COMMENTS:
        yield from (address for _, address in getaddresses([BETWEEN.sub(", ", text)]))


def _reachable(address: str) -> str | None:
    """Return *address* in the form for sending mail; None where no mail server can be."""
    local, _, domain = address.rpartition("@")
    domain = domain.removesuffix(".") if domain.isascii() else looked_up(domain)
    if not _ADDRESS.match(f"{local}@{domain}") or len(domain.split(".")) < LEAST_LABELS or not fits(domain):
        return None
    return f"{local}@{domain}"
