"""Makes the answer of ``rollcall explain`` of what was found: one part after the other. Pure; ``lookup`` finds it."""

from datetime import datetime

from services.eligibility.academic_year import rollover
from services.eligibility.remediation import smallest_edits
from services.operations.explain.evidence import PersonEvidence, ReadNow
from services.operations.explain.live import live_of
from services.operations.explain.model import AccountExplained, Explanation, RecordSeen, Rollover
from services.operations.explain.pending import held_of, staged_of
from services.operations.explain.unitu import last_snapshot
from services.operations.explain.verdicts import assessed_now, case_of, judged, note_another_day
from shared.config.settings import School, Tenant
from shared.contract.account_state import AccountState, SchoolState


def explain(
    found: PersonEvidence, school: School, tenant: Tenant, now: datetime, reread: ReadNow | None = None
) -> Explanation:
    """
    Why one person is, or is not, at Unitu.

    Shape: what was found in, the answer out; ``now`` is the moment of the question, ``reread`` what the record system
    said then (None: it was not asked). Raises: ValueError for a leaving date that is none.
    """
    account, state = found.account, found.school
    notes = list(found.notes)
    today = now.astimezone(school.zone).date()
    assessed = account.assessment
    if assessed is None and reread is not None and reread.student is not None:  # whom nobody has read before
        assessed = assessed_now(reread.student, account, school, today)
    case = case_of(account, assessed, school, today)
    category, portal, mine = judged(found, assessed, case, notes)
    if case is not None:
        note_another_day(case, today, portal.verdict, account.kind, notes)
    window = rollover(today, school.academic_year_start, school.rollover_days_before, school.rollover_days_after)
    turn = Rollover(starts=window[0].isoformat(), ends=window[1].isoformat(), is_open=window[0] <= today)
    if state.is_paused:
        notes.append("The school is paused: it is read, and nobody is removed until ResumeSchool is published.")
    return Explanation(
        school=account.school,
        student=account.student_id,
        category=category,
        seen=_seen(account, state, school),
        portal=portal,
        account=mine,
        state=_account(found),
        staged=staged_of(account, school, turn),
        held=held_of(account, state),
        last_changes=found.changes,
        last_snapshot=last_snapshot(found, school.tenant, tenant),
        next_sweep=found.next_sweep,
        rollover=turn,
        edits=() if case is None else smallest_edits(case),
        live=None if reread is None else live_of(reread, account, school, today),
        notes=tuple(notes),
    )


def _seen(account: AccountState, state: SchoolState, school: School) -> RecordSeen:
    certified = state.certified
    moments = [account.read_at, certified.started_at if certified and account.in_roll else None]
    return RecordSeen(
        source=school.source,
        last_seen_at=max((one for one in moments if one), default=None),
        read_at=account.read_at,
        certified_at=certified.completed_at if certified else None,
        is_in_roll=account.in_roll,
        arrived=account.assessment.student if account.assessment else None,
    )


def _account(found: PersonEvidence) -> AccountExplained:
    account = found.account
    return AccountExplained(
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
