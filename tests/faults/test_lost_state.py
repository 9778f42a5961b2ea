"""What Redis had is gone, or old: story 1, an older copy, and each key alone."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from services.sandbox.schools.school import make_joiner
from shared.contract.topics import ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED
from shared.kafka.client import client_settings, topic_name
from shared.lanes.partition import lane_of
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town
from tests.faults.copies import Copies

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]

# an older copy has leases that nobody holds any more
QUICK = "timeout_seconds = 2\nlease_seconds = 4\nretry_max_seconds = 1"


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24, tenant=QUICK, school="lease_seconds = 4") as town:
        yield town


@pytest.fixture
def copies(town: Town) -> Iterator[Copies]:
    copies = Copies(town.config.redis.url, town.config.redis.key_prefix)
    yield copies
    copies.close()


def trim(town: Town, *topics: str) -> None:
    """Everything that these topics have now is gone, as after their time."""
    with_lanes = [
        (topic_name(town.config, one), lane) for one in topics for lane in range(town.config.kafka.partitions)
    ]
    admin = AdminClient(client_settings(town.config))
    for deleted in admin.delete_records([TopicPartition(name, lane, -1) for name, lane in with_lanes]).values():
        deleted.result(timeout=60)


def test_with_redis_emptied_and_the_old_changes_gone_the_next_snapshot_is_whole(town: Town, copies: Copies) -> None:
    """
    Nothing but `account-state` can tell who is there: Redis is emptied, what led to it is trimmed, and the school does
    not answer.

    Fails when ``Rebuilder`` reads nothing back (``newest_of([])`` in ``services/reconciler/rebuild.py``): everybody
    is provisioned a second time.
    """
    town.open()
    leaver, first, *_ = town.isams.dump()["students"]
    town.isams.leave(leaver["schoolId"])
    town.isams.add(msgspec.to_builtins(make_joiner(town.slug, 1)))
    town.until_unitu_agrees()
    roster = town.unitu.enabled()
    before = len(town.unitu.snapshots(bodies=False))
    provisioned = ids(town, "provisioned")
    town.isams.fault({"kind": "status", "status": 503})
    trim(town, ACCOUNT_CHANGES, STUDENTS_ASSESSED, STUDENTS_FETCHED)
    copies.empty()
    lane = lane_of(town.slug, town.config.kafka.partitions)
    town.until(lambda: copies.keys(f"reconciler:{{lane-{lane}}}:!lane"), "the rebuild")
    assert town.rollcall("publish", town.slug).returncode == 0
    town.until(lambda: "after_rebuild" in town.rollcall("tenant", "show", town.slug, "--json").stdout, "the wait")
    assert len(town.unitu.snapshots(bodies=False)) == before  # nobody knows how old it is, and nobody has looked
    town.isams.clear_faults()
    town.isams.change(first["schoolId"], surname="Afterwards")
    town.until_unitu_agrees()
    for snapshot in town.unitu.snapshots()[before:]:
        assert {one["email"] for one in snapshot["body"]["students"]} == roster
    assert ids(town, "provisioned") <= provisioned
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}


def ids(town: Town, kind: str) -> set[str | None]:
    records = town.records(ACCOUNT_CHANGES)
    return {one.header("ce_id") for one in records if kind in (one.header("ce_type") or "")}


def test_a_redis_put_back_to_an_older_copy_says_the_same_again(town: Town, copies: Copies) -> None:
    """
    A joiner, a leaver and a correction later, Redis is as it was before them, and nobody is told.

    Fails when ``_align`` (``shared/lanes/loop.py``) takes a batch from wherever it begins: what came in between is
    lost, until a certificate does not agree.
    """
    town.open()
    copy = copies.take()
    leaver, first, *_ = town.isams.dump()["students"]
    town.isams.leave(leaver["schoolId"])
    town.isams.change(first["schoolId"], surname="Changed")
    town.isams.add(msgspec.to_builtins(make_joiner(town.slug, 1)))
    town.until_unitu_agrees()
    told = {one.header("ce_id"): one.value for one in town.records(ACCOUNT_CHANGES)}
    copies.put_back(copy)
    town.until_sweeps(2)
    town.isams.change(first["schoolId"], surname="Afterwards")
    town.until_unitu_agrees()
    for record in town.records(ACCOUNT_CHANGES):
        assert told.setdefault(record.header("ce_id"), record.value) == record.value
    assert (len(ids(town, "provisioned")), len(ids(town, "account_disabled"))) == (25, 1)
    assert town.sweeps("uncertified") == []
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}


KEYS = ("}:counts", "}:structures", "}:tenants", "{due-sweeps}:due", "}:recent:", "fetcher:{abbey}:roll")


def test_one_key_lost_is_noticed_and_made_again(town: Town, copies: Copies) -> None:
    """
    One key at a time, of those that nothing else would bring back.

    Fails when ``Hashes.lost`` is always empty (``_unpack`` of ``fenced_hashes.py``): the publisher waits for ever
    for people who are all there, and the tenant's adoption is gone; or when ``_HASTEN`` (``shared/redis/due_queue.py``)
    believes in a lease of which nobody knows the end: the school is not read again.
    """
    leaver, first, *_ = town.isams.dump()["students"]
    town.open()
    town.isams.leave(leaver["schoolId"])  # so that there is a removal to remember
    town.until_unitu_agrees()
    for number, part in enumerate(KEYS):
        for key in copies.keys(part):
            copies.delete(key)
        town.isams.change(first["schoolId"], surname=f"After{number}")
        town.until_unitu_agrees()
    everybody = len(town.isams.dump()["students"])
    for snapshot in town.unitu.snapshots():
        assert len(snapshot["body"]["students"]) >= everybody
        assert len(snapshot["body"]["programmes"]) == len(town.unitu.snapshots()[0]["body"]["programmes"])
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}
