"""Applicants, leavers and contacts: who is in several lists, what is kept between readings, what a bad one is worth."""

import logging
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.parse import home_address, leaver
from services.fetcher.isams.source import APPLICANTS, APPLICANTS_BRIEF, CONTACTS, LEAVERS, Absent, Page, Refused
from services.fetcher.sweep.areas import AREAS, AreasRead
from services.fetcher.sweep.areas import reading as reading_of
from services.fetcher.sweep.merge_lists import People
from shared.contract.codec import content_sum, digest, encode, roll_hash
from shared.contract.model import Address, Student
from shared.errors import Retryable
from shared.sweeps import messages
from tests.unit.fetcher.world import (
    SLUG,
    Abbey,
    AbbeySource,
    alumnus,
    applicant,
    completed,
    failed,
    header,
    ids,
    kinds,
    record,
    settings,
    students,
)

TEN = ids(10)
UNA, OLD = ids(1, start=600)[0], ids(1, start=700)[0]


def abbey(*pupils: str, applicants: Any = (), leavers: Any = (), **config: Any) -> Abbey:
    """A school that reads every area in every sweep, unless told otherwise."""
    source = AbbeySource([record(id) for id in pupils])
    source.short[APPLICANTS] = [one if isinstance(one, dict) else applicant(one) for one in applicants]
    source.short[LEAVERS] = [one if isinstance(one, dict) else alumnus(one) for one in leavers]
    return Abbey(source, settings(**{"structure_hours": 0.0, "lists_hours": 0.0} | config))


async def read_once(*pupils: str, **more: Any) -> Abbey:
    school = abbey(*pupils, **more)
    await school.sweep()
    assert school.failure == ""
    return school


def without(school: Abbey, *gone: str) -> None:
    school.source.pupils = [one for one in school.source.pupils if one["schoolId"] not in gone]


def short(school: Abbey, name: str, *records: dict[str, Any]) -> None:
    school.source.short[name] = list(records)


