"""The table of DESIGN §6, row by row: one account and one assessment in, the changes in their order out."""

from typing import Any

import pytest

from services.reconciler.decision_context import DecisionContext
from services.reconciler.reconcile import reconcile
from services.reconciler.removals import disable, drop_removals, unenrol
from shared.contract.account_state import Absence, AccountState, StagedDisable, StagedUnenrol
from shared.contract.events import (
    AccountDisabled,
    AccountEnabled,
    AccountProvisioned,
    AccountUpdated,
    Evidence,
    ModuleEnrolled,
    ModuleUnenrolled,
    ProgrammeEnrolled,
    ProgrammeUnenrolled,
    StudentAssessed,
)
from shared.contract.model import Verdict
from shared.structs import replace
from tests.harness.builders import at
from tests.unit.reconciler.accounts import (
    BEFORE,
    BOTH,
    ENGLISH,
    GEOGRAPHY,
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
    prospective,
    unreadable,
)

PROVISIONED, UPDATED, ENABLED = "AccountProvisioned", "AccountUpdated", "AccountEnabled"
PROGRAMME, MODULE = "ProgrammeEnrolled", "ModuleEnrolled"
READING = DecisionContext(at=NOW, read_at=at(5), assessed="b" * 32)
FIRST_ABSENCE = Absence(sweep="s1", started_at=at(0))
STAGED = StagedDisable(digest=left().digest, offset=BEFORE)
MUTED = StagedUnenrol(modules=(HISTORY,), offset=BEFORE)


def kinds(last: AccountState | None, assessed: StudentAssessed, reading: DecisionContext = READING) -> list[str]:
    return [type(change).__name__ for change in reconcile(last, assessed, reading)[1]]


def after(last: AccountState | None, assessed: StudentAssessed, **reading: Any) -> AccountState:
    return reconcile(
        last, assessed, DecisionContext(**({"at": NOW, "read_at": at(5), "assessed": "b" * 32} | reading))
    )[0]


@pytest.mark.parametrize(
    ("last", "assessed", "expected"),
    [
        pytest.param(None, eligible(), [PROVISIONED, PROGRAMME, MODULE, MODULE], id="none, eligible"),
        pytest.param(never_had_one(), eligible(), [PROVISIONED, PROGRAMME, MODULE, MODULE], id="known, now eligible"),
        pytest.param(None, eligible(programmes=None, modules=None), [PROVISIONED], id="joiner, areas not supplied"),
        pytest.param(None, a_slip(), [], id="none, undecided"),
        pytest.param(None, unreadable(), [], id="none, unreadable"),
        pytest.param(None, left(), [], id="none, left"),
        pytest.param(None, prospective(), [], id="none, prospective"),
        pytest.param(enabled(), eligible(), [], id="enabled, the same"),
        pytest.param(enabled(), eligible(last_name="Moss"), [UPDATED], id="enabled, details differ"),
        pytest.param(enabled(), eligible(email="a@abbey.example"), [UPDATED], id="enabled, only the e-mail differs"),
        pytest.param(enabled(), eligible(modules=(*BOTH, GEOGRAPHY)), [MODULE], id="enabled, a module gained"),
        pytest.param(enabled(), eligible(programmes=("Y10", "Y10X")), [PROGRAMME], id="enabled, a programme gained"),
        pytest.param(
            enabled(),
            eligible(last_name="Moss", programmes=("Y11",), modules=("Y11-HIS",)),
            [UPDATED, PROGRAMME, MODULE],
            id="enabled, another year group and another surname",
        ),
        pytest.param(enabled(), eligible(modules=(ENGLISH,)), [], id="enabled, a module lost"),
        pytest.param(enabled(), eligible(programmes=()), [], id="enabled, a programme lost"),
        pytest.param(enabled(), eligible(modules=(ENGLISH, GEOGRAPHY)), [MODULE], id="enabled, a module changed"),
        pytest.param(enabled(), eligible(programmes=None, modules=None), [], id="enabled, areas not supplied"),
        pytest.param(enabled(), a_slip(), [], id="enabled, undecided"),
        pytest.param(enabled(), a_slip(last_name="Moss"), [], id="enabled, undecided and different"),
        pytest.param(enabled(), unreadable(), [], id="enabled, unreadable"),
        pytest.param(enabled(), left(), [], id="enabled, left"),
        pytest.param(enabled(), prospective(), [], id="enabled, prospective"),
        pytest.param(disabled(), eligible(), [ENABLED, PROGRAMME, MODULE, MODULE], id="disabled, eligible"),
        pytest.param(
            disabled(),
            eligible(last_name="Moss", modules=(ENGLISH, GEOGRAPHY)),
            [ENABLED, UPDATED, PROGRAMME, MODULE, MODULE],
            id="disabled, eligible and different",
        ),
        pytest.param(
            disabled(),
            eligible(programmes=None, modules=None),
            [ENABLED, PROGRAMME, MODULE, MODULE],
            id="disabled, eligible, areas not supplied",
        ),
        pytest.param(disabled(), a_slip(), [], id="disabled, undecided"),
        pytest.param(disabled(), left(), [], id="disabled, left"),
        pytest.param(disabled(), prospective(), [], id="disabled, prospective"),
    ],
)
def test_each_difference_has_its_kinds_in_order(
    last: AccountState | None, assessed: StudentAssessed, expected: list[str]
) -> None:
    assert kinds(last, assessed) == expected


