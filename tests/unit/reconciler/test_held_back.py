"""What one record may not do at once: a new account or e-mail beyond its budget, emptied details, another's return."""

from typing import Any

import pytest

from services.reconciler.account_identity import identity_of
from services.reconciler.decision_context import Admission, DecisionContext
from services.reconciler.reconcile import reconcile
from services.reconciler.removals import disable, drop_removals, unenrol, update
from shared.contract.account_state import AccountState, StagedDisable, StagedUnenrol, StagedUpdate
from shared.contract.events import AccountUpdated, Evidence, StudentAssessed
from shared.contract.model import Details
from shared.structs import replace
from tests.harness.builders import at
from tests.harness.consumer import Seen, apply
from tests.unit.reconciler.accounts import (
    BEFORE,
    BOTH,
    ENGLISH,
    HISTORY,
    NOW,
    ONE,
    a_slip,
    details,
    disabled,
    eligible,
    enabled,
    left,
    never_had_one,
    unreadable,
)

NEW = "new@abbey.example"


def read(
    last: AccountState | None, assessed: StudentAssessed, admission: Admission = Admission.OPEN, **known: Any
) -> Any:
    sound = {"at": NOW, "read_at": at(5), "assessed": "b" * 32, "admission": admission}
    return reconcile(last, assessed, DecisionContext(**(sound | known)))


def kinds(changes: list[Any]) -> list[str]:
    return [type(change).__name__ for change in changes]


# --- new accounts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [None, never_had_one()], ids=["never seen", "seen without an account"])
def test_a_new_account_beyond_its_budget_is_staged(last: AccountState | None) -> None:
    state, changes = read(last, eligible(), Admission.STAGED)
    assert changes == []
    assert (state.status, state.details, state.create, state.version, state.spent) == ("none", None, NOW, -1, {})
    assert state.assessment == eligible(), "it is decided from this when its turn comes"


def test_one_that_is_staged_stays_so_and_in_the_reviewed_set() -> None:
    staged = never_had_one(create=BEFORE, held={"create": "h", "unenrol": "i"})
    state, _ = read(staged, eligible(last_name="Moss"), Admission.STAGED)
    assert (state.create, state.held) == (BEFORE, {"create": "h"})


@pytest.mark.parametrize("assessed", [a_slip(), left(), unreadable()], ids=["a slip", "left", "unreadable"])
def test_who_is_to_have_none_any_more_is_staged_no_more(assessed: StudentAssessed) -> None:
    state, changes = read(never_had_one(create=BEFORE, held={"create": "h"}), assessed)
    assert (changes, state.create, state.held) == ([], None, {})


@pytest.mark.parametrize(
    ("admission", "when", "spent"),
    [
        pytest.param(Admission.OPEN, "", {}, id="before a first decided sweep nothing counts"),
        pytest.param(Admission.SPENDS, "", {"create": at(5)}, id="it counts when it was read"),
        pytest.param(Admission.SPENDS, at(9), {"create": at(9)}, id="or when it was admitted"),
    ],
)
def test_a_new_account_spends_where_it_counts(admission: Admission, when: str, spent: dict[str, str]) -> None:
    state, changes = read(never_had_one(create=BEFORE), eligible(), admission, when=when)
    assert kinds(changes)[0] == "AccountProvisioned"
    assert (state.status, state.create, state.spent) == ("enabled", None, spent)


def test_a_return_beyond_its_budget_is_staged_and_is_no_new_account() -> None:
    state, changes = read(disabled(held={"enable": "h", "create": "h"}), eligible(), Admission.STAGED)
    assert (changes, state.status, state.enable, state.create) == ([], "disabled", NOW, None)
    assert state.held == {"enable": "h"}, "a person who was asked about it still is"
    again, _ = read(state, eligible(last_name="Moss"), Admission.STAGED)
    assert again.enable == NOW, "it waits since then"


def test_a_return_spends_where_it_counts() -> None:
    state, changes = read(disabled(enable=BEFORE), eligible(), Admission.SPENDS)
    assert kinds(changes)[0] == "AccountEnabled"
    assert (state.enable, state.create, state.spent) == (None, None, {"enable": at(5)})


def test_who_changes_neither_account_nor_email_spends_nothing() -> None:
    assert read(disabled(), eligible(), Admission.OPEN)[0].spent == {}
    assert read(enabled(), eligible(last_name="Moss"), Admission.SPENDS)[0].spent == {}


