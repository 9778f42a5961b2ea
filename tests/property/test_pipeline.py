"""
Whatever happens on the road, the accounts end as sets and loops say they should, and nobody goes without evidence.

Sweeps are whole, short, failed, overtaken or lose a record; a reconciler crashes at a named point, reads an old stretch
again, finds its store empty or a copy from before; operators pause, release and refuse; and the school's staff live in
the same lane under the same ids. ``tests.harness.reference_model`` hears of none of the faults and of no staff, and is
compared after each step.
"""

import copy
import functools
import tempfile
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from services.reconciler import keys
from services.reconciler.rebuild import derive
from services.reconciler.rebuild import log as rebuild_log
from shared.config.settings import Config
from shared.contract.account_state import AccountState, LaneState, SchoolState
from shared.contract.codec import Message, decoder
from shared.contract.commands import PauseSchool, RefuseHold, ReleaseHold, ResumeSchool
from shared.contract.events import (
    Absences,
    AccountDisabled,
    RemovalsHeld,
    RollRead,
    StudentFetched,
    SweepCompleted,
    SweepReconciled,
)
from shared.contract.model import Frozen, Student
from shared.lanes.loop import log as lane_log
from tests.harness.builders import SCHOOL, a_failed_sweep, a_member, a_sweep
from tests.harness.consumer import Seen, apply
from tests.harness.pipeline import LANE, Road, a_config
from tests.harness.reference_model import PLANS, Limit, Oracle, plain, same, verdict, wanted_by, who
from tests.harness.strategies import IDS, MODULES, a_sound_student, any_student

CONFIRM_MINUTES = 60
STAFF = f"{SCHOOL}+staff"
GUARD = """
[schools.SLUG.guard]
disable_explained = { floor = 1, share = 0.5, count = 3 }
disable_unexplained = { floor = 1, share = 0.4 }
disable_absent = { floor = 1, share = 0.1 }
cohort = { heads = 3, share = 0.5 }
unenrol = { floor = 1, share = 0.25 }
move = { share = 0.3 }
create = { floor = 1, share = 0.15 }
enable = { floor = 1, share = 0.15 }
email_change = { floor = 1, share = 0.2 }
update = { floor = 2, share = 0.4 }
"""
LIMITS = {
    "disable_explained": Limit(1, Fraction(1, 2), 3),
    "disable_unexplained": Limit(1, Fraction(2, 5)),
    "disable_absent": Limit(1, Fraction(1, 10)),
    "unenrol": Limit(1, Fraction(1, 4)),
    "move": Limit(0, Fraction(3, 10)),
    "create": Limit(1, Fraction(3, 20)),
    "enable": Limit(1, Fraction(3, 20)),
    "email_change": Limit(1, Fraction(1, 5)),
    "update": Limit(2, Fraction(2, 5)),
}
COHORT = Limit(3, Fraction(1, 2))
GAPS = st.sampled_from([5, 30, 60, 61, 25 * 60])
AHEAD = st.sampled_from([0, 0, 0, 0, 61, 24 * 60, 8 * 24 * 60])  # minutes by which a fetcher's clock is
BATCHES = st.sampled_from([1, 2, 3, 7, 10_000])
POINTS = st.sampled_from(["published-0", "published-1", "written"])
SOME = st.sampled_from(IDS)
RARELY, MOSTLY = st.sampled_from([False, False, True]), st.sampled_from([False, True, True])
SEEDS = st.integers(0, 10_000)
SAID = st.sampled_from(["nothing", "release", "release", "refuse"])
JOINERS = tuple(str(3050000091 + n) for n in range(4))


@functools.cache
def the_config() -> Config:
    with tempfile.TemporaryDirectory() as folder:
        return a_config(Path(folder), GUARD)


class RoadMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        lane_log.disabled = rebuild_log.disabled = True  # they tell each of the many rebuilds
        self.road = Road(the_config())
        self.oracle = Oracle(LIMITS, COHORT, CONFIRM_MINUTES)
        self.minutes = 0.0
        self.sweeps = 0
        self.staff_sweeps = 0  # which have the students' names: two open sweeps may have one
        self.truth: dict[str, Student] = {}  # what the school's own records say; who is not in it is gone
        self.sent: dict[str, Student] = {}  # what the fetcher believes to have sent
        self.last_roll: set[str] | None = None
        self.seen = 0
        self.batch = 10_000

    # --- the school -------------------------------------------------------------------------------------------------

    @initialize(seed=SEEDS, batch=BATCHES)
    def opens(self, seed: int, batch: int) -> None:
        self.batch = batch
        self.truth = {id: a_sound_student(id, Random(seed).choice) for id in IDS[:-2]}
        self.sweeps_whole(0, full=True, has_sets=True, gap=5)

    def lives(self, seed: int) -> None:
        """What became of some students since the last sweep; some are gone without a word. 0: nothing."""
        random = Random(seed)
        for id in random.sample(IDS, random.choice([0, 1, 1, 2, 3, 5]) if seed else 0):
            if random.random() < 0.15:
                self.truth.pop(id, None)
            else:
                self.truth[id] = any_student(id, random.choice)

    @rule(ids=st.sets(SOME, min_size=2, max_size=5), leave=st.booleans())
    def many_go(self, ids: set[str], leave: bool) -> None:
        for id in ids & self.truth.keys():
            if leave:
                self.truth[id] = msgspec.structs.replace(self.truth[id], system_status=-1, leaving_date="2026-11-20")
            else:
                del self.truth[id]

    @rule(
        column=st.sampled_from(["phone", "preferred_name", "modules", "year_group"]), is_back=st.booleans(), said=SAID
    )
    def a_column_is_nulled(self, column: str, is_back: bool, said: str) -> None:
        """The key has lost a permission, or has it again. The next sweep shows it."""
        value: Any = () if column == "modules" else None
        there = {"phone": "07700 900001", "preferred_name": "Addie", "modules": MODULES[:2], "year_group": 10}
        for id, one in self.truth.items():
            fields: dict[str, Any] = {column: there[column] if is_back else value}
            if column == "year_group":
                fields["programmes"] = ("Y10",) if is_back else ()
            self.truth[id] = msgspec.structs.replace(one, **fields)
        self.sweeps_whole(0, full=False, has_sets=True, gap=5)
        self.is_judged(said)

    @rule(count=st.integers(1, 4), seed=SEEDS, said=SAID)
    def some_join(self, count: int, seed: int, said: str) -> None:
        for id in JOINERS[:count]:
            self.truth[id] = a_sound_student(id, Random(seed).choice)
        self.sweeps_whole(0, full=False, has_sets=True, gap=5)
        self.is_judged(said)

    @rule(
        id=SOME,
        new=st.sampled_from(JOINERS),
        spelt=st.sampled_from([{}, {}, {"last_name": "O’HARA"}, {"first_name": "Ann"}, {"date_of_birth": None}]),
        keeps_email=st.booleans(),
        leave=st.booleans(),
        order=st.sampled_from(["at once", "comes first", "goes first"]),
        said=SAID,
    )
    def is_given_a_new_id(
        self, id: str, new: str, spelt: dict[str, Any], keeps_email: bool, leave: bool, order: str, said: str
    ) -> None:
        if (one := self.truth.get(id)) is None:
            return
        email = one.email if keeps_email else f"s{new}@abbey.example"
        heir = msgspec.structs.replace(one, student_id=new, email=email, **spelt)
        if order == "goes first":
            self.many_go({id}, leave)
            self.sweeps_thrice(0, 61)
        self.truth[new] = heir
        if order == "comes first":
            self.sweeps_whole(0, full=False, has_sets=True, gap=61)
        if order != "goes first":
            self.many_go({id}, leave)
        self.sweeps_thrice(0, 61)
        self.is_judged(said)

    @rule(id=SOME, seed=SEEDS, keeps=st.sampled_from(["nothing", "the birth date", "the names", "the number"]))
    def is_given_to_somebody_else(self, id: str, seed: int, keeps: str) -> None:
        """An id of the school, whoever has it now and whether they are still there."""
        fields: dict[str, Any] = {"first_name": "Omar", "last_name": "Vale", "date_of_birth": "2015-01-01"}
        kept = {"the birth date": ("date_of_birth",), "the names": ("first_name", "last_name")}.get(keeps, ())
        number = self.truth[id].unique_pupil_number if id in self.truth and keeps == "the number" else None
        sound = a_sound_student(id, Random(seed).choice)
        one = msgspec.structs.replace(sound, unique_pupil_number=number, email=f"o{id}@abbey.example")
        self.truth[id] = msgspec.structs.replace(one, **{name: fields[name] for name in fields.keys() - set(kept)})
        self.sweeps_whole(0, full=False, has_sets=True, gap=5)

    @rule(ids=st.lists(SOME, min_size=2, max_size=5, unique=True), said=SAID)
    def want_each_others_emails(self, ids: list[str], said: str) -> None:
        there = [id for id in ids if id in self.truth and self.truth[id].system_status == 1]
        emails = [self.truth[id].email for id in there]
        for id, email in zip(there, emails[1:] + emails[:1], strict=True):
            self.truth[id] = msgspec.structs.replace(self.truth[id], email=email)
            self.sweeps_whole(0, full=False, has_sets=True, gap=5)
        self.is_judged(said)

    # --- sweeps and readings ----------------------------------------------------------------------------------------

    def events(
        self, seed: int, gap: float, *, full: bool, has_sets: bool, chunk: int = 3, ahead: float = 0.0
    ) -> list[Frozen]:
        """``ahead``: how wrong the clock of the fetcher is, in minutes."""
        self.lives(seed)
        self.minutes += gap
        self.sweeps += 1
        here = self.here()
        sends = [
            one
            for id, one in sorted(self.truth.items())
            if full or self.sent.get(id) != one or (id in here and id not in (self.last_roll or ()))
        ]
        events = a_sweep(
            f"s{self.sweeps}",
            here.values(),
            sends=sends,
            minutes=self.minutes + ahead,
            full=full,
            with_roll=full or set(here) != self.last_roll,
            chunk=chunk,
        )
        *before, completed = events
        assert isinstance(completed, SweepCompleted)
        if seed and (not_asked := Random(seed).choice([0, 0, 0, 1, 4])):
            completed = msgspec.structs.replace(completed, absences=Absences(by_cause={"not_asked": not_asked}))
        areas = ("students", "sets") if has_sets else ("students",)
        certificate = msgspec.structs.replace(completed.certificate, areas=areas)
        return [*before, msgspec.structs.replace(completed, certificate=certificate)]

    def here(self) -> dict[str, Student]:
        return {id: one for id, one in self.truth.items() if one.system_status != -1 and one.lists != ("leavers",)}

    def feed(self, events: list[Frozen], sweep: str, truth: dict[str, Student], ahead: float = 0.0) -> None:
        """Whatever the fetcher's clock says: the oracle is told at which minute it happened."""
        self.road.fetch(events, self.minutes + ahead, sweep, appended=self.minutes)
        for event in events:
            self.oracle.take(event, self.minutes, sweep, truth)

    def believe(self, events: list[Frozen]) -> None:
        """The fetcher has every acknowledgement."""
        self.sent |= {event.student.student_id: event.student for event in events if isinstance(event, StudentFetched)}

    @rule(seed=SEEDS, full=RARELY, has_sets=MOSTLY, gap=GAPS, ahead=AHEAD)
    def sweeps_whole(self, seed: int, full: bool, has_sets: bool, gap: float, ahead: float = 0.0) -> None:
        events = self.events(seed, gap, full=full, has_sets=has_sets, ahead=ahead)
        self.feed(events, f"s{self.sweeps}", self.here(), ahead)
        self.believe(events)
        self.last_roll = set(self.here())
        self.goes_on()

    @rule(seed=SEEDS, gap=GAPS)
    def sweeps_thrice(self, seed: int, gap: float) -> None:
        """So that what was seen once is seen again, and what was staged is decided."""
        for _ in range(3):
            self.sweeps_whole(seed, full=False, has_sets=True, gap=gap)
            seed = 0

    @rule(seed=SEEDS, gap=GAPS, loses=st.sampled_from(["a student", "a chunk", "the close"]), which=st.integers(0, 30))
    def loses_a_record(self, seed: int, gap: float, loses: str, which: int) -> None:
        """The fetcher believes that it was sent."""
        events = self.events(seed, gap, full=False, has_sets=True)
        kinds = {"a student": StudentFetched, "a chunk": RollRead, "the close": SweepCompleted}
        found = [n for n, event in enumerate(events) if isinstance(event, kinds[loses])]
        self.believe(events)
        if found:
            del events[found[which % len(found)]]
        self.feed(events, f"s{self.sweeps}", self.here())
        self.last_roll = set(self.here())
        self.goes_on()

    @rule(seed=SEEDS, gap=GAPS, count=st.integers(0, 12))
    def fails(self, seed: int, gap: float, count: int) -> None:
        self.lives(seed)
        people = list(self.truth.values())[:count]
        self.minutes += gap
        self.sweeps += 1
        events = a_failed_sweep(f"s{self.sweeps}", people, self.minutes)
        self.feed(events, f"s{self.sweeps}", {})
        self.believe(events)
        self.goes_on()

    @rule(seed=SEEDS, gap=GAPS, after=st.integers(1, 20), full=st.booleans(), is_overtaken=st.booleans())
    def is_stopped_in_the_middle(self, seed: int, gap: float, after: int, full: bool, is_overtaken: bool) -> None:
        """A fetcher loses its lease or dies. What it still has may come when another has read the school since."""
        events, sweep, truth = self.events(seed, gap, full=full, has_sets=True), f"s{self.sweeps}", self.here()
        after = min(after, len(events) - 1)
        self.feed(events[:after], sweep, truth)
        self.goes_on()
        if is_overtaken:
            self.sweeps_whole(seed + 1, full=False, has_sets=True, gap=gap)
            self.feed(events[after:], sweep, truth)
            self.goes_on()

    @rule(seed=SEEDS, gap=GAPS, ends=st.sampled_from(["whole", "whole", "failed", "never"]))
    def the_staff_are_read(self, seed: int, gap: float, ends: str) -> None:
        """Under the students' ids and in their lane. The oracle hears nothing of it: no student may be touched."""
        random = Random(seed)
        self.minutes += gap
        self.staff_sweeps += 1
        sweep, there = f"s{self.staff_sweeps}", random.sample(IDS, random.randint(3, 9))
        staff = [a_member(id, title=random.choice(["Dr", "Prof", None])) for id in there]
        gone = [a_member(id, leaving_date="2026-11-20") for id in IDS if id not in there and random.random() < 0.5]
        events = a_sweep(sweep, staff, sends=[*staff, *gone], minutes=self.minutes, kind="staff")
        if ends == "failed":
            events = a_failed_sweep(sweep, [*staff, *gone], self.minutes, kind="staff")
        self.road.fetch(events[:-1] if ends == "never" else events, self.minutes, sweep)
        self.goes_on()

    @rule(seed=SEEDS, id=SOME, ago=st.sampled_from([0, 0, 10, 100]))
    def is_read_alone(self, seed: int, id: str, ago: float) -> None:
        """By itself, and perhaps told late."""
        self.lives(seed)
        if (student := self.truth.get(id)) is None:
            return
        self.minutes += 1
        event = StudentFetched(school=SCHOOL, student=student)
        self.road.read_one(event, self.minutes - ago)
        self.oracle.take(event, self.minutes - ago, None)
        self.goes_on()

    # --- operators ------------------------------------------------------------------------------------------------

    def is_judged(self, said: str) -> None:
        if said != "nothing":
            self.what_is_held_is_judged(said == "release", True, 0, 5)

    @rule(is_release=st.booleans(), is_quiet=st.booleans(), seed=SEEDS, gap=GAPS)
    def what_is_held_is_judged(self, is_release: bool, is_quiet: bool, seed: int, gap: float) -> None:
        """And what nobody holds as well, which does nothing. Others may go or come before it takes effect."""
        order = ReleaseHold if is_release else RefuseHold
        for plan in PLANS:
            hold = self.road.school().holds.get(plan)
            key = hold.hash if hold else "0" * 16
            self.road.order(order(school=SCHOOL, plan=plan, hash=key, operator="kim"))
            self.oracle.say(plan, "released" if is_release else "refused")
        self.goes_on()
        self.sweeps_whole(0 if is_quiet else seed, full=False, has_sets=True, gap=gap)

    @rule(ids=st.sets(SOME, min_size=4, max_size=6), leave=st.booleans(), late=SOME, said=SAID)
    def many_go_and_are_judged(self, ids: set[str], leave: bool, late: str, said: str) -> None:
        """One more leaves while they wait for a person, long after the last who went."""
        self.minutes += 8 * 24 * 60
        self.many_go(ids, leave)
        self.sweeps_thrice(0, 61)
        self.many_go({late}, True)
        self.sweeps_whole(0, full=False, has_sets=True, gap=5)
        self.is_judged(said)

    @rule(seed=SEEDS, gap=GAPS)
    def is_paused_for_a_while(self, seed: int, gap: float) -> None:
        for order, is_paused in ((PauseSchool, True), (ResumeSchool, False)):
            self.road.order(order(school=SCHOOL, operator="kim"))
            self.oracle.is_paused = is_paused
            self.sweeps_thrice(seed, gap)

    # --- faults -----------------------------------------------------------------------------------------------------

    @rule(seed=SEEDS, point=POINTS, gap=GAPS, full=st.booleans())
    def crashes(self, seed: int, point: str, gap: float, full: bool) -> None:
        events = self.events(seed, gap, full=full, has_sets=True)
        self.feed(events, f"s{self.sweeps}", self.here())
        self.believe(events)
        self.last_roll = set(self.here())
        self.road.crash_at(point, self.batch)
        self.goes_on()

    @rule(start=st.integers(0, 1000), length=st.integers(1, 60))
    def repeats_a_stretch(self, start: int, length: int) -> None:
        """Eligibility did not keep its place."""
        start %= len(self.road.lane)
        before = len(self.road.changes())
        for record in self.road.lane[start : start + length]:
            raw = [(name, (record.raw_header(name) or b"")) for name in record.headers]
            self.road.append(Message(record.topic, LANE, record.key, record.value, raw))
        self.goes_on()
        assert len(self.road.changes()) == before, "the same input twice adds no event id"

    @rule()
    def loses_its_store(self) -> None:
        self.road.store.hashes, self.road.store.records = {}, {}
        self.road.start()
        self.goes_on()

    @rule(seed=SEEDS, gap=GAPS)
    def is_put_back_to_a_copy(self, seed: int, gap: float) -> None:
        store = self.road.store
        copied = copy.deepcopy((store.hashes, store.records, store.sizes))
        self.sweeps_thrice(seed, gap)
        store.hashes, store.records, store.sizes = copied
        self.road.start()
        self.goes_on()

    # --- what must hold ---------------------------------------------------------------------------------------------

    def goes_on(self) -> None:
        self.road.run(self.batch)
        states = self.states()
        self.is_what_the_oracle_says(states)
        self.is_what_the_records_say(states)
        self.holds_change_nothing(states)
        self.nobody_went_without_evidence()

    def states(self) -> dict[str, AccountState]:
        return self.states_of(SCHOOL)

    def states_of(self, book: str) -> dict[str, AccountState]:
        found = self.road.store.hashes[LANE].get(keys.students(book), {})
        return {id: decoder(AccountState).decode(value) for id, value in found.items()}

    def is_what_the_oracle_says(self, states: dict[str, AccountState]) -> None:
        there = {id: said_of(state) for id, state in states.items()}
        ought = {
            id: {
                "status": person.status,
                "has": person.has,
                "programmes": person.programmes,
                "modules": person.modules,
                "waits": person.waits,
                "leaves": person.leaves,
                "lost": person.lost,
                "absent": person.absence and person.absence[0],
                "in_roll": person.is_in_roll,
                "held": set(person.held),
                "spent": set(person.spent),
                "joins": person.joins,
                "returns": person.returns,
                "renames": person.renames,
                "emptied": person.emptied,
                "overwritten": person.overwritten,
                "alike": person.alike,
                "lacks": person.lacks,
                "whose": person.whose or who(person.record),
                "listed": person.is_listed,
                "twin": person.twin,
            }
            for id, person in self.oracle.people.items()
        }
        differ = {
            f"{id} {name}": (mine.get(name), said)
            for id, says in ought.items()
            for name, said in says.items()
            if (mine := there.get(id, {})).get(name) != said
        }
        assert (differ, there.keys()) == ({}, ought.keys()), differ
        school = self.road.school()
        for mine, ought in ((school.holds, self.oracle.holds), (school.refused, self.oracle.refused)):
            found = {plan: (hold.count, hold.state) for plan, hold in mine.items()}
            assert found == {plan: (hold.count, hold.state) for plan, hold in ought.items()}
        told = Counter(
            event.plan for event in self.road.changes() if isinstance(event, RemovalsHeld) and event.kind == "student"
        )
        assert told == +Counter(self.oracle.announced), (told, self.oracle.announced)

    def is_what_the_records_say(self, states: dict[str, AccountState]) -> None:
        here = self.road.store.hashes[LANE]
        schools = {slug: decoder(SchoolState).decode(value) for slug, value in here[keys.SCHOOLS].items()}
        hashes, count = derive([*states.values(), *self.states_of(STAFF).values()], schools, {})
        kept = {name: fields for name, fields in here.items() if fields and not name.startswith("chunks:")}
        assert kept == {name: fields for name, fields in hashes.items() if fields}
        lane: LaneState = decoder(LaneState).decode(self.road.store.records[LANE])
        assert (lane.students, lane.schools, lane.position) == (count, len(schools), len(self.road.lane))

    def holds_change_nothing(self, states: dict[str, AccountState]) -> None:
        for plan, hold in self.road.school().holds.items():
            for state in states.values():
                if state.held.get(plan) == hold.hash:
                    is_joiner = plan == "create" or (plan == "rekey" and state.create is not None)
                    ought = "none" if is_joiner else "disabled" if plan == "enable" else "enabled"
                    assert state.status == ought, f"{plan} is {hold.state}"
                    if plan == "email_change":
                        wanted = wanted_by(self.oracle.people[state.student_id].record)
                        assert state.details is not None
                        assert same(state.details.email) != wanted, f"{plan} is {hold.state}"

    def nobody_went_without_evidence(self) -> None:
        events = self.road.changes()
        for event in events[self.seen :]:
            if isinstance(event, AccountDisabled) and event.kind == "student":
                person = self.oracle.people[event.student_id]
                if event.is_explained:
                    assert verdict(person.record) == "left"
                else:
                    assert max(person.lacking) - min(person.lacking) >= CONFIRM_MINUTES
        self.seen = len(events)

    def teardown(self) -> None:
        if not self.sweeps:
            return
        self.sweeps_whole(0, full=True, has_sets=True, gap=61)
        self.sweeps_whole(0, full=True, has_sets=True, gap=61)
        self.is_what_the_changes_give()
        reports = [event for event in self.road.changes() if isinstance(event, SweepReconciled)]
        outcomes = [(event.sweep, event.outcome) for event in reports if event.kind == "student"]
        assert outcomes == self.oracle.outcomes

    def is_what_the_changes_give(self) -> None:
        """A consumer that applied every change once has what the state says."""
        seen: dict[str, Seen] = {}
        for event in self.road.changes():
            if (id := getattr(event, "student_id", None)) is not None and getattr(event, "kind", "") == "student":
                seen[id] = apply(seen.get(id, Seen()), [event])
        for id, state in self.states().items():
            had = seen.get(id, Seen())
            ought = Seen(state.status, state.details, frozenset(state.programmes), frozenset(state.modules))
            assert had == ought