@pytest.mark.parametrize("last", [None, never_had_one(), disabled()])
def test_whoever_waits_for_an_email_without_an_account_is_undecided(last: AccountState | None) -> None:
    waits = DecisionContext(at=NOW, read_at=at(5), assessed="b" * 32, waits_for="a@abbey.example")
    state, changes = reconcile(last, eligible(last_name="Moss", modules=(ENGLISH,)), waits)
    assert changes == []
    assert state.status == (last.status if last else "none")
    assert state.details == (last.details if last else None)
    assert (state.waits_for_email, state.unenrol, state.staged) == ("a@abbey.example", None, None)


def test_an_account_whose_record_wants_a_taken_email_keeps_its_own_and_takes_all_else() -> None:
    waits = DecisionContext(at=NOW, read_at=at(5), assessed="b" * 32, waits_for="a@abbey.example")
    last = enabled()
    said = eligible(email="a@abbey.example", last_name="Moss", modules=(ENGLISH, GEOGRAPHY))
    state, (update, module) = reconcile(last, said, waits)
    assert isinstance(update, AccountUpdated)
    assert (update.fields, module.kind) == (("last_name",), "student")
    assert last.details is not None
    assert state.details == replace(last.details, last_name="Moss")
    assert (state.waits_for_email, state.email_change) == ("a@abbey.example", None)
    assert state.unenrol == StagedUnenrol(modules=(HISTORY,), is_move=True, offset=NOW), "for the certificate, as ever"


def test_an_email_that_came_free_is_waited_for_no_more() -> None:
    assert after(enabled(waits_for_email="a@abbey.example"), eligible()).waits_for_email is None


# --- what each change says -----------------------------------------------------------------------------------------


def test_a_joiners_changes_name_the_account() -> None:
    who: dict[str, Any] = {"school": "abbey", "student_id": ONE, "version": NOW}
    state, changes = reconcile(None, eligible(), READING)
    assert changes == [
        AccountProvisioned(**who, details=details()),
        ProgrammeEnrolled(**who, programme="Y10"),
        ModuleEnrolled(**who, module=ENGLISH),
        ModuleEnrolled(**who, module=HISTORY),
    ]
    assert (state.status, state.version, state.offset) == ("enabled", NOW, NOW)
    assert (state.details, state.programmes, state.modules) == (details(), ("Y10",), BOTH)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        pytest.param({"first_name": "Bea"}, ("first_name",), id="first name"),
        pytest.param({"email": "a@abbey.example"}, ("email",), id="e-mail"),
        pytest.param({"email": f"S{ONE}@abbey.example"}, ("email",), id="e-mail, its case"),
        pytest.param({"year_group": 11}, ("year",), id="year group"),
        pytest.param({"phone": "07", "personal_email": "a@home.example"}, ("personal_email", "phone"), id="two"),
        pytest.param({"metadata": {"house": "Oak"}}, ("metadata",), id="metadata"),
    ],
)
def test_an_update_names_what_differs(fields: dict[str, Any], named: tuple[str, ...]) -> None:
    state, changes = reconcile(enabled(), eligible(**fields), READING)
    wanted = details(**fields)
    assert changes == [
        AccountUpdated(school="abbey", student_id=ONE, version=NOW, fields=named, details=wanted),
    ]
    assert (state.details, state.version) == (wanted, NOW)


