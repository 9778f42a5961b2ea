"""A school's sweeps, and what eligibility and the reconciler make of them, all in memory."""

from pathlib import Path

from shared.contract.codec import Message, Record
from shared.contract.events import AccountDisabled, ModuleUnenrolled, ProgrammeUnenrolled
from shared.contract.model import Frozen
from shared.contract.topics import STUDENTS_FETCHED
from tests.harness.pipeline import LANE, Road, a_config
from tests.unit.fetcher.world import Abbey

REMOVALS = (AccountDisabled, ModuleUnenrolled, ProgrammeUnenrolled)


class Whole:
    """``sweep`` reads the school once and lets everybody decide. ``more`` goes into the school's configuration."""

    def __init__(self, abbey: Abbey, folder: Path, more: str = "") -> None:
        self.abbey = abbey
        self.road = Road(a_config(folder, more))
        self._said = 0

    async def sweep(self, *, full: bool = False) -> list[Message]:
        said = await self.abbey.sweep(full=full)
        self.take(said)
        return said

    def take(self, said: list[Message]) -> None:
        """Let these messages come in; a test may give them in another order than they were sent."""
        records = []
        for message in said:
            headers = dict(message.headers)
            records.append(
                Record(STUDENTS_FETCHED, LANE, self._said, message.key, message.value or b"", raw=dict(headers))
            )
            self._said += 1
        self.road.judge(records)
        self.road.run()

    def removals(self) -> list[Frozen]:
        """Everything that was taken from anybody."""
        return [change for change in self.road.changes() if isinstance(change, REMOVALS)]

    def outcome(self) -> str:
        """Of the last sweep, as the reconciler reports it."""
        return [str(one.outcome) for one in self.road.changes() if hasattr(one, "outcome")][-1]
