"""
What a school's accounts ought to be, told again by sets and loops: it decides nothing by the product's code.

It reads the same events in the same order, knows no topic, no offset, no digest and no hash, keeps everything in one
object, and looks through everybody whenever it wants to know something. Crashes, repeats and losses never reach it.
"""

import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shared.contract.events import RollRead, StudentFetched, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Frozen, Student

DAY = 24 * 60
DISABLES = ("disable_explained", "disable_unexplained", "disable_absent")
LOSSES = ("unenrol", "move")
BROUGHT = ("create", "enable", "email_change")
PLANS = (*DISABLES, "rekey", *LOSSES, *BROUGHT, "update", "nulled_column")
BOUND_BY = {  # under which plans somebody's being asked about binds a plan
    "disable_explained": ("disable_explained", "rekey"),
    "disable_unexplained": ("disable_unexplained", "disable_explained", "rekey"),
    "create": ("create", "rekey"),
}
TELLING = ("first", "last", "personal_email", "phone")
ALIKE = 3  # so many may take one value in a week
EMPTIES = {"preferred_name": "first", "year_group": "year", "personal_email": "personal_email", "phone": "phone"}
YEARS = {7: 1, 8: 2, 9: 3, 10: 4, 11: 5, 12: 6, 13: 7}
TO_COME = "2099-07-10"  # a day that no story reaches
Lost = tuple[frozenset[str], frozenset[str], bool]  # programmes, modules, whether others were gained at the same time
EDITED = ("first", "last", "personal_email", "phone", "year")
GOES, COUNTS, WAITS = "goes", "goes and counts", "waits"