def test_what_nobody_would_notice_is_no_update() -> None:
    """The form and the house are not among what Unitu is told."""
    state, changes = reconcile(enabled(), eligible(form="10B", house="Oak"), READING)
    assert changes == []
    assert (state.version, state.offset) == (BEFORE, NOW)


def test_a_returner_is_enabled_with_the_details_of_today() -> None:
    state, changes = reconcile(disabled(), eligible(last_name="Moss"), READING)
    new = details(last_name="Moss")
    assert changes[0] == AccountEnabled(school="abbey", student_id=ONE, version=NOW, details=new)
    assert changes[1] == AccountUpdated(school="abbey", student_id=ONE, version=NOW, fields=("last_name",), details=new)
    assert (state.status, state.evidence, state.disabled_at) == ("enabled", None, None)


def test_a_returners_lost_enrolments_are_staged_and_the_rest_asserted() -> None:
    state, changes = reconcile(disabled(), eligible(modules=(ENGLISH,)), READING)
    assert [change.module for change in changes if isinstance(change, ModuleEnrolled)] == [ENGLISH]
    assert state.modules == BOTH
    assert state.unenrol == StagedUnenrol(modules=(HISTORY,), offset=NOW)


def test_what_the_guard_has_counted_stays_counted_when_somebody_returns() -> None:
    spent = {"disable_unexplained": at(1)}
    assert after(disabled(spent=spent), eligible()).spent == spent


# --- what is staged ------------------------------------------------------------------------------------------------


def test_a_leaver_is_staged_by_the_digest_of_the_record() -> None:
    state = after(enabled(), left())
    assert state.status == "enabled"
    assert state.staged == StagedDisable(digest=left().digest, offset=NOW)
    assert state.version == BEFORE, "nothing has changed yet"


@pytest.mark.parametrize(
    ("assessed", "staged_at"),
    [
        pytest.param(left(), BEFORE, id="the same record"),
        pytest.param(left(form="10B"), NOW, id="another record that says left"),
    ],
)
def test_a_leaver_who_is_read_again_stays_staged(assessed: StudentAssessed, staged_at: int) -> None:
    assert after(enabled(staged=STAGED), assessed).staged == StagedDisable(digest=assessed.digest, offset=staged_at)


@pytest.mark.parametrize("assessed", [eligible(), a_slip(), unreadable(), prospective()])
def test_any_record_that_does_not_say_left_drops_a_staged_disable(assessed: StudentAssessed) -> None:
    held = {"disable_explained": "h" * 16}
    state = after(enabled(staged=STAGED, held=held), assessed)
    assert (state.status, state.staged, state.held) == ("enabled", None, {})


@pytest.mark.parametrize(
    ("last", "assessed"),
    [(enabled(), eligible()), (enabled(), a_slip()), (enabled(), left()), (enabled(), prospective()), (None, left())],
)
def test_any_reading_ends_a_first_absence(last: AccountState | None, assessed: StudentAssessed) -> None:
    if last is not None:
        last = replace(last, absence=FIRST_ABSENCE, in_roll=False)
    assert after(last, assessed).absence is None


@pytest.mark.parametrize("last", [None, never_had_one(), disabled()])
@pytest.mark.parametrize("assessed", [left(), prospective(), a_slip()])
def test_nothing_is_staged_for_whoever_has_no_enabled_account(
    last: AccountState | None, assessed: StudentAssessed
) -> None:
    state = after(last, assessed)
    assert (state.staged, state.unenrol) == (None, None)


