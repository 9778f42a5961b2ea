"""The canonical form of texts, and the comparison of addresses, over all of Unicode."""

import sys
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.contract.email import email_key, fault_of, older_keys
from shared.contract.texts import INVISIBLE, clean, control_in, line

ANY = st.text(st.characters(exclude_categories=()), max_size=12)  # half surrogate pairs, too
SCALARS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
HOSTILE = st.text(
    st.sampled_from(
        "aÅ\u030aA\u0301e\u0345ſßẞİıΣς"
        "\u200b\u200c\u200d\u2060\u00ad\ufeff\u0000\n\x7f .@-_\u3002\uff0eⅷ한\u0d4d\u3164\ufe0f❤"
    ),
    max_size=10,
)
TEXTS = ANY | SCALARS | HOSTILE
ADDRESSES = st.builds("{}@{}".format, TEXTS, TEXTS) | TEXTS
MANY = settings(max_examples=1500)


@given(TEXTS)
@MANY
def test_the_canonical_form_is_nfc_and_stays_what_it_is(text: str) -> None:
    for form in (clean, line):
        once = form(text)
        assert unicodedata.is_normalized("NFC", once)
        assert form(once) == once
        assert form(unicodedata.normalize("NFD", text)) == once


@given(TEXTS)
@MANY
def test_nothing_that_nobody_sees_stands_at_an_end(text: str) -> None:
    found = clean(text)
    assert not found[:1].isspace()
    assert not found[-1:].isspace()
    assert unicodedata.category(found[0]) not in INVISIBLE if found else True
    joins = found[-1:] in ("\u200c", "\u200d") and unicodedata.combining(found[-2:-1] or " ") == 9
    assert joins or not found or unicodedata.category(found[-1]) not in INVISIBLE


@given(TEXTS)
@MANY
def test_a_line_has_no_control_character(text: str) -> None:
    assert control_in(line(text)) is None


def test_the_ends_of_each_character_alone() -> None:
    """Every character of Unicode by itself, and around a letter."""
    for point in range(sys.maxunicode + 1):
        letter = chr(point)
        around = clean(f"{letter}a{letter}")
        assert clean(around) == around
        if unicodedata.category(letter) in INVISIBLE or letter.isspace():
            assert (clean(letter), around) == ("", "a")


@given(ADDRESSES)
@example("a@straße.example")
@example("a@Xn--Bcher-KVA.example")
@MANY
def test_the_key_of_a_key_is_the_key(email: str) -> None:
    key = email_key(email)
    assert email_key(key) == key
    assert unicodedata.is_normalized("NFC", key)


@given(ADDRESSES)
@MANY
def test_a_spelling_is_not_another_address(email: str) -> None:
    """Normal forms, marks and spaces around it, case: all of them one class of the comparison."""
    key = email_key(email)
    for form in ("NFC", "NFD"):
        assert email_key(unicodedata.normalize(form, email)) == key
    for edge in (" ", "\u200b", "\ufeff", "\u00ad", "\n", "\u2028"):
        assert email_key(f"{edge}{email}{edge}") == key or email[-1:] == "\u0d4d"


@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8), st.sampled_from(["abbey.example", "BÜCHER.example"])
)
@MANY
def test_whatever_an_earlier_release_stored_is_found(local: str, domain: str) -> None:
    """It compared ``strip().casefold()``, and kept that: the new key of the old one is the new key."""
    email = f"{local}@{domain}"
    old = email.strip().casefold()
    assert email_key(old) == email_key(email)
    if clean(email) == email and unicodedata.is_normalized("NFC", old):
        assert old in older_keys(email_key(email))


@given(ADDRESSES)
@MANY
def test_an_address_that_a_mail_system_takes_has_nothing_that_nobody_sees(email: str) -> None:
    wrong = fault_of(email)
    if wrong is None:
        assert not any(unicodedata.category(letter) in INVISIBLE or letter.isspace() for letter in email)
        assert fault_of(email_key(email)) is None
    else:
        assert email == "" or len(email) < 5 or email not in wrong
