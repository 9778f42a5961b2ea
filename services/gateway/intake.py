"""
The course of one body, from the disk to the log and into memory. Blocks: each body has a thread.

1. Check it against what the school said last. Refused: nothing went out.
2. Publish it; await every acknowledgement.
3. Remember the structure, the roll and the receipt, if the lease is still ours.

Where it ends early the sweep stays open, and the next SweepStarted takes its place. Of a body of 34 MB with 200,000
students memory held a quarter of a GB at most, with the file's own pages: views of the entries, keys and digests, and
who is who by the last body and by this one. 20,000 students take some 25 MB, and a second without Kafka's time.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from typing import IO

from services.gateway.body import MOST_RECORDS, Buffer, TooManyRecords, open_body
from services.gateway.check import Checked, FaultList, People, Refused, check
from services.gateway.delivery import Delivery
from services.gateway.feed_store import Last, Lease, Memory
from services.gateway.problems import too_many_records
from services.gateway.publish_lease import PublishLease, lost
from services.gateway.recall import Recalled
from services.gateway.receipt import WITHOUT_KEY, receipt
from services.gateway.structure import Lists, lists_of, structure_of
from services.gateway.turnover import Turnover, turnover_of, words_of
from services.gateway.warnings import Notes
from shared.clock import Clock, write
from shared.config.settings import PushSchool
from shared.contract.codec import encode
from shared.contract.limits import MAX_MESSAGE_BYTES
from shared.contract.model import Fault, Kind
from shared.contract.populations import KINDS
from shared.lanes.partition import lane_of
from shared.ports import Log
from shared.sweeps.failing import Failing
from shared.sweeps.messages import Letter, of_structure

log = logging.getLogger("rollcall.gateway")

MAX_RECORD_BYTES = MAX_MESSAGE_BYTES - 1024 * 1024  # of a structure: beside it a record has its key and headers

Recall = Callable[[str], Recalled]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Plan:
    """What a sound body comes to, before anything of it is published. ``entries`` counts each list that is in it."""

    checked: Checked
    structure: Letter | None
    entries: Mapping[str, int]
    turnovers: Mapping[Kind, Turnover]

    @property
    def people(self) -> list[People]:
        return [people for people in (self.checked.students, self.checked.staff) if people is not None]


class Intake:
    """
    ``recall`` finds what Rollcall holds of a school, for when the gateway's own memory is lost.
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
        most_records: int = MOST_RECORDS,
    ) -> None:
        self._memory = memory
        self._out = out
        self._clock = clock
        self._partitions = partitions
        self._recall = recall
        self._with_staff = frozenset(with_staff)
        self._most_records = most_records

    def take(self, school: str, settings: PushSchool, file: IO[bytes], gate: PublishLease) -> tuple[str, bytes]:
        """
        The status URL, and the receipt as JSON. Raises: NotJson, Refused, SenderGone, and nothing went out; Problem or
        Retryable, when the body must be sent again.
        """
        last, plan = self._planned(school, settings, file, gate)
        sweep, read_at = named(gate.lease)
        has_left = settings.absence == "left"
        told = receipt(plan.checked, plan.entries, plan.turnovers, sweep, read_at, has_left=has_left)
        self._publish(school, plan, sweep, read_at, gate, has_left=has_left)
        registers = {kind: last.register(kind) for kind in KINDS}
        for people in plan.people:
            before = registers[people.kind]
            registers[people.kind] = before.after(people.here, is_complete=people.is_complete)
        answer = encode(told)
        newest = Last(key=settings.key, lists=plan.checked.lists, registers=registers)
        incomplete = _incomplete(plan, write(self._clock()))
        if not self._memory.accept(gate.lease, newest, sweep, answer, incomplete):
            raise lost()
        _log(school, sweep, plan)
        return told.status_url or "", answer

    def rehearse(self, school: str, settings: PushSchool, file: IO[bytes], gate: PublishLease) -> bytes:
        """The receipt, as JSON, that the body would have had; nothing is published or remembered. Raises: as above."""
        _, plan = self._planned(school, settings, file, gate)
        sweep, read_at = named(gate.lease)
        told = receipt(
            *(plan.checked, plan.entries, plan.turnovers, sweep, read_at),
            has_left=settings.absence == "left",
            is_rehearsal=True,
        )
        return encode(told)

    def _planned(self, school: str, settings: PushSchool, file: IO[bytes], gate: PublishLease) -> tuple[Last, Plan]:
        """What is known of the school, and what the body comes to. Raises: NotJson, Refused, Problem, SenderGone."""
        notes = Notes()
        try:
            supplied, faults = open_body(_mapped(file), notes, self._most_records)
        except TooManyRecords as error:
            raise too_many_records(error.most) from None
        last = self._memory.last(school) or self._recalled(school, settings)
        has_staff = school in self._with_staff
        checked = check(
            supplied,
            faults,
            last.lists,
            settings.key,
            last.register("student"),
            last.register("staff") if has_staff else None,
            notes,
            gate.check_wanted,
        )
        structure = of_structure(school, structure_of(checked.lists)) if checked.has_structure else None
        entries = {name: len(found) for name, found in supplied.items()}
        if structure is not None and len(structure.value) > MAX_RECORD_BYTES:
            raise _too_much(entries)
        gate.check_wanted()
        both = (checked.students, checked.staff)
        turnovers = {
            people.kind: turnover_of(people, last.register(people.kind)) for people in both if people is not None
        }
        return last, Plan(checked, structure, entries, turnovers)

    def _recalled(self, school: str, settings: PushSchool) -> Last:
        found = self._recall(school)
        lists = Lists() if found.structure is None else lists_of(found.structure)
        return Last(key=settings.key, lists=lists, registers=found.registers)

    def _publish(
        self, school: str, plan: Plan, sweep: str, read_at: str, gate: PublishLease, *, has_left: bool
    ) -> None:
        """Everything that is in the body, and who is not. Raises: Problem, Retryable."""
        lane, structure = lane_of(school, self._partitions), plan.structure

        def delivery(kind: Kind) -> Delivery:
            return Delivery(kind, school, lane, sweep, read_at, self._out, self._clock, gate.check)

        if plan.checked.students is None and structure is not None:
            delivery("student").structure_alone(structure)
        for people in plan.people:
            of_students = structure if people.kind == "student" else None
            delivery(people.kind).whole(people, of_students, plan.turnovers[people.kind], has_left=has_left)


