"""``rollcall sync``, as a person would, on whole services: what it waits for, what it says, and how it ends."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.app import QUEUE
from shared.contract.events import SweepStarted, SyncAnswered
from shared.contract.topics import SYNC_REQUESTS
from shared.errors import Retryable
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from tests.conftest import ConfigFile
from tests.e2e.harness import OTHERS, Town, a_town
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


LIMIT = "120"  # seconds; what is awaited comes in two


def synced(town: Town, *words: str, code: int = 0) -> Any:
    """What ``rollcall sync`` says to a program."""
    done = rollcall(town.config_path, "sync", town.slug, *words, "--wait", "--timeout", LIMIT, "--json")
    assert done.code == code, done.err + done.out
    return json.loads(done.out if code in (0, 3) else done.err)


def pupils(town: Town) -> list[str]:
    return [one["schoolId"] for one in town.isams.dump()["students"]]


def surnames(town: Town, number: int) -> set[str]:
    return {one["lastName"] for one in town.unitu.snapshot(number)["body"]["students"]}


def is_certified(town: Town) -> bool:
    try:
        return bool(town.sweeps("certified"))
    except Retryable:  # the topics are not there yet
        return False


def until_at_rest(town: Town) -> None:
    """
    Nothing is read, and nobody has asked for anything that was not read yet: a publisher that finds accounts when it
    starts asks for a full sweep, which would take the next change before we ask for one.
    """
    client = connect(town.config)
    due = RedisDueQueue(client, town.config.redis.key_prefix, QUEUE)

    def is_at_rest() -> bool:
        told = town.records(SYNC_REQUESTS)
        answered = {one.request for one in town.events(SYNC_REQUESTS) if isinstance(one, SyncAnswered)}
        asked = {one.header("ce_id") for one in told if (one.header("ce_type") or "").startswith("rollcall.sync_req")}
        at, is_read = due.look(town.slug)
        return asked <= answered and not is_read and at is not None and at > time.time() + 60

    town.until(lambda: "publisher: lanes" in town.programs.said("others"), "a publisher that has begun")
    town.until(is_at_rest, "a school that nobody reads")
    client.close()


def rarely_read(town: Town, mode: str = "live") -> None:
    """Nothing is read but what is asked for."""
    text = town.config_path.read_text().replace("poll_seconds = 1\n", "poll_seconds = 3600\n")
    town.config_path.write_text(re.sub('mode = "[a-z-]+"', f'mode = "{mode}"', text))


def test_it_returns_when_unitu_has_it_and_says_what_changed(config_file: ConfigFile, tmp_path: Path) -> None:
    """
    Fails when it returns before the snapshot that carries the change, when one student's reading opens a sweep, and
    when what was not read, or waits for a person, ends like what is done.
    """
    with a_town(config_file, tmp_path) as town:
        rarely_read(town)
        town.open()
        until_at_rest(town)
        first, second, *others = pupils(town)

        town.isams.change(first, surname="Afterwards")
        said = synced(town)
        (change,) = said["changes"]
        assert (change["student_id"], change["kind"], change["detail"]) == (first, "account_updated", "last_name")
        school = town.isams.dump()
        assert said["roll_count"] == len(school["students"]) + len(school["applicants"])
        assert said["waits_for"] == []
        assert said["delivery"]["state"] == "accepted"
        assert "Afterwards" in surnames(town, said["delivery"]["number"])

        whole = synced(town, "--full")
        assert (whole["changes"], whole["delivery"]["state"]) == ([], "nothing_to_send")
        sweeps = [one for one in town.events("students-fetched") if isinstance(one, SweepStarted)]
        assert [one.full for one in sweeps if one.sweep == whole["sweep"]] == [True]

        town.isams.change(second, surname="Alone")
        one = synced(town, "--student", second)
        assert [(told["student_id"], told["kind"]) for told in one["changes"]] == [(second, "account_updated")]
        assert (one["sweep"], one["verdict"]["account"], one["delivery"]["state"]) == (None, "eligible", "accepted")
        assert "Alone" in surnames(town, one["delivery"]["number"])
        singles = [told for told in town.records("students-fetched") if told.header("sweep") is None]
        assert [(told.key, told.header("read_at")) for told in singles] == [(f"{town.slug}/{second}", one["read_at"])]
        assert [one for one in town.events("students-fetched") if isinstance(one, SweepStarted)] == sweeps

        unknown = synced(town, "--student", "999", code=2)
        assert "knows no student 999" in unknown["detail"]

        town.isams.fault({"kind": "short_page", "path": "/api/students", "page": 2, "missing": 5})
        failed = synced(town, code=1)
        assert "no certificate (totals_disagree)" in failed["detail"]
        town.isams.clear_faults()

        town.isams.leave(*others[:20])
        held = synced(town, code=3)
        assert [(told["kind"], told["count"]) for told in held["held"]] == [("disable_explained", 20)]
        words = "20 students who have left would lose their accounts (disable_explained)"
        assert held["waits_for"] == [f"{words}: held, see rollcall holds show {town.slug}"]
        assert town.ever_disabled() == set()

        town.programs.kill("others")
        alone = rollcall(town.config_path, "sync", town.slug, "--wait", "--timeout", "1")
        assert alone.code == 1
        assert "waits: a fetcher to take the request; see that one runs" in alone.err


def test_a_dry_run_is_waited_for_and_a_paused_tenant_is_told(config_file: ConfigFile, tmp_path: Path) -> None:
    """Fails when it waits for a snapshot that nobody will send, or calls a rehearsed one accepted."""
    with a_town(config_file, tmp_path) as town:
        rarely_read(town, "dry-run")
        town.start("reconciler", *OTHERS, process="others")
        first, second, *_ = pupils(town)
        town.until(lambda: is_certified(town), "a first sweep")
        until_at_rest(town)
        town.isams.change(first, surname="Afterwards")
        said = synced(town)
        assert (said["delivery"]["mode"], said["delivery"]["state"], said["waits_for"]) == ("dry-run", "simulated", [])
        assert said["counts"] == {"account_updated": 1}
        assert town.unitu.snapshots(bodies=False) == []

        rarely_read(town, "paused")
        town.isams.change(second, surname="Alone")
        paused = rollcall(town.config_path, "sync", town.slug, "--student", second, "--wait", "--timeout", LIMIT)
        assert paused.code == 3, paused.err
        assert "is paused and sends nothing" in paused.err
        assert f"{second}: account updated last_name" in paused.out
