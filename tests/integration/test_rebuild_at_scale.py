"""
Twenty thousand students of three schools, removals held and staged, a sweep half done; Redis is made anew from the log.

The records go through the real eligibility and the real reconciler, on the run's Kafka and Redis.
"""

from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.eligibility.app import EligibilityService
from services.reconciler import keys
from services.reconciler.app import ReconcilerService, store_of
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.account_state import AccountState, LaneState, SchoolState
from shared.contract.codec import decode, decoder
from shared.contract.events import StudentFetched
from shared.contract.model import Frozen, Student
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED, SYNC_REQUESTS
from shared.kafka.client import Reader
from shared.lanes.partition import lane_of
from shared.redis.client import connect
from tests.conftest import ConfigFile
from tests.harness.builders import a_leaver, a_student, a_sweep
from tests.integration.in_process import as_messages, publish, running, until
from tests.unit.cli.words import rollcall

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(600)]

LANES = 2
WAITING = 5
TIMES = (0, 5, 10, 80, 90)
SIZES = {"abbey": 12_000, "priory": 6_000, "minster": 2_000}
Kept = dict[str, Any]


def people_of(slug: str) -> dict[str, Student]:
    """By id; a third of them in each of three year groups."""
    first = 3050000000 + 100_000 * list(SIZES).index(slug)
    return {
        str(first + n): a_student(
            str(first + n), email=f"s{n}@{slug}.example", year_group=9 + n % 3, modules=(f"Y{9 + n % 3}-ENG", "MUS")
        )
        for n in range(SIZES[slug])
    }


