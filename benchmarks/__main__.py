"""
`make bench`: every figure beside its limit, in one run, into benchmarks/results.json.

Each entry: ``name``, ``value``, ``unit``, ``beside`` (what it stands beside, same unit), ``ratio`` (value ÷ beside).
"""

import json
import sys
import tempfile
from pathlib import Path

from benchmarks import fetcher, latency, world
from benchmarks.road import Road
from services.sandbox.servers.brokers import Embedded
from shared.kafka.admin import Topics

RESULTS = Path(__file__).parent / "results.json"


def main(students: int) -> None:
    entries: list[dict[str, object]] = []

    def note(name: str, value: float, unit: str, beside: float) -> None:
        entries.append(
            {
                "name": name,
                "value": round(value, 1),
                "unit": unit,
                "beside": round(beside, 1),
                "ratio": round(value / beside, 3),
            }
        )

    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name,
        Embedded(fast_start=False, say=print) as servers,
    ):
        folder = Path(name)
        path = world.configure(folder, servers.addresses.kafka, servers.addresses.redis)
        config = world.read_config(path)
        with Topics(config) as topics:
            topics.create()
        for figure, (rate, raw) in Road(path, config).run(students).items():
            note(figure, rate, "records/s", raw)
        for figure, (milliseconds, beside) in latency.measure(path, config).items():
            note(figure, milliseconds, "ms", beside)
        for figure, (value, unit, beside) in fetcher.measure(folder, servers.addresses).items():
            note(figure, value, unit, beside)
    if students == world_size():
        RESULTS.write_text(json.dumps(entries, indent=1) + "\n")
    print(json.dumps(entries, indent=1))


def world_size() -> int:
    from benchmarks.road import STUDENTS

    return STUDENTS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else world_size())
