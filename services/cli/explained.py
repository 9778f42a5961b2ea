"""What ``rollcall explain`` answers, and how it is made of what was found. Pure; ``lookup`` finds it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from services.eligibility.academic_year import rollover
from services.eligibility.assess import RECORD_SOUND, assess, rulebook_of, years_of
from services.eligibility.edits import Edit, smallest_edits
from services.eligibility.rules import Case
from services.eligibility.rulings import Ruling, rulings, unreadable
from services.eligibility.staff import CASES
from services.publisher.person import Person
from shared import clock
from shared.books import book_of, person_word
from shared.config import School, Tenant
from shared.events import Evidence, StudentAssessed
from shared.model import Category, Details, Frozen, Kind, Student, Verdict
from shared.state import AccountState, SchoolState
from shared.tenant import TenantState, email_key

EMAIL_FREE = "email_free"
SAME_PERSON = "same_person"
LAST_CHANGES = 10  # that are told


class Judged(Frozen, omit_defaults=False, kw_only=True):
    """One verdict, and what each rule that decides it saw."""

    verdict: Verdict
    rules: tuple[Ruling, ...]


class Seen(Frozen, omit_defaults=False, kw_only=True):
    """
    ``last_seen_at`` is the start of the last certified sweep that had the student, or a later reading; ``read_at`` is
    when the record was read that counts now. ``arrived``: that record, as the source said it; null where it broke its
    schema.
    """

    source: Literal["isams", "push"]
    last_seen_at: str | None
    read_at: str | None
    certified_at: str | None
    is_in_roll: bool
    arrived: Student | None


class Account(Frozen, omit_defaults=False, kw_only=True):
    """
    The account as the reconciler has it. ``waits_for_email`` is an address that ``email_holder`` has. ``version`` is
    the lane offset of the record that last changed it, -1 where none has.
    """

    status: Literal["none", "enabled", "disabled"]
    kind: Kind
    version: int
    details: Details | None
    programmes: tuple[str, ...]
    modules: tuple[str, ...]
    waits_for_email: str | None
    email_holder: str | None
    disabled_at: str | None
    evidence: Evidence | None


class Staged(Frozen, omit_defaults=False, kw_only=True):
    """A removal, or a change that could not go at once, on its way. ``waits_for`` says in words for what."""

    kind: Literal["disable", "absence", "unenrol", "move", "create", "email_change", "update"]
    since: str | None
    programmes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    waits_for: str


class Held(Frozen, omit_defaults=False, kw_only=True):
    """A plan beyond its budget that has the student, as ``holds list`` has it."""

    kind: str
    hash: str
    state: str
    since: str
    count: int
    budget: str
    headroom: int
    operator: str
    note: str


class Changed(Frozen, omit_defaults=False, kw_only=True):
    """One event of ``account-changes``. ``detail`` is its programme or module, the fields or the evidence."""

    kind: str
    version: int
    at: str
    detail: str


class LastSnapshot(Frozen, omit_defaults=False, kw_only=True):
    """
    The tenant's last accepted snapshot (``number`` null: none yet), and the last one that carried the student
    (``carried_number`` null: none did, or it is not among those looked at). ``email``: the address under which the
    student is or was in it. ``waits_as``: the changed address that waits for a release. ``is_unknown``: one is on its
    way, or nobody knows what became of it. ``held`` says why the next does not go. ``is_behind``: the publisher has not
    seen the account's newest state yet.
    """

    tenant: str
    mode: Literal["live", "dry-run", "paused"]
    number: int | None
    at: str | None
    is_in_it: bool
    carried_number: int | None
    carried_at: str | None
    email: str | None
    waits_as: str | None
    is_unknown: bool
    is_behind: bool
    held: tuple[str, ...]


class NextSweep(Frozen, omit_defaults=False, kw_only=True):
    """``at`` null: it is under way, or the school pushes by itself."""

    at: str | None
    is_under_way: bool


class Rollover(Frozen, omit_defaults=False, kw_only=True):
    """The window around the academic year's first day in which unexplained removals pause: this one, or the next."""

    starts: str
    ends: str
    is_open: bool


