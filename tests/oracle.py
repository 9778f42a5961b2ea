"""
What a school's accounts ought to be, told again by sets and loops: it decides nothing by the product's code.

It reads the same events in the same order, knows no topic, no offset, no digest and no hash, keeps everything in one
object, and looks through everybody whenever it wants to know something. Crashes, repeats and losses never reach it.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shared.events import RollRead, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.model import Frozen, Student

DAY = 24 * 60
PLANS = (
    *("disable_explained", "disable_unexplained", "rekey", "unenrol", "move"),
    *("create", "email_change", "nulled_column"),
)
EMPTIES = {"preferred_name": "first", "year_group": "year", "personal_email": "personal_email", "phone": "phone"}
YEARS = {7: 1, 8: 2, 9: 3, 10: 4, 11: 5, 12: 6, 13: 7}
TO_COME = "2099-07-10"  # a day that no story reaches
Lost = tuple[frozenset[str], frozenset[str], bool]  # programmes, modules, whether others were gained at the same time
GOES, COUNTS, WAITS = "goes", "goes and counts", "waits"


@dataclass(frozen=True)
class Limit:
    floor: int
    share: Fraction
    count: int | None = None

    def lets(self, total: int, base: int) -> bool:
        if total <= self.floor:
            return True
        return total <= self.share * base and (self.count is None or total <= self.count)


NOBODY = Limit(0, Fraction(0))


@dataclass
class Person:
    """``record``: the last that was taken; ``proven``: the same, or nothing after a disable by absence."""

    record: Student
    read_at: float
    status: str = "none"
    has: dict[str, Any] = field(default_factory=dict)  # first, last, email, personal_email, phone, year
    programmes: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    proven: Student | None = None
    is_in_roll: bool = False
    is_read_since: bool = True  # since the last certified close
    waits: str | None = None
    leaves: bool = False
    lost: Lost | None = None
    joins: bool = False  # beyond the budget of new accounts
    renames: bool = False  # beyond the budget of changed e-mails
    emptied: set[str] = field(default_factory=set)  # columns of the record
    born: str | None = None
    twin: str | None = None
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

    @property
    def is_going(self) -> bool:
        return self.status == "enabled" and (self.leaves or self.absence is not None)


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
        shown = student.preferred_name or student.first_name
        return "eligible" if student.title and shown and student.last_name and sound else "undecided"
    is_said_by_list = student.system_status is None and student.lists == ("leavers",)
    if student.system_status == -1 or is_said_by_list:
        return "undecided" if student.leaving_date == TO_COME else "left"
    return "prospective" if student.system_status == 0 else "undecided"


def same(email: str | None) -> str:
    return (email or "").strip().lower()


def wanted_by(student: Student) -> str | None:
    return same(student.email) if verdict(student) == "eligible" else None


def said_by(student: Student) -> dict[str, Any]:
    return {
        "first": student.preferred_name or student.first_name,
        "last": student.last_name,
        "email": (student.email or "").strip(),
        "personal_email": student.personal_email,
        "phone": student.phone,
        "year": YEARS.get(student.year_group or 0),
    }


def who(student: Student) -> tuple[str, ...] | None:
    parts = (student.first_name, student.last_name, student.date_of_birth)
    return tuple(str(part).lower() for part in parts) if all(parts) else None


class Oracle:
    """``limits`` by plan, and ``cohort``: from how many heads a year group counts, and what share may go."""

    def __init__(self, limits: dict[str, Limit], cohort: Limit, confirm_minutes: float) -> None:
        self.limits = limits | {"rekey": NOBODY, "nulled_column": NOBODY}
        self.cohort = cohort
        self.confirm_minutes = confirm_minutes
        self.people: dict[str, Person] = {}
        self.open: tuple[str, float] | None = None
        self.chunks: dict[int, RollRead] = {}
        self.roll: set[str] | None = None
        self.is_paused = False
        self.holds: dict[str, Held] = {}
        self.outcomes: list[tuple[str, str]] = []
        self.closed_at: float | None = None  # the last certified sweep
        self.full: dict[str, Fraction] = {}  # of each column, how full it was when it was in order

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
        person, previous = self.people.get(id), None
        if person is not None:
            if minutes < person.read_at:
                return
            is_known = person.record == student and person.proven is not None
            if is_known and not person.has_something_pending:
                return
            previous = person.record
        else:
            person = self.people[id] = Person(student, minutes)
        person.record = person.proven = student
        person.read_at, person.is_read_since = minutes, True
        person.absence, person.lacking = None, []
        self.settle(person, previous, minutes, None)

    def settle(self, person: Person, previous: Student | None, now: float, gate: str | None) -> None:
        """Decide somebody, and whoever gets an e-mail by that. ``gate``: what a close has decided already."""
        before, wanted = self.email_of(person), wanted_by(person.record)
        other = self.holder_of(wanted, but=person) if wanted else None
        is_exchange = other is not None and before is not None and other.waits == before and other.is_here
        if other is not None and not is_exchange:
            person.waits = wanted
            self.note_birth(person, previous)
            self.let_be(person)
        else:
            gate = gate or self.gate(person, now, 2 if is_exchange else 1)
            self.decide(person, previous, gate, now)
            if other is not None:
                self.decide(other, other.record, gate, now)
        self.give(before, now)

    def gate(self, person: Person, now: float, heads: int = 1) -> str:
        wanted = wanted_by(person.record)
        if self.closed_at is None or wanted is None or wanted == self.email_of(person) or person.status == "disabled":
            return GOES
        plan = "create" if person.status == "none" else "email_change"
        if person.joins or person.renames:
            return WAITS
        for window in (DAY, 7 * DAY):
            total = heads + self.spent_since(plan, now - window)
            if not self.limits[plan].lets(total, self.base(plan, now - window)):
                return WAITS
        return COUNTS

    def spent_since(self, plan: str, moment: float) -> int:
        return sum(person.spent.get(plan, -DAY * 99) > moment for person in self.people.values())

    def base(self, plan: str, moment: float) -> int:
        enabled = sum(person.status == "enabled" for person in self.people.values())
        if plan == "create" and self.closed_at is not None:
            enabled -= self.spent_since("create", self.closed_at)
        return enabled + self.disabled_since(moment)

    def email_of(self, person: Person) -> str | None:
        return same(person.has["email"]) if person.status == "enabled" else None

    def holder_of(self, email: str, but: Person | None = None) -> Person | None:
        for person in self.people.values():
            if person is not but and self.email_of(person) == email:
                return person
        return None

    def give(self, email: str | None, now: float, heir: str | None = None) -> None:
        """An e-mail may be free now: the first who waits for it, is here and may have it gets it, and so on."""
        if email is None:
            return
        for id in [*({heir} & self.people.keys()), *sorted(self.people)]:
            person = self.people[id]
            if self.holder_of(email) is not None:
                return
            if person.waits == email and person.is_here:
                old = self.email_of(person)
                self.decide(person, person.record, GOES if id == heir else self.gate(person, now), now)
                if old is not None and old != email:
                    self.give(old, now)

    def let_be(self, person: Person) -> None:
        person.leaves, person.lost, person.held = False, None, {}
        person.joins, person.renames, person.emptied, person.twin = False, False, set(), None

    def note_birth(self, person: Person, previous: Student | None) -> bool:
        """Whether a disabled account's id was given to somebody else."""
        if person.status != "disabled":
            return False
        born, now = person.born or (previous.date_of_birth if previous else None), person.record.date_of_birth
        person.born = None if born == now else born
        return born is not None and now is not None and born != now

    def decide(self, person: Person, previous: Student | None, gate: str, now: float) -> None:
        person.waits = None
        is_another = self.note_birth(person, previous)
        says = "undecided" if is_another else verdict(person.record)
        if says == "eligible" and person.status == "none" and gate == WAITS:
            held = {plan: key for plan, key in person.held.items() if plan == "create"}
            self.let_be(person)
            person.joins, person.held = True, held
        elif says == "eligible":
            self.have(person, previous, gate, now)
        elif says == "left" and person.status == "enabled":
            person.leaves, person.lost = True, None
            person.renames, person.emptied = False, set()
        else:
            self.let_be(person)

    def have(self, person: Person, previous: Student | None, gate: str, now: float) -> None:
        record, was = person.record, person.status
        programmes = person.programmes if record.programmes is None else set(record.programmes)
        modules = person.modules if record.modules is None else set(record.modules)
        gained = programmes - person.programmes or modules - person.modules
        gone = frozenset(person.programmes - programmes), frozenset(person.modules - modules)
        before = person.lost
        is_less = before is not None and gone[0] <= before[0] and gone[1] <= before[1]
        if not any(gone):
            person.lost = None
        elif before is None or before[:2] != gone:
            person.lost = (*gone, bool(gained) or bool(is_less and before is not None and before[2]))
        had, wanted = set(person.emptied), said_by(record)
        person.emptied, person.renames = set(), False
        if was == "enabled":
            for column, name in EMPTIES.items():
                is_empty = getattr(record, column) is None
                was_full = previous is not None and getattr(previous, column) is not None
                if is_empty and wanted[name] != person.has[name] and (not wanted[name] or was_full or column in had):
                    person.emptied.add(column)
            wanted |= {EMPTIES[column]: person.has[EMPTIES[column]] for column in person.emptied}
            is_new_email = same(wanted["email"]) != same(person.has["email"])
            if is_new_email and gate == WAITS:
                person.renames, wanted["email"] = True, person.has["email"]
            elif is_new_email and gate == COUNTS:
                person.spent["email_change"] = now
        elif was == "none" and gate == COUNTS:
            person.spent["create"] = now
        keeps = set()
        if person.lost is not None and is_less:
            keeps |= {"unenrol", "move"}
        if person.renames and previous is not None and wanted_by(previous) == wanted_by(record):
            keeps.add("email_change")
        if (person.lost or person.emptied) and (person.lost is None or is_less) and person.emptied <= had:
            keeps.add("nulled_column")
        person.held = {plan: key for plan, key in person.held.items() if plan in keeps}
        person.programmes, person.modules = person.programmes | programmes, person.modules | modules
        person.status, person.leaves, person.disabled_at = "enabled", False, None
        person.joins, person.born, person.twin, person.has = False, None, None, wanted

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
        joined = {id for id in truth if not self.people[id].is_in_roll}
        for id, person in self.people.items():
            person.is_in_roll, person.is_read_since = id in truth, False
            if id in truth:
                person.absence, person.lacking = None, []
            else:
                person.lacking.append(started)
                if person.absence is None and person.status == "enabled":
                    person.absence = (sweep, started)
            if not person.is_going:
                person.twin = None
        self.find_twins(joined, sweep)
        self.remove(event, sweep, started, truth)
        self.closed_at = started + 1

    def find_twins(self, joined: set[str], sweep: str) -> None:
        for id, person in self.people.items():
            is_first = person.leaves or (person.absence is not None and person.absence[0] == sweep)
            if not (person.is_going and is_first and person.twin is None) or who(person.record) is None:
                continue
            alike = sorted(one for one in joined if who(self.people[one].record) == who(person.record))
            if alike and alike[0] != id:
                person.twin = alike[0]

    def emptied_of(self, person: Person) -> set[str]:
        """The columns whose emptiness is why something of this person's waits."""
        return set(person.emptied) | self.lost_by(person)

    def lost_by(self, person: Person) -> set[str]:
        """The columns that say that there are no programmes, or no modules, at all."""
        found: set[str] = set()
        if person.lost is not None and person.lost[0] and not person.record.programmes:
            found |= {"programmes"} | ({"year_group"} if person.record.year_group is None else set())
        if person.lost is not None and person.lost[1] and not person.record.modules:
            found |= {"modules"}
        return found

    def remove(self, event: SweepCompleted, sweep: str, started: float, truth: dict[str, Student]) -> None:
        now = started + 1
        enabled = {id for id, person in self.people.items() if person.status == "enabled"}
        emails = {id: (self.email_of(self.people[id]), self.people[id].twin) for id in enabled}
        full = {
            column: Fraction(sum(getattr(one, column) not in (None, ()) for one in truth.values()), len(truth))
            for column in ("programmes", "modules", *EMPTIES)
            if truth
        }
        nulled = self.nulled(full)
        if not self.is_paused:
            for id in enabled:
                self.empty(self.people[id], nulled)
        now_or_later = self.planned(sweep, started, "sets" in event.certificate.areas, nulled)
        holds: dict[str, Held] = {}
        marks: dict[str, set[str]] = {}
        goes: dict[str, dict[str, bool]] = {}  # plan -> who -> whether it counts
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
            passed = rest if self.is_within(plan, rest, now) else set()
            if not passed and plan == "disable_explained" and hold and hold.state != "released":
                few = Limit(self.limits[plan].floor, Fraction(0))
                newcomers = rest - reviewed
                if all(few.lets(len(newcomers) + self.spent_since(plan, now - w), 0) for w in (DAY, 7 * DAY)):
                    passed = newcomers
            if stays := rest - passed:
                key = (plan, frozenset((id, self.reviewed(plan, self.people[id], nulled)) for id in stays))
                is_news = hold is None or hold.key != key or hold.state == "released"
                holds[plan] = Held(key, len(stays)) if is_news or hold is None else hold
                marks[plan] = stays
            goes[plan] = {id: id not in free for id in free | passed}
        self.holds = holds
        for id, person in self.people.items():
            person.held = {plan: holds[plan].key for plan, ids in marks.items() if id in ids}
        if not self.is_paused:
            waits = {column for id in marks.get("nulled_column", ()) for column in self.emptied_of(self.people[id])}
            self.full |= {column: rate for column, rate in full.items() if column not in nulled & waits}
        for plan in PLANS[:5] + PLANS[7:]:
            for id, counts in goes.get(plan, {}).items():
                self.carry_out(plan, self.people[id], now if counts else None, now, nulled)
        for id in sorted(enabled):
            if self.people[id].status == "disabled":
                self.give(emails[id][0], now, emails[id][1])
        for plan in ("create", "email_change"):
            for id, counts in sorted(goes.get(plan, {}).items()):
                person = self.people[id]
                self.settle(person, person.record, now, COUNTS if counts else GOES)

    def nulled(self, full: dict[str, Fraction]) -> set[str]:
        found = set()
        for column, rate in full.items():
            waiting = sum(column in self.emptied_of(person) for person in self.people.values())
            if waiting > 2 and self.full[column] - rate > Fraction(1, 20):
                found.add(column)
        return found

    def empty(self, person: Person, nulled: set[str]) -> None:
        if person.emptied and not person.emptied & nulled and person.is_in_roll and not person.leaves:
            self.take_over(person)

    def take_over(self, person: Person) -> None:
        said = said_by(person.record)
        for column in person.emptied:
            person.has[EMPTIES[column]] = said[EMPTIES[column]]
        person.emptied = set()

    def reviewed(self, plan: str, person: Person, nulled: set[str]) -> object:
        """What a person sees of somebody in a held plan, beside who it is."""
        return {
            "rekey": person.twin,
            "unenrol": person.lost,
            "move": person.lost,
            "email_change": wanted_by(person.record),
            "nulled_column": (frozenset(person.emptied), person.lost if self.lost_by(person) & nulled else None),
        }.get(plan)

    def is_within(self, plan: str, ids: set[str], now: float) -> bool:
        for window in (DAY, 7 * DAY):
            total = len(ids) + self.spent_since(plan, now - window)
            if not self.limits[plan].lets(total, self.base(plan, now - window)):
                return False
        return plan != "disable_unexplained" or self.spares_the_years(ids, now)

    def planned(
        self, sweep: str, started: float, has_sets: bool, nulled: set[str]
    ) -> dict[str, tuple[set[str], set[str]]]:
        plans: dict[str, tuple[set[str], set[str]]] = {plan: (set(), set()) for plan in PLANS}
        for id, person in self.people.items():
            if person.status != "enabled":
                if person.joins and person.is_in_roll:
                    plans["create"][0].add(id)
                continue
            if person.leaves:
                plans["rekey" if person.twin else "disable_explained"][0].add(id)
                continue
            if self.is_gone(person, sweep, started):
                plans["rekey" if person.twin else "disable_unexplained"][0].add(id)
                continue
            if person.renames and person.is_in_roll:
                plans["email_change"][0].add(id)
            if person.emptied & nulled:
                plans["nulled_column"][0].add(id)
            if person.lost is not None:
                must_wait = bool(person.lost[1]) and not has_sets
                name = "move" if person.lost[2] else "unenrol"
                if self.lost_by(person) & nulled:
                    name = "nulled_column"
                plans[name][must_wait].add(id)
        return plans

    def is_gone(self, person: Person, sweep: str, started: float) -> bool:
        if person.absence is None or person.absence[0] == sweep or person.record.leaving_date == TO_COME:
            return False
        return started - person.absence[1] >= self.confirm_minutes

    def disabled_since(self, moment: float) -> int:
        return sum(person.disabled_at is not None and person.disabled_at > moment for person in self.people.values())

    def spares_the_years(self, ids: set[str], now: float) -> bool:
        for year in {self.people[id].record.year_group for id in ids} - {None}:
            group = [person for person in self.people.values() if person.record.year_group == year]
            going = sum(self.people[id].record.year_group == year for id in ids)
            for edge in (now - DAY, now - 7 * DAY):
                went = sum(person.spent.get("disable_unexplained", -DAY * 99) > edge for person in group)
                heads = sum(person.status == "enabled" for person in group)
                heads += sum(person.disabled_at is not None and person.disabled_at > edge for person in group)
                if heads >= self.cohort.floor and going + went > self.cohort.share * heads:
                    return False
        return True

    def carry_out(self, plan: str, person: Person, spends: float | None, now: float, nulled: set[str]) -> None:
        if plan == "nulled_column":
            spends = None
            self.take_over(person)
        if plan in ("unenrol", "move") or (plan == "nulled_column" and self.lost_by(person) & nulled):
            assert person.lost is not None
            person.programmes -= person.lost[0]
            person.modules -= person.lost[1]
            person.lost = None
        elif plan != "nulled_column":
            has_left = person.leaves
            self.let_be(person)
            person.status, person.disabled_at, person.absence = "disabled", now, None
            if not has_left:
                person.proven = None
        if spends is not None:
            person.spent[plan] = spends
