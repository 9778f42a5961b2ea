"""The Unitu twin over real HTTP: what it takes, what it refuses, when it applies, and every way to misbehave."""

import json
import ssl
from datetime import datetime, timedelta

import httpx2
import pytest

from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import UnituTwin
from services.sandbox.unitu.twin import unitu_app

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: it takes longer than a test
HEADERS = {"API_KEY": "key-of-abbey", "Cache-Control": "no-cache", "Content-Type": "application/json"}
PROGRAMMES = {"Y7": "Year 7", "Y8": "Year 8"}


def a_student(email="ada@abbey.example", **fields):
    known = {"firstName": "Ada", "lastName": "Fern", "year": 1, "email": email, "programmeCodes": ["Y7"]}
    return known | fields


def a_teacher(**fields):
    known = {"firstName": "Sam", "lastName": "Oak", "universityTitle": "Mr", "email": "sam@abbey.example"}
    return known | {"facultyCodes": [], "departmentCodes": [], "programmeCodes": []} | fields


@pytest.fixture(scope="module")
def server():
    with serving(unitu_app()) as server:
        yield server


@pytest.fixture
def abbey(server):
    with UnituTwin(server.url, "abbey") as twin:
        twin.create("key-of-abbey", entities={"programmes": PROGRAMMES}, delay_seconds=0.02)
        yield twin
        twin.forget()


@pytest.fixture
def post(abbey):
    with httpx2.Client(timeout=60, trust_env=False, verify=CONTEXT) as client:

        def post(*students, content=None, headers=HEADERS, timeout=60, **lists):
            body = json.dumps({"students": students, **lists}) if content is None else content
            return client.post(abbey.sync_url, content=body, headers=headers, timeout=timeout)

        yield post


def events(abbey, email=None):
    return [event["change"]["kind"] for event in abbey.history(email)]


# What it takes and what it refuses


def test_the_documents_own_example_is_taken(abbey, post):
    faculty = {"code": "FAC01", "name": "Faculty of Science"}
    answer = post(
        a_student(
            id="S1",
            personalEmail="a@x.example",
            phone="+1234567890",
            moduleCodes=["MOD01"],
            metadata={"campus": "Main Campus", "preferredLanguage": "en"},
        ),
        faculties=[faculty],
        departments=[{"code": "DEP01", "name": "Computer Science", "facultyCode": "FAC01"}],
        programmes=[{"code": "PROG01", "name": "Computing", "departmentCode": "DEP01"}],
        modules=[
            {"code": "MOD01", "name": "Logic", "programmeCode": "PROG01", "years": [{"year": 1, "isOptional": False}]}
        ],
        staff=[a_teacher(id="ST1", moduleCodes=["MOD01"], facultyCodes=["FAC01"])],
    )
    assert answer.status_code == 202
    assert answer.json()["message"]


@pytest.mark.parametrize("body", ["{}", '{"students": []}', '{"departments": [{"code": "D", "name": "D"}]}'])
def test_every_list_may_be_missing(post, body):
    assert post(content=body).status_code == 202


@pytest.mark.parametrize("headers", [{}, {"API_KEY": ""}, {"API_KEY": "another"}])
def test_a_key_that_names_nobody_is_refused(abbey, post, headers):
    known = {name: value for name, value in HEADERS.items() if name != "API_KEY"}
    answer = post(a_student(), headers=known | headers)
    assert answer.status_code == 401
    assert abbey.snapshots() == []


def test_what_is_not_json_is_refused(abbey, post):
    answer = post(content='{"students": [')
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert abbey.snapshots()[0]["fate"] == "refused"


@pytest.mark.parametrize("missing", ["Content-Type", "Cache-Control"])
def test_the_documents_headers_are_needed(abbey, post, missing):
    headers = {name: value for name, value in HEADERS.items() if name != missing}
    assert post(a_student(), headers=headers).status_code == 400
    abbey.settings(strict_headers=False)
    assert post(a_student(), headers=headers).status_code == 202


def test_a_body_beyond_the_limit_is_refused(abbey, post):
    abbey.settings(max_body_bytes=1000)
    assert post(a_student()).status_code == 202
    assert post(*[a_student(f"{n}@abbey.example") for n in range(5000)]).status_code == 413
    assert [entry["fate"] for entry in abbey.snapshots(bodies=False)][1] == "refused"


