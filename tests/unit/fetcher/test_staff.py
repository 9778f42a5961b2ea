"""The course of a sweep of staff: the same as the students', of one list, and nothing of it touches the other."""

from dataclasses import replace
from typing import Any

import pytest

from services.fetcher.isams.curriculum import Subject, TeachingLists
from services.fetcher.isams.source import APPLICANTS, EMPLOYEES, LEAVERS, Absent, Page, Refused
from services.fetcher.sweep.cache import LIKENESS
from shared.contract.codec import Message, content_sum, event_id, roll_hash
from shared.contract.events import RollRead, SweepStarted
from shared.errors import Retryable
from tests.unit.fetcher.world import (
    LANE,
    SLUG,
    Abbey,
    AbbeySource,
    alumnus,
    applicant,
    completed,
    employee,
    event,
    failed,
    header,
    ids,
    kinds,
    record,
    settings,
    staff,
    structures,
    students,
)

ADA, BEA = ids(2)
BOOK = f"{SLUG}+staff"
SAM, TEA, UMA = "214", "215", "216"


class Common(Abbey):
    """A school of two pupils and three members of staff; ``read`` sweeps the staff alone."""

    def __init__(self, **config: Any) -> None:
        source = AbbeySource([record(ADA), record(BEA)], page_size=2)
        source.short[EMPLOYEES] = [employee(int(id)) for id in (SAM, TEA, UMA)]
        super().__init__(source, settings(**{"structure_hours": 6.0, "lists_hours": 1.0} | config))

    async def read(self, *, full: bool = False) -> list[Message]:
        return await self.sweep(full=full, school=self.staff)

    @property
    def employees(self) -> list[dict[str, Any]]:
        found = self.source.short[EMPLOYEES]
        assert found is not None
        return found

    def change(self, id: str, **fields: Any) -> None:
        self.source.short[EMPLOYEES] = [one | fields if str(one["id"]) == id else one for one in self.employees]

    def without(self, id: str) -> None:
        self.source.short[EMPLOYEES] = [one for one in self.employees if str(one["id"]) != id]


@pytest.fixture
def school() -> Common:
    return Common()


async def test_a_first_sweep_says_everything_in_order_and_of_staff(school: Common) -> None:
    said = await school.read()
    assert kinds(said) == ["SweepStarted", *["StaffFetched"] * 3, "RollRead", "SweepCompleted"]
    assert {getattr(event(one), "kind", "staff") for one in said} == {"staff"}
    assert {event(one).school for one in said} == {SLUG}  # type: ignore[attr-defined]
    assert completed(said).certificate.endpoints[0].path == "/api/employees"


async def test_every_record_has_the_schools_lane_and_a_key_of_the_staffs_book(school: Common) -> None:
    said = await school.read()
    assert {(one.lane, one.topic) for one in said} == {(LANE, "students-fetched")}
    people = [one for one in said if header(one, "ce_type") == "rollcall.staff_fetched.v1"]
    assert [one.key for one in people] == [f"{BOOK}/{id}" for id in (SAM, TEA, UMA)]
    assert {one.key for one in said} - {one.key for one in people} == {BOOK}
    assert {header(one, "ce_subject") == one.key for one in said} == {True}
    detail = f"{header(people[0], 'sweep')}/{header(people[0], 'digest')}/{header(people[0], 'read_at')}"
    assert header(people[0], "ce_id") == event_id(BOOK, SAM, 0, "staff_fetched", detail)


async def test_the_certificate_covers_the_staff_alone(school: Common) -> None:
    await school.sweep()
    said = await school.read()
    digests = {one.key.split("/")[1]: str(header(one, "digest")) for one in said if header(one, "digest")}
    proof = completed(said).certificate
    assert (proof.roll_count, proof.roll_hash) == (3, roll_hash([SAM, TEA, UMA]))
    assert proof.content_sum == content_sum(digests)
    assert proof.areas == ("staff",)