def _incomplete(plan: Plan, at: str) -> Failing | None:
    """Why a body that was taken says of nobody that they are gone, for whoever asks how the school stands."""
    for people in plan.people:
        if not people.is_complete:
            count, name = len(people.settled.without_key), people.name
            detail = f"{count} of {len(people.entries)} {name} have no key that can be taken: nobody is said to be gone"
            return Failing(since=at, failed_at=at, reason=WITHOUT_KEY[people.kind], detail=detail)
    return None


def _log(school: str, sweep: str, plan: Plan) -> None:
    """That the body is taken, and what makes it look cut."""
    undecided = sum(plan.checked.undecided.values())
    log.info("%s: body %s is taken: %s entries, %d undecided", school, sweep, plan.entries, undecided)
    for people in plan.people:
        turnover = plan.turnovers[people.kind]
        for suspicion in turnover.suspicions:
            doubt = words_of(suspicion, people.count, len(turnover.missing))
            log.warning("%s: body %s: the list of %s %s", school, sweep, people.name, doubt)


def named(lease: Lease) -> tuple[str, str]:
    """A sweep's id, in the order of time and like no other, and the moment of its reading."""
    read_at = write(EPOCH + timedelta(milliseconds=lease.moment))
    return f"{read_at.replace('-', '').replace(':', '')}-{lease.token[:8]}", read_at


def _mapped(file: IO[bytes]) -> Buffer:
    """The file as if it were in memory: the system reads what is looked at, and may forget it again."""
    return mmap(file.fileno(), 0, access=ACCESS_READ) if file.seek(0, SEEK_END) else b""


def _too_much(entries: Mapping[str, int]) -> Refused:
    faults = FaultList()
    message = f"together the lists of the structure take more than {MAX_RECORD_BYTES} bytes"
    faults.extend([Fault(pointer="", message=message)])
    return Refused("body-refused", "The structure is too large for one record; nothing was taken.", faults, entries)
