"""The committed schemas are the models', and no change of a model breaks who reads its events already."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from click.testing import Result
from typer.testing import CliRunner

from shared.contract.codec import decode, encode
from shared.contract.topics import TOPICS
from shared.errors import Poison
from tools.asyncapi import DEAD_LETTER_HEADERS, HEADERS
from tools.json_schema import breaks, kind_and_version, schema_of, shape, topics_document, types
from tools.schemas import broken, differences, documents, examples, record
from tools.schemas import schemas as verb
from tools.yaml_text import to_yaml

TOOL = typer.Typer()
TOOL.command()(verb)
FOLDER = Path(__file__).parents[2] / "schemas"
TYPES = sorted(types())


def folder_of(name: str) -> Path:
    kind, version = kind_and_version(name)
    return FOLDER / "examples" / kind / version


def accepted() -> list[Any]:
    paths = [(name, path) for name in TYPES for path in sorted(folder_of(name).glob("*.json"))]
    return [pytest.param(name, path, id=f"{path.parts[-3]}/{path.name}") for name, path in paths]


def refused() -> list[Any]:
    paths = [(name, path) for name in TYPES for path in sorted(folder_of(name).glob("refused/*.json"))]
    return [pytest.param(name, path, id=f"{path.parts[-4]}/{path.name}") for name, path in paths]


# --- what is committed -------------------------------------------------------------------------------------------


def test_the_committed_files_are_as_the_models_are() -> None:
    wanted = documents() | {"readers.json": record(FOLDER, anew=False)}
    assert differences(FOLDER, wanted) == [], "run `make schemas`"


@pytest.mark.parametrize("name", TYPES)
def test_every_schema_is_one(name: str) -> None:
    schema = schema_of(name, types()[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{name.removeprefix('rollcall.')}.schema.json")
    assert schema["title"] == types()[name].__name__


def test_every_event_travels_on_a_topic_and_every_topic_carries_events_that_exist() -> None:
    carried = {event for topic in TOPICS for event in topic.events}
    assert carried == {model.__name__ for model in types().values()}


# --- what readers know -------------------------------------------------------------------------------------------


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each property of a schema and of what it is made of, as Model.field."""
    for name, part in ((schema["title"], schema), *schema.get("$defs", {}).items()):
        yield from ((f"{name}.{field}", said) for field, said in part.get("properties", {}).items())


@pytest.mark.parametrize("name", TYPES)
def test_every_field_says_what_it_means(name: str) -> None:
    silent = [field for field, said in _properties(schema_of(name, types()[name])) if not said.get("description")]
    assert silent == []


@pytest.mark.parametrize("headers", [HEADERS, DEAD_LETTER_HEADERS], ids=["event", "dead letter"])
def test_every_header_says_what_it_means(headers: dict[str, Any]) -> None:
    assert [name for name, said in headers["properties"].items() if not said.get("description")] == []


def test_no_event_has_changed_under_its_readers() -> None:
    assert broken(FOLDER) == []


@pytest.mark.parametrize("name", TYPES)
def test_every_event_has_examples_to_accept_and_to_refuse(name: str) -> None:
    assert list(folder_of(name).glob("*.json")), "run `make schemas` for a first one, and make it better"
    assert list(folder_of(name).glob("refused/*.json"))


@pytest.mark.parametrize(("name", "path"), accepted())
def test_an_example_is_accepted_and_said_again_byte_for_byte(name: str, path: Path) -> None:
    example = json.loads(path.read_text())
    jsonschema.validate(example, schema_of(name, types()[name]), cls=jsonschema.Draft202012Validator)
    value = json.dumps(example, separators=(",", ":"), ensure_ascii=False).encode()
    assert encode(decode(name, value)) == value


@pytest.mark.parametrize(("name", "path"), refused())
def test_a_wrong_example_is_turned_away(name: str, path: Path) -> None:
    example = json.loads(path.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example, schema_of(name, types()[name]), cls=jsonschema.Draft202012Validator)
    with pytest.raises(Poison):
        decode(name, path.read_bytes())


@pytest.mark.parametrize(("name", "path"), accepted())
def test_a_field_that_no_reader_knows_is_turned_away(name: str, path: Path) -> None:
    example = json.loads(path.read_text()) | {"nickname": "Ned"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example, schema_of(name, types()[name]), cls=jsonschema.Draft202012Validator)
    with pytest.raises(Poison, match="nickname"):
        decode(name, json.dumps(example).encode())


# --- how a break is told -----------------------------------------------------------------------------------------

