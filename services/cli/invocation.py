"""What every verb of one run of ``rollcall`` shares: the configuration, ``--json``, who the operator is."""

import getpass
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from shared.config import Config
from shared.errors import RollcallError


class WrongWord(RollcallError):
    """A word of the command line names what is not there."""

    exit_code = 2


@dataclass
class Invocation:
    """One run of ``rollcall``. ``config`` is read when a verb first asks for it. Raises: ConfigError."""

    path: Path | None = None
    as_json: bool = False

    @cached_property
    def config(self) -> Config:
        from shared.config_load import load

        return load(self.path)


def invocation_of(context: typer.Context) -> Invocation:
    found = context.find_object(Invocation)
    if found is None:
        found = context.obj = Invocation()
    return found


def config_of(context: typer.Context) -> Config:
    """The configuration of this run. Raises: ConfigError, which ``main`` tells."""
    return invocation_of(context).config


def known_school(config: Config, slug: str) -> str:
    """Raises: WrongWord for one that the configuration does not have."""
    if slug not in config.schools:
        raise WrongWord(
            f"no school {slug!r} in the configuration; there: {', '.join(sorted(config.schools)) or 'none'}"
        )
    return slug


def _remember_json(context: typer.Context, value: bool) -> bool:
    invocation_of(context).as_json = value
    return value


def login_name() -> str:
    """Who is at the keyboard, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user has no name
        return "unknown"


AsJson = Annotated[
    bool,
    typer.Option("--json", help="For programs: JSON, and errors as problem details.", callback=_remember_json),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Operator = Annotated[
    str, typer.Option("--operator", help="Whose decision it is.", show_default="the login name", metavar="NAME")
]
Note = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.", metavar="TEXT")]
