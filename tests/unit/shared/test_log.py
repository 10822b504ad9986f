"""Logs hold no personal data: not in fields, not in tracebacks, not from libraries."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.runtime import log

SECRET = "ada@example.org"


class Terminal:
    """A standard output that can be read back."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.buffer.getvalue().splitlines()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal, root = Terminal(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    log.configure(level="info")
    yield terminal
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(address: str) -> None:
    raise ValueError(f"no such address: {address}")


def test_a_field_that_is_not_on_the_list_is_withheld(terminal: Terminal) -> None:
    log.logger().info("letter sent", email=SECRET, request_id="a1")
    [line] = terminal.lines()
    assert (line["event"], line["email"], line["request_id"]) == ("letter sent", "[withheld]", "a1")
    assert line["level"] == "info"


def test_traceback_has_place_and_class_but_no_message_and_no_value(terminal: Terminal) -> None:
    try:
        fail(SECRET)
    except ValueError as error:
        log.logger().error("failed", exc_info=error)
        log.logger().exception("failed")
    for line in terminal.lines():
        assert line["error"] == "ValueError"
        assert line["trace"][-1].endswith(" fail")
    assert SECRET.encode() not in terminal.buffer.getvalue()


def test_a_library_that_warns_is_named_and_not_quoted(terminal: Terminal) -> None:
    logging.getLogger("aiormq.connection").warning("lost %s", SECRET)
    logging.getLogger("aiormq.connection").info("chatter")
    [line] = terminal.lines()
    assert (line["library"], line["level"]) == ("aiormq.connection", "warning")
    assert SECRET not in str(line)


def test_error_that_ends_the_process_is_named_and_not_quoted(terminal: Terminal) -> None:
    inner = ExceptionGroup("tasks", [KeyError(SECRET), OSError(SECRET)])
    sys.excepthook(type(inner), inner, None)
    assert [line["error"] for line in terminal.lines()] == ["KeyError", "OSError"]
    assert SECRET.encode() not in terminal.buffer.getvalue()


def test_lines_below_the_level_are_not_written(terminal: Terminal) -> None:
    log.logger().debug("detail")
    assert terminal.lines() == []
