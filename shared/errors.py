"""
Errors, named by the reaction of a consumer.

::

    HabeasError
    ├── TransientError            retry after a growing delay, then park
    │   ├── StoreUnavailable      a MongoDB did not answer, or not in time
    │   │   └── CredentialsRefused  it refused user or password, as while these are exchanged
    │   ├── BrokerUnavailable     the broker did not confirm
    │   │   ├── BrokerBlocked     the broker has an alarm and accepts no messages
    │   │   └── TopologyMissing   an exchange or a queue of ours is not declared
    │   ├── MailUnavailable       the mail server did not take the letter now
    │   ├── TooEarly              a fact overtook one that must come before it
    │   └── NewerContract         a fact or a row that a newer version wrote
    └── PermanentError            park at once: a person must look
        ├── MalformedEvent        a message that is no event of the catalogue
        ├── UnknownRequest        a request id that is unknown
        ├── IllegalTransition     a fact that cannot follow the ones before it
        ├── Unroutable            an event without a queue
        ├── Sealed                sealed data that its key does not open
        ├── Destroyed             a case with a destroyed key
        ├── ContentMissing        content that the vault does not hold; handled again twice before parking
        ├── MailRefused           the mail server will never take the letter
        ├── RefusedDecision       a decision of the staff that the case does not allow
        ├── InvalidDataMap        a data map that cannot be honoured; names file and line
        └── ConfigurationError    a setting that is missing or wrong; names it

An error carries ids; its message never holds personal data. A lawful "no" is no error.
"""

from types import TracebackType
from typing import Self


class HabeasError(Exception):
    """An error that Habeas raises on purpose."""


class TransientError(HabeasError):
    """The same message may succeed later."""


class PermanentError(HabeasError):
    """The same message will fail again until a person has looked."""


class StoreUnavailable(TransientError):
    """A MongoDB did not answer, or not in time."""


class CredentialsRefused(StoreUnavailable):
    """A MongoDB refused user or password; while a password is exchanged, that passes."""


class BrokerUnavailable(TransientError):
    """The broker did not confirm a publication."""


class BrokerBlocked(BrokerUnavailable):
    """The broker has an alarm of memory or disk, and accepts no messages until it is over."""


class TopologyMissing(BrokerUnavailable):
    """An exchange or a queue is not declared on the broker. The message names it and the remedy."""


class MailUnavailable(TransientError):
    """The mail server did not take the letter now."""


class TooEarly(TransientError):
    """A fact overtook another that must come before it."""


class NewerContract(TransientError):
    """A fact or a row holds what only a newer version knows. It concerns one case; the others go on."""

    type: str | None = None
    """The type that a fact names, if this version knows it."""


class MalformedEvent(PermanentError):
    """A message is no event of the catalogue."""


class UnknownRequest(PermanentError):
    """No request has this id."""


class IllegalTransition(PermanentError):
    """A fact cannot follow the ones before it."""


class Unroutable(PermanentError):
    """No queue takes a published event."""


class Sealed(PermanentError):
    """Sealed data is not opened by its key: it was altered, or the master key is another."""


class Destroyed(PermanentError):
    """The case's key was destroyed, and with it all that it sealed."""


class ContentMissing(PermanentError, KeyError):
    """
    The vault holds nothing of this name.

    Another service or replica may have discarded it meanwhile, after a decision on the request. The event is
    tried again with the newest history of the request, which then shows the decision.
    """

    __str__ = Exception.__str__


class MailRefused(PermanentError):
    """The mail server will never take this letter."""


class Unanswered(HabeasError):
    """A decision of the staff is recorded, and no service has answered it in time."""


class RefusedDecision(PermanentError):
    """
    The case does not allow a decision of the staff; the message is the reason's code.

    The runtime puts the refusal on record and parks nothing.
    """


class InvalidDataMap(PermanentError):
    """A data map cannot be honoured. The message names file, line and remedy."""


class ConfigurationError(PermanentError):
    """A setting is missing or wrong. The message names it."""


class ErrorNet:
    """
    Catches every error of its block: for loops that must go on, and for code of others that raises any error.

    Cancellation passes. Everywhere else errors are caught by their class.
    """

    error: Exception | None = None
    """The error that ended the block, if any."""

    def __init__(self, *passing: type[Exception]) -> None:
        """Let errors of the classes *passing* through."""
        self._passing = passing

    def __enter__(self) -> Self:
        """Return this, to read the error afterwards."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Keep the error, unless it passes."""
        if isinstance(error, Exception) and not isinstance(error, self._passing):
            self.error = error
        return self.error is not None


def reason_of(error: Exception) -> str:
    """Return *error* for a log: our own message, or the class, as words of others may hold personal data."""
    return str(error) if isinstance(error, HabeasError) else type(error).__name__
