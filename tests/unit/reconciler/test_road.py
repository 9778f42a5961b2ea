"""The table of DESIGN §6 and its laws, through the real handlers and the real loop, in memory."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from shared.contract.account_state import LaneState, StructureState
from shared.contract.codec import Message, Record, decoder, digest
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    AccountDisabled,
    RemovalHeld,
    RemovalsHeld,
    StructureChanged,
    StructureFetched,
    StudentAssessed,
    StudentFetched,
    SweepReconciled,
    SweepStarted,
    SyncRequested,
)
from shared.contract.model import House, Module, Programme, Structure, Student
from shared.contract.topics import ACCOUNT_STATE, STUDENTS_ASSESSED, SYNC_REQUESTS
from tests.harness.builders import SCHOOL, a_failed_sweep, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import LANE, Road, a_config

ALL = [a_student(str(3050000000 + n)) for n in range(20)]
FIRST = ALL[0].student_id


def others(*without: str) -> list[Student]:
    return [one for one in ALL if one.student_id not in without]


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A school of twenty whose first sweep was certified; generous budgets would hide nothing here."""
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", ALL, full=True))
    road.run()
    return road


def the_report(road: Road) -> SweepReconciled:
    return [event for event in road.changes() if isinstance(event, SweepReconciled)][-1]


def test_a_first_sweep_provisions_and_enrols_everybody(road: Road) -> None:
    assert road.enabled() == {one.student_id for one in ALL}
    assert road.kinds().count("AccountProvisioned") == 20
    assert road.kinds().count("ModuleEnrolled") == 40
    assert the_report(road).outcome == "certified"


def test_an_unchanged_sweep_tells_nothing_but_its_report(road: Road) -> None:
    before = len(road.changes())
    road.fetch(a_sweep("s2", ALL, sends=[], with_roll=False, minutes=5))
    road.run()
    assert [type(event).__name__ for event in road.changes()[before:]] == ["SweepReconciled"]
    assert the_report(road).outcome == "certified"


def test_an_unchanged_student_is_passed_over_without_a_write(road: Road) -> None:
    state = road.account(FIRST)
    road.fetch(a_sweep("s2", ALL, with_roll=False, minutes=5))
    road.run()
    assert road.account(FIRST) == state


def test_a_corrected_surname_is_an_update_that_names_the_field(road: Road) -> None:
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Moss")), minutes=5)
    road.run()
    update = road.changes()[-1]
    assert type(update).__name__ == "AccountUpdated"
    assert getattr(update, "fields", None) == ("last_name",)


def test_a_leaver_by_record_goes_at_the_next_certified_close(road: Road) -> None:
    gone = a_leaver(FIRST)
    road.fetch([*a_sweep("s2", others(FIRST), sends=[gone], minutes=5)][:2], minutes=5, sweep="s2")
    road.run()
    assert FIRST in road.enabled(), "a removal waits for the certificate"
    road.fetch(a_sweep("s3", others(FIRST), sends=[gone], minutes=10), minutes=10)
    road.run()
    assert FIRST not in road.enabled()
    event = next(event for event in road.changes() if isinstance(event, AccountDisabled))
    assert event.is_explained
    assert event.evidence.kind == "record"


def test_a_leaver_with_a_blanked_email_goes_and_a_current_pupil_with_one_stays(road: Road) -> None:
    gone, slip = a_leaver(FIRST, email=None), a_student(ALL[1].student_id, email=None)
    roll = [slip, *others(FIRST, slip.student_id)]
    road.fetch(a_sweep("s2", roll, sends=[gone, slip], minutes=5), minutes=5)
    road.run()
    assert FIRST not in road.enabled()
    assert slip.student_id in road.enabled()


def test_an_unexplained_absence_needs_two_certified_sweeps_an_hour_apart(road: Road) -> None:
    for number, (minutes, is_there) in enumerate([(5, True), (30, True), (66, False)]):
        road.fetch(a_sweep(f"s{number + 2}", others(FIRST), sends=[], minutes=minutes))
        road.run()
        assert (FIRST in road.enabled()) is is_there
    event = next(event for event in road.changes() if isinstance(event, AccountDisabled))
    assert not event.is_explained
    assert event.evidence.ref == "s4"


