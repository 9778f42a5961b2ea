"""What every verb of one run of ``rollcall`` shares: the configuration, ``--json``, who the operator is."""

import getpass
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from shared.config.settings import Config
from shared.contract.populations import book_of
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


def known_school(config: Config, slug: str) -> str:
    """Raises: WrongWord for one that the configuration does not have."""
    if slug not in config.schools:
        raise WrongWord(
            f"no school {slug!r} in the configuration; there: {', '.join(sorted(config.schools)) or 'none'}"
        )
    return slug


def known_books(config: Config, slug: str, is_staff: bool | None = None) -> list[str]:
    """
    The school's books: of its students, and of its staff where they are managed. ``is_staff``: only that one. Raises:
    WrongWord, also for staff that nobody manages.
    """
    books = config.books_of(known_school(config, slug))
    if is_staff is None:
        return books
    if is_staff and len(books) == 1:
        tenant = config.schools[slug].tenant
        raise WrongWord(f'--staff: the staff of {slug} are not managed; tenant {tenant} has no staff = "managed"')
    return [book_of(slug, "staff" if is_staff else "student")]


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
