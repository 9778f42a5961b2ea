"""
``rollcall``, the command line: one file per verb, imported when it is asked for.

Exit codes: 0 done; 1 it could not be done, and the text says why; 2 the configuration or the command line is wrong.
A verb that has others says so in its help.
"""

import importlib
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli.invocation import Invocation, invocation_of
from services.cli.output import print_line, tell_error
from shared import logs
from shared.errors import RollcallError

VERBS = {  # in the order of the help: a function or a typer application
    "demo": "services.cli.demo:demo",
    "example": "services.cli.example:example",
    "run": "services.cli.run:run",
    "check": "services.cli.check:check",
    "status": "services.cli.status:status",
    "explain": "services.cli.explain:explain",
    "sync": "services.cli.sync:sync",
    "profile": "services.cli.profile:profile",
    "holds": "services.cli.holds:app",
    "accept-roll": "services.cli.accept_roll:accept_roll",
    "tenant": "services.cli.tenant:app",
    "structure": "services.cli.structure:app",
    "publish": "services.cli.publish:publish",
    "rebuild": "services.cli.rebuild:rebuild",
    "topics": "services.cli.topics:app",
}
UNLISTED = {
    "schemas": "tools.schemas:schemas"
}  # for scripts that still call it so, from a checkout; see `make schemas`


class Verbs(TyperGroup):
    """The verbs, each imported on first use, and the one place where errors become words and exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        place = VERBS.get(cmd_name) or UNLISTED.get(cmd_name)
        if cmd_name not in self.commands and place:
            self.commands[cmd_name] = _command(cmd_name, place)
        return self.commands.get(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, config_first(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except RollcallError as error:
            invocation = invocation_of(ctx)
            tell_error(error, as_json=invocation.as_json)
            raise typer.Exit(invocation.exit_code(error)) from error


def _command(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_command(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


def config_first(args: list[str]) -> list[str]:
    """The same words with ``--config PATH`` in front, so that it may stand after the verb as well."""
    moved: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--config":
            moved += [word, *[path for path in [next(words, None)] if path is not None]]
        elif word.startswith("--config="):
            moved.append(word)
        else:
            rest.append(word)
    return moved + rest


app = typer.Typer(cls=Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _tell_version(value: bool) -> None:
    if value:
        print_line(f"rollcall {version('rollcall')}")
        raise typer.Exit


@app.callback(epilog="Exit codes: 0 done, 1 could not be done, 2 wrong configuration or command line.")
def _rollcall(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="PATH", help="Default: $ROLLCALL_CONFIG, else ./rollcall.toml.", dir_okay=False
        ),
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Keep each school's accounts in step with its records, and never switch one off by mistake."""
    logs.set_up("error")  # a verb answers by itself; `run` says what it logs
    context.obj = Invocation(config)


def main() -> None:
    """The console script."""
    app(prog_name="rollcall")


if __name__ == "__main__":
    main()
