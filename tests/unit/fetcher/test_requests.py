"""What people and other services can ask for."""

import asyncio
from typing import Any

import pytest

from services.fetcher import requests as module
from services.fetcher.isams.source import APPLICANTS, LEAVERS, Refused
from services.fetcher.requests import Requests
from services.fetcher.sweep.scheduler import FULL
from shared.contract.codec import Message, Record, encode, headers
from shared.contract.commands import AcceptRoll, PauseSchool
from shared.contract.events import SyncAnswered, SyncRequested
from shared.contract.model import Frozen, Kind
from shared.contract.topics import SYNC_REQUESTS
from shared.errors import Retryable
from shared.memory import MemoryDueQueue
from tests.unit.fetcher.world import (
    MONDAY,
    SLUG,
    Abbey,
    AbbeySource,
    alumnus,
    applicant,
    employee,
    event,
    header,
    ids,
    kinds,
    record,
    settings,
    staff,
    students,
)

LATER = MONDAY.timestamp() + 10**6
ADA, BEA = ids(2)
BOOK = f"{SLUG}+staff"


class World(Abbey):
    def __init__(self) -> None:
        super().__init__(AbbeySource([record(ADA)]), settings(structure_hours=6.0))
        self.due = MemoryDueQueue()
        self.due.ensure({SLUG: LATER})
        self.answers: list[SyncAnswered] = []
        self.objection: str | None = None
        self.requests = Requests(
            {SLUG: self.school}, self.due, self.out, self.memory, self.clock, lambda record: self.objection
        )

    async def ask(self, *events: Frozen) -> list[Message]:
        """What was said of the school; the answers to whoever asked are in ``answers``."""
        said = len(self.out.messages)
        await self.requests.handle([a_record(one, id=str(number)) for number, one in enumerate(events)])
        told = self.out.messages[said:]
        self.answers = [found for one in told if isinstance(found := event(one), SyncAnswered)]
        return [one for one in told if one.topic != SYNC_REQUESTS]

    @property
    def is_due(self) -> bool:
        return self.due.members()[SLUG] <= self.clock.now.timestamp()

    @property
    def note(self) -> str:
        claim = self.due.claim(LATER, 1)
        assert claim is not None
        return claim.note


def a_record(event: Frozen, topic: str = "t1-sync-requests", id: str = "1", **changes: Any) -> Record:
    named = headers(type(event), id=id, school=SLUG, subject=SLUG, time="2026-11-23T08:00:00.000Z")
    given = {"value": encode(event), "text": {name: text.decode() for name, text in named}} | changes
    return Record(topic, 0, 7, SLUG, **given)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("full", "note"), [(False, ""), (True, FULL)])
async def test_a_school_that_is_asked_for_is_due(world: World, full: bool, note: str) -> None:
    assert await world.ask(SyncRequested(school=SLUG, full=full)) == []
    assert world.is_due
    assert world.note == note


async def test_a_later_request_for_less_does_not_take_the_full_one_back(world: World) -> None:
    await world.ask(SyncRequested(school=SLUG, full=True), SyncRequested(school=SLUG))
    assert world.note == FULL


@pytest.mark.parametrize(
    ("answer", "lists"),
    [
        pytest.param({}, ("applicants",), id="an applicant"),
        pytest.param({BEA: record(BEA)}, ("students", "applicants"), id="an applicant who has come"),
    ],
)
async def test_an_applicant_can_be_asked_for_too(world: World, answer: dict[str, Any], lists: tuple[str, ...]) -> None:
    world.source.short[APPLICANTS] = [applicant(BEA)]
    await world.sweep()
    world.source.by_id = {f"applicant {BEA}": applicant(BEA, surname="Moss")} | answer
    said = await world.ask(SyncRequested(school=SLUG, student_id=BEA))
    assert students(said)[BEA].student.lists == lists


async def test_an_applicant_who_has_left_is_asked_for_and_stays_in_both_lists(world: World) -> None:
    world.source.short |= {APPLICANTS: [applicant(BEA)], LEAVERS: [alumnus(BEA)]}
    await world.sweep()
    world.source.by_id = {f"applicant {BEA}": applicant(BEA, surname="Moss")}
    said = await world.ask(SyncRequested(school=SLUG, student_id=BEA))
    assert students(said)[BEA].student.lists == ("applicants", "leavers")


async def test_one_student_is_read_at_once_outside_any_sweep(world: World) -> None:
    world.source.teach(BEA)
    await world.sweep()
    world.source.by_id[BEA] = record(BEA)
    said = await world.ask(SyncRequested(school=SLUG, student_id=BEA))
    assert kinds(said) == ["StudentFetched"]
    assert students(said)[BEA].student.modules == ("Y10-HIS",)
    assert said[0].key == f"{SLUG}/{BEA}"
    assert said[0].lane == world.school.lane
    assert header(said[0], "sweep") is None
    assert header(said[0], "read_at") is not None
    assert header(said[0], "digest") is not None
    assert not world.is_due