def first_term(slug: str) -> list[list[Frozen]]:
    """
    Everybody joins, a few leave and a few move. Then some leave by record, some are missing, some lose a module: of
    each more than may. A few wait for another's e-mail. And another sweep is under way.
    """
    people = people_of(slug)
    ids = list(people)
    size = len(ids)
    gone, moved, leave = ids[:50], ids[50:100], ids[100:300]
    vanish, lose = ids[300 : 300 + size // 10], ids[-size // 3 :]
    first = {id: a_leaver(id, email=people[id].email) for id in gone}
    first |= {id: msgspec.structs.replace(people[id], modules=("MUS", "ART")) for id in moved}
    told = [a_leaver(id, email=people[id].email) for id in leave]
    told += [msgspec.structs.replace(people[id], modules=("MUS",)) for id in lose]
    told += [a_student(f"9{n}", email=people[ids[-1 - n]].email) for n in range(WAITING)]
    now = people | first
    stay = [one for id, one in now.items() if id not in gone]
    now |= {one.student_id: one for one in told}
    here = [one for id, one in now.items() if id not in {*gone, *leave, *vanish}]
    corrected = [msgspec.structs.replace(one, last_name=f"Beck {n}") for n, one in enumerate(here[: size // 4])]
    half = a_sweep("s5", here, sends=corrected, school=slug, minutes=90, chunk=1000)
    return [
        a_sweep("s1", people.values(), school=slug, full=True),
        a_sweep("s2", stay, sends=first.values(), school=slug, minutes=5),
        a_sweep("s3", here, sends=told, school=slug, minutes=10),
        a_sweep("s4", here, sends=[], with_roll=False, school=slug, minutes=80),
        half[:-2],  # neither the last chunk of the roll nor the close has come
    ]


def configured(config_file: ConfigFile) -> Path:
    text = '[tenants.abbey]\nurl = "http://127.0.0.1:9/v1/sync"\napi_key = { file = "secret" }\n'
    for slug in SIZES:
        text += (
            f'[schools.{slug}]\ntenant = "abbey"\nsource = "isams"\nbase_url = "http://127.0.0.1:9"\n'
            'client_id = "made-up"\nclient_secret = { file = "secret" }\n'
        )
    return config_file(text, partitions=LANES)


def lane_record(config: Config, lane: int) -> LaneState | None:
    record = store_of(config).read(lane).lane
    return None if record is None else decoder(LaneState).decode(record)


def has_all(config: Config) -> bool:
    """Eligibility and the reconciler have taken whatever is there."""
    with Reader(config) as reader:
        for lane in range(LANES):
            fetched, assessed = (reader.edges(topic, lane)[1] for topic in (STUDENTS_FETCHED, STUDENTS_ASSESSED))
            state = lane_record(config, lane)
            if fetched != assessed or state is None or state.position != assessed:
                return False
    return True


def everything(config: Config) -> Kept:
    """All that Redis has of the reconciler, by key, as bytes."""
    client, start = connect(config), f"{config.redis.key_prefix}reconciler:"
    keys = sorted(key.decode() for key in client.scan_iter(f"{start}*", count=1000))
    kinds = {"hash": client.hgetall, "string": client.get, "set": client.smembers}
    return {key.removeprefix(start): kinds[client.type(key).decode()](key) for key in keys}


def comparable(kept: Kept) -> Kept:
    """
    Without what a rebuild may not have: its own mark on the lane, where account-state ended when it was last looked at,
    and the chunks of an open sweep's roll, which are told to nobody (that sweep then proves nothing).
    """
    found = {}
    for key, value in kept.items():
        if "}:chunks:" in key or key.endswith("}:account-state"):
            continue
        if key.endswith("!lane"):
            value = msgspec.structs.replace(
                decoder(LaneState).decode(value), epoch="", rebuilt_offset=-1, rebuilt_because=""
            )
        if key.endswith("!sizes"):  # a rebuild knows nothing of a hash that has become empty
            value = {
                name: size
                for name, size in value.items()
                if not name.startswith((b"chunks:", b"account-state")) and int(size)
            }
        found[key] = value
    return found


def assert_same(before: Kept, after: Kept) -> None:
    """Told by key and field: the whole would be megabytes."""
    was, is_now = comparable(before), comparable(after)
    assert was.keys() == is_now.keys()
    for key, value in was.items():
        if isinstance(value, dict):
            differing = [field for field in {*value, *is_now[key]} if value.get(field) != is_now[key].get(field)]
            assert not differing, (key, len(differing), value.get(differing[0]), is_now[key].get(differing[0]))
        else:
            assert value == is_now[key], key


def school_of(kept: Kept, slug: str) -> SchoolState:
    value = kept[f"{{lane-{lane_of(slug, LANES)}}}:{keys.SCHOOLS}"][slug.encode()]
    found: SchoolState = decoder(SchoolState).decode(value)
    return found


def assert_has_everything_in_it(kept: Kept) -> None:
    """So that what is compared is worth comparing."""
    for slug, size in SIZES.items():
        school = school_of(kept, slug)
        assert school.students == size + WAITING
        assert school.open is not None
        assert school.open.sweep == "s5"
        assert set(school.holds) == {"disable_explained", "disable_unexplained", "unenrol"}, slug
        states = kept[f"{{lane-{lane_of(slug, LANES)}}}:{keys.students(slug)}"].values()
        people: list[AccountState] = [decoder(AccountState).decode(value) for value in states]
        assert sum(one.disabled_at is not None for one in people) == 50
        assert sum("move" in one.spent for one in people) == 50
        assert sum(one.staged is not None for one in people) == 200
        assert sum(one.absence is not None for one in people) >= size // 10
        assert sum(one.unenrol is not None for one in people) >= size // 4
        assert sum(one.waits_for_email is not None for one in people) == WAITING
        assert sum(one.details is not None and one.details.last_name.startswith("Beck") for one in people) >= size // 5


async def test_twenty_thousand_students_come_back_byte_for_byte(config_file: ConfigFile) -> None:
    """
    Three times: by `rollcall rebuild`, by a start with an empty Redis, and by one hash that is gone. Fails when
    anything is kept in Redis only, or derived in another way than it was kept: leave out what was removed lately, say.
    """
    path = configured(config_file)
    config = load(path, {})
    terms = {slug: first_term(slug) for slug in SIZES}
    for number, minutes in enumerate(TIMES):
        publish(config, chain(*(as_messages(term[number], LANES, minutes) for term in terms.values())))
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: has_all(config))
    before = everything(config)
    assert_has_everything_in_it(before)

    store = store_of(config)
    for lane in range(LANES):
        record = store.read(lane).lane
        assert record is not None
        assert store.replace(lane, record, record, {}), "everything but the lane's record is lost"
    said = rollcall(path, "rebuild", "--yes", "--json")
    assert said.code == 0, said.err
    assert_same(before, await read_on(config))

    client = connect(config)
    client.delete(*client.scan_iter(f"{config.redis.key_prefix}reconciler:*", count=1000))
    assert_same(before, await read_on(config))

    key = next(key for key in client.scan_iter(f"{config.redis.key_prefix}reconciler:*emails:minster"))
    client.delete(key)
    repeated = StudentFetched(school="minster", student=next(iter(people_of("minster").values())))
    publish(config, as_messages([repeated], LANES))  # older than what is known of that student: changes nothing
    after = await read_on(config, EligibilityService(config))
    lane = f"{{lane-{lane_of('minster', LANES)}}}:!lane"
    for kept in (before, after):
        kept[lane] = b'{"lane":0,"position":0}'  # one record further
    assert_same(before, after)

    requests: list[Any] = [decode(one.header("ce_type"), one.value) for one in records(config, SYNC_REQUESTS)]
    assert {one.school for one in requests} == set(SIZES)
    assert all(one.full for one in requests)


async def read_on(config: Config, *more: Any) -> Kept:
    """What Redis has once the reconciler has started, looked, and read whatever is there."""
    async with running(ReconcilerService(config), *more) as tasks:
        await until(tasks, lambda: has_all(config))
    return everything(config)


def records(config: Config, topic: str) -> list[Any]:
    with Reader(config) as reader:
        return [one for lane in range(LANES) for one in reader.read(topic, lane)]
