"""Where the values of a body stand, and how many entries a list has, without unpacking any of it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import body as body_module
from services.gateway import outline
from services.gateway.body import MOST_RECORDS, TooManyRecords, open_body
from services.gateway.warnings import Notes

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def written(value: Any, indent: int | None) -> memoryview:
    """With and without blanks, as senders write."""
    raw = json.dumps(value, indent=indent)
    return memoryview((f"\n {raw}\t" if indent else raw).encode())


@given(st.dictionaries(st.text(), VALUES), st.sampled_from([None, 0, 3]))
def test_every_field_is_found_where_it_stands(value: dict[str, Any], indent: int | None) -> None:
    found = [(json.loads(bytes(name)), json.loads(bytes(it))) for name, it in outline.fields(written(value, indent))]
    assert found == list(value.items())


@given(st.lists(VALUES), st.integers(0, 5), st.sampled_from([None, 0, 3]))
def test_entries_are_counted_up_to_one_too_many(value: list[Any], most: int, indent: int | None) -> None:
    assert outline.count(written(value, indent), most) == min(len(value), most + 1)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        pytest.param('[{"a": "}{{{{{{"}, {}]', 2, id="braces in texts"),
        pytest.param('[{}, {"a": [{}, {}, {}, {}, {}, {}, {}, {}]}]', 2, id="braces within an entry"),
        pytest.param("[[], [1, 2], [[3]]]", 3, id="lists"),
        pytest.param('["\\\\", "\\"]", ",,,", "é"]', 4, id="texts with what means something elsewhere"),
        pytest.param("[null, true, -1.5e3, 7]", 4, id="scalars"),
        pytest.param("  [\n]", 0, id="nothing"),
    ],
)
def test_whatever_an_entry_is_it_counts_once(raw: str, found: int) -> None:
    assert outline.count(memoryview(raw.encode()), found) == found
    assert outline.count(memoryview(raw.encode()), 2) == min(found, 3)


@pytest.mark.parametrize("entry", ["1", "{}", '""', "[]", '{"a":1}', "[{}]", '{"a":{"b":{"c":{"d":{"e":{}}}}}}'])
@pytest.mark.parametrize(("count", "is_taken"), [(3, True), (4, False)])
def test_the_bound_is_exact_over_all_lists(entry: str, count: int, *, is_taken: bool) -> None:
    entries = ",".join([entry] * count)
    raw = f'{{"staff": [1, 2], "students": [{entries}], "pupils": [1, 2, 3, 4, 5, 6]}}'.encode()
    if is_taken:
        lists, _ = open_body(raw, Notes(), most_records=5)
        assert {name: len(found) for name, found in lists.items()} == {"staff": 2, "students": 3}
    else:
        with pytest.raises(TooManyRecords):
            open_body(raw, Notes(), most_records=5)


def test_no_entry_beyond_the_bound_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_list", None)
    with pytest.raises(TooManyRecords):
        open_body(b'{"students": [' + b"1," * MOST_RECORDS + b"1]}", Notes())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 201, id="one byte too long"),
        pytest.param("students" * 100_000, id="a megabyte"),
        pytest.param('\\"' * 200, id="of escapes"),
    ],
)
def test_a_name_of_any_length_is_told_in_few_letters(name: str) -> None:
    notes = Notes()
    _, faults = open_body(f'{{"{name}": [1], "students": []}}'.encode(), notes)
    assert faults == []
    [told] = notes.told()
    assert len(told.pointer) < 250


def test_a_long_name_that_stands_twice_is_one_that_stands_twice() -> None:
    name = "x" * 1000
    _, faults = open_body(f'{{"{name}": 1, "{name}": 2, "{name}y": 3, "students": []}}'.encode(), Notes())
    assert ["twice" in fault.message for fault in faults] == [True]


def test_the_decoder_still_says_where_it_met_another_value() -> None:
    """Its words are how an end is found: a release with other words shows here."""
    assert re.search(r"trailing characters \(byte 3\)$", str(outline_error(b"1 2")))


def outline_error(raw: bytes) -> Exception:
    with pytest.raises(Exception) as error:  # noqa: PT011
        outline.check_is_json(memoryview(raw))
    return error.value
