"""Somebody who asks why one student does or does not sync, before the reconciler's own state in memory."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from services.operations.explain import lookup
from services.operations.explain.ask import ask
from services.operations.explain.evidence import ReadNow
from services.operations.explain.model import Explanation
from services.publisher.projection import people_of
from services.publisher.roster_entry import pack, person_of
from services.publisher.tenant_store import TENANTS
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Record, encode, type_name
from shared.contract.deliveries import Report, SnapshotAccepted
from shared.contract.model import Student
from shared.contract.tenant_state import Accepted, Seat, TenantState
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES
from shared.errors import Retryable
from shared.memory import MemoryFencedHashes
from tests.harness.builders import SCHOOL, START, a_student, a_sweep, at
from tests.harness.pipeline import LANE, Road, a_config
from tools.json_schema import schema_of

ALL = [a_student(str(3050000000 + n), last_name=f"Fern{n}") for n in range(20)]


ONE = ALL[0].student_id


SCHEMA = schema_of("rollcall.explain.v1", Explanation)


class Desk:
    """An operator who asks, before a school that was certified once. ``hour``: how long after the first sweep."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.road = Road(a_config(folder, settings))
        self.path = folder / "rollcall.toml"
        self.reconciler = self.road.store
        self.publisher, self.tenants = MemoryFencedHashes(), MemoryFencedHashes()
        self.next: tuple[float | None, bool] = (START.timestamp() + 300, False)
        self.is_kafka_away = False
        self.delivered: list[SnapshotAccepted] = []
        self.now = START + timedelta(minutes=10)
        self.reread: ReadNow | None = None
        self.sweep(ALL, sends=ALL, full=True)

    def sweep(self, roll: list[Student], minutes: float = 0, sends: Iterable[Student] = (), full: bool = False) -> None:
        self.road.fetch(a_sweep(f"s{minutes}", roll, sends=sends, minutes=minutes, full=full), minutes=minutes)
        self.road.run()

    def due(self, school: str) -> tuple[float | None, bool]:
        return self.next

    def tail(self, lane: int) -> list[Record]:
        if self.is_kafka_away:
            raise Retryable("Kafka: no broker")
        told = self.road.out.of(ACCOUNT_CHANGES)
        return [
            Record(ACCOUNT_CHANGES, lane, at, one.key, one.value or b"", raw=dict(one.headers))
            for at, one in enumerate(told)
        ][-lookup.TAIL :]

    def deliveries(self, lane: int) -> list[Record]:
        if self.is_kafka_away:
            raise Retryable("Kafka: no broker")
        return [
            Record(DELIVERIES, lane, n, "abbey", encode(event), {"ce_type": type_name(type(event)), "ce_time": at(n)})
            for n, event in enumerate(self.delivered)
        ]

    def show_publisher(self, *students: str) -> None:
        """It has seen their accounts as they are now."""
        people = self.publisher.hashes.setdefault(LANE, {}).setdefault(people_of(SCHOOL), {})
        for student in students:
            state = self.road.account(student)
            assert state is not None
            people[student] = pack(person_of(state, student))

    def tenant(self, **fields: Any) -> None:
        self.tenants.hashes[LANE] = {TENANTS: {"abbey": encode(TenantState(tenant="abbey", **fields))}}

    def _read_now(self, config: Config, slug: str, student: str) -> ReadNow:
        assert self.reread is not None
        return self.reread

    def ask(self, student: str = ONE, *, live: bool = False, school: str = SCHOOL) -> dict[str, Any]:
        """The answer as programs read it; each is checked against the published schema."""
        config = load(self.path, {})
        found = ask(config, self, school, student, self.now, live=live, read=self._read_now)
        told: dict[str, Any] = json.loads(msgspec.json.encode(found))
        jsonschema.validate(told, SCHEMA, cls=jsonschema.Draft202012Validator)
        return told


def failing(judged: dict[str, Any]) -> list[str]:
    return [rule["id"] for rule in judged["rules"] if rule["outcome"] == "fail"]


ACCEPTED = Accepted(number=7, accepted_at=at(2), roster_hash="r", digest="d")


SEAT = Seat(book=SCHOOL, person=ONE)


def a_delivery(number: int, *disabled: str) -> SnapshotAccepted:
    report = Report(is_compared=True, counts={}, disabled=disabled)
    return SnapshotAccepted(
        tenant="abbey",
        number=number,
        status=202,
        cause="changed",
        roster_hash="r",
        roster_count=1,
        digest="d",
        bytes=1,
        report=report,
    )