@pytest.mark.parametrize("assessed", [a_slip(modules=()), unreadable(), prospective(modules=())])
def test_undecided_and_prospective_carry_everything_forward(assessed: StudentAssessed) -> None:
    before = enabled(unenrol=MUTED, staged=STAGED)
    state = after(before, assessed)
    assert (state.status, state.details, state.programmes, state.modules) == (
        before.status, before.details, before.programmes, before.modules,
    )  # fmt: skip
    assert (state.staged, state.unenrol, state.version) == (None, None, BEFORE)
    assert state.assessment == assessed, "the reason is kept for the explanation"


@pytest.mark.parametrize(
    ("before", "assessed", "staged"),
    [
        pytest.param(
            enabled(), eligible(modules=(ENGLISH,)), StagedUnenrol(modules=(HISTORY,), offset=NOW), id="a module lost"
        ),
        pytest.param(
            enabled(), eligible(programmes=()), StagedUnenrol(programmes=("Y10",), offset=NOW), id="a programme lost"
        ),
        pytest.param(
            enabled(),
            eligible(modules=(ENGLISH, GEOGRAPHY)),
            StagedUnenrol(modules=(HISTORY,), is_move=True, offset=NOW),
            id="one for another is a move",
        ),
        pytest.param(
            enabled(),
            eligible(programmes=("Y11",), modules=BOTH),
            StagedUnenrol(programmes=("Y10",), is_move=True, offset=NOW),
            id="another year group is a move",
        ),
        pytest.param(
            enabled(),
            eligible(programmes=("Y10", "Y10X"), modules=()),
            StagedUnenrol(modules=BOTH, offset=NOW),
            id="modules lost while a programme is gained: each list by itself",
        ),
        pytest.param(
            enabled(modules=(*BOTH, GEOGRAPHY)),
            eligible(modules=("Y10-PSH",)),
            StagedUnenrol(modules=tuple(sorted((*BOTH, GEOGRAPHY))), offset=NOW),
            id="one new code does not excuse three",
        ),
        pytest.param(
            enabled(),
            eligible(modules=("Y10-PSH",)),
            StagedUnenrol(modules=BOTH, is_move=True, offset=NOW),
            id="but two are about as many",
        ),
        pytest.param(enabled(unenrol=MUTED), eligible(modules=(ENGLISH,)), MUTED, id="the same loss keeps its moment"),
        pytest.param(enabled(unenrol=MUTED), eligible(), None, id="what was to go came back"),
        pytest.param(
            enabled(unenrol=MUTED),
            eligible(modules=()),
            StagedUnenrol(modules=BOTH, offset=NOW),
            id="more is lost",
        ),
        pytest.param(
            enabled(modules=(*BOTH, GEOGRAPHY), unenrol=StagedUnenrol(modules=(HISTORY,), is_move=True, offset=BEFORE)),
            eligible(modules=(ENGLISH,)),
            StagedUnenrol(modules=(GEOGRAPHY, HISTORY), offset=NOW),
            id="a move that grows is none",
        ),
        pytest.param(
            enabled(
                modules=(*BOTH, GEOGRAPHY),
                unenrol=StagedUnenrol(modules=(ENGLISH, HISTORY), is_move=True, offset=BEFORE),
            ),
            eligible(modules=(ENGLISH, GEOGRAPHY)),
            StagedUnenrol(modules=(HISTORY,), is_move=True, offset=NOW),
            id="a move that shrinks is one still",
        ),
        pytest.param(enabled(unenrol=MUTED), eligible(modules=None), None, id="not supplied clears nothing"),
        pytest.param(enabled(unenrol=MUTED), left(modules=(ENGLISH,)), None, id="a leaver's go with the account"),
    ],
)
def test_what_is_lost_is_staged(before: AccountState, assessed: StudentAssessed, staged: StagedUnenrol | None) -> None:
    state = after(before, assessed)
    found = state.unenrol and replace(state.unenrol, modules=tuple(sorted(state.unenrol.modules)))
    assert found == staged
    assert set(state.modules) >= set(before.modules), "nothing goes before the close"
    assert set(state.programmes) >= set(before.programmes)


