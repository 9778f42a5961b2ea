"""Whose an account is: an id, an e-mail and an old entry of a list are not a person (DESIGN §6)."""

from typing import Any

import pytest

from services.reconciler.account_identity import has_record_of_another, identity_of
from services.reconciler.removals import disable
from shared.contract.account_state import Absence
from shared.contract.codec import encode
from shared.contract.events import Evidence, StudentAssessed
from shared.contract.person import NOBODY, Identity
from shared.structs import replace
from tests.harness.builders import at
from tests.unit.reconciler.accounts import (
    ENGLISH,
    NOW,
    a_slip,
    details,
    disabled,
    eligible,
    enabled,
    left,
    never_had_one,
    unreadable,
)
from tests.unit.reconciler.test_held_back import kinds, read

# --- whose id it is -------------------------------------------------------------------------------------------------


def born(date: str | None, **fields: Any) -> StudentAssessed:
    return eligible(date_of_birth=date, **fields)


@pytest.mark.parametrize(
    ("had", "now", "is_enabled"),
    [
        pytest.param("2010-03-04", "2010-03-04", True, id="the same person"),
        pytest.param("2010-03-04", "2012-11-30", False, id="an id that was given to somebody else"),
        pytest.param(None, "2012-11-30", True, id="nothing was known"),
        pytest.param("2010-03-04", None, True, id="nothing is told"),
    ],
)
def test_an_id_that_returns_with_another_birth_date_is_undecided(
    had: str | None, now: str | None, is_enabled: bool
) -> None:
    off = disabled(assessment=born(had))
    state, changes = read(off, born(now))
    assert (state.status == "enabled") is is_enabled
    assert bool(changes) is is_enabled
    assert identity_of(state).date_of_birth == (had or now)


def test_however_often_it_is_read() -> None:
    state, _ = read(disabled(assessment=born("2010-03-04")), born("2012-11-30"))
    for assessed in (
        born("2012-11-30", last_name="Moss"),
        a_slip(date_of_birth=None),
        unreadable(),
        born("2012-12-01"),
    ):
        state, changes = read(state, assessed)
        assert (state.status, identity_of(state).date_of_birth, changes) == ("disabled", "2010-03-04", [])
    state, changes = read(state, born("2010-03-04"))
    assert (state.status, state.identity) == ("enabled", None)
    assert kinds(changes)[0] == "AccountEnabled"


def test_nothing_else_is_kept_of_one_who_is_the_same() -> None:
    off = disabled(assessment=born("2010-03-04"))
    assert read(off, a_slip(date_of_birth="2010-03-04"))[0].identity is None
    kept = replace(off, identity=identity_of(off))
    assert read(kept, a_slip(date_of_birth="2010-03-04"))[0].identity is None


def test_a_birth_date_that_was_stored_by_itself_still_tells_whose_the_id_is() -> None:
    """As states were before all of a person was kept. Fails when an old state lets anybody in."""
    old = disabled(assessment=born("2012-11-30"), born="2010-03-04")
    state, changes = read(old, born("2012-11-30"))
    assert (state.status, state.born, changes) == ("disabled", None, [])
    assert identity_of(state).date_of_birth == "2010-03-04"
    assert read(state, born("2010-03-04"))[0].status == "enabled"


@pytest.mark.parametrize("state", [enabled, disabled])
@pytest.mark.parametrize("before", [None, unreadable()], ids=["no record", "an unreadable one"])
def test_whose_an_account_is_without_a_record_the_account_says(state: Any, before: StudentAssessed | None) -> None:
    """As it was stored before all of a person was kept."""
    had = state(assessment=before)
    assert identity_of(had) == Identity(first_names=("Ada",), last_name="Fern")
    stranger, changes = read(had, born("2015-01-01", **BECAME))
    assert (changes, stranger.details) == ([], had.details)
    assert read(stranger, born("2010-03-04"))[0].status == "enabled"


@pytest.mark.parametrize("lacks", ["first_name", "last_name"])
def test_a_record_with_one_name_is_a_record_of_that_name(lacks: str) -> None:
    """The account's names may be those of before a marriage."""
    who = identity_of(enabled(assessment=eligible(**{lacks: None})))
    assert (who.first_names, who.last_name) == ((("Ada",), None) if lacks == "last_name" else ((), "Fern"))


