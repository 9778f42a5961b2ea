"""Who is who: a spelling is no new person, and what somebody has for life outweighs every name."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.canonical_text import canonical
from shared.contract.model import Student
from shared.contract.person import NOBODY, Identity, filled, identity_of, is_another, marks_of, seems_same

BORN, OTHER_DAY = "2012-04-09", "2015-01-01"
UPN, OTHER_UPN = "H801200001001", "H801200001002"
GUID, OTHER_GUID = "0d3c2f04-1f6b-4b53-9a4e-2a8c0a6f6d11", "7a1e9b52-6f0c-4a38-8f0e-51f9d1b7c0aa"


def who(first: str | None = "Ada", last: str | None = "Fern", born: str | None = BORN, **more: Any) -> Identity:
    return identity_of(Student(student_id="1", first_name=first, last_name=last, date_of_birth=born, **more))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Siân Price Jones", "Sian Price-Jones", id="a hyphen and an accent"),
        pytest.param("O'Brien", "O’Brien", id="two apostrophes"),
        pytest.param("O'Brien", "OBRIEN", id="none, and capitals"),
        pytest.param("José Ñúñez", unicodedata.normalize("NFD", "José Ñúñez"), id="composed and decomposed"),
        pytest.param("Ｆｅｒｎ", "fern", id="full-width letters"),
        pytest.param("Straße", "STRASSE", id="a sharp s"),
        pytest.param("  de la Cruz ", "De\u00a0La  Cruz", id="spaces of any kind"),
        pytest.param("Søren Łukasz", "soren lukasz", id="letters with a stroke"),
        pytest.param("Æsa ÞÓRA", "aesa thora", id="letters of two parts"),
        pytest.param("İpek", "ipek", id="a dotted capital"),
        pytest.param("مُحَمَّد", "محمد", id="with vowel points and without"),
        pytest.param("Fern Jr.", "fern jr", id="a full stop"),
        pytest.param("Fern\ufe0f\u200d", "Fern", id="what nobody sees"),
    ],
)
def test_a_spelling_is_not_a_new_person(one: str, other: str) -> None:
    assert canonical(one) == canonical(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("राम", "रमा", id="vowel signs"),
        pytest.param("李明", "李鸣", id="characters"),
        pytest.param("Ольга", "Елена", id="Cyrillic"),
        pytest.param("Ada", "Ida", id="letters"),
        pytest.param("Fern 1", "Fern 2", id="digits"),
        pytest.param("김민준", "김민서", id="Hangul"),
    ],
)
def test_other_letters_are_another_name(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
    assert canonical(one)


@pytest.mark.parametrize("nothing", ["", "  ", "-", "’", "...", "\u0301"])
def test_what_has_no_letters_is_no_name(nothing: str) -> None:
    assert canonical(nothing) == ""
    assert not seems_same(who(first=nothing, last="Fern"), who(first=nothing, last="Moss"))
    assert not is_another(who(first=nothing), who(born=OTHER_DAY), is_enabled=True), (
        "nothing is known of the first name"
    )


@given(st.text())
def test_the_canonical_form_is_its_own(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert canonical(unicodedata.normalize(form, text)) == canonical(text)


# --- whether two seem to be one -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        pytest.param(who(), True, id="all the same"),
        pytest.param(who(last="Moss"), True, id="another surname"),
        pytest.param(who(first="Bea"), True, id="another first name"),
        pytest.param(who(first="Bea", last="Moss"), False, id="other names"),
        pytest.param(who(born=OTHER_DAY), False, id="another birth date"),
        pytest.param(who(born=None), False, id="no birth date"),
        pytest.param(
            who(first="Bea", preferred_name="ADA", last="Moss"), True, id="the preferred name is the legal one"
        ),
        pytest.param(who(first=None, last=None), False, id="no name"),
        pytest.param(who(first=None), True, id="a surname alone"),
    ],
)
def test_by_birth_date_and_either_name(other: Identity, is_one: bool) -> None:
    assert seems_same(who(), other) is seems_same(other, who()) is is_one


def test_without_birth_dates_a_name_says_nothing() -> None:
    assert not seems_same(who(born=None), who(born=None))


@pytest.mark.parametrize(
    ("field", "mine", "its"),
    [
        ("unique_pupil_number", UPN, OTHER_UPN),
        ("person_guid", GUID, OTHER_GUID),
        ("feed_id", "n-17", "n-18"),
    ],
)
def test_what_is_for_life_outweighs_the_names_both_ways(field: str, mine: str, its: str) -> None:
    me, stranger = who(**{field: mine}), who("Omar", "Vale", OTHER_DAY, **{field: mine})
    namesake = who(**{field: its})
    assert seems_same(me, stranger)
    assert not is_another(me, stranger, is_enabled=True)
    assert not seems_same(me, namesake)
    assert is_another(me, who("Omar", **{field: its}), is_enabled=True), "a twin of the same day"
    assert is_another(me, who(born=OTHER_DAY, **{field: its}), is_enabled=True)
    assert not is_another(me, namesake, is_enabled=True), "only the number was put right"


def test_one_of_several_is_enough() -> None:
    assert seems_same(
        who(person_guid=GUID, unique_pupil_number=UPN), who(person_guid=OTHER_GUID, unique_pupil_number=UPN)
    )


def test_said_by_one_alone_it_says_nothing() -> None:
    assert seems_same(who(person_guid=GUID), who())
    assert seems_same(who(person_guid=GUID), who(unique_pupil_number=UPN))


@pytest.mark.parametrize("spelling", [UPN.lower(), f" {UPN} ", f"{UPN[:4]} {UPN[4:]}"])
def test_a_number_is_compared_by_letters_and_digits(spelling: str) -> None:
    assert seems_same(who(unique_pupil_number=UPN), who("Omar", "Vale", None, unique_pupil_number=spelling))


@pytest.mark.parametrize(
    "typed", ["0", "n/a", "TBC", "unknown", "0000000000000", "00000000-0000-0000-0000-000000000000"]
)
def test_what_is_typed_where_there_is_no_number_names_nobody(typed: str) -> None:
    for field in ("unique_pupil_number", "person_guid"):
        assert not seems_same(who(**{field: typed}), who("Omar", "Vale", OTHER_DAY, **{field: typed}))


@given(
    st.builds(
        who,
        st.sampled_from(["Ada", "Adá", "Bea", None]),
        st.sampled_from(["Fern", "FERN ", "Moss", None]),
        st.sampled_from([BORN, OTHER_DAY, None]),
        unique_pupil_number=st.sampled_from([UPN, OTHER_UPN, None]),
    ),
    st.builds(who, st.sampled_from(["Ada", "Omar"]), st.sampled_from(["Fern", "Vale"]), st.sampled_from([BORN, None])),
)
def test_who_seem_to_be_one_are_found_by_a_mark(one: Identity, other: Identity) -> None:
    assert seems_same(one, other) is seems_same(other, one)
    if seems_same(one, other):
        assert marks_of(one) & marks_of(other)


# --- whether an account's record is somebody else's ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "enabled", "disabled"),
    [
        pytest.param(who(), False, False, id="the same"),
        pytest.param(who("Omar", "Vale", OTHER_DAY), True, True, id="other names and another birth date"),
        pytest.param(who("Omar", born=OTHER_DAY), True, True, id="a brother"),
        pytest.param(who(last="Moss", born=OTHER_DAY), True, True, id="a surname and the birth date at once"),
        pytest.param(who(born=OTHER_DAY), False, True, id="a corrected birth date"),
        pytest.param(who(last="Moss"), False, False, id="a new surname"),
        pytest.param(who("Omar", "Vale"), False, False, id="other names of the same day"),
        pytest.param(who("Omar", "Vale", None), True, True, id="other names, and no birth date any more"),
        pytest.param(who(last="Moss", born=None), False, False, id="a new surname, and no birth date any more"),
        pytest.param(who("ADA", "fern", OTHER_DAY), False, True, id="another spelling is not another name"),
        pytest.param(NOBODY, False, False, id="a record that says nothing"),
    ],
)
def test_whose_the_record_of_an_account_is(now: Identity, enabled: bool, disabled: bool) -> None:
    assert is_another(who(), now, is_enabled=True) is enabled
    assert is_another(who(), now, is_enabled=False) is disabled


@pytest.mark.parametrize(
    ("had", "now", "enabled", "disabled"),
    [
        pytest.param(who(born=None), who("Omar", "Vale", None), False, True, id="no birth date at all"),
        pytest.param(who(born=None), who("Omar", "Vale"), True, True, id="a birth date for the first time"),
        pytest.param(who(born=None), who("Omar"), False, False, id="a birth date and one other name"),
        pytest.param(NOBODY, who(), False, False, id="nothing was known"),
    ],
)
def test_where_a_birth_date_is_missing(had: Identity, now: Identity, enabled: bool, disabled: bool) -> None:
    assert is_another(had, now, is_enabled=True) is enabled
    assert is_another(had, now, is_enabled=False) is disabled


def test_what_a_record_does_not_say_is_taken_from_what_was_known() -> None:
    had = who(unique_pupil_number=UPN, person_guid=GUID, feed_id="n-17", preferred_name="Addie")
    assert filled(NOBODY, had) == had
    assert filled(who("Bea", None, None), had) == Identity(
        first_names=("Bea",),
        last_name="Fern",
        date_of_birth=BORN,
        unique_pupil_number=UPN,
        person_guid=GUID,
        feed_id="n-17",
    )
    assert filled(had, who("Bea", "Moss", OTHER_DAY, unique_pupil_number=OTHER_UPN)) == had


def test_of_an_unreadable_record_nothing_is_known() -> None:
    assert identity_of(None) == NOBODY
    assert identity_of(Student(student_id="1", first_name="", last_name="", date_of_birth="")) == NOBODY
