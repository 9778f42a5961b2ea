"""What a demonstration is made of, and how it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.sandbox.servers.brokers import Addresses

TOLD_LINES = 15  # of a log, in a message
SIZES = {"abbey": 60, "birch": 600, "castle": 1500}


@dataclass(frozen=True)
class Plan:
    """
    ``sizes``: three schools, smallest first, and how many students each has; from 12 on. ``brokers``: those that run
    already; none: start a Kafka and a Redis.
    """

    sizes: Mapping[str, int] = field(default_factory=lambda: SIZES)
    seed: int = 1
    keep: bool = False
    brokers: Addresses | None = None

    @property
    def schools(self) -> tuple[str, str, str]:
        """Small, middle and large."""
        small, middle, large = self.sizes
        return small, middle, large

    @property
    def page_size(self) -> int:
        """So that the largest school has three pages."""
        return -(-max(self.sizes.values()) // 3)


class DemoFailed(RuntimeError):
    """What did not come. ``log``: may say why; its last lines are kept, since the file goes with everything else."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log_name = log.stem if log else ""
        self.log_lines = log.read_text(errors="replace").splitlines()[-TOLD_LINES:] if log and log.exists() else []