@pytest.mark.parametrize("seen", ["by a reading", "by a certified roll"])
def test_being_seen_starts_an_absence_again(road: Road, seen: str) -> None:
    road.fetch(a_sweep("s2", others(FIRST), sends=[], minutes=5))
    if seen == "by a reading":
        road.read_one(StudentFetched(school=SCHOOL, student=ALL[0]), minutes=20)
    else:
        road.fetch(a_sweep("s3", ALL, sends=[ALL[0]], minutes=20), minutes=20)
    road.fetch(a_sweep("s4", others(FIRST), sends=[], minutes=70))
    road.run()
    assert FIRST in road.enabled()


def test_a_reading_in_the_batch_of_the_close_starts_an_absence_again(road: Road) -> None:
    """The close marks the absence, the same batch then has an unchanged reading: it must not be passed over."""
    road.fetch(a_sweep("s2", others(FIRST), sends=[], minutes=5))
    road.fetch(a_failed_sweep("s3", [ALL[0]], minutes=20), minutes=20)
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert state.absence is None


def test_a_failed_sweep_disables_no_one_and_delivers_its_joiners(road: Road) -> None:
    joiner = a_student("3059999999")
    road.fetch(a_failed_sweep("s2", [joiner], minutes=90), minutes=90)
    road.run()
    assert road.enabled() == {one.student_id for one in [*ALL, joiner]}
    assert the_report(road).outcome == "failed"


@pytest.mark.parametrize("fault", ["a chunk is missing", "another hash", "another content", "another count"])
def test_a_certificate_that_does_not_agree_proves_nothing(road: Road, fault: str) -> None:

    *before, completed = a_sweep("s2", others(FIRST), sends=[], minutes=90, chunk=5)
    certificate = completed.certificate  # type: ignore[attr-defined]
    match fault:
        case "a chunk is missing":
            before.pop()
        case "another hash":
            certificate = msgspec.structs.replace(certificate, roll_hash="0" * 32)
        case "another content":
            certificate = msgspec.structs.replace(certificate, content_sum="0" * 32)
        case "another count":
            certificate = msgspec.structs.replace(certificate, roll_count=18)
    road.fetch([*before, msgspec.structs.replace(completed, certificate=certificate)])
    road.run()
    assert the_report(road).outcome == "uncertified"
    state = road.account(FIRST)
    assert state is not None
    assert state.absence is None, "a sweep that proves nothing says nothing about who is gone"
    asked = road.out.of(SYNC_REQUESTS)
    assert dict(asked[-1].headers)["ce_type"] == b"rollcall.sync_requested.v1"
    assert b'"full":true' in (asked[-1].value or b"")


def test_a_lost_change_is_seen_by_the_content_sum(road: Road) -> None:
    """The fetcher's memory says 'sent', the record never arrived: the roll is the same, its content is not."""
    renamed = a_student(FIRST, last_name="Moss")
    road.fetch(a_sweep("s2", [renamed, *others(FIRST)], sends=[], with_roll=False, minutes=5))
    road.run()
    assert the_report(road).outcome == "uncertified"
    road.fetch(a_sweep("s3", [renamed, *others(FIRST)], full=True, minutes=10), minutes=10)
    road.run()
    assert the_report(road).outcome == "certified"
    state = road.account(FIRST)
    assert state is not None
    assert state.details is not None
    assert state.details.last_name == "Moss"


def test_records_of_another_sweep_than_the_open_one_are_passed_over(road: Road) -> None:
    """A fetcher that lost its lease ends its old sweep after the new one began; a joiner came between: they stay."""
    joiner = a_student("3059999999")
    old = a_sweep("s2", ALL, sends=[], with_roll=True, minutes=90)
    new = a_sweep("s3", [*ALL, joiner], sends=[joiner], minutes=160)
    road.fetch(old[:1])
    road.fetch(new, minutes=160)
    road.fetch(old[1:], sweep="s2")
    road.fetch(a_sweep("s4", [*ALL, joiner], sends=[], with_roll=False, minutes=300))
    road.run()
    assert joiner.student_id in road.enabled()
    assert [event.sweep for event in road.changes() if isinstance(event, SweepReconciled)] == ["s1", "s3", "s4"]


