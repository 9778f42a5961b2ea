"""A key that hides 29 % of a school, and then a summer's leavers, on a real Kafka and a real Redis."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.reconciler import keys
from services.reconciler.app import store_of
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, LaneState
from shared.contract.codec import Message, Record, decode, decoder
from shared.contract.events import AccountDisabled, RemovalHeld, SweepReconciled
from shared.contract.model import Frozen, Student
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader
from tests.conftest import ONE_SCHOOL, ConfigFile, create_topics
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config
from tests.integration.test_holds import running, say

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
ALL = [a_student(str(3050000000 + n), year_group=7 + n % 7) for n in range(1500)]
HIDDEN, LEAVERS = ALL[:435], ALL[1000:1301]


class School:
    """What a fetcher would publish of it, sweep by sweep."""

    def __init__(self, config: Config, folder: Path) -> None:
        folder.mkdir()
        self.config = config
        self.lines = Road(a_config(folder))
        self.out = KafkaLog(config)
        self.sweeps = 0

    async def reads(self, roll: list[Student], sends: list[Student], minutes: float) -> SweepReconciled:
        """One sweep, and what it came to."""
        self.sweeps += 1
        records: list[Record] = []
        self.lines.judge = records.extend  # type: ignore[method-assign]
        self.lines.fetch(a_sweep(f"s{self.sweeps}", roll, sends=sends, minutes=minutes), minutes=minutes)
        self.out.publish(
            [
                Message(
                    STUDENTS_FETCHED, LANE, one.key, one.value, [(name, v.encode()) for name, v in one.headers.items()]
                )
                for one in records
            ]
        )
        done: SweepReconciled = await asyncio.to_thread(until, self.close)
        await asyncio.to_thread(until, self.is_written)
        return done

    def close(self) -> SweepReconciled | None:
        """Of the newest sweep."""
        found = [event for event in self.changes() if isinstance(event, SweepReconciled)]
        return next((one for one in found if one.sweep == f"s{self.sweeps}"), None)

    def is_written(self) -> bool:
        """What was decided is told before it is remembered."""
        record = store_of(self.config).read(LANE).lane
        with Reader(self.config) as reader:
            end = reader.edges(STUDENTS_ASSESSED, LANE)[1]
        return record is not None and decoder(LaneState).decode(record).position == end

    def changes(self) -> list[Frozen]:
        with Reader(self.config) as reader:
            return [decode(one.header("ce_type"), one.value) for one in reader.read(ACCOUNT_CHANGES, LANE)]

    def disabled(self) -> set[str]:
        name = keys.students(SCHOOL)
        states: list[AccountState] = [
            decoder(AccountState).decode(value)
            for value in store_of(self.config).read(LANE, whole=[name]).whole[name].values()
        ]
        return {one.student_id for one in states if one.status == "disabled"}


def until(found: Callable[[], Any]) -> Any:
    while not (answer := found()):
        time.sleep(0.1)
    return answer


async def test_hidden_pupils_stay_and_leavers_go_by_a_persons_word(config_file: ConfigFile, tmp_path: Path) -> None:
    """
    Fails when the guard counts a hidden pupil as gone, or when a release needs anything but its hash: 435 of 1,500
    answer 404, in two sweeps an hour apart; then they are back, and 301 have really left.
    """
    path = config_file(ONE_SCHOOL, partitions=1)
    config = load(path, {})
    create_topics(config, keep_own_times=True)
    async with running(config):
        school = School(config, tmp_path / "road")
        assert not (await school.reads(ALL, ALL, 0)).is_held
        for minutes in (10, 75):
            report = await school.reads(ALL[435:], [], minutes)
        assert report.is_held
        assert report.counts["disable_unexplained"] == 435
        assert (await say(path, "status")).code == 3, "held is no success"
        assert school.disabled() == set()

        report = await school.reads(ALL, HIDDEN, 80)
        assert (report.is_held, school.disabled()) == (False, set())
        gone = [a_leaver(one.student_id, year_group=one.year_group) for one in LEAVERS]
        report = await school.reads(ALL[:1000] + ALL[1301:], gone, 90)
        assert (report.is_held, school.disabled()) == (True, set()), "301 are beyond the count"

        (hold,) = json.loads((await say(path, "holds", "list", "--json")).out)
        assert (hold["kind"], hold["count"], hold["headroom"]) == ("disable_explained", 301, -101)
        words = ("--yes", "--note", "leavers of July", "--wait", "240", "--json")
        said = await say(path, "holds", "release", SCHOOL, hold["hash"], *words)
        assert (said.code, json.loads(said.out)["is_taken"]) == (0, True), said.err
        report = await school.reads(ALL[:1000] + ALL[1301:], [], 95)
        assert school.disabled() == {one.student_id for one in LEAVERS}
        assert [one.released for one in report.guards if one.plan == "disable_explained"] == [301]
        assert (await say(path, "holds", "list")).code == 0
    told = school.changes()
    assert len({one.student_id for one in told if isinstance(one, AccountDisabled)}) == 301
    held = {(one.student_id, one.hash, one.version) for one in told if isinstance(one, RemovalHeld)}
    assert len(held) == 435 + 301, "each was told once"
    school.out.close()
