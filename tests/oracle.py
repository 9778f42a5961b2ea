"""
What a school's accounts ought to be, told again by sets and loops: it decides nothing by the product's code.

It reads the same events in the same order, knows no topic, no offset, no digest and no hash, keeps everything in one
object, and looks through everybody whenever it wants to know something. Crashes, repeats and losses never reach it.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from shared.events import RollRead, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.model import Frozen, Student

DAY = 24 * 60
PLANS = ("disable_explained", "disable_unexplained", "unenrol", "move")
Lost = tuple[frozenset[str], frozenset[str], bool]  # programmes, modules, whether others were gained at the same time


@dataclass(frozen=True)
class Limit:
    floor: int
    share: Fraction
    count: int | None = None

    def lets(self, total: int, base: int) -> bool:
        if total <= self.floor:
            return True
        return total <= self.share * base and (self.count is None or total <= self.count)


@dataclass
class Person:
    """``record``: the last that was taken; ``proven``: the same, or nothing after a disable by absence."""

    record: Student
    read_at: float
    status: str = "none"
    name: str = ""
    email: str | None = None
    programmes: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    proven: Student | None = None
    is_in_roll: bool = False
    is_read_since: bool = True  # since the last certified close
    waits: str | None = None
    leaves: bool = False
    lost: Lost | None = None
    absence: tuple[str, float] | None = None
    held: dict[str, object] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    disabled_at: float | None = None
    lacking: list[float] = field(default_factory=list)  # the certified sweeps that lack them, since they were seen

    @property
    def is_here(self) -> bool:
        return self.is_in_roll or self.is_read_since

    @property
    def has_something_pending(self) -> bool:
        return bool(self.leaves or self.lost or self.absence or self.waits)


@dataclass
class Held:
    """``key``: who, and of enrolments which: what a person reviews."""

    key: object
    count: int
    state: str = "held"


def verdict(student: Student) -> str:
    if student.system_status == 1 and "leavers" not in student.lists:
        email = (student.email or "").strip()
        name, _, domain = email.partition("@")
        sound = name and "." in domain.strip(".") and " " not in email and "@" not in domain
        return "eligible" if student.title and student.first_name and student.last_name and sound else "undecided"
    if student.system_status == -1:
        return "left"
    return "prospective" if student.system_status == 0 else "undecided"


def same(email: str | None) -> str:
    return (email or "").strip().lower()


class Oracle:
    """``limits`` by plan, and ``cohort``: from how many heads a year group counts, and what share may go."""

    def __init__(self, limits: dict[str, Limit], cohort: Limit, confirm_minutes: float) -> None:
        self.limits = limits
        self.cohort = cohort
        self.confirm_minutes = confirm_minutes
        self.people: dict[str, Person] = {}
        self.open: tuple[str, float] | None = None
        self.chunks: dict[int, RollRead] = {}
        self.roll: set[str] | None = None
        self.is_paused = False
        self.holds: dict[str, Held] = {}
        self.outcomes: list[tuple[str, str]] = []

    # --- what comes ------------------------------------------------------------------------------------------------

    def take(self, event: Frozen, minutes: float, sweep: str | None, truth: dict[str, Student] | None = None) -> None:
        """``truth``: what a SweepCompleted's certificate was made of."""
        match event:
            case StudentFetched():
                if sweep is None or (self.open is not None and self.open[0] == sweep):
                    self.read(event.student, minutes)
            case SweepStarted():
                self.open, self.chunks = (event.sweep, minutes), {}
            case RollRead() if self.open is not None and self.open[0] == event.sweep:
                self.chunks[event.chunk] = event
            case SweepFailed() if self.open is not None and self.open[0] == event.sweep:
                self.end(event.sweep, "failed")
            case SweepCompleted() if self.open is not None and self.open[0] == event.sweep:
                assert truth is not None
                self.complete(event, truth)

    def end(self, sweep: str, outcome: str) -> None:
        self.open, self.chunks = None, {}
        self.outcomes.append((sweep, outcome))

    def say(self, plan: str, state: str) -> None:
        """An operator releases or refuses what is held."""
        if plan in self.holds:
            self.holds[plan].state = state

    # --- one student -------------------------------------------------------------------------------------------------

    def read(self, student: Student, minutes: float) -> None:
        id = student.student_id
        person = self.people.get(id)
        if person is not None:
            if minutes < person.read_at:
                return
            is_known = person.record == student and person.proven is not None
            if is_known and not person.has_something_pending:
                return
        else:
            person = self.people[id] = Person(student, minutes)
        before = self.email_of(person)
        person.record = person.proven = student
        person.read_at, person.is_read_since = minutes, True
        person.absence, person.lacking = None, []
        wanted = same(student.email) if verdict(student) == "eligible" else None
        other = self.holder_of(wanted, but=person) if wanted else None
        if other is None:
            self.decide(person)
        elif before is not None and other.waits == before and other.is_here:
            person.email = None  # for a moment: each takes the other's
            theirs = other.email
            other.email = None
            self.decide(person)
            self.decide(other, was=theirs)
        else:
            person.waits = wanted
            self.let_be(person)
        self.give(before)

    def email_of(self, person: Person) -> str | None:
        return same(person.email) if person.status == "enabled" else None

    def holder_of(self, email: str, but: Person | None = None) -> Person | None:
        for person in self.people.values():
            if person is not but and person.status == "enabled" and same(person.email) == email:
                return person
        return None

    def give(self, email: str | None) -> None:
        """An e-mail may be free now: the first who waits for it and is here gets it, and so on with theirs."""
        if email is None or self.holder_of(email) is not None:
            return
        for id in sorted(self.people):
            person = self.people[id]
            if person.waits == email and person.is_here:
                old = self.email_of(person)
                self.decide(person)
                if old != email:
                    self.give(old)
                return

    def let_be(self, person: Person) -> None:
        person.leaves, person.lost, person.held = False, None, {}

    def decide(self, person: Person, was: str | None = None) -> None:
        person.waits = None
        says = verdict(person.record)
        if says == "eligible":
            self.have(person)
        elif says == "left" and person.status == "enabled":
            person.leaves, person.lost = True, None
        else:
            self.let_be(person)

    def have(self, person: Person) -> None:
        record = person.record
        programmes = person.programmes if record.programmes is None else set(record.programmes)
        modules = person.modules if record.modules is None else set(record.modules)
        gained = programmes - person.programmes or modules - person.modules
        gone = frozenset(person.programmes - programmes), frozenset(person.modules - modules)
        before = person.lost
        if not any(gone):
            person.lost = None
        elif before is None or before[:2] != gone:
            shrinks = before is not None and gone[0] <= before[0] and gone[1] <= before[1]
            person.lost = (*gone, bool(gained) or bool(shrinks and before is not None and before[2]))
        reviewed = before is not None and person.lost is not None
        if not (reviewed and before is not None and gone[0] <= before[0] and gone[1] <= before[1]):
            person.held = {}
        person.held = {plan: key for plan, key in person.held.items() if plan in ("unenrol", "move")}
        person.programmes, person.modules = person.programmes | programmes, person.modules | modules
        person.status, person.leaves, person.disabled_at = "enabled", False, None
        person.name, person.email = f"{record.first_name} {record.last_name}", (record.email or "").strip()

    # --- a close -----------------------------------------------------------------------------------------------------

    def complete(self, event: SweepCompleted, truth: dict[str, Student]) -> None:
        assert self.open is not None
        sweep, started = self.open
        arrived = [id for chunk in self.chunks.values() for id in chunk.ids]
        is_whole = all(len(self.chunks) == chunk.chunks for chunk in self.chunks.values())
        has_roll = set(truth) == self.roll or (is_whole and arrived and sorted(arrived) == sorted(truth))
        is_same = all(id in self.people and self.people[id].proven == record for id, record in truth.items())
        if not (has_roll and is_same):
            self.end(sweep, "uncertified")
            return
        self.end(sweep, "certified")
        self.roll = set(truth)
        for id, person in self.people.items():
            person.is_in_roll, person.is_read_since = id in truth, False
            if id in truth:
                person.absence, person.lacking = None, []
            else:
                person.lacking.append(started)
                if person.absence is None and person.status == "enabled":
                    person.absence = (sweep, started)
        self.remove(event, sweep, started)

    def remove(self, event: SweepCompleted, sweep: str, started: float) -> None:
        now = started + 1
        enabled = {id for id, person in self.people.items() if person.status == "enabled"}
        emails = {id: self.email_of(self.people[id]) for id in enabled}
        now_or_later = self.planned(enabled, sweep, started, "sets" in event.certificate.areas)
        base = {window: len(enabled) + self.disabled_since(now - window) for window in (DAY, 7 * DAY)}
        spent = {
            (plan, window): sum(person.spent.get(plan, -DAY * 99) > now - window for person in self.people.values())
            for plan in PLANS
            for window in base
        }
        years = [self.people[id].record.year_group for id in enabled]
        holds: dict[str, Held] = {}
        marks: dict[str, set[str]] = {}
        for plan in PLANS:
            ids, later = now_or_later[plan]
            hold = self.holds.get(plan)
            reviewed = {id for id in ids | later if hold and self.people[id].held.get(plan) == hold.key}
            if self.is_paused or reviewed & later:
                if hold:
                    holds[plan], marks[plan] = hold, reviewed
                continue
            free = ids & reviewed if hold and hold.state == "released" else set()
            rest = ids - free
            is_within = all(
                self.limits[plan].lets(len(rest) + spent[plan, window], base[window]) for window in base
            ) and (plan != "disable_unexplained" or self.spares_the_years(rest, years))
            if rest and not is_within:
                key = (plan, frozenset((id, self.people[id].lost if "disable" not in plan else None) for id in rest))
                is_news = hold is None or hold.key != key or hold.state == "released"
                holds[plan] = Held(key, len(rest)) if is_news or hold is None else hold
                marks[plan] = rest
            for id in free | (rest if is_within else set()):
                self.carry_out(plan, self.people[id], None if id in free else now, now)
        self.holds = holds
        for id, person in self.people.items():
            person.held = {plan: holds[plan].key for plan, ids in marks.items() if id in ids}
        for id in sorted(enabled):
            if self.people[id].status == "disabled":
                self.give(emails[id])

    def planned(
        self, enabled: set[str], sweep: str, started: float, has_sets: bool
    ) -> dict[str, tuple[set[str], set[str]]]:
        plans: dict[str, tuple[set[str], set[str]]] = {plan: (set(), set()) for plan in PLANS}
        for id in enabled:
            person = self.people[id]
            if person.leaves:
                plans["disable_explained"][0].add(id)
            elif self.is_gone(person, sweep, started):
                plans["disable_unexplained"][0].add(id)
            elif person.lost is not None:
                must_wait = bool(person.lost[1]) and not has_sets
                plans["move" if person.lost[2] else "unenrol"][must_wait].add(id)
        return plans

    def is_gone(self, person: Person, sweep: str, started: float) -> bool:
        if person.absence is None or person.absence[0] == sweep:
            return False
        return started - person.absence[1] >= self.confirm_minutes

    def disabled_since(self, moment: float) -> int:
        return sum(person.disabled_at is not None and person.disabled_at > moment for person in self.people.values())

    def spares_the_years(self, ids: set[str], years: list[int | None]) -> bool:
        for year in set(years):
            heads = years.count(year)
            going = sum(self.people[id].record.year_group == year for id in ids)
            if year is not None and heads >= self.cohort.floor and going > self.cohort.share * heads:
                return False
        return True

    def carry_out(self, plan: str, person: Person, spends: float | None, now: float) -> None:
        if plan in ("unenrol", "move"):
            assert person.lost is not None
            person.programmes -= person.lost[0]
            person.modules -= person.lost[1]
            person.lost = None
        else:
            person.status, person.disabled_at = "disabled", now
            person.leaves, person.lost, person.absence = False, None, None
            if plan == "disable_unexplained":
                person.proven = None
        if spends is not None:
            person.spent[plan] = spends
