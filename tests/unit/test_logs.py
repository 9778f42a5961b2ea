"""Log lines: one per event, whatever is in it."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import logs

GATEWAY = "rollcall.gateway"  # tells of each body that it is taken
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \S+ .*")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("rollcall")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = before
    logging.captureWarnings(False)


def test_a_line_has_its_time_level_logger_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")
    logging.getLogger("rollcall.lane").info("lane %d goes on", 3)
    (line,) = capsys.readouterr().err.splitlines()
    assert LINE.fullmatch(line)
    assert line.endswith(" INFO rollcall.lane lane 3 goes on")


def test_a_bug_with_its_trace_is_one_line_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("rollcall").exception("it broke")
    (line,) = capsys.readouterr().err.splitlines()
    assert "it broke\\nTraceback" in line
    assert "ValueError: two\\nlines" in line


RUDE = "Ada\n2026-11-22T14:05:09.123Z INFO rollcall.lane forged\r\x1b[2J\x9b\u202e\u2028\x85\ud800\\"


@given(
    text=st.text(st.one_of(st.characters(), st.sampled_from("\n\r\x1b\x9b\x7f\x85\u2028\u202e\u2066\\"))),
    is_a_bug=st.booleans(),
)
@example(text=RUDE, is_a_bug=False)
@example(text=RUDE, is_a_bug=True)
def test_whatever_is_in_it_is_one_line_that_a_terminal_only_shows(text: str, *, is_a_bug: bool) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        trace = (ValueError, error, error.__traceback__) if is_a_bug else None
    record = logging.LogRecord("rollcall.lane", logging.INFO, "x.py", 1, "told %s", (text,), trace)
    line, told = logs.Lines().format(record), logs.Objects().format(record)
    assert line.isprintable()
    assert LINE.fullmatch(line)
    assert told.isprintable()
    assert json.loads(told)["message"] == f"told {text}"


def test_json_lines_are_objects(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", as_json=True)
    logging.getLogger("rollcall.lane").warning('a "quote" and a\nline\'s end')
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("rollcall").exception("it broke")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["logger"]) == ("warning", "rollcall.lane")
    assert first["message"] == 'a "quote" and a\nline\'s end'
    assert second["trace"].endswith("ValueError: why")


@pytest.mark.parametrize(("level", "shown"), [("debug", 2), ("info", 1), ("error", 0)])
def test_the_level_is_that_of_our_own_loggers(level: str, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(level)
    logging.getLogger("rollcall.x").debug("seldom")
    logging.getLogger("rollcall.x").info("often")
    assert len(capsys.readouterr().err.splitlines()) == shown


@pytest.mark.parametrize(
    "name", ["httpx2", "httpcore2.http11", "httpx", "asyncio", "rollcallish", "a.library.of.tomorrow"]
)
@pytest.mark.parametrize("loud", ["the root", "the logger"])
def test_of_others_only_warnings_are_written(name: str, loud: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever level a library or its user gave its logger: an HTTP client tells each address and header."""
    logs.set_up("debug")
    logger, root = logging.getLogger(name), logging.getLogger()
    (root if loud == "the root" else logger).setLevel(logging.DEBUG)
    try:
        logger.debug("send_request_headers Authorization: Bearer made-up")
        logger.info("HTTP Request: GET https://abbey.example/api/students/7")
        logger.warning("the pool is full")
    finally:
        logger.setLevel(logging.NOTSET)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"WARNING {name} the pool is full")


def test_setting_up_again_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")
    logs.set_up("info", as_json=True)
    logging.getLogger("rollcall").info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_strangers_cause_is_told_so_often_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", as_json=True)
    for name, told in (("uvicorn.error", logs.MOST_ALIKE + 1), (logs.REQUESTS, logs.MOST_ALIKE + 1), (GATEWAY, 200)):
        for number in range(200):
            logging.getLogger(name).warning("request %d", number)
        assert len(capsys.readouterr().err.splitlines()) == told
    logging.getLogger(logs.REQUESTS).warning("another kind")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "another kind"


def test_the_next_minute_begins_anew() -> None:
    bound, record = logs.Bound(), logging.makeLogRecord({"name": logs.REQUESTS, "msg": "x"})
    for left in range(logs.MOST_ALIKE - 1, -2, -1):
        assert bound.left_over(record) == left
    record.created += logs.MINUTE_SECONDS
    assert bound.left_over(record) == logs.MOST_ALIKE - 1


def test_so_many_kinds_as_there_are_strangers_take_no_memory() -> None:
    bound = logs.Bound()
    for number in range(10 * logs.MOST_KINDS):
        bound.left_over(logging.makeLogRecord({"name": logs.REQUESTS, "msg": f"{number} knocks"}))
    assert len(bound._counts) <= logs.MOST_KINDS + 1
