"""A wish to have a school, or one person, read as soon as may be: published, and followed by ``follow``."""

from dataclasses import dataclass
from uuid import uuid4

from services.fetcher.isams.fields import is_id
from services.operations import commands
from services.operations.commands import OrderReceipt
from services.operations.names import known_books, wrong
from services.operations.requests.model import SyncWish
from services.operations.requests.progress import TOPICS, RequestProgress
from shared import clock
from shared.config.settings import Config, PushSchool
from shared.contract.codec import Message, encode, headers
from shared.contract.events import SyncRequested
from shared.contract.populations import book_of
from shared.contract.topics import SYNC_REQUESTS
from shared.kafka.client import Reader
from shared.lanes.partition import lane_of


@dataclass(frozen=True)
class Requested:
    """A wish that Kafka has. ``starts``: where each topic of the school's lane ended before it."""

    wish: SyncWish
    receipt: OrderReceipt
    starts: dict[str, int]

    def progress(self) -> RequestProgress:
        """Of the wish, before anything was read; where it is of students and staff, of the students."""
        book = book_of(self.wish.school, self.wish.kind or "student")
        return RequestProgress(book, self.wish.student_id, self.receipt.id, self.receipt.at)


def check(config: Config, wish: SyncWish) -> None:
    """Raises: OperationError (wrong-word)."""
    known_books(config, wish.school, wish.kind)
    if isinstance(config.schools[wish.school], PushSchool):
        raise wrong(f"{wish.school} is pushed: its sender decides when; its newest body is what is known")
    if wish.student_id is not None and not is_id(wish.student_id):
        raise wrong(f"--student: {wish.student_id!r} is no id; it is the schoolId of iSAMS, digits as a rule")
    if wish.student_id is not None and wish.full:
        raise wrong("--student and --full: one of them")


def request(config: Config, wish: SyncWish, operator: str, note: str = "") -> Requested:
    """Publish it. Raises: OperationError (wrong-word); Retryable."""
    check(config, wish)
    lane = lane_of(wish.school, config.kafka.partitions)
    with Reader(config) as reader:
        starts = {topic: reader.edges(topic, lane)[1] for topic in TOPICS}
    reason = f"rollcall sync by {operator}" + (f": {note}" if note else "")
    event = SyncRequested(school=wish.school, kind=wish.kind, student_id=wish.student_id, full=wish.full, reason=reason)
    receipt = OrderReceipt(
        topic=SYNC_REQUESTS,
        key=wish.school,
        id=str(uuid4()),
        at=clock.now(),
        order=SyncRequested.__name__,
        operator=operator,
        note=note,
    )
    told = headers(SyncRequested, id=receipt.id, school=wish.school, subject=wish.school, time=receipt.at)
    commands.publish(config, Message(SYNC_REQUESTS, lane, wish.school, encode(event), told))
    return Requested(wish, receipt, starts)
