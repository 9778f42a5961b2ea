"""A body before anybody looks into its lists."""

import json

import pytest

from services.gateway import not_json
from services.gateway.body import NotJson, open_body
from services.gateway.warnings import Notes
from tests.harness.examples import annotated


@pytest.mark.parametrize(
    ("body", "pointers", "lists"),
    [
        pytest.param(b'{"students": []}', [], {"students": 0}, id="one list, empty"),
        pytest.param(b'\xef\xbb\xbf {"students" : [1, {"a": ",}"}] , "staff":[]}\n', [], {"students": 2, "staff": 0}),
        pytest.param(b'{"stude\\u006ets": [1]}', [], {"students": 1}, id="a name with an escape"),
        pytest.param(b"{}", [""], {}, id="no list at all"),
        pytest.param(b"[]", [""], {}, id="no object"),
        pytest.param(b"null", [""], {}, id="null"),
        pytest.param(b'{"Students": []}', ["/Students"], {}, id="a name in capitals"),
        pytest.param(b'{"Stud ents/~": [], "staff": []}', ["/Stud ents~1~0"], {"staff": 0}, id="a pointer escapes"),
        pytest.param(b'{"students": null}', [""], {}, id="no list but one that is null"),
        pytest.param(b'{"students": [], "Students": [1]}', ["/Students"], {"students": 0}, id="misspelt beside itself"),
        pytest.param(b'{"programs": [], "students": []}', ["/programs"], {"students": 0}, id="in another English"),
        pytest.param(b'{"faculty": [], "students": []}', ["/faculty"], {"students": 0}, id="in the singular"),
        pytest.param(b'{"students": {}, "modules": 7}', ["/modules", "/students"], {}, id="lists that are none"),
        pytest.param(b'{"students": [1, 2], "students": [3]}', [""], {"students": 1}, id="students twice"),
        pytest.param(b'{"students": [1], "students": [3]}', [""], {"students": 1}, id="twice, of one length"),
        pytest.param(b'{"students": [], "staff": [], "students": [{"a": [","]}]}', [""], {"students": 1, "staff": 0}),
    ],
)
def test_what_is_wrong_with_the_whole_is_told(body: bytes, pointers: list[str], lists: dict[str, int]) -> None:
    found, faults = open_body(body, Notes())
    assert [fault.pointer for fault in faults] == pointers
    assert {name: len(entries) for name, entries in found.items()} == lists


@pytest.mark.parametrize(
    ("body", "pointers", "lists"),
    [
        pytest.param(b'{"version": 3, "students": []}', ["/version"], ["students"], id="a field that nobody knows"),
        pytest.param(
            b'{"a/b~": {}, "students": []}', ["/a~1b~0"], ["students"], id="with a name that a pointer escapes"
        ),
        pytest.param(b'{"pupils": [1], "students": []}', ["/pupils"], ["students"], id="a list that nobody knows"),
        pytest.param(b'{"student": 20, "students": []}', ["/student"], ["students"], id="a count"),
        pytest.param(b'{"faculties": null, "students": []}', ["/faculties"], ["students"], id="a list that is null"),
        pytest.param(b'{"students" : null , "staff": []}', ["/students"], ["staff"], id="students that are null"),
    ],
)
def test_what_is_not_taken_of_the_whole_is_noted(body: bytes, pointers: list[str], lists: list[str]) -> None:
    notes = Notes()
    found, faults = open_body(body, notes)
    assert (list(found), faults) == (lists, [])
    assert [note.pointer for note in notes.told()] == pointers


def test_a_misspelt_list_is_found_behind_any_number_of_fields() -> None:
    body = {f"field{n}": n for n in range(300)} | {"Students": [], "students": []}
    notes = Notes()
    assert [fault.pointer for fault in open_body(json.dumps(body).encode(), notes)[1]] == ["/Students"]
    *listed, rest = notes.told()
    assert (len(listed), rest.pointer) == (100, "")
    assert "200 times, not listed here" in rest.message


def test_a_body_of_nothing_but_fields_is_refused() -> None:
    body = {f"field{n}": [] for n in range(1001)} | {"students": []}
    [fault] = open_body(json.dumps(body).encode(), Notes())[1]
    assert (fault.pointer, "more than 1000 fields" in fault.message) == ("", True)


@pytest.mark.parametrize(("name", "meant"), [("Students", "students"), ("staffs", "staff"), ("faculty", "faculties")])
def test_a_list_that_is_misspelt_is_told_how_to_write_it(name: str, meant: str) -> None:
    _, [fault] = open_body(json.dumps({name: [], "modules": []}).encode(), Notes())
    assert f"write it as {meant}" in fault.message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"students", id="a word"),
        pytest.param(b'{"students": [}', id="a bracket astray"),
        pytest.param(b'{"students": []', id="cut short"),
        pytest.param(b'{"students": []} {}', id="two bodies"),
        pytest.param(b'{"\xff": []}', id="a name that is not UTF-8"),
        pytest.param(b'{"students": [NaN]}', id="no number of JSON"),
        pytest.param(b'{"students": ' + b"[" * 100_000, id="too deep"),
    ],
)
def test_what_is_no_json_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotJson):
        open_body(body, Notes())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(
            '{\n// List of faculties\n"faculties": []}',
            "`//` comments are not JSON; take all of them out (line 2, column 1)",
        ),
        pytest.param(
            '{"students": [],\n "staff": [] // all\n}',
            "`//` comments are not JSON; take all of them out (line 2, column 14)",
        ),
        pytest.param("// one\n{}", "`//` comments are not JSON; take all of them out (line 1, column 1)"),
        pytest.param(
            '{"students": [{"firstName": "Zoë", // x\n}]}',
            "`//` comments are not JSON; take all of them out (line 1, column 36)",
        ),
        pytest.param(
            '{"students": [\n/* all */]}', "`/* */` comments are not JSON; take all of them out (line 2, column 1)"
        ),
        pytest.param('{"students": []}\n# end', "`#` comments are not JSON; take all of them out (line 2, column 1)"),
        pytest.param(
            "{“students”: []}",
            "texts and names stand in straight double quotes, not in typographic ones (line 1, column 2)",
        ),
        pytest.param("{'students': []}", "texts and names stand in straight double quotes (line 1, column 2)"),
        pytest.param('{\n\n  "students": [],\n}', "trailing comma in object (line 4, column 1)"),
        pytest.param('{"students": []} // all', "`//` comments are not JSON; take all of them out (line 1, column 18)"),
        pytest.param('{"students": []}\n\n{}', "trailing characters (line 3, column 1)"),
        pytest.param('{"students": [', "input data was truncated"),
        pytest.param('{\r\n"students": nothing}', "invalid character (line 2, column 14)"),
    ],
)
def test_what_is_no_json_is_told_by_line_and_column_with_the_fix(body: str, words: str) -> None:
    with pytest.raises(NotJson) as error:
        open_body(body.encode(), Notes())
    assert str(error.value) == words


def test_a_line_may_be_longer_than_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(not_json, "_STEP", 3)
    body = "ab\nëëë\n\nxëy".encode()
    places = {place: not_json.line_and_column(memoryview(body), place) for place in range(len(body))}
    assert places[0] == (1, 1)
    assert places[3] == (2, 1)
    assert places[5] == (2, 2)
    assert places[10] == (3, 1)
    assert places[11] == (4, 1)
    assert places[14] == (4, 3)


def test_the_documents_annotated_example_is_no_json_for_its_comments() -> None:
    with pytest.raises(NotJson, match=r"`//` comments are not JSON; take all of them out \(line 2, column 1\)"):
        open_body(annotated(), Notes())
