"""Spans by OpenTelemetry; imported by :mod:`shared.runtime.traces` alone, where traces are on."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.metadata import version
from typing import TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.contract.envelope import TRACEPARENT
from shared.runtime.tls import TRUSTED

Attribute: TypeAlias = str | int
CLOSED_WITHIN_MS = 3_000
ID_BYTES = 16
_CASE: ContextVar[int | None] = ContextVar("case", default=None)
"""Trace of the next span without a parent."""
_W3C = TraceContextTextMapPropagator()


def trace_of(case: str) -> int:
    """Return the id of the trace of *case*: the case's own where it has the form of one."""
    try:
        own = bytes.fromhex(case)
    except ValueError:
        own = b""
    fits = len(own) == ID_BYTES and any(own)
    known = own if fits else blake2b(case.encode(), digest_size=ID_BYTES).digest()
    return int.from_bytes(known)


class _CaseIds(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return _CASE.get() or super().generate_trace_id()


@dataclass(slots=True)
class _Request:
    """An HTTP request whose case is not known yet."""

    began_ns: int = field(default_factory=time.time_ns)
    span: Span | None = None


_REQUEST: ContextVar[_Request | None] = ContextVar("request", default=None)


def exporter_to(url: str) -> OTLPSpanExporter:
    """Return the exporter to the collector at *url*; it trusts what all connections of this process trust."""
    return OTLPSpanExporter(endpoint=url, certificate_file=os.environ.get(TRUSTED))


class SpanWriter:
    """Writes the spans of a process to a collector."""

    def __init__(self, url: str, process: str) -> None:
        """Send them to *url*, by OTLP over HTTP."""
        resource = Resource({SERVICE_NAME: process, SERVICE_VERSION: version("habeas")})
        self._provider = TracerProvider(resource=resource, id_generator=_CaseIds(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter_to(url)))
        self._tracer = self._provider.get_tracer("habeas")  # not the global one: FastAPI would write paths

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.force_flush(CLOSED_WITHIN_MS)
        self._provider.shutdown()

    @contextmanager
    def span(self, name: str, case: str, parent: str, attributes: Mapping[str, Attribute]) -> Iterator[None]:
        """Write a span of the block; see :func:`shared.runtime.traces.span`."""
        context = self._context(case, parent)
        if context is None:
            yield
            return
        kind = SpanKind.CONSUMER if parent else SpanKind.INTERNAL
        span = self._tracer.start_span(name, context, kind, attributes=attributes)
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            before = sys.exception()
            try:
                yield
            finally:
                error = sys.exception()
                if isinstance(error, Exception) and error is not before:
                    span.set_status(Status(StatusCode.ERROR))
                    span.set_attribute("error.type", type(error).__name__)  # its text may quote a value

    @contextmanager
    def shared(
        self, name: str, parents: Iterable[str], attributes: Mapping[str, Attribute]
    ) -> Iterator[None]:
        """Write a span of the block under each of *parents*."""
        began = time.time_ns()
        try:
            yield
        finally:
            for parent in filter(None, parents):
                self._tracer.start_span(name, _remote(parent), attributes=attributes, start_time=began).end()

    def past(self, name: str, seconds: float, attributes: Mapping[str, Attribute]) -> None:
        """Write a span that ends now, if a span is current."""
        if trace.get_current_span().is_recording():
            began = time.time_ns() - int(seconds * 1e9)
            kind = SpanKind.CLIENT
            self._tracer.start_span(name, kind=kind, attributes=attributes, start_time=began).end()

    def traceparent(self) -> str:
        """Return the header of the current span; empty without one."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get(TRACEPARENT, "")

    @contextmanager
    def request(self) -> Iterator[dict[str, Attribute]]:
        """Write a span of the HTTP request that the block answers, once its case is known."""
        pending, attributes = _Request(), dict[str, Attribute]()
        token = _REQUEST.set(pending)
        try:
            yield attributes
        finally:
            _REQUEST.reset(token)
            if pending.span is not None:
                pending.span.update_name(str(attributes.pop("name", "HTTP")))
                pending.span.set_attributes(attributes)
                pending.span.end()

    def _context(self, case: str, parent: str) -> Context | None:
        """Return the context of a new span: of the current one, the message's, the request's, or of none."""
        remote = _remote(parent)
        if not case:
            return get_current() if trace.get_current_span().is_recording() else None
        wanted = trace_of(case)
        for known in (get_current(), remote):
            if trace.get_current_span(known).get_span_context().trace_id == wanted:
                return known
        _CASE.set(wanted)
        return self._of_request() or Context()

    def _of_request(self) -> Context | None:
        """Return the context of the HTTP request's span, which begins with the first case that it names."""
        pending = _REQUEST.get()
        if pending is None or pending.span is not None:
            return None
        pending.span = self._tracer.start_span(
            "HTTP", Context(), SpanKind.SERVER, start_time=pending.began_ns
        )
        return trace.set_span_in_context(pending.span, Context())


def _remote(parent: str) -> Context:
    """Return the context of the span that a header names."""
    return _W3C.extract({TRACEPARENT: parent}, Context())
