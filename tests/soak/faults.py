"""
What strikes a school's story: drawn from its seed, pure. ``tests/soak/harness.py`` and ``player.py`` carry it out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contract.model import Kind
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
EMPLOYEES = "/api/humanresources/employees"
STAFF: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 403, "path": f"{EMPLOYEES}*"},
    {"kind": "status", "status": 500, "path": f"{EMPLOYEES}*"},
    {"kind": "status", "status": 404, "path": f"{EMPLOYEES}/*"},
    {"kind": "hang", "seconds": 3, "path": EMPLOYEES},
    {"kind": "short_page", "path": EMPLOYEES, "missing": 2},
    {"kind": "short_page", "path": EMPLOYEES, "missing": 2, "honest": True},
    {"kind": "wrong_total", "path": EMPLOYEES, "by": -2},
    {"kind": "duplicate_id", "path": EMPLOYEES},
    {"kind": "drift", "path": EMPLOYEES, "by": 1, "page": 2},
    {"kind": "empty_list", "path": EMPLOYEES},
    {"kind": "nulled_column", "path": f"{EMPLOYEES}*", "field": "schoolEmailAddress"},
    {"kind": "nulled_column", "path": f"{EMPLOYEES}*", "field": "surname"},
    {"kind": "absent_column", "path": f"{EMPLOYEES}*", "field": "systemStatus"},
    {"kind": "set_column", "path": f"{EMPLOYEES}*", "field": "systemStatus", "value": "Made up"},
    {"kind": "other_school", "slug": "stranger", "path": EMPLOYEES},
)
LISTS: Mapping[Kind, str] = {"student": "/api/students", "staff": EMPLOYEES}
LINES = ("cut", "hang", "drop", "delay")


@dataclass(frozen=True)
class Fault:
    """
    ``kind``: isams, unitu, line and shut strike this school alone; the others all schools of its town, one at a time.
    What is shut stays so until the round has ended.
    """

    kind: str
    seconds: float = 0.0
    words: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {dict(self.words)} for {self.seconds:.1f} s"

    @property
    def is_common(self) -> bool:
        return self.kind not in ("isams", "unitu", "line", "shut")


def own_faults(seed: int, rounds: int) -> list[list[Fault]]:
    """Those of the school's own servers and lines, by round."""
    dice = random.Random(f"faults {seed}")
    return [[_own(dice) for _ in range(dice.choice([0, 1, 1, 2]))] for _ in range(rounds)]


def staff_faults(seed: int, rounds: int) -> list[list[Fault]]:
    """Those of the list of employees alone, by round; drawn apart, so that the others are the same without staff."""
    dice = random.Random(f"staff faults {seed}")
    return [
        [Fault("isams", dice.uniform(0.5, 3.0), dice.choice(STAFF)) for _ in range(dice.choice([0, 1, 1, 2]))]
        for _ in range(rounds)
    ]


def shut_lists(seed: int, rounds: int) -> list[Kind | None]:
    """
    Of each round: which of the two lists is refused until the other book is as it ought to be, and before the first
    round (whose place is the first) whether the staff's is.
    """
    dice = random.Random(f"shut {seed}")
    kinds: tuple[Kind | None, ...] = (None, "student", "staff")
    return [dice.choice([None, "staff"]), *(dice.choice(kinds) for _ in range(rounds))]


def refused(kind: Kind) -> Mapping[str, Any]:
    return {"kind": "status", "status": 403, "path": LISTS[kind]}


def hidden(kind: Kind, ids: Iterable[str]) -> Mapping[str, Any]:
    """From lists and by id; a student and an employee of the same number are two."""
    path = "/api/humanresources/*" if kind == "staff" else "/api/[!h]*"
    return {"kind": "hidden_ids", "ids": sorted(ids), "path": path}


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
