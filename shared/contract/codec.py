"""
Names, bytes and identities of what crosses a topic.

A name (``ce_type``) is written out, since it outlives its class. Headers are CloudEvents 1.0 attributes in the binary
content mode of its Kafka binding (``ce_id``, ``ce_type``, ``ce_source``, ``ce_subject``, ``ce_time``), beside
``read_at``, ``sweep``, ``digest``, ``cause`` and ``traceparent``; ``said_at`` is the time of a reading as its
reader said it, where that is not believed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import groupby
from typing import Any

import msgspec
from xxhash import xxh3_128_digest

from shared.contract import account_state, commands, events
from shared.contract.model import Frozen
from shared.errors import Poison

_NAMES: dict[type[Frozen], str] = {
    events.SyncRequested: "rollcall.sync_requested.v1",
    events.SyncAnswered: "rollcall.sync_answered.v1",
    events.SweepStarted: "rollcall.sweep_started.v1",
    events.StudentFetched: "rollcall.student_fetched.v1",
    events.StaffFetched: "rollcall.staff_fetched.v1",
    events.StructureFetched: "rollcall.structure_fetched.v1",
    events.RollRead: "rollcall.roll_read.v1",
    events.SweepCompleted: "rollcall.sweep_completed.v1",
    events.SweepFailed: "rollcall.sweep_failed.v1",
    events.StudentAssessed: "rollcall.student_assessed.v1",
    events.StaffAssessed: "rollcall.staff_assessed.v1",
    commands.ReleaseHold: "rollcall.release_hold.v1",
    commands.RefuseHold: "rollcall.refuse_hold.v1",
    commands.PauseSchool: "rollcall.pause_school.v1",
    commands.ResumeSchool: "rollcall.resume_school.v1",
    commands.AcceptRoll: "rollcall.accept_roll.v1",
    commands.ForgetStudent: "rollcall.forget_student.v1",
    account_state.AccountState: "rollcall.account_state.v1",
    account_state.SchoolState: "rollcall.school_state.v1",
    account_state.StructureState: "rollcall.structure_state.v1",
    account_state.LaneState: "rollcall.lane_state.v1",
    events.AccountProvisioned: "rollcall.account_provisioned.v1",
    events.AccountUpdated: "rollcall.account_updated.v1",
    events.AccountDisabled: "rollcall.account_disabled.v1",
    events.AccountEnabled: "rollcall.account_enabled.v1",
    events.ProgrammeEnrolled: "rollcall.programme_enrolled.v1",
    events.ProgrammeUnenrolled: "rollcall.programme_unenrolled.v1",
    events.ModuleEnrolled: "rollcall.module_enrolled.v1",
    events.ModuleUnenrolled: "rollcall.module_unenrolled.v1",
    events.StructureChanged: "rollcall.structure_changed.v1",
    events.SweepReconciled: "rollcall.sweep_reconciled.v1",
    events.RemovalsHeld: "rollcall.removals_held.v1",
    events.RemovalHeld: "rollcall.removal_held.v1",
    events.HoldReleased: "rollcall.hold_released.v1",
    events.HoldRefused: "rollcall.hold_refused.v1",
}


TYPES: dict[str, type[Frozen]] = {name: model for model, name in _NAMES.items()}

MODULUS = 1 << 128

_encoder = msgspec.json.Encoder()


def register(model: type[Frozen], name: str) -> None:
    """Give a model its lasting name; the publisher's models are registered by the module that defines them."""
    if TYPES.setdefault(name, model) is not model:
        raise ValueError(f"two models claim the name {name}")
    _NAMES[model] = name


Late = Callable[[], Sequence[tuple[str, bytes | None]] | None]


def whose(key: str) -> tuple[str, str]:
    """``abbey/17``: population and person; ``abbey``: the population, and nobody."""
    population, _, person = key.partition("/")
    return population, person


