"""Publishes what stands in files, once all of it is seen to be sound."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    """What was found in files."""

    sound: int = 0
    faulty: int = 0
    report: list[dict[str, str]] = field(default_factory=list)
    """A line for each fault, and where all lines are wanted for each sound event as well."""


def check(
    sources: Sequence[EventFile],
    told: Callable[[EventFile, FileEvent], None],
    *,
    every: bool = False,
) -> CheckedFiles:
    """
    Read all of *sources*, tell of each event that has faults, and return what was found.

    Args:
        sources: The files.
        told: Hears of what is faulty, as it is found.
        every: Whether the report has a line for what is sound, too.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    checked = CheckedFiles()
    for source, found in found_in(sources):
        if found.faults:
            checked.faulty += 1
            told(source, found)
        else:
            checked.sound += 1
        if found.faults or every:
            checked.report += source.report_of(found)
    return checked


async def publish(amqp_url: str, sources: Sequence[EventFile], told: Callable[[int], None]) -> int:
    """
    Publish what is sound in *sources* and return how many events that was; *told* hears how many more.

    Raises:
        BrokerUnavailable: They were not all confirmed; it says how many are.
        ConfigurationError: A file cannot be read, or the broker is not one of Habeas.
        Unroutable: Habeas has no queue for an event.
    """
    published = 0
    async with Publisher(amqp_url, source=COMMAND) as publisher:
        for batch in _batches(messages(sources)):
            try:
                await publisher.publish(batch)
            except (BrokerUnavailable, Unroutable) as error:
                raise type(error)(f"{error}; {_confirmed(published)}") from None
            published += len(batch)
            told(len(batch))
    return published


def _confirmed(published: int) -> str:
    return f"{published} events are confirmed; publishing the same files again does no harm"


def messages(sources: Sequence[EventFile]) -> Iterator[Message]:
    """Yield what is sound in *sources*, ready to be published."""
    yield from (found.message for _, found in found_in(sources) if found.message is not None)


def _batches(all_: Iterable[Message]) -> Iterator[list[Message]]:
    left = iter(all_)
    while batch := list(islice(left, BATCH)):
        yield batch


def must_be_the_same(expected: int, published: int) -> None:
    """
    Make sure that files had when they were published what they had when they were checked.

    Raises:
        ConfigurationError: They had not.
    """
    if expected != published:
        raise ConfigurationError(
            f"{published} events were published, {expected} were sound: a file changed meanwhile; check it"
        )
