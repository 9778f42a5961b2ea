"""A hundred thousand malformed records on a real Kafka: each is set aside, or the service stops before it takes one."""

from fractions import Fraction
from typing import Any

import pytest

from services.eligibility.app import EligibilityService
from services.reconciler import keys
from services.reconciler.app import ReconcilerService, store_of
from shared.config.load import load
from shared.config.settings import Config
from shared.config.settings import Poison as PoisonLimit
from shared.contract.account_state import AccountState
from shared.contract.codec import Message, Record, decoder, encode
from shared.contract.events import StudentFetched
from shared.contract.topics import STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import Reader
from shared.lanes.poison_limit import TooMuchPoison
from tests.conftest import ConfigFile
from tests.harness.builders import a_student, a_sweep, at
from tests.integration.in_process import as_messages, count_of, publish, running, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

LANE = 0
BAD = 100_000
SCHOOLS = ("abbey", "priory", "minster")
LETTERS = f"{STUDENTS_FETCHED}-dlq"
TOLD = [(name, text.encode()) for name, text in (("ce_type", "rollcall.student_fetched.v1"), ("read_at", at()))]
WAYS: tuple[tuple[str, bytes, list[tuple[str, bytes]]], ...] = (
    ("abbey/1", b"{", TOLD),
    ("abbey/2", b'{"school":"abbey","student":{"student_id":7}}', TOLD),
    ("abbey/3", encode(StudentFetched(school="abbey", student=a_student("4"))), TOLD),
    ("abbey/5", b"\xff\xfe\x00", TOLD),
    ("abbey/6", b"{}", [("ce_type", b"rollcall.made_up.v9")]),
    ("abbey", b"", []),
    ("\x00", b"\x80", [("ce_type", b"\xff")]),
    ("abbey", b'{"school":"abbey"}', [("ce_type", b"rollcall.sweep_completed.v1")]),
)


def schools(names: tuple[str, ...]) -> str:
    text = '[tenants.abbey]\nurl = "http://127.0.0.1:9/v1/sync"\napi_key = { file = "secret" }\n'
    for slug in names:
        text += (
            f'[schools.{slug}]\ntenant = "abbey"\nsource = "isams"\nbase_url = "http://127.0.0.1:9"\n'
            'client_id = "made-up"\nclient_secret = { file = "secret" }\n'
        )
    return text


def rubbish(count: int, first: int = 0) -> list[Message]:
    """Of every way in turn."""
    ways = [WAYS[number % len(WAYS)] for number in range(first, first + count)]
    return [Message(STUDENTS_FETCHED, LANE, key, value, told) for key, value, told in ways]


def people_of(slug: str) -> list[Any]:
    number = 3050000000 + 1000 * SCHOOLS.index(slug)
    return [a_student(str(number + n), email=f"s{n}@{slug}.example") for n in range(100)]


def good(slug: str) -> list[Message]:
    return as_messages(a_sweep(f"{slug}-1", people_of(slug), school=slug, full=True), partitions=1)


def between(goods: list[Message], bads: int) -> list[Message]:
    """So many bad ones, sprinkled between good ones."""
    share, sent = bads // len(goods), 0
    mixed: list[Message] = []
    for number, one in enumerate(goods):
        count = share if number else bads - share * (len(goods) - 1)
        mixed += [*rubbish(count, sent), one]
        sent += count
    return mixed


def enabled(config: Config, slug: str) -> set[str]:
    found = store_of(config).read(LANE, whole=[keys.students(slug)]).whole[keys.students(slug)]
    states: dict[str, AccountState] = {id: decoder(AccountState).decode(value) for id, value in found.items()}
    return {id for id, state in states.items() if state.status == "enabled"}


def letters_of(config: Config, topic: str = LETTERS) -> list[Record]:
    with Reader(config) as reader:
        return list(reader.read(topic, LANE))


async def test_a_hundred_thousand_malformed_records_stop_nobody(config_file: ConfigFile) -> None:
    """
    One school sends them between its good ones, and two others behind it; the settings are the defaults. Fails when the
    share is one of records (the service stops), and when one bad record costs its neighbours anything.
    """
    config = load(config_file(schools(SCHOOLS), partitions=1), {})
    goods = good("abbey")
    publish(config, [*between(goods, BAD), *good("priory"), *good("minster")])
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: all(len(enabled(config, slug)) == 100 for slug in SCHOOLS))
    found = letters_of(config)
    assert len({letter.header("dlq_offset") for letter in found}) == BAD
    reasons = {letter.header("dlq_error") for letter in found}
    assert None not in reasons
    assert "" not in reasons
    assert len(reasons) == len(WAYS), reasons
    assert count_of(config, f"{STUDENTS_ASSESSED}-dlq") == 0, "what cannot be read goes no further"


async def test_a_release_that_cannot_read_stops_before_it_takes_anything_more(config_file: ConfigFile) -> None:
    """
    The only school's records are nine tenths rubbish. Fails when the watch is taken out of eligibility: it would go to
    the end. Set to let everything pass, the next start goes on where this one stopped, and nothing is lost.
    """
    config = load(config_file(schools(("abbey",)), partitions=1), {})
    goods = good("abbey")
    publish(config, between(goods, 3000))
    with pytest.raises(TooMuchPoison, match=r"students-fetched/0 at 0: .*poison\.share = 1\.0"):
        async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
            await until(tasks, lambda: False)
    assert count_of(config, LETTERS) == 0
    assert count_of(config, STUDENTS_ASSESSED) == 0

    config = config.model_copy(update={"poison": PoisonLimit(share=Fraction(1))})
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: len(enabled(config, "abbey")) == 100)
    assert {letter.header("dlq_offset") for letter in letters_of(config)} == {
        str(number) for number, one in enumerate(between(goods, 3000)) if one not in goods
    }