def test_the_id_that_a_feed_told_is_part_of_it() -> None:
    had = enabled(assessment=unreadable(), details=replace(details(), id="n-17"))
    assert identity_of(had).feed_id == "n-17"
    assert identity_of(enabled(assessment=unreadable())).feed_id is None, "the key itself is no id of a feed's own"
    assert identity_of(never_had_one(assessment=unreadable())) == NOBODY
    blank = enabled(assessment=unreadable(), details=replace(details(), first_name="", last_name=""))
    assert identity_of(blank) == NOBODY


@pytest.mark.parametrize("before", [None, unreadable()], ids=["no record", "an unreadable one"])
def test_of_whom_nothing_was_kept_anybody_may_return(before: StudentAssessed | None) -> None:
    state, _ = read(disabled(assessment=before), born("2010-03-04"))
    assert (state.status, state.identity) == ("enabled", None)


def test_a_leaver_by_another_birth_date_is_remembered_as_they_were() -> None:
    state, _ = read(disabled(assessment=born("2010-03-04")), left(date_of_birth="2012-11-30"))
    assert identity_of(state).date_of_birth == "2010-03-04"
    state, changes = read(state, born("2012-11-30"))
    assert (state.status, changes) == ("disabled", [])


def test_while_enabled_another_birth_date_is_a_correction() -> None:
    state, changes = read(enabled(assessment=born("2010-03-04")), born("2010-04-03", phone="07700 900001"))
    assert kinds(changes) == ["AccountUpdated"]
    assert (state.status, state.identity) == ("enabled", None)


BECAME = {"first_name": "Omar", "last_name": "Vale", "email": "omar@abbey.example", "modules": (ENGLISH,)}


def test_an_enabled_account_becomes_nobody_else() -> None:
    had = enabled(assessment=born("2010-03-04"))
    state, changes = read(had, born("2015-01-01", **BECAME))
    assert changes == []
    kept = ("status", "details", "programmes", "modules", "version", "unenrol", "staged")
    assert [getattr(state, name) for name in kept] == [getattr(had, name) for name in kept]
    assert state.identity == identity_of(had)
    assert has_record_of_another(state)
    assert not has_record_of_another(had)


def test_nor_does_it_leave_by_a_record_of_somebody_else() -> None:
    had = enabled(assessment=born("2010-03-04"))
    state, _ = read(had, left(date_of_birth="2015-01-01", first_name="Omar", last_name="Vale"))
    assert state.staged is None
    assert read(state, left(date_of_birth="2010-03-04"))[0].staged is not None


def test_the_same_by_what_is_for_life_may_change_all_else() -> None:
    had = enabled(assessment=born("2010-03-04", unique_pupil_number="H801200001001"))
    state, changes = read(had, born("2015-01-01", unique_pupil_number="H801200001001", **BECAME))
    assert "AccountUpdated" in kinds(changes)
    assert (state.identity, has_record_of_another(state)) == (None, False)


def test_a_record_that_is_put_right_in_two_steps_is_a_correction_each_time() -> None:
    """A surname and a birth date at once may be anybody; one after the other they are the office's."""
    had = enabled(assessment=born("2010-03-04"))
    state, changes = read(had, born("2010-04-03", last_name="Moss"))
    assert (changes, has_record_of_another(state)) == ([], True)
    state, changes = read(state, born("2010-03-04", last_name="Moss"))
    assert (kinds(changes), state.identity) == (["AccountUpdated"], None)
    state, changes = read(state, born("2010-04-03", last_name="Moss"))
    assert (changes, state.identity, state.status) == ([], None, "enabled")


def test_what_a_leavers_record_does_not_say_is_not_erased() -> None:
    had = enabled(assessment=born("2010-03-04", unique_pupil_number="H801200001001", person_guid="0d3c2f04-1f6b-4b53"))
    state, _ = read(had, left(lists=("leavers",), system_status=None, email=None))
    assert state.staged is not None
    assert identity_of(state) == identity_of(had)
    off, _ = disable(state, Evidence(kind="record", ref="d", offset=NOW), at(9), None)
    stranger, changes = read(off, born("2015-01-01", **BECAME))
    assert (stranger.status, changes) == ("disabled", []), "a leaver's id that was given to a stranger"
    assert read(stranger, born("2010-03-04"))[0].status == "enabled"


def test_nor_what_an_unreadable_record_does_not_say() -> None:
    had = enabled(assessment=born("2010-03-04"))
    state, _ = read(had, unreadable())
    assert identity_of(state) == identity_of(had)
    assert read(state, born("2015-01-01", **BECAME))[1] == []
    assert read(state, born("2010-03-04"))[0].identity is None


