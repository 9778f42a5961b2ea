"""
Whatever way of writing this iSAMS has, the school is the same: the twin has a lever for each, so that it cannot share
a guess with the client.
"""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.source import APPLICANTS, APPLICANTS_BRIEF, Absent, Refused
from services.sandbox.twin_client import IsamsTwin
from shared.contract.model import Student
from tests.unit.fetcher.conftest import Maker
from tests.unit.fetcher.world import Abbey, completed, settings, staff, structures, students

EVERY_TIME = {"structure_hours": 0.0, "lists_hours": 0.0}


def reload(twin: IsamsTwin, **levers: Any) -> None:
    """The same school, loaded anew by a server that writes so."""
    twin.load(twin.dump(), client_id="made-up", client_secret="made-up", **levers)


def fewer(twin: IsamsTwin) -> None:
    """Three sets and two year groups: each costs a request."""
    school = twin.dump()
    twin.replace(sets=school["sets"][:3], yearGroups=school["yearGroups"][:2])


async def everybody(twin: IsamsTwin, isams: Maker) -> tuple[dict[str, Student], dict[str, Student], Any]:
    """Students and staff as they are sent, and the structure."""
    abbey = Abbey(isams(), settings(**EVERY_TIME, base_url=twin.base_url))  # type: ignore[arg-type]
    abbey.source.asked = []
    said = await abbey.sweep()
    assert abbey.failure == ""
    (structure,) = structures(said)
    found = {id: one.student for id, one in students(said).items()}
    said = await abbey.sweep(school=abbey.staff)
    return found, {id: one.student for id, one in staff(said).items()}, structure


@pytest.mark.parametrize(
    "levers",
    [
        *({"set_subject": one} for one in ("subject_number", "subject_object", "code", "code_as_subject", "name")),
        *({"set_teacher": one} for one in ("teacherIds", "staffId", "employee", "teacher_email")),
        *({"numbers": one} for one in ("text", "float")),
        *({"booleans": one} for one in ("number", "text")),
        *({"empty_lists": one} for one in ("empty", "blank")),
        *({"dates": one} for one in ("date", "zoned")),
        {"applicant_lists": ["students"]},
        {"total_pages": False},
        *({"texts": one} for one in ("marked", "decomposed")),
        {"byte_order_mark": True},
        {"totals": "text"},
    ],
    ids=lambda levers: " ".join(f"{name}={value}" for name, value in levers.items()),
)
async def test_another_spelling_is_the_same_school(twin: IsamsTwin, isams: Maker, levers: Mapping[str, Any]) -> None:
    fewer(twin)
    before = await everybody(twin, isams)
    assert any(one.modules for one in before[0].values())
    assert any(one.modules for one in before[1].values())
    reload(twin, **levers)
    assert await everybody(twin, isams) == before


@pytest.mark.parametrize("word", ["Re-Admission", "readmission", "RE ADMISSION"])
async def test_a_status_is_found_by_its_letters(twin: IsamsTwin, isams: Maker, word: str) -> None:
    fewer(twin)
    reload(twin, system_status_words={1: "ReAdmission", 0: "Applicant", -1: "Former"})
    id = twin.dump()["students"][0]["schoolId"]
    twin.change(id, systemStatus=word)
    found, _, _ = await everybody(twin, isams)
    assert (found[id].system_status, found[id].system_status_word) == (1, word)


