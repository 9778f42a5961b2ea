"""What opens and closes a sweep, whoever reads the people."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from services.fetcher.sweep.absence_lookup import FOUND, LEFT_BY_ID, NOBODY, NOT_ASKED, AbsenceTally, LookupResult
from services.gateway import delivery
from services.gateway.turnover import Turnover
from shared.completeness import COLUMNS
from shared.contract.codec import Message, decoder
from shared.contract.events import Absences, EndpointRead, RollRead, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Kind
from shared.contract.topics import STUDENTS_FETCHED
from shared.sweeps.certificate import certify
from shared.sweeps.writer import MOST_NAMED, ROLL_CHUNK, SweepWriter, absences_of

STARTED_AT, CLOSED_AT = "2026-09-01T08:00:00.000Z", "2026-09-01T08:00:05.000Z"
LIST = EndpointRead(path="/list", pages=1, declared=1, received=1)


def writer(kind: Kind = "student", *, full: bool = True) -> SweepWriter:
    return SweepWriter(school="abbey", lane=3, kind=kind, sweep="s1", started_at=STARTED_AT, full=full)


def ids(count: int) -> list[str]:
    return [f"{number:06}" for number in range(count)]


def closing(kind: Kind = "student") -> list[Message]:
    one, proof = writer(kind), certify([LIST], {"1": "aa" * 16}, ["students"])
    return [
        one.started(),
        *one.roll(["1"], CLOSED_AT),
        one.completed(CLOSED_AT, proof, Absences(), Counter(email=1), ["slip"]),
        one.failed(CLOSED_AT, "page_missing", "page 2", [LIST]),
    ]


@pytest.mark.parametrize(("kind", "key"), [("student", "abbey"), ("staff", "abbey+staff")])
def test_all_of_a_sweep_has_its_key_its_lane_and_its_name(kind: Kind, key: str) -> None:
    for message in closing(kind):
        assert (message.topic, message.lane, message.key) == (STUDENTS_FETCHED, 3, key)
        assert dict(message.headers)["sweep"] == b"s1"
        assert dict(message.headers).get("digest") is None


def test_what_a_close_says() -> None:
    started, roll, completed, failed = (message.value or b"" for message in closing("staff"))
    assert decoder(SweepStarted).decode(started) == SweepStarted(
        school="abbey", kind="staff", sweep="s1", started_at=STARTED_AT, full=True
    )
    assert decoder(RollRead).decode(roll).ids == ("1",)
    close = decoder(SweepCompleted).decode(completed)
    assert (close.started_at, close.completed_at, close.full, close.slips) == (STARTED_AT, CLOSED_AT, True, ("slip",))
    assert list(close.fill) == list(COLUMNS)
    assert decoder(SweepFailed).decode(failed) == SweepFailed(
        school="abbey",
        kind="staff",
        sweep="s1",
        started_at=STARTED_AT,
        failed_at=CLOSED_AT,
        reason="page_missing",
        detail="page 2",
        endpoints=(LIST,),
    )


def test_a_sweep_said_twice_is_the_same_bytes_under_the_same_ids() -> None:
    assert closing() == closing()
    assert len({dict(message.headers).get("ce_id") for message in closing()}) == 4


@pytest.mark.parametrize(
    ("count", "chunks"),
    [
        pytest.param(0, [0], id="an empty roll is one empty chunk"),
        pytest.param(ROLL_CHUNK, [ROLL_CHUNK], id="as many as one has"),
        pytest.param(ROLL_CHUNK + 1, [ROLL_CHUNK, 1], id="one more"),
    ],
)
def test_a_roll_goes_in_sorted_chunks(count: int, chunks: list[int]) -> None:
    parts = [decoder(RollRead).decode(one.value or b"") for one in writer().roll(reversed(ids(count)), CLOSED_AT)]
    assert [len(part.ids) for part in parts] == chunks
    assert [(part.chunk, part.chunks) for part in parts] == [(number, len(chunks)) for number in range(len(chunks))]
    assert [id for part in parts for id in part.ids] == ids(count)


def test_everybody_missing_stands_under_what_was_learnt_of_them() -> None:
    told = absences_of(
        {"found": ["1"], "left": ["3", "2"], "nobody": ["5"], "asked": ["4"], "none": []},
        found="found",
        explained=["left"],
        suspicions=["cut"],
    )
    assert told == Absences(
        found=("1",),
        explained=("2", "3"),
        unexplained=("4", "5"),
        by_cause={"asked": 1, "found": 1, "left": 2, "nobody": 1},
        suspicions=("cut",),
    )


def of_fetcher(missing: Sequence[str]) -> Absences:
    tally = AbsenceTally()
    for id in missing:
        tally.note(LookupResult(id, NOT_ASKED))
    return tally.absences


def of_gateway(missing: Sequence[str], *, has_left: bool = False) -> Absences:
    turnover = Turnover(tuple(missing), is_complete=True, new=0, readdressed=0, suspicions=())
    return delivery.absences(turnover, has_left=has_left)


@pytest.mark.parametrize("told", [of_fetcher, of_gateway])
@pytest.mark.parametrize("more", [0, 1])
def test_more_absentees_than_a_record_takes_are_named_as_far_as_it_goes(
    told: Callable[[Sequence[str]], Absences], more: int
) -> None:
    """Whoever reads the people: nobody is missing in silence, and the count is of all."""
    absences = told(list(reversed(ids(MOST_NAMED + more))))
    assert absences.unexplained == tuple(ids(MOST_NAMED))
    assert list(absences.by_cause.values()) == [MOST_NAMED + more]


def test_a_feed_says_whether_to_be_absent_is_to_have_left() -> None:
    assert of_gateway(["1"], has_left=True) == Absences(explained=("1",), by_cause={"not_in_body": 1})
    assert of_gateway(["1"]) == Absences(unexplained=("1",), by_cause={"not_in_body": 1})
    assert of_gateway([]) == Absences()


def test_who_left_by_id_is_explained_and_who_was_found_is_not_gone() -> None:
    tally = AbsenceTally()
    for id, cause in (("1", FOUND), ("2", LEFT_BY_ID), ("3", NOBODY)):
        tally.note(LookupResult(id, cause))
    assert tally.absences == Absences(
        found=("1",), explained=("2",), unexplained=("3",), by_cause={"found": 1, "left_by_id": 1, "nobody": 1}
    )
