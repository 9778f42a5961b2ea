"""Another school whose ids count alike is told by its people; an ordinary change makes nobody another."""

from collections.abc import Callable
from typing import Any

import pytest

from services.fetcher.isams.field_names import STUDENTS
from services.fetcher.isams.source import EMPLOYEES
from services.fetcher.sweep.cache import LIKENESS
from services.fetcher.sweep.likeness import SAMPLE, doubt, is_sampled, marks_of
from shared.contract.codec import roll_hash
from tests.unit.fetcher.world import SLUG, Abbey, AbbeySource, completed, employee, failed, ids, kinds, record, students

MANY = ids(40)


def pupil(id: str, **fields: Any) -> dict[str, Any]:
    """Somebody of their own: names, birth date and numbers."""
    n = int(id) % 1000
    own = {"forename": f"Ada{n}", "surname": f"Fern{n}", "dob": f"2011-04-{n % 27 + 1:02}T00:00:00"}
    return record(id, **own | {"uniquePupilNumber": f"U{n}", "personGuid": f"g-{n}"} | fields)


def stranger(one: dict[str, Any]) -> dict[str, Any]:
    n = int(one["schoolId"]) % 1000
    other = {"forename": f"Omar{n}", "surname": f"Vale{n}", "dob": f"2014-09-{n % 27 + 1:02}T00:00:00"}
    other |= {"uniquePupilNumber": f"V{n}", "personGuid": f"h-{n}", "schoolEmailAddress": f"{n}@birch.example"}
    return one | other


async def a_school(page_size: int = 100) -> Abbey:
    school = Abbey(AbbeySource([pupil(id) for id in MANY], page_size))
    await school.sweep()
    assert school.failure == ""
    return school


def becomes(school: Abbey, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    school.source.pupils = [change(one) for one in school.source.pupils]


@pytest.mark.parametrize("page_size", [100, 7])
async def test_another_school_whose_ids_count_alike_opens_nothing(page_size: int) -> None:
    school = await a_school(page_size)
    becomes(school, stranger)
    said = await school.sweep()
    assert kinds(said) == ["SweepFailed"]
    assert failed(said).reason == "another_school"
    assert f"rollcall accept-roll {SLUG} {roll_hash(MANY)}" in failed(said).detail


async def test_a_person_can_say_that_it_is_right() -> None:
    school = await a_school()
    becomes(school, stranger)
    await school.sweep()
    school.memory.accept(SLUG, roll_hash(MANY))
    said = await school.sweep()
    assert kinds(said)[-1] == "SweepCompleted"
    assert len(students(said)) == 40
    assert kinds(await school.sweep()) == ["SweepStarted", "SweepCompleted"], "these are its people now"


async def test_strangers_behind_a_first_page_of_our_own_prove_nothing() -> None:
    school = await a_school(page_size=5)
    own, others = school.source.pupils[:5], school.source.pupils[5:]
    school.source.pupils = [*own, *map(stranger, others)]
    said = await school.sweep()
    assert kinds(said) == ["SweepStarted", "SweepFailed"], "nor are they sent"
    assert failed(said).reason == "another_school"
    assert f"rollcall accept-roll {SLUG} {roll_hash(MANY)}" in failed(said).detail
    school.memory.accept(SLUG, roll_hash(MANY))
    assert len(students(await school.sweep())) == 35


async def test_one_page_of_strangers_among_many_of_our_own_is_not_delivered() -> None:
    school = await a_school(page_size=5)
    own, others = school.source.pupils[:35], school.source.pupils[35:]
    school.source.pupils = [*own, *map(stranger, others)]
    said = await school.sweep()
    assert kinds(said) == ["SweepStarted", "SweepFailed"]
    assert failed(said).detail.startswith("only 0 of 5 ")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: one | {"mobileNumber": "020 7946 0000"}, id="one phone for all"),
        pytest.param(lambda one: one | {"schoolEmailAddress": f"{one['schoolId']}@new.example"}, id="a new domain"),
        pytest.param(lambda one: one | {"yearGroup": 11, "formGroup": "11A"}, id="a year later"),
        pytest.param(lambda one: one | {"surname": one["surname"].upper()}, id="names in capitals"),
        pytest.param(lambda one: one | {"surname": "Test", "forename": "Test"}, id="one name for all"),
        pytest.param(
            lambda one: one | {"dob": None, "uniquePupilNumber": None, "personGuid": None}, id="columns nulled"
        ),
        pytest.param(lambda one: one | {"dob": one["dob"][:10]}, id="dates without their hours"),
        pytest.param(
            lambda one: one | {"forename": None, "surname": None, "dob": None, "personGuid": None}, id="names nulled"
        ),
    ],
)
async def test_what_may_happen_to_a_whole_school_is_no_other_school(change: Any) -> None:
    school = await a_school()
    becomes(school, change)
    assert kinds(await school.sweep())[-1] == "SweepCompleted"


