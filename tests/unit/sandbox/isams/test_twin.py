"""The iSAMS twin over real HTTP: the vendor's endpoints as the facts have them, and every way to misbehave."""

import base64
import re
import ssl
import subprocess
import sys
import threading
import time

import httpx2
import msgspec
import pytest

from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import dump_school, make_joiner, make_school
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin

SCHOOL = make_school("abbey", 70, 1)
OTHER = make_school("northern", 30, 2)
IDS = [student.school_id for student in SCHOOL.students]
NOBODY = "9999999999"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: it takes longer than a test


@pytest.fixture(scope="module")
def server():
    with serving(isams_app()) as server:
        yield server


@pytest.fixture
def abbey(server):
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(SCHOOL, client_id="us", client_secret="secret")
        yield twin
        twin.forget()


@pytest.fixture
def northern(server):
    with IsamsTwin(server.url, "northern") as twin:
        twin.load(OTHER)
        yield twin
        twin.forget()


@pytest.fixture
def api(abbey):
    """A client with a token, as the fetcher would be."""
    with httpx2.Client(base_url=abbey.base_url, timeout=60, trust_env=False, verify=CONTEXT) as client:
        client.headers["Authorization"] = f"Bearer {token(client).json()['access_token']}"
        yield client


def until(condition):
    """The twin has a thread of its own."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def token(client, **form):
    form = {"grant_type": "client_credentials", "client_id": "us", "client_secret": "secret", "scope": "restapi"} | form
    return client.post("/auth/connect/token", data=form)


def listed(api, path="/api/students", key="students", **query):
    response = api.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()[key]


def ids(records):
    return [record["schoolId"] for record in records]


def roll(api):
    return ids(listed(api, pageSize=1000))


# The token


def test_a_token_comes_with_its_life_and_opens_the_api(abbey, api):
    answer = token(api)
    assert answer.status_code == 200
    assert answer.json() | {"access_token": ""} == {
        "access_token": "",
        "expires_in": 3600,
        "token_type": "Bearer",
        "scope": "restapi",
    }
    assert api.get("/api/students").status_code == 200


def test_basic_authentication_works_as_well_as_the_form(api):
    basic = base64.b64encode(b"us:secret").decode()
    form = {"grant_type": "client_credentials"}
    answer = api.post("/auth/connect/token", data=form, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param({"client_secret": "wrong"}, "invalid_client", id="wrong secret"),
        pytest.param({"client_id": "them"}, "invalid_client", id="unknown client"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="another grant"),
    ],
)
def test_bad_credentials_are_named(api, form, error):
    answer = token(api, **form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_scope_is_refused_only_where_a_school_is_strict(abbey, api):
    assert token(api, scope="anything").status_code == 200
    abbey.settings(scopes=["restapi"])
    assert token(api, scope="anything").json() == {"error": "invalid_scope"}
    assert token(api).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer made-up", "Basic dXM6c2VjcmV0"])
def test_without_a_token_nothing_is_said(api, header):
    answer = api.get("/api/students", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["message"]


def test_a_token_runs_out(abbey, api):
    abbey.settings(token_seconds=0)
    stale = token(api).json()
    assert stale["expires_in"] == 0
    assert api.get("/api/students", headers={"Authorization": f"Bearer {stale['access_token']}"}).status_code == 401


def test_tokens_can_be_revoked(abbey, api):
    abbey.revoke_tokens()
    assert api.get("/api/students").status_code == 401


def test_a_token_of_one_school_is_none_at_another(abbey, northern, api):
    url = f"{northern.base_url}/api/students"
    assert api.get(url).status_code == 401


# Who may read what


@pytest.mark.parametrize(
    ("area", "path"),
    [
        ("students", "/api/students"),
        ("students", f"/api/students/{IDS[0]}/photos/current"),
        ("admissions", "/api/admissions/applicants"),
        ("alumni", "/api/alumni"),
        ("teaching", "/api/teaching/sets"),
        ("school", "/api/school/yeargroups"),
        ("humanresources", "/api/humanresources/employees"),
    ],
)
def test_each_area_has_a_permission_of_its_own(abbey, api, area, path):
    abbey.settings(permissions=[area])
    assert api.get(path).status_code in (200, 404)
    others = {"students", "admissions", "alumni", "teaching", "school", "humanresources"} - {area}
    abbey.settings(permissions=sorted(others))
    answer = api.get(path)
    assert answer.status_code == 403
    assert "not authorised" in answer.json()["message"]


def test_the_status_of_a_missing_permission_is_a_setting(abbey, api):
    abbey.settings(permissions=[], denied_status=401)
    assert api.get("/api/students").status_code == 401


def test_without_a_user_agent_the_edge_says_no(abbey, api):
    del api.headers["User-Agent"]
    assert api.get("/api/students").status_code == 403
    assert token(api).status_code == 403
    abbey.settings(requires_user_agent=False)
    assert api.get("/api/students").status_code == 200


def test_a_throttle_says_when_to_come_again(abbey, api):
    abbey.settings(requests_per_hour=2)
    answers = [api.get("/api/students") for _ in range(3)]
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600


def test_nothing_can_be_written(abbey, api):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.request(method, f"/api/students/{IDS[0]}", json={}).status_code == 405
    assert [entry["method"] for entry in abbey.requests()][-4:] == ["POST", "PUT", "PATCH", "DELETE"]
    assert roll(api) == IDS


def test_an_unknown_path_and_an_unknown_school_are_not_found(abbey, api):
    assert api.get("/api/school/divisions").status_code == 404
    assert api.get(f"{abbey.url}/nowhere/api/students").status_code == 404


# Lists and pages


def test_a_page_says_all_that_the_envelope_has(api):
    page = api.get("/api/students", params={"page": 2, "pageSize": 30}).json()
    head = {key: value for key, value in page.items() if key != "students"}
    assert head == {"count": 30, "page": 2, "pageSize": 30, "totalCount": 70, "totalPages": 3}
    assert ids(page["students"]) == IDS[30:60]


def test_every_student_is_on_exactly_one_page(api):
    pages = [ids(listed(api, page=number, pageSize=25)) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [25, 25, 20]
    assert [id for page in pages for id in page] == IDS


def test_names_of_parameters_have_no_case_and_the_default_is_a_hundred(abbey, api):
    assert len(listed(api, PAGESIZE=7)) == 7
    assert api.get("/api/students").json()["pageSize"] == 100
    abbey.settings(default_page_size=20)
    assert len(listed(api)) == 20


def test_a_page_size_beyond_the_most_is_capped_or_refused(abbey, api):
    abbey.settings(max_page_size=40)
    assert api.get("/api/students", params={"pageSize": 5000}).json()["pageSize"] == 40
    abbey.settings(over_page_size="refuse")
    assert api.get("/api/students", params={"pageSize": 5000}).status_code == 400


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "one"}, {"pageSize": -1}])
def test_a_page_that_cannot_be_is_refused(api, query):
    answer = api.get("/api/students", params=query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_past_the_end_is_an_empty_page_or_not_found(abbey, api):
    assert listed(api, page=9) == []
    abbey.settings(past_the_end="not_found")
    assert api.get("/api/students", params={"page": 9}).status_code == 404


def test_an_envelope_may_lack_the_number_of_pages(abbey, api):
    abbey.settings(total_pages=False)
    assert "totalPages" not in api.get("/api/students").json()


def test_a_record_is_as_it_was_loaded(api):
    assert listed(api, pageSize=1)[0] == msgspec.to_builtins(SCHOOL.students[0])
    assert api.get(f"/api/students/{IDS[0]}").json() == msgspec.to_builtins(SCHOOL.students[0])


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("/api/admissions/applicants", "applicants", SCHOOL.applicants),
        ("/api/admissions/applicants/students", "students", SCHOOL.applicants),
        ("/api/alumni", "alumni", SCHOOL.alumni),
        ("/api/humanresources/employees", "employees", SCHOOL.employees),
        ("/api/students/contacts", "contacts", SCHOOL.contacts),
    ],
)
def test_paged_lists_have_their_own_key(api, path, key, expected):
    page = api.get(path).json()
    assert page[key] == msgspec.to_builtins(expected)
    assert page["totalCount"] == len(expected) > 0


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("/api/teaching/subjects", "subjects", SCHOOL.subjects),
        ("/api/teaching/sets", "sets", SCHOOL.sets),
        ("/api/school/departments/teaching", "departments", SCHOOL.departments),
        ("/api/school/yeargroups", "yearGroups", SCHOOL.year_groups),
        ("/api/school/houses", "houses", SCHOOL.houses),
        ("/api/school/terms", "terms", SCHOOL.terms),
    ],
)
def test_unpaged_lists_are_just_their_array(api, path, key, expected):
    assert api.get(path).json() == {key: msgspec.to_builtins(expected)}


def test_the_statuses_are_the_schools_words_by_number(abbey, api):
    assert listed(api, "/api/students/systemstatuses", "systemStatuses") == [
        {"id": 1, "description": "Current"},
        {"id": 0, "description": "Applicant"},
        {"id": -1, "description": "Former"},
    ]
    names = [entry["name"] for entry in listed(api, "/api/admissions/statuses", "items")]
    assert names == SCHOOL.admission_statuses


def test_a_school_may_have_words_of_its_own(abbey, api):
    words = {1: "On roll", 0: "Enquirer", -1: "Left"}
    abbey.load(SCHOOL, client_id="us", client_secret="secret", system_status_words=words)
    api.headers["Authorization"] = f"Bearer {token(api).json()['access_token']}"
    abbey.leave(IDS[0])
    assert {record["systemStatus"] for record in listed(api)} == {"On roll"}
    assert {record["systemStatus"] for record in listed(api, "/api/alumni", "alumni")} == {"Left"}
    assert listed(api, "/api/students/systemstatuses", "systemStatuses")[2] == {"id": -1, "description": "Left"}


@pytest.mark.parametrize(
    ("dates", "written"),
    [
        ("datetime", "2026-07-10T00:00:00"),
        ("date", "2026-07-10"),
        ("zoned", "2026-07-10T00:00:00Z"),
        ("eve", "2026-07-09T23:00:00Z"),
    ],
)
def test_how_a_date_is_written_is_a_setting(abbey, api, dates, written):
    abbey.settings(dates=dates)
    abbey.leave(IDS[0], leaving_date="2026-07-10")
    assert api.get(f"/api/students/{IDS[0]}").json()["leavingDate"] == written


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("/api/admissions/applicants/{}", SCHOOL.applicants[0].school_id),
        ("/api/teaching/subjects/{}", 3),
        ("/api/school/departments/teaching/{}", 2),
        ("/api/school/yeargroups/{}", 9),
        ("/api/school/houses/{}", 1),
        ("/api/humanresources/employees/{}", 201),
    ],
)
def test_one_is_bare_and_an_unknown_one_is_not_found(api, path, id):
    found = api.get(path.format(id)).json()
    assert str(id) in {str(found.get(key)) for key in ("id", "ncYear", "schoolId")}
    missing = api.get(path.format(NOBODY))
    assert missing.status_code == 404
    assert missing.json()["message"]


def test_a_current_pupil_is_no_applicant_and_an_applicant_no_student(abbey, api):
    applicant = SCHOOL.applicants[0].school_id
    assert api.get(f"/api/admissions/applicants/{IDS[0]}").status_code == 404
    assert api.get(f"/api/students/{applicant}").status_code == 404
    abbey.settings(applicant_by_id=True)
    found = api.get(f"/api/students/{applicant}").json()
    assert (found["schoolId"], found["systemStatus"]) == (applicant, "Applicant")
    assert found["dob"] == SCHOOL.applicants[0].date_of_birth


def test_the_students_list_can_hold_others_than_the_current_ones(abbey, api):
    abbey.settings(students_include=["former", "applicants"])
    found = {record["schoolId"]: record["systemStatus"] for record in listed(api, pageSize=1000)}
    assert set(found) == set(IDS) | set(ids(msgspec.to_builtins([*SCHOOL.former, *SCHOOL.applicants])))
    assert found[SCHOOL.former[0].school_id] == "Former"
    assert found[SCHOOL.applicants[0].school_id] == "Applicant"


@pytest.mark.parametrize("has", [["students"], ["applicants"], []])
def test_a_server_may_have_either_list_of_applicants(abbey, api, has):
    abbey.settings(applicant_lists=has)
    paths = {"students": "/api/admissions/applicants/students", "applicants": "/api/admissions/applicants"}
    found = {key: api.get(path).status_code for key, path in paths.items()}
    assert found == {key: 200 if key in has else 404 for key in paths}


def test_contacts_may_say_whose_home_theirs_is(abbey, api):
    assert not any("studentHome" in one for one in listed(api, "/api/students/contacts", "contacts"))
    abbey.settings(student_home=True)
    assert all(one["studentHome"] is True for one in listed(api, "/api/students/contacts", "contacts"))


def test_a_subject_has_a_department_and_a_department_its_subjects(api):
    history = next(subject.id for subject in SCHOOL.subjects if subject.code == "HIS")
    departments = listed(api, f"/api/teaching/subjects/{history}/departments", "teachingDepartments")
    assert [department["name"] for department in departments] == ["Humanities"]
    path = f"/api/school/departments/teaching/{departments[0]['id']}/subjects"
    assert {subject["code"] for subject in listed(api, path, "subjects")} == {"HIS", "GEO", "ECO"}
    assert api.get("/api/teaching/subjects/999/departments").status_code == 404
    assert api.get("/api/school/departments/teaching/999/subjects").status_code == 404


def test_a_year_group_has_its_division(api):
    assert [entry["code"] for entry in listed(api, "/api/school/yeargroups/11/divisions", "divisions")] == ["US"]
    assert api.get("/api/school/yeargroups/2/divisions").status_code == 404


def test_a_set_list_holds_whole_student_records(api):
    members = listed(api, "/api/teaching/sets/1/setList")
    assert ids(members) == SCHOOL.set_lists[1]
    assert members[0]["surname"]
    assert api.get("/api/teaching/sets/99999/setList").status_code == 404
    assert api.get("/api/teaching/sets/one/setList").status_code == 404


def test_a_student_has_contacts_without_the_ids_of_siblings(api):
    [contact] = listed(api, f"/api/students/{IDS[0]}/contacts", "contacts")
    assert contact["surname"] == SCHOOL.students[0].surname
    assert "schoolIds" not in contact
    assert api.get(f"/api/students/{NOBODY}/contacts").status_code == 404


def test_a_photo_is_bytes_and_a_missing_one_is_json(api):
    with_photo = next(student for student in SCHOOL.students if student.latest_photo_id)
    without = next(student for student in SCHOOL.students if not student.latest_photo_id)
    photo = api.get(f"/api/students/{with_photo.school_id}/photos/current")
    assert photo.headers["content-type"] == "image/png"
    assert photo.content.startswith(b"\x89PNG")
    by_id = api.get(f"/api/students/{with_photo.school_id}/photos/{with_photo.latest_photo_id}")
    assert by_id.content == photo.content
    assert api.get(f"/api/students/{with_photo.school_id}/photos/1").status_code == 404
    missing = api.get(f"/api/students/{without.school_id}/photos/current")
    assert (missing.status_code, missing.json()["message"]) == (404, "Not found.")


def test_a_new_photo_is_another_picture(abbey, api):
    path = f"/api/students/{IDS[0]}/photos/current"
    abbey.change(IDS[0], latestPhotoId=1)
    first = api.get(path).content
    abbey.change(IDS[0], latestPhotoId=2)
    assert api.get(path).content != first


def test_gradebooks_are_nowhere_until_a_school_says_where(abbey, api):
    path = f"/api/gradebooks/students/{IDS[0]}"
    assert api.get(path).status_code == 404
    abbey.settings(gradebooks_path="/api/gradebooks/students/{schoolId}")
    assert api.get(path).json() == {"gradebooks": []}
    abbey.replace(gradebooks={IDS[0]: [{"id": 1, "name": "History", "columns": []}]})
    assert api.get(path).json()["gradebooks"][0]["name"] == "History"
    abbey.settings(permissions=["students"])
    assert api.get(path).status_code == 403


def test_a_thousand_students_come_quickly(server):
    with IsamsTwin(server.url, "large") as large:
        large.load(make_school("large", 1500, 1), client_id="us", client_secret="secret")
        with httpx2.Client(base_url=large.base_url, trust_env=False, verify=CONTEXT) as api:
            api.headers["Authorization"] = f"Bearer {token(api).json()['access_token']}"
            for _ in range(5):
                assert len(listed(api, pageSize=1000)) == 1000
        pages = [seen["milliseconds"] for seen in large.requests() if seen["path"] == "/api/students"]
        large.forget()
    assert min(pages) < 50


# What happens at a school


def test_a_joiner_is_listed_and_found(abbey, api):
    joiner = make_joiner("abbey", 1)
    abbey.add(msgspec.to_builtins(joiner))
    assert roll(api) == [*IDS, joiner.school_id]
    assert api.get(f"/api/students/{joiner.school_id}").json()["surname"] == joiner.surname


def test_a_change_is_seen_and_stamped(abbey, api):
    abbey.change(IDS[3], forename="Zed", schoolEmailAddress=None)
    record = api.get(f"/api/students/{IDS[3]}").json()
    assert (record["forename"], record["schoolEmailAddress"]) == ("Zed", None)
    assert record["lastUpdated"] > SCHOOL.students[3].last_updated
    assert listed(api)[3] == record


def test_a_field_may_hold_what_it_should_not(abbey, api):
    abbey.change(IDS[3], yearGroup="ten", forename={"first": "Zed"})
    assert listed(api)[3]["yearGroup"] == "ten"
    abbey.leave(IDS[3])
    assert IDS[3] in ids(listed(api, "/api/alumni", "alumni"))


def test_many_change_at_once(abbey, api):
    abbey.change_many({id: {"schoolEmailAddress": f"{id}@new.example"} for id in IDS})
    assert all(record["schoolEmailAddress"].endswith("@new.example") for record in listed(api))


def test_who_leaves_is_among_the_alumni_with_a_leaving_date_and_year(abbey, api):
    abbey.leave(IDS[0], leaving_date="2026-07-10", leavingReason="Moved away")
    assert roll(api) == IDS[1:]
    [alumnus] = [one for one in listed(api, "/api/alumni", "alumni") if one["schoolId"] == IDS[0]]
    assert alumnus["leavingDate"] == "2026-07-10T00:00:00"
    assert (alumnus["leavingYear"], alumnus["leavingReason"]) == (2025, "Moved away")
    assert alumnus["systemStatus"] == "Former"


@pytest.mark.parametrize(
    ("day", "names", "year"),
    [("2026-08-31", "start", 2025), ("2026-09-01", "start", 2026), ("2026-07-10", "end", 2026)],
)
def test_the_leaving_year_names_the_start_or_the_end_of_the_school_year(abbey, api, day, names, year):
    abbey.settings(leaving_year_names=names)
    abbey.leave(IDS[0], leaving_date=day)
    [alumnus] = [one for one in listed(api, "/api/alumni", "alumni") if one["schoolId"] == IDS[0]]
    assert alumnus["leavingYear"] == year


def test_a_leaver_is_found_by_id_as_former_or_not_at_all(abbey, api):
    abbey.leave(IDS[0])
    record = api.get(f"/api/students/{IDS[0]}").json()
    assert (record["systemStatus"], record["leavingYearGroup"]) == ("Former", 7)
    assert record["leavingDate"]
    abbey.settings(leaver_by_id=False)
    assert api.get(f"/api/students/{IDS[0]}").status_code == 404


def test_a_leaver_can_still_be_changed(abbey, api):
    abbey.leave(IDS[0])
    abbey.change(IDS[0], schoolEmailAddress="")
    abbey.change(IDS[0], of="alumni", leavingYear=None)
    assert api.get(f"/api/students/{IDS[0]}").json()["schoolEmailAddress"] == ""
    assert abbey.read(IDS[0], of="alumni")["leavingYear"] is None


def test_who_left_comes_back_and_may_be_in_two_lists(abbey, api):
    abbey.leave(IDS[0], IDS[1])
    assert abbey.come_back(IDS[0])["systemStatus"] == "Current"
    abbey.come_back(IDS[1], keep_alumnus=True)
    assert set(roll(api)) == set(IDS)
    alumni = ids(listed(api, "/api/alumni", "alumni"))
    assert IDS[0] not in alumni
    assert IDS[1] in alumni
    assert api.get(f"/api/students/{IDS[1]}").json()["leavingDate"] is None


def test_who_vanishes_is_nowhere_and_can_come_back(abbey, api):
    abbey.remove(IDS[0])
    assert IDS[0] not in roll(api)
    assert api.get(f"/api/students/{IDS[0]}").status_code == 404
    assert IDS[0] not in ids(listed(api, "/api/alumni", "alumni"))
    abbey.come_back(IDS[0])
    assert api.get(f"/api/students/{IDS[0]}").json()["forename"] == SCHOOL.students[0].forename


def test_an_applicant_is_added_and_enrolled(abbey, api):
    applicant = SCHOOL.applicants[0].school_id
    abbey.add({"schoolId": IDS[0], "admissionStatus": "Accepted"}, to="applicants")
    assert IDS[0] in ids(listed(api, "/api/admissions/applicants", "applicants"))
    abbey.remove(IDS[0], of="applicants")
    assert IDS[0] in roll(api)
    abbey.enrol(applicant, schoolEmailAddress="new@abbey.example")
    assert applicant not in ids(listed(api, "/api/admissions/applicants", "applicants"))
    record = api.get(f"/api/students/{applicant}").json()
    assert (record["systemStatus"], record["surname"]) == ("Current", SCHOOL.applicants[0].surname)
    assert record["schoolEmailAddress"] == "new@abbey.example"


def test_a_leaver_is_in_no_set_list(abbey, api):
    first, *others = abbey.set_list(1)
    abbey.leave(first)
    assert ids(listed(api, "/api/teaching/sets/1/setList")) == others


def test_a_set_list_can_be_replaced(abbey, api):
    abbey.set_members(1, IDS[:3])
    assert ids(listed(api, "/api/teaching/sets/1/setList")) == IDS[:3]


def test_whole_lists_can_be_replaced(abbey, api):
    abbey.replace(subjects=[{"id": 1, "code": "LAW", "name": "Law"}], employees=[])
    assert [subject["code"] for subject in listed(api, "/api/teaching/subjects", "subjects")] == ["LAW"]
    assert listed(api, "/api/humanresources/employees", "employees") == []
    assert roll(api) == IDS


STAFF = "/api/humanresources/employees"


def staff(api, **query):
    return [record["id"] for record in listed(api, STAFF, "employees", **query)]


def test_employees_come_and_go_and_change_like_students(abbey, api):
    there = [employee.id for employee in SCHOOL.employees]
    abbey.add({"id": 900, "forename": "Sam", "surname": "Oak", "systemStatus": 1}, to="employees")
    abbey.change("201", of="employees", leavingDate="2026-11-20T00:00:00")
    abbey.change_many({"202": {"surname": "Elm"}}, of="employees")
    abbey.remove("203", of="employees")
    assert staff(api) == [*(id for id in there if id != 203), 900]
    assert api.get(f"{STAFF}/900").json()["systemStatus"] == 1
    assert api.get(f"{STAFF}/201").json()["leavingDate"] == "2026-11-20T00:00:00"
    assert abbey.read("202", of="employees")["surname"] == "Elm"
    assert api.get(f"{STAFF}/203").status_code == 404


def test_an_employee_is_no_pupil_of_the_same_number(abbey):
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        abbey.change("201", surname="Oak")
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        abbey.remove("201")


def test_employees_come_in_pages_that_can_lie(abbey, api):
    there = [employee.id for employee in SCHOOL.employees]
    assert staff(api, page=2, pageSize=2) == there[2:4]
    abbey.fault({"kind": "short_page", "path": STAFF, "missing": 1})
    page = api.get(STAFF, params={"pageSize": 3}).json()
    assert (page["count"], page["totalCount"], len(page["employees"])) == (3, len(there), 2)
    abbey.fault({"kind": "wrong_total", "path": STAFF, "by": 2})
    assert api.get(STAFF).json()["totalCount"] == len(there) + 2
    abbey.fault({"kind": "hidden_ids", "path": f"{STAFF}*", "ids": ["201"]})
    assert (staff(api), api.get(f"{STAFF}/201").status_code) == (there[1:], 404)
    abbey.fault({"kind": "empty_list", "path": STAFF})
    assert (staff(api), len(roll(api))) == ([], 70)
    abbey.fault({"kind": "status", "path": STAFF, "status": 403})
    assert api.get(STAFF).status_code == 403


def test_employees_can_be_those_of_another_school(abbey, northern, api):
    abbey.fault({"kind": "other_school", "slug": "northern", "path": STAFF})
    assert staff(api) == [employee.id for employee in OTHER.employees]


def test_a_dump_is_the_school_as_it_now_is(abbey, server):
    abbey.leave(IDS[0])
    dump = abbey.dump()
    assert ids(dump["students"]) == IDS[1:]
    with IsamsTwin(server.url, "copy") as copy:
        copy.load(dump)
        assert copy.dump() == dump
        copy.forget()


@pytest.mark.parametrize(
    "call",
    [
        lambda abbey: abbey.change(NOBODY, forename="Zed"),
        lambda abbey: abbey.leave(NOBODY),
        lambda abbey: abbey.come_back(IDS[0]),
        lambda abbey: abbey.remove(NOBODY),
        lambda abbey: abbey.enrol(IDS[0]),
        lambda abbey: abbey.set_members(99999, IDS),
        lambda abbey: abbey.read(IDS[0], of="nobody"),
        lambda abbey: abbey.change(IDS[0], of="alumni", forename="Zed"),
    ],
)
def test_what_cannot_be_done_is_not_found(abbey, call):
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        call(abbey)


@pytest.mark.parametrize(
    "call",
    [
        lambda abbey: abbey.add({"forename": "Zed"}),
        lambda abbey: abbey.add({"id": "x7", "forename": "Zed"}, to="employees"),
        lambda abbey: abbey.settings(page_sise=3),
        lambda abbey: abbey.settings(past_the_end="perhaps"),
        lambda abbey: abbey.fault({"kind": "no_such_kind"}),
        lambda abbey: abbey.fault({"kind": "short_page", "mising": 3}),
    ],
)
def test_what_makes_no_sense_is_refused(abbey, call):
    with pytest.raises(httpx2.HTTPStatusError, match="400"):
        call(abbey)


def test_the_requests_seen_tell_method_path_query_and_status(abbey, api):
    abbey.clear_requests()
    api.get("/api/students", params={"page": 2})
    api.get(f"/api/students/{NOBODY}")
    seen = abbey.requests()
    assert [(s["method"], s["path"], s["query"], s["status"]) for s in seen] == [
        ("GET", "/api/students", "page=2", 200),
        ("GET", f"/api/students/{NOBODY}", "", 404),
    ]
    assert seen[0]["at"] < seen[1]["at"]
    assert abbey.requests(since=seen[0]["number"]) == seen[1:]


def test_requests_at_once_are_counted(abbey, api):
    abbey.fault({"kind": "hang"})
    threads = [threading.Thread(target=api.get, args=("/api/students",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: abbey.in_flight_peak() == 3)
    abbey.clear_faults()
    for thread in threads:
        thread.join()
    assert abbey.in_flight_peak() == 3


# Faults


def test_a_short_page_has_fewer_than_it_says(abbey, api):
    abbey.fault({"kind": "short_page", "path": "/api/students", "page": 2, "missing": 4})
    page = api.get("/api/students", params={"page": 2, "pageSize": 30}).json()
    assert (page["count"], page["totalCount"], len(page["students"])) == (30, 70, 26)
    abbey.fault({"kind": "short_page", "page": 2, "missing": 4, "honest": True})
    assert api.get("/api/students", params={"page": 2, "pageSize": 30}).json()["count"] == 26
    assert len(listed(api, pageSize=30)) == 30


def test_a_wrong_total_is_off_on_every_page(abbey, api):
    abbey.fault({"kind": "wrong_total", "by": -3, "pages_by": 1})
    page = api.get("/api/students", params={"pageSize": 30}).json()
    assert (page["totalCount"], page["totalPages"], page["count"]) == (67, 4, 30)


def test_an_id_stands_twice(abbey, api):
    abbey.fault({"kind": "duplicate_id", "page": 1})
    assert ids(listed(api)) == [*IDS[:-1], IDS[0]]
    abbey.fault({"kind": "duplicate_id", "page": 1, "instead": False})
    assert ids(listed(api)) == [*IDS, IDS[0]]


def test_drift_loses_one_between_two_pages(abbey, api):
    abbey.fault({"kind": "drift", "page": 2, "by": 1})
    first, second = listed(api, page=1, pageSize=40), listed(api, page=2, pageSize=40)
    assert set(IDS) - set(ids(first + second)) == {IDS[40]}


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_any_status_on_command(abbey, api, status):
    abbey.fault({"kind": "status", "status": status, "path": "/api/students", "count": 2})
    assert [api.get("/api/students").status_code for _ in range(3)] == [status, status, 200]
    assert api.get("/api/alumni").status_code == 200


@pytest.mark.parametrize("after", [7, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_too_many_requests_says_when_to_come_again(abbey, api, after):
    abbey.fault({"kind": "status", "status": 429, "retry_after": after, "count": 1})
    answer = api.get("/api/students")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(after))
    assert answer.json()["message"]


def test_the_token_endpoint_can_fail_too(abbey, api):
    abbey.fault({"kind": "status", "status": 500, "path": "/auth/*", "count": 1})
    assert [token(api).status_code for _ in range(2)] == [500, 200]


def test_a_slow_answer_is_right_and_late(abbey, api):
    abbey.fault({"kind": "slow", "seconds": 0.2, "count": 1})
    started = time.monotonic()
    assert roll(api) == IDS
    assert time.monotonic() - started >= 0.2


def test_a_hang_outlasts_the_client(abbey, api):
    abbey.fault({"kind": "hang"})
    with pytest.raises(httpx2.ReadTimeout):
        api.get("/api/students", timeout=0.2)
    until(lambda: abbey.requests()[-1]["status"] == 0)
    abbey.clear_faults()
    assert api.get("/api/students").status_code == 200


def test_json_stops_in_the_middle(abbey, api):
    abbey.fault({"kind": "truncated_json", "count": 1})
    answer = api.get("/api/students")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        answer.json()
    assert roll(api) == IDS


def test_a_connection_is_cut_in_the_middle(abbey, api):
    abbey.fault({"kind": "cut_connection", "count": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get("/api/students")
    assert roll(api) == IDS


def test_a_log_in_page_comes_with_status_200(abbey, api):
    abbey.fault({"kind": "wrong_content_type"})
    answer = api.get("/api/students")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!doctype html>")
    abbey.fault({"kind": "wrong_content_type", "text": None})
    assert len(api.get("/api/students").json()["students"]) == 70


def test_an_empty_list_comes_with_status_200(abbey, api):
    abbey.fault({"kind": "empty_list", "path": "/api/students"})
    page = api.get("/api/students").json()
    assert (page["students"], page["totalCount"], page["count"]) == ([], 0, 0)


def test_hidden_ids_are_hidden_everywhere(abbey, api):
    hidden = set(abbey.set_list(1)[:2])
    abbey.fault({"kind": "hidden_ids", "ids": sorted(hidden)})
    page = api.get("/api/students", params={"pageSize": 1000}).json()
    assert page["totalCount"] == page["count"] == len(page["students"]) == 70 - len(hidden)
    assert not hidden & set(ids(page["students"]))
    assert {api.get(f"/api/students/{id}").status_code for id in hidden} == {404}
    assert not hidden & set(ids(listed(api, "/api/teaching/sets/1/setList")))


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ({"kind": "nulled_column"}, None),
        ({"kind": "absent_column"}, "absent"),
        ({"kind": "set_column", "value": "Blank"}, "Blank"),
    ],
)
def test_a_column_is_wrong_in_every_record(abbey, api, fault, value):
    abbey.fault({"path": "/api/students*", "field": "systemStatus"} | fault)
    records = [*listed(api), api.get(f"/api/students/{IDS[0]}").json()]
    assert {record.get("systemStatus", "absent") for record in records} == {value}


def test_another_schools_data_comes_under_our_key(abbey, northern, api):
    abbey.fault({"kind": "other_school", "slug": "northern", "path": "/api/students*"})
    assert set(roll(api)) == {student.school_id for student in OTHER.students}
    assert api.get(f"/api/students/{IDS[0]}").status_code == 404
    assert len(listed(api, "/api/alumni", "alumni")) == len(SCHOOL.alumni)


def test_a_fault_waits_for_its_turn_and_then_counts_down(abbey, api):
    abbey.fault({"kind": "status", "status": 500, "skip": 1, "count": 1, "path": "/api/students"})
    assert [api.get("/api/students").status_code for _ in range(3)] == [200, 500, 200]
    assert abbey.faults()[0]["count"] == 0


def test_a_fault_that_is_not_asked_keeps_its_count(abbey, api):
    abbey.fault({"kind": "status", "status": 500, "count": 1}, {"kind": "status", "status": 503, "count": 1})
    assert [api.get("/api/students").status_code for _ in range(3)] == [500, 503, 200]


def test_a_fault_in_data_is_not_spent_where_no_data_goes_out(abbey, api):
    abbey.fault({"kind": "short_page", "count": 1})
    token(api)
    assert api.get("/api/students", headers={"Authorization": ""}).status_code == 401
    assert len(listed(api)) == 69


def test_faults_strike_together(abbey, api):
    abbey.fault({"kind": "hidden_ids", "ids": IDS[:10]}, {"kind": "nulled_column", "field": "schoolEmailAddress"})
    records = listed(api)
    assert ids(records) == IDS[10:]
    assert {record["schoolEmailAddress"] for record in records} == {None}


def test_a_fault_of_one_school_is_not_anothers(abbey, northern, api):
    northern.fault({"kind": "status", "status": 500})
    assert api.get("/api/students").status_code == 200


# Running it


def test_it_runs_as_a_program_and_says_where(tmp_path):
    dump_school(OTHER, tmp_path / "northern.json")
    command = [sys.executable, "-m", "services.sandbox.servers.serve", "isams", "--make", "abbey:12:1"]
    command += ["--school", str(tmp_path / "northern.json"), "--client-secret", "secret", "--client-id", "us"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            line = program.stdout.readline()
            url = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)[1]
            with httpx2.Client(base_url=f"{url}/northern", trust_env=False, verify=CONTEXT) as api:
                api.headers["Authorization"] = f"Bearer {token(api).json()['access_token']}"
                assert api.get("/api/students").json()["totalCount"] == 30
            with IsamsTwin(url, "abbey") as abbey:
                assert len(abbey.dump()["students"]) == 12
        finally:
            program.terminate()


def test_a_server_stops_even_when_a_request_hangs():
    with serving(isams_app()) as server, IsamsTwin(server.url, "abbey") as abbey:
        abbey.load(OTHER)
        abbey.fault({"kind": "hang"})
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{abbey.base_url}/api/students", timeout=0.1, trust_env=False, verify=CONTEXT)
    server._thread.join(60)
    assert not server._thread.is_alive()
