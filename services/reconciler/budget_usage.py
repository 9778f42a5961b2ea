"""What the guard's budgets have let through lately, counted from what each student's own record remembers. Pure."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from services.reconciler import guard
from shared import clock
from shared.contract.account_state import AccountState, SchoolState

DISABLED = "disabled"  # beside the plans' names
_TOOK = "took:"  # and before a field of which the last update overwrote the value


@dataclass(frozen=True)
class Recent:
    """
    What a student's record remembers: the time of the last change under each plan, and of the disable; ``took``: the
    digests of the values that the last update put in place of others, by field.
    """

    spent: Mapping[str, str]
    disabled_at: str | None
    took: Mapping[str, str] = field(default_factory=dict)


def recent_of_account(state: AccountState | None) -> Recent | None:
    return None if state is None else Recent(state.spent, state.disabled_at, state.took)


_entry = msgspec.json.Decoder(dict[str, str])


def entry_of(state: AccountState | None) -> dict[str, str]:
    """What is stored of a student beside the records; empty when nothing counts."""
    if state is None:
        return {}
    took = {f"{_TOOK}{name}": value for name, value in state.took.items()} if guard.UPDATE in state.spent else {}
    disabled = {DISABLED: state.disabled_at} if state.disabled_at is not None else {}
    return {**state.spent, **disabled, **took}


def recent_of(entries: Mapping[str, bytes]) -> dict[str, Recent]:
    """Of each student's entry, as it is stored beside the records."""
    return {student: _recent(_entry.decode(value)) for student, value in entries.items()}


def _recent(entry: Mapping[str, str]) -> Recent:
    spent = {name: when for name, when in entry.items() if name != DISABLED and not name.startswith(_TOOK)}
    took = {name.removeprefix(_TOOK): value for name, value in entry.items() if name.startswith(_TOOK)}
    return Recent(spent, entry.get(DISABLED), took)


class Spending:
    """A school's recent changes by plan, each list of times in order; by field and value, what updates put there."""

    def __init__(self, recent: Mapping[str, Recent | None]) -> None:
        self._times: dict[str, list[str]] = {}
        for one in recent.values():
            for name, when in _counted(one):
                self._times.setdefault(name, []).append(when)
        for times in self._times.values():
            times.sort()

    def change(self, before: Recent | None, after: Recent | None) -> None:
        """One student's record has become another."""
        for name, when in _counted(before):
            times = self._times[name]
            del times[bisect_left(times, when)]
        for name, when in _counted(after):
            insort(self._times.setdefault(name, []), when)

    def since(self, plan: str, edge: str) -> int:
        """How many went under this plan later than that moment."""
        times = self._times.get(plan, [])
        return len(times) - bisect_right(times, edge)

    def took(self, field_name: str, value: str, when: str) -> int:
        """Of how many people an update within the longer window put this value (its digest) into the field."""
        return self.since(_value_key(field_name, value), _edge(when, guard.WINDOW_HOURS[-1]))

    def windows(self, plan: str, school: SchoolState, enabled: int, when: str) -> tuple[guard.Window, ...]:
        """
        What each window that ends at ``when`` has seen. ``enabled``: the accounts now. Accounts made since the last
        close are a part of the plan of creates, so they were not enabled before it. Losses of codes have one total.
        """
        if plan == guard.CREATE and school.certified is not None:
            enabled -= self.since(plan, school.certified.completed_at)
        plans = guard.LOSSES if plan in guard.LOSSES else (plan,)
        return tuple(self._window(plans, enabled, when, hours) for hours in guard.WINDOW_HOURS)

    def disables(self, enabled: int, when: str) -> tuple[guard.Window, ...]:
        """The same of all plans that disable, together."""
        return tuple(self._window(guard.DISABLES, enabled, when, hours) for hours in guard.WINDOW_HOURS)

    def _window(self, plans: tuple[str, ...], enabled: int, when: str, hours: int) -> guard.Window:
        edge = _edge(when, hours)
        return guard.Window(sum(self.since(plan, edge) for plan in plans), enabled + self.since(DISABLED, edge))


def _edge(when: str, hours: int) -> str:
    return clock.write(clock.parse(when) - timedelta(hours=hours))


def _value_key(field_name: str, value: str) -> str:
    return f"{_TOOK}{field_name}={value}"


def _counted(one: Recent | None) -> Iterator[tuple[str, str]]:
    """What of a student counts, under which name, and when it happened."""
    if one is None:
        return
    yield from one.spent.items()
    if one.disabled_at is not None:
        yield DISABLED, one.disabled_at
    if (when := one.spent.get(guard.UPDATE)) is not None:
        for name, value in one.took.items():
            yield _value_key(name, value), when
