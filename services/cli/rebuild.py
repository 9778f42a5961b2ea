"""``rollcall rebuild``: the reconciler's state in Redis made anew from the durable log."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, Yes, config_of
from services.cli.output import print_json, print_line, print_table
from services.operations.names import known_school, wrong

if TYPE_CHECKING:
    from services.reconciler.rebuild import Rebuilder
    from shared.config.settings import Config
    from shared.contract.account_state import LaneState
    from shared.kafka.client import Reader
    from shared.ports import FencedHashes

NOT_SAID = 1
TRIES = 10  # at a lane that a running reconciler moves meanwhile


def rebuild(
    context: typer.Context,
    lane: Annotated[int | None, typer.Option("--lane", metavar="N", help="Only this one.", min=0)] = None,
    school: Annotated[str | None, typer.Option("--school", metavar="SCHOOL", help="Only the lane it is in.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """
    Make the reconciler's lanes in Redis anew from account-state; their schools come due for a full sweep.

    Safe while services run: a lane takes its new place only if nobody moved it meanwhile. Nobody is removed by it:
    until a full sweep was decided after it, a snapshot that lacks an e-mail of the last one waits. Exit codes:
    0 rebuilt, 1 not rebuilt, 2 wrong command line or configuration.
    """
    config = config_of(context)
    lanes = chosen(config, lane, school)
    if not yes:
        what = f"lane {lanes[0]}" if len(lanes) == 1 else f"all {len(lanes)} lanes"
        schools = ", ".join(schools_in(config, lanes)) or "no school"
        if as_json or not (sys.stdin.isatty() and typer.confirm(f"Rebuild {what} ({schools})?")):
            print_line(f"Nothing was done; say --yes to rebuild {what} ({schools}).", err=True)
            raise typer.Exit(NOT_SAID)
    done = [as_dict(config, state) for state in rebuild_lanes(config, lanes)]
    if as_json:
        print_json(done)
    else:
        print_table(tuple(done[0]), [tuple(map(_cell, one.values())) for one in done])


def chosen(config: "Config", lane: int | None, school: str | None) -> list[int]:
    """Raises: OperationError (wrong-word) for a lane or a school that is not there, or both at once."""
    from shared.lanes.partition import lane_of

    count = config.kafka.partitions
    if lane is not None and school is not None:
        raise wrong("--lane and --school: one of them")
    if school is not None:
        return [lane_of(known_school(config, school), count)]
    if lane is not None and lane >= count:
        raise wrong(f"no lane {lane}; there are 0 to {count - 1}")
    return list(range(count)) if lane is None else [lane]


def rebuild_lanes(config: "Config", lanes: list[int]) -> "list[LaneState]":
    """Each lane after its rebuild. Raises: Retryable, and then some lanes may have been rebuilt."""
    from services.reconciler.app import rebuilder_of, store_of
    from shared.contract.topics import STUDENTS_ASSESSED
    from shared.kafka.client import KafkaLog, Reader, topic_name
    from shared.kafka.cluster import TopicIds

    store, out = store_of(config), KafkaLog(config)
    rebuilder = rebuilder_of(config, store, out)
    try:
        with Reader(config) as reader:
            log = TopicIds(config)(topic_name(config, STUDENTS_ASSESSED))
            return [rebuild_lane(rebuilder, store, reader, lane, log) for lane in lanes]
    finally:
        out.close()


def rebuild_lane(
    rebuilder: "Rebuilder", store: "FencedHashes", reader: "Reader", lane: int, log: str = ""
) -> "LaneState":
    """``log``: the id of its topic. Raises: Retryable when a running reconciler keeps moving the lane."""
    from shared.contract.topics import STUDENTS_ASSESSED
    from shared.errors import PositionMoved, Retryable
    from shared.lanes.stretch import Stretch
    from shared.lanes.view import StateLost, View
    from shared.service import backoff

    for attempt in range(1, TRIES + 1):
        try:
            old = View(store, lane).state
        except StateLost:
            old = None
        try:
            rebuilder(lane, old, Stretch(*reader.edges(STUDENTS_ASSESSED, lane), log), "somebody asked for it")
        except PositionMoved:
            time.sleep(backoff(attempt, 2.0))
            continue
        return View(store, lane).known
    raise Retryable(f"lane {lane} moved {TRIES} times while it was read; try again in a quiet moment")


def schools_in(config: "Config", lanes: list[int]) -> list[str]:
    from shared.lanes.partition import lane_of

    return sorted(slug for slug in config.schools if lane_of(slug, config.kafka.partitions) in lanes)


def as_dict(config: "Config", state: "LaneState") -> dict[str, Any]:
    return {
        "lane": state.lane,
        "schools": schools_in(config, [state.lane]),
        "students": state.students,
        "position": state.position,
    }


def _cell(value: Any) -> object:
    return ", ".join(value) if isinstance(value, list) else value
