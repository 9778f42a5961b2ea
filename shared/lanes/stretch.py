"""What a log has of a lane, and whether a lane's position is one of it."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.contract.account_state import LaneState


@dataclass(frozen=True)
class Stretch:
    """
    From the first offset that is there to the one that the next record will have. ``log`` is the topic's own id, which
    one that was made anew does not share ("": not asked for). ``epoch_at`` tells which leader took the record at an
    offset, by a fetch (None: nobody knows): under another epoch it is another record, and the log was cut short there.
    """

    first: int
    end: int
    log: str = ""
    epoch_at: Callable[[int], int | None] = lambda _: None

    def fault_of(self, state: LaneState) -> str | None:
        """Why the lane cannot go on where it stands; None where it can."""
        if state.log and self.log and state.log != self.log:
            return "its topic was made anew"
        offset = state.position - state.base
        if offset > self.end:
            return f"its log was cut short or made anew: its position {offset} lies beyond the end {self.end}"
        if offset < self.first:
            return f"its position {offset} lies before the log's first record {self.first}"
        if state.leader_epoch >= 0 and self.first < offset:
            epoch = self.epoch_at(offset - 1)
            if epoch is not None and epoch != state.leader_epoch:
                return f"its log was cut short: before its position {offset} are other records than it has taken"
        return None
