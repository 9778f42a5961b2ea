"""Why one student does or does not sync, told from the reconciler's own state in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.operations.errors import Code, OperationError
from services.operations.explain import lookup
from services.operations.explain.evidence import ReadNow
from services.operations.explain.verdicts import named
from services.reconciler.keys import students
from shared.contract.codec import Record
from shared.contract.model import Student
from shared.contract.person import Identity
from shared.contract.tenant_state import Held, Intent, Reason
from tests.harness.builders import SCHOOL, START, a_leaver, a_student, a_sweep, at
from tests.harness.pipeline import LANE
from tests.unit.operations.explain.desk import ACCEPTED, ALL, ONE, SEAT, Desk, a_delivery, failing


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_programs_are_promised_these_keys(desk: Desk) -> None:
    """Fails when a key that programs read is renamed or gone."""
    told = desk.ask()
    promised = {"school", "student", "category", "portal", "account", "state", "staged", "held"}
    assert promised | {"last_changes", "last_snapshot", "next_sweep"} <= set(told)
    assert set(told["portal"]) == set(told["account"]) == {"verdict", "rules"}
    for rule in (*told["portal"]["rules"], *told["account"]["rules"]):
        assert list(rule) == ["id", "outcome", "value", "message", "fix"]
        assert rule["outcome"] in ("pass", "fail", "not_applicable")


def test_a_student_who_syncs(desk: Desk) -> None:
    desk.show_publisher(ONE)
    told = desk.ask()
    assert (told["school"], told["student"], told["category"]) == (SCHOOL, ONE, "current")
    assert (told["portal"]["verdict"], told["account"]["verdict"]) == ("eligible", "eligible")
    assert failing(told["portal"]) == failing(told["account"]) == []
    assert told["seen"]["arrived"]["email"] == f"s{ONE}@abbey.example"
    assert (told["seen"]["last_seen_at"], told["seen"]["is_in_roll"]) == (at(), True)
    assert (told["state"]["status"], told["state"]["modules"]) == ("enabled", ["Y10-ENG", "Y10-HIS"])
    assert (told["staged"], told["held"], told["notes"], told["live"]) == ([], [], [], None)
    kinds = [change["kind"] for change in told["last_changes"]]
    assert kinds == ["module_enrolled", "module_enrolled", "programme_enrolled", "account_provisioned"], "newest first"
    assert {change["at"] for change in told["last_changes"]} == {at()}
    assert told["next_sweep"] == {"at": at(5), "is_under_way": False}
    assert told["rollover"] == {"starts": "2027-08-30", "ends": "2027-09-15", "is_open": False}


def test_an_account_is_found_by_its_email_too(desk: Desk) -> None:
    assert desk.ask(f" S{ONE}@Abbey.example ")["student"] == ONE


def test_an_address_is_the_person_who_has_it_now_and_not_the_one_who_is_keyed_by_it(desk: Desk) -> None:
    """As pushed people may be: the key is the address under which the feed first said them."""
    first = a_student("ada@abbey.example", email="ada@abbey.example")
    married = a_student("ada@abbey.example", email="married@abbey.example")
    second = a_student("ada2", email="ada@abbey.example")
    desk.sweep([*ALL, first], 5, sends=[first])
    desk.sweep([*ALL, married], 10, sends=[married])
    assert desk.ask("ada@abbey.example")["state"]["details"]["email"] == "married@abbey.example"
    desk.sweep([*ALL, married, second], 15, sends=[second])
    assert desk.ask("ada@abbey.example")["student"] == "ada2"
    assert desk.ask("married@abbey.example")["student"] == "ada@abbey.example"


def test_a_blanked_email_is_told_with_what_would_help(desk: Desk) -> None:
    slip = a_student(ONE, last_name="Fern0", email=None)
    desk.sweep([slip, *ALL[1:]], 5, sends=[slip])
    told = desk.ask()
    assert (told["portal"]["verdict"], told["account"]["verdict"]) == ("ineligible", "undecided")
    assert failing(told["account"]) == ["email_present"]
    assert told["state"]["status"] == "enabled", "undecided never removes"
    best = next(edit for edit in told["edits"] if edit["verdict"] == "account")
    assert best["becomes"] == "eligible"
    assert [(change["field"], change["words"]) for change in best["changes"]] == [
        ("email", "an address like name@school.example")
    ]


def test_a_leaver_is_told_by_each_verdicts_own_rules(desk: Desk) -> None:
    leaver = a_leaver(ONE, email=None, leaving_date="2024-07-10")
    desk.sweep(ALL[1:], 5, sends=[leaver])
    told = desk.ask()
    assert (told["category"], told["account"]["verdict"]) == ("left", "ineligible")
    assert failing(told["account"]) == ["is_current"]
    assert failing(told["portal"]) == ["left_recently"]
    assert told["state"]["status"] == "disabled"
    assert (told["state"]["evidence"]["kind"], told["state"]["disabled_at"]) == ("record", at(6))
    assert told["last_changes"][0]["kind"] == "account_disabled"
    assert told["last_changes"][0]["detail"].startswith("the record says left")


def test_somebody_whose_record_cannot_be_read(desk: Desk) -> None:
    (record,) = [desk.road._fetched(event, 5, None) for event in a_sweep("s", ALL[:1])[1:2]]
    broken = Record(record.topic, LANE, record.offset, record.key, b"{", record.headers)
    desk.road.judge([broken])
    desk.road.run()
    told = desk.ask()
    assert (told["category"], told["account"]["verdict"], told["seen"]["arrived"]) == ("unknown", "undecided", None)
    assert failing(told["portal"]) == ["record_sound"]
    assert told["edits"] == []


def test_who_waits_for_an_email_is_told_who_has_it(desk: Desk) -> None:
    second = a_student(ALL[1].student_id, email=ALL[0].email)
    desk.sweep([ALL[0], second, *ALL[2:]], 5, sends=[second])
    told = desk.ask(second.student_id)
    assert told["account"]["verdict"] == "undecided"
    rule = told["account"]["rules"][-1]
    assert (rule["id"], rule["outcome"], rule["value"]) == ("email_free", "fail", ALL[0].email)
    assert ALL[0].student_id in rule["fix"]
    assert told["state"]["email_holder"] == ALL[0].student_id


def test_an_id_that_came_back_as_somebody_else_is_told(desk: Desk) -> None:
    one = a_student(ONE, date_of_birth="2010-03-04")
    desk.sweep([one, *ALL[1:]], 5, sends=[one])
    desk.sweep(ALL[1:], 6, sends=[a_leaver(ONE, date_of_birth="2010-03-04")])
    desk.sweep([one, *ALL[1:]], 7, sends=[a_student(ONE, date_of_birth="2012-11-30")])
    told = desk.ask()
    assert (told["state"]["status"], told["account"]["verdict"]) == ("disabled", "undecided")
    assert failing(told["account"]) == ["same_person"]
    rule = next(rule for rule in told["account"]["rules"] if rule["id"] == "same_person")
    assert rule["value"] == "Ada Fern, born 2012-11-30"
    assert rule["fix"].startswith("The account is that of Ada Fern, born 2010-03-04. If the record is theirs,")


def test_an_enabled_account_whose_record_is_somebody_elses_is_told(desk: Desk) -> None:
    had = a_student(ONE, date_of_birth="2010-03-04", preferred_name="Addie", unique_pupil_number="H801200001001")
    desk.sweep([had, *ALL[1:]], 5, sends=[had])
    told = desk.ask()
    assert next(rule for rule in told["account"]["rules"] if rule["id"] == "same_person")["outcome"] == "pass"
    now = a_student(
        ONE,
        first_name="Omar",
        last_name="Vale",
        date_of_birth="2015-01-01",
        unique_pupil_number="H801200001002",
        person_guid="0d3c2f04-1f6b",
        feed_id="n-17",
    )
    desk.sweep([now, *ALL[1:]], 6, sends=[now])
    told = desk.ask()
    assert (told["state"]["status"], told["account"]["verdict"]) == ("enabled", "undecided")
    assert failing(told["account"]) == ["same_person"]
    rule = next(rule for rule in told["account"]["rules"] if rule["id"] == "same_person")
    numbers = "unique pupil number H801200001002, person GUID 0d3c2f04-1f6b, id in the feed n-17"
    assert rule["value"] == f"Omar Vale, born 2015-01-01, {numbers}"
    assert "Ada or Addie Fern, born 2010-03-04, unique pupil number H801200001001. If" in rule["fix"]


def test_who_has_no_name_is_told_as_somebody_without_one() -> None:
    assert named(Identity()) == "somebody without a name"


def test_an_old_entry_of_the_leavers_list_is_told_as_that(desk: Desk) -> None:
    both = a_student(ONE, lists=("students", "leavers"))
    desk.sweep([both, *ALL[1:]], 5, sends=[both])
    desk.sweep(ALL[1:], 6, sends=[a_leaver(ONE, lists=("leavers",), system_status=None)])
    told = desk.ask()
    assert (told["state"]["status"], told["staged"][0]["kind"]) == ("enabled", "absence")
    assert [note for note in told["notes"] if "explains no absence" in note]
    desk.sweep(ALL[1:], 7, sends=[a_leaver(ONE)])
    assert not [note for note in desk.ask()["notes"] if "explains no absence" in note]


def test_a_first_absence_says_what_it_waits_for(desk: Desk) -> None:
    desk.sweep(ALL[1:], 5)
    (staged,) = desk.ask()["staged"]
    assert (staged["kind"], staged["since"]) == ("absence", at(5))
    assert staged["waits_for"] == f"a second certified sweep without the student, begun at {at(65)} or later"


def test_what_could_not_go_at_once_says_what_it_waits_for(desk: Desk) -> None:
    phones = [a_student(one.student_id, phone="07700 900001") for one in ALL]
    desk.sweep(phones, 5, sends=phones)
    moved = [a_student(one.student_id, email=f"n{n}@new.example") for n, one in enumerate(ALL)]
    joiners = [a_student(str(3050000100 + n)) for n in range(21)]
    desk.sweep([*moved, *joiners], 6, sends=[*moved, *joiners])
    told = desk.ask(moved[-1].student_id)
    assert [one["kind"] for one in told["staged"]] == ["email_change", "update"]
    assert "in which phone is not suddenly empty" in told["staged"][1]["waits_for"]
    assert {one["kind"] for one in told["held"]} == {"email_change", "nulled_column"}
    told = desk.ask(joiners[-1].student_id)
    assert [one["kind"] for one in told["staged"]] == ["create"]
    assert "a person's release" in told["staged"][0]["waits_for"]


def test_in_the_rollover_an_absence_says_that_it_pauses(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 'academic_year_starts = "11-23"')
    desk.sweep(ALL[1:], 5)
    told = desk.ask()
    assert told["rollover"] == {"starts": "2026-11-21", "ends": "2026-12-07", "is_open": True}
    assert "pause until the end of 2026-12-07" in told["staged"][0]["waits_for"]


def test_a_hold_is_told_with_what_a_release_needs(desk: Desk) -> None:
    for minutes in (5, 66):
        desk.sweep(ALL[3:], minutes)
    told = desk.ask()
    (held,) = told["held"]
    hold = desk.road.school().holds["disable_unexplained"]
    assert (held["kind"], held["hash"], held["count"], held["headroom"]) == ("disable_unexplained", hold.hash, 3, -1)
    assert desk.ask(ALL[5].student_id)["held"] == [], "only those who are in the reviewed set"


def test_lost_modules_wait_by_name(desk: Desk) -> None:
    fewer = [a_student(one.student_id, last_name=one.last_name, modules=("Y10-ENG",)) for one in ALL[:7]]
    desk.sweep([*fewer, *ALL[7:]], 5, sends=fewer)
    (staged,) = desk.ask()["staged"]
    assert (staged["kind"], staged["modules"]) == ("unenrol", ["Y10-HIS"])
    assert "reads the sets" in staged["waits_for"]


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        pytest.param((START.timestamp() + 900, True), {"at": None, "is_under_way": True}, id="being read"),
        pytest.param((START.timestamp() + 60, True), {"at": at(1), "is_under_way": False}, id="a dead worker's lease"),
        pytest.param((None, False), None, id="in no queue"),
    ],
)
def test_when_the_school_is_read_next(desk: Desk, queue: tuple[float | None, bool], told: object) -> None:
    desk.next = queue
    assert desk.ask()["next_sweep"] == told


def test_without_a_snapshot_that_is_said(desk: Desk) -> None:
    last = desk.ask()["last_snapshot"]
    assert (last["tenant"], last["mode"], last["number"], last["is_in_it"]) == ("abbey", "dry-run", None, False)
    assert last["is_behind"] is True, "the publisher has not seen anybody yet"


def test_the_last_snapshot_that_has_somebody(desk: Desk) -> None:
    desk.show_publisher(ONE)
    desk.tenant(accepted=ACCEPTED, roster={"old@abbey.example": SEAT})
    last = desk.ask()["last_snapshot"]
    assert (last["number"], last["at"], last["is_in_it"], last["email"]) == (7, at(2), True, "old@abbey.example")
    assert (last["carried_number"], last["carried_at"]) == (7, at(2))
    assert last["waits_as"] == f"s{ONE}@abbey.example", "another e-mail than the delivered one waits"
    assert (last["is_unknown"], last["is_behind"], last["held"]) == (False, False, [])


def test_a_roster_that_was_only_adopted_is_no_snapshot(desk: Desk) -> None:
    desk.tenant(roster={f"s{ONE}@abbey.example": SEAT})
    assert desk.ask()["last_snapshot"]["is_in_it"] is False


def test_who_is_out_of_the_snapshot_is_told_as_whom_it_had_them(desk: Desk) -> None:
    intent = Intent(number=8, begun_at=at(3), ends_at=at(4), roster_hash="r", digest="d")
    held = Held(kind="hold", reasons=(Reason(code="x", message="3 are disabled without evidence"),), since=at(3))
    desk.tenant(accepted=ACCEPTED, former={f"{SCHOOL}/{ONE}": "old@abbey.example"}, intent=intent, held=held)
    desk.delivered = [
        a_delivery(3),
        a_delivery(4, "other@abbey.example"),
        a_delivery(5, "old@abbey.example"),
        a_delivery(7),
    ]
    last = desk.ask()["last_snapshot"]
    assert (last["is_in_it"], last["email"], last["is_unknown"]) == (False, "old@abbey.example", True)
    assert last["held"] == ["3 are disabled without evidence"]
    assert (last["carried_number"], last["carried_at"]) == (4, at(1)), "the one before the one that left them out"


@pytest.mark.parametrize(
    ("delivered", "is_kafka_away", "note"),
    [
        pytest.param((), False, "is not among the last 0 deliveries", id="too long ago"),
        pytest.param((5,), False, "is not among the last 1 deliveries", id="the one before is too long ago"),
        pytest.param((), True, "The last snapshot that had the student cannot be told: Kafka", id="Kafka is away"),
    ],
)
def test_a_snapshot_that_cannot_be_found_is_said_to_be(
    desk: Desk, delivered: tuple[int, ...], is_kafka_away: bool, note: str
) -> None:
    desk.tenant(accepted=ACCEPTED, former={f"{SCHOOL}/{ONE}": "old@abbey.example"})
    desk.delivered = [a_delivery(number, "old@abbey.example") for number in delivered]
    desk.is_kafka_away = is_kafka_away
    told = desk.ask()
    assert told["last_snapshot"]["carried_number"] is None
    assert any(note in one for one in told["notes"])


def test_without_kafka_the_rest_is_told(desk: Desk) -> None:
    desk.is_kafka_away = True
    told = desk.ask()
    assert told["last_changes"] is None
    assert told["notes"] == ["The last changes cannot be told: Kafka: no broker"]
    assert told["account"]["verdict"] == "eligible"


def test_a_change_that_is_too_old_to_be_looked_at_is_said_to_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when no change in the last stretch is told as *nothing ever changed*."""
    monkeypatch.setattr(lookup, "TAIL", 3)
    told = desk.ask()
    assert told["last_changes"] == []
    assert "not among the last 3 changes" in told["notes"][0]


