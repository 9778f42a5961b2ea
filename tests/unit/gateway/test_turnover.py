"""In what a pushed list looks cut, and what the sender and the operator are told of it."""

import logging

import pytest

from services.gateway.register import Known
from services.gateway.turnover import END_OF_THE_LAST_BODY, LENGTH_OF_A_PAGE, suspicions_of
from shared.contract.events import SweepCompleted
from tests.unit.gateway.world import World, a_body, a_pupil, only, pupils, teachers

BEFORE = {f"p{n}": Known() for n in range(1150)}
KEYS = list(BEFORE)


@pytest.mark.parametrize(
    ("count", "missing", "suspicions"),
    [
        pytest.param(1150, [], (), id="nobody is missing"),
        pytest.param(500, [], (), id="a page's length, and nobody is missing"),
        pytest.param(1000, KEYS[1000:], (LENGTH_OF_A_PAGE, END_OF_THE_LAST_BODY), id="a page, and the end is gone"),
        pytest.param(1001, KEYS[1001:], (END_OF_THE_LAST_BODY,), id="the end is gone"),
        pytest.param(1000, KEYS[:150], (LENGTH_OF_A_PAGE,), id="a page, and others are gone"),
        pytest.param(1149, KEYS[-1:], (), id="the last one alone"),
        pytest.param(1148, KEYS[-2:], (END_OF_THE_LAST_BODY,), id="the last two"),
        pytest.param(1148, [KEYS[0], KEYS[-1]], (), id="the first and the last"),
        pytest.param(100, KEYS[:1], (LENGTH_OF_A_PAGE,), id="100"),
        pytest.param(250, KEYS[:1], (LENGTH_OF_A_PAGE,), id="250"),
        pytest.param(1500, KEYS[:1], (LENGTH_OF_A_PAGE,), id="three pages of 500"),
        pytest.param(300, KEYS[:1], (), id="300 is no page"),
        pytest.param(0, KEYS, (END_OF_THE_LAST_BODY,), id="nobody at all"),
    ],
)
def test_each_suspicious_shape_has_its_word(count: int, missing: list[str], suspicions: tuple[str, ...]) -> None:
    assert suspicions_of(count, missing, BEFORE) == suspicions


async def test_a_cut_list_is_named_to_the_sender_and_to_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    await world.accepted(a_body(pupils(120), staff=teachers(3)))
    world.take()
    with caplog.at_level(logging.WARNING, logger="rollcall.gateway"):
        answer = await world.accepted(a_body(pupils(100)))
    told = [note["message"] for note in answer["notes"] if note["pointer"] == "/students"]
    assert told == [
        "has exactly 100 entries, as many as a page of an export often has, and lacks 20 of the last body: "
        "was the list cut?",
        "lacks 20 of the last body, and all of them stood at its end: was the list cut?",
    ]
    absences = only(world.take(), SweepCompleted).absences
    assert (absences.suspicions, absences.by_cause) == ((LENGTH_OF_A_PAGE, END_OF_THE_LAST_BODY), {"not_in_body": 20})
    assert [record.getMessage().partition("the list of ")[2] for record in caplog.records] == [
        f"students {words}" for words in told
    ]
    again = await world.client.get(answer["status_url"])
    assert again.json()["notes"] == answer["notes"]


async def test_the_order_of_the_last_body_is_what_it_was_in_that_body() -> None:
    world = World()
    people = pupils(30)
    await world.accepted(a_body(people))
    await world.accepted(a_body([*people[10:], *people[:10]]))
    world.take()
    await world.accepted(a_body(people[10:]))
    assert only(world.take(), SweepCompleted).absences.suspicions == (END_OF_THE_LAST_BODY,)


async def test_an_answer_counts_who_is_new_and_who_has_a_new_address() -> None:
    world = World()
    first = await world.accepted(a_body(pupils(30)))
    second = await world.accepted(
        a_body([*pupils(28), a_pupil(28, email="married@northern.example"), a_pupil(40), a_pupil(41)])
    )
    names = ("new", "new_emails", "left")
    assert [first["counts"][name] for name in names] == [30, 0, 0]
    assert [second["counts"][name] for name in names] == [2, 1, 1]
    third = await world.accepted(a_body(pupils(30)))
    assert [third["counts"][name] for name in names] == [0, 1, 2], "who comes back is not new"