PROGRAMME = {"code": "P", "name": "P", "departmentCode": "D"}
MODULE = {"code": "M", "name": "M", "programmeCode": "P", "years": [{"year": 1, "isOptional": True}]}


@pytest.mark.parametrize(
    ("lists", "pointer"),
    [
        pytest.param({"students": {}}, "/students", id="no list"),
        pytest.param({"pupils": []}, "/pupils", id="unknown list"),
        pytest.param({"students": [a_student(yearGroup=7)]}, "/students/0", id="unknown field"),
        pytest.param({"students": [a_student(year=8)]}, "/students/0/year", id="year above 7"),
        pytest.param({"students": [a_student(year=-1)]}, "/students/0/year", id="year below 0"),
        pytest.param({"students": [a_student(year="1")]}, "/students/0/year", id="year in quotes"),
        pytest.param({"students": [a_student(year=True)]}, "/students/0/year", id="year is a boolean"),
        pytest.param({"students": [a_student(), a_student(email="nobody")]}, "/students/1/email", id="no e-mail"),
        pytest.param({"students": [a_student(firstName=None)]}, "/students/0/firstName", id="a null"),
        pytest.param({"students": [a_student(lastName="")]}, "/students/0/lastName", id="an empty name"),
        pytest.param({"students": [a_student(phone=7)]}, "/students/0/phone", id="a number as phone"),
        pytest.param({"students": [a_student(programmeCodes="Y7")]}, "/students/0/programmeCodes", id="no array"),
        pytest.param(
            {"students": [a_student(moduleCodes=["M", 7])]}, "/students/0/moduleCodes/1", id="a number as code"
        ),
        pytest.param({"students": [a_student(metadata={"campus": 1})]}, "/students/0/metadata", id="metadata"),
        pytest.param(
            {"students": [a_student(metadata={"My Campus": "x"})]}, "/students/0/metadata", id="no camel case"
        ),
        pytest.param({"students": ["Ada"]}, "/students/0", id="no object"),
        pytest.param({"faculties": [{"code": "F"}]}, "/faculties/0", id="faculty without name"),
        pytest.param({"departments": [{"code": "D", "name": "D", "facultyCode": None}]}, "/departments/0/facultyCode"),
        pytest.param({"programmes": [{"code": "P", "name": "P"}]}, "/programmes/0", id="programme of no department"),
        pytest.param({"programmes": [PROGRAMME, PROGRAMME]}, "/programmes/1/code", id="a code twice"),
        pytest.param(
            {"modules": [{**MODULE, "years": [{"year": 1}]}]}, "/modules/0/years/0", id="not said if optional"
        ),
        pytest.param(
            {"modules": [{**MODULE, "years": [{"year": 9, "isOptional": True}]}]},
            "/modules/0/years/0/year",
            id="year 9",
        ),
        pytest.param({"staff": [a_teacher(year=1)]}, "/staff/0", id="staff have no year"),
        pytest.param({"staff": [{**a_student()}]}, "/staff/0", id="a student among staff"),
    ],
)
def test_a_body_that_breaks_the_document_is_refused_with_the_place(abbey, post, lists, pointer):
    answer = post(content=json.dumps(lists))
    assert answer.status_code == 422
    details = answer.json()["details"]
    assert [entry["pointer"] for entry in details] == [pointer]
    assert details[0]["message"]
    assert abbey.snapshots()[0]["wrong"] == details


@pytest.mark.parametrize("field", ["firstName", "lastName", "year", "email", "programmeCodes"])
def test_what_a_student_must_have_is_named(post, field):
    student = a_student()
    del student[field]
    answer = post(student)
    assert answer.status_code == 422
    assert f"`{field}`" in answer.json()["details"][0]["message"]


@pytest.mark.parametrize(
    "field", ["firstName", "lastName", "universityTitle", "email", "facultyCodes", "departmentCodes", "programmeCodes"]
)
def test_what_staff_must_have_is_named(post, field):
    teacher = a_teacher()
    del teacher[field]
    assert f"`{field}`" in post(staff=[teacher]).json()["details"][0]["message"]


def test_every_fault_of_a_body_is_listed(post):
    answer = post(a_student(year=8), a_student(), a_student(email=7), staff=[{}], extra=1)
    assert {entry["pointer"] for entry in answer.json()["details"]} == {
        "/extra",
        "/students/0/year",
        "/students/2/email",
        "/staff/0",
    }