class Difference(Frozen, omit_defaults=False, kw_only=True):
    field: str
    state: Any
    live: Any


class Live(Frozen, omit_defaults=False, kw_only=True):
    """
    The student as the record system has them now, judged by today's rules. ``is_there`` false: no record has the id;
    null: it could not be asked, and ``trouble`` says why. ``differs`` from what is known here.
    """

    read_at: str
    is_there: bool | None
    category: Category | None = None
    portal: Verdict | None = None
    account: Verdict | None = None
    differs: tuple[Difference, ...] = ()
    trouble: str | None = None


class Explanation(Frozen, omit_defaults=False, kw_only=True):
    """
    Each step from a student's record to Unitu. ``last_changes`` null: Kafka could not be asked. ``notes``: what else to
    know, in words.
    """

    school: str
    student: str
    category: Category
    seen: Seen
    portal: Judged
    account: Judged
    state: Account
    staged: tuple[Staged, ...]
    held: tuple[Held, ...]
    last_changes: tuple[Changed, ...] | None
    last_snapshot: LastSnapshot | None
    next_sweep: NextSweep | None
    rollover: Rollover
    edits: tuple[Edit, ...]
    live: Live | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Carried:
    """An accepted snapshot."""

    number: int
    at: str


@dataclass(frozen=True)
class Found:
    """What is known of one student, from wherever it is kept. None: that place had nothing, or could not be asked."""

    school: SchoolState
    account: AccountState
    email_holder: str | None = None
    changes: tuple[Changed, ...] | None = None
    tenant: TenantState | None = None
    person: Person | None = None
    carried: Carried | None = None
    next_sweep: NextSweep | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reread:
    """One student read now. ``student`` None: no record has the id. ``trouble``: it could not be asked."""

    read_at: str
    student: Student | None = None
    trouble: str | None = None


def explain(found: Found, school: School, tenant: Tenant, now: datetime, reread: Reread | None = None) -> Explanation:
    """Shape: what was found in, the answer out; ``now`` is the moment of the question."""
    account, state = found.account, found.school
    notes = list(found.notes)
    today = now.astimezone(school.zone).date()
    assessed = account.assessment or _assessed_now(reread, account, school, today)
    case = _case(account, assessed, school, today)
    category, portal, mine = _judged(found, assessed, case, notes)
    if case is not None:
        _note_another_day(case, today, portal.verdict, account.kind, notes)
    window = rollover(today, school.academic_year_start, school.rollover_days_before, school.rollover_days_after)
    turn = Rollover(starts=window[0].isoformat(), ends=window[1].isoformat(), is_open=window[0] <= today)
    if state.is_paused:
        notes.append("The school is paused: it is read, and nobody is removed until it is resumed.")
    return Explanation(
        school=account.school,
        student=account.student_id,
        category=category,
        seen=_seen(account, state, school),
        portal=portal,
        account=mine,
        state=_account(found),
        staged=_staged(account, school, turn),
        held=_held(account, state),
        last_changes=found.changes,
        last_snapshot=_snapshot(found, school.tenant, tenant),
        next_sweep=found.next_sweep,
        rollover=turn,
        edits=() if case is None else smallest_edits(case),
        live=None if reread is None else _live(reread, account, school, today),
        notes=tuple(notes),
    )


def _assessed_now(reread: Reread | None, account: AccountState, school: School, today: date) -> StudentAssessed | None:
    """Of somebody whom nobody has read before: as the record system has them now."""
    if reread is None or reread.student is None:
        return None
    return assess(account.school, reread.student, "", today, rulebook_of(school), years_of(school), account.kind)


def _case(account: AccountState, assessed: StudentAssessed | None, school: School, today: date) -> Case | None:
    """What was judged, on the day when it was; None where the record broke its schema."""
    if assessed is None or assessed.student is None:
        return None
    day = clock.parse(account.read_at).astimezone(school.zone).date() if account.read_at else today
    return CASES[account.kind](assessed.student, day, rulebook_of(school))


