"""The adapter against a twin of iSAMS, over HTTP on the loopback."""

from datetime import UTC
from typing import Any

import httpx2
import msgspec
import pytest

from services.fetcher.isams import parse
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.rate_limit import AT_ONCE
from services.fetcher.isams.session import ATTEMPTS, Session, _retry_after, _token_refusal
from services.fetcher.isams.source import Refused, Source
from services.fetcher.sweep.areas import AREAS
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.errors import Retryable
from tests.harness.loudest_log import loudest
from tests.unit.fetcher.conftest import Impatient, Maker
from tests.unit.fetcher.world import Abbey, completed, failed, ids, kinds, record, settings, structures, students

TOKEN = "/auth/connect/token"
STUDENTS = "/api/students"


async def read_roll(source: Source) -> list[str]:
    first = await source.students(1)
    pages = [first, *[await source.students(number) for number in range(2, first.pages + 1)]]
    return [str(one["schoolId"]) for page in pages for one in page.records]


def asked(twin: IsamsTwin, path: str) -> list[int]:
    """The statuses that were answered on a path, in order."""
    return [one["status"] for one in twin.requests() if one["path"] == path]


class TestReading:
    async def test_a_school_is_read_page_by_page(self, twin: IsamsTwin, isams: Maker) -> None:
        source = isams()
        page = await source.students(3)
        assert (page.number, page.pages, page.declared, page.count, len(page.records)) == (3, 3, 60, 10, 10)
        assert set(await read_roll(source)) == {one["schoolId"] for one in twin.dump()["students"]}

    async def test_a_student_on_a_page_is_the_student_by_id(self, twin: IsamsTwin, isams: Maker) -> None:
        """A page is decoded for what is read of it alone: half of a record costs as much as the other."""
        source = isams(page_size=1000)
        page = await source.students(1)
        assert page.records[0].keys() <= parse.StudentFields.__annotations__.keys()
        reading = ParseContext(words={}, years={}, zone=UTC)
        for listed in page.records:
            alone = await source.student(listed["schoolId"])
            assert alone is not None
            assert parse.student(listed, reading) == parse.student(alone, reading)

    @pytest.mark.parametrize("odd", [[7], "nobody", {"1": {}}, {}, "", 0, False], ids=repr)
    async def test_a_page_of_another_shape_is_no_page(self, twin: IsamsTwin, isams: Maker, odd: Any) -> None:
        source = isams()
        body = msgspec.json.encode({"count": 1, "page": 1, "totalCount": 1, "totalPages": 1, "students": odd})

        async def find(*_: Any, decode: Any, **__: Any) -> Any:
            return decode(body)

        source._session.find = find  # type: ignore[method-assign]
        with pytest.raises(Retryable, match="students"):
            await source.students(1)

    async def test_the_envelope_says_how_many_pages_there_are(self, twin: IsamsTwin, isams: Maker) -> None:
        """The server gives fewer than it was asked for, or does not say how many pages there are, or both."""
        twin.settings(max_page_size=7)
        assert len(set(await read_roll(isams(page_size=1000)))) == 60
        twin.settings(total_pages=False)
        assert len(set(await read_roll(isams(page_size=1000)))) == 60

    async def test_every_request_says_who_asks_and_carries_the_token(self, twin: IsamsTwin, isams: Maker) -> None:
        await read_roll(isams())
        seen = twin.requests()
        assert {one["status"] for one in seen} == {200}
        assert all(one["user_agent"].startswith("Rollcall/") for one in seen)
        assert [one["path"] for one in seen].count(TOKEN) == 1

    async def test_a_student_by_id(self, twin: IsamsTwin, isams: Maker) -> None:
        id = twin.dump()["students"][0]["schoolId"]
        source = isams()
        found = await source.student(id)
        assert found is not None
        assert found["schoolId"] == id
        assert await source.student("99999999999") is None

    @pytest.mark.parametrize("id", ["", "..", "../teaching/sets", "1/contacts", "systemstatuses?x=1", "1%2F2"])
    async def test_what_is_no_id_is_nobodys(self, twin: IsamsTwin, isams: Maker, id: str) -> None:
        assert await isams().student(id) is None
        assert twin.requests() == []

    async def test_structure_and_sets_are_read_whole(self, twin: IsamsTwin, isams: Maker) -> None:
        school = twin.dump()
        source = isams()
        lists, teaching = await source.school_lists(), await source.teaching_lists()
        assert {one.nc_year for one in lists.year_groups} == {one["ncYear"] for one in school["yearGroups"]}
        assert {one.name for one in lists.divisions} == {one["name"] for one in school["divisions"]}
        assert {one.name for one in lists.departments} == {one["name"] for one in school["departments"]}
        assert all(len(one.divisions) == 1 for one in lists.year_groups)
        assert {str(one.id): list(one.members) for one in teaching.sets} == {
            id: sorted(members) for id, members in school["setLists"].items()
        }
        assert {one.code for one in teaching.subjects} == {one["code"] for one in school["subjects"]}
        assert await source.status_words() == {"current": 1, "applicant": 0, "former": -1}

    async def test_hidden_sets_are_not_even_asked_for(self, twin: IsamsTwin, isams: Maker) -> None:
        sets = twin.dump()["sets"]
        sets[0]["hidden"] = True
        twin.replace(sets=sets)
        found = await isams().teaching_lists()
        assert sets[0]["id"] not in {one.id for one in found.sets}
        assert len(found.sets) == len(sets) - 1
        assert asked(twin, f"/api/teaching/sets/{sets[0]['id']}/setList") == []

    async def test_no_more_are_asked_at_once_than_is_polite(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.settings(latency_seconds=0.01)
        await isams().teaching_lists()
        assert 1 < twin.in_flight_peak() <= AT_ONCE

    async def test_set_lists_that_would_starve_the_students_are_not_begun(self, twin: IsamsTwin, isams: Maker) -> None:
        sets = len(twin.dump()["sets"])
        with pytest.raises(Retryable, match="max_requests_per_hour"):
            await isams(Impatient(sets)).teaching_lists()
        assert len(twin.requests()) == 3  # the token, the subjects, the sets

    async def test_the_ceiling_ends_the_reading(self, isams: Maker) -> None:
        with pytest.raises(Retryable) as caught:
            await read_roll(isams(Impatient(3)))
        assert 3500 < (caught.value.retry_after or 0) <= 3600


class TestToken:
    async def test_a_token_that_ended_early_is_renewed_once(self, twin: IsamsTwin, isams: Maker) -> None:
        source = isams()
        await source.students(1)
        twin.revoke_tokens()
        await source.students(2)
        assert asked(twin, STUDENTS) == [200, 401, 200]
        assert asked(twin, TOKEN) == [200, 200]

    async def test_a_token_is_renewed_before_it_ends(self, twin: IsamsTwin, isams: Maker) -> None:
        now = 1000.0
        source = isams(clock=lambda: now)
        await source.students(1)
        now += 3600 - 61
        await source.students(1)
        assert len(asked(twin, TOKEN)) == 1
        now += 1
        await source.students(1)
        assert len(asked(twin, TOKEN)) == 2
        assert 401 not in asked(twin, STUDENTS)

    async def test_a_short_token_is_renewed_at_half_its_life(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.settings(token_seconds=30)
        now = 1000.0
        source = isams(clock=lambda: now)
        await source.students(1)
        now += 14.9
        await source.students(1)
        assert len(asked(twin, TOKEN)) == 1
        now += 0.1
        await source.students(1)
        assert len(asked(twin, TOKEN)) == 2

    async def test_several_requests_share_one_renewal(self, twin: IsamsTwin, isams: Maker) -> None:
        await isams().school_lists()
        assert len(asked(twin, TOKEN)) == 1

    async def test_wrong_credentials_are_refused_in_words(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.settings(client_secret="another")
        with pytest.raises(Refused, match="client_id or client_secret is wrong") as caught:
            await isams().students(1)
        assert "made-up" not in str(caught.value)
        assert len(twin.requests()) == 1

    @pytest.mark.parametrize(("scope", "is_taken"), [("restapi", True), ("", False), ("apiv1", False)])
    async def test_the_scope_is_as_configured(self, twin: IsamsTwin, isams: Maker, scope: str, is_taken: bool) -> None:
        twin.settings(scopes=["restapi"])
        if is_taken:
            await isams(token_scope=scope).students(1)
        else:
            with pytest.raises(Refused, match="token_scope"):
                await isams(token_scope=scope).students(1)

    async def test_a_token_path_of_nobody_is_refused(self, isams: Maker) -> None:
        with pytest.raises(Refused, match="token_path"):
            await isams(token_path="/auth/nowhere").students(1)

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'{"access_token": ""}', b'{"access_token": 7}'])
    async def test_an_answer_without_a_token_is_refused(
        self, isams: Maker, monkeypatch: pytest.MonkeyPatch, body: bytes
    ) -> None:
        async def answer(*_: Any, **__: Any) -> httpx2.Response:
            return httpx2.Response(200, content=body)

        monkeypatch.setattr(Session, "_send", answer)
        with pytest.raises(Refused, match="gives no token"):
            await isams().students(1)

    @pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"[]", b"{}", b"\xff"])
    def test_a_refusal_in_other_words_tells_where_to_look(self, body: bytes) -> None:
        told = _token_refusal(httpx2.Response(403, content=body))
        assert told == "iSAMS gives no token (403): see base_url and token_path"

    async def test_a_token_endpoint_that_is_away_is_tried_again(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.fault({"kind": "status", "status": 503, "path": TOKEN, "count": 2})
        await isams().students(1)
        assert asked(twin, TOKEN) == [503, 503, 200]


class TestTrouble:
    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param({"kind": "status", "status": 500}, id="500"),
            *(pytest.param({"kind": "status", "status": one}, id=str(one)) for one in (408, 502, 503, 504, 524)),
            pytest.param({"kind": "status", "status": 429, "retry_after": 2}, id="429"),
            pytest.param({"kind": "truncated_json"}, id="truncated JSON"),
            pytest.param({"kind": "cut_connection"}, id="a cut connection"),
            pytest.param({"kind": "wrong_content_type"}, id="a page to sign in"),
        ],
    )
    async def test_it_passes(self, twin: IsamsTwin, isams: Maker, fault: dict[str, Any]) -> None:
        twin.fault(fault | {"path": STUDENTS, "count": ATTEMPTS - 1})
        politeness = Impatient()
        assert (await isams(politeness).students(1)).declared == 60
        assert len(asked(twin, STUDENTS)) == ATTEMPTS
        assert len(politeness.rests) >= ATTEMPTS - 1

    @pytest.mark.parametrize(
        "kind", [{"kind": "status", "status": 500}, {"kind": "truncated_json"}], ids=["500", "JSON"]
    )
    async def test_it_stays(self, twin: IsamsTwin, isams: Maker, kind: dict[str, Any]) -> None:
        twin.fault(kind | {"path": STUDENTS})
        with pytest.raises(Retryable):
            await isams().students(1)
        assert len(asked(twin, STUDENTS)) == ATTEMPTS

    async def test_a_server_that_hangs_is_left_after_its_time(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.fault({"kind": "hang", "path": STUDENTS})
        with pytest.raises(Retryable, match=r"no answer in 0\.05 s"):
            await isams(timeout_seconds=0.05).students(1)

    async def test_nobody_there_is_retryable(self, isams: Maker) -> None:
        with pytest.raises(Retryable, match="Connect"):
            await isams(base_url="http://127.0.0.1:9/abbey").students(1)

    async def test_a_rest_that_is_asked_for_is_taken(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.fault({"kind": "status", "status": 429, "retry_after": 7, "path": STUDENTS, "count": 1})
        politeness = Impatient()
        await isams(politeness).students(1)
        assert politeness.rests[0] == 7

    async def test_a_long_rest_is_the_sweeps(self, twin: IsamsTwin, isams: Maker) -> None:
        twin.fault({"kind": "status", "status": 503, "retry_after": 3600, "path": STUDENTS})
        with pytest.raises(Retryable) as caught:
            await isams().students(1)
        assert caught.value.retry_after == 3600
        assert asked(twin, STUDENTS) == [503]

    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize(
        ("area", "permission"),
        [("students", "Student Manager"), ("teaching", "Teaching"), ("school", "School Manager")],
    )
    async def test_a_missing_permission_is_named(
        self, twin: IsamsTwin, isams: Maker, area: str, permission: str, status: int
    ) -> None:
        allowed = [one for one in ("students", "teaching", "school") if one != area]
        twin.settings(permissions=allowed, denied_status=status)
        source = isams()
        readings = {
            "students": source.students(1),
            "teaching": source.teaching_lists(),
            "school": source.school_lists(),
        }
        for name, reading in readings.items():
            if name == area:
                with pytest.raises(Refused, match=f"give this client the permission {permission} "):
                    await reading
            else:
                await reading

    async def test_another_address_is_refused_with_what_to_look_at(self, isams: Maker, twin: IsamsTwin) -> None:
        twin.fault({"kind": "status", "status": 302, "path": STUDENTS})
        with pytest.raises(Refused, match="base_url"):
            await isams().students(1)
        twin.fault({"kind": "status", "status": 404, "path": STUDENTS})
        with pytest.raises(Refused, match="base_url"):
            await isams().students(1)

    async def test_one_list_missing_is_all_of_them(self, twin: IsamsTwin, isams: Maker) -> None:
        last = twin.dump()["sets"][-1]["id"]
        twin.fault({"kind": "status", "status": 500, "path": f"/api/teaching/sets/{last}/setList"})
        with pytest.raises(Retryable):
            await isams().teaching_lists()

    async def test_neither_secret_nor_person_is_in_the_log(
        self, twin: IsamsTwin, isams: Maker, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        pupil = twin.dump()["students"][0]
        with loudest(capsys) as lines:
            source = isams()
            await source.student(pupil["schoolId"])
            twin.fault({"kind": "status", "status": 500, "path": f"{STUDENTS}/*"})
            with pytest.raises(Retryable) as caught:
                await source.student(pupil["schoolId"])
            logged = lines()
        assert pupil["schoolId"] in caplog.text  # a library does tell it
        for private in (pupil["schoolId"], pupil["surname"], "made-up", "Bearer"):
            assert private not in logged
            assert private not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("7", 7.0),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
            ("Wed, 21 Oct 2065 07:28:00 GMT", 3600.0),
            ("864000", 3600.0),
        ],
    )
    def test_a_wish_for_rest_is_seconds_or_a_date(self, text: str, seconds: float | None) -> None:
        class Answer:
            headers = {"retry-after": text}

        assert _retry_after(Answer()) == seconds  # type: ignore[arg-type]


class TestSweeping:
    """Whole sweeps over HTTP."""

    @pytest.fixture
    async def abbey(self, isams: Maker, twin: IsamsTwin) -> Abbey:
        school = Abbey(isams(timeout_seconds=5.0), settings(structure_hours=6.0, base_url=twin.base_url))  # type: ignore[arg-type]
        school.source.asked = []
        await school.sweep()
        assert school.failure == ""
        return school

    async def test_everybody_is_there_with_their_modules(self, abbey: Abbey, twin: IsamsTwin) -> None:
        found = students(abbey.said)
        school = twin.dump()
        roll = {one["schoolId"]: one for one in school["students"]}
        assert len(roll) == 60
        for one in (found[id] for id in roll):
            taught = {id for id, members in school["setLists"].items() if one.student.student_id in members}
            assert one.student.programmes == (f"Y{one.student.year_group}",)
            assert bool(one.student.modules) is bool(taught)
            assert one.student.system_status == 1
            home = roll[one.student.student_id]["homeAddresses"][0]
            assert one.student.address is not None
            assert (one.student.address.lines, one.student.address.postcode) == ((home["address1"],), home["postcode"])
        assert set(completed(abbey.said).certificate.areas) == {"students", *AREAS}

    async def test_applicants_are_in_the_roll_and_leavers_are_records(self, abbey: Abbey, twin: IsamsTwin) -> None:
        found, school = students(abbey.said), twin.dump()
        applicants = {one["schoolId"]: one for one in school["applicants"]}
        leavers = {one["schoolId"]: one for one in school["alumni"]}
        assert len(applicants) == 3
        assert len(leavers) == 2
        assert len(found) == 65
        assert completed(abbey.said).certificate.roll_count == 63
        assert {path.path for path in completed(abbey.said).certificate.endpoints} == {
            STUDENTS,
            "/api/admissions/applicants/students",
            "/api/admissions/applicants",
            "/api/alumni",
            "/api/students/contacts",
        }
        for id, one in applicants.items():
            student = found[id].student
            assert (student.lists, student.system_status) == (("applicants",), 0)
            assert student.admission_status == one["admissionStatus"]
            assert student.enrolment_year == one["enrolmentSchoolYear"]
            assert student.year_group == one["enrolmentSchoolYearGroup"]
            assert student.house == school["houses"][one["enrolmentAcademicHouseId"] - 1]["name"]
            assert (student.programmes, student.modules, student.email) == (None, None, None)
        for id, one in leavers.items():
            student = found[id].student
            assert (student.lists, student.system_status) == (("leavers",), -1)
            assert (student.leaving_year, student.leaving_date) == (one["leavingYear"], one["leavingDate"][:10])

    async def test_a_guardian_who_is_marked_says_where_a_pupil_lives(self, abbey: Abbey, twin: IsamsTwin) -> None:
        pupil = twin.dump()["students"][0]["schoolId"]
        contacts = twin.dump()["contacts"]
        contact = next(one for one in contacts if pupil in one["schoolIds"])
        twin.replace(contacts=[one | {"town": "Moved"} if one is contact else one for one in contacts])
        abbey.clock.forward(hours=7)
        assert pupil not in students(await abbey.sweep()), "without the mark it is a contact's address and no more"
        twin.settings(student_home=True)
        abbey.clock.forward(hours=7)
        found = students(await abbey.sweep())
        assert set(found) == set(contact["schoolIds"])
        assert found[pupil].student.address is not None
        assert found[pupil].student.address.town == "Moved"

    async def test_the_structure_has_houses_and_terms(self, abbey: Abbey, twin: IsamsTwin) -> None:
        told, school = structures(abbey.said)[0], twin.dump()
        assert [one.code for one in told.structure.houses] == sorted(one["code"] for one in school["houses"])
        assert len(told.structure.terms) == len(school["terms"]) == 9
        autumn = next(one for one in told.structure.terms if one.code == "2026-Autumn")
        assert (autumn.starts, autumn.ends) == ("2026-09-01", "2026-12-15")
        assert told.missing == ()

    async def test_a_quiet_sweep_is_two_records(self, abbey: Abbey) -> None:
        assert kinds(await abbey.sweep()) == ["SweepStarted", "SweepCompleted"]

    async def test_a_token_that_ends_in_the_middle_changes_nothing(self, abbey: Abbey, twin: IsamsTwin) -> None:
        twin.fault({"kind": "status", "status": 401, "path": STUDENTS, "page": 2, "count": 1})
        assert kinds(await abbey.sweep()) == ["SweepStarted", "SweepCompleted"]

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            pytest.param({"kind": "status", "status": 500, "page": 2}, "page_missing", id="500"),
            pytest.param({"kind": "truncated_json", "page": 3}, "page_missing", id="truncated JSON"),
            pytest.param({"kind": "status", "status": 403, "page": 2}, "page_missing", id="403 in the middle"),
            pytest.param({"kind": "status", "status": 403}, "refused", id="403"),
            pytest.param({"kind": "short_page", "page": 3}, "totals_disagree", id="a short page"),
            pytest.param(
                {"kind": "short_page", "page": 2, "honest": True}, "totals_disagree", id="an honest short page"
            ),
            pytest.param({"kind": "wrong_total", "by": 1}, "totals_disagree", id="a wrong total"),
            pytest.param({"kind": "duplicate_id", "page": 2}, "id_twice", id="an id twice"),
            pytest.param({"kind": "empty_list"}, "no_students", id="nobody"),
            pytest.param({"kind": "absent_column", "field": "schoolId"}, "id_missing", id="no ids"),
        ],
    )
    async def test_whatever_is_wrong_proves_nothing(
        self, abbey: Abbey, twin: IsamsTwin, fault: dict[str, Any], reason: str
    ) -> None:
        twin.fault(fault | {"path": STUDENTS})
        assert failed(await abbey.sweep()).reason == reason
        twin.clear_faults()
        assert kinds(await abbey.sweep()) == ["SweepStarted", "SweepCompleted"]

    async def test_a_school_that_hangs_is_given_up(self, twin: IsamsTwin, isams: Maker) -> None:
        school = Abbey(isams(timeout_seconds=0.05), settings())  # type: ignore[arg-type]
        school.source.asked = []
        twin.fault({"kind": "hang", "path": STUDENTS})
        assert failed(await school.sweep()).reason == "unreachable"

    async def test_another_schools_data_opens_nothing(self, abbey: Abbey, twin: IsamsTwin, server: Server) -> None:
        with IsamsTwin(server.url, "priory") as priory:
            priory.load(make_school("priory", 40, 2))
            twin.fault({"kind": "other_school", "slug": "priory", "path": "/api/*"})
            said = await abbey.sweep()
        assert kinds(said) == ["SweepFailed"]
        assert failed(said).reason == "another_school"

    async def test_pupils_who_leave_vanish_and_join(self, abbey: Abbey, twin: IsamsTwin) -> None:
        roll = [one["schoolId"] for one in twin.dump()["students"]]
        twin.leave(roll[0])
        twin.remove(roll[1])
        joiner = ids(1)[0]
        twin.add(record(joiner))
        said = await abbey.sweep()
        absences = completed(said).absences
        assert (absences.found, absences.explained, absences.unexplained) == ((), (roll[0],), (roll[1],))
        assert set(students(said)) == {roll[0], joiner}
        assert completed(said).certificate.roll_count == 62
        assert absences.by_cause == {"left_by_id": 1, "nobody": 1}

    async def test_a_list_that_drifts_loses_nobody(self, abbey: Abbey, twin: IsamsTwin) -> None:
        """Page 2 misses one, and says that it is whole: the total went down by one as if somebody had left."""
        hidden = [one["schoolId"] for one in twin.dump()["students"]][30]
        twin.fault({"kind": "drift", "by": 1, "path": STUDENTS, "page": 2})
        said = await abbey.sweep()
        assert failed(said).reason == "id_twice"
        twin.fault({"kind": "hidden_ids", "ids": [hidden], "path": STUDENTS})
        assert completed(await abbey.sweep()).absences.found == (hidden,)

    async def test_a_key_that_hides_some_leaves_them_unexplained(self, abbey: Abbey, twin: IsamsTwin) -> None:
        hidden = [one["schoolId"] for one in twin.dump()["students"]][:17]
        twin.fault({"kind": "hidden_ids", "ids": hidden})
        assert completed(await abbey.sweep()).absences.unexplained == tuple(sorted(hidden))

    @pytest.mark.parametrize("style", ["date", "zoned"])
    async def test_the_vendors_way_with_dates_is_no_news(self, abbey: Abbey, twin: IsamsTwin, style: str) -> None:
        twin.load(twin.dump(), client_id="made-up", client_secret="made-up", dates=style)
        assert kinds(await abbey.sweep()) == ["SweepStarted", "SweepCompleted"]
