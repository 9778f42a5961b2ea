"""What ``rollcall status`` looks at, in memory."""

from dataclasses import dataclass, field

from services.fetcher.sweep.cache import MemoryMemory
from services.gateway.feed_store import MemoryMemory as GatewayMemory
from services.operations.standing import Attempts, Delivering
from shared.memory import MemoryDueQueue


@dataclass
class MemoryLooks:
    """``pushed``: the schools that a gateway takes; of the others a fetcher knows."""

    memory: MemoryMemory = field(default_factory=MemoryMemory)
    gateway: GatewayMemory = field(default_factory=GatewayMemory)
    due: MemoryDueQueue = field(default_factory=MemoryDueQueue)
    pushed: frozenset[str] = frozenset()
    tenants: dict[str, Delivering] = field(default_factory=dict)

    def attempts(self, book: str) -> Attempts:
        if book in self.pushed:
            return Attempts(failing=self.gateway.failing(book))
        state, failing = self.memory.glance(book)
        return Attempts(failing, state.completed_at, state.areas, self.due.members().get(book))

    def delivering(self, tenant: str) -> Delivering:
        return self.tenants.get(tenant, Delivering())
