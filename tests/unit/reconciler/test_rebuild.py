"""A lane made anew from what was told: half-published batches, late records of stale owners, positions off the log."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from services.reconciler import keys
from services.reconciler.messages import account_state, lane_state, school_state
from services.reconciler.rebuild import Rebuilder, derive, newest_of, where
from shared.contract.account_state import Absence, AccountState, LaneState, SchoolState, StagedDisable, StagedUnenrol
from shared.contract.codec import Message, Record, content_sum, decoder, encode, roll_hash
from shared.contract.events import StudentFetched
from shared.contract.topics import ACCOUNT_STATE, SYNC_REQUESTS
from shared.errors import PositionMoved, Retryable
from shared.lanes.stretch import Stretch
from shared.memory import MemoryFencedHashes, MemoryLog
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import LANE, Road, a_config
from tests.unit.reconciler.accounts import BOTH, a_school, disabled, enabled, never_had_one

A, B, C = "3050000001", "3050000002", "3050000003"
PEOPLE = [a_student(str(3050000001 + n)) for n in range(8)]
FIRST_ABSENCE = Absence(sweep="s1", started_at=at(0))


def as_records(messages: Iterable[Message]) -> list[Record]:
    return [
        Record(ACCOUNT_STATE, LANE, number, message.key, message.value or b"", raw=dict(message.headers))
        for number, message in enumerate(messages)
    ]


def told(*states: AccountState | SchoolState | LaneState) -> list[Record]:
    """These, in this order, as account-state has them."""
    messages = []
    for state in states:
        match state:
            case AccountState():
                messages.append(account_state(LANE, state, encode(state)))
            case SchoolState():
                messages.append(school_state(LANE, state, encode(state)))
            case LaneState():
                messages.append(lane_state(state))
    return as_records(messages)


def derived(*states: AccountState, school: SchoolState | None = None) -> dict[str, dict[str, bytes]]:
    return derive(states, {SCHOOL: school} if school else {}, {})[0]


def the_school(hashes: dict[str, dict[str, bytes]]) -> SchoolState:
    found: SchoolState = decoder(SchoolState).decode(hashes[keys.SCHOOLS][SCHOOL])
    return found


# --- the newest of each key -----------------------------------------------------------------------------------------


def test_a_stale_owners_late_record_does_not_count() -> None:
    new, old = enabled(A, offset=20, version=20), enabled(A, offset=12, version=12)
    assert newest_of(told(new, old)).students == {(SCHOOL, A): new}


def test_of_two_that_one_record_decided_the_later_counts() -> None:
    """A close that re-told everybody, and then gave somebody an e-mail that it had freed."""
    first, second = enabled(A, offset=20, in_roll=False), enabled(A, offset=20, in_roll=True)
    assert newest_of(told(first, second)).students == {(SCHOOL, A): second}


def test_a_late_school_or_lane_does_not_count_either() -> None:
    newest = newest_of(
        told(
            a_school(offset=20),
            a_school(offset=12, students=1),
            LaneState(lane=0, position=9),
            LaneState(lane=0, position=7),
        )
    )
    assert newest.schools == {SCHOOL: a_school(offset=20)}
    assert newest.lane == LaneState(lane=0, position=9)
    assert newest.highest_at == 20


def test_a_forgotten_student_is_forgotten() -> None:
    records = [*told(enabled(A), enabled(B)), Record(ACCOUNT_STATE, LANE, 9, f"{SCHOOL}/{A}", b"", {})]
    assert set(newest_of(records).students) == {(SCHOOL, B)}


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        pytest.param(b"{", {"ce_type": "rollcall.account_state.v1"}, id="broken"),
        pytest.param(b"{}", {}, id="no type"),
        pytest.param(b"{}", {"ce_type": "rollcall.made_up.v1"}, id="an unknown type"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_nothing_else(value: bytes, headers: dict[str, str]) -> None:
    record = Record(ACCOUNT_STATE, LANE, 9, f"{SCHOOL}/{A}", value, headers)
    assert set(newest_of([record, *told(enabled(B))]).students) == {(SCHOOL, B)}


# --- every index from the records -----------------------------------------------------------------------------------


def test_the_counts_the_roll_and_the_sum_are_those_of_the_records() -> None:
    known = (enabled(A), enabled(B, in_roll=False), disabled(C), never_had_one("3050000004"))
    hashes = derived(*known, school=a_school(99, roll_hash="x" * 32, roll_count=98, content_sum="f" * 32))
    school = the_school(hashes)
    here = [A, "3050000004"]
    assert (school.students, school.enabled) == (4, 2)
    assert (school.roll_hash, school.roll_count) == (roll_hash(here), 2)
    assert school.content_sum == content_sum({one.student_id: str(one.digest) for one in known if one.in_roll})
    assert hashes[keys.ROLLS] == {SCHOOL: "\n".join(here).encode()}


def test_a_school_that_was_never_certified_has_no_roll() -> None:
    hashes = derived(enabled(A, in_roll=False), school=a_school(roll_hash=None, certified=None))
    assert keys.ROLLS not in hashes
    assert the_school(hashes).roll_hash is None


def test_students_whose_school_was_never_told_get_one() -> None:
    """The batch that met the school was published as far as its students."""
    school = the_school(derived(enabled(A), disabled(B)))
    assert (school.offset, school.students, school.enabled, school.open, school.certified) == (-1, 2, 1, None, None)


@pytest.mark.parametrize(
    ("state", "taken", "is_pending"),
    [
        pytest.param(enabled(A), bytes.fromhex("a" * 32), False, id="nothing is pending"),
        pytest.param(enabled(A, staged=StagedDisable(digest="d", offset=1)), b"", True, id="a staged disable"),
        pytest.param(enabled(A, unenrol=StagedUnenrol(modules=BOTH, offset=1)), b"", True, id="a staged un-enrolment"),
        pytest.param(enabled(A, absence=FIRST_ABSENCE, in_roll=False), b"", True, id="a first absence"),
        pytest.param(enabled(A, in_roll=False), bytes.fromhex("a" * 32), True, id="read, and in no roll yet"),
        pytest.param(enabled(A, held={"unenrol": "h"}), bytes.fromhex("a" * 32), True, id="held"),
        pytest.param(enabled(A, waits_for_email="a@b.example"), b"", False, id="waiting for an e-mail"),
        pytest.param(disabled(A), b"", False, id="disabled by absence"),
        pytest.param(disabled(A, assessed="b" * 32), bytes.fromhex("b" * 32), False, id="disabled by a record"),
        pytest.param(never_had_one(A, in_roll=False), bytes.fromhex("a" * 32), False, id="no account, in no roll"),
    ],
)
def test_what_the_first_comparison_and_the_next_close_look_at(
    state: AccountState, taken: bytes, is_pending: bool
) -> None:
    hashes = derived(state)
    assert hashes[keys.digests(SCHOOL)] == {A: taken}
    assert (A in hashes.get(keys.pending(SCHOOL), {})) is is_pending


def test_what_was_removed_lately_is_counted_from_the_records() -> None:
    hashes = derived(enabled(A, spent={"move": at(1)}), disabled(B, disabled_at=at(2)), enabled(C))
    found = {one: msgspec.json.decode(entry) for one, entry in hashes[keys.recent(SCHOOL)].items()}
    assert found == {A: {"move": at(1)}, B: {"disabled": at(2)}}


def test_only_an_enabled_account_holds_its_email() -> None:
    hashes = derived(enabled(A), disabled(B), never_had_one(C))
    assert hashes[keys.emails(SCHOOL)] == {f"s{A}@abbey.example": A.encode()}


def test_of_two_that_hold_one_email_the_one_of_the_later_version_does() -> None:
    """Two exchanged theirs and only one of the two records was published: the batch will be decided again."""
    taken = enabled(B).details
    for states in ((enabled(A, version=20, details=taken), enabled(B, version=10)),) * 2:
        for order in (states, states[::-1]):
            found = derived(*order)[keys.emails(SCHOOL)]
            assert found[f"s{B}@abbey.example"] == A.encode()
            assert len(found) == 2, "each enabled account has one entry, by which a loss is noticed"


@pytest.mark.parametrize("order", [(A, B, C), (C, B, A), (B, C, A)])
def test_who_waits_stands_in_one_order_whatever_the_records_did(order: tuple[str, ...]) -> None:
    versions = {A: 5, B: -1, C: 2}
    states = [never_had_one(one, version=versions[one], waits_for_email="a@b.example") for one in order]
    assert derived(*states)[keys.waiting(SCHOOL)] == {"a@b.example": keys.names_entry((A, B, C))}


# --- where the lane goes on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "base", "first", "end", "highest_at", "expected"),
    [
        pytest.param(50, 0, 0, 60, 49, (50, 0), id="in the log"),
        pytest.param(50, 0, 50, 60, 49, (50, 0), id="at its first record"),
        pytest.param(60, 0, 0, 60, 59, (60, 0), id="at its end"),
        pytest.param(150, 100, 0, 60, 149, (150, 100), id="in the log, from a base"),
        pytest.param(50, 0, 51, 60, 49, (50, -1), id="one record was trimmed"),
        pytest.param(50, 0, 0, 20, 49, (50, 50), id="the topic was made anew"),
        pytest.param(50, 0, 0, 20, 70, (71, 71), id="and more was told than the position knew"),
        pytest.param(50, 0, 0, 0, 49, (50, 50), id="and is empty"),
        pytest.param(150, 100, 0, 20, 149, (150, 150), id="made anew once more"),
        pytest.param(50, 0, 90, 99, 49, (50, -40), id="all that was not read was trimmed"),
    ],
)
def test_a_position_off_the_log_goes_on_above_all_that_was_given(
    position: int, base: int, first: int, end: int, highest_at: int, expected: tuple[int, int]
) -> None:
    place = where(LaneState(lane=0, position=position, base=base), Stretch(first, end), highest_at)
    assert (place.position, place.base) == expected
    assert first <= place.position - place.base <= end
    assert place.position >= position
    if place.base != base:
        assert place.position > highest_at, "no version is given twice"


# --- the whole of it ------------------------------------------------------------------------------------------------


class Lost:
    """A lane whose store is gone, and what account-state has of it."""

    def __init__(self, records: list[Record], schools: tuple[str, ...] = (SCHOOL, "priory"), lanes: int = 1) -> None:
        self.store, self.log = MemoryFencedHashes(), MemoryLog()
        self.rebuilder = Rebuilder(self.store, self.log, lambda lane: records, schools, lanes)

    def rebuild(self, first: int = 0, end: int = 1000, old: LaneState | None = None, log: str = "") -> LaneState:
        self.rebuilder(LANE, old, Stretch(first, end, log), "lost")
        found: LaneState = decoder(LaneState).decode(self.store.records[LANE])
        return found

    def asked(self) -> list[str]:
        return [message.key for message in self.log.of(SYNC_REQUESTS)]


KNOWN = LaneState(lane=0, position=30, students=9, schools=9, causes={"students-fetched": 29}, epoch="e1")


def test_a_lane_goes_on_where_it_was_last_told() -> None:
    lost = Lost(told(enabled(A), disabled(B), a_school(offset=20), KNOWN))
    state = lost.rebuild()
    assert (state.position, state.base, state.causes) == (30, 0, {"students-fetched": 29})
    assert (state.students, state.schools, state.rebuilt_offset) == (2, 1, 30)
    assert state.epoch not in ("", "e1")
    assert set(lost.store.hashes[LANE][keys.students(SCHOOL)]) == {A, B}


def test_the_rebuilt_position_is_told() -> None:
    """By it a publisher knows which decisions came after the rebuild."""
    lost = Lost(told(enabled(A), KNOWN))
    state = lost.rebuild()
    assert [message.value for message in lost.log.of(ACCOUNT_STATE)] == [encode(state)]


def test_every_school_of_the_lane_is_asked_for_a_full_sweep() -> None:
    lost = Lost(told(enabled(A), KNOWN))
    lost.rebuild()
    assert lost.asked() == [SCHOOL, "priory"]
    assert all(b'"full":true' in (message.value or b"") for message in lost.log.of(SYNC_REQUESTS))


def test_a_lane_of_which_nothing_was_ever_told_is_new_and_asks_for_nothing() -> None:
    lost = Lost([])
    state = lost.rebuild(first=7)
    assert (state.position, state.base, state.rebuilt_offset, state.students) == (7, 0, -1, 0)
    assert lost.asked() == []


def test_students_without_a_lanes_record_are_a_rebuild_all_the_same() -> None:
    """The first batch of all was published as far as its students: it is taken again from the start."""
    lost = Lost(told(enabled(A, offset=3)))
    state = lost.rebuild()
    assert (state.position, state.students, state.rebuilt_offset) == (0, 1, 0)
    assert lost.asked() == [SCHOOL, "priory"]


def test_a_log_of_another_id_is_another_however_long_it_is() -> None:
    """Fails when only the edges are looked at: the new log's first 30 records would never be taken."""
    known = structs.replace(KNOWN, log="one")
    same = Lost(told(enabled(A, offset=20), known)).rebuild(log="one")
    anew = Lost(told(enabled(A, offset=20), known)).rebuild(log="another")
    assert (same.position, same.base, same.causes) == (30, 0, KNOWN.causes)
    assert (anew.position, anew.base, anew.causes, anew.log) == (30, 30, {}, "another")
    assert anew.rebuilt_because == "lost"


