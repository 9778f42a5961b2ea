"""The first snapshot is a decision: each tenant's roster is shown and adopted, by the command that a person uses."""

import json
from pathlib import Path
from typing import Any

from services.sandbox.demo.plan import DemoFailed
from services.sandbox.demo.schools import write_accounts
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.world import World

SECONDS = 120.0
SHOWN, NOT_WHOLE = 1, 3  # exit codes of the command: not adopted, or the publisher has not seen all of the roster yet


def adopt_all(world: World, patience: Patience, screen: Screen) -> None:
    """Raises: DemoFailed."""
    adoptions = [Adoption(world, slug) for slug in world.plan.sizes]
    for adoption in adoptions:
        adoption.ask()
    for adoption in adoptions:
        patience.until(adoption.is_done, SECONDS, f"the adoption of {adoption.tenant}", adoption.late)
        screen.say(f"rollcall tenant adopt {adoption.tenant} --accounts {adoption.accounts.name} {adoption.yes}")
        screen.quote(adoption.log.read_text())


class Adoption:
    """
    The command twice, as a person says it: to be shown, repeated until there is a whole roster, and to say yes to that.
    """

    def __init__(self, world: World, tenant: str) -> None:
        self.tenant = tenant
        self.accounts = world.folder / f"unitu-{tenant}.csv"
        self.yes = ""
        self._programs = world.programs
        self._command = world.command
        self._name = f"adopt-{tenant}"
        self.log = self._programs.log(self._name)
        write_accounts(self.accounts, world.unitu[tenant].accounts())

    def ask(self) -> None:
        self._say(*(self.yes.split() or ["--json"]))

    def _say(self, *words: str) -> None:
        self.log.unlink(missing_ok=True)
        asked = ("tenant", "adopt", self.tenant, "--accounts", str(self.accounts))
        self._command(self._name, *asked, *words, may_end=True)

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
            case code if code == SHOWN:  # or a joiner came between, and it is shown anew
                self.yes = "" if self.yes else yes_to(self.log.read_text())
                self.ask()
                return False
            case code:
                raise DemoFailed(f"rollcall tenant adopt {self.tenant}: exit code {code}", self.log)

    def late(self) -> tuple[str, Path]:
        return "the publisher", self._programs.log("publisher")


def yes_to(shown: str) -> str:
    """The words that adopt what was shown: its hash, and a word for each thing that needs one."""
    told: dict[str, Any] = json.JSONDecoder().raw_decode(shown[shown.index("{") :])[0]
    words = [f"--accept {concern['word']}" for concern in told["concerns"]]
    return " ".join([*words, f"--yes {told['bound'][:12]}"])
