"""Lists of Unitu's entities, as people and programs write them."""

import json

import pytest

from services.publisher.account_list import UnreadableList
from services.publisher.entity_list import read_entities

BODY = {
    "faculties": [{"code": "F", "name": "Seniors"}],
    "programmes": [{"code": "Y10", "name": "Year 10"}, {"code": "Y11", "name": "Year 11"}],
    "students": [{"email": "s1@x"}],
}
READ = {"faculties": ("F",), "programmes": ("Y10", "Y11")}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(json.dumps(BODY).encode(), id="a sync body"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(BODY).encode(), id="with a mark before it"),
        pytest.param(b'{"faculties": {"F": "Seniors"}, "programmes": {"Y10": "a", "Y11": "b"}}', id="names by code"),
        pytest.param(b'{"faculties": ["F"], "programmes": ["Y10", "Y11"]}', id="codes alone"),
        pytest.param(
            b'[{"list":"faculties","code":"F"},{"list":"programmes","code":"Y10"},{"list":"programmes","code":"Y11"}]',
            id="as our own list is written",
        ),
        pytest.param(b"list,code,name\nfaculties,F,Seniors\nprogrammes,Y10,a\nprogrammes,Y11,b\n", id="CSV"),
        pytest.param("Type;Name;Code\r\nFaculty;Søren;F\r\nProgramme;a;Y10\r\nProgram;b; Y11\r\n".encode(), id="cells"),
        pytest.param("kind\tcode\nFACULTY\tF\nprogramme\tY10\nprogrammes\tY11\n".encode("utf-16"), id="UTF-16"),
    ],
)
def test_each_usual_way_of_writing_a_list_is_read(data: bytes) -> None:
    assert read_entities(data).codes == READ


def test_a_file_of_one_list_need_not_say_which() -> None:
    assert read_entities(b"Programme code\nY10\nY11\nY10\n", "programmes").codes == {"programmes": ("Y10", "Y11")}
    assert read_entities(b'["Y10", 11]', "programmes").codes == {"programmes": ("Y10", "11")}


def test_of_a_file_of_more_than_one_list_only_the_named_one_is_read() -> None:
    assert read_entities(json.dumps(BODY).encode(), "faculties").codes == {"faculties": ("F",)}
    found = read_entities(b"list,code\nfaculty,F\nprogramme,Y10\n", "programmes")
    assert (found.codes, found.without_count) == ({"programmes": ("Y10",)}, 0)


def test_what_has_no_code_or_no_known_list_is_counted() -> None:
    found = read_entities(b"list,code\nfaculties,F\nfaculties,\nhouse,N\n")
    assert (found.row_count, found.without_count) == (3, 2)
    assert found.words == "1 faculties; 2 of 3 rows have no code, or no list"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name,list\na,faculties\n", 'no column is called "code"; there are: name, list'),
        (b"code\nY10\n", "say which list it is with --list"),
        (b"list,code\nhouse,N\n", "no row has a code and one of the lists"),
        (b"{}", "no row has a code"),
        (b"", 'no column is called "code"; there are: none'),
        (b"12", "neither a list nor an object"),
        (b'[{"list": "modules", "code": true}, null]', "no row has a code"),
        (b"PK\x03\x04", "a spreadsheet or an archive; save it as CSV"),
    ],
)
def test_what_is_no_list_of_entities_says_what_is_missing(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableList, match=words):
        read_entities(data)
