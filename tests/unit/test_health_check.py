"""The health check of the containers, a script of bash."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
READY = ROOT / "scripts" / "ready"


def checked(**settings: str) -> tuple[int, str]:
    """Return exit code and output of the check."""
    ran = subprocess.run(  # noqa: S603 - our own script
        [READY], env={"PATH": os.environ["PATH"], **settings}, capture_output=True, check=False
    )
    assert not ran.stderr
    return ran.returncode, ran.stdout.decode()


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Serve one answer of this *status*; yield the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b'{"broker":"blocked"}')

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield str(server.server_port)
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 1), (500, 1), (503, 1)])
def test_service_is_ready_when_it_says_so_and_only_then(status: int, code: int) -> None:
    with answering(status) as port:
        assert checked(HABEAS_OPS_PORT=port) == (code, f'status {status}: {{"broker":"blocked"}}\n')


def test_service_that_does_not_answer_is_not_ready() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    assert checked(HABEAS_OPS_PORT=str(port)) == (1, f"not ready: port {port} is closed\n")


def test_operators_port_is_asked_where_there_is_one() -> None:
    with answering(200) as port:
        assert checked(HABEAS_OPS_PORT=port, HABEAS_HTTP_PORT="1")[0] == 0
    with answering(200) as port:
        assert checked(HABEAS_HTTP_PORT=port)[0] == 0
    assert checked()[1] == "not ready: port 8080 is closed\n"


def test_images_are_checked_by_the_script_and_compose_overrides_it_for_no_service() -> None:
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^COPY .*scripts/ready /usr/local/bin/", image, re.MULTILINE)
    assert 'CMD ["ready"]' in image
    assert "probe" not in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