def _judged(
    found: Found, assessed: StudentAssessed | None, case: Case | None, notes: list[str]
) -> tuple[Category, Judged, Judged]:
    """Category and verdicts as they were taken; each rule run again over the same record, to tell what it saw."""
    account = found.account
    category = assessed.category if assessed else Category.UNKNOWN
    portal = assessed.portal if assessed else Verdict.UNDECIDED
    mine = assessed.account if assessed else Verdict.UNDECIDED
    of_portal, of_account = (
        (rulings(case, "portal"), rulings(case, "account"))
        if case is not None
        else (unreadable("portal", RECORD_SOUND, account.kind), unreadable("account", RECORD_SOUND, account.kind))
    )
    if assessed is not None and case is not None:
        told = {one.id: one.outcome for one in of_portal}
        if any(told.get(id, outcome) != outcome for id, outcome in assessed.rules):
            notes.append(
                "Settings or rules have changed since this record was judged; the next full sweep judges it anew."
            )
    is_another = account.born is not None and mine is Verdict.ELIGIBLE
    if account.waits_for_email is not None or is_another:
        mine = Verdict.UNDECIDED
    return (
        category,
        Judged(verdict=portal, rules=of_portal),
        Judged(verdict=mine, rules=(*of_account, _same_person(found), _email_free(found))),
    )


def _same_person(found: Found) -> Ruling:
    """Decided where an id comes back from a disabled account."""
    account = found.account
    record = account.assessment.student if account.assessment else None
    return Ruling(
        id=SAME_PERSON,
        outcome="fail" if account.born else "pass" if account.status == "disabled" else "not_applicable",
        value=record.date_of_birth if account.born and record else None,
        message="An id that comes back is the person whose account was disabled, as far as the birth date tells.",
        fix="At the source, correct the birth date, or give this person an id of their own." if account.born else None,
    )


def _email_free(found: Found) -> Ruling:
    """Decided beside the others, when the school's accounts are compared."""
    waits, who = found.account.waits_for_email, person_word(found.account.kind)
    enabled = found.account.status == "enabled"
    return Ruling(
        id=EMAIL_FREE,
        outcome="fail" if waits else "pass" if enabled else "not_applicable",
        value=waits,
        message=f"No other {who} of the school has the e-mail address.",
        fix=f"At the source, give one of the two another address: {who} {found.email_holder or 'unknown'} has it now."
        if waits
        else None,
    )


def _note_another_day(case: Case, today: date, portal: Verdict, kind: Kind, notes: list[str]) -> None:
    """The academic year may have turned since the reading."""
    if today != case.day:
        then = assess("", case.student, "", today, case.book, {}, kind).portal
        if then is not portal:
            notes.append(f"Judged today the portal's verdict would be {then.value}; the next full sweep says so.")


def _seen(account: AccountState, state: SchoolState, school: School) -> Seen:
    certified = state.certified
    moments = [account.read_at, certified.started_at if certified and account.in_roll else None]
    return Seen(
        source=school.source,
        last_seen_at=max((one for one in moments if one), default=None),
        read_at=account.read_at,
        certified_at=certified.completed_at if certified else None,
        is_in_roll=account.in_roll,
        arrived=account.assessment.student if account.assessment else None,
    )


def _account(found: Found) -> Account:
    account = found.account
    return Account(
        status=account.status,
        kind=account.kind,
        version=account.version,
        details=account.details,
        programmes=account.programmes,
        modules=account.modules,
        waits_for_email=account.waits_for_email,
        email_holder=found.email_holder,
        disabled_at=account.disabled_at,
        evidence=account.evidence,
    )


