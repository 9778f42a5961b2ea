"""
Models of ``account-state``, from which Redis is rebuilt: each value's bytes are those that Redis has.

A state that is stored must be readable for good: a new field has a default, and a field that gets another name in code
keeps the stored one (``name=``).
"""

from typing import Annotated, Literal

import msgspec

from shared.contract.events import ColumnDrop, Evidence, StudentAssessed
from shared.contract.fields import ClockMinutes, HoldHash, PersonId, Population, SchoolSlug, SweepId, SweepStart
from shared.contract.model import Budget, Details, Frozen, Structure, says
from shared.contract.person import Identity

Staged = Annotated[int, says("Lane offset of the record that staged it.")]


class StagedDisable(Frozen, kw_only=True):
    """A disable that waits for a certified sweep, by a record that says left."""

    digest: Annotated[str, says("Digest of the fetched record that says left.")]
    offset: Staged = msgspec.field(name="at")


class StagedUnenrol(Frozen, kw_only=True):
    """Codes that a record no longer has; the account keeps them until a certified sweep lets them go."""

    programmes: Annotated[tuple[str, ...], says("Codes of programmes, sorted.")] = ()
    modules: Annotated[tuple[str, ...], says("Codes of modules, sorted.")] = ()
    faculties: Annotated[tuple[str, ...], says("Of staff alone: codes of faculties, sorted.")] = ()
    departments: Annotated[tuple[str, ...], says("Of staff alone: codes of departments, sorted.")] = ()
    is_move: Annotated[bool, says("Whether, of each list that loses some, the same step gained about as many.")] = False
    offset: Staged = msgspec.field(name="at")


class StagedUpdate(Frozen, kw_only=True):
    """Details that wait for a certified sweep; the account keeps what it has of them."""

    fields: Annotated[tuple[str, ...], says("All fields of the account's details that wait.")]
    columns: Annotated[
        tuple[str, ...], says("Columns of the record that are empty and were not, which empties a field.")
    ]
    overwritten: Annotated[
        tuple[str, ...], says("Those of `fields` whose new value is beyond the budget of updates.")
    ] = ()
    collapsed: Annotated[
        tuple[str, ...], says("Those of `fields` that would take a value which too many others took lately.")
    ] = ()
    offset: Staged = msgspec.field(name="at")


class Absence(Frozen, kw_only=True):
    """The first certified sweep that lacked the person."""

    sweep: SweepId
    started_at: SweepStart


