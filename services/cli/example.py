"""``rollcall example``: the example configuration, and the schemas for whoever reads the topics."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import print_exact, print_line
from shared.errors import ConfigError
from shared.shipped import shipped

CONFIGURATION, SCHEMAS = "rollcall.example.toml", "schemas"


def example(
    schemas: Annotated[
        Path | None,
        typer.Option("--schemas", metavar="DIR", help="Copy the events' schemas and examples there instead."),
    ] = None,
) -> None:
    """
    Print an example configuration: rollcall example > rollcall.toml

    With --schemas, copy what a consumer of the topics builds on into a new folder. Exit codes: 0 done; 2 the folder
    is there already.
    """
    if schemas is None:
        print_exact(shipped(CONFIGURATION).read_text(encoding="utf-8").rstrip("\n"))
        return
    try:
        shutil.copytree(shipped(SCHEMAS), schemas)
    except FileExistsError as error:
        raise ConfigError(f"--schemas: {schemas} is there already; name a folder that is not") from error
    print_line(f"the schemas are in {schemas}")