# --- changed e-mails ------------------------------------------------------------------------------------------------


def test_a_changed_email_is_an_update_that_spends_its_budget() -> None:
    state, changes = read(enabled(spent={"move": at(1)}), eligible(email=NEW), Admission.SPENDS)
    assert kinds(changes) == ["AccountUpdated"]
    assert changes[0].fields == ("email",)
    assert state.spent == {"move": at(1), "email_change": at(5)}


def test_beyond_its_budget_it_waits_and_the_rest_goes() -> None:
    state, changes = read(enabled(), eligible(email=NEW, last_name="Moss"), Admission.STAGED)
    assert kinds(changes) == ["AccountUpdated"]
    assert changes[0].fields == ("last_name",)
    assert changes[0].details == state.details == details(last_name="Moss")
    assert (state.email_change, state.spent) == (NOW, {})


def test_alone_it_changes_nothing_yet() -> None:
    state, changes = read(enabled(), eligible(email=NEW), Admission.STAGED)
    assert (changes, state.details, state.version, state.email_change) == ([], details(), BEFORE, NOW)


def test_another_spelling_is_no_change_of_it() -> None:
    state, changes = read(enabled(), eligible(email=f" {details().email.upper()} "), Admission.STAGED)
    assert kinds(changes) == ["AccountUpdated"]
    assert (state.email_change, state.spent) == (None, {})


@pytest.mark.parametrize(
    ("email", "staged", "held"),
    [
        pytest.param(NEW, BEFORE, {"email_change": "h"}, id="the same: reviewed"),
        pytest.param("newer@abbey.example", BEFORE, {}, id="another: nobody has seen that one"),
        pytest.param(None, None, {}, id="a slip drops it"),
        pytest.param(details().email, None, {}, id="back to what they have"),
    ],
)
def test_a_staged_email_read_again(email: str | None, staged: int | None, held: dict[str, str]) -> None:
    waiting = enabled(assessment=eligible(email=NEW), email_change=BEFORE, held={"email_change": "h", "move": "i"})
    state, changes = read(waiting, eligible(email=email, phone=None), Admission.STAGED)
    assert changes == []
    assert (state.email_change, state.held) == (staged, held)


@pytest.mark.parametrize("before", [None, a_slip()], ids=["no record", "a record that was undecided"])
def test_an_email_that_no_record_asked_for_was_not_reviewed(before: StudentAssessed | None) -> None:
    waiting = enabled(assessment=before, email_change=BEFORE, held={"email_change": "h"})
    assert read(waiting, eligible(email=NEW), Admission.STAGED)[0].held == {}


def test_a_leaver_changes_no_email() -> None:
    state, _ = read(
        enabled(email_change=BEFORE, update=StagedUpdate(fields=("phone",), columns=("phone",), offset=1)), left()
    )
    assert (state.email_change, state.update, state.staged is not None) == (None, None, True)


# --- emptied details ------------------------------------------------------------------------------------------------

FULL: dict[str, Any] = {"phone": "07700 900001", "personal_email": "ada@home.example", "preferred_name": "Addie"}


def full(**fields: Any) -> AccountState:
    assessed = eligible(**FULL)
    return enabled(details=assessed.details, assessment=assessed, digest=assessed.digest, **fields)


@pytest.mark.parametrize(
    ("gone", "fields", "columns"),
    [
        pytest.param({"phone": None}, ("phone",), ("phone",), id="a phone"),
        pytest.param({"personal_email": None}, ("personal_email",), ("personal_email",), id="a personal e-mail"),
        pytest.param({"preferred_name": None}, ("first_name",), ("preferred_name",), id="the name that is shown"),
        pytest.param({"year_group": None}, ("year",), ("year_group",), id="the year, by the year group"),
        pytest.param(
            {"phone": None, "preferred_name": None},
            ("first_name", "phone"),
            ("preferred_name", "phone"),
            id="two of them",
        ),
    ],
)
def test_a_field_that_a_record_empties_waits(
    gone: dict[str, Any], fields: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    state, changes = read(full(), eligible(**(FULL | gone)))
    assert changes == []
    assert state.details == full().details
    assert state.update == StagedUpdate(fields=fields, columns=columns, offset=NOW)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"phone": "07700 900002"}, id="another phone"),
        pytest.param({"preferred_name": "Ad"}, id="another preferred name"),
        pytest.param({"last_name": "Moss"}, id="another surname"),
        pytest.param({"year_group": 11}, id="another year group"),
    ],
)
def test_a_field_that_it_fills_otherwise_does_not(fields: dict[str, Any]) -> None:
    state, changes = read(full(), eligible(**(FULL | fields)))
    assert kinds(changes) == ["AccountUpdated"]
    assert state.update is None


