"""Whatever the records say, and in whatever order: the changes give the account, and a record alone removes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.reconciler.account_identity import has_record_of_another
from services.reconciler.decision_context import DecisionContext
from services.reconciler.reconcile import reconcile
from services.reconciler.removals import disable, unenrol
from shared.contract.account_state import AccountState
from shared.contract.codec import digest, encode, event_id, type_name
from shared.contract.events import Evidence, ModuleUnenrolled, ProgrammeUnenrolled, StudentAssessed
from shared.contract.model import Category, Verdict
from shared.structs import replace
from tests.harness.builders import a_leaver, a_student, at
from tests.harness.consumer import Seen, apply
from tests.harness.reference_model import plain
from tests.harness.strategies import IDS, SHARED, students
from tests.unit.reconciler.accounts import judged

FEW = settings(max_examples=50, deadline=None)
REMOVALS = ("AccountDisabled", "ProgrammeUnenrolled", "ModuleUnenrolled")
assessments = students().map(judged)


@dataclass(frozen=True)
class Step:
    """One thing that may happen to an account: a reading, a disable at a close, or its staged un-enrolments there."""

    kind: str
    assessed: StudentAssessed
    waits: bool


def steps(kinds: Sequence[str] = ("read", "read", "read", "unenrol", "disable")) -> st.SearchStrategy[list[Step]]:
    waits = st.sampled_from([False, False, False, True])
    return st.lists(st.builds(Step, st.sampled_from(kinds), assessments, waits), min_size=1, max_size=8)


def reading(number: int, assessed: StudentAssessed, *, waits: bool = False) -> DecisionContext:
    return DecisionContext(number, at(number), digest(encode(assessed)).hex(), waits_for=SHARED if waits else None)


def take(state: AccountState | None, number: int, step: Step) -> tuple[AccountState | None, list[Any]]:
    if step.kind == "read" or state is None or state.status != "enabled":
        return reconcile(state, step.assessed, reading(number, step.assessed, waits=step.waits))
    if step.kind == "unenrol":
        return unenrol(state, number, at(number), "unenrol")
    return disable(state, Evidence(kind="certificate", ref="s1", offset=number), at(number), "disable_unexplained")


def after(course: list[Step]) -> AccountState | None:
    state = None
    for number, step in enumerate(course):
        state, _ = take(state, number, step)
    return state


def seen_of(state: AccountState | None) -> Seen:
    if state is None:
        return Seen()
    return Seen(state.status, state.details, frozenset(state.programmes), frozenset(state.modules))


@FEW
@given(steps())
def test_applying_the_changes_gives_the_account(course: list[Step]) -> None:
    state, seen = None, Seen()
    for number, step in enumerate(course):
        state, changes = take(state, number, step)
        seen = apply(seen, changes)
        assert seen == seen_of(state)


@FEW
@given(steps())
def test_each_change_bears_the_offset_that_made_it_and_no_two_one_id(course: list[Step]) -> None:
    state = None
    for number, step in enumerate(course):
        before = -1 if state is None else state.version
        state, changes = take(state, number, step)
        assert {change.version for change in changes} <= {number}
        details = [
            str(getattr(change, "module", getattr(change, "programme", getattr(change, "fields", ""))))
            for change in changes
        ]
        ids = {
            event_id("abbey", change.student_id, change.version, type_name(type(change)), detail)
            for change, detail in zip(changes, details, strict=True)
        }
        assert len(ids) == len(changes)
        assert state is None or state.version == (number if changes else before)


@FEW
@given(steps(), assessments, st.booleans())
def test_the_same_assessment_twice_changes_nothing(course: list[Step], assessed: StudentAssessed, waits: bool) -> None:
    state = after(course)
    once, _ = reconcile(state, assessed, reading(50, assessed, waits=waits))
    twice, changes = reconcile(once, assessed, reading(51, assessed, waits=waits))
    assert changes == []
    assert twice == replace(once, offset=51, read_at=at(51))


@FEW
@given(steps(), assessments, st.booleans())
def test_one_record_alone_removes_nothing(course: list[Step], assessed: StudentAssessed, waits: bool) -> None:
    state = after(course)
    then, changes = reconcile(state, assessed, reading(50, assessed, waits=waits))
    assert not [change for change in changes if type(change).__name__ in REMOVALS]
    assert set(then.programmes) >= seen_of(state).programmes
    assert set(then.modules) >= seen_of(state).modules
    assert then.status == "enabled" or seen_of(state).status == then.status


@FEW
@given(steps(), assessments)
def test_undecided_carries_everything_forward(course: list[Step], assessed: StudentAssessed) -> None:
    state = after(course)
    unknown = replace(assessed, account=Verdict.UNDECIDED, category=Category.UNKNOWN)
    then, changes = reconcile(state, unknown, reading(50, unknown))
    assert changes == []
    assert seen_of(then) == seen_of(state)
    assert (then.staged, then.unenrol, then.held) == (None, None, {})


@FEW
@given(steps(), assessments)
def test_who_waits_for_an_email_waits_with_that_alone(course: list[Step], assessed: StudentAssessed) -> None:
    state = after(course)
    if assessed.account is not Verdict.ELIGIBLE:
        return
    then, changes = reconcile(state, assessed, reading(50, assessed, waits=True))
    if state is None or state.status != "enabled":
        assert (changes, seen_of(then)) == ([], seen_of(state))
        return
    else_, _ = reconcile(state, assessed, reading(50, assessed))
    assert then.details is not None
    assert state.details is not None
    assert else_.details is not None
    assert then.details == replace(else_.details, email=state.details.email)
    assert (then.programmes, then.modules, then.unenrol) == (else_.programmes, else_.modules, else_.unenrol)


@st.composite
def any_person(draw: st.DrawFn) -> StudentAssessed:
    """Under one id: one of three people as some office spells them, whole or in part."""
    first, last, born = draw(
        st.sampled_from(
            [("Zoé", "O'Hara", "2010-03-04"), ("Omar", "Vale", "2015-01-01"), ("Bea", "D'Arc", "2012-07-07")]
        )
    )
    spelt = draw(st.sampled_from([str, str.upper, lambda name: name.replace("é", "e").replace("'", "’")]))
    says = {
        "first_name": spelt(first),
        "last_name": spelt(last),
        "date_of_birth": draw(st.sampled_from([born, born, None])),
    }
    how = draw(st.sampled_from([a_student, a_student, a_leaver]))
    return judged(how(IDS[0], **says, email=draw(st.sampled_from(["a@abbey.example", "b@abbey.example"]))))


@FEW
@given(st.lists(st.tuples(any_person(), st.sampled_from(["read", "read", "disable"])), min_size=1, max_size=10))
def test_an_account_is_one_persons_for_ever(course: list[tuple[StudentAssessed, str]]) -> None:
    """Whoever it was made for: no record, however many come and whatever they leave out, makes it another's."""
    state: AccountState | None = None
    made_for = ""
    for number, (assessed, then) in enumerate(course):
        state, _ = reconcile(state, assessed, reading(number, assessed))
        if state.status == "enabled" and not made_for:
            assert state.details is not None
            made_for = plain(state.details.first_name)
            if assessed.student is None or assessed.student.date_of_birth is None:
                return  # of whom no birth date was ever known, less can be told
        if made_for:
            assert state.details is not None
            assert plain(state.details.first_name) == made_for
        if made_for and assessed.student is not None and plain(assessed.student.first_name or "") != made_for:
            assert state.staged is None, "nor does it leave by another's record"
        if then == "disable" and state.status == "enabled":
            evidence = Evidence(kind="certificate", ref="s1", offset=number)
            state, _ = disable(state, evidence, at(number), None)