async def test_a_lost_memory_doubts_nobody() -> None:
    school = await a_school()
    school.memory.keep_areas(SLUG, {LIKENESS: b"what an older release kept"})
    becomes(school, stranger)
    assert kinds(await school.sweep())[-1] == "SweepCompleted"


async def test_the_staff_are_known_by_what_they_are_too() -> None:
    school = await a_school()
    school.source.short[EMPLOYEES] = [employee(n, forename=f"Sam{n}", surname=f"Oak{n}") for n in range(200, 210)]
    await school.sweep(school=school.staff)
    assert completed(school.said).certificate.roll_count == 10
    school.source.short[EMPLOYEES] = [employee(n, forename=f"Tom{n}", surname=f"Elm{n}") for n in range(200, 210)]
    assert failed(await school.sweep(school=school.staff)).reason == "another_school"


@pytest.mark.parametrize(
    ("alike", "others", "is_doubted"),
    [(2, 8, False), (1, 8, True), (1, 4, False), (0, 3, True), (0, 2, False), (0, 0, False), (1, 5, True)],
)
def test_a_fifth_must_be_who_they_were(alike: int, others: int, is_doubted: bool) -> None:
    then = {str(n): "a.b.c.d.e" for n in range(alike + others)}
    now = {str(n): "a.x.x.x.x" if n < alike else "x.x.x.x.x" for n in range(alike + others)}
    assert (doubt(now, then) is not None) is is_doubted
    assert (doubt(now | {"new": "x.x.x.x.x"}, then | {"gone": "a.b.c.d.e"}) is not None) is is_doubted


def test_of_whom_nothing_can_be_compared_nothing_is_said() -> None:
    then = {str(n): "a.b..." for n in range(10)}
    assert doubt({str(n): "..c.d.e" for n in range(10)}, then) is None


def test_marks_say_nothing_of_anybody_and_nothing_of_two_is_alike() -> None:
    ada, bea = (marks_of(id, pupil(MANY[0]), STUDENTS) for id in MANY[:2])
    assert "Ada" not in ada
    assert not set(ada.split(".")) & set(bea.split("."))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"surname": "Nu\u0301n\u0303ez"}, {"surname": "N\u00fa\u00f1ez"}),
        ({"surname": "O'Brien"}, {"surname": "O’Brien"}),
        ({"surname": "Price Jones"}, {"surname": "Price-Jones"}),
    ],
)
def test_a_spelling_is_no_other_name(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert marks_of("1", one, STUDENTS) == marks_of("1", other, STUDENTS)


def test_of_a_large_school_a_sample_is_kept_and_always_the_same() -> None:
    everybody = ids(5 * SAMPLE)
    kept = {id for id in everybody if is_sampled(id, len(everybody))}
    assert SAMPLE * 0.8 < len(kept) < SAMPLE * 1.2
    assert kept == {id for id in everybody if is_sampled(id, len(everybody) + 1)}
    assert all(is_sampled(id, 2 * SAMPLE - 1) for id in everybody)
