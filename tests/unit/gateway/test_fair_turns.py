"""Whose body is worked at: few at once, and no school keeps another one out."""

import asyncio
import json
import threading
from typing import Any

import pytest

from services.gateway import check as check_module
from services.gateway import wanted
from services.gateway.body import open_body
from services.gateway.check import Refused, check
from services.gateway.key_resolution import Identity
from services.gateway.recall import Recalled
from services.gateway.register import Register
from services.gateway.repeats import repeats
from services.gateway.structure import Lists
from services.gateway.turns import SMALL_BYTES, Turn, Turns
from services.gateway.warnings import Notes
from tests.unit.gateway.world import World, a_body, a_pupil, pupils

BIG = SMALL_BYTES + 1


def given(*turns: Turn) -> list[bool]:
    return [turn.given.done() for turn in turns]


class TestTurns:
    async def test_so_many_large_ones_at_once(self) -> None:
        turns = Turns(large=2, small=1)
        one, two, three = (turns.ask(school, BIG) for school in "abc")
        assert given(one, two, three) == [True, True, False]
        turns.end(two)
        assert given(three) == [True]

    async def test_what_is_small_does_not_wait_for_what_is_large(self) -> None:
        turns = Turns(large=2, small=1)
        for school in "abcd":
            turns.ask(school, BIG)
        one, two = turns.ask("e", SMALL_BYTES), turns.ask("f", SMALL_BYTES)
        assert given(one, two) == [True, False]
        turns.end(one)
        assert given(two) == [True]

    async def test_what_is_small_may_have_any_place(self) -> None:
        turns = Turns(large=2, small=1)
        assert given(*(turns.ask(school, 1) for school in "abcd")) == [True, True, True, False]

    async def test_a_school_that_comes_again_and_again_waits_for_whoever_waited(self) -> None:
        """Two senders post as fast as they can; a third comes once, behind them."""
        turns = Turns(large=1, small=0)
        running = turns.ask("a", BIG)
        greedy = turns.ask("a", BIG)
        patient = turns.ask("b", BIG)
        turns.end(running)
        assert given(greedy, patient) == [False, True]
        another = turns.ask("c", BIG)
        turns.end(patient)
        assert given(greedy, another) == [False, True], "whose last turn is longest ago"

    async def test_nobody_waits_for_another_school_twice(self) -> None:
        turns = Turns(large=1, small=0)
        waiting = {school: turns.ask(school, BIG) for school in "abcdefgh"}
        served = []
        for _ in range(80):
            (school,) = [one for one, turn in waiting.items() if turn.given.done()]
            served.append(school)
            ended = waiting[school]
            waiting[school] = turns.ask(school, BIG)
            turns.end(ended)
        assert served == list("abcdefgh") * 10

    async def test_who_gives_up_leaves_the_turn_to_others(self) -> None:
        turns = Turns(large=1, small=0)
        running, gone, other = (turns.ask(school, BIG) for school in "abc")
        gone.give_up(RuntimeError())
        turns.end(running)
        assert given(other) == [True]
        for turn in (gone, gone, running, running):
            turns.end(turn)
        assert turns._free == {False: 0, True: 0}, "an end that is said twice frees nothing"
        turns.end(other)
        assert turns._free == {False: 1, True: 0}
        with pytest.raises(RuntimeError):
            await gone.given

    async def test_who_has_the_turn_cannot_give_it_up(self) -> None:
        turn = Turns().ask("a", 1)
        turn.give_up(RuntimeError())
        await turn.given


class Enough(Exception):
    pass


def look(times: int) -> Any:
    """Goes on so many times."""
    left = times

    def go_on() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Enough

    return go_on


