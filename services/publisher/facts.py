"""What the view has of a tenant, and whether that is all that a snapshot needs. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from services.publisher.roster_entry import Person
from services.publisher.verdict import Wait, reason_of
from shared.contract.account_state import SchoolState
from shared.contract.populations import book_of, kind_of, people_word, school_of
from shared.contract.tenant_state import Reason


@dataclass(frozen=True)
class LaneFacts:
    """
    One lane as the view has it. ``position`` is where the school's records stand (-1: never told).

    ``is_whole``: the view has read all that was in the log when it was last rebuilt. ``rebuilt_offset``: the lane
    position that a full sweep must reach (-1: never rebuilt); ``rebuild`` tells one rebuild from another.
    ``is_behind``: there was more in ``account-state`` when the delivery began.
    """

    position: int = -1
    is_whole: bool = True
    is_behind: bool = False
    rebuilt_offset: int = -1
    rebuild: str = ""


@dataclass(frozen=True)
class Facts:
    """
    A tenant as the view has it. ``states`` is by book, ``people`` by their ref; ``lanes`` maps each of its schools to
    its lane, ``has_staff`` says that its staff is managed. ``areas_seen``: areas, as "school/area", of which the view
    has something, certified or not. ``url`` and ``fingerprint`` (of the API key) say whose accounts they are;
    ``prefixes`` maps a school to what it puts before ids and codes there.
    """

    schools: tuple[str, ...]
    states: Mapping[str, SchoolState]
    lanes: Mapping[str, int]
    lane_facts: Mapping[int, LaneFacts]
    people: Mapping[str, Person]
    has_staff: bool = False
    url: str = ""
    fingerprint: str = ""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    areas_seen: frozenset[str] = frozenset()

    @property
    def books(self) -> tuple[str, ...]:
        """Every book that a snapshot is made of."""
        staff = tuple(book_of(school, "staff") for school in self.schools) if self.has_staff else ()
        return (*self.schools, *staff)

    def lane_of(self, school: str) -> LaneFacts:
        return self.lane_facts.get(self.lanes[school], LaneFacts(is_whole=False))

    def positions(self) -> dict[str, int]:
        return {school: self.lane_of(school).position for school in self.schools}

    def rebuilds(self) -> dict[str, str]:
        return {str(self.lanes[school]): self.lane_of(school).rebuild for school in self.schools}


BODY_AREAS = {"structure": "its year groups and departments", "sets": "its teaching sets"}


def whole(facts: Facts, without: Collection[str] = ()) -> Wait | None:
    """
    None when the view has shown everything of the tenant that a snapshot needs. ``without``: areas, as "school/area",
    that a person said yes to going without.
    """
    reasons = []
    for school in facts.schools:
        lane, state = facts.lane_of(school), facts.states.get(school)
        if not lane.is_whole:
            reasons.append(reason_of("view_incomplete", "the view is being read anew from account-state", school))
        elif state is None or lane.position < 0:
            reasons.append(reason_of("school_unknown", "account-state has not shown this school yet", school))
        elif state.certified is None:
            reasons.append(reason_of("not_certified", "no certified sweep of this school yet", school))
        elif "students" not in state.areas:
            reasons.append(_uncertified("students", school))
        else:
            reasons.extend(_never_read(facts, school, state, without))
        if facts.has_staff and lane.is_whole and lane.position >= 0 and not _has_certified_staff(facts, school):
            reasons.append(_uncertified("staff", school))
    return Wait(tuple(reasons)) if reasons else None


def _never_read(facts: Facts, school: str, state: SchoolState, without: Collection[str]) -> Iterator[Reason]:
    """What a person's record says of programmes and modules comes from these: unread, they would be emptied."""
    for area, words in BODY_AREAS.items():
        name = f"{school}/{area}"
        if area not in state.areas and name not in facts.areas_seen and name not in without:
            fix = f"`rollcall check` says why; `rollcall tenant adopt --without-area {name}` goes without"
            yield reason_of(f"{area}_never_read", f"the area {area} ({words}) was never read: {fix}", school)


def miscounted(facts: Facts) -> Wait | None:
    """None when the view has as many enabled people of each population as the reconciler counted."""
    there = Counter(person.book for person in facts.people.values() if person.status == "enabled")
    reasons = [
        reason_of(
            "view_miscounts",
            f"account-state shows {there[book]} enabled {people_word(kind_of(book))}, the reconciler counted"
            f" {state.enabled}: `rollcall sync {school_of(book)} --full` has it tell them all again",
            school_of(book),
            abs(state.enabled - there[book]),
        )
        for book in facts.books
        if (state := facts.states.get(book)) is not None and state.enabled != there[book]
    ]
    return Wait(tuple(reasons)) if reasons else None


def _has_certified_staff(facts: Facts, school: str) -> bool:
    state = facts.states.get(book_of(school, "staff"))
    return state is not None and state.certified is not None and "staff" in state.areas


def _uncertified(area: str, school: str) -> Reason:
    return reason_of(f"{area}_not_certified", f"the area {area} was never certified for this school", school)


def caught_up(facts: Facts, positions: Mapping[str, int]) -> Wait | None:
    """None when no lane stands before where it stood in the last accepted snapshot."""
    reasons = [
        reason_of("view_behind", "the view stands before the last accepted snapshot", school)
        for school in facts.schools
        if facts.lane_of(school).position < positions.get(school, -1)
    ]
    return Wait(tuple(reasons)) if reasons else None