def test_an_older_reading_is_passed_over(road: Road) -> None:
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Newer")), minutes=50)
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Older")), minutes=40)
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert state.details is not None
    assert state.details.last_name == "Newer"


def test_a_repeated_stretch_is_passed_over_by_its_causes(road: Road) -> None:
    """Eligibility died after publishing and before it kept its place: the whole old stretch comes again."""
    away = a_student(FIRST, last_name="Moss")
    road.read_one(StudentFetched(school=SCHOOL, student=away), minutes=5)
    road.run()
    before, told = len(road.changes()), road.account(FIRST)
    for record in list(road.lane):
        road.append(Message(record.topic, LANE, record.key, record.value, list(record.raw.items())))
    road.run()
    assert len(road.changes()) == before
    assert road.account(FIRST) == told


def test_a_repeat_of_a_record_that_was_passed_over_undoes_nothing(road: Road) -> None:
    """An unchanged record's cause is not kept; fails when that of the later, decided one is not either."""
    road.read_one(StudentFetched(school=SCHOOL, student=ALL[0]), minutes=5)
    unchanged = road.lane[-1]
    road.run()
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Moss")), minutes=5)
    road.run()
    road.append(Message(unchanged.topic, LANE, unchanged.key, unchanged.value, list(unchanged.raw.items())))
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert state.details is not None
    assert state.details.last_name == "Moss"


def test_a_returner_is_enabled_with_every_enrolment_asserted_again(road: Road) -> None:
    road.fetch(a_sweep("s2", others(FIRST), sends=[a_leaver(FIRST)], minutes=5), minutes=5)
    road.run()
    before = len(road.changes())
    road.fetch(a_sweep("s3", ALL, sends=[ALL[0]], minutes=10), minutes=10)
    road.run()
    kinds = [type(event).__name__ for event in road.changes()[before:]]
    assert kinds == ["AccountEnabled", "ProgrammeEnrolled", "ModuleEnrolled", "ModuleEnrolled", "SweepReconciled"]
    assert FIRST in road.enabled()


def test_a_set_change_enrols_at_once_and_unenrols_at_the_close(road: Road) -> None:
    moved = a_student(FIRST, modules=("Y10-ENG", "Y10-GEO"))
    events = a_sweep("s2", [moved, *others(FIRST)], sends=[moved], minutes=5)
    before = len(road.changes())
    road.fetch(events[:-1], minutes=5)
    road.run()
    assert [type(event).__name__ for event in road.changes()[before:]] == ["ModuleEnrolled"]
    road.fetch(events[-1:], minutes=5)
    road.run()
    assert "ModuleUnenrolled" in road.kinds()
    state = road.account(FIRST)
    assert state is not None
    assert state.modules == ("Y10-ENG", "Y10-GEO")


def test_an_area_that_was_not_supplied_clears_nothing(road: Road) -> None:
    bare = a_student(FIRST, programmes=None, modules=None, last_name="Moss")
    road.fetch(a_sweep("s2", [bare, *others(FIRST)], sends=[bare], minutes=5), minutes=5)
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert (state.programmes, state.modules) == (("Y10",), ("Y10-ENG", "Y10-HIS"))


def test_a_list_of_the_structure_that_was_not_supplied_is_as_it_was(road: Road) -> None:
    """Fails when a fetcher that lost its memory, at a school that refuses an area, empties what everybody has."""
    whole = Structure(
        programmes=(Programme(code="Y10", name="Year 10"),),
        modules=(Module(code="Y10-HIS", name="History", programme_code="Y10"),),
        houses=(House(code="ELM", name="Elm"),),
    )
    road.fetch([SweepStarted(school=SCHOOL, sweep="s2", started_at=at(5))], minutes=5)
    road.fetch([StructureFetched(school=SCHOOL, structure=whole)], minutes=5, sweep="s2")
    bare = StructureFetched(school=SCHOOL, structure=Structure(programmes=whole.programmes), missing=("modules",))
    road.fetch([bare], minutes=6, sweep="s2")
    road.run()
    told = [(one.added, one.removed) for one in road.changes() if isinstance(one, StructureChanged)]
    added = {"programmes": ("Y10",), "modules": ("Y10-HIS",), "houses": ("ELM",)}
    assert told == [(added, {}), ({}, {"houses": ("ELM",)})]


