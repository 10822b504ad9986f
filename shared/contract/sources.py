"""
CloudEvents sources: which belong to intake's own channels, and which a broker user may use.

Pure. A :data:`Source` is made in two ways only: by :func:`channel_source` for a channel of intake, and by
:func:`upstream_source` for an upstream system, which never returns one of a channel.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType
from urllib.parse import unquote

from shared.contract.events import SubmissionError
from shared.vocabulary import OfflineManner

Source = NewType("Source", str)
"""A CloudEvents source of which intake knows that it is true."""


class ChannelSource(StrEnum):
    """First segment of the sources that intake's own channels assign."""

    HABEAS = "habeas"
    SHOPIFY = "shopify"
    META = "meta"
    APPLE = "apple"
    RISC = "risc"
    DRP = "drp"
    OPENDSR = "opendsr"
    FIDES = "fides"


SIGNED: Final = frozenset(ChannelSource) - {ChannelSource.HABEAS}
"""Channels with senders that show a credential."""
RESERVED: Final = frozenset({*ChannelSource, "email", "mail", "web", "csv", "unknown"})
"""First segments that no upstream system may use; the last ones would pass for a channel in a report."""
ALL: Final = "*"
"""In a binding: every source that is not reserved and not bound to another user by its full name."""
BELOW: Final = "/*"
"""Ends a binding of all sources below a prefix."""
COMMAND: Final = Source("habeas/command")
"""Source of the staff's submissions by the command, with an account of its own on the broker."""
INTAKE: Final = "-intake"
"""Ends the name of intake's own user on the broker, where each account has one."""
_URI_REFERENCE = re.compile(r"[A-Za-z0-9._~:/?#\[\]!$&'()*+,;=-]{1,200}")
"""Without ``@`` and escapes: events show the source, and it must not be a mail address."""
_DELIMITERS = re.compile(r"[/:?#;@!,\\]")
_MOST_ENCODINGS = 5


def channel_source(channel: ChannelSource, name: str = "") -> Source:
    """Return the source of submissions by *channel*, from its part *name*."""
    return Source(f"{channel}/{name}" if name else channel.value)


OWN_SOURCES: Final = "habeas/"
"""Prefix of the sources of requests that no upstream system passed on."""
MAIL: Final = channel_source(ChannelSource.HABEAS, "mail")
"""Source of requests by mail."""
OFFLINE: Final[Mapping[str, OfflineManner]] = {
    channel_source(ChannelSource.HABEAS, one): one for one in OfflineManner
}
"""Source of a request that the staff wrote down → how it was made."""


def is_reserved(source: str) -> bool:
    """Return whether *source*, in any spelling, begins like one of a channel."""
    return _first_segment(source) in RESERVED


def names_requests(source: str) -> bool:
    """Return whether *source* chooses references itself; a channel derives them from the content."""
    return source == COMMAND or not is_reserved(source)


def upstream_source(source: str) -> Source:
    """
    Return *source* as that of an upstream system.

    Raises:
        ValueError: It is no URI reference, or reserved for a channel; the command's own may be given.
    """
    if _URI_REFERENCE.fullmatch(source) is None:
        raise ValueError("must be a URI reference of 1 to 200 ASCII characters, without @ and %")
    if is_reserved(source) and source != COMMAND:
        raise ValueError("is reserved for a channel of Habeas")
    return Source(source)


def trustable(source: str) -> str:
    """
    Return *source* if its word about a person can count: an upstream system's, or that of a signed channel.

    Raises:
        ValueError: Anyone can ask by it, or it is none.
    """
    if any(source == channel or source.startswith(f"{channel}/") for channel in SIGNED):
        return source
    if upstream_source(source) == COMMAND:
        raise ValueError("has no word of its own about a person")
    return source


@dataclass(frozen=True, slots=True)
class Bindings:
    """
    The sources that each broker user may publish as.

    A user without an entry may use its own name. A source that is named in full for any user is for the users
    that it is named for, and no others.
    """

    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Broker user → sources, prefixes that end in ``/*``, or ``*``."""
    command: str = ""
    """The broker user of the command."""
    intake: str = ""
    """The broker user of intake, which publishes the declarations that staff accounts sign."""

    def refusal(self, user: str | None, source: str) -> SubmissionError | None:
        """Return why a message of the broker's *user* may not be of *source*; None where it may."""
        if not user:
            return SubmissionError(
                path="user_id", message="is missing: set the AMQP property user_id to your broker user"
            )
        try:
            upstream_source(source)
        except ValueError as error:
            return SubmissionError(path="source", message=str(error))
        if self._binds(user, source):
            return None
        return SubmissionError(path="source", message="is not bound to this broker user by HABEAS_SOURCES")

    def _binds(self, user: str, source: str) -> bool:
        if source == COMMAND:
            return user in {self.command, self.intake}
        own = self.allowed.get(user, frozenset())
        if any(source in named for named in self.allowed.values()):
            return source in own
        if user not in self.allowed:
            return source == user
        return ALL in own or any(_is_below(source, prefix) for prefix in own if prefix.endswith(BELOW))


def binding(pattern: str) -> str:
    """
    Return *pattern* if a user can be bound to it: a source, a prefix that ends in ``/*``, or ``*``.

    Raises:
        ValueError: It is none of these, or reserved for a channel.
    """
    if pattern != ALL and upstream_source(pattern.removesuffix(BELOW)) == COMMAND:
        raise ValueError("is for the account of the command")
    return pattern


def command_user(own: str) -> str:
    """Return the broker user of the command where intake's is *own*, which may serve all accounts."""
    return f"{own.removesuffix(INTAKE)}-command" if own.endswith(INTAKE) else own


def _is_below(source: str, prefix: str) -> bool:
    return source.startswith(prefix.removesuffix("*")) and ".." not in source


def _first_segment(source: str) -> str:
    """Return the first segment of *source* without case, escapes, full-width letters and invisible signs."""
    for _ in range(_MOST_ENCODINGS):
        source = unquote(source)
    folded = unicodedata.normalize("NFKD", source).casefold()
    visible = "".join(one for one in folded if unicodedata.category(one)[0] in "LNPS")
    segments = [segment for segment in _DELIMITERS.split(visible) if segment.strip(".")]
    return segments[0] if segments else ""
