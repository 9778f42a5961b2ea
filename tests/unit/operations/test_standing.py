"""Fresh is only what nothing speaks against: each way in which a school is not kept in step, on both sides of it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.sweep.cache import AreaState
from services.gateway.receipt import WITHOUT_KEY
from services.operations.standing import ADVICE, Attempts, Delivering, state_of, troubles_of, undelivered
from shared import clock
from shared.config.settings import IsamsSchool, PushSchool, School, Tenant
from shared.contract.account_state import CertifiedSweep, HeldPlan, SchoolState
from shared.contract.tenant_state import Held, Reason
from shared.sweeps.failing import Failing, once_more
from tests.harness.builders import START, at

ISAMS = IsamsSchool.model_construct(poll_seconds=300, staff_poll_seconds=3600)
SLOW = IsamsSchool.model_construct(poll_seconds=21_600)
PUSH = PushSchool.model_construct(fresh_hours=26.0)
NOW = at(60)


def certified(minutes: float, **more: Any) -> SchoolState:
    """A school that was certified so many minutes ago."""
    sweep = CertifiedSweep(sweep="s", started_at=at(60 - minutes), completed_at=at(60 - minutes), offset=1)
    return SchoolState(school="abbey", offset=1, certified=sweep, **more)


def unix(minutes: float) -> float:
    return (START + timedelta(minutes=minutes)).timestamp()


def failing(reason: str = "refused", **more: Any) -> Failing:
    return Failing(**({"since": at(50), "failed_at": at(59), "reason": reason, "detail": "no"} | more))


def held(state: str = "held") -> dict[str, HeldPlan]:
    return {"move": HeldPlan(hash="h", count=1, since=at(0), budget="-", headroom=-1, state=state)}  # type: ignore[arg-type]


STALE = {"sets": AreaState(due_at=unix(90), read_at=at(0), trouble="iSAMS refuses /api/teaching/sets (403); ask")}
NEVER = {"sets": AreaState(due_at=unix(90), trouble="iSAMS refuses /api/teaching/sets (403); ask")}
OTHER = {"terms": AreaState(due_at=unix(90), read_at=at(0), trouble="status 500")}


@pytest.mark.parametrize(
    ("known", "school", "attempts", "state"),
    [
        pytest.param(certified(1), ISAMS, Attempts(), "fresh", id="nothing speaks against it"),
        pytest.param(certified(1), ISAMS, Attempts(failing()), "failing", id="the newest attempt failed"),
        pytest.param(certified(1), PUSH, Attempts(failing()), "failing", id="the newest body was refused"),
        pytest.param(certified(1, holds=held()), ISAMS, Attempts(failing()), "held", id="held before failing"),
        pytest.param(certified(1, is_paused=True), ISAMS, Attempts(failing()), "failing", id="failing before paused"),
        pytest.param(certified(1, is_paused=True), ISAMS, Attempts(), "paused", id="paused"),
        pytest.param(certified(1, holds=held("released")), ISAMS, Attempts(), "fresh", id="released"),
        pytest.param(None, ISAMS, Attempts(), "unread", id="nothing is known"),
        pytest.param(SchoolState(school="abbey", offset=1), ISAMS, Attempts(), "unread", id="nothing was certified"),
        pytest.param(None, ISAMS, Attempts(failing()), "failing", id="it never could be read"),
        pytest.param(None, PUSH, Attempts(), "unread", id="no body came"),
        pytest.param(certified(15), ISAMS, Attempts(), "fresh", id="a quarter of an hour old"),
        pytest.param(certified(15.1), ISAMS, Attempts(), "late", id="and a moment"),
        pytest.param(certified(16), SLOW, Attempts(), "fresh", id="a slow pace"),
        pytest.param(certified(16), SLOW, Attempts(due_at=unix(59)), "fresh", id="just due"),
        pytest.param(certified(30), SLOW, Attempts(due_at=unix(44.9)), "late", id="due for long, and nobody takes it"),
        pytest.param(certified(30), SLOW, Attempts(due_at=unix(90)), "fresh", id="not due yet"),
        pytest.param(certified(30), SLOW, Attempts(read_at=at(46)), "fresh", id="read just now, not decided yet"),
        pytest.param(certified(30), SLOW, Attempts(read_at=at(44)), "late", id="read long ago, and nobody decides"),
        pytest.param(certified(30), SLOW, Attempts(read_at=at(30)), "fresh", id="read and decided"),
        pytest.param(certified(26 * 60), PUSH, Attempts(), "fresh", id="a body may be sent on"),
        pytest.param(certified(26 * 60 + 1), PUSH, Attempts(), "late", id="no longer"),
        pytest.param(certified(1), ISAMS, Attempts(areas=STALE), "degraded", id="sets stay as they were"),
        pytest.param(certified(1), ISAMS, Attempts(areas=NEVER), "fresh", id="sets that never were"),
        pytest.param(certified(1), ISAMS, Attempts(areas=OTHER), "fresh", id="nothing that accounts rest on"),
    ],
)
def test_fresh_is_only_what_nothing_speaks_against(
    known: SchoolState | None, school: School, attempts: Attempts, state: str
) -> None:
    assert state_of(known, troubles_of("abbey", known, school, attempts, NOW)) == state


def test_a_failure_says_since_when_why_what_to_do_and_when_it_is_tried_again() -> None:
    detail = "iSAMS refuses /api/students (403); give this client the permission"
    attempts = Attempts(failing(detail=detail, attempts=7, said="not authorised"), due_at=unix(61))
    (one,) = troubles_of("abbey", certified(1), ISAMS, attempts, NOW)
    assert one.as_dict() == {
        "state": "failing",
        "since": at(50),
        "why": 'refused: iSAMS refuses /api/students (403) (it says: "not authorised") (7 times in a row)',
        "to_do": "give this client the permission",
        "next_try": at(61),
    }
    assert one.words.endswith(f"; give this client the permission; tried again at {at(61)}")


def test_every_failure_has_something_to_do() -> None:
    """Fails for a reason that the fetcher or the gateway may give and that tells nobody what to do."""
    code = "".join(path.read_text() for path in Path("services/fetcher").rglob("*.py"))
    reasons = {*re.findall(r'Failure\(\s*"([a-z_]+)"', code), *WITHOUT_KEY.values(), "body_refused"}
    assert len(reasons) >= 12
    assert reasons == set(ADVICE)
    for reason in reasons:
        (one,) = troubles_of("abbey", certified(1), ISAMS, Attempts(failing(reason)), NOW)
        assert one.to_do
        assert "SCHOOL" not in one.to_do


def test_attempts_in_vain_are_counted_from_the_first() -> None:
    first = failing(since=at(1), failed_at=at(1))
    again = once_more(once_more(None, first), failing("unreachable", since=at(2), failed_at=at(2)))
    assert (again.since, again.failed_at, again.attempts, again.reason) == (at(1), at(2), 2, "unreachable")


def tenant(mode: str = "live") -> Tenant:
    return Tenant.model_construct(mode=mode)


HOLD = Held(kind="hold", reasons=(Reason(code="not_adopted", message="adopt it"),), since=at(3))


@pytest.mark.parametrize(
    ("mode", "delivering", "words"),
    [
        pytest.param("live", Delivering(), "", id="nothing speaks against it"),
        pytest.param("live", Delivering(HOLD), "tenant t is held: adopt it; rollcall tenant show t", id="a hold"),
        pytest.param(
            "live",
            Delivering(Held(kind="rejected", reasons=HOLD.reasons, since=at(3))),
            "tenant t is refused by Unitu: adopt it",
            id="Unitu's own no",
        ),
        pytest.param(
            "live", Delivering(Held(kind="wait", reasons=HOLD.reasons, since=at(3))), "", id="what passes by itself"
        ),
        pytest.param("live", Delivering(retries=3, not_before=at(61)), "3 snapshots in a row", id="no answer of Unitu"),
        pytest.param("paused", Delivering(), "tenant t is paused", id="paused"),
        pytest.param("dry-run", Delivering(HOLD), "", id="it simulates, as told"),
    ],
)
def test_what_does_not_reach_unitu_is_not_in_step(mode: str, delivering: Delivering, words: str) -> None:
    found = undelivered("t", tenant(mode), delivering)
    assert (found is None) is (not words)
    assert found is None or words in found.words
    state = state_of(certified(1), [] if found is None else [found])
    assert state == ("undelivered" if words else "fresh")


def test_times_are_read_as_they_are_written() -> None:
    assert clock.parse(NOW) - clock.parse(at(0)) == timedelta(hours=1)
