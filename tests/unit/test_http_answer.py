"""The one reader of what an outside party's server answers."""

import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http_answer import (
    NotJson,
    TooLarge,
    UnreadableAnswer,
    decode_json,
    read_content,
    seconds_to_wait,
    what_failed,
    without_secret,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ZIPPED = {"content-encoding": "gzip"}


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@given(st.binary(max_size=300), st.integers(1, 40), st.booleans(), st.sampled_from([None, 0, 1, 2]))
async def test_an_answer_is_whole_up_to_its_limit_in_whatever_pieces_it_comes(
    content: bytes, size: int, is_zipped: bool, room: int | None
) -> None:
    """``room``: how much less than the answer has is taken; None: there is enough for all."""
    raw = gzip.compress(content) if is_zipped else content
    most = max(len(raw), len(content))
    limit = most + 1 if room is None else max(most - room, 0)
    reading = read_content(ZIPPED if is_zipped else {}, in_pieces(raw, size), limit)
    if limit >= most:
        assert await reading == content
        return
    with pytest.raises(TooLarge) as caught:
        await reading
    assert len(caught.value.begun) <= limit
    assert content.startswith(caught.value.begun)


@given(st.binary(min_size=1, max_size=200), st.data())
async def test_a_gzip_that_is_cut_or_has_a_tail_is_none(content: bytes, data: st.DataObject) -> None:
    raw = gzip.compress(content)
    cut = raw[: data.draw(st.integers(1, len(raw) - 1))]
    for broken in (cut, raw + data.draw(st.binary(min_size=1, max_size=30))):
        with pytest.raises(UnreadableAnswer) as caught:
            await read_content(ZIPPED, in_pieces(broken, data.draw(st.integers(1, 40))), 10_000)
        assert content.startswith(caught.value.begun)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity ", "identity,", "GZIP", "x-gzip", "identity, gzip"])
async def test_none_or_one_gzip_is_taken(encoding: str) -> None:
    raw = gzip.compress(b"{}") if "gzip" in encoding.lower() else b"{}"
    assert await read_content({"content-encoding": encoding}, in_pieces(raw, 5), 100) == b"{}"


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip gzip", "\x1b[2J"])
async def test_no_other_encoding_is_and_none_is_repeated(encoding: str) -> None:
    with pytest.raises(UnreadableAnswer) as caught:
        await read_content({"content-encoding": encoding}, in_pieces(gzip.compress(b"{}"), 5), 100)
    assert "\x1b" not in str(caught.value)


async def test_an_empty_answer_is_empty_whatever_it_calls_itself() -> None:
    assert await read_content(ZIPPED, in_pieces(b"", 1), 10) == b""


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "", "1" * 5000, "1e999", '"\ud800"', b"\xff", b'"\\ud800"'])
def test_what_cannot_be_taken_as_json_is_told_without_a_word_of_it(text: str | bytes) -> None:
    with pytest.raises(NotJson) as caught:
        decode_json(text)
    assert str(caught.value).split()[0] in ("is", "has")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("²", None),
        ("Mon, 23 Nov 2026 08:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 08:01:00", None),
    ],
)
def test_a_wish_for_rest_is_a_number_of_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@given(
    st.text() | st.from_regex(r"\A[0-9]{1,400}\Z") | st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %T GMT"))
)
def test_no_wish_is_a_bug_or_without_an_end(header: str) -> None:
    wait = seconds_to_wait(header, NOW)
    assert wait is None or 0 <= wait < float("inf")


@pytest.mark.parametrize(
    "form",
    ['k/"<&> y', 'k\\/\\"<&> y', 'k/\\"<&> y', "k/&quot;&lt;&amp;&gt; y", "k%2F%22%3C%26%3E%20y", "k%2F%22%3C%26%3E+y"],
)
def test_a_secret_is_replaced_in_whatever_way_it_is_written(form: str) -> None:
    assert without_secret(f"a {form} b {form}", 'k/"<&> y') == "a … b …"


def test_an_exceptions_text_is_not_told_but_the_systems_words_are() -> None:
    outer = ValueError("Bearer secret")
    assert what_failed(outer) == "ValueError"
    outer.__cause__ = ExceptionGroup("secret", [ConnectionRefusedError(111, "secret")])
    assert what_failed(outer) == "ValueError (Connection refused)"
    outer.__cause__ = outer
    assert what_failed(outer) == "ValueError"
