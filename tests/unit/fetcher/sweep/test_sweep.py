"""The course of a sweep: what it says, in which order, and what it remembers."""

import logging
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.source import Page, Refused
from services.fetcher.sweep.cache import Remembered
from shared.contract.codec import content_sum, digest, event_id, roll_hash
from shared.contract.events import RollRead
from shared.errors import Retryable
from shared.sweeps.writer import ROLL_CHUNK
from shared.work.lease import LeaseLost
from tests.unit.fetcher.world import (
    LANE,
    SLUG,
    Abbey,
    AbbeySource,
    Held,
    completed,
    event,
    failed,
    header,
    ids,
    kinds,
    record,
    settings,
    structures,
    students,
)

TEN = ids(10)


def abbey(*pupils: str, page_size: int = 100, **config: Any) -> Abbey:
    source = AbbeySource([record(id) for id in pupils], page_size)
    return Abbey(source, settings(**{"structure_hours": 0.0, "lists_hours": 0.0} | config))


async def read_once(*pupils: str, page_size: int = 100, **config: Any) -> Abbey:
    school = abbey(*pupils, page_size=page_size, **config)
    await school.sweep()
    assert school.failure == ""
    return school


def without(school: Abbey, *gone: str) -> None:
    school.source.pupils = [one for one in school.source.pupils if one["schoolId"] not in gone]


def change(school: Abbey, id: str, **fields: Any) -> None:
    school.source.pupils = [dict(one) | fields if one["schoolId"] == id else one for one in school.source.pupils]


class TestSaying:
    async def test_a_first_sweep_says_everything_in_order(self) -> None:
        school = abbey(*TEN[:3], page_size=2)
        said = await school.sweep()
        assert kinds(said) == [
            "SweepStarted",
            "StructureFetched",
            *["StudentFetched"] * 3,
            "RollRead",
            "SweepCompleted",
        ]
        assert completed(said).full

    async def test_a_quiet_sweep_costs_two_records(self) -> None:
        school = await read_once(*TEN)
        assert school.result is not None
        assert (school.result.sent, school.result.roll_count) == (10, 10)
        assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"]
        assert (school.result.sent, school.result.roll_count) == (0, 10)

    async def test_only_who_changed_is_sent(self) -> None:
        school = await read_once(*TEN)
        change(school, TEN[4], surname="Oak")
        said = await school.sweep()
        assert {id: one.student.last_name for id, one in students(said).items()} == {TEN[4]: "Oak"}
        assert kinds(said) == ["SweepStarted", "StudentFetched", "SweepCompleted"]

    async def test_every_record_has_the_schools_lane_and_its_own_key(self) -> None:
        said = await abbey(*TEN[:2]).sweep()
        assert {message.lane for message in said} == {LANE}
        assert {message.topic for message in said} == {"students-fetched"}
        assert [message.key for message in said if "Student" in type(event(message)).__name__] == [
            f"{SLUG}/{id}" for id in TEN[:2]
        ]
        assert {message.key for message in said if "Student" not in type(event(message)).__name__} == {SLUG}

    async def test_headers_tell_what_the_value_must_not(self) -> None:
        school = abbey(TEN[0])
        said = await school.sweep()
        assert school.result is not None
        (message,) = (one for one in said if "Student" in type(event(one)).__name__)
        assert message.value is not None
        expected = digest(message.value).hex()
        read_at = header(message, "read_at")
        assert header(message, "digest") == expected
        assert header(message, "sweep") == school.result.sweep
        assert header(message, "ce_subject") == message.key
        detail = f"{school.result.sweep}/{expected}/{read_at}"
        assert header(message, "ce_id") == event_id(SLUG, TEN[0], 0, "student_fetched", detail)
        assert {header(one, "sweep") for one in said} == {school.result.sweep}
        assert len({header(one, "ce_id") for one in said}) == len(said)

    async def test_a_page_is_as_old_as_its_question(self) -> None:
        school = abbey(*TEN[:4], page_size=2)
        asked_at: list[str] = []
        school.source.alter = lambda page: asked_at.append(school.clock.now.isoformat(timespec="milliseconds")) or page  # type: ignore[func-returns-value]
        said = await school.sweep()
        read_at = [str(header(one, "read_at"))[:-1] for one in said if "Student" in type(event(one)).__name__]
        assert read_at == [asked_at[1][:23], asked_at[1][:23], asked_at[2][:23], asked_at[2][:23]]

    async def test_the_certificate_covers_what_was_sent(self) -> None:
        school = abbey(*TEN, page_size=3)
        said = await school.sweep()
        proof = completed(said).certificate
        sent = {id: digest(msgspec.json.encode(one)).hex() for id, one in students(said).items()}
        assert (proof.roll_hash, proof.roll_count) == (roll_hash(TEN), 10)
        assert proof.content_sum == content_sum(sent)
        endpoint = proof.endpoints[0]
        assert (endpoint.path, endpoint.pages, endpoint.declared, endpoint.received) == ("/api/students", 4, 10, 10)
        (roll,) = (one for one in map(event, said) if isinstance(one, RollRead))
        assert roll.ids == tuple(TEN)

    async def test_a_quiet_certificate_covers_who_was_not_sent(self) -> None:
        school = await read_once(*TEN)
        first = completed(school.said).certificate
        second = completed(await school.sweep()).certificate
        assert second == first

    async def test_a_large_roll_comes_in_chunks(self) -> None:
        school = abbey(*ids(ROLL_CHUNK + 1), page_size=10_000)
        rolls = [one for one in map(event, await school.sweep()) if isinstance(one, RollRead)]
        assert [(one.chunk, one.chunks, len(one.ids)) for one in rolls] == [(0, 2, ROLL_CHUNK), (1, 2, 1)]
        assert [id for one in rolls for id in one.ids] == ids(ROLL_CHUNK + 1)

    async def test_the_roll_is_said_when_it_differs(self) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        assert kinds(await school.sweep()) == ["SweepStarted", "RollRead", "SweepCompleted"]
        assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"]

    async def test_who_returns_is_always_sent(self) -> None:
        school = await read_once(*TEN)
        everybody = school.source.pupils
        without(school, TEN[3])
        await school.sweep()
        school.source.pupils = everybody
        assert set(students(await school.sweep())) == {TEN[3]}

    async def test_who_returns_is_sent_although_the_digest_was_kept(self) -> None:
        """As after a memory that was put back to an older copy."""
        school = await read_once(*TEN)
        known = school.memory.schools[SLUG]
        assert TEN[3] in known.digests
        school.memory.schools[SLUG] = replace(known, roll=frozenset(TEN) - {TEN[3]})
        assert set(students(await school.sweep())) == {TEN[3]}


