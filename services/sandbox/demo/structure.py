"""What Unitu has is what somebody says: its list of entities is imported before a roster is adopted."""

import json
from pathlib import Path

from services.sandbox.demo.plan import DemoFailed
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.world import World

SECONDS = 120.0
NOT_WHOLE = 3  # exit code: the publisher has not seen all of the roster yet
LISTS = ("faculties", "departments", "programmes", "modules")


def import_all(world: World, patience: Patience, screen: Screen) -> None:
    """Raises: DemoFailed."""
    imports = [Import(world, slug) for slug in world.plan.sizes]
    for one in imports:
        one.ask()
    for one in imports:
        patience.until(one.is_done, SECONDS, f"the structure of {one.tenant}", one.late)
        screen.say(f"rollcall structure {one.tenant} import {one.file.name}")
        screen.quote(one.log.read_text())


class Import:
    """The command as a person says it, repeated until there is a whole roster. ``file``: as exported from Unitu."""

    def __init__(self, world: World, tenant: str) -> None:
        self.tenant = tenant
        self.file = world.folder / f"unitu-{tenant}.json"
        self._programs = world.programs
        self._command = world.command
        self._name = f"structure-{tenant}"
        self.log = self._programs.log(self._name)
        entities = world.unitu[tenant].entities()
        self.file.write_text(json.dumps({name: entities[name] for name in LISTS}))

    def ask(self) -> None:
        self.log.unlink(missing_ok=True)
        words = ("structure", self.tenant, "import", str(self.file), "--whole")
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
                raise DemoFailed(f"rollcall structure {self.tenant} import: exit code {code}", self.log)

    def late(self) -> tuple[str, Path]:
        return "the publisher", self._programs.log("publisher")
