"""Asks for the sweeps that end a wait: each at most so often, since a tenant is looked at every few seconds."""

from datetime import datetime

from services.publisher import pacing
from services.publisher.freshness import schools_to_ask
from services.publisher.messages import sync_request
from services.publisher.verdict import Hold, Wait
from shared.clock import write
from shared.config.settings import Config, IsamsSchool
from shared.contract.tenant_state import TenantState
from shared.ports import Log

SETTLED_SECONDS = 60.0  # a count that is wrong for so long is not the middle of a batch
ASK_AGAIN_SECONDS = 3600.0


class SweepRequests:
    def __init__(self, config: Config, out: Log) -> None:
        self._config = config
        self._log = out
        self._asked_at: dict[tuple[str, bool], float] = {}  # (school, of everybody) -> when it was last asked for

    def for_the_old(self, old: Hold | Wait, now: datetime) -> None:
        """Of the schools whose records are too old, each at most once per poll. Raises: Retryable."""
        for school in schools_to_ask(old, self._config.schools):
            settings = self._config.schools[school]
            self._ask(school, now, settings.poll_seconds if isinstance(settings, IsamsSchool) else 0.0, full=False)

    def for_the_uncounted(self, held: Hold | Wait | None, state: TenantState, now: datetime) -> None:
        """
        ``account-state`` has lost what the reconciler counted, and goes on lacking it: the close of a full sweep tells
        everybody anew. Raises: Retryable.
        """
        wrong = {one.school for one in (held.reasons if held else ()) if one.code == "view_miscounts"}
        if wrong and state.held is not None and now.timestamp() - pacing.unix(state.held.since) > SETTLED_SECONDS:
            for school in sorted(wrong):
                self._ask(school, now, ASK_AGAIN_SECONDS, full=True)

    def _ask(self, school: str, now: datetime, again: float, *, full: bool) -> None:
        asked_at = self._asked_at.get((school, full))
        if asked_at is None or not 0 <= now.timestamp() - asked_at < again:
            self._log.publish([sync_request(school, self._config.kafka.partitions, write(now), full=full)])
            self._asked_at[school, full] = now.timestamp()
