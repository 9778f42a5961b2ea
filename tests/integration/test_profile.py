"""Profiles, photos and transcripts on real servers, from the twin to ``rollcall profile``."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.fetcher.app import FetcherService
from services.sandbox.isams.profiles import GRADEBOOKS_PATH, make_gradebooks
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin
from shared.config.load import load
from tests.conftest import ConfigFile, create_topics
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

SLUG = "abbey"


class World:
    def __init__(self, path: Path, twin: IsamsTwin) -> None:
        self.path = path
        self.config = load(path, {})
        self.twin = twin
        self.pupils: list[dict[str, Any]] = twin.dump()["students"]

    @asynccontextmanager
    async def fetcher(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(FetcherService(self.config).run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)

    async def until(self, id: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """What ``rollcall profile`` says of a student, as soon as the condition holds."""
        async with asyncio.timeout(120):
            while True:
                said = await asyncio.to_thread(rollcall, self.path, "profile", SLUG, id, "--json")
                told = json.loads(said.out) if said.code == 0 else {}
                if told and condition(told):
                    return told
                await asyncio.sleep(0.1)


@pytest.fixture
def world(config_file: ConfigFile) -> Iterator[World]:
    made = make_school(SLUG, 20, 1)
    school = msgspec.to_builtins(made, str_keys=True) | {"sets": []}
    with serving(isams_app()) as server, IsamsTwin(server.url, SLUG) as twin:
        twin.load(school, client_id="made-up", client_secret="made-up-secret", gradebooks_path=GRADEBOOKS_PATH)
        twin.replace(gradebooks=make_gradebooks(made))
        path = config_file(
            f'[fetcher]\nphotos_folder = "photos"\n[tenants.abbey]\napi_key = {{ file = "secret" }}\n'
            f'[schools.{SLUG}]\ntenant = "abbey"\nsource = "isams"\nbase_url = "{twin.base_url}"\n'
            f'client_id = "made-up"\nclient_secret = {{ file = "secret" }}\npoll_seconds = 1\n'
            f'max_requests_per_hour = 100000\ngradebooks_path = "{GRADEBOOKS_PATH}"\n'
        )
        create_topics(load(path, {}))
        yield World(path, twin)


def is_photo(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


async def test_a_student_is_told_with_photo_and_transcript(world: World) -> None:
    """
    Fails when a profile stays behind its student, when a changed photo is not fetched, and when what is no photo takes
    the place of one.
    """
    one = next(pupil for pupil in world.pupils if pupil["latestPhotoId"] is not None)
    id = one["schoolId"]
    async with world.fetcher():
        told = await world.until(id, lambda told: told["photo"] and told["transcript"])
        assert told["profile"]["last_name"] == one["surname"]
        assert told["profile"]["date_of_birth"] == one["dob"][:10]
        assert (told["profile"]["house"], told["profile"]["email"]) == (one["academicHouse"], one["schoolEmailAddress"])
        first = Path(told["photo"]["path"])
        assert is_photo(first)
        assert first.is_relative_to(world.path.parent / "photos")
        assert {mark["period"] for mark in told["transcript"]} == {"2026/27 / Autumn term"}
        assert any(mark["score"] for mark in told["transcript"])
        assert any(mark["grade"] for mark in told["transcript"])

        world.twin.change(id, latestPhotoId=777_777)
        told = await world.until(id, lambda told: told["photo"]["photo_id"] == 777_777)
        second = Path(told["photo"]["path"])
        assert (second != first, is_photo(second), is_photo(first)) == (True, True, True)

        photos = "/api/students/*/photos/*"
        world.twin.fault({"kind": "wrong_content_type", "path": photos})
        world.twin.clear_requests()
        world.twin.change(id, latestPhotoId=888_888, surname="Oak")
        await world.until(id, lambda told: told["profile"]["last_name"] == "Oak")
        told = await world.until(id, lambda told: any("/photos/" in one["path"] for one in world.twin.requests()))
        assert (told["photo"]["photo_id"], told["photo"]["is_there"]) == (777_777, True)

    shown = rollcall(world.path, "profile", SLUG, id)
    assert shown.code == 0
    assert str(second) in shown.out
    assert "Autumn term" in shown.out
    assert rollcall(world.path, "profile", SLUG, "999").code == 1
    assert rollcall(world.path, "profile", "nowhere", id).code == 2
