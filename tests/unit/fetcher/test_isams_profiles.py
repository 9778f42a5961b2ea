"""Photos and gradebooks over HTTP, with each lever of the twin that can strike them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.client import Isams
from services.fetcher.isams.gradebooks import marks
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.source import Refused
from services.fetcher.profiles.photo_files import LARGEST_PHOTO, Unfit, judged
from services.fetcher.profiles.photos_and_transcripts import ProfileSource
from services.sandbox.isams.profiles import GRADEBOOKS_PATH, make_gradebooks
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.errors import Retryable
from tests.unit.fetcher.world import settings

SCHOOL = make_school("abbey", 20, 1)
ONE = next(student for student in SCHOOL.students if student.latest_photo_id)
ID, PHOTO = ONE.school_id, ONE.latest_photo_id or 0
PHOTOS = "/api/students/*/photos/*"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    with IsamsTwin(server.url, "abbey") as twin:
        school = msgspec.to_builtins(SCHOOL, str_keys=True)
        twin.load(school, client_id="made-up", client_secret="made-up", gradebooks_path=GRADEBOOKS_PATH)
        twin.replace(gradebooks=make_gradebooks(SCHOOL))
        yield twin
        twin.clear_faults()


@pytest.fixture
async def isams(twin: IsamsTwin) -> AsyncIterator[Isams]:
    async def no_rest(seconds: float) -> None:
        pass

    school = settings(base_url=twin.base_url, gradebooks_path=GRADEBOOKS_PATH)
    isams = Isams(school, Politeness(1000, sleep=no_rest))
    yield isams
    await isams.close()


async def test_a_photo_is_asked_for_by_its_id(isams: Isams, twin: IsamsTwin) -> None:
    assert isinstance(isams, ProfileSource)
    photo = judged(await isams.photo(ID, PHOTO) or b"")
    assert photo.content_type == "image/png"
    asked = [one["path"] for one in twin.requests() if "photos" in one["path"]]
    assert asked == [f"/api/students/{ID}/photos/{PHOTO}"]


async def test_where_it_is_not_known_by_id_the_current_one_is_taken(isams: Isams, twin: IsamsTwin) -> None:
    twin.fault({"kind": "status", "status": 404, "path": f"*/photos/{PHOTO}"})
    assert await isams.photo(ID, PHOTO) is not None
    twin.fault({"kind": "status", "status": 404, "path": PHOTOS})
    assert await isams.photo(ID, PHOTO) is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param({"kind": "status", "status": 403}, Refused, id="not allowed"),
        pytest.param({"kind": "status", "status": 500}, Retryable, id="an error of theirs"),
        pytest.param({"kind": "status", "status": 429, "retry_after": 600}, Retryable, id="asked for rest"),
        pytest.param({"kind": "cut_connection"}, Retryable, id="cut off in the middle"),
        pytest.param({"kind": "wrong_content_type"}, Unfit, id="a page to sign in"),
        pytest.param({"kind": "big_body", "size": LARGEST_PHOTO}, Unfit, id="too large"),
    ],
)
async def test_each_fault_of_a_photo_has_its_conclusion(
    isams: Isams, twin: IsamsTwin, fault: dict[str, Any], expected: type[Exception]
) -> None:
    """Fails when any of these ends as a photo that is kept."""
    twin.fault({"path": PHOTOS} | fault)
    with pytest.raises(expected) as caught:
        judged(await isams.photo(ID, PHOTO) or b"")
    assert ID not in str(caught.value)
    assert isinstance(caught.value, Unfit | Retryable) or "Student Manager" in str(caught.value)


async def test_gradebooks_are_where_the_school_says(isams: Isams) -> None:
    found = marks(await isams.gradebooks(ID))
    assert len(found) == 2 * sum(ID in members for members in SCHOOL.set_lists.values()) > 0
    assert all(mark.teacher and mark.period == "2026/27 / Autumn term" for mark in found)
    assert await isams.gradebooks("999") is None


async def test_without_the_permission_they_are_refused_by_name(isams: Isams, twin: IsamsTwin) -> None:
    twin.settings(permissions=["students"])
    with pytest.raises(Refused) as caught:
        await isams.gradebooks(ID)
    assert ID not in str(caught.value)
