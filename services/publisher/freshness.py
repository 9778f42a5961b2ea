"""
Never old: is what the view has recent enough to be sent? Pure; times are given.

A backup that was restored, a clone in a laboratory, a record system that nobody can read, a summer's pause: everything
agrees, and all of it is old. Whoever joined since would be disabled.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.publisher.facts import Facts
from services.publisher.moves import short_hash
from services.publisher.snapshot import Snapshot
from services.publisher.verdict import Hold, Wait
from shared.clock import parse
from shared.config.settings import IsamsSchool, PushSchool, School, Tenant
from shared.contract.account_state import CertifiedSweep
from shared.contract.populations import kind_of, school_of, words_of
from shared.contract.tenant_state import Reason, TenantState

POLLS = 3  # two may fail
LEAST_SECONDS = 120.0  # a sweep takes time, however often it is asked for
AHEAD_SECONDS = 300.0  # clocks differ; a time further ahead than this is not believed


@dataclass(frozen=True)
class Times:
    """``began_at``: when this publisher began to look."""

    began_at: datetime
    now: datetime


def limit_seconds(school: School, tenant: Tenant, book: str) -> float:
    """How old the certified sweep of a population may be."""
    match school:
        case IsamsSchool():
            poll = school.staff_poll_seconds if kind_of(book) == "staff" else school.poll_seconds
            return max(LEAST_SECONDS, min(POLLS * poll, tenant.resend_hours * 3600))
        case PushSchool():
            return school.fresh_hours * 3600
    raise TypeError(school)


def fresh(
    facts: Facts, schools: Mapping[str, School], tenant: Tenant, state: TenantState, times: Times
) -> Hold | Wait | None:
    """None when every population of the tenant was read by a sweep that is young, and no older than this publisher."""
    waits: list[Reason] = []
    holds: list[Reason] = []
    for book in facts.books:
        school, sweep = schools[school_of(book)], facts.states[book].certified
        if sweep is None or (old := _too_old(book, school, tenant, state, sweep, times)) is None:
            continue
        (holds if isinstance(school, PushSchool) else waits).append(old)
    if holds:
        return Hold((*holds, *waits))
    return Wait(tuple(waits)) if waits else None


def _too_old(
    book: str, school: School, tenant: Tenant, state: TenantState, sweep: CertifiedSweep, times: Times
) -> Reason | None:
    ended = _moment(sweep.completed_at)
    is_pushed = isinstance(school, PushSchool)
    hash = short_hash("stale", book, sweep.sweep, sweep.completed_at) if is_pushed else ""
    if hash and hash in state.releases:
        return None
    if ended is None or ended > times.now + timedelta(seconds=AHEAD_SECONDS):
        words = f"the last certified sweep says that it ended at {sweep.completed_at}, which is still to come"
        return _reason("sweep_ahead", f"{words}: set the clocks right, then {_look(book)}", book, hash)
    limit = limit_seconds(school, tenant, book)
    age = (times.now - ended).total_seconds()
    if age > limit:
        words = (
            f"the last certified sweep ended at {sweep.completed_at}, {_long(age)} ago; at most {_long(limit)} may pass"
        )
    elif ended < times.began_at and not (is_pushed and _is_unsent(ended, state)):
        words = f"no certified sweep has ended since this publisher began ({times.began_at:%Y-%m-%d %H:%M} UTC)"
    else:
        return None
    if is_pushed:
        fix = f"the school's next body ends it, or `rollcall publish TENANT --release {hash}` sends what is known"
    else:
        fix = f"one is asked for; {_look(book)}"
    return _reason("not_fresh", f"{words}: {fix}", book, hash)


def _is_unsent(ended: datetime, state: TenantState) -> bool:
    """A body that came after the last snapshot. A pushed school cannot be asked, so a restart must not lose it."""
    return state.accepted is not None and ended > parse(state.accepted.accepted_at)


def _look(book: str) -> str:
    return f"`rollcall check` says what a sweep of {words_of(book)} needs, `rollcall sync {school_of(book)}` asks again"


def is_long_ago(state: TenantState, tenant: Tenant, snapshot: Snapshot, now: datetime) -> Hold | None:
    """
    None unless the last accepted snapshot is so old that nobody can know what Unitu has by now: people added by hand,
    another import. Then a person says yes to this roster; adopting it anew is a yes as well.
    """
    if state.accepted is None:
        return None
    decided_at = max(state.accepted.accepted_at, state.adoption.adopted_at if state.adoption else "")
    gap = (now - parse(decided_at)).total_seconds()
    if gap <= tenant.max_gap_days * 86_400:
        return None
    hash = short_hash("gap", str(state.accepted.number), snapshot.roster_hash)
    if hash in state.releases:
        return None
    message = (
        f"the last accepted snapshot is {_long(gap)} old, and Unitu may have other accounts by now:"
        " `rollcall tenant adopt TENANT --accounts FILE.csv` shows whom this one would disable,"
        f" `rollcall publish TENANT --release {hash}` sends it"
    )
    return Hold((Reason(code="long_ago", message=message, count=len(snapshot.roster), hash=hash),))


def _moment(text: str) -> datetime | None:
    try:
        return parse(text)
    except ValueError:
        return None


def _long(seconds: float) -> str:
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:.0f} days"
    return f"{seconds / 3600:.0f} hours" if seconds >= 2 * 3600 else f"{seconds / 60:.0f} minutes"


def _reason(code: str, message: str, book: str, hash: str) -> Reason:
    return Reason(code=code, message=message, school=school_of(book), hash=hash)


def schools_to_ask(verdict: Hold | Wait, schools: Mapping[str, School]) -> Iterator[str]:
    """Whose sweep would end the waiting, and can be asked for."""
    asked: Collection[str] = {one.school for one in verdict.reasons if one.code in ("not_fresh", "sweep_ahead")}
    for school in sorted(asked):
        if isinstance(schools[school], IsamsSchool):
            yield school
