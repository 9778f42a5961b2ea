"""The real views, of schools whose records are read all the time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import msgspec

from services.publisher.tenant_view import TenantView, TenantViews
from shared.clock import write
from shared.config.settings import Config
from shared.ports import FencedHashes


class SweptViews(TenantViews):
    """``swept_at``: when every certified sweep has ended; None leaves them as they were told."""

    def __init__(self, config: Config, store: FencedHashes, swept_at: Callable[[], datetime | None]) -> None:
        super().__init__(config, store)
        self._swept_at = swept_at

    def read(self, tenant: str) -> TenantView:
        view, at = super().read(tenant), self._swept_at()
        if at is None:
            return view
        states = {
            book: msgspec.structs.replace(
                state, certified=state.certified and msgspec.structs.replace(state.certified, completed_at=write(at))
            )
            for book, state in view.facts.states.items()
        }
        return replace(view, facts=replace(view.facts, states=states))
