"""The publisher joined by memory: the real view, store and course, and a Unitu that obeys its document."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from services.publisher.change_notices import Wakes
from services.publisher.decisions import Desk
from services.publisher.deliver import Deliverer
from services.publisher.projection import PublisherView
from services.publisher.refusals import Place, Refusal
from services.publisher.tenant_log import StateKey
from services.publisher.tenant_store import TenantStore
from services.publisher.unitu import Outcome, Post, classify
from shared import failpoints
from shared.clock import parse
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, CertifiedSweep, LaneState, SchoolState, StructureState
from shared.contract.codec import Message, Record, decode, encode, headers
from shared.contract.events import Evidence, StudentAssessed
from shared.contract.model import Category, Details, Frozen, Kind, Programme, Structure, Student, Verdict
from shared.contract.populations import book_of, school_of
from shared.contract.tenant_state import TenantState
from shared.contract.topics import ACCOUNT_STATE, DELIVERIES, SYNC_REQUESTS, TENANT_STATE
from shared.lanes.loop import LaneLoop
from shared.lanes.partition import lane_of
from shared.memory import MemoryDueQueue, MemoryFencedHashes, MemoryLog
from tests.unit.publisher.swept import SweptViews

START = parse("2026-11-23T08:00:00.000Z")
LIVE = 'mode = "live"\nstaff = "not-in-unitu"\n'
MANAGED = 'mode = "live"\nstaff = "managed"\n'
OPERATORS_KEY = "the-operators-key-of-all-tests"
QUICK = "quiet_seconds = 0\nmax_delay_seconds = 0\nmin_interval_seconds = 0\n"


class Crash(BaseException):
    """The process dies here."""


class Clock:
    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def a_config(
    folder: Path,
    tenant: str = LIVE + QUICK,
    schools: Sequence[str] = ("abbey",),
    partitions: int = 1,
    pushed: Sequence[str] = (),
) -> Config:
    """One tenant, abbey, with some iSAMS schools, or ``pushed`` ones; ``tenant`` goes into the tenant's table."""
    (folder / "secret").write_text("made-up-key")
    (folder / "operators.key").write_text(OPERATORS_KEY)
    text = f'[kafka]\npartitions = {partitions}\n[operators]\nkey = {{ file = "operators.key" }}\n'
    text += f'[tenants.abbey]\napi_key = {{ file = "secret" }}\n{tenant}\n'
    for slug in schools:
        text += f'[schools.{slug}]\ntenant = "abbey"\n'
        if slug in pushed:
            (folder / f"push-{slug}").write_text(f"made-up-key-of-{slug}-and-long-enough")
            text += f'source = "push"\napi_key = {{ file = "push-{slug}" }}\nkey = "id"\n'
        else:
            text += (
                'source = "isams"\nbase_url = "http://127.0.0.1:9"\n'
                'client_id = "made-up"\nclient_secret = { file = "secret" }\n'
            )
    path = folder / "rollcall.toml"
    path.write_text(text)
    return load(path, {})


# --- what account-state says -----------------------------------------------------------------------------------------


def an_account(student: str = "1", at: int = 1, *, school: str = "abbey", **more: Any) -> AccountState:
    """An enabled account. ``email``, ``first_name`` and the like go into its details."""
    details = {"first_name": "Ada", "last_name": "Fern", "email": f"s{student}@abbey.example", "id": student}
    account: dict[str, Any] = {"status": "enabled", "programmes": ("Y10",), "modules": ("Y10-HIS",), "version": at}
    for name, value in more.items():
        (details if name in Details.__struct_fields__ else account)[name] = value
    return AccountState(school=school, student_id=student, offset=at, details=Details(**details), **account)


def a_leaver(
    student: str, at: int, *, evidence_at: int | None = None, school: str = "abbey", **more: Any
) -> AccountState:
    evidence = Evidence(kind="certificate", ref="sweep", offset=at if evidence_at is None else evidence_at)
    return an_account(student, at, school=school, status="disabled", evidence=evidence, **more)


def an_employee(employee: str = "214", at: int = 1, *, school: str = "abbey", **more: Any) -> AccountState:
    """The enabled account of a member of staff."""
    fields: dict[str, Any] = {"email": f"t{employee}@abbey.example", "title": "Dr", "programmes": (), "modules": ()}
    return an_account(employee, at, school=school, kind="staff", **(fields | more))


