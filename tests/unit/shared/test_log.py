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
    logging.getLogger("pymongo.topology").warning("lost %s", SECRET)
    logging.getLogger("pymongo.topology").info("chatter")
    [line] = terminal.lines()
    assert (line["library"], line["level"]) == ("pymongo.topology", "warning")
    assert SECRET not in str(line)


def test_error_that_ends_the_process_is_named_and_not_quoted(terminal: Terminal) -> None:
    inner = ExceptionGroup("tasks", [KeyError(SECRET), OSError(SECRET)])
    sys.excepthook(type(inner), inner, None)
    assert [line["error"] for line in terminal.lines()] == ["KeyError", "OSError"]
    assert SECRET.encode() not in terminal.buffer.getvalue()


def test_lines_below_the_level_are_not_written(terminal: Terminal) -> None:
    log.logger().debug("detail")
    assert terminal.lines() == []


def test_outage_is_written_once_a_minute_and_at_once_when_it_comes_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    outage = log.OutageWarning("broker not reached")
    for _ in range(200):
        outage.write(queue="intake")
        now += 0.6
    assert len(terminal.lines()) == 2
    outage.end()
    outage.write(queue="intake")
    assert len(terminal.lines()) == 3
    assert {line["event"] for line in terminal.lines()} == {"broker not reached"}


def test_driver_of_the_broker_writes_no_error_for_each_attempt(terminal: Terminal) -> None:
    logging.getLogger("aiormq.connection").error("Connection refused")
    assert terminal.lines() == []


@pytest.mark.parametrize(("library", "level"), [("motor", "warning"), ("asyncio", "error")])
def test_error_of_a_library_needs_a_person_only_where_it_is_a_fault_of_ours(
    terminal: Terminal, library: str, level: str
) -> None:
    logging.getLogger(library).error("the connection of %s is lost", SECRET)
    [line] = terminal.lines()
    assert (line["level"], line["event"]) == (level, "a library warns")
