from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from shared.runtime.probe import port_of, ready


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Serve one answer of this *status*; yield the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


@pytest.mark.parametrize(("status", "expected"), [(200, True), (204, False), (500, False), (503, False)])
def test_a_service_is_ready_when_it_says_so_and_only_then(status: int, *, expected: bool) -> None:
    with answering(status) as port:
        assert ready(port)[0] is expected


def test_a_service_that_does_not_answer_is_not_ready() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    assert ready(port) == (False, f"not ready: port {port}: ConnectionRefusedError")


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ({"HABEAS_OPS_PORT": "8081", "HABEAS_HTTP_PORT": "8080"}, 8081),
        ({"HABEAS_HTTP_PORT": "8090"}, 8090),
        ({}, 8080),
    ],
)
def test_operators_port_is_asked_where_there_is_one(settings: dict[str, str], port: int) -> None:
    assert port_of(settings) == port