def an_employee_who_left(employee: str = "214", at: int = 1, **more: Any) -> AccountState:
    return an_employee(
        employee, at, status="disabled", evidence=Evidence(kind="certificate", ref="sweep", offset=at), **more
    )


def a_school(
    at: int = 10, *, school: str = "abbey", kind: Kind = "student", full_offset: int | None = None, **more: Any
) -> SchoolState:
    """A school whose students, or whose staff, have a certified sweep."""
    sound: dict[str, Any] = {
        "kind": kind,
        "certified": CertifiedSweep(sweep="s", started_at="2026", completed_at="2026", offset=at),
        "areas": {"staff": at} if kind == "staff" else {"students": at, "structure": at, "sets": at},
        "full_offset": at if full_offset is None else full_offset,
    }
    return SchoolState(school=school, offset=at, **(sound | more))


def a_lane(position: int = 11, lane: int = 0, **more: Any) -> LaneState:
    return LaneState(lane=lane, position=position, **more)


def a_structure(school: str = "abbey", codes: Sequence[str] = ("Y10",), at: int = 0) -> StructureState:
    programmes = tuple(Programme(code=code, name=f"Year {code[1:]}", department_code="TEACH") for code in codes)
    return StructureState(school=school, offset=at, structure=Structure(programmes=programmes))


def assessed(student: str = "1", *, school: str = "abbey", **record: Any) -> StudentAssessed:
    """The newest assessment, for ``an_account(assessment=…)``; ``record``: fields of the student's record."""
    names: dict[str, Any] = {"first_name": "Ada", "last_name": "Fern", "date_of_birth": "2011-04-09"}
    return StudentAssessed(
        school=school,
        student_id=student,
        digest="",
        category=Category.CURRENT,
        portal=Verdict.ELIGIBLE,
        account=Verdict.ELIGIBLE,
        programmes=("Y10",),
        modules=("Y10-HIS",),
        student=Student(student_id=student, **(names | record)),
    )


def assessed_without_modules(student: str) -> StudentAssessed:
    return StudentAssessed(
        school="abbey",
        student_id=student,
        digest="",
        category=Category.CURRENT,
        portal=Verdict.ELIGIBLE,
        account=Verdict.ELIGIBLE,
        programmes=("Y10",),
    )


# --- Unitu -----------------------------------------------------------------------------------------------------------


