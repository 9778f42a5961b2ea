"""What a book holds, as the reconciler's store has it: each held plan and the people in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from services.fetcher import isams
from services.reconciler import guard, ledger
from services.reconciler.enrolments import codes_of
from services.reconciler.reviewed_sets import all_sets
from services.reconciler.spending import Spending, recent_of
from shared.books import kind_of, people_word, school_of
from shared.errors import Hold, RollcallError
from shared.lanes import lane_of
from shared.model import Kind
from shared.ports import LaneStore
from shared.state import AccountState, HeldPlan, SchoolState
from shared.wire import decoder

LOOKS = 5  # at a lane that moves while it is read


class NothingKnown(RollcallError):
    """The store has nothing of a school's lane."""

    def __init__(self, school: str, lane: int) -> None:
        super().__init__(
            f"{school}: nothing is known of its lane {lane}; the reconciler makes it when it runs, "
            "or `rollcall rebuild` does"
        )


class NotHeld(Hold):
    """What was named is not what is held now, so nobody has reviewed what is."""

    exit_code = 3


class TwoHeld(RollcallError):
    """What was named is held of the students and of the staff, and nobody said whose is meant."""

    exit_code = 2


@dataclass(frozen=True)
class Holding:
    """One held plan of a school's students, or of its staff, and who is in it, by id."""

    book: str
    plan: str
    hold: HeldPlan
    students: tuple[AccountState, ...]

    @property
    def school(self) -> str:
        return school_of(self.book)

    @property
    def kind(self) -> Kind:
        return kind_of(self.book)

    @property
    def people(self) -> str:
        return people_word(self.kind)

    def as_dict(self) -> dict[str, Any]:
        """As ``holds list --json`` has it."""
        return {
            "school": self.school,
            "people": self.people,
            "kind": self.plan,
            "hash": self.hold.hash,
            "count": self.hold.count,
            "budget": self.hold.budget,
            "headroom": self.hold.headroom,
            "since": self.hold.since,
            "students": [one.student_id for one in self.students],
        }

    def in_full(self) -> dict[str, Any]:
        """As ``holds show --json`` has it: what a person said of it, and each student with the reason."""
        return self.as_dict() | {
            "state": self.hold.state,
            "causes": causes_of(self.hold),
            "operator": self.hold.operator,
            "note": self.hold.note,
            "students": [student_as_dict(self.plan, one) for one in self.students],
        }


class Holdings:
    """Reads the store, a book at a time; changes nothing. Raises: Retryable when it is away."""

    def __init__(self, store: LaneStore, partitions: int) -> None:
        self._store = store
        self._partitions = partitions

    def school(self, book: str) -> SchoolState | None:
        """None: no record of this book was ever taken. Raises: NothingKnown."""
        return self._look(book)[1]

    def of(self, book: str) -> list[Holding]:
        """The book's plans, held, released or refused, by name. Raises: NothingKnown."""
        for _ in range(LOOKS):
            record, school, pending = self._look(book)
            name, ids = ledger.students(book), sorted(pending)
            seen = self._store.read(self._lane(book), {name: ids})
            if seen.lane == record:
                break  # else somebody wrote in between: look again; the last look is near enough
        values: list[AccountState] = [decoder(AccountState).decode(one) for one in seen.some[name] if one is not None]
        return [
            Holding(book, plan, hold, tuple(one for one in values if one.held.get(plan) == hold.hash))
            for plan, hold in (all_sets(school) if school else [])
        ]

    def budgets(self, book: str, when: str) -> list[dict[str, Any]]:
        """What each budget of the last close has left at that moment. Raises: NothingKnown."""
        _, school, _ = self._look(book)
        if school is None:
            return []
        name = ledger.recent(book)
        found = self._store.read(self._lane(book), whole=[name]).whole[name]
        spending = Spending(recent_of(found))
        return [
            {
                "kind": plan,
                "budget": guard.words(budget),
                "headroom": guard.decide(
                    plan, 0, spending.windows(plan, school, school.enabled, when), budget
                ).headroom,
            }
            for plan, budget in school.budgets.items()
            if plan != guard.COHORT
        ]

    def _lane(self, book: str) -> int:
        return lane_of(school_of(book), self._partitions)

    def _look(self, book: str) -> tuple[bytes, SchoolState | None, Mapping[str, bytes]]:
        lane, name = self._lane(book), ledger.pending(book)
        seen = self._store.read(lane, {ledger.SCHOOLS: [book, school_of(book)]}, whole=[name])
        if seen.lane is None:
            raise NothingKnown(school_of(book), lane)
        return seen.lane, book_state(*seen.some[ledger.SCHOOLS]), seen.whole[name]


def book_state(book: bytes | None, school: bytes | None) -> SchoolState | None:
    """A book's state, from its record and that of its school's students: a pause is the school's and stands there."""
    if book is None:
        return None
    state: SchoolState = decoder(SchoolState).decode(book)
    of_school: SchoolState = state if school is None else decoder(SchoolState).decode(school)
    return msgspec.structs.replace(state, is_paused=of_school.is_paused)


