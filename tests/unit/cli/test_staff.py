"""What the command line tells of staff beside the students of one school, and whom an order is about."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.invocation import login_name
from services.operations import commands
from services.operations.check.findings import of_schools
from services.operations.commands import Command, OrderReceipt
from services.operations.holds import history
from services.operations.holds.holdings import Holdings
from services.operations.requests.progress import AccountChange, RequestProgress, Step
from services.operations.standing import late_after
from services.publisher.projection import people_of
from services.publisher.roster_entry import pack, person_of
from services.publisher.tenant_store import TENANTS
from services.reconciler import keys
from shared import clock
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, CertifiedSweep, HeldPlan, LaneState, SchoolState
from shared.contract.codec import Record, encode, headers
from shared.contract.commands import AcceptRoll, PauseSchool, RefuseHold, ReleaseHold
from shared.contract.events import (
    AccountUpdated,
    StaffAssessed,
    StaffFetched,
    StudentFetched,
    SweepReconciled,
    SweepStarted,
    SyncAnswered,
)
from shared.contract.model import Category, Details, Frozen, Kind, Student, Verdict
from shared.contract.tenant_state import Accepted, Seat, TenantState
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.memory import MemoryFencedHashes, MemoryLog
from tests.harness.builders import a_member, a_student, a_sweep, at
from tests.harness.pipeline import LANE, Road, a_config
from tests.unit.cli.looks import MemoryLooks
from tests.unit.cli.words import Said, rollcall
from tests.unit.operations.receipts import a_receipt

SCHOOL, BOOK, PLAN = "abbey", "abbey+staff", "disable_unexplained"
SAME = "5" * 16  # a hash that both books might hold


def managed(folder: Path) -> Path:
    """A configuration whose one tenant manages its staff."""
    a_config(folder)
    path = folder / "rollcall.toml"
    path.write_text(path.read_text().replace("[tenants.abbey]\n", '[tenants.abbey]\nstaff = "managed"\n'))
    return path


def an_account(id: str, kind: Kind, held: dict[str, str], **more: Any) -> AccountState:
    details = Details(first_name="Jane", last_name=f"Smith{id}", email=f"{kind}{id}@abbey.example")
    return AccountState(
        school=SCHOOL,
        student_id=id,
        kind=kind,
        offset=5,
        version=5,
        status="enabled",
        details=details,
        held=held,
        **more,
    )


class Desk:
    """An operator before a reconciler's store: employee 214 and student 214, and what each book holds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = managed(folder)
        self.store, self.publisher, self.tenants = MemoryFencedHashes(), MemoryFencedHashes(), MemoryFencedHashes()
        self.store.records[LANE] = encode(LaneState(lane=LANE, position=9))
        self.given: list[Frozen] = []
        self.asked: list[tuple[str, str]] = []
        monkeypatch.setattr("services.operations.holds.holdings.holdings_of", lambda config: Holdings(self.store, 1))
        monkeypatch.setattr("services.operations.attempts.looks_of", lambda config: MemoryLooks())
        monkeypatch.setattr(commands, "give", self._give)
        monkeypatch.setattr(history, "end_of_changes", lambda config, school: 0)
        monkeypatch.setattr(history, "is_decided", lambda config, book, key, since: False)
        monkeypatch.setattr(history, "students_of_hash", self._students_of_hash)
        monkeypatch.setattr("services.operations.explain.lookup.Stores", lambda config: self)
        monkeypatch.setattr(clock, "now", lambda: at(30))
        self.has("student")
        self.has("staff")

    def _give(self, config: Config, command: Command) -> OrderReceipt:
        self.given.append(command)
        return a_receipt(command)

    def _students_of_hash(self, config: Config, book: str, key: str) -> tuple[str | None, set[str]]:
        self.asked.append((book, key))
        return (PLAN, {"214", "215"}) if (book, key) == (BOOK, "old") else (None, set())

    def has(self, kind: Kind, holds: dict[str, str] | None = None, **more: Any) -> None:
        """One account in a book that was certified at minute 1; ``holds``: its plans, with their hashes."""
        book, lane = BOOK if kind == "staff" else SCHOOL, self.store.hashes.setdefault(LANE, {})
        plans = {
            plan: HeldPlan(hash=key, count=1, since=at(2), budget="2 heads or 2 %", headroom=-1)
            for plan, key in (holds or {}).items()
        }
        school = SchoolState(
            school=SCHOOL,
            kind=kind,
            offset=5,
            students=1,
            enabled=1,
            roll_count=1,
            certified=CertifiedSweep(sweep="s", started_at=at(0), completed_at=at(1), offset=5),
            holds=plans,
        )
        lane.setdefault(keys.SCHOOLS, {})[book] = encode(school)
        lane[keys.students(book)] = {"214": encode(an_account("214", kind, holds or {}, **more))}
        lane[keys.pending(book)] = {"214": b"1"} if holds else {}

    # --- the places of an explanation

    @property
    def reconciler(self) -> MemoryFencedHashes:
        return self.store

    def due(self, book: str) -> tuple[float | None, bool]:
        return clock.parse(at(40) if book == BOOK else at(35)).timestamp(), False

    def tail(self, lane: int) -> list[Record]:
        found = []
        for offset, (kind, key) in enumerate((("student", "abbey/214"), ("staff", "abbey+staff/214"))):
            fields = ("first_name" if kind == "student" else "phone",)
            details = Details(first_name="Jane", last_name="Smith", email="x@y")
            event = AccountUpdated(school=SCHOOL, student_id="214", version=5, fields=fields, details=details)
            told = headers(AccountUpdated, id=key, school=SCHOOL, subject=key, time=at(3))
            found.append(Record(ACCOUNT_CHANGES, lane, offset, key, encode(event), raw=dict(told)))
        return found

    def deliveries(self, lane: int) -> list[Record]:
        return []

    def say(self, *words: str) -> Said:
        return rollcall(self.path, *words)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