@pytest.mark.parametrize(("kept", "there"), [("", "one"), ("one", "")], ids=["an older release", "not asked for"])
def test_an_id_that_nobody_knows_tells_nothing(kept: str, there: str) -> None:
    state = Lost(told(enabled(A, offset=20), structs.replace(KNOWN, log=kept))).rebuild(log=there)
    assert (state.position, state.base, state.log) == (30, 0, "one")


def test_causes_of_another_log_are_forgotten() -> None:
    lost = Lost(told(enabled(A, offset=20), KNOWN))
    assert lost.rebuild(first=0, end=5).causes == {}


def test_two_who_rebuild_do_not_both_take_the_place() -> None:
    lost = Lost(told(enabled(A), KNOWN))
    faster = Lost(told(enabled(A), KNOWN))
    faster.store = lost.store
    faster.rebuilder = Rebuilder(lost.store, faster.log, lambda lane: told(enabled(A), KNOWN), [SCHOOL], 1)
    publish = lost.log.publish

    def overtaken(messages: Any) -> None:
        lost.log.publish = publish  # type: ignore[method-assign]
        publish(messages)
        faster.rebuild()

    lost.log.publish = overtaken  # type: ignore[method-assign]
    with pytest.raises(PositionMoved):
        lost.rebuild()
    assert decoder(LaneState).decode(lost.store.records[LANE]).rebuilt_offset == 30


