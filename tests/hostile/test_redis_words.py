"""Ids, addresses and notes that would be orders if a script of Redis's ever took them for its own text."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config.settings import Config
from shared.redis.client import connect
from shared.redis.due_queue import RedisDueQueue
from shared.redis.fenced_hashes import RedisFencedHashes

pytestmark = pytest.mark.redis

ORDERS = (
    "'] redis.call('FLUSHALL') --",
    '"); redis.call("FLUSHALL"); ("',
    "]] .. redis.call('FLUSHALL') .. [[",
    "\nredis.call('SET', KEYS[1], 'mine')\n",
    "ARGV[1]",
    "KEYS[2]",
    "%d %s %f",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "{lane-1}",
    "*",
    "a\x00b",
    "-1",
    "nan",
    "ann'o@abbey.example' or 1=1",
    "\N{ZERO WIDTH SPACE}",
)
WORDS = st.one_of(st.sampled_from(ORDERS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
NUMBERS = itertools.count()
ON_A_SERVER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ON_A_SERVER
@given(words=st.dictionaries(WORDS, WORDS, min_size=1, max_size=8), mark=WORDS)
def test_people_and_hashes_are_kept_under_any_name(config: Config, words: dict[str, str], mark: str) -> None:
    number = next(NUMBERS)
    with connect(config) as client:
        store = RedisFencedHashes(client, config.redis.key_prefix, f"words-{number}")
        client.set(f"{config.redis.key_prefix}beside", b"untouched")
        names = [f"people:{word}" for word in words]
        hashes = {name: {field: value.encode() for field, value in words.items()} for name in names}
        changes = {name: dict[str, bytes | None](fields) for name, fields in hashes.items()}
        assert store.write(0, None, mark.encode(), changes)
        assert not store.write(0, b"another", b"mine", changes), "the fence holds"
        seen = store.read(0, whole=names)
        assert (seen.lane, dict(seen.whole), list(seen.lost)) == (mark.encode(), hashes, [])
        assert store.read(1, whole=names).lane is None, "no word names another lane"
        one = next(iter(words))
        assert store.write(0, mark.encode(), b"next", {names[0]: {one: None}})
        assert set(store.read(0, whole=names).whole[names[0]]) == set(words) - {one}
        assert client.get(f"{config.redis.key_prefix}beside") == b"untouched"


@ON_A_SERVER
@given(members=st.lists(WORDS, min_size=1, max_size=6, unique=True), note=WORDS)
def test_whatever_is_due_is_claimed_under_its_own_name(config: Config, members: list[str], note: str) -> None:
    with connect(config) as client:
        queue = RedisDueQueue(client, config.redis.key_prefix, f"words-{next(NUMBERS)}", lambda: 100.0)
        client.set(f"{config.redis.key_prefix}beside", b"untouched")
        queue.ensure(dict.fromkeys(members, 50.0))
        queue.hasten(members[0], 10.0, note)
        claims = [queue.claim(100.0, 60.0) for _ in members]
        assert queue.claim(100.0, 60.0) is None
        assert {claim.member for claim in claims if claim} == set(members)
        assert claims[0] is not None
        assert (claims[0].member, claims[0].note) == (members[0], note)
        for claim in claims:
            assert claim is not None
            assert queue.finish(claim, 500.0, fulfilled=True)
        assert set(queue.members()) == set(members)
        assert client.get(f"{config.redis.key_prefix}beside") == b"untouched"