async def test_a_quiet_sweep_costs_two_records_and_asks_for_the_list_alone(school: Common) -> None:
    await school.read()
    assert kinds(await school.read()) == ["SweepStarted", "SweepCompleted"]
    assert {one.split()[0] for one in school.source.asked} == {EMPLOYEES}


async def test_who_changed_is_sent_and_nobody_else(school: Common) -> None:
    await school.read()
    school.change(TEA, surname="Moss")
    said = await school.read()
    assert {id: one.student.last_name for id, one in staff(said).items()} == {TEA: "Moss"}


async def test_students_and_staff_remember_apart(school: Common) -> None:
    """Fails when one memory serves both: the second book would find another school's roll in the first one's."""
    await school.sweep()
    await school.read()
    assert school.memory.load(SLUG).roll == {ADA, BEA}
    assert school.memory.load(BOOK).roll == {SAM, TEA, UMA}
    assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"]
    assert kinds(await school.read()) == ["SweepStarted", "SweepCompleted"]


async def test_applicants_leavers_and_the_structure_are_the_students_own(school: Common) -> None:
    school.source.short |= {APPLICANTS: [applicant(ids(3)[2])], LEAVERS: [alumnus(ids(4)[3])]}
    await school.sweep()
    said = await school.read()
    assert not students(said)
    assert not structures(said)
    assert set(school.memory.load(BOOK).areas) <= {LIKENESS}


class TestFailing:
    @pytest.mark.parametrize(
        ("lever", "reason"),
        [
            pytest.param({"trouble": {EMPLOYEES: Refused("403")}}, "refused", id="403"),
            pytest.param({"trouble": {EMPLOYEES: Absent("404")}}, "refused", id="no such list"),
            pytest.param({"trouble": {EMPLOYEES: Retryable("500")}}, "unreachable", id="500"),
            pytest.param({"trouble": {f"{EMPLOYEES} 2": Retryable("500")}}, "page_missing", id="500 in the middle"),
            pytest.param({"total": 4}, "totals_disagree", id="a wrong total"),
            pytest.param({"short": 1}, "totals_disagree", id="a short page"),
            pytest.param({"list": [employee(214), employee(215), employee(214)]}, "id_twice", id="an id twice"),
            pytest.param({"list": []}, "no_staff", id="nobody"),
            pytest.param({"list": [employee(n) for n in range(900, 910)]}, "another_school", id="another school's"),
            pytest.param({"list": [{"forename": "Sam"}]}, "id_missing", id="no ids"),
        ],
    )
    async def test_a_list_that_is_wrong_fails_the_staff_alone(
        self, school: Common, lever: dict[str, Any], reason: str
    ) -> None:
        await school.sweep()
        await school.read()
        school.source.trouble |= lever.get("trouble", {})
        school.source.short[EMPLOYEES] = lever.get("list", school.employees)

        def alter(name: str, page: Page) -> Page:
            if name != EMPLOYEES or not {"total", "short"} & lever.keys():
                return page
            return replace(
                page, declared=lever.get("total", page.declared), records=page.records[lever.get("short", 0) :]
            )

        school.source.alter_short = alter
        said = await school.read()
        assert (failed(said).reason, failed(said).kind) == (reason, "staff")
        assert said[-1].key == BOOK
        assert school.memory.load(BOOK).roll == {SAM, TEA, UMA}
        assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"]

    async def test_the_students_fail_alone_too(self, school: Common) -> None:
        school.source.trouble[1] = Refused("403")
        assert failed(await school.sweep()).kind == "student"
        assert completed(await school.read()).certificate.roll_count == 3

    @pytest.mark.parametrize("strangers", [[], [employee(n) for n in range(900, 910)]], ids=["nobody", "strangers"])
    async def test_a_person_can_accept_such_a_list_for_the_staff(
        self, school: Common, strangers: list[dict[str, Any]]
    ) -> None:
        await school.read()
        school.source.short[EMPLOYEES] = strangers
        roll = roll_hash([str(one["id"]) for one in strangers])
        assert f"rollcall accept-roll {SLUG} {roll} --staff" in failed(await school.read()).detail
        school.memory.accept(SLUG, roll)
        assert failed(await school.read())
        school.memory.accept(BOOK, roll)
        assert completed(await school.read()).certificate.roll_count == len(strangers)

    async def test_one_record_that_cannot_be_read_fails_nothing(self, school: Common) -> None:
        school.change(TEA, forename=["Tea"])
        said = await school.read()
        assert completed(said).certificate.roll_count == 3
        assert [one.pointer for one in staff(said)[TEA].student.faults] == ["/forename"]
        assert staff(said)[TEA].student.lists == ("staff",)


