"""Validation and publication of files of events."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from habeas.client import Publisher
from habeas.client.event_files import EventFile, FileEvent, found_in
from shared.contract.sources import COMMAND
from shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from shared.runtime.broker import Message

BATCH = 500
"""Events that are confirmed together."""


@dataclass(slots=True)
class CheckedFiles:
    """The result of reading files."""

    sound: int = 0
    faulty: int = 0
    report: list[dict[str, str]] = field(default_factory=list)
    """A line for each error, and on demand for each valid event."""


def check(
    sources: Sequence[EventFile], report: Callable[[EventFile, FileEvent], None], *, every: bool = False
) -> CheckedFiles:
    """
    Read all of *sources*, call *report* with each event with errors, and return the result.

    With *every*, its report includes valid events. Raises ConfigurationError if a file cannot be read.
    """
    checked = CheckedFiles()
    for source, found in found_in(sources):
        if found.faults:
            checked.faulty += 1
            report(source, found)
        else:
            checked.sound += 1
        if found.faults or every:
            checked.report += source.report_of(found)
    return checked


async def publish(amqp_url: str, sources: Sequence[EventFile], progress: Callable[[int], None]) -> int:
    """
    Publish the valid events of *sources* and return their number; *progress* is called with each batch.

    Raises:
        BrokerUnavailable: They were not all confirmed; the message has the number.
        ConfigurationError: A file cannot be read, or the broker is not one of Habeas.
        Unroutable: Habeas has no queue for an event.
    """
    published = 0
    async with Publisher(amqp_url, source=COMMAND) as publisher:
        left = messages(sources)
        while batch := list(islice(left, BATCH)):
            try:
                await publisher.publish(batch)
            except (BrokerUnavailable, Unroutable) as error:
                remedy = "publishing the same files again does no harm"
                raise type(error)(f"{error}; {published} events are confirmed; {remedy}") from None
            published += len(batch)
            progress(len(batch))
    return published


def messages(sources: Sequence[EventFile]) -> Iterator[Message]:
    """Yield the valid events of *sources* as messages."""
    yield from (found.message for _, found in found_in(sources) if found.message is not None)


def check_unchanged(expected: int, published: int) -> None:
    """Check that no file changed since the validation. Raises ConfigurationError if one did."""
    if expected != published:
        what = f"{published} events were published, {expected} were valid"
        raise ConfigurationError(f"{what}: a file changed meanwhile; check it")
