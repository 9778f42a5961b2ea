"""A real account-state that is deleted and made anew under a running reconciler, whose Redis is sound."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from services.eligibility.app import EligibilityService
from services.reconciler.app import ReconcilerService, store_of
from services.reconciler.rebuild import newest_of
from services.reconciler.retelling import EDGES, TOPIC
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.topics import ACCOUNT_STATE
from shared.kafka.client import read_compacted, topic_name
from tests.conftest import ConfigFile, create_topics
from tests.harness.builders import SCHOOL, a_student, a_sweep
from tests.integration.in_process import as_messages, publish, running, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PEOPLE = [a_student(str(3050000000 + n)) for n in range(12)]
TABLES = f"""
[tenants.abbey]
api_key = {{ file = "secret" }}
[schools.{SCHOOL}]
tenant = "abbey"
source = "isams"
base_url = "http://127.0.0.1:9"
client_id = "made-up"
client_secret = {{ file = "secret" }}
"""


def there(config: Config) -> tuple[set[str], set[str]]:
    newest = newest_of(read_compacted(config, ACCOUNT_STATE, 0))
    return {student for _, student in newest.students}, set(newest.schools)


def is_noted(config: Config) -> bool:
    return store_of(config).read(0, {TOPIC: [EDGES]}).some[TOPIC][0] is not None


def make_anew(config: Config) -> None:
    name = topic_name(config, ACCOUNT_STATE)
    admin = AdminClient({"bootstrap.servers": config.kafka.bootstrap_servers})
    for done in admin.delete_topics([name]).values():
        done.result(30)
    while name in admin.list_topics(timeout=30).topics:
        pass
    create_topics(config)


async def test_a_topic_that_is_made_anew_has_everybody_again(config_file: ConfigFile, tmp_path: Path) -> None:
    """Fails when ``care`` is taken out of the reconciler: nobody would tell them before the next full sweep."""
    config = load(config_file(TABLES, partitions=1), {})
    publish(config, as_messages(a_sweep("s1", PEOPLE, full=True), 1))
    everybody = ({one.student_id for one in PEOPLE}, {SCHOOL})
    async with running(EligibilityService(config), ReconcilerService(config)) as tasks:
        await until(tasks, lambda: there(config) == everybody and is_noted(config))
        make_anew(config)
        await until(tasks, lambda: there(config) == everybody)