def test_settings_that_changed_since_the_verdict_are_noted(desk: Desk) -> None:
    slip = a_student(ONE, system_status=0, admission_status="Waiting list", enrolment_year=2027)
    desk.sweep([slip, *ALL[1:]], 5, sends=[slip])
    assert desk.ask()["notes"] == []
    text = desk.path.read_text()
    desk.path.write_text(text + 'prospective_admission_statuses = ["Waiting list"]\n')
    told = desk.ask()
    assert told["category"] == "unknown", "as it was judged"
    assert [note.partition(" since")[0] for note in told["notes"]] == ["Settings or rules have changed"]


def test_an_academic_year_that_turned_since_the_reading_is_noted(desk: Desk) -> None:
    leaver = a_leaver(ONE, leaving_date="2025-09-01")
    desk.sweep(ALL[1:], 5, sends=[leaver])
    desk.now = START.replace(year=2027, month=9, day=1)
    told = desk.ask()
    assert told["portal"]["verdict"] == "eligible"
    assert told["notes"] == ["Judged today the portal's verdict would be ineligible; the next full sweep says so."]


def test_live_compares_with_what_is_known(desk: Desk) -> None:
    desk.reread = ReadNow(at(9), a_student(ONE, last_name="Reed", email=None))
    live = desk.ask(ONE, live=True)["live"]
    assert (live["read_at"], live["is_there"], live["category"]) == (at(9), True, "current")
    assert (live["portal"], live["account"]) == ("ineligible", "undecided")
    assert live["differs"] == [
        {"field": "last_name", "state": "Fern0", "live": "Reed"},
        {"field": "email", "state": f"s{ONE}@abbey.example", "live": None},
    ]


