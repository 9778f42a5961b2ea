"""What the log says of holds: of a set that is not held any more, of an order that was just given."""

from shared.config.settings import Config
from shared.contract.codec import decoder, type_name
from shared.contract.events import HoldRefused, HoldReleased, RemovalHeld
from shared.contract.populations import school_of
from shared.contract.topics import ACCOUNT_CHANGES
from shared.kafka.client import Reader
from shared.lanes.partition import lane_of

_HELD = type_name(RemovalHeld)
_DECIDED = {type_name(HoldReleased), type_name(HoldRefused)}


def students_of_hash(config: Config, book: str, key: str) -> tuple[str | None, set[str]]:
    """
    The book's plan whose set once had this hash, and who was in it; None and nobody when no record tells.

    Reads the lane of ``account-changes`` from its first record: for the rare moment when an operator's word is late.
    """
    plan: str | None = None
    ids: set[str] = set()
    wanted = f'"hash":"{key}"'.encode()
    with Reader(config) as reader:
        for record in reader.read(ACCOUNT_CHANGES, lane_of(school_of(book), config.kafka.partitions)):
            if wanted not in record.value or record.header("ce_type") != _HELD:
                continue
            held: RemovalHeld = decoder(RemovalHeld).decode(record.value)
            if (record.population, held.hash) == (book, key):
                plan = held.plan
                ids.add(held.student_id)
    return plan, ids


def end_of_changes(config: Config, school: str) -> int:
    """The offset that the next change of the school's lane will have."""
    with Reader(config) as reader:
        return reader.edges(ACCOUNT_CHANGES, lane_of(school, config.kafka.partitions))[1]


def is_decided(config: Config, book: str, key: str, since: int) -> bool:
    """Whether the book's changes from offset ``since`` on tell a release or a refusal of this hash."""
    wanted = f'"hash":"{key}"'.encode()
    with Reader(config) as reader:
        return any(
            record.key == book and wanted in record.value and record.header("ce_type") in _DECIDED
            for record in reader.read(ACCOUNT_CHANGES, lane_of(school_of(book), config.kafka.partitions), since)
        )