class AccountState(Frozen, kw_only=True):
    """
    All that is known of one person: what Unitu should have, the newest assessment, and whatever is pending. Offsets are
    of the school's lane in students-assessed.
    """

    school: SchoolSlug
    student_id: PersonId
    kind: Population = "student"
    offset: Annotated[
        int, says("Lane offset of the record that last decided this account; of two states the higher counts.")
    ] = msgspec.field(name="at")
    version: Annotated[
        int, says("Lane offset of the record that last changed the account; -1 where there never was one.")
    ] = -1
    disabled_at: Annotated[
        str | None, says("End of the sweep that disabled it. RFC 3339, UTC; absent of one that is enabled.")
    ] = None
    status: Annotated[
        Literal["none", "enabled", "disabled"], says("What there is: `none` of somebody who never had an account.")
    ] = "none"
    details: Annotated[Details | None, says("What the account has; absent where there never was one.")] = None
    programmes: Annotated[tuple[str, ...], says("Codes of the programmes that the account has, sorted.")] = ()
    modules: Annotated[tuple[str, ...], says("Codes of the modules that the account has, sorted.")] = ()
    evidence: Annotated[Evidence | None, says("Why it was disabled; absent of one that is not.")] = None
    digest: Annotated[
        str | None, says("Digest of the fetched record last taken; absent after a disable by absence.")
    ] = None
    assessed: Annotated[
        str | None, says("Digest of the assessed record last taken; absent after a disable by absence.")
    ] = None
    read_at: Annotated[str | None, says("When the record last taken was read from the source. RFC 3339, UTC.")] = None
    in_roll: Annotated[bool, says("Whether the last certified roll has the person.")] = False
    waits_for_email: Annotated[
        str | None, says("E-mail, as compared, that the person should have and another account has.")
    ] = None
    staged: Annotated[StagedDisable | None, says("A disable that waits.")] = None
    unenrol: Annotated[StagedUnenrol | None, says("Lost codes that wait.")] = None
    absence: Annotated[
        Absence | None, says("The first certified sweep that lacked the person; absent of whoever the roll has.")
    ] = None
    create: Annotated[
        int | None, says("Lane offset at which a new account was staged, beyond its budget; absent: none waits.")
    ] = None
    enable: Annotated[
        int | None, says("Lane offset at which the account's return was staged, beyond its budget; absent: none waits.")
    ] = None
    email_change: Annotated[
        int | None, says("Lane offset at which another e-mail was staged, beyond its budget; absent: none waits.")
    ] = None
    update: Annotated[StagedUpdate | None, says("Changed details that wait.")] = None
    born: Annotated[str | None, says("Date of birth, as an older release kept it; now in `identity`.")] = None
    identity: Annotated[
        Identity | None, says("Whose account it is, where the newest record says less of it or is somebody else's.")
    ] = None
    is_listed: Annotated[
        bool,
        says(
            "Whether the leavers' list had the person when they were last on the roll, or came back: that entry "
            "explains no absence."
        ),
    ] = False
    other_id: Annotated[
        str | None,
        says(
            "The other id of somebody who seems to have two: of an account the id under which they came back, of one "
            "that is only staged the account that was theirs."
        ),
    ] = msgspec.field(default=None, name="twin")
    lacks: Annotated[
        tuple[str, ...], says("Columns that the details came from and undecided records since have not had.")
    ] = ()
    held: Annotated[dict[str, str], says("Plan -> hash of the held set that has the person.")] = {}
    spent: Annotated[
        dict[str, str], says("Plan -> when it last took effect for the person within its budget. RFC 3339, UTC.")
    ] = {}
    took: Annotated[
        dict[str, str], says("Field that the last update overwrote -> digest of the value that it took.")
    ] = {}
    assessment: Annotated[StudentAssessed | None, says("The assessment last taken; absent where none is kept.")] = None


class OpenSweep(Frozen, kw_only=True):
    """The sweep whose records count: the one that was started last."""

    sweep: SweepId
    started_at: SweepStart
    full: Annotated[bool, says("Whether it sends everybody, whether or not their record has changed.")]
    offset: Annotated[int, says("Lane offset of its SweepStarted.")] = msgspec.field(name="at")


class CertifiedSweep(Frozen, kw_only=True):
    """The last sweep whose certificate agreed with what had arrived."""

    sweep: SweepId
    started_at: SweepStart
    completed_at: Annotated[str, says("When it was read to its end. RFC 3339, UTC.")]
    offset: Annotated[int, says("Lane offset of its SweepCompleted.")] = msgspec.field(name="at")
    clock_minutes: ClockMinutes = 0


class HeldPlan(Frozen, kw_only=True):
    """A set of people of one plan that a person reviews as a whole."""

    hash: HoldHash
    count: Annotated[int, says("Those of the set for whom it still stands.")]
    since: Annotated[str, says("When the set was first announced. RFC 3339, UTC.")]
    budget: Annotated[str, says("The plan's budget then, in words.")]
    headroom: Annotated[int, says("Below zero: by how many people the budget was exceeded.")]
    state: Annotated[
        Literal["held", "released", "refused"], says("Whether it waits for a person, or what a person said of it.")
    ] = "held"
    operator: Annotated[str, says("Who released or refused it; empty while it waits.")] = ""
    note: Annotated[str, says("What they wrote beside it.")] = ""
    columns: Annotated[
        tuple[ColumnDrop, ...], says("Columns of the records that are empty and were not, or are all alike.")
    ] = ()
    suspicions: Annotated[
        tuple[str, ...], says("What makes the pushed list look cut that lacks them, as in SweepCompleted.")
    ] = ()
    first_operator: Annotated[
        str, says("Who released it first, where another operator must do so as well; empty otherwise.")
    ] = ""