def test_what_a_school_no_longer_lists_is_kept_with_its_structure(road: Road) -> None:
    """While an un-enrolment is held somebody is in it, and a Redis that was lost has it from here alone."""
    year10, year11 = (Programme(code=code, name=code) for code in ("Y10", "Y11"))
    road.fetch([SweepStarted(school=SCHOOL, sweep="s2", started_at=at(5))], minutes=5)
    kept = []
    for listed in ((year10, year11), (year11,), (year11, year10), ()):
        road.fetch([StructureFetched(school=SCHOOL, structure=Structure(programmes=listed))], minutes=5, sweep="s2")
        road.run()
        told = [one.value for one in road.out.of(ACCOUNT_STATE) if one.key == f"{SCHOOL}//structure"]
        state: StructureState = decoder(StructureState).decode(told[-1] or b"")
        kept.append(state.retired.programmes)
    assert kept == [(), (year10,), (), (year10, year11)]


# --- one e-mail, two students -----------------------------------------------------------------------------------


def test_two_who_want_one_email_the_holder_keeps_it_until_they_leave(road: Road) -> None:
    taken = ALL[0].email
    rival = a_student("3059999999", email=f" {str(taken).upper()} ")
    road.fetch(a_sweep("s2", [*ALL, rival], sends=[rival], minutes=5), minutes=5)
    road.run()
    assert rival.student_id not in road.enabled()
    road.fetch(a_sweep("s3", [*others(FIRST), rival], sends=[a_leaver(FIRST)], minutes=10), minutes=10)
    road.run()
    assert FIRST not in road.enabled()
    assert rival.student_id in road.enabled()


def test_two_who_want_each_others_email_exchange_them_in_one_step(road: Road) -> None:
    first, second = ALL[0], ALL[1]
    swapped = [
        a_student(first.student_id, email=second.email),
        a_student(second.student_id, email=first.email),
    ]
    for one in swapped:
        road.read_one(StudentFetched(school=SCHOOL, student=one), minutes=5)
    road.run()
    for before, after in ((first, swapped[0]), (second, swapped[1])):
        state = road.account(before.student_id)
        assert state is not None
        assert state.details is not None
        assert (state.status, state.details.email) == ("enabled", after.email)
        assert state.waits_for_email is None


# --- holds ------------------------------------------------------------------------------------------------------


def vanish(road: Road, count: int, first_sweep: int = 2, minutes: float = 5) -> list[Student]:
    """Two certified sweeps, an hour apart, without the first ``count`` pupils."""
    left = ALL[count:]
    for number, moment in enumerate((minutes, minutes + 61)):
        road.fetch(a_sweep(f"s{first_sweep + number}", left, sends=[], minutes=moment))
    road.run()
    return left


def test_beyond_the_budget_a_plan_is_held_whole_and_told_once(road: Road) -> None:
    left = vanish(road, 3)  # two heads, or two percent, are allowed
    assert len(road.enabled()) == 20
    told = [event for event in road.changes() if isinstance(event, RemovalsHeld | RemovalHeld)]
    assert len(told) == 4
    road.fetch(a_sweep("s9", left, sends=[], with_roll=False, minutes=200))
    road.run()
    assert len([event for event in road.changes() if isinstance(event, RemovalsHeld | RemovalHeld)]) == 4
    assert the_report(road).is_held


def release(road: Road, cls: type[ReleaseHold] | type[RefuseHold] = ReleaseHold) -> None:
    hold = road.school().holds["disable_unexplained"]
    road.order(cls(school=SCHOOL, plan="disable_unexplained", hash=hold.hash, operator="kim"))


def test_a_release_lets_through_those_who_still_stand_and_no_others(road: Road) -> None:
    left = vanish(road, 3)
    release(road)
    road.run()
    assert len(road.enabled()) == 20, "a release takes effect at the next certified sweep"
    back = [ALL[2], *left]  # one returned after the review
    road.fetch(a_sweep("s9", back, sends=[ALL[2]], minutes=200), minutes=200)
    road.run()
    assert road.enabled() == {one.student_id for one in back}
    state = road.account(FIRST)
    assert state is not None
    assert state.spent == {}, "what a person released does not spend"