REVIEWED = StagedUnenrol(modules=BOTH, offset=BEFORE)
HELD = {"unenrol": "h" * 16}


@pytest.mark.parametrize(
    ("assessed", "held"),
    [
        pytest.param(eligible(modules=()), HELD, id="the same still stands"),
        pytest.param(eligible(modules=(ENGLISH,)), HELD, id="some of it stands"),
        pytest.param(eligible(programmes=(), modules=()), {}, id="more is lost, which nobody has reviewed"),
        pytest.param(eligible(programmes=(), modules=(ENGLISH,)), {}, id="some of it, and more"),
        pytest.param(eligible(), {}, id="it stands no more"),
        pytest.param(a_slip(), {}, id="undecided"),
    ],
)
def test_an_unenrolment_is_held_as_far_as_it_was_reviewed(assessed: StudentAssessed, held: dict[str, str]) -> None:
    """A release lets through what was reviewed and still stands, and nothing else."""
    assert after(enabled(unenrol=REVIEWED, held=HELD), assessed).held == held


def test_any_reading_takes_somebody_out_of_a_held_set_of_absences() -> None:
    before = enabled(in_roll=False, absence=FIRST_ABSENCE, held={"disable_unexplained": "h" * 16})
    assert after(before, eligible()).held == {}


# --- what is kept of the record --------------------------------------------------------------------------------------


@pytest.mark.parametrize("assessed", [eligible(), a_slip(), left(), prospective(), unreadable()])
def test_the_newest_record_is_kept_whatever_it_says(assessed: StudentAssessed) -> None:
    state = after(enabled(), assessed, read_at=at(9))
    assert (state.offset, state.read_at, state.digest, state.assessed) == (NOW, at(9), assessed.digest, "b" * 32)
    assert state.assessment == assessed


# --- the removals themselves -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "is_explained", "digest", "taken"),
    [
        pytest.param("certificate", False, None, None, id="by absence: no digest is kept"),
        pytest.param("record", True, left().digest, "a" * 32, id="by a record: its digest is kept"),
    ],
)
def test_a_disable_names_its_evidence(kind: Any, is_explained: bool, digest: str | None, taken: str | None) -> None:
    before = enabled(digest=left().digest, staged=STAGED, unenrol=MUTED, absence=FIRST_ABSENCE, held={"unenrol": "h"})
    evidence = Evidence(kind=kind, ref="s9", offset=NOW)
    state, changes = disable(before, evidence, at(7), "disable_explained")
    assert changes == [
        AccountDisabled(school="abbey", student_id=ONE, version=NOW, is_explained=is_explained, evidence=evidence)
    ]
    assert (state.status, state.offset, state.version, state.evidence) == ("disabled", NOW, NOW, evidence)
    assert (state.digest, state.assessed, state.disabled_at) == (digest, taken, at(7))
    assert (state.staged, state.unenrol, state.absence, state.held) == (None, None, None, {})
    assert (state.details, state.programmes, state.modules) == (before.details, before.programmes, before.modules)
    assert state.spent == {"disable_explained": at(7)}


def test_what_a_person_released_does_not_spend() -> None:
    evidence = Evidence(kind="certificate", ref="s9", offset=NOW)
    assert disable(enabled(spent={"move": at(1)}), evidence, at(7), None)[0].spent == {"move": at(1)}
    assert unenrol(enabled(unenrol=MUTED), NOW, at(7), None)[0].spent == {}


