"""What a process logs at its loudest: every logger there is holds nothing back."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared import logs


@contextmanager
def loudest(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Every logger at DEBUG, whoever made it and whenever; gives the lines that are written to standard error."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    handlers, levels = root.handlers[:], (root.level, ours.level)
    logs.set_up("debug")
    theirs = {one: one.level for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)}
    for logger in (root, *theirs):
        logger.setLevel(logging.DEBUG)
    capsys.readouterr()
    try:
        yield lambda: capsys.readouterr().err
    finally:
        for logger, level in theirs.items():
            logger.setLevel(level)
        root.handlers[:], (root.level, ours.level) = handlers, levels
        logging.captureWarnings(False)