KNOWN: dict[str, Any] = {
    "type": "object",
    "properties": {"school": {"type": "string"}, "year": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
    "required": ["school"],
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({}, [], id="the same"),
        pytest.param({"description": "new words"}, [], id="words are free"),
        pytest.param({"required": ["school", "year"]}, ["/required was"], id="a field becomes required"),
        pytest.param({"required": []}, ["/required was"], id="a field need not be there any more"),
        pytest.param({"properties": {"school": {"type": "string"}}}, ["is gone", "is gone"], id="fields are gone"),
        pytest.param(
            {"properties": KNOWN["properties"] | {"form": {"type": "string"}}},
            ["/properties/form is new"],
            id="a field is new",
        ),
        pytest.param(
            {"properties": KNOWN["properties"] | {"year": {"type": "string"}}},
            ['/properties/year/type was "integer" and is "string"'],
            id="another type",
        ),
        pytest.param(
            {"properties": KNOWN["properties"] | {"kind": {"enum": ["a", "b", "c"]}}},
            ["/properties/kind/enum was"],
            id="another word",
        ),
    ],
)
def test_each_break_is_told_with_its_place(change: dict[str, Any], told: list[str]) -> None:
    found = list(breaks(shape(KNOWN), shape(KNOWN | change)))
    assert len(found) == len(told)
    assert all(part in line for part, line in zip(told, sorted(found), strict=True))


def test_a_field_may_be_called_title_or_default() -> None:
    fields = {"title": {"type": "string"}, "default": {"type": "integer"}}
    assert set(shape({"properties": fields})["properties"]) == {"title", "default"}


# --- the tool ----------------------------------------------------------------------------------------------------


def tool(*words: str) -> Result:
    return CliRunner().invoke(TOOL, words)


def test_what_was_written_checks_and_what_was_touched_does_not(tmp_path: Path) -> None:
    assert tool("--write", str(tmp_path)).exit_code == 0
    assert tool("--check", str(tmp_path)).exit_code == 0
    touched, stray = tmp_path / "sweep_failed.v1.schema.json", tmp_path / "old_event.v1.schema.json"
    touched.write_text(touched.read_text().replace("integer", "string"))
    stray.write_text("{}")
    (tmp_path / "topics.yaml").unlink()
    said = tool("--check", str(tmp_path))
    assert said.exit_code == 1
    for words in ("sweep_failed.v1.schema.json: is not as", "topics.yaml: is missing", "old_event", "no event"):
        assert words in said.stderr


def test_writing_never_changes_what_readers_know(tmp_path: Path) -> None:
    assert tool("--write", str(tmp_path)).exit_code == 0
    path = tmp_path / "readers.json"
    known = json.loads(path.read_text())
    known["rollcall.sweep_failed.v1"]["required"].remove("reason")
    known["rollcall.student_expelled.v1"] = {"type": "object"}
    path.write_text(json.dumps(known))
    said = tool("--write", str(tmp_path))
    assert said.exit_code == 1
    assert "rollcall.sweep_failed.v1: /required was" in said.stderr
    assert "rollcall.student_expelled.v1 is gone" in said.stderr
    assert "give the event a new version" in said.stderr
    assert tool("--write", "--anew", str(tmp_path)).exit_code == 0


def test_examples_are_begun_once_and_then_left_to_people(tmp_path: Path) -> None:
    assert set(examples(tmp_path)) > {"examples/sweep_failed/1/full.json", "examples/sweep_failed/1/least.json"}
    (tmp_path / "examples" / "sweep_failed" / "1").mkdir(parents=True)
    assert not [name for name in examples(tmp_path) if "sweep_failed" in name]


@pytest.mark.parametrize("words", [(), ("--write", "--check")])
def test_one_of_write_and_check_must_be_said(words: tuple[str, ...]) -> None:
    assert tool(*words).exit_code == 2


# --- YAML --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {"a": "plain", "b": "yes", "c": "12", "d": "1.0", "e": "a: b", "f": "é #", "g": "", "h": "two\nlines"},
        {"a": [], "b": {}, "c": None, "d": True, "e": 7, "f": -1.5},
        {"a": [{"b": 1, "c": [2, {"d": 3}]}, [1, [2]], "x"], "$ref": "#/a/b", "on": {"no": "off"}},
    ],
)
def test_what_is_written_as_yaml_is_read_as_it_was(value: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_the_documents_are_yaml() -> None:
    topics = yaml.safe_load(topics_document())
    assert topics["account-state"]["cleanup"] == "compact"
    assert topics["students-fetched"]["cleanup"] == {"delete": "14d"}
    channels = yaml.safe_load(documents()["asyncapi.yaml"])["channels"]
    assert set(channels) == {name for one in TOPICS for name in (one.name, one.dead_letters)}


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load(documents()["asyncapi.yaml"])
    for reference in references(document):
        if reference.startswith("./"):
            assert reference.removeprefix("./") in documents()
            continue
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for one in part:
            yield from references(one)