def test_a_refused_body_changes_nothing(abbey, post):
    post(a_student())
    abbey.wait_idle()
    assert post(a_student(year=8)).status_code == 422
    abbey.wait_idle()
    assert events(abbey) == ["provision", "enrol"]


def test_null_for_an_optional_field_may_be_taken(abbey, post):
    assert post(a_student(phone=None)).status_code == 422
    abbey.settings(null_is_absent=True)
    assert post(a_student(phone=None, year=None)).status_code == 202
    assert post(a_student(firstName=None)).status_code == 422


# What it does with it


def test_a_snapshot_is_applied_after_the_answer(abbey, post):
    abbey.settings(delay_seconds=0.3)
    assert post(a_student()).status_code == 202
    assert abbey.summary()["idle"] is False
    assert abbey.accounts() == []
    assert abbey.wait_idle()["last_applied"] == 1
    assert [account["email"] for account in abbey.accounts()] == ["ada@abbey.example"]


def test_snapshots_are_applied_in_the_order_in_which_they_came(abbey, post):
    abbey.settings(delay_seconds=0.2)
    post(a_student(year=0))
    abbey.settings(delay_seconds=0)
    for year in range(1, 8):
        post(a_student(year=year))
    abbey.wait_idle(received=8)
    assert [entry["order"] for entry in abbey.snapshots()] == list(range(1, 9))
    assert abbey.account("ada@abbey.example")["year"] == 7


def test_accounts_of_its_own_are_disabled_by_the_first_snapshot(abbey, post):
    abbey.add_accounts(
        {"email": "old@abbey.example", "first_name": "Old", "last_name": "Hand", "kind": "staff"},
        {"email": "Ada@abbey.example", "first_name": "Ada", "last_name": "Fern", "id": "own"},
    )
    post(a_student(id="7"))
    abbey.wait_idle()
    assert abbey.enabled() == {"Ada@abbey.example"}
    assert abbey.account(" ada@ABBEY.example")["id"] == "own"
    assert abbey.ever_disabled() == {"old@abbey.example"}


def test_who_goes_and_comes_back_has_a_history(abbey, post):
    for students in ([a_student()], [], [a_student(year=2)]):
        post(*students)
    abbey.wait_idle(received=3)
    history = abbey.history("ada@abbey.example")
    assert [(event["snapshot"], event["change"]["kind"]) for event in history] == [
        (1, "provision"),
        (1, "enrol"),
        (2, "disable"),
        (3, "reenable"),
        (3, "update"),
    ]
    assert history[-1]["change"] | {"account": 0} == {
        "kind": "update",
        "account": 0,
        "email": "ada@abbey.example",
        "what": "year",
        "code": "",
        "before": 1,
        "after": 2,
    }
    assert [event["at"] for event in history] == sorted(event["at"] for event in history)
    assert abbey.ever_disabled() == {"ada@abbey.example"}


def test_no_entity_is_made_by_a_snapshot_and_each_new_one_is_reported(abbey, post):
    lists = {"programmes": [{"code": "Y9", "name": "Year 9", "departmentCode": "D"}]}
    post(a_student(programmeCodes=["Y9"]), **lists)
    abbey.wait_idle()
    post(a_student(programmeCodes=["Y9"]), **lists)
    abbey.wait_idle(received=2)
    assert abbey.entities()["programmes"] == PROGRAMMES
    first, second = [told["report"] for told in abbey.reports()]
    assert first["new_entities"]["programmes"] == second["new_entities"]["programmes"] == ["Y9"]
    assert (first["first_seen_entities"]["programmes"], second["first_seen_entities"]["programmes"]) == (["Y9"], [])
    assert second["blocked"]["programmes"] == {"Y9": 1}
    assert abbey.account("ada@abbey.example")["programmes"] == []


def test_entities_are_made_by_people(abbey, post):
    module = {"code": "Y9-HIS", "name": "History", "programmeCode": "Y9", "years": []}
    lists = {"programmes": [{"code": "Y9", "name": "Year 9", "departmentCode": "D"}], "modules": [module]}
    student = a_student(programmeCodes=["Y9"], moduleCodes=["Y9-HIS"])
    post(student, **lists)
    abbey.wait_idle()
    assert abbey.adopt_entities()["module_programmes"] == {"Y9-HIS": "Y9"}
    post(student, **lists)
    abbey.wait_idle(received=2)
    account = abbey.account("ada@abbey.example")
    assert (account["programmes"], account["modules"]) == (["Y9"], ["Y9-HIS"])
    abbey.add_entities(programmes={"Y10": "Year 10"})
    assert set(abbey.entities()["programmes"]) == {"Y7", "Y8", "Y9", "Y10"}
    abbey.set_entities(programmes={"Y7": "Year 7"})
    assert abbey.entities()["programmes"] == {"Y7": "Year 7"}