def pick(slug: str, holdings: Iterable[Holding], which: str) -> Holding:
    """
    The holding that ``which`` names, by its plan or its hash; of a plan's two sets, by the plan, the one that waits.
    Raises: NotHeld, saying what is held instead; TwoHeld.
    """
    there = list(holdings)
    found = [one for one in there if which in (one.plan, one.hold.hash)]
    if len({one.book for one in found}) > 1:
        raise TwoHeld(f"{slug} holds {which} of its students and of its staff; say --students or --staff")
    if found:
        return found[0]
    held = "; ".join(f"{one.plan} {one.hold.hash} ({one.hold.count} {one.people})" for one in there)
    raise NotHeld(f"{slug} does not hold {which} now. " + (f"It holds {held}." if held else "It holds nothing."))


def difference(reviewed: set[str], now: Holding) -> str:
    """In words, how the set that was reviewed differs from the one held now."""
    ids = {one.student_id for one in now.students}
    joined, gone = len(ids - reviewed), len(reviewed - ids)
    if not joined and not gone:
        return f"The {now.people} are the same; what they would lose is not."
    return f"Of the {now.people} held now, {joined} were not in the set that you name; {gone} of that set are gone."


_SUSPICIONS = {
    "length_of_a_page": "the list has exactly as many entries as a page: was the export cut after its first?",
    "end_of_the_last_body": "all who are missing stood at the end of the body before: was the export cut?",
}


def causes_of(hold: HeldPlan) -> list[str]:
    """Which columns of the records have emptied, or are all alike, or how a list looks cut; and where to look."""
    return [_SUSPICIONS.get(one, one) for one in hold.suspicions] + [
        f"{one.column}: of {one.before} accounts only {one.now} would keep a value of their own"
        if one.collapsed
        else f"{one.column}: filled for {one.before} accounts, now for {one.now}; {_look_at(one.column)}"
        for one in hold.columns
    ]


def _look_at(column: str) -> str:
    path = isams.SETS if column == "modules" else isams.STUDENTS
    return f"is it the key's? {isams.permission_words(path)}; a pushed feed: does it still send the field?"


def student_as_dict(plan: str, state: AccountState) -> dict[str, Any]:
    record = state.assessment.student if state.assessment else None
    details = state.details or (state.assessment.details if state.assessment else None)
    lost = state.unenrol if plan in (guard.UNENROL, guard.MOVE, guard.NULLED_COLUMN) else None
    return {
        "student_id": state.student_id,
        "kind": state.kind,
        "name": f"{details.first_name} {details.last_name}" if details else None,
        "email": details.email if details else None,
        "year_group": record.year_group if record else None,
        "reason": reason_of(plan, state),
        "programmes": list(lost.programmes) if lost else [],
        "modules": list(lost.modules) if lost else [],
    }


def reason_of(plan: str, state: AccountState) -> str:
    """Why the plan has this student, in words."""
    match plan:
        case guard.DISABLE_EXPLAINED:
            return _left(state)
        case guard.DISABLE_UNEXPLAINED:
            return _missing(state)
        case guard.DISABLE_ABSENT:
            return "is in the pushed body no more; no record says that they left"
        case guard.REKEY:
            if state.status != "enabled":
                return f"would have a new account; seems to be {state.twin}, whose account was disabled"
            why = _left(state) if state.staged is not None else _missing(state)
            return f"{why}; seems to have come back as {state.twin}"
        case guard.CREATE:
            return "would have a new account"
        case guard.ENABLE:
            return "would have their disabled account back"
        case guard.UPDATE:
            return _changed(state)
        case guard.EMAIL_CHANGE:
            wanted = state.assessment.details if state.assessment else None
            return f"would have the e-mail {wanted.email}" if wanted else ""
        case guard.NULLED_COLUMN:
            return "; ".join(part for part in (_emptied(state), _alike(state), _unenrolled(state)) if part)
        case _:
            return _unenrolled(state)


def _left(state: AccountState) -> str:
    record = state.assessment.student if state.assessment else None
    when = record.leaving_date if record else None
    return f"the record says left on {when}" if when else "the record says left"


def _missing(state: AccountState) -> str:
    return f"not in the roll since {state.absence.started_at}" if state.absence else "not in the roll"


def _emptied(state: AccountState) -> str:
    columns = state.update.columns if state.update is not None else ()
    return f"the record has no {' and no '.join(columns)} any more" if columns else ""


def _alike(state: AccountState) -> str:
    fields = state.update.collapsed if state.update is not None else ()
    return f"many have the same {' and the same '.join(fields)} now" if fields else ""


def _changed(state: AccountState) -> str:
    """Which details would be others; not what they would be, for a name may be anybody's."""
    fields = state.update.fields if state.update is not None else ()
    return f"would change: {', '.join(fields)}"


def _unenrolled(state: AccountState) -> str:
    if (lost := state.unenrol) is None:
        return ""
    codes = ", ".join(codes_of(lost))
    return f"moves out of {codes}" if lost.is_move else f"would leave {codes}"