def test_live_does_not_take_the_lists_for_a_difference(desk: Desk) -> None:
    """By id nobody is told which lists have them. Fails when a re-admitted student seems to be in one list."""
    both = a_student(ONE, last_name="Fern0", lists=("leavers", "students"))
    desk.sweep([both, *ALL[1:]], 5, sends=[both])
    desk.reread = ReadNow(at(9), ALL[0])
    live = desk.ask(ONE, live=True)["live"]
    assert (live["differs"], live["category"]) == ([], "unknown")


def test_live_tells_of_a_leavers_list_that_was_read_since(desk: Desk) -> None:
    desk.reread = ReadNow(at(9), a_student(ONE, last_name="Fern0", lists=("students", "leavers")))
    live = desk.ask(ONE, live=True)["live"]
    assert live["differs"] == [{"field": "lists", "state": ["students"], "live": ["students", "leavers"]}]
    assert (live["category"], live["account"]) == ("unknown", "undecided")


def test_live_says_that_nobody_is_there(desk: Desk) -> None:
    desk.reread = ReadNow(at(9))
    live = desk.ask(ONE, live=True)["live"]
    assert (live["is_there"], live["account"], live["trouble"]) == (False, None, None)


def test_whose_record_unitu_refuses_is_told_what_it_says(desk: Desk) -> None:
    desk.tenant(accepted=ACCEPTED, refused={f"{SCHOOL}/{ONE}": "d"}, complaints={f"{SCHOOL}/{ONE}": "phone: no number"})
    assert desk.ask()["last_snapshot"]["refused"] == "phone: no number"
    assert desk.ask(ALL[5].student_id)["last_snapshot"]["refused"] is None
    desk.tenant(accepted=ACCEPTED, refused={f"{SCHOOL}/{ONE}": "d"})
    assert desk.ask()["last_snapshot"]["refused"] == ""


