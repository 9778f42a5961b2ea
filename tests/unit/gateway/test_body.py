"""A body before anybody looks into its lists."""

import pytest

from services.gateway.body import NotJson, open_body


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
        pytest.param(b'{"a/b~": 1, "staff": []}', ["/a~1b~0"], {"staff": 0}, id="a name that a pointer escapes"),
        pytest.param(b'{"students": null}', ["/students"], {}, id="a list that is null"),
        pytest.param(b'{"students": {}, "modules": 7}', ["/modules", "/students"], {}, id="lists that are none"),
        pytest.param(b'{"students": [1, 2], "students": [3]}', [""], {"students": 1}, id="students twice"),
        pytest.param(b'{"students": [1], "students": [3]}', [""], {"students": 1}, id="twice, of one length"),
        pytest.param(b'{"students": [], "staff": [], "students": [{"a": [","]}]}', [""], {"students": 1, "staff": 0}),
    ],
)
def test_what_is_wrong_with_the_whole_is_told(body: bytes, pointers: list[str], lists: dict[str, int]) -> None:
    found, faults = open_body(body)
    assert [fault.pointer for fault in faults] == pointers
    assert {name: len(entries) for name, entries in found.items()} == lists


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
        open_body(body)
