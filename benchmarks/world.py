"""What every benchmark stands on: a configuration, and made-up students of one kilobyte."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from shared import clock
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Message, digest, encode, event_id, headers
from shared.contract.events import StudentFetched, SweepStarted
from shared.contract.model import Frozen, Student
from shared.contract.topics import STUDENTS_FETCHED
from shared.kafka.client import KafkaLog, Reader, client_settings, topic_name
from shared.lanes.partition import lane_of

SCHOOLS = 32
PARTITIONS = 12  # the default
LOOK_SECONDS = 0.05  # between two looks at how far a service is: looking takes from the cores that it runs on


def slug(number: int) -> str:
    return f"school-{number:02d}"


def configure(folder: Path, kafka: str, redis: str) -> Path:
    """A configuration with one tenant and ``SCHOOLS`` schools, none of which is ever read."""
    lines = [
        f'[kafka]\nbootstrap_servers = "{kafka}"\npartitions = {PARTITIONS}',
        f'[redis]\nurl = "{redis}"',
        '[logging]\nlevel = "warning"',
        '[tenants.bench]\nurl = "http://127.0.0.1:9/v1/sync"\napi_key = { file = "secret" }',
    ]
    lines += [
        f'[schools.{slug(n)}]\ntenant = "bench"\nsource = "isams"\nbase_url = "http://127.0.0.1:9"\n'
        f'client_id = "bench"\nclient_secret = {{ file = "secret" }}'
        for n in range(SCHOOLS)
    ]
    (folder / "secret").write_text("not a secret")
    path = folder / "rollcall.toml"
    path.write_text("\n".join(lines))
    return path


def read_config(path: Path) -> Config:
    return load(path, {})


def a_student(number: int, version: int = 1) -> Student:
    """One kilobyte of JSON, all told, with one programme and two modules."""
    return Student(
        student_id=str(3_050_000_000 + number),
        system_status=1,
        system_status_word="Current",
        title="Miss",
        first_name=f"Forename{number % 997}",
        preferred_name=f"Known{number % 499}",
        middle_names="Alexandra Charlotte",
        last_name=f"Surname{number % 1999}",
        date_of_birth=f"{2008 + number % 7}-0{1 + number % 9}-{10 + number % 18}",
        email=f"student.{number}@{slug(number % SCHOOLS)}.example",
        personal_email=f"somebody.{number}@home.example",
        phone=f"+44 7000 {number:06d} {version}",
        year_group=7 + number % 7,
        enrolment_year=2022,
        form=f"{7 + number % 7}B",
        photo_id=number,
        programmes=(f"Y{7 + number % 7}",),
        modules=tuple(f"Y{7 + number % 7}-{code}" for code in ("ENG", "MAT")),
        house="Elm, " + "x" * 360,  # up to one kilobyte: real records have as much that does not matter here
    )


def fetched(numbers: Iterator[int] | range, sweep: str, version_of: Callable[[int], int]) -> Iterator[Message]:
    """StudentFetched of these students, as the fetcher would send them."""
    now = clock.now()
    for number in numbers:
        school = slug(number % SCHOOLS)
        student = a_student(number, version_of(number))
        yield message(school, StudentFetched(school=school, student=student), student.student_id, sweep, now)


def started(sweep: str) -> Iterator[Message]:
    now = clock.now()
    for number in range(SCHOOLS):
        school = slug(number)
        yield message(school, SweepStarted(school=school, sweep=sweep, started_at=now, full=True), "", sweep, now)


def message(school: str, event: Frozen, student: str, sweep: str | None, now: str) -> Message:
    value = encode(event)
    key = f"{school}/{student}" if student else school
    told = headers(
        type(event),
        id=event_id(school, student, 0, type(event).__name__, f"{sweep}/{now}"),
        school=school,
        subject=key,
        time=now,
        read_at=now,
        sweep=sweep,
        digest=digest(value).hex(),
    )
    return Message(STUDENTS_FETCHED, lane_of(school, PARTITIONS), key, value, told)


def publish(log: KafkaLog, messages: Iterator[Message]) -> int:
    count, batch = 0, []
    for one in messages:
        batch.append(one)
        count += 1
        if len(batch) == 20_000:
            log.publish(batch)
            batch = []
    log.publish(batch)
    return count


def ends(reader: Reader, topic: str) -> dict[int, int]:
    return {lane: reader.edges(topic, lane)[1] for lane in range(PARTITIONS)}


def raw_consume_rate(config: Config, topic: str, starts: dict[int, int], stops: dict[int, int]) -> float:
    """librdkafka's own rate over a stretch of a topic, records per second: the limit of whoever reads it."""
    consumer = Consumer(
        client_settings(config)
        | {"group.id": "raw", "enable.auto.commit": False, "fetch.queue.backoff.ms": 20, "fetch.wait.max.ms": 50}
    )
    name = topic_name(config, topic)
    consumer.assign([TopicPartition(name, lane, starts[lane]) for lane in starts])
    wanted, count, first, begun = sum(stops.values()) - sum(starts.values()), 0, 0, 0.0
    while count < wanted:
        batch = consumer.consume(2000, 0.05)
        if batch and not count:
            first, begun = len(batch), time.perf_counter()
        count += len(batch)
    rate = (count - first) / (time.perf_counter() - begun)
    consumer.close()
    return rate


@contextmanager
def service(name: str, config_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One service as a process of its own, ended by its id."""
    process = subprocess.Popen([sys.executable, "-m", "services.cli.main", "--config", str(config_path), "run", name])
    try:
        yield process
    finally:
        process.terminate()
        if process.wait(15) != 0:
            raise RuntimeError(f"{name} ended with {process.returncode}")


def rate_until(processes: list[subprocess.Popen[bytes]], done: Callable[[], int], wanted: int) -> float:
    """Things done per second, from the first that were seen done to the last; ``done`` counts them."""
    first = 0
    while not (first := done()):
        _alive(processes)
        time.sleep(0.02)
    begun = time.perf_counter()
    while (count := done()) < wanted:
        _alive(processes)
        time.sleep(LOOK_SECONDS)
    return (count - first) / (time.perf_counter() - begun)


def _alive(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise RuntimeError(f"a service ended with {process.returncode}")