def test_who_was_never_read_is_refused_with_what_to_give(desk: Desk) -> None:
    with pytest.raises(
        OperationError, match=r"no student .999. was ever read .*its last certified sweep is of"
    ) as told:
        desk.ask("999")
    assert told.value.code is Code.UNKNOWN_STUDENT


def test_a_lane_of_which_nothing_is_known_is_refused_with_who_makes_it(desk: Desk) -> None:
    desk.road.store.records.clear()
    with pytest.raises(OperationError) as told:
        desk.ask()
    assert (told.value.code, "`rollcall rebuild`" in told.value.fix) == (Code.NOTHING_KNOWN, True)


def test_live_without_an_answer_tells_the_rest(desk: Desk) -> None:
    desk.reread = ReadNow(at(9), trouble="iSAMS refuses /api/students/{id} (403)")
    told = desk.ask(ONE, live=True)
    assert (told["live"]["is_there"], told["live"]["trouble"]) == (None, "iSAMS refuses /api/students/{id} (403)")
    assert told["account"]["verdict"] == "eligible"


def test_live_explains_somebody_who_was_never_read(desk: Desk) -> None:
    desk.reread = ReadNow(at(9), a_student("999", title=None))
    told = desk.ask("999", live=True)
    assert (told["state"]["status"], failing(told["account"])) == ("none", ["title_present"])
    assert "was ever read" in told["notes"][0]
    desk.reread = ReadNow(at(9))
    with pytest.raises(OperationError, match="the record system has no student with this id either") as refused:
        desk.ask("999", live=True)
    assert refused.value.code is Code.UNKNOWN_STUDENT