async def test_sets_of_which_none_has_a_known_subject_are_not_supplied(
    twin: IsamsTwin, isams: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    fewer(twin)
    twin.settings(set_subject="none")
    with caplog.at_level(logging.WARNING):
        found, _, structure = await everybody(twin, isams)
    assert {one.modules for one in found.values()} == {None}
    assert "modules" in structure.missing
    assert "no set has a subject" in caplog.text


@pytest.mark.parametrize("status", [400, 404])
async def test_a_server_without_the_richer_list_of_applicants_has_the_other(
    twin: IsamsTwin, isams: Maker, status: int
) -> None:
    twin.settings(applicant_lists=["applicants"], absent_applicants_status=status)
    source = isams()
    with pytest.raises(Absent):
        await source.page(APPLICANTS, 1)
    assert (await source.page(APPLICANTS_BRIEF, 1)).records


async def test_a_400_of_another_list_is_a_refusal(twin: IsamsTwin, isams: Maker) -> None:
    twin.fault({"kind": "status", "status": 400, "path": "/api/alumni"})
    with pytest.raises(Refused) as caught:
        await isams().page("leavers", 1)
    assert (type(caught.value), caught.value.status) == (Refused, 400)


async def test_a_refusal_may_come_with_status_200(twin: IsamsTwin, isams: Maker) -> None:
    """Fails when a message in place of the records is taken for an empty list, or for nobody."""
    id = twin.dump()["students"][0]["schoolId"]
    twin.settings(permissions=[], denied_status=200)
    source = isams()
    for question in (source.students(1), source.page("leavers", 1), source.student(id), source.houses()):
        with pytest.raises(Refused, match="give this client the permission") as caught:
            await question
        assert id not in str(caught.value)


async def test_a_403_of_what_stands_before_isams_is_no_missing_permission(twin: IsamsTwin, isams: Maker) -> None:
    source = isams()
    await source.students(1)
    twin.settings(behind_an_edge=True)
    with pytest.raises(Refused, match="let this machine's address in") as caught:
        await source.students(1)
    assert "permission" not in str(caught.value)


async def test_a_leaver_has_what_identifies_them(twin: IsamsTwin, isams: Maker) -> None:
    fewer(twin)
    twin.settings(alumni_identified=True)
    id, other = (one["schoolId"] for one in twin.dump()["students"][:2])
    twin.change(id, dob="2011-04-09T00:00:00", uniquePupilNumber="A1", personGuid="0d5f")
    twin.leave(id)
    twin.settings(alumni_identified=False)
    twin.leave(other)
    found, _, _ = await everybody(twin, isams)
    one = found[id]
    assert one.lists == ("leavers",)
    assert (one.date_of_birth, one.unique_pupil_number, one.person_guid) == ("2011-04-09", "A1", "0d5f")
    assert (found[other].date_of_birth, found[other].unique_pupil_number) == (None, None)


async def test_one_dirty_record_of_each_list_costs_that_record_alone(
    twin: IsamsTwin, isams: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    fewer(twin)
    school = twin.dump()
    before = await everybody(twin, isams)
    twin.replace(
        departments=[{"id": 77, "name": " "}, *school["departments"]],
        subjects=[{"id": 78, "name": None, "code": " "}, *school["subjects"]],
        houses=[{"id": 79, "name": "", "code": None}, *school["houses"]],
        terms=[{"id": 80, "name": "Odd", "schoolYear": "soon"}, *school["terms"]],
        yearGroups=[*school["yearGroups"], {"ncYear": None, "name": "Nobody"}],
        sets=[*school["sets"], {"id": None, "name": "odd"}],
    )
    twin.add({"schoolId": "3059999999", "forename": ["Una"]}, to="alumni")
    abbey = Abbey(isams(), settings(**EVERY_TIME, base_url=twin.base_url))  # type: ignore[arg-type]
    abbey.source.asked = []
    with caplog.at_level(logging.WARNING):
        said = await abbey.sweep()
    found = {id: one.student for id, one in students(said).items()}
    assert {id: found[id] for id in before[0]} == before[0]
    (structure,) = structures(said)
    assert structure == before[2]
    slips = completed(said).slips
    for words in (
        "/api/school/departments/teaching 77: code is missing",
        "/api/teaching/subjects 78: code is missing",
        "/api/school/houses 79: code is missing",
        "/api/school/terms 80: schoolYear is no whole number",
        "/api/school/yeargroups None: ncYear is missing",
        "/api/teaching/sets/None/setList: there is no such list",
        "leavers 3059999999: forename is no text",
    ):
        assert words in slips
    assert "/api/teaching/subjects 78: code is missing" in caplog.text
    areas = set(completed(said).certificate.areas)
    assert "forename is no text" in caplog.text
    assert "3059999999" not in caplog.text
    assert {"structure", "houses", "terms", "leavers"} <= areas
    assert "sets" not in areas, "somebody may have been in the set that cannot be read"


async def test_divisions_that_one_year_group_has_not_are_as_they_were(twin: IsamsTwin, isams: Maker) -> None:
    fewer(twin)
    abbey = Abbey(isams(), settings(**EVERY_TIME, base_url=twin.base_url))  # type: ignore[arg-type]
    abbey.source.asked = []
    (before,) = structures(await abbey.sweep())
    year = twin.dump()["yearGroups"][0]["ncYear"]
    twin.fault({"kind": "status", "status": 404, "path": f"/api/school/yeargroups/{year}/divisions"})
    said = await abbey.sweep(full=True)
    assert structures(said) == [before]
    assert completed(said).slips == (f"/api/school/yeargroups/{year}/divisions: there is no such list",)
    assert msgspec.json.encode(structures(said)[0]) == msgspec.json.encode(before)
