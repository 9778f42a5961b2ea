"""A school's whole road, lived in memory and then put on the run's servers as the real services would have left it."""

from collections.abc import Mapping
from pathlib import Path

from services.reconciler.app import store_of
from shared.config.settings import Config
from shared.contract.codec import Message
from shared.contract.topics import ACCOUNT_CHANGES, ACCOUNT_STATE, STUDENTS_ASSESSED
from shared.kafka.client import KafkaLog
from tests.conftest import create_topics
from tests.harness.builders import a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config

ALL = [a_student(str(3050000000 + n), last_name=f"Fern{n}") for n in range(20)]


def a_road_that_holds_three(folder: Path) -> Road:
    """Twenty were certified, three of them then missing from two certified sweeps: more than the budget."""
    folder.mkdir()
    road = Road(a_config(folder))
    road.fetch(a_sweep("s1", ALL, full=True))
    for number, minutes in enumerate((5, 66)):
        road.fetch(a_sweep(f"s{number + 2}", ALL[3:], sends=[], minutes=minutes), minutes=minutes)
    road.run()
    return road


def put_on_servers(road: Road, config: Config) -> None:
    """Its topics and its state. ``config`` has one lane."""
    create_topics(config)
    passed = [
        Message(
            STUDENTS_ASSESSED, LANE, one.key, one.value, [(name, text.encode()) for name, text in one.headers.items()]
        )
        for one in road.lane
    ]
    out = KafkaLog(config)
    out.publish(passed)
    out.publish(road.out.of(ACCOUNT_CHANGES))
    out.publish(road.out.of(ACCOUNT_STATE))
    out.close()
    assert store_of(config).replace(LANE, None, road.store.records[LANE], filled(road.store.hashes[LANE]))


def filled(hashes: Mapping[str, Mapping[str, bytes]]) -> dict[str, dict[str, bytes]]:
    return {name: dict(fields) for name, fields in hashes.items() if fields}