class Record(msgspec.Struct, gc=False, eq=False):
    """
    One record as it came from a topic. ``lane`` is its partition; of a repeated header the last counts.

    Headers are given as ``text`` or ``raw``, or read when somebody asks: most records of a quiet day are passed over
    before that. ``late`` gives them then, in the client's own form.

    ``appended``: when the broker took the record, in milliseconds since 1970 by its own clock; None where the topic
    keeps the producer's word instead, or nobody knows. ``epoch``: of the leader that took it, -1 where nobody knows; in
    one partition it never goes back, and where a log was cut short the offsets do.
    """

    topic: str
    lane: int
    offset: int
    key: str
    value: bytes
    text: Mapping[str, str] | None = None
    raw: Mapping[str, bytes | None] | None = None
    late: Late | None = None
    appended: int | None = None
    epoch: int = -1

    @property
    def whose(self) -> tuple[str, str]:
        """The population and the person that its key names; of a record of a whole population no person: ""."""
        return whose(self.key)

    @property
    def population(self) -> str:
        return whose(self.key)[0]

    def _read(self) -> Mapping[str, bytes | None]:
        if self.text is not None:
            self.raw = {name: text.encode() for name, text in self.text.items()}
        else:
            self.raw = dict(self.late() or ()) if self.late is not None else {}
        return self.raw

    @property
    def headers(self) -> dict[str, str]:
        return {name: (value or b"").decode("utf-8", "replace") for name, value in (self.raw or self._read()).items()}

    def header(self, name: str) -> str | None:
        """One header's text; None when it is not there."""
        value = (self.raw or self._read()).get(name)
        return None if value is None else value.decode("utf-8", "replace")

    def raw_header(self, name: str) -> bytes | None:
        return (self.raw or self._read()).get(name)

    def at_offset(self, offset: int) -> "Record":
        """The same record under another offset (``LaneState.base``)."""
        return msgspec.structs.replace(self, offset=offset)


class Message(msgspec.Struct, gc=False):
    """One record to be published. ``value`` None is a tombstone."""

    topic: str
    lane: int
    key: str
    value: bytes | None
    headers: list[tuple[str, bytes]] = []


def type_name(model: type[Frozen]) -> str:
    """The name under which a model travels."""
    return _NAMES[model]


def encode(value: Frozen) -> bytes:
    """The value's JSON: the same fields in the same order, always, so that equal values are equal bytes."""
    return _encoder.encode(value)


@cache
def decoder(model: type[Frozen]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(model)


def decode(name: str | None, value: bytes) -> Frozen:
    """
    The model of a record's value, by its ``ce_type``.

    Raises: Poison for an unknown type, for what is not JSON and for what breaks its schema; it names the field.
    """
    if name is None:
        raise Poison("the header ce_type is missing, so nothing says what this record is")
    model = TYPES.get(name)
    if model is None:
        raise Poison(f"unknown type {name!r}; this release knows {len(TYPES)} types")
    try:
        event: Frozen = decoder(model).decode(value)
    except msgspec.ValidationError as error:
        raise Poison(f"{name} breaks its schema: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Poison(f"{name} is not JSON: {error}") from error
    return event


def digest(value: bytes) -> bytes:
    """16 bytes that tell one value from another without parsing either. Every record is digested at every step."""
    return xxh3_128_digest(value)


def content_hash(student_id: str, digest_hex: str) -> int:
    """One student's part of the content sum, a number below 2^128."""
    return int.from_bytes(blake2b(f"{student_id}\0{digest_hex}".encode(), digest_size=16).digest())


def content_sum(parts: Mapping[str, str]) -> str:
    """The sum over student id -> digest (hexadecimal) modulo 2^128, as 32 hexadecimal digits."""
    return f"{sum(content_hash(student, value) for student, value in parts.items()) % MODULUS:032x}"


def roll_hash(ids: Collection[str]) -> str:
    """The hash of a roll: of its ids, sorted, each once."""
    return blake2b("\n".join([id for id, _ in groupby(sorted(ids))]).encode(), digest_size=16).hexdigest()


def event_id(school: str, student_id: str, version: int, kind: str, detail: str = "") -> str:
    """
    Stable across replays, so that a consumer can drop what it has seen. ``detail``: the module, programme or field.

    Written out and not hashed: it says what it identifies, and costs a first sweep of many schools nothing.
    """
    return f"{school}/{student_id}/{version}/{kind}/{detail}"


def headers(
    model: type[Frozen], *, id: str, school: str, subject: str, time: str, **more: str | None
) -> list[tuple[str, bytes]]:
    """The CloudEvents attributes of one message, and whichever of ``more`` has a value. ``time`` is RFC 3339, UTC."""
    result = [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_type", _NAMES[model].encode()),
        ("ce_source", f"/rollcall/schools/{school}".encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
    ]
    result.extend((name, value.encode()) for name, value in more.items() if value is not None)
    return result