def test_in_a_dry_run_there_is_a_report_and_nothing_else(abbey, post):
    abbey.set_mode("dry-run")
    post(a_student())
    abbey.wait_idle()
    assert abbey.accounts() == abbey.history() == []
    [told] = abbey.reports()
    assert (told["mode"], told["report"]["counts"]) == ("dry-run", {"enrol": 1, "provision": 1})
    assert abbey.snapshots()[0]["fate"] == "simulated"


def test_disabled_it_takes_a_snapshot_and_does_nothing(abbey, post):
    abbey.set_mode("disabled")
    assert post(a_student()).status_code == 202
    abbey.wait_idle()
    assert abbey.accounts() == abbey.reports() == []
    abbey.set_mode("enabled")
    post(a_student())
    abbey.wait_idle()
    assert len(abbey.accounts()) == 1


def test_matched_by_id_a_new_e_mail_disables_nobody(abbey, post):
    abbey.settings(rules={"match_by": "id"})
    post(a_student(id="7"))
    post(a_student(id="7", email="new@abbey.example"))
    abbey.wait_idle(received=2)
    assert abbey.enabled() == {"ada@abbey.example"}
    assert abbey.ever_disabled() == set()


def test_a_setting_of_the_rules_leaves_the_others(abbey):
    abbey.settings(rules={"match_by": "id"})
    rules = abbey.settings(rules={"absent_phone": "clear"})["rules"]
    assert (rules["match_by"], rules["absent_phone"], rules["absent_modules"]) == ("id", "clear", "keep")


def test_a_person_can_rename_an_account(abbey, post):
    post(a_student())
    abbey.wait_idle()
    abbey.rename("ADA@abbey.example", "a.fern@abbey.example")
    post(a_student("a.fern@abbey.example"))
    abbey.wait_idle(received=2)
    assert abbey.enabled() == {"a.fern@abbey.example"}
    assert len(abbey.accounts()) == 1
    assert abbey.history()[-1]["snapshot"] == 0
    abbey.add_accounts({"email": "taken@abbey.example", "first_name": "T", "last_name": "T"})
    with pytest.raises(httpx2.HTTPStatusError, match="400"):
        abbey.rename("a.fern@abbey.example", "taken@abbey.example")
    with pytest.raises(httpx2.HTTPStatusError, match="404"):
        abbey.rename("nobody@abbey.example", "x@abbey.example")


def test_each_body_is_kept_as_it_came(abbey, post):
    post(a_student(), staff=[])
    received = abbey.snapshot(1)
    assert received["body"] == {"students": [a_student()], "staff": []}
    assert (received["number"], received["status"]) == (1, 202)
    assert received["at"]
    assert abbey.snapshots(bodies=False)[0]["body"] is None


def test_only_so_many_bodies_are_kept(abbey, post):
    abbey.settings(keep_bodies=2)
    for year in (1, 2, 3):
        post(a_student(year=year))
    bodies = [entry["body"] for entry in abbey.snapshots()]
    assert bodies[0] is None
    assert [body["students"][0]["year"] for body in bodies[1:]] == [2, 3]
    assert [entry["number"] for entry in abbey.snapshots(since=1)] == [2, 3]


def test_one_key_is_one_university(abbey, post, server):
    with UnituTwin(server.url, "northern") as northern:
        with pytest.raises(httpx2.HTTPStatusError, match="400"):
            northern.create("key-of-abbey")
        northern.create("key-of-northern")
        post(a_student(), headers=HEADERS | {"API_KEY": "key-of-northern"})
        northern.wait_idle()
        assert len(northern.accounts()) == 1
        assert abbey.accounts() == []
        northern.forget()


