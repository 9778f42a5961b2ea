"""JSON with half a character in it is read, and what was sound comes out as it went in."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tolerant_json import decode, mend

TEXTS = st.text(st.characters())  # surrogates are among them
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, lambda one: st.lists(one, max_size=3))


def readable(text: str) -> str:
    """What a text comes to when each half of a pair is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.dictionaries(st.text("abc", min_size=1), VALUES))
def test_what_is_sound_is_left_as_it_is(value: object) -> None:
    try:
        sound = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert decode(sound) == value
    assert mend(json.dumps(value).encode()) == mend(mend(json.dumps(value).encode()))


@given(st.lists(st.one_of(st.text(), st.sampled_from(["\ud83d", "\ude00", "\\", "\\ud83d", '"', "\n"]))))
def test_half_a_pair_costs_itself_alone(parts: list[str]) -> None:
    """Fails when a backslash that is meant is taken for an escape, or a whole pair for two halves."""
    text = "".join(parts)
    assert decode(json.dumps({"surname": text}).encode()) == {"surname": readable(text)}


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a": "\ude00\ud83d"}', {"a": "\ufffd\ufffd"}),
        (rb'{"a": "\\ud83d"}', {"a": "\\ud83d"}),
        (rb'{"a": "\\\ud83d"}', {"a": "\\\ufffd"}),
    ],
)
def test_each_way_of_losing_a_character(content: bytes, value: object) -> None:
    assert decode(content) == value


@pytest.mark.parametrize(
    "content", [b"", b"{", b"<html>\xe9</html>", b'{"a": "M\xe9lanie"}', b'\xef\xbb\xbf{"a"', rb'{"a": "\ud8"}']
)
def test_what_is_no_json_is_none_afterwards(content: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode(content)
