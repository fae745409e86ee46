"""Structured logs: one JSON object a line, with personal data and secrets masked by name."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from guerdon import metrics

_MASKED = frozenset(
    {"email", "address_line", "authorization", "secret", "secret_key", "password", "token", "body"}
)


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name.lower() in _MASKED:
            event[name] = "***"
    return event


class _Foreign(logging.Handler):
    """Passes on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        told = structlog.get_logger(record.name)
        told.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


class _Patient:
    """A stream whose trouble stops nobody: redemptions go on while a disk is full of logs, or who
    read them is gone. What could not be written is counted, where no disk is asked."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except OSError:
            metrics.LOG_TROUBLE.inc()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            metrics.LOG_TROUBLE.inc()


def configure(level: str, *, pretty: bool = False) -> None:
    """Sends logs to standard error: JSON lines, or for people at a terminal when ``pretty``."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
        structlog.processors.format_exc_info,
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if pretty
        else structlog.processors.JSONRenderer()
    )
    # What libraries say comes the same way.
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)
    # The pool says by itself what our own lines say better.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )
