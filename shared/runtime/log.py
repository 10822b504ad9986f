"""
Structured logs without personal data.

Only keys on the allow-list pass; the value of any other becomes ``[withheld]``. Tracebacks are printed
without local variables. Event names are constants; variables are fields.
"""

import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

REPEAT_S = 60.0
"""Seconds after which a warning of an outage is repeated."""
ALLOWED = frozenset(
    {
        "address",
        "attempt",
        "batch",
        "cases",
        "code",
        "collection",
        "count",
        "database",
        "delay_ms",
        "digest",
        "doubtful",
        "elapsed_ms",
        "error",
        "event",
        "event_id",
        "facts",
        "fingerprint",
        "handled",
        "level",
        "law",
        "letter",
        "library",
        "location",
        "number",
        "ops_port",
        "outcome",
        "parked",
        "port",
        "queue",
        "reason",
        "redelivered",
        "request_id",
        "retried",
        "service",
        "services",
        "settings",
        "store",
        "timestamp",
        "trace",
        "type",
        "url",
        "variable",
        "version",
    }
)
STARTED, STOPPED = "started", "stopped"
"""Events of a process: its services run, or have ended."""
BUGS = ("asyncio", "uvicorn")
"""Libraries whose errors are faults of our code; those of others are lost connections, which come back."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(
    *, level: str = "info", form: Literal["json", "console"] = "json", announced: bool = False
) -> None:
    """
    Set up logging for this process, once, at start.

    The log goes to standard output, or to the error stream if start and end are *announced* there.
    """
    file = sys.stderr if announced else sys.stdout
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        plain_traceback,
        only_allowed,
        *([announce] if announced else []),
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer(serializer=orjson.dumps))
        factory: Any = structlog.BytesLoggerFactory(file.buffer)
    else:
        processors.append(structlog.dev.ConsoleRenderer())
        factory = structlog.PrintLoggerFactory(file)
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    # The driver of the broker writes an error at each failed connection; its users report the outage.
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
    sys.excepthook = _died
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )


def announce(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Print start and end of the services as a line of JSON on standard output."""
    if event["event"] in {STARTED, STOPPED}:
        print(orjson.dumps(event).decode(), flush=True)  # noqa: T201  programs read it
    return event


def only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact the value of every key that is not on the allow-list."""
    return {key: value if key in ALLOWED else "[withheld]" for key, value in event.items()}


def plain_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by the error's class and where it happened: no values and no message."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exception()
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the logger of this process."""
    return structlog.get_logger()  # type: ignore[no-any-return]  # structlog types it as Any


class OutageWarning:
    """A warning that is written when an outage begins, and once a minute while it lasts."""

    def __init__(self, event: str) -> None:
        """Write *event*."""
        self._event = event
        self._written_at: float | None = None

    def write(self, **fields: object) -> None:
        """Write the line, unless it was written within a minute."""
        now = time.monotonic()
        if self._written_at is None or now - self._written_at >= REPEAT_S:
            self._written_at = now
            logger().warning(self._event, **fields)

    def end(self) -> None:
        """Note that the outage is over: the next one is written at once."""
        self._written_at = None


class _Libraries(logging.Handler):
    """Says that a library has warned, and where. Its text may quote a message, a URL or a person."""

    def emit(self, record: logging.LogRecord) -> None:
        place = f"{record.module}:{record.lineno} {record.funcName}"
        level = record.levelno if record.name.startswith(BUGS) else min(record.levelno, logging.WARNING)
        logger().log(level, "a library warns", library=record.name, reason=place)


def _died(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Log the error that ended the process, each part of a group on its own line: classes and places only."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            _died(type(part), part, None)
    else:
        logger().critical("died", exc_info=error)
