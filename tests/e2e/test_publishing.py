"""Whole snapshots or none: what a Unitu of its own would lose, if any of these were told wrongly."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.sandbox.demo.adoption import yes_to
from shared.contract.deliveries import SnapshotHeld
from shared.errors import Retryable
from tests.conftest import ConfigFile
from tests.e2e.harness import OTHERS, Town, a_town

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

THEIRS: tuple[dict[str, Any], ...] = (
    {"email": "head@abbey.example", "first_name": "Hilda", "last_name": "Head", "kind": "staff"},
    {"email": "test@unitu.example", "first_name": "Test", "last_name": "User"},
)
QUICK = "timeout_seconds = 2\nlease_seconds = 4\nretry_max_seconds = 1"


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, tenant=QUICK) as town:
        yield town


def emails(town: Town) -> list[str]:
    return [one["schoolEmailAddress"] for one in town.isams.dump()["students"]]


def snapshots(town: Town) -> list[dict[str, Any]]:
    return town.unitu.snapshots(bodies=False)


def test_the_first_post_to_a_unitu_with_accounts_of_its_own_waits_for_a_yes(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    """Fails when anything is sent before the adoption, or when the yes is not shown whom it would disable."""
    with a_town(config_file, tmp_path, tenant=QUICK, unitu_accounts=THEIRS) as town:
        town.start("reconciler")
        town.start(*OTHERS, process="others")
        held = town.until(lambda: _held(town), "a held delivery")
        assert [reason.code for reason in held[0].reasons] == ["not_adopted"]
        assert snapshots(town) == []
        assert town.ever_disabled() == set()
        accounts = tmp_path / "accounts.csv"
        accounts.write_text("Name,Email\nHilda,head@abbey.example\nTest,test@unitu.example\n")
        words = ("tenant", "adopt", town.slug, "--accounts", str(accounts), "--json")
        asked = town.rollcall(*words)
        assert asked.returncode == 1, asked.stderr
        assert "head@abbey.example" in asked.stdout
        assert snapshots(town) == []
        done = town.rollcall(*words, *yes_to(asked.stdout).split())
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["disabled"] == ["head@abbey.example", "test@unitu.example"]
        town.until(lambda: town.unitu.enabled() == set(emails(town)), "the roster at Unitu")
        assert town.ever_disabled() == {"head@abbey.example", "test@unitu.example"}


def _held(town: Town) -> list[SnapshotHeld]:
    try:
        told = town.events("deliveries")
    except Retryable:  # the topics are not there yet
        return []
    return [one for one in told if isinstance(one, SnapshotHeld) and one.kind == "hold"]


def test_an_email_and_then_a_whole_domain_change_and_nobody_vanishes(town: Town) -> None:
    """Fails when a changed e-mail moves by itself: Unitu would have a new account and a disabled one."""
    town.open()
    old = emails(town)
    first = town.isams.dump()["students"][0]
    town.isams.change(first["schoolId"], schoolEmailAddress="moved@abbey.example", surname="Moved")
    town.until(lambda: (town.unitu.account(old[0]) or {}).get("last_name") == "Moved", "the new name at the old e-mail")
    everybody = {
        one["schoolId"]: {"schoolEmailAddress": one["schoolEmailAddress"].replace("@", "@new.")}
        for one in town.isams.dump()["students"]
    }
    town.isams.change_many(everybody)
    key = town.until(lambda: _held_emails(town), "most of them held by the guard")
    said = town.rollcall("holds", "release", town.slug, key, "--yes", "--wait", "110")
    assert said.returncode == 0, said.stdout + said.stderr
    shown = town.until(lambda: _waits(town, len(old)), "everybody waiting")
    assert {wait["delivered"] for wait in shown} == set(old)
    town.until_sweeps(1)
    before = len(snapshots(town))
    assert town.rollcall("publish", town.slug).returncode == 0
    town.until(lambda: len(snapshots(town)) > before, "one more snapshot")
    town.unitu.wait_idle()
    assert town.unitu.enabled() == set(old)
    assert town.ever_disabled() == set()
    town.unitu.rename(old[1], everybody_of(everybody, town)[1])
    words = ("tenant", "release-emails", town.slug, "--email", old[1], "--json")
    shown_to_one = json.loads(town.rollcall(*words).stdout)
    released = town.rollcall(*words, "--yes", shown_to_one["hash"])
    assert released.returncode == 0, released.stderr
    expected = {*old, everybody_of(everybody, town)[1]} - {old[1]}
    town.until(lambda: town.unitu.enabled() == expected, "the released e-mail at Unitu")
    assert town.ever_disabled() == set()


def _held_emails(town: Town) -> str | None:
    """The hash of the plan of changed e-mails: beyond five heads, a new domain is a person's decision twice."""
    told = town.rollcall("holds", "list", town.slug, "--json")
    holds = json.loads(told.stdout) if told.returncode == 3 else []
    return next((one["hash"] for one in holds if one["kind"] == "email_change" and one["count"] >= 40), None)


