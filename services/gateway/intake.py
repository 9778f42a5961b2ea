"""
The course of one body, from the disk to the log and into memory. Blocks: each body has a thread.

1. Check it against what the school said last. Refused: nothing went out.
2. Publish it; await every acknowledgement.
3. Remember the structure, the roll and the receipt, if the lease is still ours.

Where it ends early the sweep stays open, and the next SweepStarted takes its place. Of a body of 230 MB with 760,000
students memory held 0.6 GB at most, beside the file's own pages: views of the entries, keys and digests, and the last
roll. 20,000 students take some 50 MB, and a second and a half without Kafka's time.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from typing import IO

from services.fetcher.messages import Letter, of_structure
from services.gateway.body import STRUCTURE, Buffer, Entries, open_body
from services.gateway.check import FaultList, People, Refused, check
from services.gateway.delivery import Delivery
from services.gateway.gate import Gate, lost
from services.gateway.memory import Last, Lease, Memory
from services.gateway.receipt import receipt
from services.gateway.structure import Lists, lists_of, structure_of
from shared.clock import Clock, write
from shared.config import PushSchool
from shared.lanes import lane_of
from shared.model import Fault, Kind, Structure
from shared.ports import Log
from shared.wire import encode

log = logging.getLogger("rollcall.gateway")

MAX_RECORD_BYTES = 15 * 1024 * 1024  # of a structure: the topics take 16 MiB with what else a record has

Recall = Callable[[str], Structure | None]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Intake:
    """
    ``recall`` finds the structure that Rollcall holds of a school, for when the gateway's own memory is lost.
    ``with_staff``: the schools whose staff are taken, too.
    """

    def __init__(
        self,
        memory: Memory,
        out: Log,
        clock: Clock,
        partitions: int,
        recall: Recall,
        with_staff: Collection[str] = (),
    ) -> None:
        self._memory = memory
        self._out = out
        self._clock = clock
        self._partitions = partitions
        self._recall = recall
        self._with_staff = frozenset(with_staff)

    def take(self, school: str, settings: PushSchool, file: IO[bytes], gate: Gate) -> tuple[str, bytes]:
        """
        The status URL, and the receipt as JSON. Raises: NotJson, Refused, and nothing went out; Problem or Retryable,
        when the body must be sent again.
        """
        supplied, faults = open_body(_mapped(file))
        last = self._memory.last(school)
        lists = last.lists if last is not None else self._lists(school, supplied)
        known = _known_rolls(last, settings)
        has_staff = school in self._with_staff
        checked = check(
            supplied, faults, lists, settings.key, known.students or {}, known.staff or {} if has_staff else None
        )
        structure = of_structure(school, structure_of(checked.lists)) if checked.has_structure else None
        entries = {name: len(found) for name, found in supplied.items()}
        if structure is not None and len(structure.value) > MAX_RECORD_BYTES:
            raise _too_much(entries)
        sweep, read_at = named(gate.lease)
        lane, has_left = lane_of(school, self._partitions), settings.absence == "left"

        def delivery(kind: Kind) -> Delivery:
            return Delivery(kind, school, lane, sweep, read_at, self._out, self._clock, gate.check)

        left, rolls = {}, known
        if checked.students is not None:
            left["students"], roll = _publish(
                delivery("student"), checked.students, structure, known.students, has_left=has_left
            )
            rolls = replace(rolls, students=roll)
        elif structure is not None:
            delivery("student").structure_alone(structure)
        if checked.staff is not None:
            left["staff"], roll = _publish(delivery("staff"), checked.staff, None, known.staff, has_left=has_left)
            rolls = replace(rolls, staff=roll)
        told = receipt(checked, entries, sweep, read_at, left)
        answer = encode(told)
        newest = Last(key=settings.key, lists=checked.lists, roll=rolls.students, staff=rolls.staff)
        if not self._memory.accept(gate.lease, newest, sweep, answer):
            raise lost()
        undecided = sum(checked.undecided.values())
        log.info("%s: body %s is taken: %s entries, %d undecided", school, sweep, entries, undecided)
        return told.status_url, answer

    def _lists(self, school: str, supplied: Mapping[str, Entries]) -> Lists:
        """What is kept of the structure where nothing is remembered; the body may say it all itself."""
        if all(name in supplied for name in STRUCTURE):
            return Lists()
        structure = self._recall(school)
        return Lists() if structure is None else lists_of(structure)


def named(lease: Lease) -> tuple[str, str]:
    """A sweep's id, in the order of time and like no other, and the moment of its reading."""
    read_at = write(EPOCH + timedelta(milliseconds=lease.moment))
    return f"{read_at.replace('-', '').replace(':', '')}-{lease.token[:8]}", read_at


def _mapped(file: IO[bytes]) -> Buffer:
    """The file as if it were in memory: the system reads what is looked at, and may forget it again."""
    return mmap(file.fileno(), 0, access=ACCESS_READ) if file.seek(0, SEEK_END) else b""


@dataclass(frozen=True)
class _Rolls:
    """Who is there, as far as is known. None: nothing is."""

    students: dict[str, str | None] | None = None
    staff: dict[str, str | None] | None = None


def _known_rolls(last: Last | None, settings: PushSchool) -> _Rolls:
    """Rolls by another key name nobody here."""
    return _Rolls(last.roll, last.staff) if last is not None and last.key == settings.key else _Rolls()


def _publish(
    delivery: Delivery,
    people: People,
    structure: Letter | None,
    known: dict[str, str | None] | None,
    *,
    has_left: bool,
) -> tuple[int, dict[str, str | None]]:
    """How many were said to have left, and who is there now, as far as is known."""
    roll = people.roll(known or {})
    missing = (known or {}).keys() - roll.keys()
    left = delivery.whole(people, structure, missing, has_left=has_left)
    if people.settled.without_key:
        roll = (known or {}) | roll
    return left, roll


def _too_much(entries: Mapping[str, int]) -> Refused:
    faults = FaultList()
    message = f"together the lists of the structure take more than {MAX_RECORD_BYTES} bytes"
    faults.extend([Fault(pointer="", message=message)])
    return Refused("body-refused", "The structure is too large for one record; nothing was taken.", faults, entries)
