"""What a book holds, as the reconciler's store has it: each held plan and the people in it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from services.operations.errors import Code, OperationError
from services.operations.holds.model import Headroom, HeldPerson, HeldSet, HeldSetInFull
from services.operations.holds.words import causes_of, person_of
from services.operations.stores import reconciler_store
from services.reconciler import guard, keys
from services.reconciler.budget_usage import Spending, recent_of
from services.reconciler.reviewed_sets import all_sets
from shared.config.settings import Config
from shared.contract.account_state import AccountState, HeldPlan, LaneState, SchoolState
from shared.contract.codec import decoder
from shared.contract.model import Kind
from shared.contract.plans import Feed, summary
from shared.contract.populations import kind_of, people_word, school_of
from shared.lanes.partition import lane_of
from shared.ports import FencedHashes

LOOKS = 5  # at a lane that moves while it is read


def nothing_known(school: str, lane: int) -> OperationError:
    """The store has nothing of a school's lane."""
    return OperationError(
        Code.NOTHING_KNOWN,
        f"{school}: nothing is known of its lane {lane}",
        "the reconciler makes it when it runs, or `rollcall rebuild` does",
    )


@dataclass(frozen=True)
class Holding:
    """
    One held plan of a school's students, or of its staff, and who is in it, by id. ``is_pushed``: by a feed.
    """

    book: str
    plan: str
    hold: HeldPlan
    students: tuple[AccountState, ...]
    is_pushed: bool = False

    @property
    def school(self) -> str:
        return school_of(self.book)

    @property
    def kind(self) -> Kind:
        return kind_of(self.book)

    @property
    def people(self) -> str:
        return people_word(self.kind)

    @property
    def feed(self) -> Feed:
        return Feed(self.kind, self.is_pushed)

    @property
    def words(self) -> str:
        """How many wait for a person, and for what."""
        return summary(self.plan, self.hold.count, self.feed, self.hold.columns)

    @property
    def causes(self) -> list[str]:
        return causes_of(self.hold, self.feed)

    def told(self, limit: int | None = None) -> tuple[HeldPerson, ...]:
        """The people of it, each with the reason."""
        return tuple(person_of(self.plan, one, self.feed) for one in self.students[:limit])

    def summary(self) -> HeldSet:
        return HeldSet(
            school=self.school,
            people=self.people,
            kind=self.plan,
            hash=self.hold.hash,
            count=self.hold.count,
            budget=self.hold.budget,
            headroom=self.hold.headroom,
            since=self.hold.since,
            students=tuple(one.student_id for one in self.students),
        )

    def in_full(self) -> HeldSetInFull:
        return HeldSetInFull(
            school=self.school,
            people=self.people,
            kind=self.plan,
            hash=self.hold.hash,
            count=self.hold.count,
            budget=self.hold.budget,
            headroom=self.hold.headroom,
            since=self.hold.since,
            students=self.told(),
            state=self.hold.state,
            words=self.words,
            causes=tuple(self.causes),
            operator=self.hold.operator,
            note=self.hold.note,
        )


class Holdings:
    """
    Reads the store, a book at a time; changes nothing. ``pushed``: the schools whose records come by push. Raises:
    Retryable when it is away.
    """

    def __init__(self, store: FencedHashes, partitions: int, pushed: Collection[str] = ()) -> None:
        self._store = store
        self._partitions = partitions
        self._pushed = frozenset(pushed)

    def school(self, book: str) -> SchoolState | None:
        """None: no record of this book was ever taken. Raises: OperationError (nothing-known)."""
        return self._look(book)[1]

    def of(self, book: str) -> list[Holding]:
        """The book's plans, held, released or refused, by name. Raises: OperationError (nothing-known)."""
        for _ in range(LOOKS):
            record, school, pending = self._look(book)
            name, ids = keys.students(book), sorted(pending)
            seen = self._store.read(self._lane(book), {name: ids})
            if seen.lane == record:
                break  # else somebody wrote in between: look again; the last look is near enough
        values: list[AccountState] = [decoder(AccountState).decode(one) for one in seen.some[name] if one is not None]
        return [
            Holding(
                book,
                plan,
                hold,
                tuple(one for one in values if one.held.get(plan) == hold.hash),
                is_pushed=school_of(book) in self._pushed,
            )
            for plan, hold in (all_sets(school) if school else [])
        ]

    def budgets(self, book: str, when: str) -> list[Headroom]:
        """What each budget of the last close has left at that moment. Raises: OperationError (nothing-known)."""
        _, school, _ = self._look(book)
        if school is None:
            return []
        name = keys.recent(book)
        found = self._store.read(self._lane(book), whole=[name]).whole[name]
        spending = Spending(recent_of(found))
        return [
            Headroom(
                kind=plan,
                budget=guard.words(budget),
                headroom=guard.decide(plan, 0, spending.windows(plan, school, school.enabled, when), budget).headroom,
            )
            for plan, budget in school.budgets.items()
            if plan != guard.COHORT
        ]

    def rebuilt_because(self, book: str) -> str:
        """What its lane has lost, until a full sweep after that was decided; else empty. Raises: OperationError."""
        record, school, _ = self._look(book)
        lane: LaneState = decoder(LaneState).decode(record)
        is_read_since = school is None or school.full_offset >= lane.rebuilt_offset
        return "" if is_read_since else lane.rebuilt_because

    def _lane(self, book: str) -> int:
        return lane_of(school_of(book), self._partitions)

    def _look(self, book: str) -> tuple[bytes, SchoolState | None, Mapping[str, bytes]]:
        lane, name = self._lane(book), keys.pending(book)
        seen = self._store.read(lane, {keys.SCHOOLS: [book, school_of(book)]}, whole=[name])
        if seen.lane is None:
            raise nothing_known(school_of(book), lane)
        return seen.lane, book_state(*seen.some[keys.SCHOOLS]), seen.whole[name]


def holdings_of(config: Config) -> Holdings:
    """Of the reconciler's own store."""
    return Holdings(reconciler_store(config), config.kafka.partitions, config.pushed)


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
    Raises: OperationError (not-held, saying what is held instead; two-held).
    """
    there = list(holdings)
    found = [one for one in there if which in (one.plan, one.hold.hash)]
    if len({one.book for one in found}) > 1:
        raise OperationError(
            Code.TWO_HELD, f"{slug} holds {which} of its students and of its staff", "say --students or --staff"
        )
    if found:
        return found[0]
    held = "; ".join(f"{one.plan} {one.hold.hash} ({one.hold.count} {one.people})" for one in there)
    raise OperationError(
        Code.NOT_HELD,
        f"{slug} does not hold {which} now. " + (f"It holds {held}." if held else "It holds nothing."),
    )


def difference(reviewed: set[str], now: Holding) -> str:
    """In words, how the set that was reviewed differs from the one held now."""
    ids = {one.student_id for one in now.students}
    joined, gone = len(ids - reviewed), len(reviewed - ids)
    if not joined and not gone:
        return f"The {now.people} are the same; what they would lose is not."
    return f"Of the {now.people} held now, {joined} were not in the set that you name; {gone} of that set are gone."
