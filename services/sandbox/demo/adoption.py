"""The first snapshot is a decision: each tenant's roster is shown and adopted, by the command that a person uses."""

from pathlib import Path

from services.sandbox.demo.plan import DemoFailed
from services.sandbox.demo.schools import write_accounts
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.world import World

SECONDS = 120.0
NOT_WHOLE = 3  # exit code of the command: the publisher has not seen all of the roster yet


def adopt_all(world: World, patience: Patience, screen: Screen) -> None:
    """Raises: DemoFailed."""
    adoptions = [Adoption(world, slug) for slug in world.plan.sizes]
    for adoption in adoptions:
        adoption.ask()
    for adoption in adoptions:
        patience.until(adoption.is_done, SECONDS, f"the adoption of {adoption.tenant}", adoption.late)
        screen.say(f"rollcall tenant adopt {adoption.tenant} --accounts {adoption.accounts.name} --yes")
        screen.quote(adoption.log.read_text())


class Adoption:
    """One run of the command, repeated until there is a whole roster."""

    def __init__(self, world: World, tenant: str) -> None:
        self.tenant = tenant
        self.accounts = world.folder / f"unitu-{tenant}.csv"
        self._programs = world.programs
        self._command = world.command
        self._name = f"adopt-{tenant}"
        self.log = self._programs.log(self._name)
        write_accounts(self.accounts, world.unitu[tenant].accounts())

    def ask(self) -> None:
        words = ("tenant", "adopt", self.tenant, "--accounts", str(self.accounts), "--yes", "--operator", "demo")
        self.log.unlink(missing_ok=True)
        self._command(self._name, *words, may_end=True)

    def is_done(self) -> bool:
        """Raises: DemoFailed, when the command has."""
        match self._programs.exit_code(self._name):
            case 0:
                return True
            case None:
                return False
            case code if code == NOT_WHOLE:
                self.ask()
                return False
            case code:
                raise DemoFailed(f"rollcall tenant adopt {self.tenant}: exit code {code}", self.log)

    def late(self) -> tuple[str, Path]:
        return "the publisher", self._programs.log("publisher")
