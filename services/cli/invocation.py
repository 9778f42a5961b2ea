"""What every verb of one run of ``rollcall`` shares: the configuration, ``--json``, who the operator is."""

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from services.operations.errors import Code, OperationError
from shared.config.settings import Config
from shared.contract.model import Kind
from shared.errors import ConfigError, RollcallError

REFUSED, FAILED = 2, 1
EXIT_CODES = {Code.WRONG_WORD: 2, Code.TWO_HELD: 2, Code.NOT_HELD: 3, Code.NOT_WHOLE: 3}  # any other: 1


@dataclass
class Invocation:
    """One run of ``rollcall``. ``config`` is read when a verb first asks for it. Raises: ConfigError."""

    path: Path | None = None
    as_json: bool = False
    exit_codes: dict[Code, int] = field(default_factory=EXIT_CODES.copy)

    def exit_code(self, error: RollcallError) -> int:
        """How the process ends on this."""
        if isinstance(error, OperationError):
            return self.exit_codes.get(error.code, FAILED)
        return REFUSED if isinstance(error, ConfigError) else FAILED

    @cached_property
    def config(self) -> Config:
        from shared.config.load import load

        return load(self.path)


def invocation_of(context: typer.Context) -> Invocation:
    found = context.find_object(Invocation)
    if found is None:
        found = context.obj = Invocation()
    return found


def config_of(context: typer.Context) -> Config:
    """The configuration of this run. Raises: ConfigError, which ``main`` tells."""
    return invocation_of(context).config


def kind_of_flag(staff: bool | None) -> Kind | None:
    """Of ``--staff/--students``. None: neither was said."""
    return None if staff is None else "staff" if staff else "student"


def exits(context: typer.Context, codes: Mapping[Code, int]) -> None:
    """The exit codes of a verb's refusals, where they are not those of every verb."""
    invocation_of(context).exit_codes |= codes


def _remember_json(context: typer.Context, value: bool) -> bool:
    invocation_of(context).as_json = value
    return value


def login_name() -> str:
    """Who is at the keyboard, as the system knows them: never by a flag or a variable, which could name anybody."""
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user has no name
        return f"uid {os.getuid()}"


AsJson = Annotated[
    bool,
    typer.Option("--json", help="For programs: JSON, and errors as problem details.", callback=_remember_json),
]
Whose = Annotated[
    bool | None,
    typer.Option("--staff/--students", help="Only the school's staff, or only its students.", show_default="both"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Note = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.", metavar="TEXT")]
