"""Each error of a Kafka client in words that name the thing and the fix."""

import pytest
from confluent_kafka import KafkaError
from pydantic import SecretStr

from shared.config.settings import Kafka
from shared.kafka.client_errors import FRESH_SECONDS, Ear
from shared.kafka.error_words import is_hopeless, no_road, not_taken

PLAIN = Kafka()
SASL = Kafka().model_copy(
    update={
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "rollcall",
        "sasl_password": SecretStr("made-up"),
    }
)
SEEN = [  # code, the client's own words as librdkafka has them, whether it is hopeless, and what is said of it
    (
        KafkaError._AUTHENTICATION,
        "sasl_ssl://k:9093/bootstrap: SASL authentication error: Authentication failed (after 301ms in state AUTH_REQ)",
        True,
        "it refuses user rollcall or the password; correct sasl_username and sasl_password under [kafka]",
    ),
    (
        KafkaError._AUTHENTICATION,
        "sasl_ssl://k:9093/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism"
        ": broker's supported mechanisms: PLAIN, OAUTHBEARER (after 301ms in state AUTH_HANDSHAKE)",
        True,
        "it does not take sasl_mechanism SCRAM-SHA-512; set sasl_mechanism under [kafka] to one that it takes: PLAIN, "
        "OAUTHBEARER",
    ),
    (
        KafkaError._SSL,
        "ssl://k:9093/bootstrap: SSL handshake failed: error:0A000086: hostname mismatch (after 1ms in state X)",
        True,
        "its certificate is for another name; write the name that the certificate has in bootstrap_servers",
    ),
    (
        KafkaError._RESOLVE,
        "k:9092/bootstrap: Failed to resolve 'k:9092': Name or service not known (after 0ms in state CONNECT)",
        False,
        "no such host (Failed to resolve 'k:9092': Name or service not known); correct bootstrap_servers under [kafka]",
    ),
    (
        KafkaError._TRANSPORT,
        "k:9092/bootstrap: Failed to create socket: Too many open files (after 0ms in state CONNECT)",
        False,
        "this process has as many files and connections open as it may; raise the limit",
    ),
    (
        KafkaError._TRANSPORT,
        "k:9092/bootstrap: Connection setup timed out in state CONNECT (after 30021ms in state CONNECT)",
        False,
        "Connection setup timed out in state CONNECT; see that it runs, and [kafka]",
    ),
]


@pytest.mark.parametrize(("code", "text", "hopeless", "said"), SEEN)
def test_each_way_not_to_connect_has_its_words(code: int, text: str, hopeless: bool, said: str) -> None:
    error = KafkaError(code, text)
    assert is_hopeless(error) is hopeless
    assert no_road(error, SASL).startswith(said)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "user ANONYMOUS may not WRITE topic t-x; allow WRITE on topic t-x"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "user ANONYMOUS may not WRITE topic t-x; allow WRITE on topic t-x"),
        (
            KafkaError.INVALID_TIMESTAMP,
            "topic t-x refuses the time that this machine's clock says; set the clock right",
        ),
        (KafkaError.MSG_SIZE_TOO_LARGE, "topic t-x takes no record of this size; run `rollcall topics create --alter`"),
        (KafkaError.NOT_ENOUGH_REPLICAS, "topic t-x has fewer replicas in step than min.insync.replicas"),
        (KafkaError._UNKNOWN_PARTITION, "topic t-x is not there, or has too few partitions"),
        (KafkaError._MSG_TIMED_OUT, "topic t-x: "),
    ],
)
def test_each_way_not_to_take_a_record_names_the_topic_and_the_fix(code: int, words: str) -> None:
    assert not_taken(KafkaError(code), PLAIN, "t-x").startswith(words)


def test_an_ear_keeps_the_reason_and_not_its_consequence() -> None:
    """Every broker is down: that is what follows from a wrong password, and says nothing of it."""
    now = [0.0]
    ear = Ear(lambda: now[0])
    assert ear.lately() is None
    reason = KafkaError(KafkaError._AUTHENTICATION, "refused")
    ear(reason)
    ear(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert ear.lately() is reason
    assert ear.news.is_set()
    now[0] = FRESH_SECONDS
    assert ear.lately() is None