def test_a_release_of_another_hash_does_nothing(road: Road) -> None:
    left = vanish(road, 3)
    road.order(ReleaseHold(school=SCHOOL, plan="disable_unexplained", hash="0" * 16, operator="kim"))
    road.fetch(a_sweep("s9", left, sends=[], with_roll=False, minutes=200))
    road.run()
    assert len(road.enabled()) == 20


def test_a_refused_plan_stays_refused_until_it_differs(road: Road) -> None:
    left = vanish(road, 3)
    release(road, RefuseHold)
    road.fetch(a_sweep("s9", left, sends=[], with_roll=False, minutes=200))
    road.run()
    assert road.school().holds["disable_unexplained"].state == "refused"
    fewer = ALL[4:]
    road.fetch(a_sweep("s10", fewer, sends=[], minutes=300))
    road.fetch(a_sweep("s11", fewer, sends=[], with_roll=False, minutes=400))
    road.run()
    assert road.school().holds["disable_unexplained"].state == "held"
    assert len(road.enabled()) == 20


def test_explained_leavers_never_wait_for_unexplained_ones(road: Road) -> None:
    vanish(road, 3)
    gone = a_leaver(ALL[5].student_id)
    rest = [one for one in ALL[3:] if one.student_id != gone.student_id]
    road.fetch(a_sweep("s9", rest, sends=[gone], minutes=200), minutes=200)
    road.run()
    assert gone.student_id not in road.enabled()
    assert len(road.enabled()) == 19


def test_the_budget_counts_what_went_before_within_its_windows(road: Road) -> None:
    """Two today are allowed; two more within the day are not, and stay with the person who is asked for good."""
    for number, minutes in enumerate((5, 66)):
        road.fetch(a_sweep(f"s{number + 2}", ALL[2:], sends=[], minutes=minutes))
    for number, minutes in enumerate((100, 170)):
        road.fetch(a_sweep(f"s{number + 4}", ALL[4:], sends=[], minutes=minutes))
    road.run()
    assert len(road.enabled()) == 18
    later = 100 + 8 * 24 * 60
    for number, minutes in enumerate((later, later + 70)):
        road.fetch(a_sweep(f"s{number + 8}", ALL[4:], sends=[], with_roll=False, minutes=minutes))
    road.run()
    assert len(road.enabled()) == 18


def test_a_paused_schools_removals_stay_staged(road: Road) -> None:
    road.order(PauseSchool(school=SCHOOL, operator="kim"))
    road.fetch(a_sweep("s2", others(FIRST), sends=[a_leaver(FIRST)], minutes=5), minutes=5)
    road.run()
    assert FIRST in road.enabled()
    road.order(ResumeSchool(school=SCHOOL, operator="kim"))
    road.fetch(a_sweep("s3", others(FIRST), sends=[], with_roll=False, minutes=10))
    road.run()
    assert FIRST not in road.enabled()


# --- crashes, repeats, losses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["published-0", "published-1", "written"])
@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_a_crash_anywhere_gives_the_same_ids_and_the_same_end(tmp_path: Path, point: str, batch: int) -> None:
    ends = []
    for crashes in (False, True):
        folder = tmp_path / str(crashes)
        folder.mkdir()
        road = Road(a_config(folder))
        road.fetch(a_sweep("s1", ALL, full=True))
        if crashes:
            road.crash_at(point, batch)
        road.fetch(a_sweep("s2", others(FIRST), sends=[a_leaver(FIRST)], minutes=5), minutes=5)
        if crashes:
            road.crash_at(point, batch)
        road.run(batch)
        ends.append((road.changes(), road.store.hashes[LANE], road.enabled()))
    assert ends[0][0] == ends[1][0]
    assert ends[0][2] == ends[1][2]
    assert ends[0][1] == ends[1][1]


def test_a_second_owner_cannot_write_over_the_first(road: Road) -> None:
    road.fetch(a_sweep("s2", others(FIRST), sends=[a_leaver(FIRST)], minutes=5), minutes=5)
    stale = Road.__new__(Road)
    stale.__dict__ |= road.__dict__
    stale.start()
    road.run()
    before = dict(road.store.records)
    stale.read = 0  # it was paused before its read and begins far back
    stale.run(7)
    assert road.store.records == before


