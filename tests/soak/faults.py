"""What strikes a school's story: drawn from its seed, pure. ``tests/soak/town.py`` and ``player.py`` carry it out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.program import POINTS

FRONT, BACK = "front", "back"
SERVICES = {FRONT: ("fetcher", "eligibility"), BACK: ("reconciler", "publisher")}
PLACES = {
    FRONT: ("sending", "completing", "assessed"),
    BACK: ("reading", "decided", "published-0", "published-1", "written", "announced", "posted", "concluded"),
}
assert {point for points in PLACES.values() for point in points} == set(POINTS)

ISAMS: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "status", "status": 403, "path": "/api/teaching/*"},
    {"kind": "status", "status": 404, "path": "/api/students/*"},
    {"kind": "slow", "seconds": 0.7},
    {"kind": "hang", "seconds": 3},
    {"kind": "truncated_json"},
    {"kind": "cut_connection"},
    {"kind": "wrong_content_type"},
    {"kind": "short_page", "path": "/api/students", "missing": 2},
    {"kind": "short_page", "path": "/api/students", "missing": 2, "honest": True},
    {"kind": "wrong_total", "path": "/api/students", "by": -2},
    {"kind": "duplicate_id", "path": "/api/students"},
    {"kind": "drift", "path": "/api/students", "by": 1, "page": 2},
    {"kind": "empty_list", "path": "/api/students"},
    {"kind": "empty_list", "path": "/api/teaching/*"},
    {"kind": "nulled_column", "path": "/api/students*", "field": "schoolEmailAddress"},
    {"kind": "nulled_column", "path": "/api/students*", "field": "surname"},
    {"kind": "absent_column", "path": "/api/students*", "field": "systemStatus"},
    {"kind": "set_column", "path": "/api/students*", "field": "systemStatus", "value": "Made up"},
    {"kind": "other_school", "slug": "stranger"},
)
UNITU: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "retry_after": 1},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "slow", "seconds": 1.0},
    {"kind": "hang", "seconds": 4},
    {"kind": "cut_connection"},
    {"kind": "truncated_json"},
    {"kind": "apply_then_time_out", "seconds": 4},
    {"kind": "lost", "count": 1},
)
LINES = ("cut", "hang", "drop", "delay")


@dataclass(frozen=True)
class Fault:
    """``kind``: isams, unitu and line strike this school alone; the others all schools of its town, one at a time."""

    kind: str
    seconds: float = 0.0
    words: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {dict(self.words)} for {self.seconds:.1f} s"

    @property
    def is_common(self) -> bool:
        return self.kind not in ("isams", "unitu", "line")


def own_faults(seed: int, rounds: int) -> list[list[Fault]]:
    """Those of the school's own servers and lines, by round."""
    dice = random.Random(f"faults {seed}")
    return [[_own(dice) for _ in range(dice.choice([0, 1, 1, 2]))] for _ in range(rounds)]


def _own(dice: random.Random) -> Fault:
    kind = dice.choice(["isams", "isams", "unitu", "line"])
    seconds = dice.uniform(0.5, 3.0)
    if kind == "line":
        return Fault(kind, seconds, {"line": dice.choice(["isams", "unitu"]), "how": dice.choice(LINES)})
    return Fault(kind, seconds, dice.choice(ISAMS if kind == "isams" else UNITU))


def common_fault(seed: int) -> Fault:
    """The one that this seed has for everybody: of processes, of Kafka or of Redis."""
    dice = random.Random(f"common {seed}")
    kind = dice.choice(
        [
            *("kill", "kill_at", "kill_at", "stop_at", "stop_at", "pause", "stale", "twin"),
            *("redis_old", "redis_empty", "redis_lose_key", "redis_restart", "redis_line"),
            *("kafka_line", "kafka_line", "kafka_restart"),
        ]
    )
    process = dice.choice([FRONT, BACK])
    words: dict[str, Any] = {}
    if kind in ("kill", "pause"):
        words = {"process": process}
    elif kind in ("kill_at", "stop_at"):
        words = {"process": process, "point": dice.choice(PLACES[process]), "passes": dice.choice([0, 0, 1, 3])}
    elif kind == "stale":
        words = {"point": dice.choice(["reading", "decided", "published-0", "published-1"])}
    elif kind.endswith("_line"):
        words = {"line": kind.removesuffix("_line"), "how": dice.choice(LINES)}
    elif kind == "redis_lose_key":
        words = {"which": dice.random()}
    return Fault(kind, dice.uniform(0.5, 2.5), words)