def test_the_summary_says_where_it_stands(abbey, post):
    abbey.add_accounts({"email": "old@abbey.example", "first_name": "Old", "last_name": "Hand"})
    post(a_student())
    post(a_student(year=8))
    summary = abbey.wait_idle(received=2)
    assert summary["accounts"] == {"enabled": 1, "disabled": 1}
    assert (summary["received"], summary["accepted"], summary["last_applied"]) == (2, 1, 1)
    assert (summary["name"], summary["mode"], summary["idle"]) == ("abbey", "enabled", True)


# Faults


@pytest.mark.parametrize(("status", "after"), [(429, 3), (503, None), (500, None), (408, None), (403, None)])
def test_any_status_on_command_and_nothing_applied(abbey, post, status, after):
    abbey.fault({"kind": "status", "status": status, "retry_after": after, "count": 2})
    answers = [post(a_student()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 202]
    assert answers[0].headers.get("Retry-After") == (str(after) if after else None)
    abbey.wait_idle()
    assert [entry["fate"] for entry in abbey.snapshots()] == ["refused", "refused", "applied"]


def test_a_hang_applies_nothing(abbey, post):
    abbey.fault({"kind": "hang"})
    with pytest.raises(httpx2.ReadTimeout):
        post(a_student(), timeout=0.2)
    abbey.clear_faults()
    assert abbey.accounts() == []


def test_a_time_out_can_come_after_it_was_applied(abbey, post):
    abbey.fault({"kind": "apply_then_time_out", "count": 1})
    with pytest.raises(httpx2.ReadTimeout):
        post(a_student(), timeout=0.2)
    abbey.wait_idle(received=1)
    assert abbey.enabled() == {"ada@abbey.example"}
    abbey.clear_faults()
    assert post(a_student()).status_code == 202


def test_a_page_of_something_in_between_answers_and_nothing_is_taken(abbey, post):
    abbey.fault({"kind": "page", "count": 1})
    answer = post(a_student())
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert abbey.accounts() == []
    assert post(a_student()).status_code == 202


def test_a_part_of_a_snapshot_can_be_taken_before_it_is_refused(abbey, post):
    post(a_student("old@abbey.example"))
    abbey.wait_idle(received=1)
    abbey.fault({"kind": "taken_in_part", "count": 1})
    assert post(a_student(), a_student("bea@abbey.example")).status_code == 422
    assert abbey.enabled() == {"old@abbey.example", "ada@abbey.example"}


def test_snapshots_can_be_applied_out_of_order(abbey, post):
    abbey.fault({"kind": "out_of_order", "count": 1})
    post(a_student(year=1))
    assert abbey.summary()["idle"] is False
    post(a_student(year=2))
    abbey.wait_idle(received=2)
    assert [entry["order"] for entry in abbey.snapshots()] == [2, 1]
    assert abbey.account("ada@abbey.example")["year"] == 1


def test_one_that_waits_for_the_next_is_applied_even_if_none_comes(abbey, post):
    abbey.fault({"kind": "out_of_order", "count": 1, "seconds": 0.2})
    post(a_student())
    abbey.wait_idle()
    (entry,) = abbey.snapshots()
    waited = datetime.fromisoformat(entry["applied_at"]) - datetime.fromisoformat(entry["at"])
    assert waited > timedelta(seconds=0.19)
    assert len(abbey.accounts()) == 1
    post(a_student(year=2))
    abbey.wait_idle(received=2)
    assert abbey.account("ada@abbey.example")["year"] == 2


def test_a_snapshot_can_be_lost(abbey, post):
    abbey.fault({"kind": "lost", "count": 1})
    assert post(a_student()).status_code == 202
    assert abbey.wait_idle()["last_applied"] is None
    assert abbey.accounts() == []


def test_an_answer_can_be_no_json_and_the_snapshot_applied(abbey, post):
    abbey.fault({"kind": "wrong_content_type", "count": 1})
    answer = post(a_student())
    assert answer.headers["content-type"].startswith("text/html")
    abbey.wait_idle()
    assert len(abbey.accounts()) == 1


def test_a_fault_that_makes_no_sense_is_refused(abbey):
    with pytest.raises(httpx2.HTTPStatusError, match="400"):
        abbey.fault({"kind": "short_page"})


def test_ten_thousand_students_are_applied_in_a_moment(abbey, post):
    students = [a_student(f"{n}@abbey.example") for n in range(10_000)]
    post(*students)
    abbey.wait_idle(received=1)
    assert abbey.summary()["accounts"]["enabled"] == 10_000
