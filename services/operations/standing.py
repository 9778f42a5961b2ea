"""
How one school's students, or its staff, stand at one moment, and what keeps them from being in step. Pure.

Fresh is only what nothing speaks against: read in time and decided, by the newest attempt, and on its way to Unitu.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.fetcher.isams.server_words import with_said
from services.fetcher.sweep.cache import AreaState
from services.operations.holds.holdings import Holding
from services.operations.holds.model import Headroom
from services.operations.tenants.complaints import FIX, RecordComplaint
from shared import clock
from shared.config.settings import PushSchool, School, Tenant
from shared.contract.account_state import SchoolState
from shared.contract.model import Kind
from shared.contract.populations import kind_of, people_word, school_of
from shared.contract.tenant_state import Held
from shared.sweeps.failing import Failing

LATE_POLLS, LATE_MINUTES = 3, 15.0  # a school is late after so many polls without a certified sweep, or so long
ACCOUNTS_REST_ON = ("structure", "sets")  # the areas without which enrolments at Unitu stay as they were

RESUMED = "a program that publishes ResumeSchool on operator-commands ends it, no verb does"

# What to do about a failure that does not say so itself, by its reason.
ADVICE = {
    "refused": "put that right; rollcall check SCHOOL tries it",
    "unreachable": "see base_url and proxy, and that the school lets this machine in; rollcall check SCHOOL tries it",
    "page_missing": "it is read again; if it stays so, set a smaller page_size, or ask whoever runs its iSAMS",
    "totals_disagree": "it is read again; if it stays so, ask whoever runs the school's iSAMS",
    "id_twice": "it is read again; if it stays so, ask whoever runs the school's iSAMS",
    "id_missing": "let this client see the field schoolId (of staff: id)",
    "no_students": "see that base_url is this school's, and what this client may see; rollcall check SCHOOL",
    "no_staff": "see what this client may see of the staff; rollcall check SCHOOL",
    "another_school": "see that base_url and client_id are this school's",
    "student_without_key": "the sender must give each student the field that key names",
    "staff_without_key": "the sender must give each member of staff the field that key names",
    "body_refused": "the sender was told each fault, and must send the body again",
    "away": "see that Kafka and Redis run",
    "bug": "see the fetcher's log; it is a fault of Rollcall",
}


@dataclass(frozen=True)
class Obstacle:
    """One thing that keeps people from being in step. ``next_try``: when it is tried again by itself; "": it is not."""

    state: str
    why: str
    since: str = ""
    to_do: str = ""
    next_try: str = ""

    def as_dict(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("state", "since", "why", "to_do", "next_try")}

    @property
    def words(self) -> str:
        since = f" since {self.since}" if self.since else ""
        again = f"; tried again at {self.next_try}" if self.next_try else ""
        return f"{self.state}{since}: {self.why}{f'; {self.to_do}' if self.to_do else ''}{again}"


@dataclass(frozen=True)
class Delivering:
    """
    What is known of a tenant. ``retries``: POSTs in a row of which nobody knows how they ended. ``complaints``: people
    whose records Unitu refuses.
    """

    held: Held | None = None
    retries: int = 0
    not_before: str = ""
    complaints: Sequence[RecordComplaint] = ()


@dataclass(frozen=True)
class Attempts:
    """
    What is known of the readings of one book, beside what the reconciler made of them. ``read_at``: the last whole one;
    ``due_at`` (Unix seconds) is None where the book is in no queue.
    """

    failing: Failing | None = None
    read_at: str | None = None
    areas: Mapping[str, AreaState] = field(default_factory=dict)
    due_at: float | None = None
    is_claimed: bool = False


@dataclass(frozen=True)
class PopulationStanding:
    """
    One book at one moment. ``state``: ``held``, ``failing``, ``paused``, ``unknown``, ``unread``, ``late``,
    ``degraded``, ``undelivered`` or ``fresh``: the first of these that is so. ``troubles`` has all of them but a hold.
    """

    book: str
    tenant: str
    state: str
    known: SchoolState | None = None
    age_minutes: float | None = None
    holdings: Sequence[Holding] = ()
    budgets: Sequence[Headroom] = ()
    troubles: Sequence[Obstacle] = ()
    next_try: str = ""
    waits_for_a_person: bool = False

    @property
    def clock_minutes(self) -> int:
        """By how much the clock of whoever read it last was ahead of Kafka's; below zero behind it."""
        certified = self.known.certified if self.known is not None else None
        return certified.clock_minutes if certified is not None else 0

    def as_dict(self) -> dict[str, Any]:
        """As ``status --json`` has it."""
        known = self.known
        certified = known.certified if known is not None else None
        return {
            "school": school_of(self.book),
            "people": people_word(kind_of(self.book)),
            "tenant": self.tenant,
            "state": self.state,
            "troubles": [one.as_dict() for one in self.troubles],
            "next_try": self.next_try or None,
            "certified_at": certified.completed_at if certified else None,
            "age_minutes": self.age_minutes,
            "clock_minutes": self.clock_minutes,
            "is_being_read": known is not None and known.open is not None,
            "roll": known.roll_count if known else 0,
            "students": known.students if known else 0,
            "enabled": known.enabled if known else 0,
            "holds": [
                {"kind": one.plan, "hash": one.hold.hash, "count": one.hold.count, "state": one.hold.state}
                for one in self.holdings
            ],
            "budgets": list(self.budgets),
        }