def test_a_legal_name_is_corrected_at_once_where_none_is_preferred() -> None:
    state, changes = read(enabled(), eligible(first_name="Adah"))
    assert kinds(changes) == ["AccountUpdated"]
    assert state.update is None


@pytest.mark.parametrize("before", [full(), replace(full(), assessment=None)], ids=["known", "not known"])
def test_a_field_that_is_blank_is_empty(before: AccountState) -> None:
    state, changes = read(before, eligible(**(FULL | {"phone": ""})))
    assert (changes, state.update and state.update.fields) == ([], ("phone",))


def test_without_the_record_of_before_what_the_account_has_tells() -> None:
    state, changes = read(
        replace(full(), assessment=None), eligible(**(FULL | {"phone": None, "preferred_name": None}))
    )
    assert state.update is not None
    assert state.update.fields == ("phone",), "nothing says that the name was a preferred one"
    assert [change.fields for change in changes] == [("first_name",)]


def test_what_else_the_record_says_goes_at_once() -> None:
    _, changes = read(full(), eligible(**(FULL | {"phone": None, "last_name": "Moss"})))
    assert [change.fields for change in changes] == [("last_name",)]
    assert changes[0].details.phone == FULL["phone"]


def test_it_waits_on_when_it_is_read_again_so() -> None:
    """The record before says nothing of a preferred name either: what is staged remembers that there was one."""
    once, _ = read(full(), eligible(**(FULL | {"preferred_name": None})))
    twice, changes = read(once, eligible(**(FULL | {"preferred_name": None, "last_name": "Moss"})), at=NOW + 9)
    assert [change.fields for change in changes] == [("last_name",)]
    assert twice.update == once.update
    more, _ = read(once, eligible(**(FULL | {"preferred_name": None, "phone": None})), at=NOW + 9)
    assert more.update is not None
    assert (more.update.fields, more.update.offset) == (("first_name", "phone"), NOW + 9)


def test_it_waits_no_more_when_it_is_back() -> None:
    staged = full(update=StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE))
    state, changes = read(staged, eligible(**FULL))
    assert (changes, state.update, state.details) == ([], None, full().details)


@pytest.mark.parametrize("assessed", [a_slip(), unreadable()], ids=["a slip", "unreadable"])
def test_a_record_that_says_even_less_ends_no_wait_for_what_is_empty(assessed: StudentAssessed) -> None:
    """Else a sweep in which everybody is undecided would be the one that the next is compared with."""
    update = StagedUpdate(fields=("phone", "last_name"), columns=("phone",), overwritten=("last_name",), offset=BEFORE)
    held = {"nulled_column": "h", "update": "h", "unenrol": "h"}
    state, changes = read(full(update=update, held=held), assessed)
    assert (changes, state.details) == ([], full().details)
    assert state.update == StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE)
    assert state.held == {"nulled_column": "h"}


def test_a_name_that_was_taken_from_a_column_is_kept_through_undecided_records() -> None:
    """The preferred name goes with the e-mail, and the e-mail alone comes back."""
    bare = {"phone": None, "preferred_name": None}
    undecided, _ = read(full(), a_slip(**(FULL | bare | {"email": None})))
    assert set(undecided.lacks) >= {"phone", "preferred_name"}
    state, changes = read(undecided, eligible(**(FULL | bare)))
    assert (changes, state.details, state.lacks) == ([], full().details, ())
    assert state.update is not None
    assert state.update.columns == ("preferred_name", "phone")


def test_a_year_that_is_said_again_is_not_emptied_by_the_other_column_for_it() -> None:
    """A year comes of a year group, or of itself; the state machine found that 11 in the one waited for the other."""
    once, _ = read(full(), eligible(**(FULL | {"year_group": None})))
    assert once.update is not None
    assert once.update.columns == ("year_group",)
    state, changes = read(once, eligible(**(FULL | {"year_group": 11})), at=NOW + 9)
    assert [change.fields for change in changes] == [("year",)]
    assert state.update is None


def test_who_returns_has_what_the_record_says() -> None:
    off = replace(full(), status="disabled", disabled_at=at(1))
    state, changes = read(off, eligible())
    assert kinds(changes)[:2] == ["AccountEnabled", "AccountUpdated"]
    assert (state.update, state.details) == (None, details())


