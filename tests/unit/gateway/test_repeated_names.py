"""A name that stands twice in one object: a decoder would keep the last value, and nobody knew."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.pointers import LONGEST, escape
from services.gateway.repeated_names import MOST, has_a_colon_for_each_name, repeated_names
from tests.unit.gateway.test_check import checked
from tests.unit.gateway.world import World, a_body, a_pupil, pointers, pupils, students

TEXTS = st.text(alphabet='a:"\\{} \n', max_size=4)
PAIRS: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(TEXTS, inner), max_size=3).map(tuple),
    max_leaves=12,
)


def written(value: Any, colon: str) -> str:
    """JSON, of which a tuple of pairs is an object."""
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{json.dumps(name)}{colon}{written(one, colon)}" for name, one in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(one, colon) for one in value) + "]"
    return json.dumps(value)


def truth(value: Any) -> set[str]:
    if isinstance(value, list):
        return {f"/{place}{below}" for place, one in enumerate(value) for below in truth(one)}
    if not isinstance(value, tuple):
        return set()
    names = [name for name, _ in value]
    own = {f"/{escape(name)}" for name in names if names.count(name) > 1}
    return own | {f"/{escape(name)}{below}" for name, one in value for below in truth(one)}


def found(raw: bytes) -> tuple[str, ...]:
    entry = msgspec.json.decode(raw)
    return () if has_a_colon_for_each_name(raw, entry) else repeated_names(raw, entry)


@given(st.lists(st.tuples(TEXTS, PAIRS), max_size=4).map(tuple), st.sampled_from([":", ": ", " : ", "\n:"]))
def test_every_name_that_stands_twice_is_found_and_no_other(entry: Any, colon: str) -> None:
    assert set(found(written(entry, colon).encode())) == truth(entry)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        pytest.param(b'{"email": "a", "email": "b"}', ["/email"], id="a field"),
        pytest.param(b'{"email": "a", "em\\u0061il": "b"}', ["/email"], id="written in two ways"),
        pytest.param(b'{"email": "a", "email": "a"}', ["/email"], id="with one value"),
        pytest.param(b'{"a": 1, "a": 2, "a": 3}', ["/a"], id="three times"),
        pytest.param(b'{"metadata": {"house": "x", "house": "y"}}', ["/metadata/house"], id="within an object"),
        pytest.param(b'{"years": [{"year": 1}, {"year": 1, "year": 2}]}', ["/years/1/year"], id="within a list"),
        pytest.param(b'{"a": 1, "a": {"b": 1, "b": 2}}', ["/a", "/a/b"], id="at two depths"),
        pytest.param(b'{"a": "09:00", "b": "https://x"}', [], id="colons in texts"),
        pytest.param(b'{"a": "\\":", "b": ":"}', [], id="colons behind quotes in texts"),
        pytest.param(b'{"a": 123456789012345678901234567890e999, "b": ":", "b": ":"}', ["/b"], id="a large number"),
    ],
)
def test_it_is_told_by_its_pointer(raw: bytes, names: list[str]) -> None:
    entry = {"a": 1} if b"e999" in raw else msgspec.json.decode(raw)
    assert list(repeated_names(raw, entry)) == names


def test_so_many_are_told_and_no_more() -> None:
    raw = "{" + ",".join(f'"n{number}": 1, "n{number}": 2' for number in range(1000)) + "}"
    assert len(found(raw.encode())) == MOST


def test_a_name_of_a_megabyte_is_told_in_few_letters() -> None:
    name = "x" * 500_000
    [pointer] = found(f'{{"{name}": 1, "{name}": 2}}'.encode())
    assert len(pointer) <= LONGEST + 2


@pytest.mark.parametrize(
    ("field", "again", "pointer"),
    [
        ("email", '"ada.fern0@northern.example"', "/email"),
        ("email", '"another@northern.example"', "/email"),
        ("id", '"another"', "/id"),
        ("firstName", '"Adele"', "/firstName"),
        ("year", "2", "/year"),
        ("moduleCodes", "[]", "/moduleCodes"),
        ("nickname", '"b"', "/nickname"),
        ("metadata", '{"house": "Red", "house": "Blue"}', "/metadata/house"),
    ],
)
async def test_whoever_has_a_field_twice_is_undecided_and_none_of_both_is_taken(
    field: str, again: str, pointer: str
) -> None:
    """The school keeps whom it had, and nobody else becomes the one who was named last."""
    world = World()
    await world.accepted(a_body(pupils(100)))
    world.take()
    ada = json.dumps(a_pupil(0, nickname="a"))
    body = json.dumps(a_body(pupils(100)[1:])).replace(
        '"students": [', f'"students": [{ada[:-1]}, "{field}": {again}}}, '
    )
    answer = await world.post(None, body.encode())
    assert answer.status_code == 202, answer.text
    assert pointers(answer) == [f"/students/0{pointer}"]
    published = students(world.take())
    assert "another@northern.example" not in published
    assert len(published) == 100
    if field != "email":  # else nobody can tell whose entry it is, and so nobody is said to be gone
        assert [fault.pointer for fault in published["ada.fern0@northern.example"].faults] == [pointer]


async def test_in_the_structure_it_refuses_the_whole() -> None:
    world = World()
    body = json.dumps(a_body()).replace('"code": "PROG01"', '"code": "PROG02", "code": "PROG01"')
    answer = await world.post(None, body.encode())
    assert answer.status_code == 422
    assert "/programmes/0/code" in pointers(answer)
    assert world.take() == []


def test_a_sound_body_has_none() -> None:
    assert checked(a_body()).faults.told == []