def late_after(school: School, kind: Kind = "student") -> float:
    """In minutes; of a feed that comes when its sender sends, as long as its last body may be sent on."""
    if isinstance(school, PushSchool):
        return max(LATE_MINUTES, school.fresh_hours * 60)
    poll: int = getattr(school, "staff_poll_seconds" if kind == "staff" else "poll_seconds")
    return max(LATE_MINUTES, LATE_POLLS * poll / 60)


def state_of(known: SchoolState | None, troubles: Sequence[Obstacle]) -> str:
    """The word that matters most. What a person must release goes before what fails: a failure is told beside it."""
    if known is not None and any(hold.state == "held" for hold in known.holds.values()):
        return "held"
    order = ("failing", "paused", "unknown", "unread", "late", "degraded", "undelivered")
    return next((state for state in order if any(one.state == state for one in troubles)), "fresh")


def troubles_of(
    book: str, known: SchoolState | None, school: School, attempts: Attempts, now: str
) -> tuple[Obstacle, ...]:
    """What keeps a book from being in step on this side of Unitu."""
    found = [
        _failing(book, attempts),
        Obstacle("paused", "nobody is removed", to_do=RESUMED) if known is not None and known.is_paused else None,
        _unread(known, school, attempts, now) or _late(book, known, school, attempts, now),
        *_degraded(attempts),
    ]
    return tuple(one for one in found if one is not None)


def _failing(book: str, attempts: Attempts) -> Obstacle | None:
    if (failing := attempts.failing) is None:
        return None
    detail = with_said(failing.detail, failing.said)
    why, _, to_do = detail.partition("; ")
    advice = ADVICE.get(failing.reason, "rollcall check SCHOOL tries it").replace("SCHOOL", school_of(book))
    times = f" ({failing.attempts} times in a row)" if failing.attempts > 1 else ""
    why = f"{failing.reason.replace('_', ' ')}: {why}{times}"
    return Obstacle("failing", why, failing.since, to_do or advice, next_try(attempts))


def next_try(attempts: Attempts) -> str:
    return "" if attempts.due_at is None else clock.write(datetime.fromtimestamp(attempts.due_at, UTC))


def _unread(known: SchoolState | None, school: School, attempts: Attempts, now: str) -> Obstacle | None:
    if known is not None and known.certified is not None:
        return None
    if isinstance(school, PushSchool):
        return Obstacle("unread", "no body was accepted and decided yet", to_do="its sender must send one")
    why = _nobody_reads(attempts, now) or _nobody_decides(None, attempts) or "no certified sweep yet"
    return Obstacle(
        "unread", why, to_do="see that fetcher, eligibility and reconciler run", next_try=next_try(attempts)
    )


