"""The publisher's world in memory, with an ear at each delivery."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from shared.contract.model import Frozen
from shared.contract.topics import DELIVERIES
from tests.property.memory_unitu import MemoryUnitu
from tests.unit.publisher.world import World, _decoded


class Watched(World):
    """``heard``: what was told of a delivery. ``ends``: where account-state ended when it began."""

    def __init__(self, config: Any, post: MemoryUnitu, heard: Callable[[Sequence[Frozen]], None]) -> None:
        self.heard = heard
        self.ends: dict[int, int] = {}
        super().__init__(config, post)

    def ends_of(self, lanes: Collection[int]) -> dict[int, int]:
        self.ends = super().ends_of(lanes)
        return self.ends

    def work_once(self) -> bool:
        seen = len(self.out.of(DELIVERIES))
        try:
            return super().work_once()
        finally:
            self.heard([_decoded(message) for message in self.out.of(DELIVERIES)[seen:]])