def test_an_unenrolment_takes_what_was_staged_and_no_more() -> None:
    staged = StagedUnenrol(programmes=("Y9",), modules=(HISTORY,), offset=BEFORE)
    before = enabled(programmes=("Y10", "Y9"), unenrol=staged, held={"unenrol": "h" * 16})
    state, changes = unenrol(before, NOW, at(7), "unenrol")
    assert changes == [
        ProgrammeUnenrolled(school="abbey", student_id=ONE, version=NOW, programme="Y9"),
        ModuleUnenrolled(school="abbey", student_id=ONE, version=NOW, module=HISTORY),
    ]
    assert (state.programmes, state.modules, state.unenrol, state.held) == (("Y10",), (ENGLISH,), None, {})
    assert (state.status, state.version, state.spent) == ("enabled", NOW, {"unenrol": at(7)})


def test_nothing_staged_takes_nothing() -> None:
    assert unenrol(enabled(), NOW, at(7), "unenrol") == (enabled(), [])


@pytest.mark.parametrize(
    ("last", "assessed"),
    [
        pytest.param(enabled(), a_slip(), id="the record has no details"),
        pytest.param(enabled(details=None), eligible(), id="the account has none"),
    ],
)
def test_who_waits_for_an_email_and_has_no_details_stays_as_they_are(
    last: AccountState, assessed: StudentAssessed
) -> None:
    state = after(last, assessed, waits_for="ada@abbey.example")
    assert (state.status, state.details, state.waits_for_email) == ("enabled", last.details, "ada@abbey.example")


def test_what_was_to_come_or_to_be_kept_is_dropped_with_the_removals() -> None:
    state = disabled(enable=BEFORE, lacks=("phone",))
    dropped = drop_removals(state)
    assert (dropped.enable, dropped.lacks) == (None, ())


def test_an_old_entry_of_the_leavers_list_is_read_and_is_no_word_of_the_person() -> None:
    last = enabled(is_listed=True, absence=FIRST_ABSENCE, staged=STAGED)
    entry = left(lists=("leavers",))
    assert reconcile(last, entry, READING)[1] == []
    state = after(last, entry)
    assert (state.status, state.staged, state.absence) == ("enabled", None, FIRST_ABSENCE)
    assert (state.offset, state.read_at, state.digest, state.assessment) == (NOW, at(5), entry.digest, entry)


# --- what the account is then ----------------------------------------------------------------------------------------


def test_gained_codes_are_the_accounts_and_lost_ones_still_are() -> None:
    last = enabled(programmes=("Y10",), modules=(ENGLISH, GEOGRAPHY))
    state = after(last, eligible(programmes=("Y11",), modules=(ENGLISH, HISTORY)))
    assert (state.programmes, state.modules) == (("Y10", "Y11"), (ENGLISH, GEOGRAPHY, HISTORY))
    assert (state.version, state.offset) == (NOW, NOW)


def test_who_comes_back_has_what_they_had_and_what_they_gain() -> None:
    last = disabled(programmes=("Y10",), modules=(ENGLISH, GEOGRAPHY))
    state = after(last, eligible(programmes=("Y11",), modules=(ENGLISH, HISTORY)))
    assert (state.programmes, state.modules) == (("Y10", "Y11"), (ENGLISH, GEOGRAPHY, HISTORY))
    assert (state.status, state.version, state.evidence, state.disabled_at) == ("enabled", NOW, None, None)


@pytest.mark.parametrize("last", [None, enabled(), disabled()], ids=["never seen", "enabled", "disabled"])
@pytest.mark.parametrize("verdict", [Verdict.UNDECIDED, Verdict.INELIGIBLE])
def test_the_verdict_decides_whatever_details_came_along(last: AccountState | None, verdict: Verdict) -> None:
    assessed = replace(eligible(last_name="Moss"), account=verdict)
    state, changes = reconcile(last, assessed, READING)
    assert changes == []
    assert last is None or (state.status, state.details) == (last.status, last.details)


@pytest.mark.parametrize("assessed", [eligible(), a_slip(), left(), prospective()])
def test_a_kept_assessment_is_no_sign_of_the_person(assessed: StudentAssessed) -> None:
    missing = enabled(absence=FIRST_ABSENCE)
    assert after(missing, assessed, is_kept=True).absence == FIRST_ABSENCE
    assert after(missing, assessed).absence is None