def _late(book: str, known: SchoolState | None, school: School, attempts: Attempts, now: str) -> Obstacle | None:
    """Not certified for long; or due, or read, for long, and nobody has taken it on, however slow its own pace is."""
    certified = known.certified if known is not None else None
    if certified is None:
        return None
    age = clock.minutes_between(certified.completed_at, now)
    nobody = _nobody_reads(attempts, now, LATE_MINUTES)
    if attempts.read_at is not None and clock.minutes_between(attempts.read_at, now) > LATE_MINUTES:
        nobody = nobody or _nobody_decides(certified.completed_at, attempts)
    if age <= late_after(school, kind_of(book)) and not nobody:
        return None
    if isinstance(school, PushSchool):
        words = f"no body was accepted and decided for {age / 60:.0f} hours"
        return Obstacle("late", words, certified.completed_at, "see its sender; fresh_hours is how long a body counts")
    why = nobody or _nobody_reads(attempts, now) or _nobody_decides(certified.completed_at, attempts)
    to_do = "see that fetcher, eligibility and reconciler run"
    why = why or f"no certified sweep for {age:.0f} minutes"
    return Obstacle("late", why, certified.completed_at, to_do, next_try(attempts))


def _nobody_reads(attempts: Attempts, now: str, minutes: float = 1.0) -> str:
    """A book that is under way has the end of its lease for a time."""
    if attempts.due_at is None:
        return ""
    overdue = (clock.parse(now).timestamp() - attempts.due_at) / 60
    return f"due since {next_try(attempts)}, and no fetcher has taken it" if overdue > minutes else ""


def _nobody_decides(certified_at: str | None, attempts: Attempts) -> str:
    if attempts.read_at is None or (certified_at is not None and attempts.read_at <= certified_at):
        return ""
    return f"read whole at {attempts.read_at}, and not decided since"


def _degraded(attempts: Attempts) -> list[Obstacle]:
    """
    Areas that cannot be read and stay as they were. Whoever never had one goes without it knowingly: that is no change.
    """
    found = []
    for name, area in sorted(attempts.areas.items()):
        if area.trouble and area.read_at and name in ACCOUNTS_REST_ON:
            why, _, to_do = area.trouble.partition("; ")
            again = clock.write(datetime.fromtimestamp(area.due_at, UTC)) if area.due_at else ""
            found.append(Obstacle("degraded", f"{name} stay as they were then: {why}", area.read_at, to_do, again))
    return found


def rebuilt(school: School, because: str) -> list[Obstacle]:
    """``because``: what was lost, while no full reading has confirmed what was made of the rest."""
    if not because:
        return []
    to_do = "its sender's next body ends it" if isinstance(school, PushSchool) else "the full sweep that is due ends it"
    return [Obstacle("degraded", f"what is known was made anew: {because}", to_do=to_do)]


def refused_people(book: str, delivering: Delivering) -> list[Obstacle]:
    """Whose record Unitu refuses, of a book, and of the tenant's protected records."""
    return [
        Obstacle(
            "undelivered", f"Unitu refuses the record of {one.person}{f' ({one.words})' if one.words else ''}", "", FIX
        )
        for one in delivering.complaints
        if one.book in ("", book)
    ]


def undelivered(name: str, tenant: Tenant, delivering: Delivering) -> Obstacle | None:
    """What keeps a tenant's decided changes from Unitu."""
    show = f"rollcall tenant show {name}"
    if tenant.mode == "paused":
        return Obstacle("undelivered", f"tenant {name} is paused and sends nothing", to_do='set mode = "live" to send')
    if tenant.mode != "live":
        return None  # it simulates, as it was told to
    if (held := delivering.held) is not None and held.kind != "wait":
        word = "is refused by Unitu" if held.kind == "rejected" else "is held"
        which = f"some of tenant {name}" if held.is_partial else f"tenant {name}"
        reasons = "; ".join(one.message for one in held.reasons)
        return Obstacle("undelivered", f"{which} {word}: {reasons}", held.since, show)
    if delivering.retries:
        words = f"tenant {name}: {delivering.retries} snapshots in a row without an answer of Unitu that can be told"
        return Obstacle("undelivered", words, to_do=show, next_try=delivering.not_before)
    return None