def test_a_field_that_was_emptied_while_nothing_was_decided_waits_too() -> None:
    undecided, _ = read(full(), a_slip(**(FULL | {"phone": None, "email": None})))
    state, changes = read(undecided, eligible(**(FULL | {"phone": None})))
    assert (changes, state.update and state.update.columns) == ([], ("phone",))


def test_emptying_takes_over_what_is_staged_and_nothing_else() -> None:
    said: dict[str, Any] = FULL | {"phone": None, "email": NEW}
    state, _ = read(full(), eligible(**said), Admission.STAGED)
    after, changes = update(state, NOW + 1, at(9), None)
    wanted: Details = replace(full().details, phone=None)
    assert changes == [
        AccountUpdated(school="abbey", student_id=ONE, version=NOW + 1, fields=("phone",), details=wanted)
    ]
    assert (after.details, after.offset, after.version, after.update) == (wanted, NOW + 1, NOW + 1, None)
    assert after.email_change == NOW


def test_emptying_nothing_changes_nothing() -> None:
    assert update(full(), NOW, at(9), None) == (full(), [])
    lost = replace(full(), update=StagedUpdate(fields=("phone",), columns=("phone",), offset=1), assessment=None)
    assert update(lost, NOW, at(9), None) == (lost, [])


@pytest.mark.parametrize(
    ("before", "now", "keeps"),
    [
        pytest.param(("phone",), {"phone": None}, True, id="what was reviewed"),
        pytest.param(("phone", "personal_email"), {"phone": None}, True, id="less than was reviewed"),
        pytest.param(("phone",), {"phone": None, "personal_email": None}, False, id="more than was reviewed"),
    ],
)
def test_a_reviewed_column_covers_no_more_than_was_seen(
    before: tuple[str, ...], now: dict[str, Any], keeps: bool
) -> None:
    staged = full(update=StagedUpdate(fields=before, columns=before, offset=BEFORE), held={"nulled_column": "h"})
    state, _ = read(staged, eligible(**(FULL | now)))
    assert state.held == ({"nulled_column": "h"} if keeps else {})


@pytest.mark.parametrize(
    ("modules", "keeps"),
    [
        pytest.param((), True, id="the same un-enrolments"),
        pytest.param((ENGLISH,), True, id="fewer"),
    ],
)
def test_a_reviewed_column_covers_its_unenrolments(modules: tuple[str, ...], keeps: bool) -> None:
    staged = enabled(unenrol=StagedUnenrol(modules=BOTH, offset=BEFORE), held={"nulled_column": "h", "unenrol": "i"})
    state, _ = read(staged, eligible(modules=modules))
    assert state.held == ({"nulled_column": "h", "unenrol": "i"} if keeps else {})


def test_nobody_has_reviewed_an_unenrolment_that_is_new() -> None:
    marked = enabled(held={"unenrol": "h", "move": "i", "nulled_column": "j"})
    assert read(marked, eligible(modules=(ENGLISH,)))[0].held == {}


def test_it_covers_no_unenrolment_that_came_after() -> None:
    staged = full(
        update=StagedUpdate(fields=("phone",), columns=("phone",), offset=BEFORE),
        unenrol=StagedUnenrol(modules=(ENGLISH,), offset=BEFORE),
        held={"nulled_column": "h"},
    )
    state, _ = read(staged, eligible(**(FULL | {"phone": None, "modules": ()})))
    assert state.held == {}


# --- staff are accounts by the same function ------------------------------------------------------------------------


def test_whoever_is_staff_is_told_as_staff() -> None:
    works = replace(eligible(), kind="staff")
    made, changes = read(None, works)
    assert {change.kind for change in changes} == {"staff"}
    assert made.kind == "staff"
    lacks = replace(eligible(modules=(ENGLISH,), last_name="Moss"), kind="staff")
    fewer, changes = read(made, lacks)
    assert {change.kind for change in changes} == {"staff"}
    less, changes = unenrol(fewer, NOW + 1, at(9), None)
    assert {change.kind for change in changes} == {"staff"}
    assert (less.offset, less.version) == (NOW + 1, NOW + 1)
    lost = StagedUnenrol(programmes=("Y10",), modules=(ENGLISH,), offset=NOW)
    told = unenrol(replace(less, unenrol=lost), NOW, at(9), None)[1]
    assert [change.kind for change in told] == ["staff", "staff"]
    emptied = replace(less, update=StagedUpdate(fields=("phone",), columns=("phone",), offset=1))
    assert {change.kind for change in update(emptied, NOW + 2, at(9), None)[1]} == {"staff"}
    _, changes = disable(less, Evidence(kind="record", ref="d", offset=NOW + 3), at(9), None)
    assert {change.kind for change in changes} == {"staff"}
    _, changes = read(replace(less, status="disabled"), works)
    assert {change.kind for change in changes} == {"staff"}