class TestMissing:
    @pytest.mark.parametrize(
        ("answer", "cause"),
        [
            pytest.param(employee(214), "found", id="still there"),
            pytest.param(employee(214, leavingDate="2026-11-23T00:00:00"), "found", id="leaves today"),
            pytest.param(employee(214, leavingDate="2026-11-22T00:00:00"), "explained", id="left yesterday"),
            pytest.param(employee(214, leavingDate="1900-01-01T00:00:00"), "found", id="a date that nobody has"),
            pytest.param(employee(214, systemStatus=-1), "explained", id="status left"),
            pytest.param(None, "unexplained", id="404"),
            pytest.param(employee(215), "unexplained", id="somebody else's record"),
            pytest.param(Refused("403"), "unexplained", id="403"),
            pytest.param(Retryable("500"), "unexplained", id="no answer"),
        ],
    )
    async def test_who_is_missing_is_asked_for_by_id(self, school: Common, answer: Any, cause: str) -> None:
        await school.read()
        school.without(SAM)
        school.source.by_id[f"employee {SAM}"] = answer
        said = await school.read()
        absences = completed(said).absences
        named = {"found": absences.found, "explained": absences.explained, "unexplained": absences.unexplained}
        assert named == {"found": (), "explained": (), "unexplained": ()} | {cause: (SAM,)}
        assert (SAM in (school.memory.load(BOOK).roll or ())) is (cause == "found")
        if cause != "found":
            assert (SAM in staff(said)) is (cause == "explained")

    async def test_who_has_left_and_is_still_listed_stays_in_the_roll(self, school: Common) -> None:
        """That they have left is eligibility's to say, of a record that is there."""
        await school.read()
        school.change(SAM, leavingDate="2026-11-20T00:00:00")
        said = await school.read()
        assert staff(said)[SAM].student.leaving_date == "2026-11-20"
        assert completed(said).certificate.roll_count == 3


class TestFull:
    async def test_the_rules_of_a_full_sweep_are_the_same(self, school: Common) -> None:
        assert completed(await school.read()).full
        assert not completed(await school.read()).full
        assert len(staff(await school.read(full=True))) == 3
        school.clock.forward(hours=25)
        assert completed(await school.read()).full
        school.config = school.config.model_copy(update={"first_name": "legal"})
        assert completed(await school.read()).full
        assert len([one for one in map(event, school.said) if isinstance(one, RollRead)]) == 1

    async def test_pages_are_read_as_they_come(self, school: Common) -> None:
        said = await school.read()
        assert school.source.asked == [EMPLOYEES, f"{EMPLOYEES} 1", EMPLOYEES, f"{EMPLOYEES} 2"]
        (started,) = (one for one in map(event, said) if isinstance(one, SweepStarted))
        assert (started.kind, started.full) == ("staff", True)