# --- status ----------------------------------------------------------------------------------------------------------


def test_a_school_and_its_staff_stand_beside_each_other(desk: Desk) -> None:
    desk.has("staff", {PLAN: "a" * 16})
    said = desk.say("status", "--json")
    students, staff = json.loads(said.out)
    assert said.code == 3
    assert (students["school"], students["people"], students["holds"]) == (SCHOOL, "students", [])
    assert (staff["school"], staff["people"], staff["state"]) == (SCHOOL, "staff", "held")
    shown = desk.say("status").out
    assert "abbey (staff)" in shown
    assert "rollcall holds show abbey --staff" in shown


def test_staff_that_are_not_managed_are_in_no_table(desk: Desk) -> None:
    desk.has("staff", {PLAN: "a" * 16})
    desk.path.write_text(desk.path.read_text().replace('"managed"', '"not-in-unitu"'))
    assert [one["people"] for one in json.loads(desk.say("status", "--json").out)] == ["students"]
    assert json.loads(desk.say("holds", "list", "--json").out) == []
    for words in (
        ("holds", "show", SCHOOL),
        ("holds", "list", SCHOOL),
        ("sync", SCHOOL),
        ("explain", SCHOOL, "214"),
        ("accept-roll", SCHOOL, "0" * 32),
    ):
        said = desk.say(*words, "--staff")
        assert (said.code, "are not managed" in said.err) == (2, True), words
    assert desk.say("holds", "list", "--staff").out == "Nothing is held.\n"


def test_staff_are_late_by_their_own_pace(desk: Desk) -> None:
    school = load(desk.path, {}).schools[SCHOOL].model_copy(update={"poll_seconds": 60, "staff_poll_seconds": 3600})
    assert (late_after(school), late_after(school, "staff")) == (15.0, 180.0)


# --- holds -----------------------------------------------------------------------------------------------------------


def test_a_hold_says_whose_it_is(desk: Desk) -> None:
    desk.has("student", {PLAN: "a" * 16})
    desk.has("staff", {PLAN: "b" * 16})
    told = json.loads(desk.say("holds", "list", "--json").out)
    assert [(one["school"], one["people"], one["kind"]) for one in told] == [
        (SCHOOL, "students", PLAN),
        (SCHOOL, "staff", PLAN),
    ]
    assert [one["people"] for one in json.loads(desk.say("holds", "list", "--staff", "--json").out)] == ["staff"]
    assert [one["people"] for one in json.loads(desk.say("holds", "show", SCHOOL, "--students", "--json").out)] == [
        "students"
    ]
    assert "abbey (staff)" in desk.say("holds", "list").out
    assert "Jane Smith214" in desk.say("holds", "show", SCHOOL, "--staff").out