PUSHED = '[schools.north]\ntenant = "abbey"\nsource = "push"\napi_key = { file = "secret" }\n'


def test_a_school_that_pushes_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="north pushes its roll") as told:
        Desk(tmp_path, PUSHED).ask("a@north.example", live=True, school="north")
    assert told.value.code is Code.WRONG_WORD


def test_a_pushed_student_is_explained_by_the_feed(tmp_path: Path) -> None:
    """Fails when a pushed student is asked for what only iSAMS has, or when a sweep of theirs is awaited."""
    desk = Desk(tmp_path, PUSHED)
    student = Student(student_id="a@north.example", first_name="Ada", last_name="Fern", email="a@north.example", year=9)
    desk.road.fetch(a_sweep("p1", [student], school="north", minutes=1), minutes=1)
    desk.road.run()
    told = desk.ask("a@north.example", school="north")
    assert (told["seen"]["source"], told["next_sweep"], told["category"]) == ("push", None, "current")
    assert failing(told["account"]) == ["year_valid"]
    first = told["edits"][0]
    assert (first["becomes"], first["changes"][0]["field"]) == ("eligible", "year")


def test_one_person_is_answered_without_reading_the_others(desk: Desk) -> None:
    """A school may have a hundred thousand: what is read of its people is the one who is asked for."""
    read: list[tuple[str, ...]] = []
    store = desk.reconciler
    real = store.read

    def counted(lane: int, some: Mapping[str, Sequence[str]] | None = None, whole: Sequence[str] = ()) -> Any:
        read.extend((name, *keys) for name, keys in (some or {}).items())
        assert not whole
        return real(lane, some or {}, whole)

    store.read = counted  # type: ignore[method-assign]
    desk.ask()
    assert [keys for keys in read if keys[0].startswith("students")] == [(students(SCHOOL), ONE)]
