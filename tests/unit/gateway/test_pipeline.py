"""Pushed bodies all the way to the accounts: the gateway, eligibility and the reconciler, joined by memory."""

from pathlib import Path
from typing import Any

import pytest

from services.eligibility.handler import Eligibility
from services.gateway.recall import Recalled, recalled
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Record
from shared.contract.events import AccountUpdated, SweepReconciled
from shared.contract.model import Kind, Verdict
from shared.contract.topics import STUDENTS_FETCHED
from tests.harness.pipeline import LANE, Road
from tests.unit.gateway.world import (
    API_KEY,
    SLUG,
    World,
    a_body,
    a_pupil,
    a_teacher,
    email,
    pupils,
    staff_email,
    students,
    teachers,
)


def a_config(folder: Path, *, has_staff: bool = False, **settings: str) -> Config:
    (folder / "secret").write_text("made-up")
    (folder / "key").write_text(API_KEY)
    more = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    staff = 'staff = "managed"\n' if has_staff else ""
    path = folder / "rollcall.toml"
    path.write_text(
        f'[kafka]\npartitions = 1\n[tenants.northern]\napi_key = {{ file = "secret" }}\n{staff}'
        f'[schools.{SLUG}]\ntenant = "northern"\nsource = "push"\napi_key = {{ file = "key" }}\n{more}'
    )
    return load(path, {})