class TestWhereTheyBelong:
    async def test_what_was_never_read_is_not_supplied(self, school: Common) -> None:
        one = staff(await school.read())[SAM].student
        assert (one.faculties, one.departments, one.programmes, one.modules) == (None,) * 4

    async def test_who_teaches_is_where_their_sets_are(self, school: Common) -> None:
        school.source.teach(ADA, by=(SAM,))
        await school.sweep()
        said = await school.read()
        sam, tea = staff(said)[SAM].student, staff(said)[TEA].student
        assert (sam.departments, sam.programmes, sam.modules) == (("SEN-YEARS",), ("Y10",), ("Y10-HIS",))
        assert (tea.departments, tea.programmes, tea.modules) == ((), (), ())
        assert completed(said).certificate.areas == ("sets", "staff")

    async def test_sets_that_name_no_teacher_say_nothing(self, school: Common) -> None:
        """Fails when a field that the vendor withholds reads as if nobody taught anything."""
        school.source.teach(ADA, by=(SAM,))
        await school.sweep()
        await school.read()
        school.source.teach(ADA)
        await school.sweep(full=True)
        said = await school.read()
        assert {one.student.modules for one in staff(said).values()} == {None}
        assert completed(said).certificate.areas == ("staff",)

    @pytest.mark.parametrize("why", ["trouble", "repeated", "nobody in a set", "students failed"])
    async def test_sets_that_prove_nothing_are_in_no_certificate(self, school: Common, why: str) -> None:
        school.source.teach(ADA, by=(SAM,))
        await school.sweep()
        assert "sets" in completed(await school.read()).certificate.areas
        if why == "trouble":
            school.source.trouble["sets"] = Refused("403")
        if why == "repeated":
            school.source.teaching = TeachingLists(
                subjects=(Subject(id=7, code="HIS", name="History"),), sets=school.source.teaching.sets, repeated=1
            )
        if why == "nobody in a set":
            school.source.teach(by=(SAM,))
        if why == "students failed":
            school.source.trouble[2] = Retryable("500")
            school.source.pupils += [record(id) for id in ids(2, start=2)]
        await school.sweep(full=True)
        said = await school.read()
        assert completed(said).certificate.areas == ("staff",)
        school.source.trouble.clear()
        school.source.teach(ADA, by=(SAM,))
        await school.sweep()
        await school.sweep(full=True)
        assert "sets" in completed(await school.read()).certificate.areas

    async def test_a_sweep_that_is_cut_off_leaves_no_sets_that_seem_certified(
        self, school: Common, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fails when what areas said is kept before it is known when that was."""
        school.source.teach(ADA, by=(SAM,))
        await school.sweep()
        school.source.teach(ADA, by=(TEA,))

        async def gone(*_: object) -> None:
            raise Retryable("the log is away")

        with monkeypatch.context() as patch:
            patch.setattr("services.fetcher.sweep.sweep._Sweep._take", gone)
            with pytest.raises(Retryable):
                await school.sweep(full=True)
        said = await school.read()
        assert staff(said)[TEA].student.modules == ("Y10-HIS",)
        assert completed(said).certificate.areas == ("staff",)

    @pytest.mark.parametrize(
        ("divisions", "faculties"),
        [
            pytest.param(None, None, id="nothing said"),
            pytest.param([], (), id="none"),
            pytest.param([1], ("SEN",), id="an id"),
            pytest.param(["sen"], ("SEN",), id="a code"),
            pytest.param([" Senior School"], ("SEN",), id="a name"),
            pytest.param([{"id": 1, "name": "Whatever"}], ("SEN",), id="an object"),
            pytest.param(["Senior School", "Boarding"], ("SEN",), id="one that has no year group"),
            pytest.param(["Boarding"], None, id="none that is known"),
            pytest.param([["Senior School"]], None, id="no words at all"),
            pytest.param("Senior School", None, id="no list"),
        ],
    )
    async def test_a_division_is_a_faculty(
        self, school: Common, divisions: object, faculties: tuple[str, ...] | None
    ) -> None:
        await school.sweep()
        school.change(SAM, divisions=divisions)
        assert staff(await school.read())[SAM].student.faculties == faculties
