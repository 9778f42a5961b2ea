"""``rollcall`` called as a person would, on a configuration of one's own."""

from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from services.cli.main import app


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


def rollcall(path: Path | None, *words: str, answer: str | None = None) -> Said:
    """Run a verb with ``--config path``. ``answer``: what the person types."""
    front = [] if path is None else ["--config", str(path)]
    result = CliRunner().invoke(app, [*front, *words], input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