class Pushed:
    """A gateway whose lane leads to accounts."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.gateway = World(**settings)
        self.gateway.recalls = self.recalled
        self.road = Road(a_config(folder, **settings))
        self.sent = 0

    async def push(self, body: Any, *, is_refused: bool = False) -> None:
        answer = await self.gateway.post(body)
        assert (answer.status_code == 202) is not is_refused, answer.text
        self.arrive()

    def arrive(self) -> None:
        """What was published reaches the accounts."""
        records = []
        for message in self.gateway.take():
            raw = dict(message.headers)
            records.append(Record(STUDENTS_FETCHED, LANE, self.sent, message.key, message.value or b"", raw=raw))
            self.sent += 1
        self.road.judge(records)
        self.road.run()

    def enabled(self, book: str = SLUG) -> set[str]:
        return self.road.enabled(book)

    def restarts(self, folder: Path, **settings: Any) -> None:
        """With other settings; what was remembered is in the store."""
        self.gateway = World(memory=self.gateway.memory, **settings)
        self.gateway.recalls = self.recalled
        self.road.eligibility = Eligibility(a_config(folder, **settings), lambda topic: topic)

    def recalled(self) -> Recalled:
        return recalled(self.road.states(), SLUG)

    def last_close(self, kind: Kind = "student") -> SweepReconciled:
        closes = [one for one in self.road.changes() if isinstance(one, SweepReconciled)]
        return [one for one in closes if one.kind == kind][-1]


@pytest.fixture
def pushed(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path)


def with_changes(count: int, changes: dict[int, dict[str, Any]], *others: Any) -> list[Any]:
    """So many students, some of whom have other fields, and others after them."""
    return [*(a_pupil(number, **changes.get(number, {})) for number in range(count)), *others]


def emails(count: int) -> set[str]:
    return {email(number) for number in range(count)}


async def test_a_first_body_provisions_everybody_and_is_certified(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    assert pushed.enabled() == emails(30)
    assert (pushed.last_close().outcome, pushed.last_close().roll_count) == ("certified", 30)
    account = pushed.road.account(email(3), SLUG)
    assert account is not None
    assert account.details is not None
    assert (account.details.id, account.details.year, account.programmes) == ("S000003", 1, ("PROG01",))


async def test_the_same_body_again_changes_nothing(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    before = len(pushed.road.changes())
    await pushed.push(a_body(pupils(30)))
    assert [type(one).__name__ for one in pushed.road.changes()[before:]] == ["SweepReconciled"]
    assert pushed.last_close().outcome == "certified"


async def test_whoever_is_gone_from_a_body_is_disabled_and_enabled_when_back(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    await pushed.push(a_body(pupils(27)))
    assert pushed.enabled() == emails(27)
    assert pushed.last_close().counts["disable_absent"] == 3
    assert pushed.last_close().outcome == "certified"
    await pushed.push(a_body(pupils(30)))
    assert pushed.enabled() == emails(30)
    await pushed.push(a_body(pupils(30)))
    assert pushed.last_close().outcome == "certified"


async def test_half_a_body_is_held_and_the_whole_one_lifts_it(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(100)))
    await pushed.push(a_body(pupils(50)))
    assert (pushed.enabled(), pushed.last_close().is_held) == (emails(100), True)
    await pushed.push(a_body(pupils(50)))
    assert (pushed.enabled(), pushed.last_close().is_held) == (emails(100), True)
    await pushed.push(a_body(pupils(100)))
    assert (pushed.enabled(), pushed.last_close().is_held) == (emails(100), False)


async def test_an_empty_body_is_held(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    await pushed.push(a_body([]))
    assert (pushed.enabled(), pushed.last_close().is_held) == (emails(30), True)


async def test_an_unexplained_absence_disables_nobody_at_once(tmp_path: Path) -> None:
    pushed = Pushed(tmp_path, absence="unexplained")
    await pushed.push(a_body(pupils(30)))
    await pushed.push(a_body(pupils(29)))
    assert pushed.enabled() == emails(30)
    assert pushed.last_close().counts["disable_explained"] == 0


async def test_a_lost_memory_explains_no_absence(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    pushed.gateway.memory.lasts.clear()
    await pushed.push(a_body(pupils(29)))
    assert pushed.enabled() == emails(30)
    assert pushed.last_close().counts["disable_explained"] == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"year": "1"}, id="a year in quotes"),
        pytest.param({"firstName": ""}, id="a blank name"),
        pytest.param({"moduleCodes": ["?"]}, id="a module that is not defined"),
        pytest.param({"email": ""}, id="a blank e-mail, known by the id"),
        pytest.param({"email": email(0)}, id="another's e-mail, known by the id"),
        pytest.param({"email": email(0), "id": ...}, id="another's e-mail, and no id"),
        pytest.param({"email": "", "id": "new"}, id="a student whom nobody can name"),
    ],
)
@pytest.mark.parametrize("count", [60, 19, 4])
async def test_a_slip_in_the_feed_is_not_a_leaver(pushed: Pushed, change: dict[str, Any], count: int) -> None:
    last = count - 1
    await pushed.push(a_body(pupils(count)))
    await pushed.push(a_body(pupils(last, a_pupil(last, **change))))
    assert pushed.enabled() == emails(count)
    await pushed.push(a_body(pupils(count)))
    assert pushed.enabled() == emails(count)
    assert pushed.last_close().outcome == "certified"
    slipped = pushed.road.account(email(last), SLUG)
    assert slipped is not None
    assert slipped.assessment is not None
    assert slipped.assessment.account is Verdict.ELIGIBLE


async def test_slips_in_a_small_body_keep_their_people_and_the_others_come_and_go(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(8)))
    slips = [a_pupil(n, firstName="") for n in (4, 5, 6)]
    await pushed.push(a_body(pupils(4, *slips, a_pupil(8))))
    assert pushed.enabled() == emails(9) - {email(7)}, "one has left, one has joined"
    assert pushed.last_close().outcome == "certified"


async def test_a_body_that_is_read_as_it_was_meant_is_the_same_body(pushed: Pushed) -> None:
    """Fails when numbers for texts, a list that is null or an entry that stands twice change anybody."""
    await pushed.push(a_body([a_pupil(n, id=str(1000 + n), metadata={"room": "7"}) for n in range(30)]))
    before = len(pushed.road.changes())
    again = [a_pupil(n, id=1000 + n, metadata={"room": 7}) for n in range(30)]
    await pushed.push(a_body([*again, again[3]], faculties=None, modules=None, export={"version": 2}))
    assert [type(one).__name__ for one in pushed.road.changes()[before:]] == ["SweepReconciled"]
    assert (pushed.last_close().outcome, pushed.last_close().roll_count) == ("certified", 30)


async def test_an_id_that_has_lost_its_zeros_is_the_same_person(pushed: Pushed) -> None:
    await pushed.push(a_body(with_changes(30, {3: {"id": "000123"}})))
    await pushed.push(a_body(with_changes(30, {3: {"id": 123}})))
    assert pushed.enabled() == emails(30)


async def test_with_a_student_whom_nobody_can_name_nobody_is_gone(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    await pushed.push(a_body(pupils(57, a_pupil(90, email="", id="new"))))
    assert (pushed.enabled(), pushed.last_close().outcome) == (emails(60), "failed")
    await pushed.push(a_body(pupils(57)))
    assert pushed.enabled() == emails(57)


async def test_a_refused_body_changes_nothing(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    before = len(pushed.road.changes())
    await pushed.push(a_body(pupils(10), faculties=[7]), is_refused=True)
    await pushed.push(a_body(pupils(10, *(a_pupil(11 + n, year="1") for n in range(4)))), is_refused=True)
    assert len(pushed.road.changes()) == before


async def test_a_body_cut_off_midway_removes_nobody_and_the_next_one_heals_it(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    pushed.gateway.log.fail_after = 31  # 1 of the 3 who are gone is not told
    await pushed.push(a_body(pupils(27)), is_refused=True)
    assert pushed.enabled() == emails(30)
    await pushed.push(a_body(pupils(29)))
    assert (pushed.enabled(), pushed.last_close().outcome) == (emails(29), "certified")


async def test_modules_that_are_not_supplied_are_kept(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    await pushed.push(a_body([a_pupil(number, moduleCodes=..., programmeCodes=[]) for number in range(30)]))
    account = pushed.road.account(email(3), SLUG)
    assert account is not None
    assert account.modules == ("MOD01",)
    assert pushed.last_close().counts["nulled_column"] == 30, "programmes that everybody lacks are no news of 30 pupils"


async def test_an_id_that_is_the_key_reaches_unitu_too(tmp_path: Path) -> None:
    pushed = Pushed(tmp_path, key="id")
    await pushed.push(a_body(pupils(30)))
    await pushed.push(a_body([a_pupil(number, email=f"new{number}@northern.example") for number in range(30)]))
    assert pushed.enabled() == {f"S{number:06}" for number in range(30)}
    account = pushed.road.account("S000003", SLUG)
    assert account is not None
    assert account.details is not None
    assert (account.details.id, account.details.email) == ("S000003", "new3@northern.example")


# --- who is who ------------------------------------------------------------------------------------------------------


async def test_a_new_email_under_the_same_id_is_no_leaver_and_no_joiner(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(30)))
    before = len(pushed.road.changes())
    await pushed.push(a_body(with_changes(30, {3: {"email": "ada.married3@northern.example"}})))
    assert pushed.enabled() == emails(30)
    account = pushed.road.account(email(3), SLUG)
    assert account is not None
    assert account.details is not None
    assert (account.details.id, account.details.email) == ("S000003", "ada.married3@northern.example")
    kinds = [type(one).__name__ for one in pushed.road.changes()[before:]]
    assert kinds == ["AccountUpdated", "SweepReconciled"]


async def test_a_year_groups_new_domain_switches_nobody_off(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(100)))
    moved = {n: {"email": f"ada.fern{n}@students.northern.example"} for n in range(30)}
    for _ in range(2):
        await pushed.push(a_body(with_changes(100, moved)))
        assert pushed.enabled() == emails(100)
    hold = pushed.road.school(SLUG).holds["email_change"]
    assert hold.state == "held", "so many new addresses wait for a person"


async def test_the_address_of_another_takes_nobodys_account_over(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    before = [pushed.road.account(email(n), SLUG) for n in (3, 4)]
    await pushed.push(a_body([one for n, one in enumerate(with_changes(60, {4: {"email": email(3)}})) if n != 3]))
    assert pushed.enabled() == emails(60)
    await pushed.push(a_body(with_changes(60, {3: {"email": email(4)}, 4: {"email": email(3)}})))
    assert pushed.enabled() == emails(60)
    for was, number in zip(before, (3, 4), strict=True):
        now = pushed.road.account(email(number), SLUG)
        assert was is not None
        assert now is not None
        assert (now.details, now.version) == (was.details, was.version)
        assert now.assessment is not None
        assert now.assessment.account is Verdict.UNDECIDED


async def test_a_stranger_with_somebodys_address_does_not_get_their_account(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    stranger = a_pupil(90, email=email(3), firstName="Bea", lastName="Rye")
    await pushed.push(a_body([one for n, one in enumerate(pupils(60, stranger)) if n != 3]))
    account = pushed.road.account(email(3), SLUG)
    assert account is not None
    assert account.details is not None
    assert (account.status, account.details.id, account.details.first_name) == ("enabled", "S000003", "Ada")


async def test_ids_that_all_change_switch_nobody_off(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    for _ in range(2):
        await pushed.push(a_body(with_changes(60, {n: {"id": f"N{n:06}"} for n in range(60)})))
        assert pushed.enabled() == emails(60)
        assert pushed.last_close().counts["disable_explained"] == 0


@pytest.mark.parametrize(("first", "then"), [("email", "id"), ("id", "email")])
async def test_another_kind_of_key_loses_nobody_and_makes_nobody_twice(tmp_path: Path, first: str, then: str) -> None:
    pushed = Pushed(tmp_path, key=first)
    await pushed.push(a_body(pupils(60)))
    before, changes = pushed.enabled(), len(pushed.road.changes())
    pushed.restarts(tmp_path, key=then)
    await pushed.push(a_body(with_changes(60, {3: {"email": "new@northern.example"}}, a_pupil(60))))
    assert pushed.enabled() == before | {{"email": email(60), "id": "S000060"}[then]}
    updated = [one.student_id for one in pushed.road.changes()[changes:] if isinstance(one, AccountUpdated)]
    assert updated == [{"email": email(3), "id": "S000003"}[first]], "and nobody else has changed"
    for key in pushed.enabled():
        account = pushed.road.account(key, SLUG)
        assert account is not None
        assert account.details is not None
        assert account.details.id is not None


async def test_an_id_for_the_first_time_makes_nobody_new(pushed: Pushed, tmp_path: Path) -> None:
    await pushed.push(a_body([a_pupil(n, id=...) for n in range(60)]))
    pushed.restarts(tmp_path, key="id")
    await pushed.push(a_body([a_pupil(n, id=...) for n in range(60)]), is_refused=True)
    await pushed.push(a_body(pupils(60)))
    assert pushed.enabled() == emails(60)


async def test_who_is_who_outlives_the_gateways_memory(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    await pushed.push(a_body(with_changes(60, {3: {"email": "once@northern.example"}})))
    pushed.gateway.memory.lasts.clear()
    await pushed.push(a_body(with_changes(59, {3: {"email": "twice@northern.example"}})))
    assert pushed.enabled() == emails(60), "nobody is said to be absent"
    account = pushed.road.account(email(3), SLUG)
    assert account is not None
    assert account.details is not None
    assert account.details.email == "twice@northern.example"
    assert pushed.gateway.take() == []
    await pushed.gateway.accepted(a_body(with_changes(58, {3: {"email": "twice@northern.example"}})))
    gone = [key for key, one in students(pushed.gateway.log.messages).items() if one.lists == ("absent",)]
    assert gone == [email(58)], "from now on bodies are compared again"


# --- who is absent ---------------------------------------------------------------------------------------------------


async def test_who_is_absent_is_said_once_and_back_at_once(pushed: Pushed) -> None:
    await pushed.push(a_body(pupils(60)))
    sent = []
    for count in (59, 59, 60, 59):
        await pushed.gateway.accepted(a_body(pupils(count)))
        record = students(pushed.gateway.log.messages).get(email(59))
        sent.append(None if record is None else record.lists)
        pushed.arrive()
        if count == 60:
            assert pushed.enabled() == emails(60)
    assert sent == [("absent",), None, ("students",), ("absent",)]


async def test_an_acceptance_that_fails_after_the_publishing_changes_nothing(
    pushed: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = a_body(with_changes(59, {3: {"email": "new@northern.example"}}, a_pupil(70)))
    await pushed.push(a_body(pupils(60)))
    with monkeypatch.context() as patch:
        patch.setattr(pushed.gateway.memory, "accept", lambda *_: False)
        assert (await pushed.gateway.post(body)).status_code == 503
    first = students(pushed.gateway.log.messages)
    pushed.arrive()
    await pushed.gateway.accepted(body)
    assert students(pushed.gateway.log.messages) == first, "sent again it says the same of the same people"
    pushed.arrive()
    await pushed.push(a_body(pupils(60, a_pupil(70))))
    assert pushed.enabled() == emails(60) | {email(70)}


async def test_a_rehearsal_says_what_would_be_and_does_nothing(pushed: Pushed, tmp_path: Path) -> None:
    await pushed.push(a_body(pupils(60)))
    last = pushed.gateway.memory.last(SLUG)
    pushed.restarts(tmp_path, key="id")
    body = a_body(with_changes(58, {3: {"email": "new@northern.example"}}, a_pupil(70)))
    answer = await pushed.gateway.client.post("/v1/sync?dry_run=true", json=body)
    told = answer.json()
    assert (answer.status_code, told["state"], told["status_url"]) == (200, "rehearsed", None)
    assert [told["counts"][name] for name in ("new", "new_emails", "left")] == [1, 1, 2]
    assert (pushed.gateway.take(), pushed.gateway.memory.last(SLUG)) == ([], last)
    accepted = await pushed.gateway.accepted(body)
    assert accepted["counts"] == told["counts"], "and then it is so"


# --- staff -----------------------------------------------------------------------------------------------------------

STAFF = f"{SLUG}+staff"


@pytest.fixture
def staffed(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path, has_staff=True)


def staff_emails(count: int) -> set[str]:
    return {staff_email(number) for number in range(count)}


async def test_pushed_staff_have_accounts_and_their_own_certificate(staffed: Pushed) -> None:
    await staffed.push(a_body(pupils(30), staff=teachers(30)))
    assert (staffed.enabled(), staffed.enabled(STAFF)) == (emails(30), staff_emails(30))
    assert (staffed.last_close("staff").outcome, staffed.last_close("staff").roll_count) == ("certified", 30)
    account = staffed.road.account(staff_email(3), STAFF)
    assert account is not None
    assert account.details is not None
    assert (account.details.id, account.details.title, account.details.departments) == (
        "T000003",
        "Professor",
        ("DEP01",),
    )
    assert (account.kind, account.programmes, account.modules) == ("staff", ("PROG01",), ("MOD01",))


async def test_whoever_is_gone_from_the_staff_is_disabled_and_the_students_are_not_touched(staffed: Pushed) -> None:
    await staffed.push(a_body(pupils(30), staff=teachers(30)))
    await staffed.push(a_body(students=..., staff=teachers(27)))
    assert (staffed.enabled(), staffed.enabled(STAFF)) == (emails(30), staff_emails(27))
    assert staffed.last_close("staff").counts["disable_absent"] == 3
    await staffed.push(a_body(pupils(27)))
    assert (staffed.enabled(), staffed.enabled(STAFF)) == (emails(27), staff_emails(27))
    await staffed.push(a_body(pupils(27), staff=teachers(30)))
    assert staffed.enabled(STAFF) == staff_emails(30)
    assert staffed.last_close("staff").outcome == "certified"


async def test_an_empty_list_of_staff_is_held(staffed: Pushed) -> None:
    await staffed.push(a_body(pupils(30), staff=teachers(30)))
    await staffed.push(a_body(pupils(27), staff=[]))
    assert (staffed.enabled(), staffed.enabled(STAFF)) == (emails(27), staff_emails(30))
    assert (staffed.last_close("staff").is_held, staffed.last_close().is_held) == (True, False)


async def test_a_new_email_of_a_teacher_is_no_leaver_and_no_joiner(staffed: Pushed) -> None:
    await staffed.push(a_body(pupils(30), staff=teachers(30)))
    people = teachers(30)
    people[3]["email"] = "jane.married3@northern.example"
    await staffed.push(a_body(pupils(30), staff=people))
    assert staffed.enabled(STAFF) == staff_emails(30)
    account = staffed.road.account(staff_email(3), STAFF)
    assert account is not None
    assert account.details is not None
    assert account.details.email == "jane.married3@northern.example"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"lastName": ""}, id="a blank name"),
        pytest.param({"departmentCodes": ["?"]}, id="a department that is not defined"),
        pytest.param({"email": ""}, id="a blank e-mail, known by the id"),
        pytest.param({"email": "", "id": "new"}, id="somebody whom nobody can name"),
    ],
)
async def test_a_slip_in_the_list_of_staff_is_not_a_leaver(staffed: Pushed, change: dict[str, Any]) -> None:
    await staffed.push(a_body(pupils(60), staff=teachers(60)))
    await staffed.push(a_body(pupils(57), staff=teachers(59, a_teacher(59, **change))))
    assert (staffed.enabled(), staffed.enabled(STAFF)) == (emails(57), staff_emails(60))
    await staffed.push(a_body(pupils(57), staff=teachers(60)))
    assert staffed.enabled(STAFF) == staff_emails(60)
    assert staffed.last_close("staff").outcome == "certified"


async def test_one_person_in_both_lists_has_two_accounts_here(staffed: Pushed) -> None:
    both: dict[str, Any] = {"id": "X1", "email": "both@northern.example"}
    await staffed.push(a_body([*pupils(30), a_pupil(**both)], staff=[*teachers(30), a_teacher(**both)]))
    await staffed.push(a_body(pupils(30), staff=[*teachers(30), a_teacher(**both)]))
    assert "both@northern.example" in staffed.enabled(STAFF)
    assert "both@northern.example" not in staffed.enabled()