def said_of(state: AccountState) -> dict[str, Any]:
    """An account in the oracle's words."""
    details, lost = state.details, state.unenrol
    names = ("first_name", "last_name", "email", "personal_email", "phone", "year")
    had = {name.removesuffix("_name"): getattr(details, name) for name in names} if details else {}
    return {
        "status": state.status,
        "has": had,
        "programmes": set(state.programmes),
        "modules": set(state.modules),
        "waits": state.waits_for_email,
        "leaves": state.staged is not None,
        "lost": lost and (frozenset(lost.programmes), frozenset(lost.modules), lost.is_move),
        "absent": state.absence and state.absence.sweep,
        "in_roll": state.in_roll,
        "held": set(state.held),
        "spent": set(state.spent),
        "joins": state.create is not None,
        "returns": state.enable is not None,
        "renames": state.email_change is not None,
        "emptied": set(state.update.columns) - {"year"} if state.update else set(),
        "overwritten": {name.removesuffix("_name") for name in state.update.overwritten} if state.update else set(),
        "alike": {name.removesuffix("_name") for name in state.update.collapsed} if state.update else set(),
        "lacks": set(state.lacks) - {"year", "title", "faculties", "departments", "metadata"},
        "whose": whose(state),
        "listed": state.is_listed,
        "twin": state.other_id,
    }


def whose(state: AccountState) -> dict[str, Any]:
    """What is kept of who has an account, else what the record says, in the oracle's words."""
    assert state.assessment is not None
    assert state.assessment.student is not None
    if (kept := state.identity) is None:
        return who(state.assessment.student)
    return {
        "first": {plain(name) for name in kept.first_names},
        "last": plain(kept.last_name or ""),
        "born": kept.date_of_birth,
        "number": kept.unique_pupil_number,
    }


TestRoad = RoadMachine.TestCase
TestRoad.settings = settings(
    max_examples=30,
    stateful_step_count=16,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # shrinking takes minutes: add Phase.shrink when it fails
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
