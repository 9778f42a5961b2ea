"""The beginning: every school is read once, every roster adopted, every first snapshot applied."""

from collections.abc import Mapping
from pathlib import Path

from services.sandbox.demo.adoption import adopt_all
from services.sandbox.demo.oracle import Oracle
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.structure import import_all
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import World

SWEEP_SECONDS = 120.0  # for the first sweeps of all schools; they take five
SNAPSHOT_SECONDS = 120.0


def oracle_of(world: World, slug: str) -> Oracle:
    """For a tenant as it is before Rollcall has sent anything."""
    unitu = world.unitu[slug]
    entities = unitu.entities()
    oracle = Oracle(unitu.accounts(), entities["programmes"], entities["modules"])
    oracle.see(world.isams[slug].dump())
    return oracle


def open_all(world: World, watch: Watch, oracles: Mapping[str, Oracle], screen: Screen) -> None:
    """Raises: DemoFailed, naming what did not come."""
    sizes = world.plan.sizes
    patience = Patience(world.check, watch.check, lambda: screen.tick(sizes, watch.schools))
    with screen.following(sizes, watch.schools):
        for slug in sizes:
            _Opening(world, watch, oracles[slug], slug).await_sweep(patience)
        screen.say("all schools are read, certified and decided; nothing goes to Unitu before a roster is adopted")
        import_all(world, patience, screen)
        adopt_all(world, patience, screen)
        for slug in sizes:
            screen.say(_Opening(world, watch, oracles[slug], slug).await_snapshot(patience))


class _Opening:
    """One school's."""

    def __init__(self, world: World, watch: Watch, oracle: Oracle, slug: str) -> None:
        self._slug = slug
        self._size = world.plan.sizes[slug]
        self._programs = world.programs
        self._unitu = world.unitu[slug]
        self._progress = watch.schools[slug]
        self._oracle = oracle

    def await_sweep(self, patience: Patience) -> None:
        patience.until(self._is_certified, SWEEP_SECONDS, f"a certified sweep of {self._slug}", self._late)

    def await_snapshot(self, patience: Patience) -> str:
        """What came of it."""
        patience.until(self._is_applied, SNAPSHOT_SECONDS, f"the first snapshot of {self._slug}", self._late)
        disabled = self._oracle.count(enabled=False)
        return f"{self._slug}: {self._size} accounts enabled at Unitu" + (f", {disabled} disabled" if disabled else "")

    def _is_certified(self) -> bool:
        return any(sweep.outcome == "certified" for sweep in self._progress.sweeps())

    def _is_applied(self) -> bool:
        summary = self._unitu.summary()
        enabled = int(summary["accounts"]["enabled"])
        return bool(summary["idle"]) and summary["received"] > 0 and enabled == self._oracle.count(enabled=True)

    def _late(self) -> tuple[str, Path]:
        """Who has not had all of the school yet."""
        service = "publisher"
        if len(self._progress.fetched) < self._size:
            service = "fetcher"
        elif len(self._progress.verdicts) < self._size:
            service = "eligibility"
        elif not self._is_certified():
            service = "reconciler"
        return f"the {service}", self._programs.log(service)
