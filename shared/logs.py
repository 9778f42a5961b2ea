"""
Log lines: one per event, to standard error, each with its time (RFC 3339, UTC), level, logger and message. What cannot
be printed is in writing (``shared.escaping``): no value makes a line of its own, or tells a terminal what to do.

No secret and no personal data is ever put into one; who logs sees to it.
"""

import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime

from shared import clock
from shared.escaping import visible, visible_json

OURS = "rollcall"
REQUESTS = "rollcall.gateway.requests"  # whose lines whoever knocks can cause, as those of loggers that are not ours
MINUTE_SECONDS = 60.0
MOST_ALIKE = 60  # lines of one kind in a minute
MOST_KINDS, KIND_LETTERS = 1000, 60  # a kind is how a message begins, before its values
LOUD = {  # who repeats themselves while a server is away, or writes by handlers of their own; we log a change of state
    "kafka": logging.CRITICAL,
    "faststream": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
}


class Lines(logging.Formatter):
    """``2026-11-22T14:05:09.123Z INFO rollcall.lane message``; a bug's trace stands behind it, its lines as ``\\n``."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}"
        if trace := _trace(self, record):
            text = f"{text}\n{trace}"
        return visible(text)


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
        return visible_json(json.dumps(entry, ensure_ascii=False))


class Bound:
    """
    How often one line is told: so many times a minute, of loggers that speak of whoever knocks. What a stranger can
    cause again and again must not fill a disk. What Rollcall did, as that a body is taken, is always told.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._counts: Counter[tuple[str, str]] = Counter()

    def left_over(self, record: logging.LogRecord) -> int | None:
        """How many more lines of this kind there may be; below 0, this one is not told. None: there is no bound."""
        if record.name.partition(".")[0] == OURS and record.name != REQUESTS:
            return None
        if not 0 <= record.created - self._since < MINUTE_SECONDS or len(self._counts) > MOST_KINDS:
            self._since, self._counts = record.created, Counter()
        kind = record.name, str(record.msg).partition("\n")[0][:KIND_LETTERS]
        self._counts[kind] += 1
        return MOST_ALIKE - self._counts[kind]


class ToStandardError(logging.Handler):
    """Writes each line to what standard error is at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self._bound = Bound()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            left = self._bound.left_over(record)
            if left is not None and left < 0:
                return
            sys.stderr.write(self.format(record) + "\n")
            if left == 0:
                sys.stderr.write(self.format(_no_more_of(record)) + "\n")
            sys.stderr.flush()
        except Exception:  # a log line never stops a service
            self.handleError(record)


def _no_more_of(record: logging.LogRecord) -> logging.LogRecord:
    message = "more lines like the last one are not told for a minute"
    return logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, message, None, None)


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