class TestFull:
    async def test_a_full_sweep_says_everything_anew(self) -> None:
        school = await read_once(*TEN)
        said = await school.sweep(full=True)
        assert kinds(said) == [
            "SweepStarted",
            "StructureFetched",
            *["StudentFetched"] * 10,
            "RollRead",
            "SweepCompleted",
        ]
        assert completed(said).full

    async def test_settings_that_decide_ask_for_one(self) -> None:
        school = await read_once(*TEN)
        school.config = settings(structure_hours=0.0, lists_hours=0.0, first_name="legal")
        assert completed(await school.sweep()).full
        assert not completed(await school.sweep()).full

    async def test_another_release_asks_for_one(self) -> None:
        school = await read_once(*TEN)
        school.release = "2"
        assert completed(await school.sweep()).full

    async def test_a_day_later_one_is_due_until_one_was_completed(self) -> None:
        school = await read_once(*TEN)
        school.clock.forward(hours=25)
        school.source.trouble[1] = Retryable("away")
        await school.sweep()
        assert school.failure == "unreachable"
        school.source.trouble.clear()
        assert completed(await school.sweep()).full
        assert not completed(await school.sweep()).full


def short_page(page: Page) -> Page:
    return replace(page, records=page.records[:-1])


def honest_short_page(page: Page) -> Page:
    return replace(page, records=page.records[:-1], count=len(page.records) - 1)


def one_twice(page: Page) -> Page:
    return replace(page, records=[*page.records[:-1], page.records[0]])


def more_on_page_2(page: Page) -> Page:
    return replace(page, declared=(page.declared or 0) + (page.number == 2))


def one_without_id(page: Page) -> Page:
    return replace(page, records=[*page.records[:-1], dict(page.records[-1]) | {"schoolId": None}])


SHORT = ["applicants", "applicants_brief", "leavers", "contacts"]
BEFORE = [1, "statuses", "houses", *SHORT, "structure", "terms", "sets"]  # before the pages, where every area is due