def test_an_emptied_store_is_rebuilt_to_the_byte(road: Road) -> None:
    vanish(road, 3)
    rival = a_student("3059999999", email=ALL[4].email)
    road.fetch(a_sweep("s9", [*ALL[3:], rival], sends=[rival], minutes=200), minutes=200)
    road.run()
    before, epoch = road.store.hashes[LANE], road.store.records[LANE]
    road.store.hashes, road.store.records = {}, {}
    road.start()
    assert {name: fields for name, fields in road.store.hashes[LANE].items() if fields} == {
        name: fields for name, fields in before.items() if fields
    }
    assert road.store.records[LANE] != epoch, "a stale owner must not be able to write over a rebuilt lane"
    request = road.out.of(SYNC_REQUESTS)[-1].value or b""
    assert SyncRequested.__name__ == "SyncRequested"
    assert b'"full":true' in request


def test_an_assessment_that_another_hand_wrote_is_kept_and_comes_back_the_same(road: Road) -> None:
    """Its bytes go into the state as they came; a rebuild writes them anew, and nothing may hang on which."""
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Moss")), minutes=5)
    road.lane[-1] = structs.replace(road.lane[-1], value=msgspec.json.format(road.lane[-1].value, indent=1))
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert state.assessment == decoder(StudentAssessed).decode(road.lane[-1].value)
    assert state.assessed == digest(road.lane[-1].value).hex()
    told = len(road.changes())
    road.store.hashes, road.store.records = {}, {}
    road.start()
    assert road.account(FIRST) == state
    road.append(Message(STUDENTS_ASSESSED, LANE, f"{SCHOOL}/{FIRST}", road.lane[-1].value, told_by(road.lane[-1])))
    road.run()
    assert len(road.changes()) == told


def told_by(record: Record) -> list[tuple[str, bytes]]:
    return [(name, value or b"") for name, value in (record.raw or {}).items() if name != "cause"]


KEYS = [f"{name}:abbey" for name in ("students", "digests", "emails", "pending", "recent")] + ["schools", "rolls"]


@pytest.mark.parametrize("name", KEYS)
def test_a_deleted_key_is_noticed_before_anything_is_decided(road: Road, name: str) -> None:
    """Fails when ``View`` takes a lost hash for one that never was: of `recent`, the guard would forget who went."""
    left, missing = ALL[1].student_id, ALL[2].student_id
    road.fetch(a_sweep("s2", others(left, missing), sends=[a_leaver(left)], minutes=4), minutes=4)
    road.run()
    del road.store.hashes[LANE][name]
    road.fetch(a_sweep("s3", others(FIRST, left), sends=[a_leaver(FIRST)], minutes=5), minutes=5)
    road.run()
    assert decoder(LaneState).decode(road.store.records[LANE]).rebuilt_offset > 0
    assert len(road.store.hashes[LANE]["students:abbey"]) == 20
    assert len(road.enabled()) >= 18


def test_a_log_made_anew_never_gives_an_old_version_again(road: Road) -> None:
    highest = max(event.version for event in road.changes() if hasattr(event, "version"))
    road.lane.clear()
    road.start()
    road.fetched = 1000
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(FIRST, last_name="Moss")), minutes=5)
    road.run()
    state = road.account(FIRST)
    assert state is not None
    assert state.version > highest
    assert at(0) < at(1)


def test_a_full_sweep_that_proves_nothing_asks_for_no_other_at_once(road: Road) -> None:
    """Else a lasting disagreement would read the school round and round; the next ordinary sweep asks again."""
    for number, is_full in enumerate((True, False)):
        *before, completed = a_sweep(
            f"s{number + 2}", ALL, sends=ALL if is_full else [], full=is_full, minutes=5 + number
        )
        wrong = msgspec.structs.replace(completed.certificate, content_sum="0" * 32)  # type: ignore[attr-defined]
        road.fetch([*before, msgspec.structs.replace(completed, certificate=wrong)], minutes=5 + number)
        road.run()
        assert the_report(road).outcome == "uncertified"
        assert len(road.out.of(SYNC_REQUESTS)) == (0 if is_full else 1)