class TestOneRecordPerPerson:
    @pytest.mark.parametrize(
        ("in_students", "in_applicants", "in_leavers", "status", "lists"),
        [
            pytest.param({}, None, None, 1, ("students",), id="current"),
            pytest.param(None, {}, None, 0, ("applicants",), id="prospective"),
            pytest.param(None, None, {}, -1, ("leavers",), id="left"),
            pytest.param({}, {}, None, 1, ("students", "applicants"), id="current over prospective"),
            pytest.param(
                {}, None, {}, 1, ("students", "leavers"), id="current and left at once: eligibility's unknown"
            ),
            pytest.param(None, {}, {}, 0, ("applicants", "leavers"), id="prospective over left"),
            pytest.param({}, {}, {}, 1, ("students", "applicants", "leavers"), id="in all three"),
            pytest.param(
                {"systemStatus": "Applicant"}, {}, None, 0, ("students", "applicants"), id="an applicant on the roll"
            ),
            pytest.param(
                {"systemStatus": "Former"}, {}, {}, 0, ("students", "applicants", "leavers"), id="coming back"
            ),
            pytest.param(
                {"systemStatus": "Guest"}, {}, None, None, ("students", "applicants"), id="a word that nobody knows"
            ),
            pytest.param(
                None,
                {"admissionStatus": "Former Pupil"},
                {},
                -1,
                ("applicants", "leavers"),
                id="a leaver whose old application was kept",
            ),
        ],
    )
    async def test_a_person_in_several_lists_is_sent_once(
        self, in_students: Any, in_applicants: Any, in_leavers: Any, status: int | None, lists: tuple[str, ...]
    ) -> None:
        """``students`` itself fails when somebody is sent twice in one sweep."""
        school = abbey(TEN[0])
        if in_students is not None:
            school.source.pupils.append(record(UNA, **in_students))
        short(school, APPLICANTS, *([] if in_applicants is None else [applicant(UNA, **in_applicants)]))
        short(school, LEAVERS, *([] if in_leavers is None else [alumnus(UNA, **in_leavers)]))
        said = await school.sweep()
        student = students(said)[UNA].student
        assert (student.system_status, student.lists) == (status, lists)
        in_roll = in_students is not None or in_applicants is not None
        assert completed(said).certificate.roll_hash == roll_hash([TEN[0], UNA] if in_roll else [TEN[0]])
        assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"]

    async def test_the_certificate_covers_applicants_and_not_leavers(self) -> None:
        school = abbey(*TEN, applicants=[UNA], leavers=[OLD])
        said = await school.sweep()
        sent = {id: digest(msgspec.json.encode(one)).hex() for id, one in students(said).items()}
        proof = completed(said).certificate
        assert sent.keys() == {*TEN, UNA, OLD}
        assert proof.content_sum == content_sum({id: one for id, one in sent.items() if id != OLD})
        assert (proof.roll_hash, proof.roll_count) == (roll_hash([*TEN, UNA]), 11)

    async def test_what_is_kept_as_json_is_sent_as_the_same_bytes(self) -> None:
        student = Student(student_id=UNA, lists=("applicants",), last_name="O’Shea")
        raw = msgspec.Raw(encode(student))
        assert messages.of_encoded(SLUG, UNA, raw) == messages.of_person(SLUG, "student", student)

    async def test_an_applicant_who_cannot_be_read_is_there(self) -> None:
        school = await read_once(TEN[0], applicants=[applicant(UNA, systemStatus=["Applicant"], dateOfBirth="soon")])
        student = students(school.said)[UNA].student
        assert (student.lists, student.system_status, student.last_name) == (("applicants",), None, "Oak")
        assert [fault.pointer for fault in student.faults] == ["/systemStatus"]
        assert completed(school.said).certificate.roll_count == 2

    async def test_a_record_is_as_old_as_what_it_says(self) -> None:
        """That somebody is an applicant and on no page of the students was not known before the sweep began."""
        school = await read_once(*TEN, applicants=[UNA], structure_hours=6.0, lists_hours=6.0)
        school.clock.forward(minutes=30)
        school.source.pupils.append(record(UNA))
        await school.sweep()
        without(school, UNA)
        school.clock.forward(minutes=5)
        said = await school.sweep()
        assert students(said)[UNA].student.lists == ("applicants",)
        (letter,) = (one for one in said if one.key == f"{SLUG}/{UNA}")
        assert header(letter, "read_at") == completed(said).started_at

    async def test_who_enrols_and_who_leaves_change_their_list(self) -> None:
        school = await read_once(*TEN, applicants=[UNA])
        short(school, APPLICANTS)
        school.source.pupils.append(record(UNA))
        without(school, TEN[3])
        short(school, LEAVERS, alumnus(TEN[3]))
        found = {id: one.student.lists for id, one in students(await school.sweep()).items()}
        assert found == {UNA: ("students",), TEN[3]: ("leavers",)}


