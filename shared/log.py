"""
Structured logs without personal data.

Only keys on the allow-list pass; the value of any other becomes ``[withheld]``. Tracebacks are printed
without local variables. Event names are constants; what varies is a field.
"""

import sys
import traceback
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

ALLOWED = frozenset(
    {
        "address",
        "attempt",
        "batch",
        "code",
        "collection",
        "database",
        "delay_ms",
        "doubtful",
        "elapsed_ms",
        "error",
        "event",
        "event_id",
        "handled",
        "level",
        "letter",
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
        "store",
        "timestamp",
        "trace",
        "type",
        "url",
        "variable",
        "version",
    }
)
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(*, level: str = "info", form: Literal["json", "console"] = "json") -> None:
    """Set up logging for this process, once, at start."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        plain_traceback,
        only_allowed,
    ]
    if form == "json":
        processors.append(structlog.processors.JSONRenderer(serializer=orjson.dumps))
        factory: Any = structlog.BytesLoggerFactory(sys.stdout.buffer)
    else:
        processors.append(structlog.dev.ConsoleRenderer())
        factory = structlog.PrintLoggerFactory(sys.stdout)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )


def only_allowed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Withhold the value of every key that is not on the allow-list."""
    return {key: value if key in ALLOWED else "[withheld]" for key, value in event.items()}


def plain_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by the error's class and where it happened: no values and no message."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the logger of this process."""
    return structlog.get_logger()  # type: ignore[no-any-return]  # structlog types it as Any
