"""A Kafka with passwords, TLS and rights, for those tests that ask for one."""

from collections.abc import Iterator

import pytest

from tests.harness.guarded_kafka import GuardedKafka


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """One for all such tests, which are of one xdist group: it takes seconds to start."""
    kafka = GuardedKafka(tmp_path_factory.mktemp("guarded"))
    with kafka.line:
        try:
            kafka.start()
            yield kafka
        finally:
            kafka.kill()