class TestFailing:
    @pytest.mark.parametrize(
        ("alter", "reason"),
        [
            pytest.param(short_page, "totals_disagree", id="a short page"),
            pytest.param(honest_short_page, "totals_disagree", id="a short page that says so"),
            pytest.param(one_twice, "id_twice", id="an id twice"),
            pytest.param(more_on_page_2, "totals_disagree", id="totals that change"),
            pytest.param(one_without_id, "id_missing", id="a record of nobody"),
        ],
    )
    async def test_each_reason_is_told_and_proves_nothing(self, alter: Any, reason: str) -> None:
        school = await read_once(*TEN, page_size=5)
        before = school.memory.load(SLUG)
        school.source.alter = alter
        said = await school.sweep()
        assert (school.failure, failed(said).reason) == (reason, reason)
        assert kinds(said)[0] == "SweepStarted"
        assert kinds(said)[-1] == "SweepFailed"
        assert "SweepCompleted" not in kinds(said)
        assert "RollRead" not in kinds(said)
        assert "accept-roll" not in failed(said).detail
        after = school.memory.load(SLUG)
        assert (after.roll, after.state.roll_hash) == (before.roll, before.state.roll_hash)

    async def test_a_missing_page_is_told(self) -> None:
        school = await read_once(*TEN, page_size=2)
        school.source.trouble[3] = Retryable("no answer")
        said = await school.sweep()
        assert (failed(said).reason, failed(said).detail) == ("page_missing", "page 3: no answer")
        assert failed(said).endpoints[0].received == 8

    async def test_after_a_missing_page_the_others_are_delivered(self) -> None:
        school = await read_once(*TEN, page_size=2)
        change(school, TEN[9], surname="Oak")
        school.source.trouble[3] = Retryable("no answer")
        assert set(students(await school.sweep())) == {TEN[9]}

    @pytest.mark.parametrize(
        ("trouble", "asked"),
        [
            pytest.param(
                {3: Retryable("x"), 4: Retryable("x")},
                [*BEFORE, 1, 2, 3, 4],
                id="two in a row",
            ),
            pytest.param(
                {2: Retryable("x"), 4: Retryable("x")},
                [*BEFORE, 1, 2, 3, 4, 5],
                id="two apart",
            ),
            pytest.param({3: Refused("no")}, [*BEFORE, 1, 2, 3], id="a refusal"),
            pytest.param({3: Retryable("x", retry_after=60)}, [*BEFORE, 1, 2, 3], id="asked for rest"),
        ],
    )
    async def test_a_sick_school_is_not_asked_on(self, trouble: dict[int, Exception], asked: list[Any]) -> None:
        school = await read_once(*TEN, page_size=2)
        school.source.trouble = dict(trouble)
        await school.sweep()
        assert school.failure == "page_missing"
        assert school.source.asked == asked
        first = next(iter(trouble.values()))
        assert school.result is not None
        assert school.result.failure is not None
        assert school.result.failure.retry_after == getattr(first, "retry_after", None)

    @pytest.mark.parametrize(
        ("trouble", "reason", "rest"),
        [
            pytest.param(Retryable("no answer", retry_after=7), "unreachable", 7, id="away"),
            pytest.param(Refused("tick Student Manager"), "refused", None, id="not allowed"),
        ],
    )
    async def test_a_school_that_does_not_answer_says_only_that(
        self, trouble: Exception, reason: str, rest: float | None
    ) -> None:
        school = await read_once(*TEN)
        school.source.trouble[1] = trouble
        said = await school.sweep()
        assert kinds(said) == ["SweepFailed"]
        assert (failed(said).reason, failed(said).detail) == (reason, str(trouble))
        assert school.result is not None
        assert school.result.failure is not None
        assert school.result.failure.retry_after == rest

    async def test_an_empty_list_opens_nothing(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = []
        assert kinds(await school.sweep()) == ["SweepFailed"]
        assert school.failure == "no_students"

    async def test_a_first_page_of_strangers_opens_nothing(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = [record(id) for id in [TEN[0], *ids(9, start=500)]]
        said = await school.sweep()
        assert kinds(said) == ["SweepFailed"]
        assert school.failure == "another_school"
        assert school.source.asked == [1]

    async def test_records_without_ids_open_nothing(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = [record(id, schoolId=None) for id in TEN]
        assert kinds(await school.sweep()) == ["SweepFailed"]
        assert school.failure == "id_missing"

    async def test_a_roll_of_strangers_behind_a_familiar_page_is_not_certified(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = [record(id) for id in TEN[:2] + ids(20, start=500)]
        school.source.page_size = 2
        said = await school.sweep()
        assert kinds(said)[0] == "SweepStarted"
        assert failed(said).reason == "another_school"
        assert "RollRead" not in kinds(said)

    async def test_joiners_of_a_failed_sweep_are_sent_and_sent_again(self) -> None:
        school = await read_once(*TEN)
        joiner = ids(1, start=77)[0]
        school.source.pupils.append(record(joiner))
        school.source.alter = honest_short_page
        school.source.pupils.append(record(ids(1, start=78)[0]))
        assert set(students(await school.sweep())) == {joiner}
        school.source.alter = lambda page: page
        assert joiner in students(await school.sweep())
        assert school.failure == ""


class TestAccepting:
    async def test_a_person_can_accept_a_strange_roll(self) -> None:
        school = await read_once(*TEN)
        strangers = ids(9, start=500)
        school.source.pupils = [record(id) for id in strangers]
        detail = failed(await school.sweep()).detail
        assert f"rollcall accept-roll {SLUG} {roll_hash(strangers)}" in detail
        school.memory.accept(SLUG, roll_hash(strangers))
        assert completed(await school.sweep()).certificate.roll_count == 9
        assert school.memory.load(SLUG).accepted == frozenset()

    async def test_a_roll_of_several_pages_is_read_whole_before_it_is_believed(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = [record(id) for id in ids(9, start=500)]
        school.source.page_size = 4
        await school.sweep()
        assert school.source.asked == [1, 2, 3]
        school.memory.accept(SLUG, roll_hash(ids(9, start=500)))
        assert kinds(await school.sweep())[-1] == "SweepCompleted"

    async def test_another_strange_roll_is_not_accepted_with_it(self) -> None:
        school = await read_once(*TEN)
        school.memory.accept(SLUG, roll_hash(ids(9, start=500)))
        school.source.pupils = [record(id) for id in ids(8, start=500)]
        assert kinds(await school.sweep()) == ["SweepFailed"]

    async def test_an_empty_roll_can_be_accepted_and_everybody_can_return(self) -> None:
        school = await read_once(*TEN)
        everybody, school.source.pupils = school.source.pupils, []
        school.memory.accept(SLUG, roll_hash([]))
        said = await school.sweep()
        assert completed(said).certificate.roll_count == 0
        assert [one.ids for one in map(event, said) if isinstance(one, RollRead)] == [()]
        school.source.pupils = everybody
        assert len(students(await school.sweep())) == 10
        assert school.failure == ""

    async def test_what_cannot_be_read_whole_is_not_accepted(self) -> None:
        school = await read_once(*TEN)
        school.source.pupils = [record(id) for id in ids(9, start=500)]
        school.source.page_size = 4
        school.source.trouble[2] = Retryable("away")
        said = await school.sweep()
        assert failed(said).reason == "another_school"
        assert "accept-roll" not in failed(said).detail


class TestMissing:
    async def test_who_slipped_between_two_pages_is_still_there(self) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = record(TEN[3])
        said = await school.sweep()
        assert completed(said).absences.found == (TEN[3],)
        assert completed(said).certificate.roll_hash == roll_hash(TEN)
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]

    async def test_who_slipped_and_changed_is_sent(self) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = record(TEN[3], surname="Oak")
        said = await school.sweep()
        assert set(students(said)) == {TEN[3]}
        sent = digest(msgspec.json.encode(students(said)[TEN[3]])).hex()
        assert school.memory.load(SLUG).digests[TEN[3]] == sent

    async def test_a_leaver_is_explained_and_told(self) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = record(TEN[3], systemStatus="Former", leavingDate="2026-11-20")
        said = await school.sweep()
        assert completed(said).absences.explained == (TEN[3],)
        assert students(said)[TEN[3]].student.system_status == -1
        assert completed(said).certificate.roll_hash == roll_hash([id for id in TEN if id != TEN[3]])
        assert TEN[3] not in school.memory.load(SLUG).digests

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(None, id="nobody has the id"),
            pytest.param(Retryable("away"), id="no answer"),
            pytest.param(Refused("no"), id="not allowed"),
            pytest.param(record("999"), id="somebody else's record"),
            pytest.param(record("999", schoolId=None), id="nobody's record"),
        ],
    )
    async def test_anything_else_is_unexplained(self, answer: Any) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = answer
        said = await school.sweep()
        absences = completed(said).absences
        assert (absences.found, absences.explained, absences.unexplained) == ((), (), (TEN[3],))
        assert students(said) == {}

    @pytest.mark.parametrize("status", ["Applicant", "BlankPupil"], ids=["moved to the applicants", "a word unknown"])
    async def test_who_is_there_and_has_not_left_is_in_the_roll(self, status: str) -> None:
        school = await read_once(*TEN)
        without(school, TEN[3])
        school.source.by_id[TEN[3]] = record(TEN[3], systemStatus=status)
        said = await school.sweep()
        assert completed(said).absences.found == (TEN[3],)
        assert set(students(said)) == {TEN[3]}

    async def test_fifty_are_asked_for_and_no_more(self) -> None:
        everybody = ids(100)
        school = await read_once(*everybody)
        without(school, *everybody[:51])
        school.source.by_id = {id: record(id, systemStatus="Former") for id in everybody}
        absences = completed(await school.sweep()).absences
        assert (len(absences.explained), len(absences.unexplained)) == (50, 1)

    async def test_a_school_that_fails_is_not_asked_fifty_times(self) -> None:
        school = await read_once(*TEN)
        without(school, *TEN[:5])
        school.source.by_id = dict.fromkeys(TEN, Retryable("away"))
        absences = completed(await school.sweep()).absences
        assert len(absences.unexplained) == 5
        assert sum(1 for one in school.source.asked if one in TEN) == 1

    async def test_nobody_is_asked_for_when_the_sweep_proves_nothing(self) -> None:
        school = await read_once(*TEN)
        without(school, *TEN[:5])
        school.source.alter = honest_short_page
        await school.sweep()
        assert not set(school.source.asked) & set(TEN)


class TestUnreadable:
    async def test_a_faulty_record_does_not_stop_the_certificate(self) -> None:
        school = await read_once(*TEN)
        change(school, TEN[3], surname=["Fern"])
        said = await school.sweep()
        assert school.failure == ""
        student = students(said)[TEN[3]].student
        assert [fault.pointer for fault in student.faults] == ["/surname"]
        assert (student.system_status, student.first_name, student.last_name) == (1, "Ada", None)
        assert completed(said).certificate.roll_count == 10
        assert completed(said).slips == (f"students {TEN[3]}: surname is no text",)

    async def test_it_is_told_once_while_it_stays_so(self) -> None:
        school = await read_once(*TEN)
        change(school, TEN[3], surname=["Fern"])
        await school.sweep()
        assert students(await school.sweep()) == {}


class TestLosing:
    @pytest.mark.parametrize("looks", range(7))
    async def test_nothing_is_said_without_the_lease(self, looks: int) -> None:
        """Started, structure, three pages, the roll, the close: seven looks at it."""
        school = abbey(*TEN[:6], page_size=2)
        with pytest.raises(LeaseLost):
            await school.sweep(lease=Held(looks))
        assert len(school.said) == [0, 1, 2, 4, 6, 8, 9][looks]
        assert "SweepCompleted" not in kinds(school.said)
        assert school.memory.load(SLUG).roll is None

    async def test_nor_that_it_failed(self) -> None:
        school = await read_once(*TEN)
        school.source.trouble[1] = Retryable("away")
        with pytest.raises(LeaseLost):
            await school.sweep(lease=Held(0))
        assert school.said == []

    async def test_with_the_lease_to_the_end_it_completes(self) -> None:
        school = abbey(*TEN[:6], page_size=2)
        assert "SweepCompleted" in kinds(await school.sweep(lease=Held(7)))

    async def test_what_was_not_acknowledged_is_not_remembered(self) -> None:
        school = await read_once(*TEN)
        change(school, TEN[0], surname="Oak")
        change(school, TEN[1], surname="Oak")
        school.out.fail_after = 1  # the log takes one of a batch of two, and says so of neither
        before = school.memory.load(SLUG)
        with pytest.raises(Retryable):
            await school.sweep()
        assert school.memory.load(SLUG).digests == before.digests
        assert set(students(await school.sweep())) == {TEN[0], TEN[1]}

    @pytest.mark.parametrize("lost", ["RollRead", "SweepCompleted"])
    async def test_an_unacknowledged_close_leaves_the_roll_as_it_was(
        self, lost: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        school = await read_once(*TEN)
        without(school, TEN[0])
        publish = school.out.publish

        def refusing(batch: Any) -> None:
            if lost in kinds(batch):
                raise Retryable("away")
            publish(batch)

        monkeypatch.setattr(school.out, "publish", refusing)
        with pytest.raises(Retryable):
            await school.sweep()
        assert lost not in kinds(school.said)
        assert "SweepCompleted" not in kinds(school.said)
        assert school.memory.load(SLUG).roll == frozenset(TEN)

    async def test_a_lost_memory_costs_work_and_hides_nothing(self) -> None:
        school = await read_once(*TEN)
        school.memory.schools[SLUG] = Remembered()
        said = await school.sweep()
        assert len(students(said)) == 10
        assert completed(said).full


class TestAreas:
    async def test_structure_and_sets_come_with_the_students(self) -> None:
        school = abbey(*TEN[:2])
        school.source.teach(TEN[0])
        said = await school.sweep()
        assert {id: one.student.modules for id, one in students(said).items()} == {TEN[0]: ("Y10-HIS",), TEN[1]: ()}
        assert {one.student.programmes for one in students(said).values()} == {("Y10",)}
        assert [one.code for one in structures(said)[0].structure.modules] == ["Y10-HIS"]
        assert "sets" in completed(said).certificate.areas

    async def test_a_change_of_set_is_a_change_of_student(self) -> None:
        school = abbey(*TEN)
        school.source.teach(*TEN)
        await school.sweep()
        school.source.teach(*TEN[1:])
        said = await school.sweep()
        assert {id: one.student.modules for id, one in students(said).items()} == {TEN[0]: ()}
        assert structures(said) == []

    async def test_a_change_of_structure_is_told(self) -> None:
        school = await read_once(*TEN)
        group = school.source.lists.year_groups[0]
        school.source.lists = msgspec.structs.replace(
            school.source.lists, year_groups=(msgspec.structs.replace(group, name="Fifth Form"),)
        )
        said = await school.sweep()
        assert kinds(said) == ["SweepStarted", "StructureFetched", "SweepCompleted"]
        assert structures(said)[0].structure.programmes[0].name == "Fifth Form"

    async def test_between_its_readings_an_area_goes_on_being_said(self) -> None:
        school = abbey(*TEN, structure_hours=6.0, lists_hours=6.0)
        school.source.teach(*TEN)
        await school.sweep()
        change(school, TEN[0], surname="Oak")
        said = await school.sweep()
        assert school.source.asked == [1]
        assert students(said)[TEN[0]].student.modules == ("Y10-HIS",)
        assert completed(said).certificate.areas == ("students",)
        school.clock.forward(hours=7)
        await school.sweep()
        assert school.source.asked == [*BEFORE, 1]

    @pytest.mark.parametrize("area", ["statuses", "structure", "sets"])
    @pytest.mark.parametrize("trouble", [Retryable("away"), Refused("tick a box")], ids=["away", "refused"])
    async def test_an_area_that_fails_degrades_itself_alone(self, area: str, trouble: Exception) -> None:
        school = abbey(*TEN)
        school.source.teach(*TEN)
        await school.sweep()
        school.source.trouble[area] = trouble
        said = await school.sweep()
        assert kinds(said) == ["SweepStarted", "SweepCompleted"]
        assert ("sets" in completed(said).certificate.areas) is (area != "sets")

    async def test_an_area_that_was_never_read_is_not_supplied(self) -> None:
        school = abbey(TEN[0])
        school.source.trouble = {"structure": Refused("no"), "sets": Refused("no"), "statuses": Refused("no")}
        said = await school.sweep()
        student = students(said)[TEN[0]].student
        assert (student.programmes, student.modules) == (None, None)
        assert student.system_status == 1  # by the configuration's own words
        assert structures(said) == []
        assert not {"sets", "structure", "statuses"} & set(completed(said).certificate.areas)

    async def test_sets_alone_prove_nothing_about_modules(self) -> None:
        school = abbey(TEN[0])
        school.source.trouble = {"structure": Refused("no")}
        assert "sets" not in completed(await school.sweep()).certificate.areas

    async def test_sets_that_were_read_in_vain_are_read_again(self) -> None:
        """What they took away waits for a certificate that names them; so they stay due until there is one."""
        school = abbey(*TEN, structure_hours=6.0, lists_hours=6.0)
        school.source.teach(*TEN)
        await school.sweep()
        school.clock.forward(hours=7)
        school.source.teach(*TEN[1:])
        school.source.alter = honest_short_page
        assert set(students(await school.sweep())) == {TEN[0]}
        school.source.alter = lambda page: page
        said = await school.sweep()
        assert "sets" in completed(said).certificate.areas
        assert completed(await school.sweep()).certificate.areas == ("students",)

    async def test_what_failed_sets_said_is_kept_for_the_next_sweep(self) -> None:
        school = abbey(*TEN)
        school.source.teach(*TEN)
        await school.sweep()
        school.source.teach(*TEN[1:])
        school.source.alter = honest_short_page
        await school.sweep()
        school.source.alter = lambda page: page
        school.source.trouble["sets"] = Retryable("away")
        assert students(await school.sweep()) == {}

    async def test_an_area_that_fails_rests_and_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        school = abbey(*TEN, structure_hours=6.0, lists_hours=6.0)
        school.source.teach(*TEN)
        await school.sweep()
        school.clock.forward(hours=7)
        school.source.trouble["sets"] = Refused("tick Teaching")
        with caplog.at_level(logging.INFO):
            await school.sweep()
            assert "sets" in school.source.asked
            await school.sweep()
            assert school.source.asked == [1]
            for _ in range(2):
                school.clock.forward(seconds=200)
                await school.sweep()
                assert school.source.asked == [1, "sets", 1]
            assert caplog.text.count("tick Teaching") == 1
            school.source.trouble.clear()
            school.clock.forward(seconds=600)
            assert "sets" in completed(await school.sweep()).certificate.areas
        assert caplog.text.count("sets readable again") == 1

    async def test_an_area_of_a_failed_sweep_rests_too(self) -> None:
        school = abbey(*TEN, structure_hours=6.0, lists_hours=6.0)
        await school.sweep()
        school.clock.forward(hours=7)
        school.source.trouble["sets"] = Refused("no")
        school.source.alter = honest_short_page
        await school.sweep()
        await school.sweep()
        assert "sets" not in school.source.asked

    async def test_a_structure_that_a_failed_sweep_told_is_not_told_again(self) -> None:
        school = await read_once(*TEN)
        school.source.teach(*TEN)
        school.source.alter = honest_short_page
        assert len(structures(await school.sweep())) == 1
        assert structures(await school.sweep()) == []

    async def test_a_structure_is_as_old_as_its_reading(self) -> None:
        school = abbey(*TEN, structure_hours=6.0, lists_hours=6.0)
        await school.sweep()
        kept = school.memory.load(SLUG).state.areas["sets"].read_at
        school.clock.forward(minutes=10)
        school.memory.schools[SLUG] = replace(
            school.memory.load(SLUG),
            state=msgspec.structs.replace(school.memory.load(SLUG).state, structure_digest=""),
        )
        said = await school.sweep()
        (told,) = (one for one in said if kinds([one]) == ["StructureFetched"])
        assert header(told, "read_at") == kept

    async def test_a_full_sweep_says_a_structure_that_could_not_be_read_again(self) -> None:
        school = await read_once(*TEN)
        school.source.trouble = {"structure": Refused("no"), "sets": Refused("no")}
        said = await school.sweep(full=True)
        assert [one.code for one in structures(said)[0].structure.programmes] == ["Y10"]
        assert {one.student.programmes for one in students(said).values()} == {("Y10",)}

    async def test_another_schools_structure_is_not_kept(self) -> None:
        school = await read_once(*TEN)
        before = dict(school.memory.load(SLUG).areas)
        school.source.pupils = [record(id) for id in ids(9, start=500)]
        school.source.lists = msgspec.structs.replace(school.source.lists, year_groups=())
        await school.sweep()
        assert school.memory.load(SLUG).areas == before

    async def test_the_schools_own_words_go_before_its_list(self) -> None:
        school = abbey(*TEN[:2], system_status_words={"Current": 1, "On leave": 1})
        school.source.statuses = [{"id": 5, "description": "On leave"}]
        change(school, TEN[0], systemStatus="on leave")
        change(school, TEN[1], systemStatus="Elsewhere")
        found = {id: one.student for id, one in students(await school.sweep()).items()}
        assert [(one.system_status, one.system_status_word) for one in found.values()] == [
            (1, "on leave"),
            (None, "Elsewhere"),
        ]
