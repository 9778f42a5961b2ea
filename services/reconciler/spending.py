"""What the guard's budgets have let through lately, counted from what each student's own record remembers. Pure."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from services.reconciler import guard
from shared import clock
from shared.state import SchoolState

DISABLED = "disabled"  # beside the plans' names


@dataclass(frozen=True)
class Recent:
    """What a student's record remembers: the time of the last change under each plan, and of the disable."""

    spent: Mapping[str, str]
    disabled_at: str | None


_entry = msgspec.json.Decoder(dict[str, str])


def recent_of(entries: Mapping[str, bytes]) -> dict[str, Recent]:
    """Of each student's entry, as it is stored beside the records."""
    found = {student: _entry.decode(value) for student, value in entries.items()}
    return {student: Recent(entry, entry.get(DISABLED)) for student, entry in found.items()}


class Spending:
    """A school's recent changes by plan, each list of times in order."""

    def __init__(self, recent: Mapping[str, Recent]) -> None:
        self._times: dict[str, list[str]] = {}
        for one in recent.values():
            for plan, when in one.spent.items():
                if plan != DISABLED:
                    self._times.setdefault(plan, []).append(when)
            if one.disabled_at is not None:
                self._times.setdefault(DISABLED, []).append(one.disabled_at)
        for times in self._times.values():
            times.sort()

    def change(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """One student's entry has become another."""
        for plan, when in before.items():
            times = self._times[plan]
            del times[bisect_left(times, when)]
        for plan, when in after.items():
            insort(self._times.setdefault(plan, []), when)

    def since(self, plan: str, edge: str) -> int:
        """How many went under this plan later than that moment."""
        times = self._times.get(plan, [])
        return len(times) - bisect_right(times, edge)

    def windows(self, plan: str, school: SchoolState, enabled: int, when: str) -> tuple[guard.Window, ...]:
        """
        What each window that ends at ``when`` has seen. ``enabled``: the accounts now. Accounts made since the last
        close are a part of the plan of creates, so they were not enabled before it.
        """
        if plan == guard.CREATE and school.certified is not None:
            enabled -= self.since(plan, school.certified.completed_at)
        return tuple(self._window(plan, enabled, when, hours) for hours in guard.WINDOW_HOURS)

    def _window(self, plan: str, enabled: int, when: str, hours: int) -> guard.Window:
        edge = clock.write(clock.parse(when) - timedelta(hours=hours))
        return guard.Window(self.since(plan, edge), enabled + self.since(DISABLED, edge))