class Unitu:
    """
    Accounts by e-mail: enabled or not. ``plan`` says how the next posts end; the default is an acceptance.

    ``times-out`` (applied), ``lost`` (never arrived), ``crash`` (applied, and the process dies), ``points`` (refused,
    because of the first student's record), ``in part`` (applied but for whom it would disable, and refused), ``page``
    (applied, and a page comes back), ``says OK`` (applied, and answered with a word), or a status.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, bool] = {}
        self.bodies: list[dict[str, Any]] = []
        self.posts = 0
        self.plan: list[str | int] = []
        self.headers: list[str] = []

    @property
    def enabled(self) -> set[str]:
        return {email for email, is_enabled in self.accounts.items() if is_enabled}

    async def post(self, url: str, api_key: SecretStr, body: bytes, timeout_seconds: float) -> Outcome:
        self.posts += 1
        step = self.plan.pop(0) if self.plan else 202
        if step == "lost":
            return Outcome("unknown", "no answer")
        if step == "points":
            return Outcome("rejected", "refuses a record", 422, refusal=Refusal({Place("students", 0): ""}, {}))
        if isinstance(step, int) and step >= 300:
            kind = "unknown" if step >= 500 or step in (408, 429) else "rejected"
            return Outcome(kind, f"answered {step}", step)
        before = dict(self.accounts)
        self.apply(body)
        if step == "in part":
            self.accounts |= {email: True for email, is_enabled in before.items() if is_enabled}
            return classify(422)
        if step == "page":
            return classify(200, text="<html>")
        if step == "says OK":
            return classify(200, text="OK\n")
        if step == "crash":
            raise Crash
        if step == "times-out":
            return Outcome("unknown", "no answer within 60 s")
        return Outcome("accepted", "accepted", 202)

    def apply(self, body: bytes) -> None:
        import json

        snapshot = json.loads(body)
        self.bodies.append(snapshot)
        here = {one["email"].strip().casefold() for one in snapshot["students"] + snapshot.get("staff", [])}
        for email in {*self.accounts, *here}:
            self.accounts[email] = email in here


# --- the world -------------------------------------------------------------------------------------------------------


class History:
    """The topic tenant-state as it stands in a MemoryLog."""

    def __init__(self, out: MemoryLog) -> None:
        self.out = out
        self.reads = 0

    def _records(self, lane: int) -> list[Record]:
        messages = [message for message in self.out.of(TENANT_STATE) if message.lane == lane]
        return [
            Record(TENANT_STATE, lane, offset, one.key, one.value or b"", raw=dict(one.headers))
            for offset, one in enumerate(messages)
        ]

    def edges(self, lane: int) -> tuple[int, int]:
        return 0, len(self._records(lane))

    def read(self, lane: int, start: int) -> Iterable[Record]:
        self.reads += 1
        return self._records(lane)[start:]


class World:
    """
    One tenant, abbey. What is durable survives ``restart``; what Redis has survives it unless ``empty_redis``.

    ``is_swept``: the schools' records are read all the time; without it, a certified sweep has the time that it was
    told with. ``counts``: a SchoolState says how many enabled accounts there are, unless the test does. ``post``: what
    is posted to instead of ``unitu``.
    """

    def __init__(self, config: Config, post: Post | None = None) -> None:
        self.is_swept = True
        self.is_counted = True
        self.config = config
        self.clock = Clock()
        self.out = MemoryLog()
        self.unitu = Unitu()
        self.post = post or self.unitu
        self.log: dict[int, list[Record]] = {}  # account-state
        self.empty_redis()

    def empty_redis(self) -> None:
        self.lanes, self.tenant_hashes, self.wake_hashes = (
            MemoryFencedHashes(),
            MemoryFencedHashes(),
            MemoryFencedHashes(),
        )
        self.due = MemoryDueQueue()
        self.restart()

    def restart(self) -> None:
        """New processes, everywhere."""
        config, clock = self.config, self.clock
        self.wakes = Wakes(self.wake_hashes, self.due, config.tenants, clock)
        self.views = SweptViews(config, self.lanes, lambda: self.clock() if self.is_swept else None)
        self.history = History(self.out)
        key = StateKey(config.operators.key)
        self.tenants = TenantStore(self.tenant_hashes, self.out, self.history, config.kafka.partitions, clock, key)
        self.view = PublisherView(config, self.lanes, self.out, self.wakes, clock)
        self.loop = LaneLoop(self.view, self.lanes, self.out, lambda lane: (0, len(self.log.get(lane, []))))
        parts = config, self.tenants, self.views, self.wakes, self.due, self.out, self.post, clock
        self.deliverer = Deliverer(*parts, self.ends_of)
        self.desk = Desk(config, self.tenants, self.views, self.due, clock)
        self.due.ensure(dict.fromkeys(config.tenants, clock().timestamp()))

    def ends_of(self, lanes: Collection[int]) -> dict[int, int]:
        return {lane: len(self.log.get(lane, [])) for lane in lanes}

    # --- in ----------------------------------------------------------------------------------------------------------

    def append(self, *states: Frozen, key: str | None = None) -> None:
        """Onto account-state, and no further."""
        for state in states:
            match state:
                case AccountState():
                    school, where = state.school, f"{book_of(state.school, state.kind)}/{state.student_id}"
                case StructureState():
                    school, where = state.school, f"{state.school}//structure"
                case SchoolState():
                    school, where = state.school, book_of(state.school, state.kind)
                case LaneState():
                    school, where = "", f"lane-{state.lane}"
                case _:
                    raise TypeError(state)
            lane = state.lane if isinstance(state, LaneState) else lane_of(school, self.config.kafka.partitions)
            if isinstance(state, SchoolState) and not state.enabled and self.is_counted:
                state = msgspec.structs.replace(state, enabled=self.enabled(where))
            told = headers(type(state), id="i", school=school, subject=where, time="2026")
            self._put(lane, key or where, encode(state), told)

    def enabled(self, book: str) -> int:
        """How many enabled accounts the log shows, the newest of each by ``at``."""
        newest: dict[str, AccountState] = {}
        for record in self.log.get(lane_of(school_of(book), self.config.kafka.partitions), []):
            if record.key.startswith(f"{book}/") and not record.value:
                newest.pop(record.key, None)
            elif record.key.startswith(f"{book}/") and not record.key.endswith("//structure"):
                state = decode(record.header("ce_type"), record.value)
                assert isinstance(state, AccountState)
                if record.key not in newest or newest[record.key].offset <= state.offset:
                    newest[record.key] = state
        return sum(state.status == "enabled" for state in newest.values())

    def recount(self, book: str) -> None:
        """As the reconciler does after each batch that changed it."""
        lane = lane_of(school_of(book), self.config.kafka.partitions)
        found = [one for one in self.log.get(lane, []) if one.key == book and one.value]
        if found and self.is_counted:
            state = decode(found[-1].header("ce_type"), found[-1].value)
            if state.enabled != self.enabled(book):
                self.append(msgspec.structs.replace(state, enabled=0))

    def forget(self, student: str, book: str = "abbey") -> None:
        """A tombstone."""
        self._put(lane_of(school_of(book), self.config.kafka.partitions), f"{book}/{student}", b"", [])
        self.recount(book)

    def _put(self, lane: int, key: str, value: bytes, told: list[tuple[str, bytes]]) -> None:
        log = self.log.setdefault(lane, [])
        log.append(Record(ACCOUNT_STATE, lane, len(log), key, value, raw=dict(told)))

    def read(self, batch: int = 1000) -> None:
        """Let the view take what is there."""
        for lane, log in self.log.items():
            while (start := self.loop.start(lane)) < len(log):
                self.loop.step({lane: log[start : start + batch]})

    def tell(self, *states: Frozen) -> None:
        self.append(*states)
        for book in sorted({book_of(one.school, one.kind) for one in states if isinstance(one, AccountState)}):
            self.recount(book)
        self.read()

    def tell_school(self, *accounts: AccountState, at: int = 10, school: str = "abbey", **more: Any) -> None:
        """These accounts, and a certified sweep that ends at ``at``; the lane stands behind it. ``kind``: whose."""
        lane = lane_of(school, self.config.kafka.partitions)
        self.is_swept = self.is_swept and "certified" not in more
        self.is_counted = self.is_counted and "enabled" not in more
        self.tell(*accounts, a_school(at, school=school, **more), a_lane(at + 1, lane))

    # --- on ----------------------------------------------------------------------------------------------------------

    def work(self, *, until: float = 0.0) -> None:
        """Deliver whatever is due within so many seconds."""
        end = self.clock().timestamp() + until
        while (at := self.due.next_at()) is not None and at <= end:
            self.clock.advance(max(0.0, at - self.clock().timestamp()) + 0.001)
            self.work_once()
        self.clock.advance(max(0.0, end - self.clock().timestamp()))

    def work_once(self) -> bool:
        claim = self.due.claim(self.clock().timestamp(), 90.0)
        if claim is None:
            return False
        asyncio.run(self.deliverer.deliver(claim))
        return True

    def publish(self) -> None:
        """As ``rollcall publish`` does, and at once."""
        self.desk.hasten("abbey")
        self.work_once()

    def crash_at(self, point: str) -> None:
        """Deliver until a named point, and die there."""

        def die() -> None:
            raise Crash(point)

        failpoints.hooks[point] = die
        try:
            self.work_once()
        except Crash:
            self.restart()
        else:
            raise AssertionError(f"{point} was never reached")
        finally:
            failpoints.hooks.clear()

    def adopt(self, accounts: Iterable[str] | None = None, *words: str) -> None:
        """Without a list of accounts, or with one; ``words``: for what else needs a word of its own."""
        shown = self.desk.show("abbey", None if accounts is None else list(accounts))
        self.desk.adopt(shown, "ann", {"without-accounts", "same-ids", *words})

    # --- out ---------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> TenantState:
        return self.tenants.read("abbey")

    def deliveries(self, *kinds: type[Frozen]) -> list[Any]:
        seen: dict[str, Frozen] = {}
        for message in self.out.of(DELIVERIES):
            told = dict(message.headers)
            seen[told["ce_id"].decode()] = _decoded(message)
        return [event for event in seen.values() if not kinds or isinstance(event, kinds)]

    def requests(self) -> list[Any]:
        return [_decoded(message) for message in self.out.of(SYNC_REQUESTS)]

    def roster(self) -> set[str]:
        return set(self.state.roster)


def _decoded(message: Message) -> Frozen:
    return decode(dict(message.headers)["ce_type"].decode(), message.value or b"")