@dataclass(frozen=True)
class Limit:
    floor: int
    share: Fraction
    count: int | None = None

    def lets(self, plan: str, total: int, base: int) -> bool:
        return total <= self.heads(plan, base) or self.share_lets(total, base)

    def heads(self, plan: str, base: int) -> int:
        """No more than half of those who are there; of one, one, where it is no account that goes."""
        if plan in ("create", "enable"):
            return self.floor
        least = 0 if plan in (*DISABLES, "rekey", "nulled_column") else 1
        return min(self.floor, max(least, base // 2))

    def share_lets(self, total: int, base: int) -> bool:
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
    returns: bool = False  # beyond the budget of accounts that come back
    renames: bool = False  # beyond the budget of changed e-mails
    emptied: set[str] = field(default_factory=set)  # columns of the record
    lacks: set[str] = field(default_factory=set)  # columns that undecided records since have not
    overwritten: set[str] = field(default_factory=set)  # details beyond the budget of updates
    alike: set[str] = field(default_factory=set)  # details of which many took the value
    took: dict[str, str] = field(default_factory=dict)  # what the last update put in place of something
    whose: dict[str, Any] | None = None  # where the record says less of who they are, or is somebody else's
    is_listed: bool = False  # among the leavers already when they were last on the roll
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

    @property
    def waiting_details(self) -> set[str]:
        return {EMPTIES[column] for column in self.emptied} | self.overwritten | self.alike


@dataclass
class Held:
    """``key``: who, and what of theirs, when it was told; ``ids``: of these, those for whom it stands."""

    key: object
    ids: frozenset[str]
    state: str = "held"

    @property
    def count(self) -> int:
        return len(self.ids)


@dataclass
class Judged:
    """One plan at a close."""

    ids: set[str]
    later: set[str]
    waiting: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    goes: set[str] = field(default_factory=set)

    @property
    def kept(self) -> set[str]:
        return self.waiting | self.refused

    @property
    def news(self) -> set[str]:
        return self.ids - self.kept - self.released


def verdict(student: Student) -> str:
    if student.system_status == 1 and "leavers" not in student.lists:
        email = (student.email or "").strip()
        name, _, domain = email.partition("@")
        sound = name and "." in domain.strip(".") and " " not in email and "@" not in domain
        shown = student.preferred_name or student.first_name
        return "eligible" if student.title and shown and student.last_name and sound else "undecided"
    if student.system_status == -1 or student.lists == ("leavers",):
        return "undecided" if student.leaving_date == TO_COME else "left"
    return "prospective" if student.system_status == 0 else "undecided"


def same(email: str | None) -> str:
    return (email or "").strip().lower()


def wanted_by(student: Student) -> str | None:
    return same(student.email) if verdict(student) == "eligible" else None


def composed(name: str | None) -> str | None:
    return name and unicodedata.normalize("NFC", name)


def said_by(student: Student) -> dict[str, Any]:
    return {
        "first": composed(student.preferred_name or student.first_name),
        "last": student.last_name,
        "email": (student.email or "").strip(),
        "personal_email": student.personal_email,
        "phone": student.phone,
        "year": YEARS.get(student.year_group or 0),
    }


def who(student: Student) -> dict[str, Any]:
    """What a record says of who somebody is, as it is compared."""
    return {
        "first": {plain(name) for name in (student.first_name, student.preferred_name) if name},
        "last": plain(student.last_name or ""),
        "born": student.date_of_birth,
        "number": student.unique_pupil_number,
    }


def plain(name: str) -> str:
    return "".join(letter for letter in name.lower().replace("é", "e").replace("e\u0301", "e") if letter.isalpha())


def differ(one: dict[str, Any], other: dict[str, Any]) -> dict[str, bool]:
    """Where both say something: whether it is something else."""
    both = [name for name in one if one[name] and other[name]]
    return {name: not one[name] & other[name] if name == "first" else one[name] != other[name] for name in both}


def alike(one: dict[str, Any], other: dict[str, Any]) -> int:
    """0: two people. The more, the surer that they are one."""
    differs = differ(one, other)
    if "number" in differs:
        return 0 if differs["number"] else 4
    if differs.get("born", True):
        return 0
    return 2 * (differs.get("first") is False) + (differs.get("last") is False)


def is_another(had: dict[str, Any], now: dict[str, Any], status: str) -> bool:
    differs = differ(had, now)
    names = [name for name in ("first", "last") if differs.get(name)]
    if "number" in differs:
        return differs["number"] and (bool(names) or bool(differs.get("born")))
    if "born" in differs:
        return differs["born"] and (bool(names) or status == "disabled")
    return len(names) == 2 and (status == "disabled" or bool(had["born"] or now["born"]))


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
        self.refused: dict[str, Held] = {}
        self.announced: dict[str, int] = {}  # how often a set of a plan was
        self.outcomes: list[tuple[str, str]] = []
        self.closed_at: float | None = None  # the last certified sweep

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
        """An operator releases or refuses the set of a plan that stands first."""
        if plan in self.holds:
            self.holds[plan].state = state

    def sets(self, plan: str) -> list[Held]:
        return [held[plan] for held in (self.holds, self.refused) if plan in held]

    def waiting(self, plan: str) -> int:
        """How many wait for a person, as of the last close."""
        return sum(hold.count for hold in self.sets(plan) if hold.state != "released")

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
        self.note_lists(person, previous)
        if not self.is_old_news(person, previous):
            person.absence, person.lacking = None, []
        self.settle(person, previous, minutes, None)

    def note_lists(self, person: Person, previous: Student | None) -> None:
        lists = person.record.lists
        if lists == ("leavers",):
            return
        if person.record.system_status == -1:
            person.is_listed = False
        elif "leavers" in lists:
            person.is_listed = True
        elif previous is not None and "leavers" in previous.lists:
            person.is_listed = person.status == "disabled"

    def is_old_news(self, person: Person, previous: Student | None) -> bool:
        """Nothing but an old entry of a list says left, and of nobody else."""
        is_told = person.record.lists == ("leavers",) and person.is_listed and verdict(person.record) == "left"
        return is_told and person.status == "enabled" and not self.is_strange(person, previous)

    def settle(self, person: Person, previous: Student | None, now: float, gate: str | None) -> None:
        """Decide somebody, and whoever gets an e-mail by that. ``gate``: what a close has decided already."""
        is_strange = self.is_strange(person, previous)
        before, wanted = self.email_of(person), None if is_strange else wanted_by(person.record)
        other = self.holder_of(wanted, but=person) if wanted else None
        ring = self.ring(other, before) if other is not None else []
        if other is not None and not ring:
            self.decide(person, previous, GOES, now, waits=wanted)
        else:
            twin = None
            if gate is None:
                twin = self.twin_of(person, now) if wanted else None
                gate = WAITS if twin else GOES if is_strange else self.gate(person, now, 1 + len(ring))
            self.decide(person, previous, gate, now, twin=twin)
            for one in ring:
                self.decide(one, one.record, gate, now)
        self.give(before, now)

    def ring(self, other: Person, mine: str | None) -> list[Person]:
        """Everybody from ``other`` on, each wanting the next one's e-mail, as far as the one who wants ``mine``."""
        found: list[Person] = []
        at: Person | None = other
        while at is not None and at not in found and at.waits and at.is_here:
            found.append(at)
            if at.waits == mine:
                return found
            at = self.holder_of(at.waits)
        return []

    def twin_of(self, person: Person, now: float) -> str | None:
        """Who was disabled in the last week and seems to be this joiner."""
        if self.closed_at is None or person.status != "none":
            return None
        mine, id = who(person.record), person.record.student_id
        if person.twin is not None and alike(mine, self.identity(person.twin)):
            return person.twin
        went = {
            one: alike(mine, self.identity(one))
            for one, other in self.people.items()
            if one != id and other.disabled_at is not None and other.disabled_at > now - 7 * DAY
        }
        likely = sorted(one for one, sure in went.items() if sure and sure == max(went.values()))
        return likely[0] if likely and self.people[likely[0]].twin != id else None

    def identity(self, id: str) -> dict[str, Any]:
        return self.people[id].whose or who(self.people[id].record)

    def gate(self, person: Person, now: float, heads: int = 1) -> str:
        wanted = wanted_by(person.record)
        if self.closed_at is None or wanted is None or wanted == self.email_of(person):
            return GOES
        plan = {"none": "create", "disabled": "enable"}.get(person.status, "email_change")
        if person.joins or person.returns or person.renames:
            return WAITS
        return COUNTS if self.has_room(plan, heads + self.waiting(plan), now) else WAITS

    def has_room(self, plan: str, heads: int, now: float) -> bool:
        plans = LOSSES if plan in LOSSES else (plan,)
        return all(
            self.limits[plan].lets(
                plan,
                heads + sum(self.spent_since(one, now - window) for one in plans),
                self.base(plan, now - window),
            )
            for window in (DAY, 7 * DAY)
        )

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
                old, twin = self.email_of(person), None if id == heir else self.twin_of(person, now)
                gate = GOES if id == heir else WAITS if twin else self.gate(person, now)
                self.decide(person, person.record, gate, now, twin=twin)
                if old is not None and old != email:
                    self.give(old, now)

    def let_be(self, person: Person) -> None:
        person.leaves, person.lost, person.held = False, None, {}
        person.joins, person.returns, person.renames = False, False, False
        person.emptied, person.overwritten, person.alike, person.lacks = set(), set(), set(), set()

    def carry_forward(self, person: Person, previous: Student | None) -> None:
        """Undecided: as it was. What waits since a record says less waits while it says even less."""
        emptied, held = person.emptied, person.held
        lacks = {
            column
            for column in EMPTIES
            if getattr(person.record, column) is None
            and (column in person.lacks or (previous is not None and getattr(previous, column) is not None))
        }
        self.let_be(person)
        if person.status == "enabled":
            person.emptied, person.lacks = emptied, lacks
            person.held = {plan: key for plan, key in held.items() if plan == "nulled_column"}

    def is_strange(self, person: Person, previous: Student | None) -> bool:
        """Whether the record of somebody who has, or had, an account is somebody else's."""
        if person.status == "none" or previous is None:
            return False
        return is_another(person.whose or who(previous), who(person.record), person.status)

    def note_who(self, person: Person, previous: Student | None) -> bool:
        is_strange, says = self.is_strange(person, previous), who(person.record)
        if person.status == "none" or previous is None:
            person.whose = None
            return False
        had = person.whose or who(previous)
        whole = had if is_strange else {name: said or had[name] for name, said in says.items()}
        person.whose = whole if whole != says else None
        return is_strange

    def decide(
        self,
        person: Person,
        previous: Student | None,
        gate: str,
        now: float,
        twin: str | None = None,
        waits: str | None = None,
    ) -> None:
        is_old = self.is_old_news(person, previous)
        person.waits = waits
        is_strange = self.note_who(person, previous)
        says = "undecided" if is_strange or (waits and person.status != "enabled") else verdict(person.record)
        if says == "eligible" and person.status != "enabled" and gate == WAITS:
            is_new = person.status == "none"
            plans = ("create", "rekey") if twin == person.twin else ("create",)
            plans = plans if is_new else ("enable",)
            held = {plan: key for plan, key in person.held.items() if plan in plans}
            self.let_be(person)
            person.joins, person.returns, person.held = is_new, not is_new, held
            person.twin = twin if is_new else person.twin
        elif says == "eligible":
            self.have(person, previous, gate, now)
        elif is_old:
            person.leaves = False
        elif says == "left" and person.status == "enabled":
            person.leaves, person.lost = True, None
            person.renames, person.emptied, person.overwritten, person.alike = False, set(), set(), set()
        else:
            self.carry_forward(person, previous)

    def have(self, person: Person, previous: Student | None, gate: str, now: float) -> None:
        record, was = person.record, person.status
        programmes = person.programmes if record.programmes is None else set(record.programmes)
        modules = person.modules if record.modules is None else set(record.modules)
        gained = programmes - person.programmes, modules - person.modules
        gone = frozenset(person.programmes - programmes), frozenset(person.modules - modules)
        before = person.lost
        is_less = before is not None and gone[0] <= before[0] and gone[1] <= before[1]
        if not any(gone):
            person.lost = None
        elif before is None or before[:2] != gone:
            is_move = all(about_as_many(len(lost), len(new)) for lost, new in zip(gone, gained, strict=True))
            person.lost = (*gone, is_move or bool(is_less and before is not None and before[2]))
        said = said_by(record)
        wanted = dict(said)
        if person.waits:
            wanted["email"] = person.has["email"]
        reviewed, before_fields = person.held, person.waiting_details
        person.renames = False
        waits: set[str] = set()
        if was == "enabled":
            waits = self.hold_back(person, previous, wanted, now)
            is_new_email = same(wanted["email"]) != same(person.has["email"])
            if is_new_email and gate == WAITS:
                person.renames, wanted["email"] = True, person.has["email"]
            elif is_new_email and gate == COUNTS:
                person.spent["email_change"] = now
        else:
            person.emptied, person.overwritten, person.alike = set(), set(), set()
            if gate == COUNTS:
                person.spent["create" if was == "none" else "enable"] = now
        person.lacks = set()
        values = person.overwritten | person.alike
        was_said = said_by(previous) if previous is not None and verdict(previous) == "eligible" else None
        is_said = waits <= before_fields and (
            not values or (was_said is not None and all(was_said[name] == said[name] for name in values))
        )
        keeps = set()
        if person.lost is not None and is_less:
            keeps |= {"unenrol", "move"}
        if person.renames and previous is not None and wanted_by(previous) == wanted_by(record):
            keeps.add("email_change")
        if waits and is_said:
            keeps.add("update")
        if (person.lost or waits) and (person.lost is None or is_less) and (not waits or is_said):
            keeps.add("nulled_column")
        person.held = {plan: key for plan, key in reviewed.items() if plan in keeps}
        person.programmes, person.modules = person.programmes | programmes, person.modules | modules
        person.status, person.leaves, person.disabled_at = "enabled", False, None
        person.joins, person.returns, person.has = False, False, wanted
        if was == "none":
            person.twin = None

    def hold_back(self, person: Person, previous: Student | None, wanted: dict[str, Any], now: float) -> set[str]:
        """Take out of ``wanted`` what an enabled account may not become at once. Returns which details wait."""
        record, said, had_waited = person.record, dict(wanted), bool(person.overwritten)
        missed, was_alike = person.emptied | person.lacks, person.alike
        person.emptied = {
            column
            for column, name in EMPTIES.items()
            if getattr(record, column) is None
            and said[name] != person.has[name]
            and (not said[name] or column in missed or (previous is not None and getattr(previous, column) is not None))
        }
        person.overwritten, person.alike = set(), set()
        new = (
            {name for name in EDITED if person.has[name] and said[name] and person.has[name] != said[name]}
            if self.closed_at is not None
            else set()
        )
        if new:
            before = said_by(previous) if previous is not None and verdict(previous) == "eligible" else {}
            person.alike = {
                name
                for name in new & set(TELLING)
                if self.takers(name, said[name], now) >= ALIKE or (name in was_alike and before.get(name) == said[name])
            }
            is_room = new == person.alike or self.has_room("update", 1 + self.waiting("update"), now)
            if had_waited or not is_room:
                person.overwritten = new - person.alike
            goes = new - person.waiting_details
            if goes and new != person.alike and is_room:
                person.spent["update"] = now
                person.took |= {name: said[name].strip().lower() for name in goes & set(TELLING)}
        wanted |= {name: person.has[name] for name in person.waiting_details}
        return person.waiting_details

    def takers(self, name: str, value: str, now: float) -> int:
        return sum(
            person.spent.get("update", -DAY * 99) > now - 7 * DAY and person.took.get(name) == value.strip().lower()
            for person in self.people.values()
        )

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
            if person.status == "enabled" and person.twin not in truth:
                person.twin = None
        self.find_twins(joined, started + 1)
        self.remove(event, sweep, started, truth)
        self.closed_at = started + 1

    def find_twins(self, joined: set[str], now: float) -> None:
        going = {id: person for id, person in self.people.items() if person.is_going and person.twin is None}
        emails = {self.email_of(person) for person in going.values()}
        heirs = {
            id
            for id, one in self.people.items()
            if one.is_in_roll and one.status != "disabled" and not one.leaves
            if id in joined or one.joins or one.waits in emails or self.came_since(one, now - 7 * DAY)
        }
        for id, person in going.items():
            sure = {heir: alike(self.identity(id), self.identity(heir)) for heir in heirs - {id}}
            likely = sorted(heir for heir, how in sure.items() if how and how == max(sure.values()))
            person.twin = likely[0] if likely else None

    def came_since(self, person: Person, moment: float) -> bool:
        return any(person.spent.get(plan, -DAY * 99) > moment for plan in ("create", "enable"))

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
        nulled = self.nulled()
        plans = self.planned(sweep, started, "sets" in event.certificate.areas, nulled)
        if self.is_paused:
            for plan, (ids, later) in plans.items():
                keys = [hold.key for hold in self.sets(plan)]
                for id in self.people:
                    if (id not in ids | later) or self.people[id].held.get(plan) not in keys:
                        self.people[id].held.pop(plan, None)
            return
        judged = {plan: self.begin(plan, ids, later) for plan, (ids, later) in plans.items()}
        lost = sum(len(judged[plan].news | judged[plan].kept) for plan in LOSSES)
        for plan, one in judged.items():
            total = lost if plan in LOSSES else len(one.news | one.kept)
            self.judge(plan, one, total, now, event.absences.by_cause.get("not_asked", 0))
        self.keep_the_school(judged, now)
        self.hold(judged, nulled)
        for plan in PLANS:
            if plan not in BROUGHT:
                for id in sorted(judged[plan].goes | (judged[plan].released & judged[plan].ids)):
                    if not self.people[id].joins:
                        self.carry_out(plan, self.people[id], now if id in judged[plan].goes else None, now)
        for id in sorted(enabled):
            if self.people[id].status == "disabled":
                self.give(emails[id][0], now, emails[id][1])
        for plan in ("rekey", *BROUGHT):
            one = judged[plan]
            for id in sorted(one.goes | (one.released & one.ids)):
                if plan != "rekey" or self.people[id].joins:
                    self.settle(self.people[id], self.people[id].record, now, COUNTS if id in one.goes else GOES)

    def begin(self, plan: str, ids: set[str], later: set[str]) -> Judged:
        """Who of a plan a person was asked about before, and what they said."""
        one = Judged(ids, later)
        for id in ids | later:
            held = self.people[id].held
            under = next((name for name in BOUND_BY.get(plan, (plan,)) if name in held), None)
            if under is None:
                continue
            state = next((hold.state for hold in self.sets(under) if hold.key == held[under]), "held")
            if state == "released" and under == plan:
                one.released.add(id)
            elif state == "refused":
                one.refused.add(id)
            else:
                one.waiting.add(id)
        return one

    def judge(self, plan: str, one: Judged, total: int, now: float, not_asked: int) -> None:
        total += not_asked if plan == "disable_explained" else 0
        is_within = self.has_room(plan, total, now)
        if is_within and one.news and plan == "disable_unexplained":
            is_within = self.spares_the_years(one.news | one.kept, now)
        if is_within:
            one.goes = set(one.news)
        elif plan == "disable_explained" and one.kept:
            few = Limit(self.limits[plan].floor, Fraction(0))
            if all(
                few.lets(plan, len(one.news) + not_asked + self.spent_since(plan, now - w), self.base(plan, now - w))
                for w in (DAY, 7 * DAY)
            ):
                one.goes = set(one.news)

    def keep_the_school(self, judged: dict[str, Judged], now: float) -> None:
        """Not more than half of it by all plans together, unless a share allows it; and never all of it."""
        plans = (*DISABLES, "rekey")
        going = sum(len(judged[plan].goes) for plan in plans)
        if not going:
            return
        left = sum(person.status == "enabled" for person in self.people.values()) - going
        left -= sum(not self.people[id].joins for plan in plans for id in judged[plan].released & judged[plan].ids)
        is_half = all(
            total <= base // 2 or any(self.limits[plan].share_lets(total, base) for plan in DISABLES)
            for w in (DAY, 7 * DAY)
            for total in [going + sum(self.spent_since(plan, now - w) for plan in DISABLES)]
            for base in [self.base("rekey", now - w)]
        )
        if left <= 0 or not is_half:
            for plan in plans:
                judged[plan].goes = set()

    def hold(self, judged: dict[str, Judged], nulled: set[str]) -> None:
        holds: dict[str, Held] = {}
        refused: dict[str, Held] = {}
        marks: dict[str, dict[str, object]] = {id: {} for id in self.people}
        for plan, one in judged.items():
            stays = one.released & one.later
            if stays:  # the yes must last, and nobody else is asked yet
                for where, there in ((holds, self.holds), (refused, self.refused)):
                    if plan in there:
                        where[plan] = there[plan]
                for id in stays | one.kept:
                    if self.people[id].held.get(plan) in [hold.key for hold in self.sets(plan)]:
                        marks[id][plan] = self.people[id].held[plan]
                continue
            waiting = one.waiting | (one.news - one.goes)
            for ids, state, where in (
                (waiting, "held", holds),
                (one.refused, "refused", refused if waiting else holds),
            ):
                if ids:
                    key = self.key_of(plan, ids, nulled)
                    is_known = any(hold.key == key and hold.state == "held" for hold in self.sets(plan))
                    self.announced[plan] = self.announced.get(plan, 0) + (state == "held" and not is_known)
                    where[plan] = Held(key, frozenset(ids), state)
                    for id in ids:
                        marks[id][plan] = where[plan].key
        self.holds, self.refused = holds, refused
        for id, person in self.people.items():
            person.held = marks[id]

    def key_of(self, plan: str, ids: set[str], nulled: set[str]) -> object:
        """That of the set which has them all, if one has; else of a new one."""
        keys = {self.people[id].held.get(plan) for id in ids}
        there = [hold.key for hold in self.sets(plan)]
        if len(keys) == 1 and (key := keys.pop()) in there:
            return key
        return (plan, frozenset((id, self.reviewed(plan, self.people[id], nulled)) for id in ids))

    def nulled(self) -> set[str]:
        """The columns that too many of the accounts which have them would lose."""
        there = [person for person in self.people.values() if person.status == "enabled"]
        found = set()
        for column in ("programmes", "modules", *EMPTIES):
            losing = sum(column in self.emptied_of(person) for person in there)
            having = sum(
                column in self.emptied_of(person)
                or column in person.lacks
                or getattr(person.record, column) not in (None, ())
                for person in there
            )
            if losing > 2 and (losing * 20 > len(there) or losing * 2 > having):
                found.add(column)
        return found

    def take_over(self, person: Person) -> None:
        said = said_by(person.record)
        for name in person.waiting_details:
            person.has[name] = said[name]
        person.emptied, person.overwritten, person.alike, person.lacks = set(), set(), set(), set()

    def reviewed(self, plan: str, person: Person, nulled: set[str]) -> object:
        """What a person sees of somebody in a held plan, beside who it is."""
        return {
            "rekey": person.twin,
            "unenrol": person.lost,
            "move": person.lost,
            "email_change": wanted_by(person.record),
            "update": self.values_of(person),
            "nulled_column": (
                self.values_of(person) if person.alike or person.overwritten else frozenset(person.emptied),
                person.lost if self.lost_by(person) & nulled else None,
            ),
        }.get(plan)

    def values_of(self, person: Person) -> object:
        said = said_by(person.record)
        return frozenset((name, said[name]) for name in person.waiting_details)

    def planned(
        self, sweep: str, started: float, has_sets: bool, nulled: set[str]
    ) -> dict[str, tuple[set[str], set[str]]]:
        plans: dict[str, tuple[set[str], set[str]]] = {plan: (set(), set()) for plan in PLANS}
        for id, person in self.people.items():
            if person.status != "enabled":
                if (person.joins or person.returns) and person.is_in_roll:
                    joins = "rekey" if person.twin else "create"
                    plans[joins if person.joins else "enable"][0].add(id)
                continue
            if person.leaves:
                plans["rekey" if person.twin else "disable_explained"][0].add(id)
                continue
            if self.is_gone(person, sweep, started):
                plans["rekey" if person.twin else "disable_unexplained"][0].add(id)
                continue
            if person.renames and person.is_in_roll:
                plans["email_change"][0].add(id)
            if person.waiting_details and person.is_in_roll:
                is_nulled = person.alike or person.emptied & nulled or "nulled_column" in person.held
                must_wait = verdict(person.record) != "eligible"
                plans["nulled_column" if is_nulled else "update"][must_wait].add(id)
            if person.lost is not None:
                must_wait = bool(person.lost[1]) and not has_sets
                name = "move" if person.lost[2] else "unenrol"
                marked = next((plan for plan in LOSSES if plan in person.held), None)
                if self.lost_by(person) and "nulled_column" in person.held:
                    name = "nulled_column"
                elif marked is not None:
                    name = marked
                elif self.lost_by(person) & nulled:
                    name = "nulled_column"
                if id not in plans[name][0] | plans[name][1]:
                    plans[name][must_wait].add(id)
        return plans

    def is_gone(self, person: Person, sweep: str, started: float) -> bool:
        if person.absence is None or person.absence[0] == sweep or person.record.leaving_date == TO_COME:
            return False
        return started - person.absence[1] >= self.confirm_minutes

    def disabled_since(self, moment: float) -> int:
        return sum(person.disabled_at is not None and person.disabled_at > moment for person in self.people.values())

    def spares_the_years(self, ids: set[str], now: float) -> bool:
        for year in {group_of(self.people[id]) for id in ids} - {None}:
            group = [person for person in self.people.values() if group_of(person) == year]
            going = sum(group_of(self.people[id]) == year for id in ids)
            for edge in (now - DAY, now - 7 * DAY):
                went = sum(person.spent.get("disable_unexplained", -DAY * 99) > edge for person in group)
                heads = sum(person.status == "enabled" for person in group)
                heads += sum(person.disabled_at is not None and person.disabled_at > edge for person in group)
                if heads >= self.cohort.floor and going + went > self.cohort.share * heads:
                    return False
        return True

    def carry_out(self, plan: str, person: Person, spends: float | None, now: float) -> None:
        if plan in ("update", "nulled_column") and person.waiting_details:
            said = said_by(person.record)
            if spends is not None and plan == "update":
                person.took |= {name: said[name].strip().lower() for name in person.overwritten & set(TELLING)}
            self.take_over(person)
        if plan in LOSSES or (plan == "nulled_column" and self.lost_by(person)):
            assert person.lost is not None
            person.programmes -= person.lost[0]
            person.modules -= person.lost[1]
            person.lost = None
        elif plan in (*DISABLES, "rekey"):
            has_left = person.leaves
            self.let_be(person)
            person.status, person.disabled_at, person.absence = "disabled", now, None
            if not has_left:
                person.proven = None
        if spends is not None and plan != "nulled_column":
            person.spent[plan] = spends


def group_of(person: Person) -> object:
    """The year group of an account, which it keeps while the records say none."""
    if person.has.get("year") is not None:
        return person.has["year"]
    return tuple(sorted(person.programmes)) or person.record.year_group


def about_as_many(lost: int, gained: int) -> bool:
    return not lost or (bool(gained) and lost <= gained + max(1, gained // 3))