@pytest.mark.parametrize(("order", "model"), [("release", ReleaseHold), ("refuse", RefuseHold)])
def test_an_order_is_about_the_book_whose_hash_it_names(
    desk: Desk, order: str, model: type[ReleaseHold] | type[RefuseHold]
) -> None:
    desk.has("student", {PLAN: "a" * 16})
    desk.has("staff", {PLAN: "b" * 16})
    said = desk.say("holds", order, SCHOOL, "b" * 16, "--yes", "--wait", "0", "--json")
    assert said.code == 0, said.err
    assert desk.given == [model(school=SCHOOL, kind="staff", plan=PLAN, hash="b" * 16, operator=login_name())]
    assert json.loads(said.out)["people"] == "staff"


def test_a_plan_that_both_hold_must_be_told_apart(desk: Desk) -> None:
    desk.has("student", {PLAN: SAME})
    desk.has("staff", {PLAN: SAME})
    said = desk.say("holds", "release", SCHOOL, SAME, "--yes", "--wait", "0")
    assert (said.code, desk.given) == (2, [])
    assert "say --students or --staff" in said.err
    for flag, kind in (("--staff", "staff"), ("--students", "student")):
        assert desk.say("holds", "release", SCHOOL, SAME, flag, "--yes", "--wait", "0").code == 0
        assert isinstance(desk.given[-1], ReleaseHold)
        assert desk.given[-1].kind == kind


def test_a_hash_of_the_staffs_that_is_not_held_now_is_told_with_what_differs(desk: Desk) -> None:
    desk.has("staff", {PLAN: "b" * 16})
    said = desk.say("holds", "release", SCHOOL, "old", "--wait", "0")
    assert said.code == 3
    assert "Of the staff held now, 0 were not in the set that you name; 1 of that set are gone." in said.err
    assert f"rollcall holds show {SCHOOL} {PLAN} --staff" in said.err
    assert desk.asked == [(SCHOOL, "old"), (BOOK, "old")]


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (ReleaseHold(school=SCHOOL, kind="staff", plan=PLAN, hash="h", operator="kim"), BOOK),
        (RefuseHold(school=SCHOOL, kind="staff", plan=PLAN, hash="h", operator="kim"), BOOK),
        (AcceptRoll(school=SCHOOL, kind="staff", hash="h", operator="kim"), BOOK),
        (ReleaseHold(school=SCHOOL, plan=PLAN, hash="h", operator="kim"), SCHOOL),
        (PauseSchool(school=SCHOOL, operator="kim"), SCHOOL),
    ],
)
def test_an_order_stands_under_the_book_that_it_is_about(command: Any, key: str) -> None:
    message = commands.message_of(command, 12, id="1", time=at())
    assert (message.key, dict(message.headers)["ce_subject"]) == (key, key.encode())


def test_a_roll_of_the_staff_is_accepted_as_theirs(desk: Desk) -> None:
    said = desk.say("accept-roll", SCHOOL, "0" * 32, "--staff")
    assert desk.given == [AcceptRoll(school=SCHOOL, kind="staff", hash="0" * 32, operator=login_name())]
    assert "the next sweep of abbey (staff) with the roll" in said.out


# --- sync ------------------------------------------------------------------------------------------------------------


class Told:
    """A course of the staff, and what the topics tell it."""

    def __init__(self, person: str | None = None) -> None:
        self.progress = RequestProgress(BOOK, person, "r1", at(10))

    def tell(self, topic: str, event: Frozen, key: str, offset: int = 0, **more: str) -> Step:
        named = headers(type(event), id="1", school=SCHOOL, subject=key, time=at(), **more)
        self.progress.take(Record(f"t1-{topic}", 0, offset, key, encode(event), raw=dict(named)))
        return self.progress.step