def _waits(town: Town, count: int) -> list[dict[str, Any]] | None:
    shown = town.rollcall("tenant", "show", town.slug, "--json")
    assert shown.returncode == 0, shown.stderr
    waits: list[dict[str, Any]] = json.loads(shown.stdout)["waits"] or []
    return waits if len(waits) == count else None


def everybody_of(changes: dict[str, dict[str, str]], town: Town) -> list[str]:
    return [changes[one["schoolId"]]["schoolEmailAddress"] for one in town.isams.dump()["students"]]


@pytest.mark.parametrize("point", ["announced", "posted", "concluded"])
def test_a_publisher_killed_around_a_post_leaves_no_stale_snapshot(town: Town, point: str) -> None:
    """Fails when a successor does not wait the POST out, or sends what its predecessor had."""
    town.start("reconciler")
    town.start("eligibility", "fetcher", process="others")
    town.programs.at("publisher", point, "kill")
    town.start("publisher")
    town.adopt()
    town.programs.until_at("publisher", point)
    pupils = town.isams.dump()["students"]
    if point != "announced":  # else Unitu never hears of them: the successor reads to the end before it speaks
        town.isams.leave(pupils[3]["schoolId"])
    town.isams.change(pupils[0]["schoolId"], surname="Afterwards")
    town.start("publisher")
    town.until_unitu_agrees()
    assert town.ever_disabled() <= {pupils[3]["schoolEmailAddress"]}
    assert _stale(town, "Afterwards") == []


def test_a_post_that_times_out_after_it_was_applied_is_followed_by_nothing_stale(town: Town) -> None:
    """Fails when an unknown outcome is forgotten, or when its snapshot is sent again instead of the newest."""
    town.start("reconciler")
    town.start("eligibility", "fetcher", process="others")
    town.start("publisher")
    town.adopt()
    town.until_unitu_agrees()
    town.unitu.fault({"kind": "apply_then_time_out", "count": 2})
    pupils = town.isams.dump()["students"]
    town.isams.change(pupils[1]["schoolId"], surname="Before")
    town.until(lambda: (town.unitu.account(pupils[1]["schoolEmailAddress"]) or {}).get("last_name") == "Before", "it")
    town.isams.change(pupils[0]["schoolId"], surname="Afterwards")
    town.isams.leave(pupils[3]["schoolId"])
    town.kill("publisher")
    town.start("publisher")
    town.until_unitu_agrees()
    assert town.ever_disabled() == {pupils[3]["schoolEmailAddress"]}
    assert _stale(town, "Afterwards") == []


def _stale(town: Town, surname: str) -> list[int]:
    """The snapshots that came after one with this change, and lack it."""
    is_in = [
        (one["number"], surname in json.dumps(one["body"])) for one in town.unitu.snapshots() if one["body"] is not None
    ]
    first = next((number for number, has in is_in if has), 10**9)
    return [number for number, has in is_in if number > first and not has]