class TestBetweenReadings:
    async def test_what_the_lists_said_stands_until_they_are_read_again(self) -> None:
        school = await read_once(*TEN, applicants=[UNA], leavers=[OLD], structure_hours=6.0)
        school.config = settings(structure_hours=6.0, lists_hours=1.0)
        await school.sweep()
        short(school, APPLICANTS)
        short(school, LEAVERS, alumnus(OLD), alumnus(ids(1, start=701)[0]))
        said = await school.sweep()
        assert school.source.asked == [1]
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        assert completed(said).certificate.roll_hash == roll_hash([*TEN, UNA])
        assert completed(said).certificate.areas == ("students",)
        school.clock.forward(hours=1)
        said = await school.sweep()
        assert set(completed(said).certificate.areas) == {"students", "applicants", "leavers"}
        assert set(students(said)) == {ids(1, start=701)[0]}
        assert completed(said).absences.unexplained == (UNA,)

    async def test_a_full_sweep_says_them_too(self) -> None:
        school = await read_once(*TEN, applicants=[UNA], leavers=[OLD])
        assert set(students(await school.sweep(full=True))) == {*TEN, UNA, OLD}

    @pytest.mark.parametrize("trouble", [Retryable("away"), Refused("tick a box")], ids=["away", "refused"])
    async def test_a_list_that_fails_says_what_it_last_said(self, trouble: Exception) -> None:
        """Fails when a list that cannot be read is taken for an empty one."""
        school = await read_once(*TEN, applicants=[UNA], leavers=[OLD])
        school.source.trouble = {"applicants": trouble, "leavers": trouble, "contacts": trouble}
        said = await school.sweep()
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        assert completed(said).certificate.roll_hash == roll_hash([*TEN, UNA])
        assert not {"applicants", "leavers", "contacts"} & set(completed(said).certificate.areas)
        assert set(students(await school.sweep(full=True))) == {*TEN, UNA, OLD}

    @pytest.mark.parametrize(
        ("status", "was_there", "roll"),
        [
            pytest.param(400, False, {*TEN, OLD}, id="400: a server without it"),
            pytest.param(500, False, {*TEN, OLD}, id="500: a server without it"),
            pytest.param(500, True, {*TEN, UNA, OLD}, id="500 of a list that was there: what it said stays"),
        ],
    )
    async def test_a_richer_list_that_breaks_loses_no_applicant(
        self, status: int, was_there: bool, roll: set[str]
    ) -> None:
        """Una is in the richer list alone, and somebody else in the older one alone."""
        school = abbey(*TEN, applicants=[UNA], lists_hours=0.0)
        school.source.short[APPLICANTS_BRIEF] = [applicant(OLD)]
        if was_there:
            await school.sweep()
        school.source.trouble[APPLICANTS] = Absent("no", status)
        said = await school.sweep(full=True)
        assert school.failure == ""
        assert set(students(said)) == roll
        assert completed(said).certificate.roll_count == len(roll)

    async def test_a_list_that_was_never_read_says_nothing(self) -> None:
        school = abbey(*TEN, applicants=[UNA], leavers=[OLD])
        school.source.trouble = dict.fromkeys(AREAS, Refused("no"))
        said = await school.sweep()
        assert school.failure == ""
        assert completed(said).certificate.areas == ("students",)
        assert set(students(said)) == set(TEN)
        school.source.trouble.clear()
        assert set(students(await school.sweep())) >= {UNA, OLD}

    @pytest.mark.parametrize("name", [APPLICANTS, LEAVERS, CONTACTS])
    @pytest.mark.parametrize(
        "alter",
        [
            pytest.param(lambda page: replace(page, records=page.records[:-1]), id="short"),
            pytest.param(lambda page: replace(page, records=page.records[:-1], count=1), id="short and honest"),
            pytest.param(lambda page: replace(page, declared=(page.declared or 0) + 1), id="a wrong total"),
            pytest.param(lambda page: replace(page, declared=None), id="no total"),
            pytest.param(lambda page: replace(page, records=[page.records[0]] * 2), id="an id twice"),
            pytest.param(lambda page: replace(page, records=[{}] * 2), id="nothing but nobody's records"),
        ],
    )
    async def test_a_list_that_is_not_whole_is_not_believed(
        self, name: str, alter: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        two = ids(2, start=800)
        school = abbey(*TEN, applicants=two)
        short(school, LEAVERS, *map(alumnus, two))
        short(school, CONTACTS, {"id": 1, "schoolIds": [TEN[0]]}, {"id": 2, "schoolIds": [TEN[1]]})
        await school.sweep()
        school.source.alter_short = lambda which, page: alter(page) if which == name else page
        with caplog.at_level(logging.WARNING):
            said = await school.sweep()
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        assert name not in completed(said).certificate.areas
        assert f"reading {name} failed, it stays as it was" in caplog.text

    async def test_a_list_that_shrinks_while_it_is_read_is_not_believed(self) -> None:
        many = ids(5, start=800)
        school = await read_once(*TEN, applicants=many)
        school.source.page_size = 2

        def shrink(name: str, page: Page) -> Page:
            return replace(page, pages=2, declared=4) if page.number == 2 and name == APPLICANTS else page

        school.source.alter_short = shrink
        assert completed(await school.sweep()).certificate.roll_count == 15

    async def test_nothing_of_the_lists_is_said_by_a_sweep_that_proves_nothing(self) -> None:
        """A leaver's old record may be of somebody who is on the page that was not read."""
        school = await read_once(*TEN)
        without(school, TEN[3])
        short(school, LEAVERS, alumnus(TEN[3]))
        short(school, APPLICANTS, applicant(UNA))
        school.source.alter = lambda page: replace(page, declared=11)
        said = await school.sweep()
        assert failed(said).reason == "totals_disagree"
        assert students(said) == {}

    async def test_leavers_are_asked_for_again_when_somebody_is_gone_without_a_word(self) -> None:
        school = await read_once(*TEN, structure_hours=6.0, lists_hours=6.0)
        without(school, TEN[3])
        short(school, LEAVERS, alumnus(TEN[3]))
        first = completed(await school.sweep())
        assert first.absences.unexplained == (TEN[3],)
        said = await school.sweep()
        assert students(said)[TEN[3]].student.lists == ("leavers",)
        assert "leavers" in completed(said).certificate.areas
        await school.sweep()
        assert school.source.asked == [1]

    async def test_who_comes_back_is_current_as_soon_as_the_leavers_say_so(self) -> None:
        """Not in an hour: until then they are in two lists, and nobody can say what they are."""
        school = await read_once(*TEN, leavers=[OLD], structure_hours=6.0, lists_hours=6.0)
        school.source.pupils.append(record(OLD))
        short(school, LEAVERS)
        assert students(await school.sweep())[OLD].student.lists == ("students", "leavers")
        assert students(await school.sweep())[OLD].student.lists == ("students",)
        await school.sweep()
        assert school.source.asked == [1]


class TestBothListsOfApplicants:
    async def test_who_is_in_either_is_an_applicant_and_the_richer_tells(self) -> None:
        first, second, third = ids(3, start=800)
        school = abbey(*TEN)
        short(school, APPLICANTS, applicant(first), applicant(second))
        short(school, APPLICANTS_BRIEF, applicant(second, surname="Brief"), applicant(third, surname="Brief"))
        found = {id: one.student.last_name for id, one in students(await school.sweep()).items() if id not in TEN}
        assert found == {first: "Oak", second: "Oak", third: "Brief"}

    async def test_a_school_may_have_only_the_older_one(self) -> None:
        school = abbey(*TEN)
        school.source.short[APPLICANTS] = None
        short(school, APPLICANTS_BRIEF, applicant(UNA))
        said = await school.sweep()
        assert UNA in students(said)
        assert "applicants" in completed(said).certificate.areas

    async def test_a_school_may_have_neither(self) -> None:
        school = await read_once(*TEN, applicants=[UNA])
        school.source.short[APPLICANTS] = None
        said = await school.sweep()
        assert "applicants" not in completed(said).certificate.areas
        assert completed(said).certificate.roll_count == 11

    async def test_one_that_fails_is_not_one_that_is_absent(self) -> None:
        """Else a hiccup of the richer list would lose whoever is only in it."""
        school = await read_once(*TEN, applicants=[UNA])
        short(school, APPLICANTS_BRIEF)
        school.source.trouble[APPLICANTS] = Retryable("away")
        assert completed(await school.sweep()).certificate.roll_count == 11


class TestMissing:
    async def test_a_readmitted_pupil_who_slips_between_two_pages_has_not_left(self) -> None:
        """Fails when the leavers' list is believed before the person is asked for."""
        school = await read_once(*TEN, leavers=[TEN[3]])
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = record(TEN[3])
        said = await school.sweep()
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        assert completed(said).absences.by_cause == {"found": 1}
        assert completed(said).certificate.roll_count == 10

    @pytest.mark.parametrize(
        ("answer", "is_listed", "cause", "kind"),
        [
            pytest.param(record(TEN[3]), False, "found", "found", id="found"),
            pytest.param(record(TEN[3], systemStatus="Former"), False, "left_by_id", "explained", id="left by id"),
            pytest.param(record(TEN[3], systemStatus="Former"), True, "left_by_id", "explained", id="left by both"),
            pytest.param(None, True, "left_by_list", "explained", id="left by the list"),
            pytest.param(Retryable("away"), True, "left_by_list", "explained", id="in the list, no answer"),
            pytest.param(None, False, "nobody", "unexplained", id="nobody"),
            pytest.param(Retryable("away"), False, "no_answer", "unexplained", id="no answer"),
            pytest.param(Refused("no"), False, "refused", "unexplained", id="refused"),
        ],
    )
    async def test_each_absence_has_its_cause(self, answer: Any, is_listed: bool, cause: str, kind: str) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        if is_listed:
            short(school, LEAVERS, alumnus(TEN[3]))
        school.source.by_id[TEN[3]] = answer
        said = await school.sweep()
        absences = completed(said).absences
        assert absences.by_cause == {cause: 1}
        assert getattr(absences, kind) == (TEN[3],)
        assert sum(map(len, (absences.found, absences.explained, absences.unexplained))) == 1
        sent = students(said)
        assert set(sent) == ({TEN[3]} if kind == "explained" else set())
        if sent:
            assert sent[TEN[3]].student.lists == (("leavers",) if is_listed else ("students",))

    async def test_of_many_those_are_asked_for_whom_no_list_explains(self) -> None:
        everybody = ids(200)
        school = await read_once(*everybody)
        left, lost = everybody[:60], everybody[60:120]
        without(school, *left, *lost)
        short(school, LEAVERS, *map(alumnus, left))
        said = await school.sweep()
        absences = completed(said).absences
        assert absences.by_cause == {"left_by_list": 60, "nobody": 50, "not_asked": 10}
        assert (absences.explained, absences.unexplained) == (tuple(left), tuple(lost))
        assert [one for one in school.source.asked if one in everybody] == lost[:50]

    async def test_an_applicant_has_an_address_of_their_own(self) -> None:
        school = await read_once(*TEN, applicants=[UNA])
        short(school, APPLICANTS)
        school.source.by_id[f"applicant {UNA}"] = applicant(UNA)
        said = await school.sweep()
        assert completed(said).absences.found == (UNA,)
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        without(school, TEN[3])
        await school.sweep()
        assert f"applicant {TEN[3]}" not in school.source.asked

    async def test_a_leaver_of_long_ago_is_not_missed(self) -> None:
        school = await read_once(*TEN, leavers=[OLD])
        short(school, LEAVERS)
        said = await school.sweep()
        assert completed(said).absences.by_cause == {}
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]