def test_a_course_of_the_staff_follows_the_staffs_sweep_alone() -> None:
    told = Told()
    assert told.tell(SYNC_REQUESTS, SyncAnswered(school=SCHOOL, request="r1", outcome="due"), SCHOOL) is Step.TAKEN
    assert told.tell(STUDENTS_FETCHED, SweepStarted(school=SCHOOL, sweep="x", started_at=at(11)), SCHOOL) is Step.TAKEN
    mine = SweepStarted(school=SCHOOL, kind="staff", sweep="s1", started_at=at(11))
    assert told.tell(STUDENTS_FETCHED, mine, BOOK) is Step.READING
    person = Student(student_id="214")
    told.tell(STUDENTS_FETCHED, StaffFetched(school=SCHOOL, student=person), f"{BOOK}/214", sweep="s1")
    told.tell(STUDENTS_FETCHED, StudentFetched(school=SCHOOL, student=person), f"{SCHOOL}/214", sweep="s1")
    assert told.progress.seen == 1
    details = Details(first_name="A", last_name="B", email="c@d")
    change = AccountUpdated(school=SCHOOL, student_id="214", version=60, fields=("phone",), details=details)
    told.tell(ACCOUNT_CHANGES, change, f"{BOOK}/214", sweep="s1")
    told.tell(ACCOUNT_CHANGES, change, f"{SCHOOL}/215", sweep="s1")
    close = SweepReconciled(school=SCHOOL, sweep="s1", version=70, outcome="certified", roll_count=1)
    assert told.tell(ACCOUNT_CHANGES, close, SCHOOL) is Step.READING
    assert told.tell(ACCOUNT_CHANGES, close, BOOK) is Step.DECIDED
    assert told.progress.changes() == [AccountChange("214", "account_updated", 60, "phone")]


def test_a_course_of_one_employee_takes_the_employees_verdict() -> None:
    told = Told("214")
    answer = SyncAnswered(school=SCHOOL, request="r1", outcome="read", student_id="214", read_at=at(11))
    told.tell(SYNC_REQUESTS, answer, SCHOOL)
    judged = StaffAssessed(
        school=SCHOOL,
        student_id="214",
        kind="staff",
        digest="0" * 32,
        category=Category.CURRENT,
        portal=Verdict.ELIGIBLE,
        account=Verdict.ELIGIBLE,
    )
    assert told.tell(STUDENTS_ASSESSED, judged, f"{BOOK}/214", 42, read_at=at(11)) is Step.READ
    assert told.progress.assessed is not None
    assert told.progress.assessed.kind == "staff"


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        ((), None, "Asked for: abbey."),
        (("--staff",), "staff", "Asked for: the staff of abbey."),
        (("--students",), "student", "Asked for: the students of abbey."),
        (("--staff", "--student", "214"), "staff", "Asked for: member of staff 214 of abbey."),
    ],
)
def test_a_request_says_whose_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], kind: Kind | None, text: str
) -> None:
    out = MemoryLog()

    class Nowhere:
        def __init__(self, config: Config) -> None: ...

        def __enter__(self) -> "Nowhere":
            return self

        def __exit__(self, *_: object) -> None: ...

        def edges(self, topic: str, lane: int) -> tuple[int, int]:
            return 0, 0

    monkeypatch.setattr("services.operations.requests.sync.Reader", Nowhere)
    monkeypatch.setattr(commands, "KafkaLog", lambda config: out)
    monkeypatch.setattr(out, "close", lambda: None, raising=False)
    said = desk.say("sync", SCHOOL, *words)
    assert said.out.strip() == text
    [message] = out.messages
    assert json.loads(message.value or b"").get("kind") == kind
    assert message.key == SCHOOL


# --- explain, tenant and check ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind", "email", "field", "next_at"),
    [
        ((), "student", "student214@abbey.example", "first_name", at(35)),
        (("--staff",), "staff", "staff214@abbey.example", "phone", at(40)),
    ],
)
def test_an_employee_and_a_student_of_one_number_are_explained_apart(
    desk: Desk, words: tuple[str, ...], kind: str, email: str, field: str, next_at: str
) -> None:
    mine: Kind = "staff" if kind == "staff" else "student"
    people = pack(person_of(an_account("214", mine, {}), "214"))  # the publisher has seen theirs alone
    desk.publisher.hashes[LANE] = {people_of(BOOK if kind == "staff" else SCHOOL): {"214": people}}
    seats = {"s@x": Seat(book=SCHOOL, person="214"), "t@x": Seat(book=BOOK, person="214")}
    accepted = Accepted(number=7, accepted_at=at(4), roster_hash="r", digest="d")
    state = TenantState(tenant="abbey", accepted=accepted, roster=seats)
    desk.tenants.hashes[LANE] = {TENANTS: {"abbey": encode(state)}}
    told = json.loads(desk.say("explain", SCHOOL, "214", "--json", *words).out)
    assert (told["state"]["kind"], told["state"]["details"]["email"]) == (kind, email)
    assert [one["detail"] for one in told["last_changes"]] == [field]
    assert told["next_sweep"]["at"] == next_at
    assert told["last_snapshot"]["email"] == ("t@x" if kind == "staff" else "s@x")
    assert told["last_snapshot"]["is_behind"] is False


