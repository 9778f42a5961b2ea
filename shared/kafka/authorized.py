"""Which rights the cluster does not give: asked of it, never guessed from what fails."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from shared.config.settings import Kafka
from shared.errors import Retryable
from shared.kafka.error_words import DENIED, away, may_not, user_of
from shared.kafka.rights import Right

ANSWER_SECONDS = 5.0


def missing_rights(admin: Any, kafka: Kafka, rights: Iterable[Right]) -> list[Right]:
    """
    Those of the rights that our user does not have. What the cluster says nothing of (a topic or a group that is not
    there, a broker that is too old to tell) counts as given. Raises: Retryable.
    """
    wanted = sorted(rights)
    topics = sorted({one.resource for one in wanted if one.kind == "topic"})
    groups = sorted({one.resource for one in wanted if one.kind == "group"})
    asked = {"include_authorized_operations": True, "request_timeout": ANSWER_SECONDS}
    answers: dict[str, Mapping[str, Any]] = {
        "topic": admin.describe_topics(TopicCollection(topics), **asked) if topics else {},
        "group": admin.describe_consumer_groups(groups, **asked) if groups else {},
    }
    given = {
        kind: {name: _operations(kafka, future) for name, future in some.items()} for kind, some in answers.items()
    }
    return [
        one
        for one in wanted
        if (operations := given[one.kind][one.resource]) is not None and one.operation not in operations
    ]


_UNANSWERED = (
    *(KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN),
    KafkaError._DESTROY_BROKER,  # the client let go of the connection that it asked by
)


def _operations(kafka: Kafka, future: Any) -> set[str] | None:
    """None: it is not known."""
    try:
        described = future.result(timeout=ANSWER_SECONDS + 1)
    except KafkaException as error:
        fault = error.args[0]
        if fault.code() in DENIED:
            return set()
        if fault.code() in _UNANSWERED:
            raise Retryable(away(kafka, f"{fault.str()}; see that it runs, and [kafka]")) from error
        return None
    except TimeoutError as error:
        raise Retryable(away(kafka, "no answer about rights; see that it runs, and [kafka]")) from error
    operations = described.authorized_operations
    return None if operations is None else {one.name for one in operations}


def words(kafka: Kafka, right: Right) -> str:
    """One missing right, with who needs it and what to allow."""
    return f"{right.service}: {may_not(kafka, right.operation, right.kind, right.resource)}"


def words_by_service(kafka: Kafka, missing: Sequence[Right]) -> dict[str, str]:
    """All that is missing of each service in one line: ``what is wrong; what to do``."""
    by_service: dict[str, list[Right]] = {}
    for right in missing:
        by_service.setdefault(right.service, []).append(right)
    return {
        service: f"{user_of(kafka)} lacks rights that {service} needs; allow {', '.join(one.words for one in some)}"
        for service, some in by_service.items()
    }
