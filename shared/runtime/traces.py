"""
Traces: one per case, over all services. Off by default, and then nothing of OpenTelemetry is imported.

A message carries the span that published it in the header ``traceparent`` (W3C). Spans name services, events,
commands and templates of routes: no value of a request, and no text of an error.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeAlias

from shared import extras
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.runtime.spans import SpanWriter

Value: TypeAlias = str | int
_WRITERS: list["SpanWriter"] = []
"""The writer of this process, while traces are on."""


@contextmanager
def exported(url: str, process: str) -> Iterator[None]:
    """
    Send the spans of this *process* to the collector at *url* until the end of the block; without one, none.

    Raises:
        ConfigurationError: The packages for it are not installed.
    """
    if not url:
        yield
        return
    if lacking := extras.missing("traces"):
        raise ConfigurationError(f"HABEAS_TRACES_URL: {lacking}")
    from shared.runtime.spans import SpanWriter  # noqa: PLC0415 - its memory is for those who want traces

    writer = SpanWriter(url, process)
    _WRITERS.append(writer)
    try:
        yield
    finally:
        _WRITERS.remove(writer)
        writer.close()


def span(
    name: str, *, case: str = "", parent: str = "", **attributes: Value
) -> AbstractContextManager[object]:
    """
    Write a span of the block.

    Args:
        name: Name of the span.
        case: Case that the block is about; without one, it is that of the current span, or none is written.
        parent: Value of the header of the message that led to it.
        attributes: Services, events and codes.
    """
    return _WRITERS[0].span(name, case, parent, attributes) if _WRITERS else nullcontext()


def shared_span(name: str, parents: Iterable[str], **attributes: Value) -> AbstractContextManager[object]:
    """Write a span of the block under each of *parents*: what a batch does for many cases together."""
    return _WRITERS[0].shared(name, parents, attributes) if _WRITERS else nullcontext()


def past_span(name: str, seconds: float, **attributes: Value) -> None:
    """Write a span that ends now and began *seconds* ago, if a span is current."""
    if _WRITERS:
        _WRITERS[0].past(name, seconds, attributes)


def traceparent() -> str:
    """Return the header for messages that the current span leads to; empty without one."""
    return _WRITERS[0].traceparent() if _WRITERS else ""


def request() -> AbstractContextManager[dict[str, Value]]:
    """
    Write a span of the HTTP request that the block answers, from its begin, once its case is known.

    Yields the attributes that it ends with; without ``name`` it has that of its method.
    """
    return _WRITERS[0].request() if _WRITERS else nullcontext({})