LANE = {"address1": "1 Low Lane", "address2": " ", "town": "Wick", "postcode": "ZZ9 9ZZ"}
LOW_LANE = Address(lines=("1 Low Lane",), town="Wick", postcode="ZZ9 9ZZ")


class TestAddresses:
    @pytest.mark.parametrize(
        ("homes", "expected"),
        [
            pytest.param([{"id": 2, "town": "Holm"}, {"id": 1, **LANE}], LOW_LANE, id="the oldest"),
            pytest.param(
                [{"id": 1, "town": "Holm", "private": True}, {"id": 2, **LANE}], LOW_LANE, id="not a private one"
            ),
            pytest.param(
                [{"id": 1, "town": " ", "address1": None}, {"id": 2, **LANE}], LOW_LANE, id="not an empty one"
            ),
            pytest.param([{"id": 1, "town": {}}, "x", {"id": 2, **LANE}], LOW_LANE, id="not one that cannot be read"),
            pytest.param(None, None, id="null"),
            pytest.param([], None, id="none"),
            pytest.param("Wick", None, id="no list"),
        ],
    )
    def test_a_students_own(self, homes: Any, expected: Address | None) -> None:
        assert home_address({"homeAddresses": homes}) == expected

    async def test_the_guardian_who_is_marked_goes_before_the_students_own(self) -> None:
        school = abbey(*TEN[:4])
        school.source.pupils = [record(id, homeAddresses=[{"id": 1, "town": "Holm"}]) for id in TEN[:4]]
        short(
            school,
            CONTACTS,
            {"id": 9, "studentHome": True, "schoolIds": [TEN[0]], "town": "Netherby"},
            {"id": 8, "studentHome": True, "schoolIds": [TEN[0], TEN[1], "../1", 7], **LANE},
            {"id": 7, "studentHome": False, "schoolIds": [TEN[0], TEN[2]], "town": "Farley Cross"},
            {"id": 6, "studentHome": True, "deceased": True, "schoolIds": [TEN[2]], "town": "Farley Cross"},
            {"id": 5, "studentHome": True, "private": True, "schoolIds": [TEN[2]], "town": "Farley Cross"},
            {"id": 4, "studentHome": True, "schoolIds": None, "town": "Farley Cross"},
            {"id": 3, "schoolIds": [TEN[3]], "town": "Farley Cross"},
        )
        found = {id: one.student.address for id, one in students(await school.sweep()).items()}
        assert found == {TEN[0]: LOW_LANE, TEN[1]: LOW_LANE, TEN[2]: Address(town="Holm"), TEN[3]: Address(town="Holm")}
        school.source.trouble["contacts"] = Refused("no")
        assert students(await school.sweep()) == {}, "contacts that cannot be read are as they were"


def test_a_leaver_without_a_year_group_of_leaving_has_the_last_one() -> None:
    words = reading_of(settings(), AreasRead({}, {}))
    found = leaver({"schoolId": OLD, "yearGroup": 13, "systemStatus": "Former"}, words)
    assert (found.year_group, found.system_status, found.system_status_word) == (13, None, "Former")


def test_nobody_is_in_the_lists_of_a_school_that_has_none() -> None:
    student = Student(student_id=UNA, system_status=-1)
    assert People().of_student(student) is student
