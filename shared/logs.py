"""
Log lines: one per event, to standard error, each with its time (RFC 3339, UTC), level, logger and message.

No secret and no personal data is ever put into one; who logs sees to it.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from shared import clock

OURS = "rollcall"
LOUD = {  # who repeats themselves while a server is away, or writes by handlers of their own; we log a change of state
    "kafka": logging.CRITICAL,
    "faststream": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
}


class Lines(logging.Formatter):
    """``2026-11-22T14:05:09.123Z INFO rollcall.lane message``; what would break the line is written ``\\n``."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}"
        if trace := _trace(self, record):
            text = f"{text}\n{trace}"
        return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


class Objects(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message`` and, for a bug, ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace := _trace(self, record):
            entry["trace"] = trace
        return json.dumps(entry, ensure_ascii=False)


class ToStandardError(logging.Handler):
    """Writes each line to what standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # a log line never stops a service
            self.handleError(record)


def of_ours_or_a_warning(record: logging.LogRecord) -> bool:
    """
    Whether a line is written: all of our loggers', and of anybody else's only warnings and what is worse.

    A library's lines below that hold what we never log: an HTTP client writes every address, and some name a student.
    By the root of a logger's name and not by a list of libraries, so that a library that is new, is renamed, or was set
    to DEBUG by somebody is as silent as the others.
    """
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == OURS


def set_up(level: str = "info", *, as_json: bool = False) -> None:
    """Our loggers at ``level``, those of others from warnings on. Replaces what it set up before."""
    handler = ToStandardError()
    handler.addFilter(of_ours_or_a_warning)
    handler.setFormatter(Objects() if as_json else Lines())
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, ToStandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    for name, least in LOUD.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(True)


def _time(record: logging.LogRecord) -> str:
    return clock.write(datetime.fromtimestamp(record.created, UTC))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