# --- what a consumer has --------------------------------------------------------------------------------------------


def test_each_change_is_applied_as_it_says() -> None:
    made, changes = read(None, eligible())
    seen = apply(Seen(), changes)
    assert seen == Seen("enabled", details(), frozenset({"Y10"}), frozenset(BOTH))
    moved, changes = read(made, eligible(programmes=("Y11",), modules=(ENGLISH,), last_name="Moss"), at=NOW + 1)
    seen = apply(seen, changes)
    assert seen == Seen("enabled", details(last_name="Moss"), frozenset({"Y10", "Y11"}), frozenset(BOTH))
    settled, changes = unenrol(moved, NOW + 2, at(9), None)
    seen = apply(seen, changes)
    assert seen == Seen("enabled", details(last_name="Moss"), frozenset({"Y11"}), frozenset({ENGLISH}))
    off, changes = disable(settled, Evidence(kind="record", ref="d", offset=NOW + 3), at(9), None)
    seen = apply(seen, changes)
    assert seen.status == "disabled"
    _, changes = read(off, eligible(), at=NOW + 4)
    assert apply(seen, changes) == Seen("enabled", details(), frozenset({"Y10", "Y11"}), frozenset(BOTH))


# --- what a removal leaves behind -----------------------------------------------------------------------------------


def test_nothing_waits_of_somebody_who_is_disabled() -> None:
    busy = enabled(
        staged=StagedDisable(digest="d", offset=1),
        unenrol=StagedUnenrol(modules=(HISTORY,), offset=1),
        update=StagedUpdate(fields=("phone",), columns=("phone",), offset=1),
        email_change=3,
        other_id="3050000002",
        held={"rekey": "h"},
    )
    state, _ = disable(busy, Evidence(kind="record", ref="d", offset=NOW), at(9), None)
    assert (state.staged, state.unenrol, state.update, state.email_change, state.held) == (None, None, None, None, {})
    assert state.other_id == "3050000002", "so that their heir is not asked about again"


def test_an_unenrolment_leaves_the_other_reviews_alone() -> None:
    busy = enabled(
        unenrol=StagedUnenrol(modules=(HISTORY,), offset=1),
        email_change=3,
        held={"move": "h", "unenrol": "i", "email_change": "j"},
    )
    state, _ = unenrol(busy, NOW, at(9), None)
    assert (state.held, state.email_change) == ({"email_change": "j"}, 3)


def test_whatever_was_staged_is_dropped_at_once() -> None:
    who = identity_of(enabled())
    busy = enabled(create=1, email_change=2, other_id="3050000002", identity=who, held={"create": "h"})
    state = drop_removals(busy)
    assert (state.create, state.email_change, state.held) == (None, None, {})
    assert (state.identity, state.other_id) == (who, "3050000002"), "who somebody is, is not dropped"


@pytest.mark.parametrize("seen", [left(), eligible(), a_slip(), unreadable()])
def test_a_pair_is_remembered_whatever_the_old_record_says(seen: StudentAssessed) -> None:
    gone = enabled(staged=StagedDisable(digest="d", offset=1), other_id="3050000002")
    assert read(gone, seen)[0].other_id == "3050000002"
    off = disabled(other_id="3050000002")
    assert read(off, seen)[0].other_id == "3050000002"


def test_who_was_staged_as_somebody_who_went_is_made_as_themselves() -> None:
    waits = never_had_one(create=1, other_id="3050000002")
    assert read(waits, eligible())[0].other_id is None
    staged, _ = reconcile(
        waits,
        eligible(),
        DecisionContext(NOW, at(5), "b" * 32, admission=Admission.STAGED, predecessor_id="3050000003"),
    )
    assert (staged.create, staged.other_id) == (1, "3050000003")
    held = replace(waits, held={"rekey": "h", "create": "i", "move": "j"})
    staged, _ = read(held, eligible(), Admission.STAGED, predecessor_id="3050000002")
    assert staged.held == {"rekey": "h", "create": "i"}