def test_nobody_is_taken_for_an_employee_whose_number_a_student_has(desk: Desk) -> None:
    desk.store.hashes[LANE][keys.students(BOOK)].clear()
    said = desk.say("explain", SCHOOL, "214", "--staff")
    assert said.code == 1
    assert "no member of staff '214' was ever read" in said.err


def test_an_employee_is_not_read_live(desk: Desk) -> None:
    assert desk.say("explain", SCHOOL, "214", "--staff", "--live").code == 2


async def test_a_check_says_that_a_feed_must_send_its_staff(tmp_path: Path) -> None:
    path = managed(tmp_path)
    (tmp_path / "key").write_text("push")
    path.write_text(path.read_text() + '[schools.uni]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "key" }\n')
    found = await of_schools(load(path, {}), ["uni"])
    assert [one.what for one in found] == ["source", "staff"]


# --- with the real rules and the real reconciler ---------------------------------------------------------------------


@pytest.fixture
def road(desk: Desk) -> Road:
    """A reconciler in the place of the desk's store: employees 1 to 20, read once."""
    road = Road(load(desk.path, {}))
    desk.store = road.store
    road.fetch(a_sweep("s1", EMPLOYEES, full=True, kind="staff"))
    road.run()
    return road


EMPLOYEES = [a_member(str(number)) for number in range(1, 21)]


def test_an_employee_is_explained_by_the_rules_of_staff(desk: Desk, road: Road) -> None:
    told = json.loads(desk.say("explain", SCHOOL, "1", "--staff", "--json").out)
    assert (told["category"], told["account"]["verdict"], told["state"]["status"]) == ("current", "eligible", "enabled")
    rules = [one["id"] for one in told["account"]["rules"]]
    assert "not_left" in rules
    assert not {"enrolment_year", "leaver_not_long_ago"} & set(rules)
    left = a_member("1", leaving_date="2026-07-10")
    road.fetch(a_sweep("s2", EMPLOYEES, sends=[left], minutes=5, kind="staff"), minutes=5)
    road.run()
    told = json.loads(desk.say("explain", SCHOOL, "1", "--staff", "--json").out)
    assert (told["category"], told["account"]["verdict"]) == ("left", "ineligible")
    failed = [one["id"] for one in told["account"]["rules"] if one["outcome"] == "fail"]
    assert "not_left" in failed
    assert any(change["field"] == "leaving_date" for edit in told["edits"] for change in edit["changes"])
    assert "abbey (staff)/1" in desk.say("explain", SCHOOL, "1", "--staff").out


def test_a_released_hold_of_the_staff_is_taken(desk: Desk, road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, minutes in enumerate((5, 66)):
        road.fetch(a_sweep(f"v{number}", EMPLOYEES[3:], sends=[], minutes=minutes, kind="staff"), minutes=minutes)
    road.run()
    (one,) = json.loads(desk.say("holds", "list", "--json").out)
    assert (one["people"], one["kind"], one["students"]) == ("staff", PLAN, ["1", "2", "3"])

    def give(config: Config, command: ReleaseHold) -> OrderReceipt:
        road.order(command)
        road.run()
        return a_receipt(command)

    monkeypatch.setattr(commands, "give", give)
    said = desk.say("holds", "release", SCHOOL, one["hash"], "--yes", "--json")
    assert json.loads(said.out)["is_taken"] is True
    assert road.school(BOOK).holds[PLAN].state == "released"


def test_a_paused_school_is_paused_for_its_staff(desk: Desk, road: Road) -> None:
    """A pause is the school's: it stands with the students alone."""
    road.fetch(a_sweep("p1", [a_student("214")], full=True))
    road.order(PauseSchool(school=SCHOOL, operator="kim"))
    road.run()
    told = json.loads(desk.say("status", "--json").out)
    assert [(one["people"], one["state"]) for one in told] == [("students", "paused"), ("staff", "paused")]
    explained = json.loads(desk.say("explain", SCHOOL, "1", "--staff", "--json").out)
    assert any("The school is paused" in note for note in explained["notes"])