class SchoolState(Frozen, kw_only=True):
    """One school's students, or its staff, as the reconciler knows them."""

    school: SchoolSlug
    kind: Population = "student"
    offset: Annotated[
        int, says("Lane offset of the record that last changed this state; of two the higher counts.")
    ] = msgspec.field(name="at")
    students: Annotated[int, says("How many people have a record, with or without an account.")] = 0
    enabled: Annotated[int, says("How many have an enabled account.")] = 0
    open: Annotated[OpenSweep | None, says("The sweep that is open; absent between sweeps.")] = None
    roll_hash: Annotated[str | None, says("Hash of the last certified roll; absent before there was one.")] = None
    roll_count: Annotated[int, says("How many people that roll has.")] = 0
    content_sum: Annotated[
        str, says("Sum over the roll of a hash of each id and the digest last taken, as in Certificate.")
    ] = "0" * 32
    certified: Annotated[CertifiedSweep | None, says("The last certified sweep; absent before there was one.")] = None
    full_offset: Annotated[int, says("Lane offset at which a certified full sweep was last decided; -1: never.")] = (
        msgspec.field(default=-1, name="full_at")
    )
    areas: Annotated[dict[str, int], says("Area -> lane offset at which it was last certified.")] = {}
    holds: Annotated[
        dict[str, HeldPlan], says("Plan -> the set that waits for a person, or was released or refused last.")
    ] = {}
    refused: Annotated[
        dict[str, HeldPlan], says("Plan -> those whom a person had refused before others came under it.")
    ] = {}
    rollover: Annotated[bool, says("Whether the last close fell into the turn of the academic year.")] = False
    is_paused: Annotated[bool, says("Whether the school is paused; said in the state of its students alone.")] = False
    settings_version: Annotated[str, says("Version of the school's settings at the last close.")] = ""
    budgets: Annotated[
        dict[str, Budget], says("Plan -> its budget at the last close, by which what comes in between is decided.")
    ] = {}
    fill: Annotated[
        dict[str, str], says("Column of the records -> how full the last certified sweep found it, as filled/all.")
    ] = {}


class StructureState(Frozen, kw_only=True):
    """What a school is made of beside its people."""

    school: SchoolSlug
    offset: Annotated[int, says("Lane offset of the record that last changed it; of two states the higher counts.")] = (
        msgspec.field(name="at")
    )
    structure: Annotated[Structure, says("As it was last read; a list that was not read is as it was before.")]
    retired: Annotated[
        Structure,
        says(
            "What it once listed and no longer does: while a removal is held people are in it, and nobody can define "
            "it anew."
        ),
    ] = Structure()


class LaneState(Frozen, kw_only=True):
    """Where a lane of students-assessed stands."""

    lane: Annotated[int, says("Number of the partition, the same in every topic.")]
    position: Annotated[int, says("Lane offset of the next record to read, counted from `base`.")]
    base: Annotated[
        int, says("What is added to an offset of the topic: a lane's offsets go on rising when its topic is made anew.")
    ] = 0
    students: Annotated[int, says("How many people the lane had when it was last rebuilt.")] = 0
    schools: Annotated[int, says("How many populations the lane had when it was last rebuilt.")] = 0
    causes: Annotated[
        dict[str, int],
        says("Source topic, as TOPIC@ID -> the offset of the highest record taken of it, by epoch first."),
    ] = {}
    epoch: Annotated[str, says("A random word, another one after each rebuild.")] = ""
    rebuilt_offset: Annotated[int, says("Lane offset at which the lane was last rebuilt; -1: never.")] = msgspec.field(
        default=-1, name="rebuilt_at"
    )
    comparison: Annotated[
        int, says("Number of the comparison of e-mails by which the lane's indexes were made; another one rebuilds it.")
    ] = 0
    log: Annotated[str, says("Kafka's id of the topic that the position is of; empty of an older release.")] = ""
    rebuilt_because: Annotated[str, says("What was wrong when it was last rebuilt, for people.")] = ""
    leader_epoch: Annotated[
        int, says("Epoch of the partition's leader that took the record before the position; -1: not known.")
    ] = -1
    cause_epochs: Annotated[
        dict[str, int], says("Source topic, as in `causes` -> epoch of the leader that took that record.")
    ] = {}
