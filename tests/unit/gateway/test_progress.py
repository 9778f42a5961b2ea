"""What the status URL says of a body: accepted, decided with what is held, delivered with a number, or superseded."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.gateway.follow import Course
from shared.contract.codec import Record, encode, headers
from shared.contract.deliveries import Report, SnapshotAccepted
from shared.contract.events import SweepReconciled
from shared.contract.model import Frozen
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES
from tests.unit.gateway.test_pipeline import Pushed
from tests.unit.gateway.test_unitu import Told
from tests.unit.gateway.world import SLUG, World, a_body, pupils

HOUR = 60


class Followed(Told):
    """The whole road in memory, with a follower that reads both topics from wherever it was."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.places = {ACCOUNT_CHANGES: 0, DELIVERIES: 0}
        self.urls: list[str] = []
        self.restart()

    @property
    def gateway(self) -> World:
        return self.pushed.gateway

    def restart(self) -> None:
        """Another gateway process: it has what Redis has."""
        self.course = Course(self.gateway.memory, {SLUG: "abbey"})

    def send(self, body: Any, until: float = 60, *, works: bool = True) -> str:
        """Push it and let everybody work, or all but the publisher; the status URL."""
        if works:
            self.push(body, until)
        else:
            self.runner.run(self.pushed.push(body))
        self.follow()
        (newest,) = [f"/v1/sync/{sweep}" for _, sweep in list(self.gateway.memory.statuses)[-1:]]
        self.urls.append(newest)
        return newest

    def follow(self) -> None:
        for topic, out in ((ACCOUNT_CHANGES, self.pushed.road.out), (DELIVERIES, self.unitu.out)):
            found = out.of(topic)[self.places[topic] :]
            self.places[topic] += len(found)
            self.course.take(
                Record(topic, 0, n, one.key, one.value or b"", raw=dict(one.headers)) for n, one in enumerate(found)
            )

    def get(self, url: str, **headers: str) -> dict[str, Any]:
        return dict(self.runner.run(self.gateway.client.get(url, headers=headers)).json())


@pytest.fixture
def followed(tmp_path: Path) -> Any:
    followed = Followed(tmp_path)
    yield followed
    followed.runner.close()


def test_a_body_is_decided_and_then_delivered_with_its_number(followed: Followed) -> None:
    """Fails when it says accepted for ever."""
    url = followed.send(a_body(pupils(30)), until=600)
    told = followed.get(url)
    assert (told["state"], told["superseded_by"]) == ("delivered", None)
    accepted = followed.unitu.state.accepted
    assert accepted is not None
    assert told["snapshot"] == accepted.number
    (students,) = told["decided"]
    assert (students["people"], students["outcome"], students["roll_count"]) == ("students", "certified", 30)
    assert students["held"] == []


def test_the_receipt_is_in_it(tmp_path: Path) -> None:
    pushed = Pushed(tmp_path)
    answer = asyncio.run(pushed.gateway.post(a_body(pupils(3))))
    told = asyncio.run(pushed.gateway.client.get(answer.json()["status_url"])).json()
    assert told.items() >= answer.json().items()
    assert (told["state"], told["decided"], told["snapshot"]) == ("accepted", [], None)


def test_it_says_what_is_held_and_for_how_many(followed: Followed) -> None:
    followed.send(a_body(pupils(30)), until=600)
    url = followed.send(a_body(pupils(20)), until=60)
    (students,) = followed.get(url)["decided"]
    assert students["held"] == [
        {
            "plan": "disable_absent",
            "count": 10,
            "words": "10 students who are in the pushed body no more would lose their accounts",
        }
    ]


def test_it_says_what_took_effect(followed: Followed) -> None:
    followed.send(a_body(pupils(30)), until=600)
    url = followed.send(a_body(pupils(28)), until=600)
    told = followed.get(url)
    assert told["decided"][0]["counts"] == {"disable_absent": 2}
    assert told["state"] == "delivered"


def test_it_is_true_across_restarts(followed: Followed) -> None:
    first = followed.send(a_body(pupils(30)), until=600)
    before = followed.get(first)
    followed.restart()
    followed.places = {ACCOUNT_CHANGES: 0, DELIVERIES: 0}
    followed.follow()
    assert followed.get(first) == before
    second = followed.send(a_body(pupils(29)), until=600)
    assert followed.get(first) == before, "what was delivered stays so"
    assert followed.get(second)["snapshot"] > before["snapshot"]


def test_a_body_that_another_overtakes_is_superseded(followed: Followed) -> None:
    followed.send(a_body(pupils(30)), until=600)
    first = followed.send(a_body(pupils(29)), works=False)
    assert followed.get(first)["state"] == "decided"
    second = followed.send(a_body(pupils(28)), until=600)
    told = followed.get(first)
    assert (told["state"], told["superseded_by"]) == ("superseded", second.rpartition("/")[2])
    assert followed.get(second)["state"] == "delivered"


def test_it_is_nobody_elses(followed: Followed) -> None:
    url = followed.send(a_body(pupils(30)))
    assert followed.get(url, API_KEY="another-key")["status"] == 404


def a_record(event: Frozen, value: bytes | None = None) -> Record:
    told = headers(type(event), id="1", school=SLUG, subject=SLUG, time="2026-11-23T08:00:00.000Z")
    return Record("t", 0, 0, SLUG, encode(event) if value is None else value, raw=dict(told))


CLOSED = SweepReconciled(school=SLUG, sweep="s", version=7, outcome="certified")
SENT = SnapshotAccepted(
    tenant="abbey",
    number=3,
    status=202,
    cause="change",
    roster_hash="h",
    roster_count=1,
    digest="d",
    bytes=1,
    report=Report(is_compared=True, counts={}),
    positions={SLUG: 8, "another": 9},
)


def test_what_is_of_others_or_cannot_be_read_is_passed_over() -> None:
    memory = World().memory
    course = Course(memory, {SLUG: "abbey", "southern-uni": "southern"})
    other_school = msgspec.structs.replace(CLOSED, school="an-isams")
    other_tenant = msgspec.structs.replace(SENT, positions={"southern-uni": 8})
    of_old = msgspec.structs.replace(SENT, positions={})
    course.take([a_record(other_school), a_record(other_tenant), a_record(of_old)])
    course.take([a_record(CLOSED, b"{"), a_record(SENT, b'{"tenant": 7}')])
    assert (memory.reports, memory.closes, memory.snapshots) == ({}, {}, {})
    course.take([a_record(CLOSED), a_record(SENT)])
    assert memory.closes == {(SLUG, "student"): {"s": 7}}
    assert memory.snapshots == {SLUG: {3: 8}}
