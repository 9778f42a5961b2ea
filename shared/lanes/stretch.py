"""What a log has of a lane, and whether a lane's position is one of it."""

from dataclasses import dataclass

from shared.contract.account_state import LaneState


@dataclass(frozen=True)
class Stretch:
    """
    From the first offset that is there to the one that the next record will have. ``log`` is the topic's own id, which
    one that was made anew does not share ("": not asked for).
    """

    first: int
    end: int
    log: str = ""

    def fault_of(self, state: LaneState) -> str | None:
        """Why the lane cannot go on where it stands; None where it can."""
        if state.log and self.log and state.log != self.log:
            return "its topic was made anew"
        offset = state.position - state.base
        if offset > self.end:
            return f"its log was cut short or made anew: its position {offset} lies beyond the end {self.end}"
        if offset < self.first:
            return f"its position {offset} lies before the log's first record {self.first}"
        return None