def test_a_loop_whose_lane_another_rebuilds_meanwhile_tries_again(tmp_path: Path) -> None:
    """Fails when that is taken for a bug: two reconcilers that find Redis empty at once would end each other."""
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", PEOPLE, full=True))
    road.run()
    road.store.hashes, road.store.records = {}, {}
    replace, others = road.store.replace, LaneState(lane=LANE, position=3)

    def overtaken(*arguments: Any) -> bool:
        road.store.replace = replace  # type: ignore[method-assign]
        road.store.records[LANE] = encode(others)
        return replace(*arguments)

    road.store.replace = overtaken  # type: ignore[method-assign]
    with pytest.raises(Retryable, match="moved while it was rebuilt"):
        road.loop.position(LANE)


# --- half a batch was published, and Redis is gone ------------------------------------------------------------------


class LogThatGoesAway(MemoryLog):
    """Takes so many messages in all, and then no more of that one publication."""

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.takes = takes

    def publish(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        room = self.takes - len(self.messages)
        if 0 <= room < len(messages):
            self.messages += messages[:room]
            self.takes = -1
            raise Retryable("the log is away")
        super().publish(messages)


def prepare(road: Road) -> None:
    """An hour and a half of a school: two exchange e-mails, one leaves, one waits and gets hers, two vanish."""
    first, second, third, *rest = PEOPLE
    swapped = [a_student(A, email=second.email), a_student(B, email=first.email)]
    waits = a_student("3050000020", email=third.email)
    road.fetch(a_sweep("s1", PEOPLE, full=True))
    for one in [*swapped, waits]:
        road.read_one(StudentFetched(school=SCHOOL, student=one), minutes=5)
    here = [*swapped, waits, *rest]
    road.fetch(a_sweep("s2", here, sends=[a_leaver(C)], minutes=10), minutes=10)
    for number, minutes in enumerate((20, 90)):
        road.fetch(a_sweep(f"s{number + 3}", here[:6], sends=[], minutes=minutes))
    moved = a_student(A, email="free@abbey.example")
    road.fetch(a_sweep("s5", [moved, *here[1:6]], sends=[moved], minutes=100), minutes=100)


def settle(road: Road) -> None:
    """What a rebuild asks for: a full sweep; and another sweep when an absence may be confirmed."""
    waits = a_student("3050000020", email=PEOPLE[2].email)
    here = [a_student(A, email="free@abbey.example"), a_student(B, email=PEOPLE[0].email), waits, *PEOPLE[3:6]]
    road.fetch(a_sweep("s8", here, minutes=200, full=True), minutes=200)
    road.fetch(a_sweep("s9", here, sends=[], minutes=290, with_roll=False))
    road.run()


def people_of(road: Road) -> dict[str, tuple[Any, ...]]:
    found = road.store.hashes[LANE][keys.students(SCHOOL)]
    states = {one: decoder(AccountState).decode(value) for one, value in found.items()}
    return {one: (state.status, state.details, state.programmes, state.modules) for one, state in states.items()}


def is_what_the_records_say(road: Road) -> None:
    """Every index is what a rebuild would make of the records."""
    here = {name: dict(fields) for name, fields in road.store.hashes[LANE].items() if fields and name[:6] != "chunks"}
    states = [decoder(AccountState).decode(value) for value in here[keys.students(SCHOOL)].values()]
    schools = {slug: decoder(SchoolState).decode(value) for slug, value in here[keys.SCHOOLS].items()}
    hashes, count = derive(states, schools, {})
    assert {name: fields for name, fields in hashes.items() if fields} == here
    assert count == len(states)


@pytest.mark.parametrize("kept", range(5))
def test_a_plan_that_was_half_told_as_held_is_held_as_a_whole(tmp_path: Path, kept: int) -> None:
    """
    Three are held, two would be within the budget: the two that were not told as held before the loss must not go.
    """
    road = Road(a_config(tmp_path))
    road.out = LogThatGoesAway(-1)
    road.start()
    road.fetch(a_sweep("s1", PEOPLE, full=True))
    road.fetch(a_sweep("s2", PEOPLE[3:], sends=[], minutes=10))
    road.run()
    road.fetch(a_sweep("s3", PEOPLE[3:], sends=[], minutes=80))
    road.out.takes = len(road.out.messages) + 5 + kept  # five tell of the hold and the sweep; then come the states
    with contextlib.suppress(Retryable):
        road.run()
    road.store.hashes, road.store.records = {}, {}
    road.start()
    road.run()
    assert len(road.enabled()) == len(PEOPLE)
    is_what_the_records_say(road)


BATCHES = [4, 10_000]


@pytest.fixture(scope="module", params=BATCHES, ids=["in batches of four", "in one batch"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int, Any]:
    """The batch, how many messages it all comes to, and how it ends."""
    road = Road(a_config(tmp_path_factory.mktemp("undisturbed")))
    prepare(road)
    road.run(request.param)
    count = len(road.out.messages)
    settle(road)
    return request.param, count, people_of(road)


@pytest.mark.parametrize("percent", range(1, 100, 3))
def test_half_a_batch_and_a_lost_store_end_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: tuple[int, int, Any], percent: int
) -> None:
    """
    The broker goes away after some of the messages, the store is emptied, and the lane is made anew from whatever was
    told; the batch is taken again.
    """
    batch, count, end = undisturbed
    road = Road(a_config(tmp_path))
    road.out = LogThatGoesAway(count * percent // 100)
    road.start()
    prepare(road)
    with pytest.raises(Retryable):
        road.run(batch)
    road.store.hashes, road.store.records = {}, {}
    road.start()
    road.run(batch)
    is_what_the_records_say(road)
    settle(road)
    is_what_the_records_say(road)
    assert people_of(road) == end