@FEW
@given(steps(), assessments)
def test_only_a_record_that_says_left_stages_a_disable(course: list[Step], assessed: StudentAssessed) -> None:
    state = after(course)
    then, _ = reconcile(state, assessed, reading(50, assessed))
    is_leaver = assessed.category is Category.LEFT and then.status == "enabled"
    assert then.staged is None or is_leaver
    record = assessed.student
    if is_leaver and record is not None and "students" in record.lists and not has_record_of_another(then):
        assert then.staged is not None, "whatever the lists said before"
    assert then.staged is None or then.staged.digest == assessed.digest


@FEW
@given(steps(), assessments)
def test_what_is_staged_is_what_the_record_lacks(course: list[Step], assessed: StudentAssessed) -> None:
    """When it goes at the close, the account has exactly what the record says; what was not supplied stays."""
    state = after(course)
    then, _ = reconcile(state, assessed, reading(50, assessed))
    if assessed.account is not Verdict.ELIGIBLE or has_record_of_another(then):
        return  # undecided: the record is another person's
    settled, changes = unenrol(then, 51, at(51), None)
    assert {type(change) for change in changes} <= {ProgrammeUnenrolled, ModuleUnenrolled}
    had = seen_of(state)
    assert set(settled.modules) == (had.modules if assessed.modules is None else set(assessed.modules))
    assert set(settled.programmes) == (had.programmes if assessed.programmes is None else set(assessed.programmes))


@FEW
@given(st.lists(assessments, min_size=1, max_size=6))
def test_the_bytes_depend_on_nothing_but_the_input(course: list[StudentAssessed]) -> None:
    def told() -> list[bytes]:
        state, found = None, []
        for number, assessed in enumerate(course):
            state, changes = reconcile(state, assessed, reading(number, assessed))
            found += [encode(state), *[encode(change) for change in changes]]
        return found

    assert told() == told()
