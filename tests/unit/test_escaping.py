"""What came from outside and is printed or logged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.escaping import LABEL, label_of, visible, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë O’Brien-李 (7/B)", "Zoë O’Brien-李 (7/B)"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred\x07\x7f\x9b", r"\x1b[31mred\x07\x7f\x9b"),
        ("\u202eabc\u2028\u200b\ufeff", r"\u202eabc\u2028\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("\\n", r"\\n"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_a_text_is_one_line_that_a_terminal_only_shows(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters()), st.text(st.characters()))
def test_it_is_printable_and_no_two_texts_look_alike(one: str, other: str) -> None:
    assert visible(one).isprintable()
    assert (visible(one) == visible(other)) is (one == other)


def test_a_word_inside_a_sentence_is_cut() -> None:
    assert label_of("x" * LABEL) == "x" * LABEL
    assert label_of("x" * 100_000) == "x" * LABEL + "…"


@given(st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_of_one_line_stays_what_it_was(value: object) -> None:
    written = visible_json(json.dumps(value, ensure_ascii=False))
    assert written.isprintable()
    assert json.loads(written) == value
