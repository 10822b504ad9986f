"""A small collector of traces: OTLP over HTTP, spans kept in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from habeas.embedded.parts.ports import HOST


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as the collector got it."""

    trace: str
    id: str
    parent: str
    name: str
    attributes: Mapping[str, Any]


@dataclass
class SpanReceiver:
    """The spans of all processes."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)

    def of(self, trace: str) -> list[ReceivedSpan]:
        """Return the spans of a *trace*."""
        return [span for span in self.spans if span.trace == trace]

    def receive(self, body: bytes) -> None:
        """Keep the spans of an export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                values = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
                ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                self.spans.append(ReceivedSpan(*ids, span.name, values))


@contextmanager
def receiving() -> Iterator[SpanReceiver]:
    """Run a collector."""
    receiver = SpanReceiver()

    class Export(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Export) as server:
        receiver.url = f"http://{HOST}:{server.server_port}/v1/traces"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
