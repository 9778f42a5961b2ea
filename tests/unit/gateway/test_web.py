"""The gateway's answers, and what may go wrong on the way to one."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import pytest

from services.gateway import spool as spool_module
from services.gateway import web
from services.gateway.web import PROBE_SECONDS, REFUSED_SECONDS, RETRY_SECONDS
from shared.errors import Retryable
from shared.redis.answers import RedisRefused
from tests.unit.gateway.world import API_KEY, SLUG, World, a_body, a_pupil, email, pointers, pupils

PROBLEM = "application/problem+json"


async def test_an_accepted_body_is_answered_with_its_sweep_and_where_to_look() -> None:
    world = World()
    answer = await world.post(a_body(pupils(39, a_pupil(40, year="1"))))
    told = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, told["status_url"])
    assert told["status_url"] == f"/v1/sync/{told['sweep']}"
    assert (told["state"], told["complete"], told["reason"]) == ("accepted", True, None)
    assert told["counts"] == {
        "faculties": 1,
        "departments": 1,
        "programmes": 1,
        "modules": 1,
        "students": 40,
        "undecided": 1,
        "left": 0,
        "new": 40,
        "new_emails": 0,
    }
    assert (told["fault_count"], pointers(answer)) == (1, ["/students/39/year"])


async def test_the_status_url_tells_the_same_to_the_same_school_only() -> None:
    world = World()
    answer = await world.post(a_body())
    again = await world.client.get(answer.json()["status_url"])
    assert (again.status_code, again.json().items() >= answer.json().items()) == (200, True)
    others = await world.client.get(answer.json()["status_url"], headers={"API_KEY": "another-key"})
    nobody = await world.client.get(answer.json()["status_url"], headers={"API_KEY": "guessed"})
    unknown = await world.client.get("/v1/sync/20261123T080001.000Z-00000000")
    assert [one.status_code for one in (others, nobody, unknown)] == [404, 401, 404]


@pytest.mark.parametrize(
    ("content", "headers", "status", "kind"),
    [
        pytest.param(b"{}", {"API_KEY": "guessed"}, 401, "unknown-api-key", id="a key that names no school"),
        pytest.param(b"{}", {"API_KEY": ""}, 401, "unknown-api-key", id="an empty key"),
        pytest.param(b"{}", {"API_KEY": "schlüssel".encode("latin-1")}, 401, "unknown-api-key", id="no ASCII"),
        pytest.param(b"{", {}, 400, "not-json", id="not JSON"),
        pytest.param(b"", {}, 400, "not-json", id="nothing"),
        pytest.param(b"{}", {}, 422, "body-refused", id="no list"),
        pytest.param(b'{"students": [7]}', {}, 422, "too-many-faults", id="faults"),
        pytest.param(b"a,b", {"Content-Type": "text/csv"}, 415, "not-json", id="another kind of text"),
        pytest.param(b"{}", {"Content-Encoding": "gzip"}, 415, "encoded-body", id="compressed"),
        pytest.param(b" " * 1001, {}, 413, "body-too-large", id="too large"),
    ],
)
async def test_a_refusal_is_a_problem_and_nothing_goes_out(
    content: bytes, headers: dict[str, Any], status: int, kind: str
) -> None:
    world = World(max_body_bytes=1000)
    answer = await world.client.post(
        "/v1/sync", content=content, headers={"Content-Type": "application/json"} | headers
    )
    told = answer.json()
    assert (answer.status_code, told["status"], answer.headers["content-type"]) == (status, status, PROBLEM)
    assert told["type"].endswith(f"/{kind}")
    assert told["title"]
    assert told["detail"]
    assert world.log.messages == []
    assert world.memory.lasts == {}


async def test_no_key_at_all_is_refused() -> None:
    world = World()
    del world.client.headers["API_KEY"]
    assert [(await world.post(a_body())).status_code, (await world.client.get("/v1/sync/x")).status_code] == [401, 401]


@pytest.mark.parametrize("name", ["API_KEY", "API-KEY", "Api-Key", "X-API-KEY", "x-api-key"])
async def test_the_key_may_come_by_a_name_that_every_proxy_lets_through(name: str) -> None:
    world = World()
    del world.client.headers["API_KEY"]
    world.client.headers[name] = API_KEY
    answer = await world.post(a_body())
    assert answer.status_code == 202
    assert (await world.client.get(answer.headers["location"])).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([("API-KEY", API_KEY), ("API_KEY", API_KEY)], 202, id="one key, passed on twice"),
        pytest.param([("API-KEY", "another-key"), ("API_KEY", API_KEY)], 401, id="of two schools"),
        pytest.param([("API_KEY", API_KEY), ("X-API-KEY", "guessed")], 401, id="one that is unknown"),
        pytest.param([("KEY", API_KEY)], 401, id="another name"),
    ],
)
async def test_names_of_the_key_that_disagree_name_no_school(headers: list[tuple[str, str]], status: int) -> None:
    world = World()
    del world.client.headers["API_KEY"]
    answer = await world.client.post("/v1/sync", json=a_body(), headers=headers)
    assert answer.status_code == status
    assert bool(world.log.messages) is (status == 202)


async def test_a_key_that_did_not_arrive_names_what_nginx_does_with_it() -> None:
    world = World()
    del world.client.headers["API_KEY"]
    detail = (await world.post(a_body())).json()["detail"]
    assert all(word in detail for word in ("API_KEY", "nginx", "underscores_in_headers on", "X-API-KEY"))


async def test_a_refusal_repeats_nothing_of_a_student() -> None:
    world = World()
    body = a_body([a_pupil(1, firstName=["Esmeralda"], email="esmeralda", phone=[7], moduleCodes=["Esmeralda"])])
    answer = await world.post(body)
    assert answer.status_code == 422
    assert "esmeralda" not in answer.text.casefold()
    assert pointers(answer) == [f"/students/0/{name}" for name in ("firstName", "email", "phone", "moduleCodes/0")]


async def test_a_body_that_says_no_length_is_bounded_all_the_same() -> None:
    world = World(max_body_bytes=1000)
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 100

    assert (await world.post(None, pieces())).status_code == 413
    assert sent < 20


@pytest.mark.parametrize(
    ("length", "is_stopping", "status", "is_read"),
    [
        pytest.param("1000", False, 400, True, id="within the bound"),
        pytest.param("1001", False, 413, False, id="said to be too large"),
        pytest.param("10", True, 503, False, id="the gateway is about to end"),
    ],
)
async def test_what_is_refused_by_its_headers_is_not_read(
    length: str, is_stopping: bool, status: int, is_read: bool
) -> None:
    world = World(max_body_bytes=1000)
    if is_stopping:
        world.stopping.begin()
    read = []

    async def pieces() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"?"

    answer = await world.post(None, pieces(), Content_Length=length)
    assert (answer.status_code, bool(read)) == (status, is_read)


async def test_a_body_of_exactly_the_bound_is_taken() -> None:
    content = json.dumps(a_body()).encode()
    assert (await World(max_body_bytes=len(content)).post(None, content)).status_code == 202
    assert (await World(max_body_bytes=len(content) - 1).post(None, content)).status_code == 413


async def test_a_body_that_stalls_sets_its_school_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SILENCE_SECONDS", 0.02)
    world = World()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    assert (await world.post(None, pieces())).status_code == 408
    assert (await world.post(a_body())).status_code == 202


async def test_accepted_means_that_everything_was_acknowledged() -> None:
    world = World()
    world.log.fail_after = 5
    answer = await world.post(a_body())
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert int(answer.headers["retry-after"]) > 0
    assert world.memory.lasts == {}, "who was in a body that was not accepted is not in the last roll"
    assert (await world.post(a_body())).status_code == 202


async def test_a_redis_that_is_away_refuses_for_now(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def away(*_: object) -> None:
        raise Retryable("Redis: away")

    world.memory.last = away  # type: ignore[assignment,method-assign]
    assert (await world.post(a_body())).status_code == 503
    world.memory.open = away  # type: ignore[assignment,method-assign]
    assert (await world.post(a_body())).status_code == 503
    assert world.log.messages == []


async def test_a_bug_is_told_without_a_word_of_the_body(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def fail(*_: object) -> None:
        raise KeyError(email(1))

    world.memory.last = fail  # type: ignore[assignment,method-assign]
    with caplog.at_level(logging.DEBUG):
        answer = await world.post(a_body())
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "KeyError" in caplog.text
    assert email(1) not in caplog.text + answer.text
    assert (await world.client.get("/health")).status_code == 200


async def test_no_log_line_names_anybody(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    with caplog.at_level(logging.DEBUG, "rollcall"):
        await world.accepted(a_body(pupils(39, a_pupil(40, year="1"))))
    assert SLUG in caplog.text
    assert not re.search(r"\bada\b", caplog.text.casefold()), "a sweep has letters of its own"


async def test_it_is_healthy_and_knows_its_addresses() -> None:
    world = World()
    assert (await world.client.get("/health")).json() == {"status": "ok"}
    wrong = await world.client.put("/v1/sync")
    assert (wrong.status_code, wrong.headers["allow"], wrong.headers["content-type"]) == (405, "POST", PROBLEM)
    assert (await world.client.get("/elsewhere")).headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", ["/v1/sync/", "/v1/sync/a/", "/health/"])
async def test_nobody_is_sent_to_the_host_that_the_sender_named(path: str) -> None:
    """Fails when an address with a slash too many is answered with a redirect: in clear, and to whatever Host said."""
    answer = await World().client.post(path, headers={"Host": "elsewhere.example", "API_KEY": API_KEY}, content=b"{}")
    assert (answer.status_code, "location" in answer.headers) == (404, False)


AWAY, WRONG = Retryable("Redis: it is a replica (READONLY)"), RedisRefused("Redis: its user may not do this (NOPERM)")


@pytest.mark.parametrize(("trouble", "seconds"), [(AWAY, RETRY_SECONDS), (WRONG, REFUSED_SECONDS)])
async def test_a_memory_that_takes_nothing_is_nobodys_bug(
    trouble: Exception, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.memory.open = Mock(side_effect=trouble)  # type: ignore[method-assign]
    answer = await world.post(a_body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, str(seconds))
    assert "Redis" not in answer.text, "a sender need not know what the gateway is made of"
    assert str(trouble) in caplog.text


async def test_health_tells_that_no_body_would_be_taken(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.memory.probe = Mock(side_effect=[AWAY, WRONG, None])  # type: ignore[method-assign]
    told = []
    for _ in range(3):
        told.append(await world.client.get("/health"))
        world.web._probed_at -= PROBE_SECONDS
    assert [one.status_code for one in told] == [503, 503, 200]
    assert told[0].headers["retry-after"] == str(RETRY_SECONDS)
    assert [one.message for one in caplog.records if one.message.startswith("bodies are")] == [
        f"bodies are refused: {AWAY}",
        "bodies are accepted again",
    ]


async def test_however_many_ask_the_memory_is_looked_at_once() -> None:
    world = World()
    world.memory.probe = Mock()  # type: ignore[method-assign]
    answers = await asyncio.gather(*(world.client.get("/health") for _ in range(20)))
    assert {one.status_code for one in answers} == {200}
    world.memory.probe.assert_called_once()


async def test_a_memory_that_does_not_answer_does_not_keep_health_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PROBE_TIMEOUT_SECONDS", 0.01)
    world, answered = World(), threading.Event()
    world.memory.probe = answered.wait  # type: ignore[assignment,method-assign]
    assert (await world.client.get("/health")).status_code == 503
    answered.set()


@pytest.mark.parametrize("query", ["dry_run=yes", "dryrun=true", "dry_run=true&force=true", "dry_run=1"])
async def test_a_misspelt_rehearsal_is_no_order(query: str) -> None:
    world = World()
    answer = await world.client.post(f"/v1/sync?{query}", json=a_body())
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "unknown-parameter")
    assert world.log.messages == []


async def test_a_rehearsal_is_refused_as_the_body_would_be() -> None:
    world = World()
    answer = await world.client.post("/v1/sync?dry_run=true", json=a_body(faculties=[7], pupils=[]))
    assert (answer.status_code, pointers(answer)) == (422, ["/faculties/0", "/departments/0/facultyCode"])
    assert [note["pointer"] for note in answer.json()["notes"]] == ["/pupils"]
    assert (await world.client.post("/v1/sync?dry_run=false", json=a_body())).status_code == 202


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        pytest.param(b"{", {}, "the body is not JSON", id="not JSON"),
        pytest.param(b'{"students": [7]}', {}, "The first of 1 faults, at /students/0: ", id="a fault"),
        pytest.param(b"a,b", {"Content-Type": "text/csv"}, "application/json", id="another kind of text"),
        pytest.param(b" " * 1001, {}, "1000", id="too large"),
    ],
)
async def test_a_school_whose_bodies_are_refused_is_not_kept_in_step(
    content: bytes, headers: dict[str, Any], words: str
) -> None:
    """Fails when a pushed school reads fresh while none of what its sender sends is taken."""
    world = World(max_body_bytes=1000)
    given = {"Content-Type": "application/json"} | headers
    for count in (1, 2):
        await world.client.post("/v1/sync?dry_run=true", content=content, headers=given)
        await world.client.post("/v1/sync", content=content, headers=given)
        failing = world.memory.failing(SLUG)
        assert failing is not None
        assert (failing.reason, failing.attempts) == ("body_refused", count)
        assert words in failing.detail
        assert ";" not in failing.detail, "what comes after one is told as what to do"


async def test_a_body_that_is_taken_whole_ends_that() -> None:
    world = World()
    await world.post({})
    assert world.memory.failing(SLUG) is not None
    await world.post(a_body([*pupils(40), a_pupil(41, email=None)]))
    assert (failing := world.memory.failing(SLUG)) is not None
    assert (failing.reason, failing.attempts) == ("student_without_key", 1)
    await world.post(a_body())
    assert world.memory.failing(SLUG) is None


async def test_a_key_that_names_nobody_and_a_body_that_may_be_sent_again_are_no_refusal_of_a_school() -> None:
    world = World()
    await world.client.post("/v1/sync", content=b"{}", headers={"API_KEY": "guessed"})
    lease = world.memory.open(SLUG, 0, 30)
    assert lease is not None
    assert (await world.post(a_body())).status_code == 409
    assert world.memory.refusals == {}
