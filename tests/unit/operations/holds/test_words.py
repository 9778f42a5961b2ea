"""What a hold says of a plan, of its causes and of each person: only what somebody said."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.isams import client
from services.operations.explain.lookup import left_words
from services.operations.holds.holdings import Holdings
from services.operations.holds.words import causes_of, reason_of
from services.reconciler import guard
from shared.completeness import COLUMNS
from shared.config.load import load
from shared.contract.account_state import Absence, AccountState, HeldPlan, StagedDisable
from shared.contract.events import ColumnDrop, StudentAssessed
from shared.contract.model import Category, Student, Verdict
from shared.contract.plans import PLANS, Feed, summary
from tests.harness.builders import a_student, a_sweep
from tests.harness.pipeline import Road
from tests.unit.cli.looks import MemoryLooks
from tests.unit.cli.words import rollcall

FEEDS = [Feed(kind, is_pushed) for kind in ("student", "staff") for is_pushed in (False, True)]
SINCE = "2026-11-23T09:00:00.000Z"


def an_account(record: Student | None, *, staged: bool = True, **more: Any) -> AccountState:
    """Somebody who is staged to be disabled by this record, or who is only missing."""
    assessed = StudentAssessed(
        school="abbey",
        student_id="1",
        digest="00",
        category=Category.LEFT,
        portal=Verdict.INELIGIBLE,
        account=Verdict.INELIGIBLE,
        student=record,
    )
    stage = StagedDisable(digest="00", offset=3) if staged else None
    absence = None if staged else Absence(sweep="s", started_at=SINCE)
    return AccountState(
        school="abbey",
        student_id="1",
        offset=3,
        status="enabled",
        staged=stage,
        absence=absence,
        assessment=assessed if record is not None or staged else None,
        **more,
    )


ABSENT = Student(student_id="1", lists=("absent",))
LEFT = a_student("1", system_status=-1, leaving_date="2026-11-20")
YEAR = a_student("1", system_status=-1, leaving_year=2026)
LISTED = a_student("1", lists=("leavers",), leaving_date="2026-11-20")
OF_OLD = a_student("1", lists=("leavers",))


@pytest.mark.parametrize(
    ("account", "is_pushed", "words"),
    [
        pytest.param(an_account(LEFT), False, "the record says left on 2026-11-20", id="a record with a date"),
        pytest.param(an_account(YEAR), False, "the record says left, with the leaving year 2026", id="with a year"),
        pytest.param(
            an_account(a_student("1", system_status=-1)), False, "the record says left", id="a record with neither"
        ),
        pytest.param(
            an_account(a_student("1", lists=("staff",))), False, "the record says left", id="an employee's record"
        ),
        pytest.param(
            an_account(LISTED), False, "is in the leavers' list, left on 2026-11-20", id="the leavers' list alone"
        ),
        pytest.param(an_account(OF_OLD), False, "is in the leavers' list", id="the list without a day"),
        pytest.param(
            an_account(None), False, "a record said left; the newest cannot be read", id="a record that broke"
        ),
        pytest.param(
            an_account(ABSENT),
            True,
            "is in the pushed body no more; no record says that they left",
            id="merely not in the body",
        ),
        pytest.param(
            an_account(OF_OLD),
            True,
            "is in the pushed body no more; no record says that they left",
            id="the same in an older release's words",
        ),
        pytest.param(an_account(None, staged=False), False, f"not in the roll since {SINCE}", id="missing"),
        pytest.param(
            an_account(None, staged=False), True, f"not in the pushed body since {SINCE}", id="missing from a body"
        ),
        pytest.param(
            an_account(None, staged=False, is_listed=True),
            False,
            f"not in the roll since {SINCE}; the leavers' list had them while they were on the roll, which explains "
            "nothing",
            id="an old entry explains nothing",
        ),
    ],
)
def test_somebody_has_left_where_somebody_says_so(account: AccountState, is_pushed: bool, words: str) -> None:
    feed = Feed("student", is_pushed)
    for plan in (guard.DISABLE_EXPLAINED, guard.DISABLE_UNEXPLAINED, guard.DISABLE_ABSENT):
        assert reason_of(plan, account, feed) == words
    assert reason_of(guard.REKEY, account, feed).startswith(f"{words}; seems to have come back")


@pytest.mark.parametrize("feed", FEEDS, ids=str)
@pytest.mark.parametrize("plan", PLANS)
def test_every_plan_says_what_would_happen(plan: str, feed: Feed) -> None:
    """Fails when what waits is called a removal, or gone, and is neither, and for a plan without words."""
    said = summary(plan, 35, feed)
    assert said.startswith(f"35 {'staff' if feed.kind == 'staff' else 'students'} ")
    assert "removal" not in said
    assert "_" not in said, "a word for programs is none for people"
    assert ("left" in said) is (plan == guard.DISABLE_EXPLAINED)
    assert ("roll" in said) is (plan == guard.DISABLE_UNEXPLAINED and not feed.is_pushed)
    assert len({summary(one, 1, feed) for one in PLANS}) == len(PLANS)


def test_a_nulled_plan_names_its_columns() -> None:
    drops = (
        ColumnDrop(column="phone", before="20/20", now="0/20"),
        ColumnDrop(column="last_name", before="20/20", now="1/20", collapsed=True),
    )
    said = summary(guard.NULLED_COLUMN, 35, Feed(), drops)
    assert said == "35 students would lose what their records had: phone emptied and last_name became all alike"


@pytest.mark.parametrize("feed", FEEDS, ids=str)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_cause_points_at_who_can_mend_it(column: str, feed: Feed) -> None:
    """Fails when the sender of a feed is sent to a control panel of iSAMS, or an employee's field to the students'."""
    drop = ColumnDrop(column=column, before="20/20", now="0/20")
    hold = HeldPlan(hash="h", count=20, since=SINCE, budget="-", headroom=-1, columns=(drop,))
    (cause,) = causes_of(hold, feed)
    assert ("the sender" in cause) is feed.is_pushed
    assert (client.WHERE in cause) is not feed.is_pushed
    assert ("Staff/HR" in cause) is (feed == Feed("staff", is_pushed=False))


@pytest.mark.parametrize("word", ["length_of_a_page", "end_of_the_last_body"])
def test_a_list_that_looks_cut_is_told_in_words(word: str) -> None:
    hold = HeldPlan(hash="h", count=2, since=SINCE, budget="-", headroom=-1, suspicions=(word,))
    (cause,) = causes_of(hold, Feed("student", is_pushed=True))
    assert cause.endswith("cut?") or "cut after its first?" in cause


@pytest.mark.parametrize(
    ("is_pushed", "words"), [(False, "the record says left"), (True, "the pushed body had them no more")]
)
def test_the_history_of_an_account_says_what_disabled_it(is_pushed: bool, words: str) -> None:
    assert left_words(is_pushed) == words


def test_a_held_plan_of_a_pushed_school_says_that_nobody_is_known_to_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven of twenty are not in the second body: the real eligibility, reconciler and command line."""
    (tmp_path / "secret").write_text("made-up")
    path = tmp_path / "rollcall.toml"
    path.write_text(
        '[kafka]\npartitions = 1\n[tenants.abbey]\napi_key = { file = "secret" }\n'
        '[schools.abbey]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "secret" }\n'
    )
    config = load(path, {})
    road = Road(config)
    monkeypatch.setattr(
        "services.operations.holds.holdings.holdings_of", lambda config: Holdings(road.store, 1, config.pushed)
    )
    monkeypatch.setattr("services.operations.attempts.looks_of", lambda config: MemoryLooks(pushed=config.pushed))
    everybody = [a_student(str(3050000000 + n)) for n in range(20)]
    absent = [Student(student_id=one.student_id, lists=("absent",)) for one in everybody[:7]]
    road.fetch(a_sweep("s1", everybody, full=True))
    road.fetch(a_sweep("s2", everybody[7:], sends=[*everybody[7:], *absent], minutes=5, full=True), minutes=5)
    road.run()
    (one,) = json.loads(rollcall(path, "holds", "show", "abbey", "--json").out)
    assert (one["kind"], one["count"]) == (guard.DISABLE_ABSENT, 7)
    assert {it["reason"] for it in one["students"]} == {"is in the pushed body no more; no record says that they left"}
    assert one["words"] == "7 students who are in the pushed body no more would lose their accounts"
    assert "says left" not in rollcall(path, "holds", "show", "abbey").out
    assert one["words"] in rollcall(path, "status").out