async def test_the_same_student_asked_for_twice_is_read_once(world: World) -> None:
    world.source.by_id = {ADA: record(ADA), BEA: record(BEA)}
    said = await world.ask(*[SyncRequested(school=SLUG, student_id=id) for id in (ADA, BEA, ADA)])
    assert set(students(said)) == {ADA, BEA}


async def test_a_single_reading_is_not_remembered(world: World) -> None:
    """A sweep that read the student earlier is still under way, perhaps: its digests are its own."""
    await world.sweep()
    before = world.memory.load(SLUG)
    world.source.by_id[ADA] = record(ADA, surname="Oak")
    await world.ask(SyncRequested(school=SLUG, student_id=ADA))
    assert world.memory.load(SLUG) == before


@pytest.mark.parametrize(
    ("answer", "is_due", "outcome", "detail"),
    [
        pytest.param(None, False, "unknown_student", "", id="nobody has the id"),
        pytest.param(record(BEA), False, "unknown_student", "", id="somebody else's record"),
        pytest.param(Refused("no"), False, "refused", "no", id="not allowed"),
        pytest.param(Retryable("away"), True, "unreachable", "away", id="no answer: the school is read soon"),
    ],
)
async def test_a_student_who_cannot_be_read_is_not_told(
    world: World, answer: Any, is_due: bool, outcome: str, detail: str
) -> None:
    world.source.by_id[ADA] = answer
    assert await world.ask(SyncRequested(school=SLUG, student_id=ADA)) == []
    assert world.is_due is is_due
    (told,) = world.answers
    assert (told.outcome, told.detail, told.student_id, told.read_at) == (outcome, detail, ADA, None)


async def test_everybody_who_asked_is_answered_by_the_id_of_their_request(world: World) -> None:
    """Fails when two requests for one student share an answer: the second would wait for ever."""
    world.source.by_id = {ADA: record(ADA)}
    await world.ask(
        SyncRequested(school=SLUG, student_id=ADA),
        SyncRequested(school=SLUG),
        SyncRequested(school=SLUG, student_id=ADA),
    )
    assert [(one.request, one.outcome) for one in world.answers] == [("1", "due"), ("0", "read"), ("2", "read")]
    (read,) = students([one for one in world.out.messages if one.topic != SYNC_REQUESTS])
    read_at = [header(one, "read_at") for one in world.out.messages if one.key == f"{SLUG}/{read}"]
    assert [one.read_at for one in world.answers[1:]] == read_at * 2


async def test_a_school_that_does_not_answer_holds_no_other_request_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when a student of a school that hangs is waited for: whoever asks behind it would wait as long."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)

    async def hang(student_id: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.source, "student", hang)
    async with asyncio.timeout(30):
        assert await world.ask(SyncRequested(school=SLUG, student_id=ADA)) == []
    assert [one.outcome for one in world.answers] == ["unreachable"]
    assert world.is_due


