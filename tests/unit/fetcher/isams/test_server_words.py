"""What a server says when it refuses, without our own secrets, without an end where it means harm."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.isams.server_words import LOOKED_AT, MOST, hide_in, said, said_in

SECRET = 'k/"<&> y'
FORMS = ['k/"<&> y', 'k\\/\\"<&> y', "k/&quot;&lt;&amp;&gt; y", "k%2F%22%3C%26%3E%20y", "k%2F%22%3C%26%3E+y"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frame", ["no: {}", "<title>no: {}</title>"])
def test_a_secret_is_told_in_none_of_the_ways_that_it_is_written_in(form: str, frame: str) -> None:
    assert said(frame.format(form).encode(), ["another", SECRET, ""]) == "no: …"


@pytest.mark.parametrize("form", FORMS)
def test_nor_in_a_message(form: str) -> None:
    assert said(json.dumps({"message": f"no: {form}"}).encode(), [SECRET]) == "no: …"


@given(st.integers(0, 40))
def test_a_secret_at_the_place_where_an_answer_is_cut_is_not_half_told(missing: int) -> None:
    token = "tok-" + "0123456789" * 3
    text = b" " * (LOOKED_AT - missing) + token.encode() + b" and more"
    assert "tok" not in said(text, [token])


@pytest.mark.parametrize("secrets", [["tok", "tok-1"], ["tok-1", "tok"]])
def test_of_two_secrets_that_begin_alike_nothing_is_left(secrets: list[str]) -> None:
    assert said(b"no: tok-1", secrets) == "no: …"


def test_what_is_cut_is_told_as_far_as_it_goes() -> None:
    assert said(b"no " * LOOKED_AT, ["secret"]) == ("no " * MOST)[: MOST - 1] + "…"
    assert said(b"no " * LOOKED_AT) == ("no " * MOST)[: MOST - 1] + "…"


def test_a_body_that_was_decoded_has_no_secret_in_its_words() -> None:
    body = {"Message": f"no: {SECRET}", "students": [SECRET], "error": 3}
    hide_in(body, ["", SECRET])
    assert body == {"Message": "no: …", "students": [SECRET], "error": 3}
    assert said_in(body) == "no: …"
    hide_in([SECRET], [SECRET])
    hide_in(None, [SECRET])


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<html><TITLE lang=en>403\n Forbidden</Title><title>x</title>", "403 Forbidden"),
        (b"<html><title>403", ""),
        (b"<html><title", ""),
        (b"<html></title><title>403</title>", "403"),
        (b"<title></title>", ""),
        (b"error code: 1010", "error code: 1010"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_of_a_page_its_title_is_told(page: bytes, words: str) -> None:
    assert said(page) == words


def test_a_page_of_nothing_but_titles_is_read_once() -> None:
    """Each was looked for to the page's end: ten seconds for 64 kB."""
    assert said(b"<title>" * 9_000) == ""
    assert said(b"<title" * 10_000) == ""
