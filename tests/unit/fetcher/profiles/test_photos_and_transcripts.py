"""Profiles that ride with the students; photos and transcripts that are read when they are due."""

from pathlib import Path
from typing import Any

import pytest

from services.fetcher.isams.source import LEAVERS, Refused
from services.fetcher.profiles import photos_and_transcripts as module
from services.fetcher.profiles.cache import MemoryProfileMemory
from services.fetcher.profiles.photos_and_transcripts import LONGEST_REST_SECONDS, REFUSALS, PortraitRounds
from services.fetcher.profiles.publish import ProfileLog
from shared.contract.codec import Message
from shared.contract.profiles import PhotoFetched, ProfileFetched, TranscriptFetched
from shared.contract.topics import PROFILES_FETCHED, STUDENTS_FETCHED
from shared.errors import Retryable
from shared.memory import MemoryDueQueue, MemoryLog
from shared.work.lease import LeaseLost
from tests.unit.fetcher.world import (
    SLUG,
    Abbey,
    AbbeySource,
    Held,
    alumnus,
    event,
    header,
    ids,
    kinds,
    record,
    settings,
)

ADA, BEA, CY = ids(3)
HOUR = 3600.0


def png(number: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + str(number).encode()


class Portrayed(AbbeySource):
    """A school that has photos and gradebooks as well; ``answers`` are raised where they are exceptions."""

    def __init__(self, *pupils: dict[str, Any]) -> None:
        super().__init__(list(pupils))
        self.photos: dict[str, Any] = {}
        self.books: dict[str, Any] = {}
        self.room = 10**6

    async def photo(self, student_id: str, photo_id: int) -> bytes | None:
        self.asked.append(("photo", student_id, photo_id))
        return self._answer(self.photos.get(student_id, png(photo_id)))

    async def gradebooks(self, student_id: str) -> Any | None:
        self.asked.append(("books", student_id))
        return self._answer(self.books.get(student_id, []))

    def check_room(self, requests: int, what: str) -> None:
        self.room -= requests
        if self.room < 0:
            raise Retryable(f"no room for {what}")

    @staticmethod
    def _answer(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


def pupil(id: str, photo: int | None = None, **more: Any) -> dict[str, Any]:
    return record(id, latestPhotoId=photo, **more)


class World(Abbey):
    """Sweeps whose log is a ProfileLog, and rounds of photos and gradebooks."""

    source: Portrayed

    def __init__(self, folder: Path, *pupils: dict[str, Any], **changes: Any) -> None:
        given = {"structure_hours": 0.0, "gradebooks_path": "/g/{schoolId}"} | changes
        super().__init__(Portrayed(*pupils), settings(**given))
        self.real = MemoryLog()
        self.profiles = MemoryProfileMemory()
        self.due = MemoryDueQueue()
        self.folder = folder
        self.out = ProfileLog(self.real, self.profiles, self.due, self.clock, {SLUG})  # type: ignore[assignment]
        self.out.messages = self.real.messages  # type: ignore[attr-defined]
        self.start()

    def start(self) -> None:
        self.rounds = PortraitRounds({SLUG: self.school}, self.due, self.real, self.profiles, self.clock, self.folder)

    async def read(self, lease: Held | None = None) -> tuple[list[Message], float]:
        said = len(self.real.messages)
        self.source.asked.clear()
        rest = await self.rounds.read(self.school, lease or Held())
        return self.real.messages[said:], rest


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, pupil(ADA, 11), pupil(BEA), pupil(CY, 13))


# --- profiles ----------------------------------------------------------------------------------------------------


async def test_whoever_is_told_is_told_with_a_profile_in_the_same_batch(world: World) -> None:
    """Fails when a profile is published by itself: a crash between the two would lose it for a day."""
    batches: list[list[str]] = []
    publish = world.real.publish

    def note(messages: Any) -> None:
        batches.append([one.topic for one in messages])
        publish(messages)

    world.real.publish = note  # type: ignore[method-assign]
    await world.sweep()
    (batch,) = (topics for topics in batches if PROFILES_FETCHED in topics)
    assert batch == [STUDENTS_FETCHED] * 3 + [PROFILES_FETCHED] * 3
    told = {one.key: one for one in world.real.of(PROFILES_FETCHED)}
    ada = event(told[f"{SLUG}/{ADA}/profile"])
    assert isinstance(ada, ProfileFetched)
    assert (ada.profile.last_name, ada.profile.email, ada.profile.photo_id) == ("Fern", f"{ADA}@abbey.example", 11)
    assert {one.lane for one in told.values()} == {world.school.lane}
    fetched = next(one for one in world.real.messages if one.key == f"{SLUG}/{ADA}")
    assert header(told[f"{SLUG}/{ADA}/profile"], "read_at") == header(fetched, "read_at")


async def test_a_quiet_sweep_says_no_profile(world: World) -> None:
    await world.sweep()
    assert PROFILES_FETCHED not in {one.topic for one in await world.sweep()}


async def test_of_a_record_that_cannot_be_read_no_profile_is_told(world: World) -> None:
    world.source.pupils = [pupil(ADA, surname=["Fern"])]
    assert [one.key for one in await world.sweep() if one.topic == PROFILES_FETCHED] == []


def profiles(said: list[Message]) -> dict[str, Any]:
    told = (event(one) for one in said if one.topic == PROFILES_FETCHED and one.key.endswith("/profile"))
    return {one.profile.student_id: one.profile for one in told if isinstance(one, ProfileFetched)}


class TestLeavers:
    """The list of leavers has neither e-mail nor date of birth, house nor photo."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return World(tmp_path, pupil(ADA, 11), pupil(BEA), pupil(CY, 13), lists_hours=0.0)

    def leave(self, world: World, id: str) -> None:
        world.source.pupils = [one for one in world.source.pupils if one["schoolId"] != id]
        world.source.short[LEAVERS] = [alumnus(id)]

    async def test_a_whole_profile_is_not_told_anew_by_the_little_that_a_leavers_list_has(self, world: World) -> None:
        """Fails when each record is a profile of its own: e-mail, birth date, house and photo would be emptied."""
        await world.sweep()
        self.leave(world, ADA)
        said = await world.sweep()
        assert [one.key for one in said if ADA in one.key] == [f"{SLUG}/{ADA}"]
        assert profiles(await world.sweep(full=True)).keys() == {BEA, CY}

    async def test_who_left_before_anybody_looked_has_the_profile_that_there_is(self, world: World) -> None:
        self.leave(world, ADA)
        assert profiles(await world.sweep())[ADA].last_name == "Fern"
        assert ADA in profiles(await world.sweep(full=True))

    async def test_who_left_keeps_their_photo_and_is_asked_for_no_gradebooks(self, world: World) -> None:
        await world.sweep()
        await world.read()
        self.leave(world, ADA)
        await world.sweep()
        world.clock.forward(hours=48)
        said, _ = await world.read()
        assert not [one for one in said if ADA in one.key]
        assert ("books", ADA) not in world.source.asked
        assert ("books", BEA) in world.source.asked

    async def test_who_comes_back_is_told_whole_again(self, world: World) -> None:
        await world.sweep()
        here = world.source.pupils
        self.leave(world, ADA)
        await world.sweep()
        world.source.pupils = here
        world.source.short[LEAVERS] = []
        assert profiles(await world.sweep())[ADA].email == f"{ADA}@abbey.example"

    async def test_a_whole_profile_that_was_not_acknowledged_is_none(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(messages: Any) -> None:
            raise Retryable("away")

        with monkeypatch.context() as patch:
            patch.setattr(world.real, "publish", away)
            with pytest.raises(Retryable):
                await world.sweep()
        assert world.profiles.had_full(SLUG, [ADA, BEA, CY]) == set()


async def test_a_school_comes_due_for_its_photos_when_one_is_new_and_not_otherwise(world: World) -> None:
    await world.sweep()
    assert world.due.members() != {}
    world.due.remove(SLUG)
    await world.sweep(full=True)
    assert world.due.members() == {}
    world.source.pupils[0] = pupil(ADA, 12)
    await world.sweep()
    assert world.due.members() != {}


# --- photos ------------------------------------------------------------------------------------------------------


async def test_a_photo_is_fetched_again_only_when_its_id_changes(world: World) -> None:
    """Fails when photos are fetched at every round: 1,500 requests for nothing."""
    await world.sweep()
    said, _ = await world.read()
    assert [one.key for one in said if "photo" in one.key] == [f"{SLUG}/{ADA}/photo", f"{SLUG}/{CY}/photo"]
    photo = event(said[0])
    assert isinstance(photo, PhotoFetched)
    assert (world.folder / photo.file).read_bytes() == png(11)
    assert (photo.photo_id, photo.size, photo.content_type) == (11, len(png(11)), "image/png")
    await world.sweep(full=True)
    await world.read()
    assert [asked for asked in world.source.asked if asked[0] == "photo"] == []
    world.source.pupils[0] = pupil(ADA, 12)
    await world.sweep()
    await world.read()
    assert [asked for asked in world.source.asked if asked[0] == "photo"] == [("photo", ADA, 12)]


async def test_a_photo_that_is_taken_away_is_told(world: World) -> None:
    await world.sweep()
    await world.read()
    world.source.pupils[0] = pupil(ADA)
    await world.sweep()
    (told,), _ = await world.read()
    assert (told.key, told.value) == (f"{SLUG}/{ADA}/photo", None)
    assert header(told, "read_at") is not None
    assert (await world.read())[0] == []


async def test_what_is_no_photo_is_left_and_what_was_told_stays(world: World) -> None:
    """Fails when a log-in page is kept as somebody's face, or when it is asked for without end."""
    await world.sweep()
    await world.read()
    world.source.pupils[0] = pupil(ADA, 12)
    world.source.photos[ADA] = b"<!doctype html>"
    await world.sweep()
    said, rest = await world.read()
    assert (said, rest) == ([], pytest.approx(24 * HOUR, rel=0.01))
    world.source.photos.clear()
    assert len((await world.read())[0]) == 1


async def test_nobody_has_a_photo_under_that_id_is_remembered(world: World) -> None:
    world.source.photos = {ADA: None, CY: None}
    await world.sweep()
    assert (await world.read())[0] == []
    await world.read()
    assert [asked for asked in world.source.asked if asked[0] == "photo"] == []


async def test_a_crash_after_the_telling_repeats_it_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the id of what is told depends on chance, or a photo is remembered before it was told."""
    await world.sweep()

    def die(*_: Any) -> None:
        raise Retryable("gone")

    monkeypatch.setattr(world.profiles, "keep_photo", die)
    with pytest.raises(Retryable):
        await world.read()
    first = world.real.messages[-1]
    monkeypatch.undo()
    world.start()
    again = next(one for one in (await world.read())[0] if one.key == first.key)
    assert again.value == first.value


# --- transcripts -------------------------------------------------------------------------------------------------


BOOKS = [{"name": "History", "columns": [{"name": "Essay 1", "value": "62"}]}]


async def test_gradebooks_are_read_once_a_day_and_told_when_they_differ(world: World) -> None:
    world.source.books[ADA] = BOOKS
    await world.sweep()
    said, rest = await world.read()
    assert [one.key for one in said if "transcript" in one.key] == [f"{SLUG}/{ADA}/transcript"]
    told = event(said[-1])
    assert isinstance(told, TranscriptFetched)
    assert [(mark.subject, mark.score) for mark in told.marks] == [("History", "62")]
    assert rest == pytest.approx(24 * HOUR, rel=0.01)
    world.clock.forward(hours=12)
    await world.read()
    assert world.source.asked == []
    world.clock.forward(hours=13)
    assert (await world.read())[0] == []
    assert len(world.source.asked) == 3
    world.source.books[ADA] = []
    world.clock.forward(hours=25)
    (told_again,), _ = await world.read()
    assert kinds([told_again]) == ["TranscriptFetched"]


async def test_an_envelope_that_nobody_knows_leaves_the_transcript_as_it_was(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Fails when another release of iSAMS empties every transcript overnight."""
    world.source.books[ADA] = BOOKS
    await world.sweep()
    await world.read()
    world.source.books[ADA] = {"markbooks": BOOKS}
    world.clock.forward(hours=25)
    assert (await world.read())[0] == []
    assert "stay as they were; the first: transcript: gradebooks is missing" in caplog.text
    world.source.books[ADA] = BOOKS
    world.clock.forward(hours=25)
    assert (await world.read())[0] == [], "it is the same as before"


async def test_who_has_left_and_whom_nobody_knows_is_not_asked_for(tmp_path: Path) -> None:
    world = World(tmp_path, pupil(ADA), pupil(BEA, systemStatus="Former"), pupil(CY))
    world.source.books[CY] = None
    await world.sweep()
    await world.read()
    assert world.source.asked == [("books", ADA), ("books", CY)]
    world.clock.forward(hours=25)
    await world.read()
    assert world.source.asked == [("books", ADA)]


async def test_an_area_that_is_refused_degrades_itself_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Fails when a missing permission for gradebooks keeps photos away, or is asked for a thousand times."""
    world.source.pupils = [pupil(id, 11) for id in ids(10)]
    world.source.books = dict.fromkeys(ids(10), Refused("iSAMS refuses it (403)"))
    await world.sweep()
    said, rest = await world.read()
    assert kinds(said) == ["PhotoFetched"] * 10
    assert len([asked for asked in world.source.asked if asked[0] == "books"]) == REFUSALS
    assert rest > HOUR
    await world.read()
    assert caplog.text.count("transcripts cannot be read: iSAMS refuses it (403)") == 1


async def test_one_student_who_is_refused_hides_no_other(world: World) -> None:
    world.source.books = {ADA: Refused("hidden"), CY: BOOKS}
    await world.sweep()
    said, _ = await world.read()
    assert f"{SLUG}/{CY}/transcript" in {one.key for one in said}


async def test_photos_and_gradebooks_leave_the_students_their_requests(world: World) -> None:
    await world.sweep()
    world.source.room = 2
    with pytest.raises(Retryable, match="no room"):
        await world.read()
    assert world.source.asked == [("photo", ADA, 11)]


async def test_a_slice_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A school of thousands gives its place up in between, so that a stop and another school are soon heard."""
    monkeypatch.setattr(module, "SLICE", 2)
    await world.sweep()
    assert (await world.read())[1] == 0.0
    assert (await world.read())[1] > HOUR


async def test_nothing_is_said_without_the_lease(world: World) -> None:
    """Fails when a fetcher that was away for a minute tells yesterday's photo after today's."""
    await world.sweep()
    said = len(world.real.messages)
    with pytest.raises(LeaseLost):
        await world.read(Held(0))
    assert len(world.real.messages) == said


async def test_without_a_folder_and_a_path_there_is_nothing_to_do(tmp_path: Path) -> None:
    world = World(tmp_path, pupil(ADA, 11), gradebooks_path=None)
    world.rounds = PortraitRounds({SLUG: world.school}, world.due, world.real, world.profiles, world.clock, None)
    assert world.rounds._schools == {}
    world = World(tmp_path, pupil(ADA, 11), gradebooks_path=None)
    await world.sweep()
    said, rest = await world.read()
    assert (kinds(said), rest) == (["PhotoFetched"], LONGEST_REST_SECONDS)