def test_who_says_the_same_as_before_keeps_nothing_beside_it() -> None:
    had = enabled(assessment=born("2010-03-04"))
    assert read(had, born("2010-03-04", phone="07700 900001"))[0].identity is None
    assert encode(read(had, born("2010-03-04"))[0]).count(b"identity") == 0


def test_a_member_of_staff_becomes_nobody_else_either() -> None:
    had = replace(enabled(assessment=born("1980-03-04")), kind="staff")
    state, changes = read(had, replace(born("1990-01-01", **BECAME), kind="staff"))
    assert (changes, state.details) == ([], had.details)


def test_who_never_had_an_account_may_have_been_anybody() -> None:
    state, _ = read(never_had_one(assessment=a_slip(date_of_birth="2010-03-04")), born("2012-11-30"))
    assert (state.status, state.identity) == ("enabled", None)


# --- an entry that is older than the last reading ---------------------------------------------------------------------

BOTH_LISTS = ("students", "leavers")
LISTED: dict[str, Any] = {"lists": ("leavers",), "system_status": None, "email": None}


def test_an_entry_that_was_there_before_explains_no_absence() -> None:
    """A pupil who came back is in both lists for ever. Hidden from one, they have not left."""
    state, _ = read(enabled(), eligible(lists=BOTH_LISTS))
    assert state.is_listed
    absent = replace(state, absence=Absence(sweep="s8", started_at=at(60)), in_roll=False, held={"x": "h"})
    state, changes = read(absent, left(**LISTED))
    assert (changes, state.staged) == ([], None)
    assert (state.absence, state.held) == (absent.absence, {"x": "h"}), "nobody was seen"
    again, _ = read(state, left(**LISTED, phone="07700 900001"))
    assert (again.staged, again.absence) == (None, absent.absence), "however often it is read"


def test_an_entry_that_is_news_explains_one() -> None:
    state, _ = read(enabled(), left(**LISTED))
    assert (state.staged is not None, state.is_listed, state.absence) == (True, False, None)


def test_the_status_explains_it_whatever_the_lists_said_before() -> None:
    for lists in (("students",), BOTH_LISTS):
        state, _ = read(enabled(is_listed=True), left(lists=lists))
        assert (state.staged is not None, state.is_listed) == (True, False)
        assert read(state, left(**LISTED))[0].staged is not None, "the entry is confirmed by that"


def test_the_status_of_an_old_entry_is_as_old() -> None:
    assert read(enabled(is_listed=True), left(lists=("leavers",)))[0].staged is None
    assert read(enabled(), left(lists=("leavers",)))[0].staged is not None


def test_an_entry_that_was_taken_away_and_comes_again_is_news() -> None:
    state, _ = read(enabled(), eligible(lists=BOTH_LISTS))
    state, _ = read(state, eligible())
    assert not state.is_listed
    assert read(state, left(**LISTED))[0].staged is not None


def test_who_was_switched_on_again_has_an_old_entry() -> None:
    """It switched them off; the list is read less often than the pupils, and may say it once more."""
    off, _ = disable(read(enabled(), left(**LISTED))[0], Evidence(kind="record", ref="d", offset=NOW), at(9), None)
    state, _ = read(off, eligible())
    assert (state.status, state.is_listed) == ("enabled", True)
    state, _ = read(state, eligible(phone="07700 900001"))
    assert state.is_listed
    assert read(state, left(**LISTED))[0].staged is None


def test_who_was_put_back_before_the_close_has_no_old_entry() -> None:
    state, _ = read(enabled(), left(**LISTED))
    state, _ = read(state, eligible())
    assert (state.staged, state.is_listed) == (None, False)
    assert read(state, left(**LISTED))[0].staged is not None


@pytest.mark.parametrize("between", [unreadable(), left(**LISTED)], ids=["unreadable", "of the list alone"])
def test_what_does_not_see_them_on_the_roll_leaves_it_as_it_was(between: StudentAssessed) -> None:
    for was in (False, True):
        assert read(enabled(is_listed=was), between)[0].is_listed is was
    assert read(None, between)[0].is_listed is False


def test_who_is_read_first_in_both_lists_is_known_as_that() -> None:
    assert read(None, eligible(lists=BOTH_LISTS))[0].is_listed


def test_a_body_that_lacks_somebody_is_evidence_of_its_own() -> None:
    said = left(**LISTED)
    assert said.student is not None
    absent = replace(said, student=replace(said.student, lists=("absent",)))
    assert read(enabled(is_listed=True), absent)[0].staged is not None