class TestStaff:
    """A school of which both books are read."""

    @pytest.fixture
    def both(self, world: World) -> World:
        world.due.ensure({BOOK: LATER})
        books = {SLUG: world.school, BOOK: world.staff}
        world.requests = Requests(
            books, world.due, world.out, world.memory, world.clock, lambda record: world.objection
        )
        return world

    def due(self, world: World) -> set[str]:
        return {book for book, at in world.due.members().items() if at <= world.clock.now.timestamp()}

    @pytest.mark.parametrize(
        ("kind", "due"),
        [(None, {SLUG, BOOK}), ("student", {SLUG}), ("staff", {BOOK})],
        ids=["both", "students", "staff"],
    )
    async def test_a_school_is_both_of_its_books_or_the_one_that_is_named(
        self, both: World, kind: Kind | None, due: set[str]
    ) -> None:
        await both.ask(SyncRequested(school=SLUG, kind=kind, full=True))
        assert self.due(both) == due
        assert [one.outcome for one in both.answers] == ["due"]
        notes = {claim.member: claim.note for _ in due if (claim := both.due.claim(LATER - 1, 1))}
        assert notes == dict.fromkeys(due, FULL)

    @pytest.mark.parametrize("kind", [None, "student"])
    async def test_an_id_is_a_students_unless_it_is_said_otherwise(self, both: World, kind: Kind | None) -> None:
        both.source.by_id |= {ADA: record(ADA), f"employee {ADA}": employee(int(ADA))}
        said = await both.ask(SyncRequested(school=SLUG, kind=kind, student_id=ADA))
        assert (set(students(said)), set(staff(said))) == ({ADA}, set())

    async def test_one_member_of_staff_is_read_at_once_outside_any_sweep(self, both: World) -> None:
        both.source.teach(ADA, by=("214",))
        await both.sweep()
        before = both.memory.load(BOOK)
        both.source.by_id |= {"214": record("214"), "employee 214": employee(214)}
        said = await both.ask(SyncRequested(school=SLUG, kind="staff", student_id="214"))
        assert kinds(said) == ["StaffFetched"]
        assert staff(said)["214"].student.modules == ("Y10-HIS",)
        assert (said[0].key, said[0].lane) == (f"{BOOK}/214", both.school.lane)
        assert header(said[0], "sweep") is None
        assert [(one.outcome, one.student_id) for one in both.answers] == [("read", "214")]
        assert both.memory.load(BOOK) == before
        assert self.due(both) == set()

    async def test_a_list_that_does_not_answer_makes_the_staff_due_and_not_the_students(self, both: World) -> None:
        both.source.by_id["employee 214"] = Retryable("away")
        await both.ask(SyncRequested(school=SLUG, kind="staff", student_id="214"))
        assert self.due(both) == {BOOK}
        assert [one.outcome for one in both.answers] == ["unreachable"]

    async def test_a_roll_is_accepted_for_the_book_it_is_of(self, both: World) -> None:
        await both.ask(AcceptRoll(school=SLUG, kind="staff", hash="c" * 32, operator="ops"))
        assert both.memory.load(BOOK).accepted == {"c" * 32}
        assert both.memory.load(SLUG).accepted == set()
        assert self.due(both) == {BOOK}

    @pytest.mark.parametrize("id", [None, "214"], ids=["all", "one"])
    async def test_staff_that_nobody_manages_are_refused(self, world: World, id: str | None) -> None:
        """Fails when it is not answered: whoever asked would wait for nothing."""
        await world.ask(SyncRequested(school=SLUG, kind="staff", student_id=id))
        assert [one.outcome for one in world.answers] == ["refused"]
        assert 'staff = "managed"' in world.answers[0].detail
        assert world.due.members() == {SLUG: LATER}


async def test_an_accepted_roll_is_remembered_and_the_school_due(world: World) -> None:
    await world.ask(AcceptRoll(school=SLUG, hash="c" * 32, operator="ops"))
    assert world.memory.load(SLUG).accepted == {"c" * 32}
    assert world.is_due


@pytest.mark.parametrize(
    "other",
    [
        SyncRequested(school="northern-uni", full=True),
        SyncRequested(school="northern-uni", student_id=ADA),
        AcceptRoll(school="northern-uni", hash="c" * 32, operator="ops"),
        PauseSchool(school=SLUG, operator="ops"),
    ],
    ids=["another school", "its student", "its roll", "another command"],
)
async def test_what_is_not_for_the_fetcher_is_passed_over(world: World, other: Frozen) -> None:
    assert await world.ask(other) == []
    assert world.due.members() == {SLUG: LATER}


@pytest.mark.parametrize(
    "changes",
    [{"value": b"{"}, {"value": b'{"school": 7}'}, {"text": {}}, {"text": {"ce_type": "rollcall.unheard.v1"}}],
    ids=["no JSON", "not its schema", "no type", "an unknown type"],
)
async def test_poison_is_set_aside_and_the_rest_is_done(world: World, changes: dict[str, Any]) -> None:
    good = SyncRequested(school=SLUG, full=True)
    await world.requests.handle([a_record(good, **changes), a_record(good)])
    assert [one.topic for one in world.out.messages] == ["sync-requests-dlq", SYNC_REQUESTS]
    assert world.note == FULL


async def test_poison_among_the_commands_is_somebody_elses(world: World) -> None:
    await world.requests.handle([a_record(SyncRequested(school=SLUG), "t1-operator-commands", value=b"{")])
    assert world.out.messages == []


async def test_a_queue_that_is_away_is_told_to_the_caller(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise Retryable("away")

    monkeypatch.setattr(world.due, "hasten", away)
    with pytest.raises(Retryable):
        await world.ask(SyncRequested(school=SLUG))


async def test_a_roll_that_nobody_with_the_key_has_accepted_is_not(world: World) -> None:
    """Fails when the fetcher takes an unsigned command: whoever can write to Kafka says whose roll a school's is."""
    world.objection = "the command is not signed"
    await world.requests.handle(
        [a_record(AcceptRoll(school=SLUG, hash="c" * 32, operator="headmaster"), "t1-operator-commands")]
    )
    assert world.memory.load(SLUG).accepted == set()
    assert not world.is_due
    assert world.out.messages == [], "eligibility sets it aside"
