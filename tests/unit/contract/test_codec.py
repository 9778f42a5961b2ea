"""Names, bytes and ids: what crosses a topic must be told by others, and be the same when it is said twice."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

import services
import shared
from services.reconciler.messages import ChangeEnvelope
from shared.contract.codec import Record, decode, encode, event_id, roll_hash
from shared.contract.events import ModuleEnrolled, StudentFetched
from shared.contract.model import Frozen
from shared.errors import Poison
from shared.lanes import dead_letters
from tests.harness.builders import a_student, at


def every_model(of: type[Frozen] = Frozen) -> Iterator[type[Frozen]]:
    for model in of.__subclasses__():
        yield model
        yield from every_model(model)


def a_record() -> Record:
    return Record("students-assessed", 3, 41, "abbey/1", b"{}", {"read_at": at(), "sweep": "s1"})


def test_the_official_sdk_reads_our_attributes() -> None:
    event = ModuleEnrolled(school="abbey", student_id="1", version=41, module="Y10-HIS")
    message = ChangeEnvelope(a_record()).change(event, "abbey", "1", 41)
    read = from_kafka_event(KafkaMessage(headers=dict(message.headers), key=message.key.encode(), value=message.value))
    assert read.get_id() == event_id("abbey", "1", 41, "module_enrolled", "Y10-HIS")
    assert read.get_type() == "rollcall.module_enrolled.v1"
    assert read.get_source() == "/rollcall/schools/abbey"
    assert read.get_subject() == "abbey/1"
    assert read.get_specversion() == "1.0"
    assert read.get_time() is not None
    assert read.get_data() == {"school": "abbey", "student_id": "1", "version": 41, "module": "Y10-HIS"}


def test_an_id_says_what_it_identifies() -> None:
    assert event_id("abbey", "1", 7, "kind", "x") == "abbey/1/7/kind/x"


@pytest.mark.parametrize(
    "other",
    [
        ("b", "1", 7, "k", "d"),
        ("a", "2", 7, "k", "d"),
        ("a", "1", 8, "k", "d"),
        ("a", "1", 7, "l", "d"),
        ("a", "1", 7, "k", "e"),
    ],
)
def test_whatever_differs_gives_another_id(other: tuple[str, str, int, str, str]) -> None:
    assert event_id("a", "1", 7, "k", "d") != event_id(*other)


def test_the_same_student_is_the_same_bytes_and_comes_back_equal() -> None:
    event = StudentFetched(school="abbey", student=a_student(modules=("a", "b")))
    again = StudentFetched(school="abbey", student=a_student(modules=("a", "b")))
    assert encode(event) == encode(again)
    assert decode("rollcall.student_fetched.v1", encode(event)) == event


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (None, b"{}", "ce_type is missing"),
        ("rollcall.nobody.v9", b"{}", "unknown type"),
        ("rollcall.student_fetched.v1", b"{", "not JSON"),
        ("rollcall.student_fetched.v1", b"\xff", "not JSON"),
        ("rollcall.student_fetched.v1", b'{"school":"a","student":{"student_id":7}}', "student.student_id"),
        ("rollcall.student_fetched.v1", b'{"school":"a","student":{"student_id":"7","shoe":1}}', "shoe"),
    ],
)
def test_poison_names_what_is_wrong(name: str | None, value: bytes, says: str) -> None:
    with pytest.raises(Poison, match=says):
        decode(name, value)


def test_a_dead_letter_has_the_record_as_it_came_and_why() -> None:
    record = Record("t-students-fetched", 2, 9, "abbey/1", b"\xff{", {"ce_type": "x", "read_at": at()})
    letter = dead_letters.letter(record, Poison("why"))
    told = {name: value.decode() for name, value in letter.headers}
    assert (letter.topic, letter.lane, letter.key, letter.value) == ("students-fetched-dlq", 2, "abbey/1", b"\xff{")
    assert told["ce_type"] == "x"
    assert (told["dlq_topic"], told["dlq_partition"], told["dlq_offset"]) == ("students-fetched", "2", "9")
    assert (told["dlq_error"], told["dlq_attempts"], told["dlq_version"]) == ("why", "1", dead_letters.RELEASE)


@pytest.mark.parametrize(
    ("key", "population", "person"),
    [
        pytest.param("abbey/17", "abbey", "17", id="a student"),
        pytest.param("abbey+staff/17", "abbey+staff", "17", id="a member of staff"),
        pytest.param("abbey", "abbey", "", id="a whole population"),
        pytest.param("abbey//structure", "abbey", "/structure", id="a part of a school"),
        pytest.param("", "", "", id="no key"),
    ],
)
def test_a_key_names_a_population_and_a_person(key: str, population: str, person: str) -> None:
    record = Record("t", 0, 0, key, b"")
    assert record.whose == (population, person)
    assert record.population == population


def test_a_roll_is_a_set() -> None:
    assert roll_hash(["2", "1", "1"]) == roll_hash(["1", "2"]) != roll_hash(["1", "2", "3"])


def test_no_model_takes_a_value_without_its_name() -> None:
    for package in (services, shared):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    models = list(every_model())
    assert len(models) > 100
    for model in models:
        kinds = {field.kind for field in inspect.signature(model).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, f"{model} lacks kw_only=True"
        assert model.__struct_config__.frozen, model
