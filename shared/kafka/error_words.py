"""What a Kafka client's error means for an operator: what is wrong, and the setting or the right that mends it."""

from typing import Any

from shared.config.settings import Kafka

FILES = (
    "this process has as many files and connections open as it may; raise the limit (`ulimit -n`, LimitNOFILE of a "
    "systemd unit, ulimits of a compose file)"
)
NO_TLS, TLS = {"SSL": "PLAINTEXT", "SASL_SSL": "SASL_PLAINTEXT"}, {"PLAINTEXT": "SSL", "SASL_PLAINTEXT": "SASL_SSL"}
SASL, NO_SASL = {"PLAINTEXT": "SASL_PLAINTEXT", "SSL": "SASL_SSL"}, {"SASL_PLAINTEXT": "PLAINTEXT", "SASL_SSL": "SSL"}
HOPELESS = ("_AUTHENTICATION", "_SSL")  # until a person has changed something
DENIED = (
    "TOPIC_AUTHORIZATION_FAILED",
    "GROUP_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
)


def away(kafka: Kafka, what: str) -> str:
    """The one beginning of all that is said of a cluster that cannot be used. ``what``: the fault; the fix."""
    return f"Kafka at {kafka.bootstrap_servers} does not serve: {what}"


def user_of(kafka: Kafka) -> str:
    """Whom the cluster takes us for."""
    if kafka.sasl_username:
        return f"user {kafka.sasl_username}"
    return "the user of our certificate" if kafka.security_protocol == "SSL" else "user ANONYMOUS"


def is_hopeless(error: Any) -> bool:
    """Whether trying again will not help: a wrong password, or the wrong kind of port."""
    return error.name() in HOPELESS or "PLAINTEXT broker listener" in error.str()


def no_road(error: Any, kafka: Kafka) -> str:
    """Why no connection comes to be, and what to do."""
    name, text = error.name(), error.str()
    if name == "_AUTHENTICATION":
        return _not_let_in(text, kafka)
    if name == "_SSL":
        return _no_trust(text)
    if "PLAINTEXT broker listener" in text:
        return no_tls_there(kafka)
    if name == "_RESOLVE":
        return f"no such host ({_told(text)}); correct bootstrap_servers under [kafka]"
    if "Connection refused" in text:
        return f"nothing listens there ({_told(text)}); see that it runs, and bootstrap_servers under [kafka]"
    if "Too many open files" in text:
        return FILES
    return f"{_told(text)}; see that it runs, and [kafka]"


def no_tls_there(kafka: Kafka) -> str:
    other = NO_TLS.get(kafka.security_protocol, "PLAINTEXT")
    return (
        f'that port speaks no TLS; set security_protocol = "{other}" under [kafka], or name the port with TLS in '
        "bootstrap_servers"
    )


def tls_there(kafka: Kafka) -> str:
    other = TLS.get(kafka.security_protocol, "SSL")
    return (
        f'that port speaks TLS; set security_protocol = "{other}" under [kafka], or name the port without TLS in '
        "bootstrap_servers"
    )


def user_wanted(kafka: Kafka) -> str:
    other = SASL.get(kafka.security_protocol, kafka.security_protocol)
    return (
        f'that port asks for a user; set security_protocol = "{other}", sasl_mechanism, sasl_username and '
        "sasl_password under [kafka], or name the port that asks for none in bootstrap_servers"
    )


def _not_let_in(text: str, kafka: Kafka) -> str:
    if "Unsupported SASL mechanism" in text:
        known = text.partition("supported mechanisms:")[2].partition("(")[0].strip()
        return (
            f"it does not take sasl_mechanism {kafka.sasl_mechanism}; set sasl_mechanism under [kafka] to one that it "
            f"takes: {known or 'it names none'}"
        )
    if "current SASL state" in text:
        other = NO_SASL.get(kafka.security_protocol, "PLAINTEXT")
        return (
            f'that port asks for no user; set security_protocol = "{other}" under [kafka], or name the port that asks '
            "for one in bootstrap_servers"
        )
    return f"it refuses {user_of(kafka)} or the password; correct sasl_username and sasl_password under [kafka]"


def _no_trust(text: str) -> str:
    if "mismatch" in text:
        return (
            "its certificate is for another name; write the name that the certificate has in bootstrap_servers under "
            "[kafka]"
        )
    if "verify failed" in text:
        return (
            "its certificate is signed by nobody whom we trust; name the file of its authority's certificates in "
            "ssl_ca_file under [kafka]"
        )
    return f"TLS fails ({_told(text)}); see ssl_ca_file and security_protocol under [kafka]"


def _told(text: str) -> str:
    """The client's own words without the address in front and the state behind."""
    return text.rpartition("/bootstrap: ")[2].partition(" (after ")[0]


# --- one topic, one group -----------------------------------------------------------------------------------------


def may_not(kafka: Kafka, operation: str, kind: str, name: str) -> str:
    """``operation``: as Kafka's lists of rights have it, ``kind``: ``topic`` or ``group``."""
    return f"{user_of(kafka)} may not {operation} {kind} {name}; allow {operation} on {kind} {name}"


def not_taken(error: Any, kafka: Kafka, topic: str) -> str:
    """Why a topic does not take a record, and what to do."""
    name = error.name()
    if name == "TOPIC_AUTHORIZATION_FAILED":
        return may_not(kafka, "WRITE", "topic", topic)
    if name == "CLUSTER_AUTHORIZATION_FAILED":  # of who may write to no topic at all
        return may_not(kafka, "WRITE", "topic", topic)
    if name == "INVALID_TIMESTAMP":
        return (
            f"topic {topic} refuses the time that this machine's clock says; set the clock right (NTP), or run "
            "`rollcall topics create --alter`, which has Kafka's own time taken"
        )
    if name == "MSG_SIZE_TOO_LARGE":
        return (
            f"topic {topic} takes no record of this size; run `rollcall topics create --alter`, and see "
            "message.max.bytes of the brokers"
        )
    if name in ("NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"):
        return f"topic {topic} has fewer replicas in step than min.insync.replicas; see that all brokers run"
    if name in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"):
        return f"topic {topic} is not there, or has too few partitions; see `rollcall topics check`"
    return f"topic {topic}: {error.str()}"
