"""What `rollcall check` finds, and what it says to do about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.operations.check.cost import Size, requests_per_hour
from services.operations.check.findings import Finding, of_isams, of_redis_info, of_tenant, of_topics
from services.operations.check.sample import State
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.config.settings import Config
from shared.kafka.admin import Standing, Wanted
from tests.harness.pipeline import a_config
from tests.unit.fetcher.world import settings

SOUND = {"role": "master", "aof_enabled": 1, "maxmemory_policy": "noeviction"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(
            msgspec.to_builtins(make_school("abbey", 60, 1), str_keys=True),
            client_id="made-up",
            client_secret="made-up",
        )
        yield twin
        twin.clear_faults()


async def of_twin(twin: IsamsTwin, *, has_staff: bool = False, **changes: Any) -> dict[str, Finding]:
    found = await of_isams("abbey", settings(**{"base_url": twin.base_url} | changes), has_staff=has_staff)
    assert len({one.what for one in found}) == len(found)
    return {one.what: one for one in found}


# --- a school ----------------------------------------------------------------------------------------------------


async def test_a_school_that_may_be_read_is_fine(twin: IsamsTwin) -> None:
    twin.settings(gradebooks_path="/api/gradebooks/{schoolId}")
    found = await of_twin(twin, has_staff=True, gradebooks_path="/api/gradebooks/{schoolId}")
    assert {what: one for what, one in found.items() if one.state is not State.OK} == {}
    assert found["students"].message == "readable: 60"
    areas = {"token", "students", "life stages", "applicants", "leavers", "contacts", "year groups", "departments"}
    areas |= {"houses", "terms", "subjects", "sets", "employees", "photos", "gradebooks", "requests per hour"}
    assert {what for what in found if ": " not in what} == areas
    assert found["students: date of birth"].message == "60 of 60 have it"


async def test_a_check_costs_a_school_next_to_nothing(twin: IsamsTwin) -> None:
    twin.clear_requests()
    await of_twin(twin, has_staff=True)
    assert len(twin.requests()) <= 16


async def test_a_wrong_secret_is_told_once_and_the_school_cannot_sync(twin: IsamsTwin) -> None:
    (one,) = (await of_twin(twin, client_id="another")).values()
    assert (one.what, one.state) == ("token", State.FAILED)
    assert "client_id or client_secret is wrong or was withdrawn" in one.message
    assert one.fix == "ask the school for new ones"


async def test_a_missing_permission_is_named_with_where_to_give_it(twin: IsamsTwin) -> None:
    twin.settings(permissions=["students", "school"])
    found = await of_twin(twin, has_staff=True)
    degraded = {what for what, one in found.items() if one.state is State.DEGRADED}
    assert degraded == {"applicants", "leavers", "subjects", "sets", "employees"}
    assert "the permission Teaching (Read)" in found["sets"].fix
    assert found["sets"].message.endswith(": nobody is enrolled into modules")


async def test_without_the_permission_for_students_it_cannot_sync(twin: IsamsTwin) -> None:
    twin.settings(permissions=["school"])
    found = await of_twin(twin)
    assert (list(found), found["students"].state) == (["token", "students"], State.FAILED)
    assert "the permission Student Manager (Read)" in found["students"].fix


async def test_a_school_that_is_away_is_told_with_what_to_look_at() -> None:
    (one,) = await of_isams("abbey", settings(base_url="http://127.0.0.1:9"))
    assert one.state is State.FAILED
    assert "base_url" in one.fix


@pytest.mark.parametrize("how", ["nulled_column", "absent_column"])
@pytest.mark.parametrize(
    ("field", "what", "state"),
    [
        ("title", "salutation", State.FAILED),
        ("schoolEmailAddress", "school e-mail", State.FAILED),
        ("dob", "date of birth", State.DEGRADED),
        ("yearGroup", "year group", State.DEGRADED),
        ("preferredName", "preferred name", State.OK),
        ("forename", "first name", State.OK),
    ],
)
async def test_a_field_that_nobody_has_is_told_with_what_to_tick(
    twin: IsamsTwin, how: str, field: str, what: str, state: State
) -> None:
    """Fails when a key that may not see a column looks like one that may; a preferred name alone is a first name."""
    twin.fault({"kind": how, "field": field, "path": "/api/students"})
    one = (await of_twin(twin))[f"students: {what}"]
    assert one.state is state
    if state is not State.OK:
        assert one.message.startswith("0 of 60 have it: ")
        assert f"tick {field}" in one.fix or f"tick {field} or" in one.fix
        assert one.fix.endswith("it is empty in every record") is (how == "nulled_column")


async def test_the_fields_of_staff_are_looked_at_where_staff_are_managed(twin: IsamsTwin) -> None:
    twin.fault({"kind": "absent_column", "field": "schoolEmailAddress", "path": "/api/humanresources/employees"})
    found = await of_twin(twin, has_staff=True)
    assert found["employees: school e-mail"].state is State.DEGRADED
    assert "among the fields of Staff/HR" in found["employees: school e-mail"].fix
    assert found["employees: last name"].state is State.OK
    assert not [what for what in await of_twin(twin) if what.startswith("employees")]


async def test_a_list_that_the_server_does_not_have_is_read_in_its_other_form(twin: IsamsTwin) -> None:
    twin.fault({"kind": "status", "status": 404, "path": "/api/admissions/applicants/students"})
    assert (await of_twin(twin))["applicants"].state is State.OK
    twin.fault({"kind": "status", "status": 404, "path": "/api/admissions/applicants*"})
    assert (await of_twin(twin))["applicants"].state is State.DEGRADED


async def test_a_status_that_nobody_knows_is_told_with_the_line_that_mends_it(twin: IsamsTwin) -> None:
    first, second, *_ = (one["schoolId"] for one in twin.dump()["students"])
    twin.change_many({first: {"systemStatus": "Re-Admission"}, second: {"systemStatus": "Guest"}})
    one = (await of_twin(twin, system_status_words={"Boarder": 1}))["students: status words"]
    assert one.state is State.DEGRADED
    assert '"Guest" (1 of 60), "Re-Admission" (1 of 60)' in one.message
    assert 'system_status_words = { "Boarder" = 1, "Guest" = 1, "Re-Admission" = 1 }' in one.fix
    found = await of_twin(twin, system_status_words={"GUEST": 1, "ReAdmission": 1})
    assert "students: status words" not in found


async def test_a_status_of_another_list_is_told_for_what_most_of_it_are(twin: IsamsTwin) -> None:
    twin.change(twin.dump()["alumni"][0]["schoolId"], of="alumni", systemStatus="Archived")
    found = await of_twin(twin)
    assert 'system_status_words = { "Current" = 1, "Archived" = -1 }' in found["leavers: status words"].fix


async def test_what_cannot_be_read_is_named_by_list_and_id(twin: IsamsTwin) -> None:
    school = twin.dump()
    pupil = school["students"][0]["schoolId"]
    twin.change(pupil, dob="soon")
    twin.replace(
        departments=[{"id": 77, "name": " "}, *school["departments"]],
        subjects=[{"id": 78, "name": None, "code": None}, *school["subjects"]],
    )
    found = await of_twin(twin)
    assert f"students {pupil}: dob is no date" in found["students: records"].message
    assert "departments 77: code is missing" in found["departments: records"].message
    assert "subjects 78: code is missing" in found["subjects: records"].message
    assert found["departments: records"].state is State.DEGRADED


async def test_sets_whose_subject_nobody_knows_are_told(twin: IsamsTwin) -> None:
    sets = twin.dump()["sets"]
    assert (await of_twin(twin))["sets: subjects"].message == f"{len(sets)} of {len(sets)} have one"
    twin.replace(sets=[{**sets[0], "subjectId": 999}, *sets[1:]])
    one = (await of_twin(twin))["sets: subjects"]
    assert f"1 of {len(sets)} name a subject that is in no list ({sets[0]['id']})" in one.message
    twin.settings(set_subject="none")
    one = (await of_twin(twin))["sets: subjects"]
    assert (one.state, "nobody is enrolled into modules" in one.message) == (State.DEGRADED, True)
    assert "sets: subjects" not in await of_twin(twin, modules="set")


async def test_a_refusal_with_status_200_is_one(twin: IsamsTwin) -> None:
    twin.settings(permissions=["students", "school", "alumni", "admissions"], denied_status=200)
    found = await of_twin(twin)
    assert found["sets"].state is State.DEGRADED
    assert "whose code is TEACHING" in found["sets"].fix


async def test_the_list_of_applicants_that_is_refused_with_400_is_not_there(twin: IsamsTwin) -> None:
    twin.settings(applicant_lists=["applicants"], absent_applicants_status=400)
    assert (await of_twin(twin))["applicants"].state is State.OK


async def test_cadences_that_ask_for_more_than_the_ceiling_are_told(twin: IsamsTwin) -> None:
    found = await of_twin(twin, poll_seconds=1)
    assert found["requests per hour"].state is State.DEGRADED
    assert "set poll_seconds above 1" in found["requests per hour"].fix


@pytest.mark.parametrize(
    ("changes", "size", "cost"),
    [
        pytest.param({}, {}, 1 + 12 * 2 + 3 + (7 + 7 + 50 + 2 + 1) / 6, id="the defaults"),
        pytest.param({"poll_seconds": 60}, {}, 1 + 60 * 2 + 3 + (7 + 7 + 50 + 2 + 1) / 6, id="every minute"),
        pytest.param({}, {"page_size": 100}, 1 + 12 * 15 + 3 + (7 + 7 + 50 + 15 + 1) / 6, id="small pages"),
        pytest.param({"structure_hours": 0.0}, {}, 1 + 12 * 2 + 3 + 12 * 67, id="structure in every sweep"),
        pytest.param({}, {"staff": 90}, 1 + 12 * 2 + 3 + 67 / 6 + 1, id="staff every hour"),
        pytest.param({"staff_poll_seconds": 900}, {"staff": 1100}, 1 + 24 + 3 + 67 / 6 + 4 * 2, id="many staff"),
        pytest.param(
            {"gradebooks_path": "/g/{schoolId}"}, {}, 1 + 24 + 3 + 67 / 6 + 1500 / 24, id="gradebooks once a day"
        ),
    ],
)
def test_the_cost_of_a_school_is_counted_by_its_cadences(
    changes: dict[str, Any], size: dict[str, int], cost: float
) -> None:
    given = {"page_size": 1000, "students": 1500, "applicants": 70, "leavers": 60, "contacts": 1500} | size
    whole = Size(**given, year_groups=7, sets=50)
    assert requests_per_hour(settings(**changes), whole) == pytest.approx(cost)


# --- Kafka, Redis, tenants ---------------------------------------------------------------------------------------


def standing(partitions: int | None, **more: Any) -> Standing:
    return Standing(
        Wanted("account-state", 12, 1, {"cleanup.policy": "compact"}), partitions, **({"replicas": 1} | more)
    )


@pytest.mark.parametrize(
    ("one", "will_create", "state", "words"),
    [
        pytest.param(standing(12), False, State.OK, "all 1 are there", id="there"),
        pytest.param(standing(None), False, State.FAILED, "account-state: missing", id="missing"),
        pytest.param(standing(None), True, State.OK, "made when a service starts", id="will be made"),
        pytest.param(standing(6), True, State.FAILED, "has 6 partitions", id="other lanes"),
        pytest.param(
            standing(12, settings={"cleanup.policy": "delete"}),
            False,
            State.DEGRADED,
            "should have",
            id="other setting",
        ),
    ],
)
def test_each_fault_of_a_topic_has_its_weight(one: Standing, will_create: bool, state: State, words: str) -> None:
    (found,) = of_topics([one], will_create=will_create)
    assert found.state is state
    assert words in f"{found.message}; {found.fix}"


@pytest.mark.parametrize(
    ("change", "what", "state"),
    [
        ({}, None, State.OK),
        ({"aof_enabled": 0}, "append-only file", State.DEGRADED),
        ({"maxmemory_policy": "allkeys-lru"}, "eviction", State.DEGRADED),
        ({"role": "slave"}, "role", State.FAILED),
    ],
)
def test_a_redis_that_may_lose_state_is_told(change: dict[str, Any], what: str | None, state: State) -> None:
    found = of_redis_info(SOUND | change)
    assert max(one.state for one in found) is state
    assert [one.what for one in found if one.state is not State.OK] == ([what] if what else [])


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(tmp_path)


def test_a_tenant_that_simulates_is_said_to(config: Config) -> None:
    first, second = of_tenant("abbey", config.tenants["abbey"])
    assert first.message.startswith("dry-run: everything but the POST")
    assert "before going live" in second.fix


# --- the verb ----------------------------------------------------------------------------------------------------