def _staged(account: AccountState, school: School, turn: Rollover) -> tuple[Staged, ...]:
    staged: list[Staged] = []
    if account.staged is not None:
        staged.append(Staged(kind="disable", since=account.read_at, waits_for="the next certified sweep"))
    if (absence := account.absence) is not None:
        first = clock.write(clock.parse(absence.started_at) + timedelta(minutes=school.absence_confirm_minutes))
        words = f"a second certified sweep without the {person_word(account.kind)}, begun at {first} or later"
        if turn.is_open:
            words += f"; unexplained removals pause until the end of {turn.ends}"
        staged.append(Staged(kind="absence", since=absence.started_at, waits_for=words))
    if (lost := account.unenrol) is not None:
        words = "the next certified sweep" + (" that reads the sets" if lost.modules else "")
        staged.append(
            Staged(
                kind="move" if lost.is_move else "unenrol",
                since=account.read_at,
                programmes=lost.programmes,
                modules=lost.modules,
                waits_for=words,
            )
        )
    close = "the close of a certified sweep, and there for its budget or a person's release"
    if account.create is not None:
        staged.append(Staged(kind="create", since=account.read_at, waits_for=close))
    if account.email_change is not None:
        staged.append(Staged(kind="email_change", since=account.read_at, waits_for=close))
    if account.update is not None:
        emptied = ", ".join(account.update.columns)
        words = f"the close of a certified sweep in which {emptied} is not suddenly empty for many"
        staged.append(Staged(kind="update", since=account.read_at, waits_for=words))
    return tuple(staged)


def _held(account: AccountState, state: SchoolState) -> tuple[Held, ...]:
    """The holds that have this student in the set that was reviewed."""
    return tuple(
        Held(
            kind=plan,
            hash=hold.hash,
            state=hold.state,
            since=hold.since,
            count=hold.count,
            budget=hold.budget,
            headroom=hold.headroom,
            operator=hold.operator,
            note=hold.note,
        )
        for plan, hold in sorted(state.holds.items())
        if account.held.get(plan) == hold.hash
    )


def _snapshot(found: Found, slug: str, settings: Tenant) -> LastSnapshot:
    state = found.tenant or TenantState(tenant=slug)
    account, person = found.account, found.person
    ref = f"{book_of(account.school, account.kind)}/{account.student_id}"
    email = delivered_email(state, ref)
    carried = found.carried
    if email is not None and state.accepted is not None:
        carried = Carried(state.accepted.number, state.accepted.at)
    own = account.details.email if account.details and account.status == "enabled" else None
    return LastSnapshot(
        tenant=slug,
        mode=settings.mode,
        number=state.accepted.number if state.accepted else None,
        at=state.accepted.at if state.accepted else None,
        is_in_it=email is not None and state.accepted is not None,
        carried_number=carried.number if carried else None,
        carried_at=carried.at if carried else None,
        email=email or state.former.get(ref),
        waits_as=own if email and own and email_key(own) != email_key(email) else None,
        is_unknown=state.intent is not None or state.unknown is not None,
        is_behind=person is None or person.at < account.at,
        held=tuple(reason.message for reason in state.held.reasons) if state.held else (),
    )


def delivered_email(state: TenantState, ref: str) -> str | None:
    """The address under which somebody (book/person) is in the tenant's roster."""
    return next((seat.email or key for key, seat in state.roster.items() if seat.ref == ref), None)


def _live(reread: Reread, account: AccountState, school: School, today: date) -> Live:
    if reread.trouble is not None:
        return Live(read_at=reread.read_at, is_there=None, trouble=reread.trouble)
    student = reread.student
    if student is None:
        return Live(read_at=reread.read_at, is_there=False)
    known = account.assessment.student if account.assessment else None
    if known is not None:  # an answer by id names no list, and an area that was never read clears nothing
        more = tuple(one for one in student.lists if one != "students" and one not in known.lists)
        student = msgspec.structs.replace(
            student,
            lists=known.lists + more,
            programmes=known.programmes if student.programmes is None else student.programmes,
            modules=known.modules if student.modules is None else student.modules,
        )
    found = assess(account.school, student, "", today, rulebook_of(school), years_of(school), account.kind)
    return Live(
        read_at=reread.read_at,
        is_there=True,
        category=found.category,
        portal=found.portal,
        account=found.account,
        differs=tuple(differences(known, student)),
    )


def differences(state: Student | None, live: Student) -> list[Difference]:
    """The fields in which a record read now is not the one that is known; all that it has, where none is."""
    blank = Student(student_id=live.student_id)
    return [
        Difference(field=name, state=getattr(state, name, None), live=getattr(live, name))
        for name in Student.__struct_fields__
        if getattr(live, name) != getattr(state or blank, name)
    ]
