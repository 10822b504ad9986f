"""All events: those about requests, and those about incidents."""

from collections.abc import Iterator
from typing import Any

from shared.contract import events
from shared.contract.events import breaches

_MODULES = (events, breaches)
"""Where the models stand; each must be read before they are counted."""


def catalogue() -> Iterator[type[events.Event]]:
    """Yield every submission and fact that travels."""
    for kind in _leaves(events.Submission):
        yield kind
    for kind in _leaves(events.Fact):
        if not issubclass(kind, events.Record):
            yield kind


def _leaves(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        if "TYPE" in vars(child):
            yield child
        yield from _leaves(child)