class TestEnds:
    @pytest.mark.parametrize("body", [a_body(pupils(1000)), a_body(modules=[{}] * 1000), a_body(staff=[{}] * 1000)])
    def test_checking_looks_often_whether_to_go_on(self, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wanted, "LOOK", 100)
        supplied, faults = open_body(_json(body), Notes())
        with pytest.raises(Enough):
            check(supplied, faults, Lists(), "email", Register(), Register(), go_on=look(12))

    def test_when_a_refusal_is_sure_and_the_bound_is_passed_nothing_more_is_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
        with pytest.raises(Refused) as refused:
            _checked(a_body([a_pupil(n, year="1", firstName="") for n in range(1000)]))
        assert (len(refused.value.faults.told), refused.value.faults.count) == (3, 102), "51 of 1000 are more than 5 %"

    def test_faults_of_few_do_not_end_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many faults one student has: the others are looked at, and the body is taken."""
        monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
        found = _checked(a_body(pupils(200, a_pupil(999, moduleCodes=["x"] * 50))))
        assert found.faults.count == 50
        assert found.students is not None
        assert len(found.students.here) == 201

    def test_staff_at_fault_end_only_their_own_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
        found = _checked(a_body(pupils(50), staff=[{}] * 50))
        assert (found.staff, found.staff_refused) == (None, "too_many_faults")
        assert found.students is not None

    def test_a_structure_at_fault_ends_it_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check_module, "MOST_FAULTS", 3)
        with pytest.raises(Refused) as refused:
            _checked(a_body([{}] * 1000, modules=[{}] * 1000))
        assert {fault.pointer.split("/")[1] for fault in refused.value.faults.told} == {"modules"}
        assert refused.value.faults.count < 12

    def test_however_many_say_the_same_each_is_read_once(self) -> None:
        read: list[int] = []

        def fields_of(place: int) -> dict[str, int]:
            read.append(place)
            return {"of": place % 2}

        assert repeats([Identity("a", "b", "c")] * 100, (), fields_of) == dict.fromkeys(range(2, 100, 2), 0)
        assert sorted(read) == list(range(100))


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _checked(body: dict[str, Any]) -> check_module.Checked:
    supplied, faults = open_body(_json(body), Notes())
    return check(supplied, faults, Lists(), "email", Register(), Register())


class Asgi:
    """One request, whose sender leaves when a test says so."""

    def __init__(self, body: bytes, key: str) -> None:
        self.left = asyncio.Event()
        self.answers: list[Any] = []
        self._body = [{"type": "http.request", "body": body, "more_body": False}]
        self._headers = [(b"api_key", key.encode()), (b"content-length", str(len(body)).encode())]

    async def receive(self) -> Any:
        if self._body:
            return self._body.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.answers.append(message)

    def start(self, world: World, query: bytes = b"") -> "asyncio.Task[None]":
        scope = {"type": "http", "method": "POST", "path": "/v1/sync", "raw_path": b"/v1/sync", "query_string": query}
        scope |= {"headers": self._headers, "http_version": "1.1", "root_path": "", "client": ("10.0.0.1", 1)}
        return asyncio.ensure_future(world.web.app()(scope, self.receive, self.send))


class TestSenderGone:
    @pytest.mark.parametrize("query", [b"", b"dry_run=true"])
    async def test_checking_ends_with_its_sender_and_the_school_may_send_again(self, query: bytes) -> None:
        world, reached, go_on = World(), asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def recall() -> Recalled:
            loop.call_soon_threadsafe(reached.set)
            go_on.wait()
            return Recalled(None)

        world.recalls = recall
        request = Asgi(_json(a_body()), "made-up-push-key")
        task = request.start(world, query)
        await reached.wait()
        request.left.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        go_on.set()
        await task
        assert [one["status"] for one in request.answers if "status" in one] == [400]
        assert world.take() == []
        await world.accepted(a_body())

    async def test_what_is_being_published_goes_on_to_its_end(self) -> None:
        """A proxy that waits for less than a body takes would never have one taken."""
        world, reached, go_on = World(), asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        publish = world.log.publish

        def slowly(messages: Any) -> Any:
            loop.call_soon_threadsafe(reached.set)
            go_on.wait()
            return publish(messages)

        world.log.publish = slowly  # type: ignore[method-assign]
        request = Asgi(_json(a_body()), "made-up-push-key")
        task = request.start(world)
        await reached.wait()
        request.left.set()
        await asyncio.sleep(0)
        go_on.set()
        await task
        assert [one["status"] for one in request.answers if "status" in one] == [202]
        assert world.take()

    async def test_who_leaves_while_waiting_waits_no_more(self) -> None:
        world = World()
        turns = world.web._turns
        for school in "abc":
            turns.ask(school, 1)
        request = Asgi(_json(a_body()), "made-up-push-key")
        task = request.start(world)
        request.left.set()
        await task
        assert turns._waiting == []
        assert world.log.messages == []
