"""The reconciler's state in Redis made anew from the durable log, lane by lane."""

from collections.abc import Iterator, Sequence
from threading import Event
from typing import TYPE_CHECKING

from services.operations.names import known_school, wrong
from shared.config.settings import Config
from shared.contract.account_state import LaneState
from shared.contract.model import Frozen
from shared.contract.topics import STUDENTS_ASSESSED
from shared.errors import PositionMoved, Retryable
from shared.kafka.client import KafkaLog, Reader, topic_name
from shared.kafka.cluster import TopicIds
from shared.lanes.partition import lane_of
from shared.lanes.stretch import Stretch
from shared.lanes.view import StateLost, View
from shared.ports import FencedHashes
from shared.service import backoff

if TYPE_CHECKING:
    from services.reconciler.rebuild import Rebuilder

TRIES = 10  # at a lane that a running reconciler moves meanwhile


class LaneRebuilt(Frozen, omit_defaults=False, kw_only=True):
    """A lane after its rebuild: its schools, how many people they have, where the reconciler goes on."""

    lane: int
    schools: tuple[str, ...]
    students: int
    position: int


def chosen(config: Config, lane: int | None = None, school: str | None = None) -> list[int]:
    """
    The lanes that are meant; all, where neither is named. Raises: OperationError (wrong-word) for a lane or a school
    that is not there, or both at once.
    """
    count = config.kafka.partitions
    if lane is not None and school is not None:
        raise wrong("--lane and --school: one of them")
    if school is not None:
        return [lane_of(known_school(config, school), count)]
    if lane is not None and lane >= count:
        raise wrong(f"no lane {lane}; there are 0 to {count - 1}")
    return list(range(count)) if lane is None else [lane]


def schools_in(config: Config, lanes: Sequence[int]) -> list[str]:
    return sorted(slug for slug in config.schools if lane_of(slug, config.kafka.partitions) in lanes)


def rebuild(config: Config, lanes: Sequence[int], stop: Event | None = None) -> Iterator[LaneRebuilt]:
    """
    Each lane when it is done; ``stop``, or whoever asks for no more, ends it between two. Their schools come due for a
    full sweep. Raises: Retryable, and then those that were told are rebuilt.
    """
    from services.reconciler.app import rebuilder_of, store_of  # imports the service, which takes long

    store, out = store_of(config), KafkaLog(config)
    rebuilder = rebuilder_of(config, store, out)
    try:
        with Reader(config) as reader:
            log = TopicIds(config)(topic_name(config, STUDENTS_ASSESSED))
            for lane in lanes:
                if stop is not None and stop.is_set():
                    return
                state = rebuild_lane(rebuilder, store, reader, lane, log, stop)
                yield LaneRebuilt(
                    lane=state.lane,
                    schools=tuple(schools_in(config, [state.lane])),
                    students=state.students,
                    position=state.position,
                )
    finally:
        out.close()


def rebuild_lane(
    rebuilder: "Rebuilder", store: FencedHashes, reader: Reader, lane: int, log: str = "", stop: Event | None = None
) -> LaneState:
    """
    ``log``: the id of its topic; ``stop`` cuts the waits short. Raises: Retryable when a running reconciler keeps
    moving the lane.
    """
    rest = stop or Event()
    for attempt in range(1, TRIES + 1):
        try:
            old = View(store, lane).state
        except StateLost:
            old = None
        try:
            rebuilder(lane, old, Stretch(*reader.edges(STUDENTS_ASSESSED, lane), log), "somebody asked for it")
        except PositionMoved:
            rest.wait(backoff(attempt, 2.0))
            continue
        return View(store, lane).known
    raise Retryable(f"lane {lane} moved {TRIES} times while it was read; try again in a quiet moment")
