"""What a service has to be for the lane loop, and what it answers with."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from shared.contract.account_state import LaneState
from shared.contract.codec import Message, Record
from shared.lanes.stretch import Stretch
from shared.lanes.view import View
from shared.ports import Ask, Hashes

LazyMessages = Callable[[], Iterable[Message]]
"""Messages that are made when they are sent: in a batch of new students they would be most of its memory."""


@dataclass
class Effects:
    """
    What one lane's batch comes to. ``publish``: groups of messages, each acknowledged before the next is sent. Dead
    letters are there as they are, never for later: they are counted before anything is sent.

    ``wake`` runs after them and before the position moves; it may run twice.
    """

    publish: list[list[Message | LazyMessages]] = field(default_factory=list)
    wake: Callable[[], None] | None = None


Questions = Generator[Ask, Hashes, None]


class Handler(Protocol):
    """What a service decides. It writes nothing by itself, so that testing it is calling it."""

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        """A lane's batch in; what to publish out. What to remember goes into the view. Offsets are the lane's own."""

    def rebuild(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        """
        Make a lane's state anew: it is gone, contradicts itself, or its position is none of the log.

        After it the store has a record for the lane.
        """


@runtime_checkable
class Asking(Protocol):
    """A handler that says beforehand what its batch will need, so that all lanes of a batch share the journeys."""

    def ask(self, records: Sequence[Record]) -> tuple[Questions, Callable[[View], Effects]]:
        """
        Questions about one lane's batch, each answered before the next is asked; and what then decides the batch. No
        effect, and no decision that a wrong position would make wrong, before that is called.
        """


@runtime_checkable
class Caring(Protocol):
    """A handler that looks after its lanes between batches."""

    def care(self, lane: int) -> None:
        """Look at what the lane has told. Nothing of the lane is decided meanwhile. Raises: Retryable."""


class Edges(Protocol):
    def __call__(self, lane: int) -> tuple[int, int]:
        """The first offset that the log still has of a lane, and its end. Raises: Retryable."""
