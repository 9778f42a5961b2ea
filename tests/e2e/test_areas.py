"""
A whole school with all its areas: what Unitu ends up with when iSAMS lies, and when a fetcher outlives its lease.

Whole processes, a real Kafka, a real Redis. What the fetcher concludes of each lie is told case by case by
``test_nobody_loses_anything_by``.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.sandbox.schools.school import make_joiner, make_school
from services.sandbox.twin_client import IsamsTwin
from shared import clock
from shared.contract.codec import Message, Record, decode, encode, headers
from shared.contract.events import (
    AccountDisabled,
    RemovalsHeld,
    RollRead,
    SweepCompleted,
    SweepFailed,
    SweepReconciled,
    SyncRequested,
)
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.kafka.client import KafkaLog
from shared.lanes.partition import lane_of
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town, is_after

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

PATIENCE = 240.0  # seconds; what is awaited comes in two
STUDENTS = "/api/students"
HOURLY = "page_size = 100\nstructure_hours = 6\nlists_hours = 0"


def pupils(town: Town) -> list[str]:
    return [one["schoolId"] for one in town.isams.dump()["students"]]


def after(town: Town, do: Callable[[], object], outcome: str) -> None:
    """Do something, and wait for a sweep that began afterwards to end so."""
    do()
    now = clock.now()
    named = headers(SyncRequested, id=now, school=town.slug, subject=town.slug, time=now)
    lane = lane_of(town.slug, town.config.kafka.partitions)
    log = KafkaLog(town.config)  # asked for, so that nobody waits for a back-off
    log.publish([Message(SYNC_REQUESTS, lane, town.slug, encode(SyncRequested(school=town.slug)), named)])
    log.close()

    def decided() -> bool:
        if outcome == "failed":  # one that never opened is told by the fetcher alone
            told = [one for one in town.events(STUDENTS_FETCHED) if isinstance(one, SweepFailed)]
            return any(is_after(one.sweep, now) for one in told)
        return any(is_after(one.sweep, now) for one in town.sweeps(outcome))

    town.until(decided, f"a sweep that is {outcome}", PATIENCE)


def hold_of(town: Town, plan: str, count: int) -> RemovalsHeld:
    def found() -> RemovalsHeld | None:
        held = [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, RemovalsHeld)]
        return next((one for one in held if (one.plan, one.count) == (plan, count)), None)

    hold: RemovalsHeld = town.until(found, f"a hold of {count} {plan}", PATIENCE)
    return hold


def test_whatever_isams_lies_about_unitu_loses_nobody(config_file: ConfigFile, tmp_path: Path) -> None:
    """Fails when any lie is believed: an account is then disabled, a module taken away, or a stranger provisioned."""
    with a_town(config_file, tmp_path) as town, IsamsTwin(town.isams.url, "priory") as priory:
        town.isams.replace(sets=town.isams.dump()["sets"][:6])
        town.open()
        priory.load(make_school("priory", 40, 3))
        accounts = town.unitu.accounts()
        school = town.isams.dump()
        everything = town.isams.settings()["permissions"]
        on_roll = [{"schoolId": one["schoolId"], "systemStatus": "Former"} for one in school["students"]]

        def faults(*some: Mapping[str, Any]) -> Callable[[], object]:
            return lambda: town.isams.fault(*({"path": STUDENTS, **one} for one in some))

        def nulled(*fields: str) -> Callable[[], object]:
            return faults(*({"kind": "nulled_column", "path": "/api/*", "field": field} for field in fields))

        lies: list[tuple[Callable[[], object], str]] = [
            (faults({"kind": "short_page", "page": 2, "missing": 7}), "failed"),
            (faults({"kind": "status", "status": 401, "page": 2, "count": 1}), "certified"),
            (faults({"kind": "drift", "by": -1, "page": 2}), "failed"),
            (lambda: town.isams.settings(permissions=["students"]), "certified"),
            (lambda: town.isams.settings(permissions=[]), "failed"),
            (lambda: town.isams.settings(permissions=everything), "certified"),
            (faults({"kind": "empty_list"}), "failed"),
            (nulled("schoolEmailAddress"), "certified"),
            (nulled("systemStatus", "surname"), "certified"),
            (nulled("schoolId"), "failed"),
            (faults({"kind": "empty_list", "path": "/api/teaching/sets/*/setList"}), "certified"),
            (faults({"kind": "other_school", "slug": "priory", "path": "/api/*"}), "failed"),
            (faults({"kind": "truncated_json", "path": "/api/admissions/*"}), "certified"),
            (lambda: town.isams.add(*on_roll, to="alumni"), "certified"),
            (lambda: town.isams.replace(alumni=school["alumni"]), "certified"),
            (faults({"kind": "hidden_ids", "ids": pupils(town)[:13], "path": "/api/*"}), "certified"),
        ]
        for do, outcome in lies:
            town.isams.clear_faults()
            after(town, do, outcome)
        after(town, lambda: None, "certified")  # the hidden are missing a second time
        hold_of(town, "disable_unexplained", 13)
        after(town, town.isams.clear_faults, "certified")
        town.until_unitu_agrees(PATIENCE)
        assert town.ever_disabled() == set()
        assert {one["email"] for one in town.unitu.accounts()} == {one["email"] for one in accounts}
        kinds = {type(one).__name__ for one in town.events(ACCOUNT_CHANGES)}
        assert not kinds & {"AccountDisabled", "ModuleUnenrolled", "ProgrammeUnenrolled"}


def test_a_short_page_hidden_pupils_and_another_school_and_then_301_real_leavers(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    """Fails when nobody is asked, or when a person who says yes is not heard."""
    with a_town(config_file, tmp_path, size=640, paces=HOURLY) as town, IsamsTwin(town.isams.url, "priory") as priory:
        town.isams.replace(sets=town.isams.dump()["sets"][:6])
        town.open()
        everybody, enabled = pupils(town), town.unitu.enabled()
        assert len(enabled) == 640
        after(town, lambda: town.isams.fault({"kind": "short_page", "path": STUDENTS, "page": 2}), "failed")

        hidden = everybody[::3][: 640 * 29 // 100]
        after(town, lambda: town.isams.fault({"kind": "hidden_ids", "ids": hidden, "path": "/api/*"}), "certified")
        after(town, lambda: None, "certified")
        hold_of(town, "disable_unexplained", 185)
        assert town.unitu.enabled() == enabled
        after(town, town.isams.clear_faults, "certified")

        priory.load(make_school("priory", 60, 3))
        stranger = {"kind": "other_school", "slug": "priory", "path": "/api/*"}
        after(town, lambda: town.isams.fault(stranger), "failed")
        assert town.unitu.enabled() == enabled
        town.isams.clear_faults()

        left = everybody[-301:]
        after(town, lambda: town.isams.leave(*left), "certified")
        hold = hold_of(town, "disable_explained", 301)
        shown = ("holds", "list", town.slug, "--json")  # of the store, which is written after it was told
        town.until(lambda: hold.hash in town.rollcall(*shown).stdout, "a hold that can be released")
        assert town.ever_disabled() == set()
        said = town.rollcall("holds", "release", town.slug, hold.hash, "--yes", "--wait", "110")
        assert said.returncode == 0, said.stdout + said.stderr
        town.until_unitu_agrees(PATIENCE)
        assert len(town.ever_disabled()) == 301
        assert len(town.unitu.enabled()) == 339


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    """One school at a time for each fetcher, and leases of three seconds."""
    with a_town(config_file, tmp_path, school="lease_seconds = 3\n[fetcher]\nconcurrency = 1") as town:
        town.isams.replace(sets=town.isams.dump()["sets"][:6])
        yield town


def test_a_fetcher_that_lost_its_lease_finishes_an_old_sweep_and_the_joiner_stays(town: Town) -> None:
    """
    Fails when the close of a sweep that is not the open one decides anything, even that it proves nothing.

    The old sweep has read every page and hangs on a question; the new one brings a joiner; then the old one says its
    roll, without the joiner, its leavers and its certificate.
    """
    town.start("reconciler")
    town.start("eligibility", "publisher", process="others")
    town.programs.start("stale", "fetcher", program="tests.e2e.with_stale_lease")
    town.adopt()
    town.until_unitu_agrees(PATIENCE)
    gone = pupils(town)[3]
    question = f"{STUDENTS}/{gone}"
    town.isams.fault({"kind": "hang", "path": question, "count": 1})
    town.isams.remove(gone)
    town.until(lambda: any(one["path"] == question for one in town.isams.requests()), "the question", PATIENCE)
    sweep = sweep_under_way(town)
    joiner = msgspec.to_builtins(make_joiner(town.slug, 1))
    town.isams.add(joiner)
    town.start("fetcher")
    email = joiner["schoolEmailAddress"]
    town.until(lambda: town.unitu.account(email), "the joiner at Unitu", PATIENCE)
    assert not closed(town, sweep), "it is under way"
    town.isams.clear_faults()
    town.until(lambda: closed(town, sweep), "the end of the old sweep", PATIENCE)
    old_roll = next(one for one in town.events(STUDENTS_FETCHED) if isinstance(one, RollRead) and one.sweep == sweep)
    assert joiner["schoolId"] not in old_roll.ids
    after(town, lambda: None, "certified")
    after(town, lambda: None, "certified")
    town.until_unitu_agrees(PATIENCE)
    account = town.unitu.account(email)
    assert account is not None
    assert account["enabled"]
    assert email not in town.ever_disabled()
    reported = {one.sweep for one in town.events(ACCOUNT_CHANGES) if isinstance(one, SweepReconciled)}
    assert sweep not in reported, "its close was passed over"
    disabled = [one for one in town.events(ACCOUNT_CHANGES) if isinstance(one, AccountDisabled)]
    assert {(one.student_id, one.evidence.ref == sweep) for one in disabled} == {(gone, False)}


def sweep_under_way(town: Town) -> str:
    """The first sweep that was opened, and has neither closed nor failed."""
    open_sweeps: list[str] = []
    for record in town.records(STUDENTS_FETCHED):
        name, sweep = kind(record), record.header("sweep") or ""
        if name == "SweepStarted":
            open_sweeps.append(sweep)
        elif name in ("SweepCompleted", "SweepFailed") and sweep in open_sweeps:  # a failed one may have no start
            open_sweeps.remove(sweep)
    return open_sweeps[0]


def closed(town: Town, sweep: str) -> bool:
    return any(isinstance(one, SweepCompleted) and one.sweep == sweep for one in town.events(STUDENTS_FETCHED))


def kind(record: Record) -> str:
    return type(decode(record.header("ce_type"), record.value)).__name__
