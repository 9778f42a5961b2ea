"""
May this snapshot go? Unitu disables whoever it lacks.

Three laws: *never partial*, *the first snapshot is a decision*, and after a rebuild *look before you speak*. Pure;
every clause names its reason, and all reasons of a kind are told together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.publisher.adoption_check import nobody_of, not_adopted
from services.publisher.emails import EmailRule
from services.publisher.last import Last
from services.publisher.person import Person
from services.publisher.snapshot import Snapshot
from shared.books import book_of, kind_of, school_of
from shared.state import SchoolState
from shared.tenant import Adoption, Reason, Seat, Who, email_key


@dataclass(frozen=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True)
class Hold:
    """A person must act."""

    reasons: tuple[Reason, ...]
    who: tuple[Who, ...] = ()


@dataclass(frozen=True)
class Wait:
    """It may pass by itself: a sweep, a view that catches up."""

    reasons: tuple[Reason, ...]
    who: tuple[Who, ...] = ()


Verdict = Send | Hold | Wait


@dataclass(frozen=True)
class LaneFacts:
    """
    One lane as the view has it. ``position`` is where the school's records stand (-1: never told).

    ``is_whole``: the view has read all that was in the log when it was last rebuilt. ``rebuilt_at``: the lane position
    that a full sweep must reach (-1: never rebuilt); ``rebuild`` tells one rebuild from another.
    """

    position: int = -1
    is_whole: bool = True
    rebuilt_at: int = -1
    rebuild: str = ""


@dataclass(frozen=True)
class Facts:
    """
    A tenant as the view has it. ``states`` is by book, ``people`` by their ref; ``lanes`` maps each of its schools to
    its lane, ``has_staff`` says that its staff is managed. ``url`` and ``fingerprint`` (of the API key) say whose
    accounts they are; ``prefixes`` maps a school to what it puts before ids and codes there.
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


def whole(facts: Facts) -> Wait | None:
    """None when the view has shown everything of the tenant that a snapshot needs."""
    reasons = []
    for school in facts.schools:
        lane, state = facts.lane_of(school), facts.states.get(school)
        if not lane.is_whole:
            reasons.append(_reason("view_incomplete", "the view is being read anew from account-state", school))
        elif state is None or lane.position < 0:
            reasons.append(_reason("school_unknown", "account-state has not shown this school yet", school))
        elif state.certified is None:
            reasons.append(_reason("not_certified", "no certified sweep of this school yet", school))
        elif "students" not in state.areas:
            reasons.append(_uncertified("students", school))
        if facts.has_staff and lane.is_whole and lane.position >= 0 and not _has_certified_staff(facts, school):
            reasons.append(_uncertified("staff", school))
    return Wait(tuple(reasons)) if reasons else None


def _has_certified_staff(facts: Facts, school: str) -> bool:
    state = facts.states.get(book_of(school, "staff"))
    return state is not None and state.certified is not None and "staff" in state.areas


def _uncertified(area: str, school: str) -> Reason:
    return _reason(f"{area}_not_certified", f"the area {area} was never certified for this school", school)


def caught_up(facts: Facts, positions: Mapping[str, int]) -> Wait | None:
    """None when no lane stands before where it stood in the last accepted snapshot."""
    reasons = [
        _reason("view_behind", "the view stands before the last accepted snapshot", school)
        for school in facts.schools
        if facts.lane_of(school).position < positions.get(school, -1)
    ]
    return Wait(tuple(reasons)) if reasons else None


def judge(
    facts: Facts,
    snapshot: Snapshot,
    last: Last,
    positions: Mapping[str, int],
    adoption: Adoption | None,
    rule: EmailRule,
    *,
    is_live: bool,
) -> Verdict:
    """
    Send, or why not. ``positions``: where the lanes stood in the last snapshot, those of unknown outcome included.

    A dry run needs no adoption: nothing is disabled by it.
    """
    if waiting := whole(facts) or caught_up(facts, positions):
        return waiting
    if is_live and (reasons := (*not_adopted(facts, adoption, snapshot), *nobody_of(facts, snapshot))):
        return Hold(reasons)
    missing = sorted(email for email in last.seats if email not in snapshot.roster)
    if missing and (rebuilt := _unswept(facts, adoption)):
        reasons = tuple(
            _reason(
                "after_rebuild",
                "state was rebuilt; a snapshot that lacks an e-mail of the last one waits for a full sweep"
                + (" of the staff" if kind_of(book) == "staff" else ""),
                school_of(book),
                len(missing),
            )
            for book in rebuilt
        )
        return Wait(reasons, tuple(_who(last.seats[email][0], email, "after_rebuild") for email in missing))
    held: list[Who] = []
    for email in missing:
        for seat in last.seats[email]:
            if fault := _unexplained(seat, email, facts, snapshot, last, rule):
                held.append(_who(seat, email, fault))
                break
    if held:
        return Hold(tuple(_counted(held)), tuple(held))
    return Send()


def _unswept(facts: Facts, adoption: Adoption | None) -> list[str]:
    """The books on a rebuilt lane that had no full sweep decided after it; a later adoption lifts it."""
    lifted = adoption.rebuilds if adoption else {}
    return [
        book
        for book in facts.books
        if (lane := facts.lane_of(school_of(book))).rebuilt_at > facts.states[book].full_at
        and lifted.get(str(facts.lanes[school_of(book)])) != lane.rebuild
    ]


def _unexplained(seat: Seat, email: str, facts: Facts, snapshot: Snapshot, last: Last, rule: EmailRule) -> str | None:
    """Why this e-mail may not be missing, in one of a few words; None when it may."""
    carried = snapshot.carried.get(seat.ref)
    if carried is not None:
        # Moved by a released change; or Unitu may already have them under either, and one of the two must go.
        known = {email_key(kept) for kept in last.emails.get(seat.ref, ())}
        if rule.lets(seat.ref, carried) or email_key(carried) in known:
            return None
        return "email_moved"
    if not seat.book:
        return "protected_record_removed"
    if seat.kind == "staff" and not facts.has_staff:
        return "staff_not_managed"
    person = facts.people.get(seat.ref)
    if person is None:
        return "account_unknown"
    if person.status != "disabled":
        return "not_disabled"
    if person.evidence is None:
        return "no_evidence"
    if person.evidence.at < seat.position:
        return "evidence_before_last_snapshot"
    return None


_WORDS = {
    "email_moved": "would be sent under another e-mail that nobody released",
    "protected_record_removed": "were in the protected file and no longer are",
    "staff_not_managed": "were in the last snapshot, and staff is no longer managed",
    "account_unknown": "were in the last snapshot, and account-state no longer knows them",
    "not_disabled": "are not disabled, yet have no place in the snapshot (no e-mail, or another has it)",
    "no_evidence": "are disabled without evidence",
    "evidence_before_last_snapshot": "are disabled by evidence older than the last snapshot that had them",
}


def _counted(held: list[Who]) -> Iterator[Reason]:
    for code, words in _WORDS.items():
        counts = Counter((who.school, who.kind) for who in held if who.reason == code)
        for (school, kind), count in sorted(counts.items(), key=lambda one: book_of(*one[0])):
            yield _reason(code, f"{count} {'staff ' if kind == 'staff' else ''}{words}", school, count)


def _reason(code: str, message: str, school: str = "", count: int = 0) -> Reason:
    return Reason(code=code, message=message, school=school, count=count)


def _who(seat: Seat, email: str, reason: str) -> Who:
    return Who(school=seat.school, kind=seat.kind, person=seat.person, email=seat.email or email, reason=reason)
